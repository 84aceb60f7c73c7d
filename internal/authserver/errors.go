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
	kindDoubtfulClock
	kindTooMany
	kindNotFound
	kindUncleanPath
	kindBadBase
	kindUnknownApp
	kindMethodNotAllowed
	kindBodyTooLarge
	kindNotJSON
	kindBadBody
	kindMissingField
	kindBadEmail
	kindBadPassword
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
	kindNameTaken
	kindKeyLimit
)

// wireError is one kind of error as the API shows it. The SDKs log a user out on any 401, so 401 is for dead or wrong tokens
// and refused sign-ins alone.
type wireError struct {
	status int
	code   string // error_code; App Services sends none with some errors, and clients expect none there
	text   string // may hold verbs for the arguments of the failure
	level  slog.Level
}

// asRefused is the text of a kind that package accounts gives a reason for, in words of this API.
const asRefused = "%s"

// wireErrors is read only. Texts and codes are those of App Services wherever they are known. StorageUnavailable is ours.
var wireErrors = [...]wireError{
	kindInternal:           {500, "InternalServerError", "internal server error", slog.LevelError},
	kindUnavailable:        {503, "StorageUnavailable", "the server cannot read or save anything right now: try again in a moment", slog.LevelError},
	kindBusy:               {503, "", "too much is being done right now: try again in a moment", slog.LevelWarn},
	kindDoubtfulClock:      {503, "", "the clock of this server may be wrong: try again in a moment", slog.LevelInfo},
	kindTooMany:            {429, "", "too many tries: wait a little before the next one", slog.LevelInfo},
	kindNotFound:           {404, "", "there is nothing at this address", slog.LevelDebug},
	kindUncleanPath:        {404, "", "there is nothing at this address: it has a slash or a dot too many, which the base URL may have at its end", slog.LevelDebug},
	kindBadBase:            {404, "", "there is nothing at this address: the base URL must end after the host, and the path begin with /api/client in small letters", slog.LevelDebug},
	kindUnknownApp:         {404, "", "cannot find app using Client App ID '%s'", slog.LevelDebug},
	kindMethodNotAllowed:   {405, "", "this address does not answer that method", slog.LevelDebug},
	kindBodyTooLarge:       {413, "", "request body is larger than 64 KB", slog.LevelDebug},
	kindNotJSON:            {415, "", "request body must be sent as application/json", slog.LevelDebug},
	kindBadBody:            {400, "BadRequest", "request body must be one JSON object with fields of the right types", slog.LevelDebug},
	kindMissingField:       {400, "MissingParameter", "'%s' is a required string", slog.LevelDebug},
	kindBadEmail:           {400, "BadRequest", "email invalid", slog.LevelDebug},
	kindBadPassword:        {400, "BadRequest", asRefused, slog.LevelDebug},
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
	// realm-web signs out after deleting the account, and swallows the failure only when it says "failed to find refresh token".
	kindSessionGone:     {401, "InvalidSession", "invalid session: failed to find refresh token", slog.LevelDebug},
	kindUserGone:        {401, "InvalidSession", "invalid session", slog.LevelDebug},
	kindForbidden:       {403, "", "this kind of session may not do that", slog.LevelDebug},
	kindKeysForbidden:   {403, "", "keys can be managed only from a signed-in, non-anonymous account: log in with e-mail and password", slog.LevelDebug},
	kindDeleteForbidden: {403, "", "an account cannot be deleted with an API key: log in with e-mail and password", slog.LevelDebug},
	kindSessionNotFound: {404, "SessionNotFound", "session not found", slog.LevelDebug},
	kindKeyNotFound:     {404, "APIKeyNotFound", "API key not found", slog.LevelDebug},
	kindNoName:          {400, "", "'name' is a required string", slog.LevelDebug},
	kindBadName:         {400, "InvalidParameter", asRefused, slog.LevelDebug},
	kindNameTaken:       {409, "APIKeyAlreadyExists", "API key with name already exists", slog.LevelDebug},
	kindKeyLimit:        {400, "BadRequest", asRefused, slog.LevelDebug},
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
func (f *failure) because(cause error) *failure {
	f.cause = cause
	return f
}

// wireKinds says as which kind of error a refusal of package accounts goes out, where its call has no other words for it.
var wireKinds = map[model.Kind]kind{
	model.KindInternal:           kindInternal,
	model.KindSessionOver:        kindSessionGone,
	model.KindForbidden:          kindForbidden,
	model.KindNotFound:           kindKeyNotFound,
	model.KindWrongPassword:      kindWrongPassword,
	model.KindWrongValue:         kindWrongKey,
	model.KindDisabled:           kindUserDisabled,
	model.KindUnconfirmed:        kindNotConfirmed,
	model.KindBadName:            kindBadName,
	model.KindNameTaken:          kindNameTaken,
	model.KindKeyLimit:           kindKeyLimit,
	model.KindBadEmail:           kindBadEmail,
	model.KindEmailTaken:         kindEmailTaken,
	model.KindBadPassword:        kindBadPassword,
	model.KindRegistrationClosed: kindRegistrationClosed,
	model.KindNoAnonymous:        kindUnknownProvider,
	model.KindBadLink:            kindLinkGone,
	model.KindNoEmail:            kindNoMail,
	model.KindTooManyTries:       kindTooMany,
	model.KindTooManyEmails:      kindTooMany,
	model.KindTooManyAccounts:    kindTooMany,
	model.KindTooManyActs:        kindTooMany,
	model.KindBusy:               kindBusy,
	model.KindStorageDown:        kindUnavailable,
}

// failureOf is any error as the failure that it goes out as.
func failureOf(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	refusal, ok := errors.AsType[*model.Error](err)
	if !ok {
		return refuse(kindInternal).because(err)
	}
	return failureAs(wireKinds[refusal.Kind], refusal)
}

// failureAs is a refusal of package accounts in the words of a kind.
func failureAs(k kind, e *model.Error) *failure {
	f := refuse(k)
	if wireErrors[k].text == asRefused {
		f.args = []any{e.Reason}
	}
	f.wait, f.cause = e.Wait, e.Err
	if e.Err != nil && e.Doing != "" {
		f.cause = fmt.Errorf("%s: %w", e.Doing, e.Err)
	}
	if e.UserID != "" {
		f.attrs = append(f.attrs, slog.String("user", e.UserID))
	}
	if e.KeyID != "" {
		f.attrs = append(f.attrs, slog.String("key", e.KeyID))
	}
	return f
}

// inWords tells of a refusal in the words of a kind, where its call has its own. Every other error is as it was.
func inWords(err error, of model.Kind, as kind) error {
	refusal, ok := errors.AsType[*model.Error](err)
	if !ok || refusal.Kind != of {
		return err
	}
	return failureAs(as, refusal)
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
	f := failureOf(err)
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
