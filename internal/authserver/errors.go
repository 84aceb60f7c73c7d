package authserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"latchkey/internal/model"
)

// kind names what went wrong; wireErrors says what a client is told about it.
type kind int

const (
	kindInternal kind = iota
	kindUnavailable
	kindBusy
	kindTooMany
	kindNotFound
	kindUnknownApp
	kindMethodNotAllowed
	kindBodyTooLarge
	kindNotJSON
	kindBadBody
	kindMissingField
	kindBadEmail
	kindBadPassword
	kindPasswordIsEmail
	kindCommonPassword
	kindNotOwnPassword
	kindBadLinkData
	kindLinkGone
	kindNoMail
	kindEmailTaken
	kindRegistrationClosed
	kindLinking
	kindUnknownProvider
	kindWrongPassword
	kindWrongKey
	kindUserDisabled
	kindNotConfirmed
	kindNoToken
	kindNoBearer
	kindBadToken
	kindExpiredToken
	kindNotRefreshToken
	kindNotAccessToken
	kindSessionGone
	kindUserGone
	kindForbidden
	kindKeysForbidden
	kindDeleteForbidden
	kindSessionNotFound
	kindKeyNotFound
	kindNoName
	kindBadName
	kindLongName
	kindNameTaken
	kindKeyLimit
)

// wireError is one kind of error as the API shows it. The SDKs log a user out on any 401, so 401 is for dead or wrong tokens
// and refused log-ins alone.
type wireError struct {
	status int
	code   string // error_code; App Services sends none with some errors, and clients expect none there
	text   string // may hold verbs for the arguments of the failure
	level  slog.Level
}

// wireErrors is read only. Texts and codes are those of App Services wherever they are known. StorageUnavailable is ours.
var wireErrors = [...]wireError{
	kindInternal:           {500, "InternalServerError", "internal server error", slog.LevelError},
	kindUnavailable:        {503, "StorageUnavailable", "the server cannot read or save anything right now: try again in a moment", slog.LevelError},
	kindBusy:               {503, "", "too much is being done right now: try again in a moment", slog.LevelWarn},
	kindTooMany:            {429, "", "too many tries: wait a little before the next one", slog.LevelInfo},
	kindNotFound:           {404, "", "there is nothing at this address", slog.LevelDebug},
	kindUnknownApp:         {404, "", "cannot find app using Client App ID '%s'", slog.LevelDebug},
	kindMethodNotAllowed:   {405, "", "this address does not answer that method", slog.LevelDebug},
	kindBodyTooLarge:       {413, "", "request body is larger than 64 KB", slog.LevelDebug},
	kindNotJSON:            {415, "", "request body must be sent as application/json", slog.LevelDebug},
	kindBadBody:            {400, "BadRequest", "request body must be one JSON object with fields of the right types", slog.LevelDebug},
	kindMissingField:       {400, "MissingParameter", "'%s' is a required string", slog.LevelDebug},
	kindBadEmail:           {400, "BadRequest", "email invalid", slog.LevelDebug},
	kindBadPassword:        {400, "BadRequest", "password must be between %d and %d characters", slog.LevelDebug},
	kindPasswordIsEmail:    {400, "BadRequest", "password must not be the e-mail address", slog.LevelDebug},
	kindCommonPassword:     {400, "BadRequest", "password is one of the most common ones, with which guessing begins", slog.LevelDebug},
	kindNotOwnPassword:     {403, "InvalidPassword", "the password is wrong", slog.LevelInfo},
	kindBadLinkData:        {400, "BadRequest", "invalid token data", slog.LevelDebug},
	kindLinkGone:           {400, "UserpassTokenInvalid", "userpass token is expired or invalid", slog.LevelInfo},
	kindNoMail:             {400, "BadRequest", "this server sends no mail: ask whoever runs it", slog.LevelDebug},
	kindEmailTaken:         {409, "AccountNameInUse", "name already in use", slog.LevelDebug},
	kindRegistrationClosed: {403, "", "registration is closed: ask whoever runs this server for an account", slog.LevelDebug},
	kindLinking:            {400, "BadRequest", "linking is not supported by this server", slog.LevelDebug},
	kindUnknownProvider:    {404, "AuthProviderNotFound", "authentication provider not found", slog.LevelDebug},
	kindWrongPassword:      {401, "InvalidPassword", "unauthorized", slog.LevelInfo},
	kindWrongKey:           {401, "AuthError", "unauthorized", slog.LevelInfo},
	kindUserDisabled:       {401, "UserDisabled", "unauthorized", slog.LevelInfo},
	kindNotConfirmed:       {401, "AuthError", "unauthorized", slog.LevelInfo},
	kindNoToken:            {401, "", "must authenticate first", slog.LevelDebug},
	kindNoBearer:           {401, "", "expected Authorization header with JWT (Bearer schema)", slog.LevelDebug},
	kindBadToken:           {401, "InvalidSession", "unauthorized", slog.LevelDebug},
	kindExpiredToken:       {401, "InvalidSession", "invalid session", slog.LevelDebug},
	kindNotRefreshToken:    {401, "InvalidSession", "invalid refresh token: incorrect token type", slog.LevelDebug},
	kindNotAccessToken:     {401, "InvalidSession", "invalid access token: incorrect token type", slog.LevelDebug},
	// realm-web logs out after deleting the account, and swallows the failure only when it says "failed to find refresh token".
	kindSessionGone:     {401, "InvalidSession", "invalid session: failed to find refresh token", slog.LevelDebug},
	kindUserGone:        {401, "InvalidSession", "invalid session", slog.LevelDebug},
	kindForbidden:       {403, "", "this kind of session may not do that", slog.LevelDebug},
	kindKeysForbidden:   {403, "", "keys can be managed only from a signed-in, non-anonymous account: log in with e-mail and password", slog.LevelDebug},
	kindDeleteForbidden: {403, "", "an account cannot be deleted with an API key: log in with e-mail and password", slog.LevelDebug},
	kindSessionNotFound: {404, "SessionNotFound", "session not found", slog.LevelDebug},
	kindKeyNotFound:     {404, "APIKeyNotFound", "API key not found", slog.LevelDebug},
	kindNoName:          {400, "", "'name' is a required string", slog.LevelDebug},
	kindBadName:         {400, "InvalidParameter", "can only contain ASCII letters, numbers, underscores, and hyphens", slog.LevelDebug},
	kindLongName:        {400, "InvalidParameter", "can be at most %d characters long", slog.LevelDebug},
	kindNameTaken:       {409, "APIKeyAlreadyExists", "API key with name already exists", slog.LevelDebug},
	kindKeyLimit:        {400, "BadRequest", "a user can have at most %d API keys, those turned off included: delete one to make room", slog.LevelDebug},
}

// failure is an error that knows what the client is told. Each is made for one request: a shared one could carry a detail
// from one request into another.
type failure struct {
	kind  kind
	args  []any       // for the verbs of the kind's text
	cause error       // for the log alone
	attrs []slog.Attr // whom it was about, for the log alone

	wait time.Duration // when to come back; 0 says nothing
}

// refuse makes the failure of a kind; args fill the verbs of its text.
func refuse(k kind, args ...any) *failure { return &failure{kind: k, args: args} }

// because adds what only the log may know.
func (f *failure) because(cause error, attrs ...slog.Attr) *failure {
	f.cause, f.attrs = cause, attrs
	return f
}

// after adds when it is worth to come back.
func (f *failure) after(wait time.Duration) *failure {
	f.wait = wait
	return f
}

// unavailable is the failure of a store call that nobody outside could have prevented.
func unavailable(doing string, err error) *failure {
	return refuse(kindUnavailable).because(fmt.Errorf("%s: %w", doing, err))
}

// missing is the failure of a store call about one row: of the kind when there is none, and nil when the call did not fail.
func missing(k kind, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, model.ErrNotFound):
		return refuse(k)
	default:
		return unavailable(doing, err)
	}
}

// tooMany is the failure of whoever has to wait, nil when nobody has to.
func tooMany(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return refuse(kindTooMany).after(wait)
}

// text is what the client reads.
func (f *failure) text() string {
	if len(f.args) == 0 {
		return wireErrors[f.kind].text
	}
	return fmt.Sprintf(wireErrors[f.kind].text, f.args...)
}

// Error is for logs and wrapping; clients get text.
func (f *failure) Error() string {
	if f.cause == nil {
		return f.text()
	}
	return f.text() + ": " + f.cause.Error()
}

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.cause }

// fail is the one place where an error becomes an answer and a log line. Both carry the id of the request, the answer inside
// link, where App Services puts it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = refuse(kindInternal).because(err)
	}
	wire, id := wireErrors[f.kind], w.Header().Get(requestIDHeader)
	body := errorBody{Error: f.text(), Code: wire.code}
	if f.kind != kindUnknownApp { // App Services keeps its logs by app, so there is no link without one
		body.Link = s.cfg.PublicURL + "/logs?co_id=" + id
	}
	if wait := f.wait; wait > 0 || wire.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	}
	s.logFailure(r, f, id)
	_ = answer{status: wire.status, body: body}.write(w) // two strings always encode
}

// logFailure names the route by its pattern: the path and the query are the client's own words.
func (s *Server) logFailure(r *http.Request, f *failure, id string) {
	wire := wireErrors[f.kind]
	level := wire.level
	if errors.Is(f.cause, context.Canceled) && r.Context().Err() != nil {
		level = slog.LevelDebug // the client hung up: nothing is wrong here
	}
	attrs := append([]slog.Attr{
		slog.String("co_id", id),
		slog.String("route", r.Pattern),
		slog.Int("status", wire.status),
	}, f.attrs...)
	if f.cause != nil {
		attrs = append(attrs, slog.String("reason", f.cause.Error()))
	}
	s.cfg.Log.LogAttrs(r.Context(), level, "request refused", attrs...)
}
