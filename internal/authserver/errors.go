package authserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"latchkey/internal/model"
)

// kind names what went wrong; wireErrors has the answer to the client.
type kind int

const (
	kindInternal kind = iota
	kindUnavailable
	kindUnclear
	kindBusy
	kindDoubtfulClock
	kindTooMany
	kindNotFound
	kindNoFunctions
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
	kindBadLinkRequest
	kindIdentityTaken
	kindSecondEmail
	kindIdentityLimit
	kindLinkWrongPassword
	kindLinkUnproved
	kindLinkDisabled
	kindLinkForbidden
	kindAlreadyConfirmed
	kindConfirmsItself
	kindConfirmsByEmail
	kindNoResetFunction
	kindUnknownProvider
	kindWrongPassword
	kindWrongKey
	kindWrongToken
	kindNotOffered
	kindNoIssuer
	kindAuthCode
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
	kindBadValue
	kindOwnValue
	kindValueTaken
	kindBadExpiry
	kindReplacing
	kindNoReplacement
	kindNotReplaced
	kindLeaked
	kindBadPasskey
	kindNotOwnPasskey
	kindPasskeyTaken
	kindPasskeyRule
	kindPasskeyNotFound
	kindPasskeysNotOffered
	kindNotProved
	kindBadReturn
	kindValueInAddress
	kindNoSuchUser
	kindKnockNotFound
	kindYourself
	kindLastOperator
	kinds // how many there are
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

// wireErrors is read only. Texts and codes are those of App Services wherever they are known. StorageUnavailable and OutcomeUnknown are
// ours.
var wireErrors = [...]wireError{
	kindInternal:           {500, "InternalServerError", "internal server error", slog.LevelError},
	kindUnavailable:        {503, "StorageUnavailable", "the server cannot read or save data right now: try again in a moment", slog.LevelError},
	kindUnclear:            {500, "OutcomeUnknown", "it is not known whether this was saved: check before you send it again", slog.LevelError},
	kindBusy:               {503, "", "the server is busy: try again in a moment", slog.LevelWarn},
	kindDoubtfulClock:      {503, "", "the clock of this server may be wrong: try again in a moment", slog.LevelInfo},
	kindTooMany:            {429, "", "too many attempts: wait a little before the next one", slog.LevelInfo},
	kindNotFound:           {404, "", "there is nothing at this address", slog.LevelInfo},
	kindNoFunctions:        {404, "FunctionNotFound", "there are no functions here", slog.LevelInfo},
	kindUncleanPath:        {404, "", "there is nothing at this address: it has an extra slash or dot, perhaps from the end of the base URL", slog.LevelInfo},
	kindBadBase:            {404, "", "there is nothing at this address: the base URL must end after the host, and the path must begin with /api/client in lower case", slog.LevelInfo},
	kindUnknownApp:         {404, "", "cannot find app using Client App ID '%s'", slog.LevelInfo},
	kindMethodNotAllowed:   {405, "", "this address does not accept that method", slog.LevelInfo},
	kindBodyTooLarge:       {413, "", "request body is larger than 64 KB", slog.LevelInfo},
	kindNotJSON:            {415, "", "request body must be sent as application/json", slog.LevelInfo},
	kindBadBody:            {400, "BadRequest", "request body must be one JSON object with fields of the right types", slog.LevelInfo},
	kindMissingField:       {400, "MissingParameter", "'%s' is a required string", slog.LevelInfo},
	kindBadEmail:           {400, "BadRequest", "email invalid", slog.LevelInfo},
	kindBadPassword:        {400, "BadRequest", asRefused, slog.LevelInfo},
	kindNotOwnPassword:     {403, "InvalidPassword", "the password is wrong", slog.LevelInfo},
	kindBadLinkData:        {400, "BadRequest", "invalid token data", slog.LevelInfo},
	kindLinkGone:           {400, "UserpassTokenInvalid", "userpass token is expired or invalid", slog.LevelInfo},
	kindNoMail:             {400, "BadRequest", "this server sends no email: ask its administrator", slog.LevelInfo},
	kindEmailTaken:         {409, "AccountNameInUse", "name already in use", slog.LevelInfo},
	kindRegistrationClosed: {403, "", "registration is closed: ask the administrator of this server for an account", slog.LevelInfo},
	kindUnknownProvider:    {404, "AuthProviderNotFound", "authentication provider not found", slog.LevelInfo},
	kindWrongPassword:      {401, "InvalidPassword", "unauthorized", slog.LevelInfo},
	kindWrongKey:           {401, "AuthError", "unauthorized", slog.LevelInfo},
	kindWrongToken:         {401, "InvalidSession", "unauthorized", slog.LevelInfo},
	kindNotOffered:         {401, "InvalidSession", "unauthorized", slog.LevelInfo},
	kindNoIssuer:           {503, "", "the keys of the issuer cannot be fetched right now: try again in a moment", slog.LevelWarn},
	kindAuthCode:           {400, "BadRequest", "send an id_token: this server does not exchange codes", slog.LevelInfo},
	kindUserDisabled:       {401, "UserDisabled", "unauthorized", slog.LevelInfo},
	kindNotConfirmed:       {401, "AuthError", "unauthorized", slog.LevelInfo},
	kindNoToken:            {401, "", "must authenticate first", slog.LevelInfo},
	kindNoBearer:           {401, "", "expected Authorization header with JWT (Bearer schema)", slog.LevelInfo},
	kindBadToken:           {401, "InvalidSession", "unauthorized", slog.LevelInfo},
	kindExpiredToken:       {401, "InvalidSession", "invalid session", slog.LevelInfo},
	kindNotRefreshToken:    {401, "InvalidSession", "invalid refresh token: incorrect token type", slog.LevelInfo},
	kindNotAccessToken:     {401, "InvalidSession", "invalid access token: incorrect token type", slog.LevelInfo},
	// realm-web signs out after deleting the account, and swallows the failure only when it says "failed to find refresh token".
	kindSessionGone:     {401, "InvalidSession", "invalid session: failed to find refresh token", slog.LevelInfo},
	kindUserGone:        {401, "InvalidSession", "invalid session", slog.LevelInfo},
	kindForbidden:       {403, "", "this kind of session may not do that", slog.LevelInfo},
	kindKeysForbidden:   {403, "", "keys can only be managed when signed in as a person, not anonymously or with a key", slog.LevelInfo},
	kindDeleteForbidden: {403, "", "an account cannot be deleted with an API key: sign in as the person", slog.LevelInfo},
	kindSessionNotFound: {404, "SessionNotFound", "session not found", slog.LevelInfo},
	kindKeyNotFound:     {404, "APIKeyNotFound", "API key not found", slog.LevelInfo},
	kindNoName:          {400, "", "'name' is a required string", slog.LevelInfo},
	kindBadName:         {400, "InvalidParameter", asRefused, slog.LevelInfo},
	kindNameTaken:       {409, "APIKeyAlreadyExists", "API key with name already exists", slog.LevelInfo},
	kindKeyLimit:        {400, "BadRequest", asRefused, slog.LevelInfo},
	kindBadValue:        {400, "InvalidParameter", asRefused, slog.LevelInfo},
	kindBadExpiry:       {400, "InvalidParameter", asRefused, slog.LevelInfo},
	kindOwnValue:        {409, "", "a key of this account already has the value", slog.LevelInfo},
	kindValueTaken:      {409, "", "this value cannot be adopted: ask the administrator of this server", slog.LevelInfo},
	kindReplacing:       {409, "", "another replacement of this API key is not over yet", slog.LevelInfo},
	kindNoReplacement:   {400, "InvalidParameter", asRefused, slog.LevelInfo},
	kindNotReplaced:     {404, "ReplacementNotFound", "nothing takes the place of this API key", slog.LevelInfo},
	kindLeaked:          {409, "", "the value of this API key leaked: it stays off unless it is enabled", slog.LevelInfo},
	// What is wrong with a passkey is in the log alone.
	kindBadPasskey:         {401, "AuthError", "That did not work. Try again.", slog.LevelInfo},
	kindNotOwnPasskey:      {403, "AuthError", "That did not work. Try again.", slog.LevelInfo},
	kindPasskeyTaken:       {409, "", "This passkey is registered already.", slog.LevelInfo},
	kindPasskeyRule:        {422, "InvalidParameter", asRefused, slog.LevelInfo},
	kindPasskeyNotFound:    {404, "PasskeyNotFound", "passkey not found", slog.LevelInfo},
	kindPasskeysNotOffered: {404, "", "there are no passkeys at this address: it must begin with https and have a name", slog.LevelInfo},
	kindNotProved:          {403, "ProofRequired", "show first that it is you: POST /proof", slog.LevelInfo},
	kindNoSuchUser:         {404, "UserNotFound", "this account is gone", slog.LevelInfo},
	kindKnockNotFound:      {404, "KnockNotFound", "no refused device has this id", slog.LevelInfo},
	kindYourself:           {409, "", "operators cannot disable their own account", slog.LevelInfo},
	kindLastOperator:       {409, "", "the last operator cannot be disabled", slog.LevelInfo},
	kindBadReturn:          {400, "InvalidParameter", "'return' begins with none of the addresses that this server may lead people back to", slog.LevelInfo},
	kindValueInAddress:     {400, "InvalidParameter", "'q' looks like the value of an API key, which must not be in an address: replace the key, and look values up with POST by_value", slog.LevelInfo},
	// Linking says "unauthorized" where the tests of the SDKs look for that, and never is.
	kindBadLinkRequest:    {400, "InvalidParameter", "invalid user link request", slog.LevelInfo},
	kindIdentityTaken:     {400, "InvalidParameter", "invalid user link request: unauthorized: a user already exists with the specified provider", slog.LevelInfo},
	kindSecondEmail:       {400, "InvalidParameter", "invalid user link request: unauthorized: linking a local-userpass identity is not allowed when one is already linked", slog.LevelInfo},
	kindIdentityLimit:     {400, "InvalidParameter", "invalid user link request: unauthorized: this user has as many identities as allowed", slog.LevelInfo},
	kindLinkWrongPassword: {400, "InvalidPassword", "unauthorized", slog.LevelInfo},
	kindLinkUnproved:      {400, "AuthError", "unauthorized", slog.LevelInfo},
	kindLinkDisabled:      {400, "UserDisabled", "unauthorized", slog.LevelInfo},
	kindLinkForbidden:     {403, "", "nothing can be linked with an API key: sign in as the person", slog.LevelInfo},
	// What functions did, or emails, where there are none of them. It is the same for every address.
	kindAlreadyConfirmed: {400, "UserAlreadyConfirmed", "already confirmed", slog.LevelInfo},
	kindConfirmsItself:   {400, "", "cannot run confirmation for %s: automatic confirmation is enabled", slog.LevelInfo},
	kindConfirmsByEmail:  {400, "", "cannot run confirmation for %s: confirmation by email is enabled", slog.LevelInfo},
	kindNoResetFunction:  {400, "", "failed to reset password for user \"%s\"", slog.LevelInfo},
}

// failure is an error with the answer to the client. Each is created for one request: a shared one could carry a detail
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
	model.KindWrongToken:         kindWrongToken,
	model.KindNoIssuer:           kindNoIssuer,
	model.KindDisabled:           kindUserDisabled,
	model.KindUnconfirmed:        kindNotConfirmed,
	model.KindBadName:            kindBadName,
	model.KindBadLabel:           kindBadName, // programs give none
	model.KindNameTaken:          kindNameTaken,
	model.KindKeyLimit:           kindKeyLimit,
	model.KindBadValue:           kindBadValue,
	model.KindOwnValue:           kindOwnValue,
	model.KindValueTaken:         kindValueTaken,
	model.KindIdentityTaken:      kindIdentityTaken,
	model.KindIdentityLimit:      kindIdentityLimit,
	model.KindFormUsed:           kindNameTaken, // programs have no forms
	model.KindReplacing:          kindReplacing,
	model.KindNoReplacement:      kindNoReplacement,
	model.KindBadEmail:           kindBadEmail,
	model.KindEmailTaken:         kindEmailTaken,
	model.KindBadPassword:        kindBadPassword,
	model.KindRegistrationClosed: kindRegistrationClosed,
	model.KindNoAnonymous:        kindNotOffered,
	model.KindBadReturn:          kindBadReturn,
	model.KindBadLink:            kindLinkGone,
	model.KindNoEmail:            kindNoMail,
	model.KindTooManyTries:       kindTooMany,
	model.KindTooManyEmails:      kindTooMany,
	model.KindTooManyAccounts:    kindTooMany,
	model.KindTooManyActs:        kindTooMany,
	model.KindBusy:               kindBusy,
	model.KindStorageDown:        kindUnavailable, // also of an act that was found not to be done
	model.KindUnclear:            kindUnclear,
	model.KindExpiryPast:         kindBadExpiry,
	model.KindExpiryFar:          kindBadExpiry,
	model.KindLeaked:             kindLeaked,    // only where a replacement is undone
	model.KindCannotTell:         kindForbidden, // nor these
	model.KindSomebodyElse:       kindForbidden,
	model.KindConfirm:            kindForbidden, // of no act of a program but those of operators
	model.KindYourself:           kindYourself,
	model.KindLastOperator:       kindLastOperator,

	model.KindBadPasskey:   kindBadPasskey,
	model.KindPasskeyTaken: kindPasskeyTaken,
	model.KindPasskeyLimit: kindPasskeyRule,
	model.KindLastWay:      kindPasskeyRule,
	model.KindFewPasskeys:  kindPasskeyRule,
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
		f.attrs = append(f.attrs, slog.String(userAttr, e.UserID))
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

// fail is the one place where an error becomes an answer and a log line with the account, if that is known. Both carry the id of the
// request, the answer inside link, where App Services puts it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, who principal, err error) {
	f := failureOf(err)
	wire, id := wireErrors[f.kind], w.Header().Get(requestIDHeader)
	body := errorBody{Error: f.text(), Code: wire.code}
	if f.kind != kindUnknownApp { // App Services keeps its logs by app, so there is no link without one
		body.Link = s.cfg.PublicURL + "/logs?co_id=" + id
	}
	if wait := f.wait; wait > 0 || wire.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	}
	s.logFailure(r, who, f, id)
	_ = answer{status: wire.status, body: body}.write(w) // two strings always encode
}

// userAttr is whom a line of the log is about.
const userAttr = "user"

// logFailure names the route by its pattern: the path and the query are the client's own words.
func (s *Server) logFailure(r *http.Request, who principal, f *failure, id string) {
	wire := wireErrors[f.kind]
	level := wire.level
	if errors.Is(f.cause, context.Canceled) && r.Context().Err() != nil {
		level = slog.LevelDebug // the client hung up: nothing is wrong here
	}
	attrs := append([]slog.Attr{
		slog.String("co_id", id),
		slog.String("route", r.Pattern),
		slog.Int("status", wire.status),
		slog.String("from", s.cfg.ClientAddress(r)),
	}, f.attrs...)
	if who.userID != "" && !slices.ContainsFunc(f.attrs, func(a slog.Attr) bool { return a.Key == userAttr }) {
		attrs = append(attrs, slog.String(userAttr, who.userID))
	}
	if f.cause != nil {
		attrs = append(attrs, slog.String("reason", f.cause.Error()))
	}
	s.cfg.Log.LogAttrs(r.Context(), level, "request refused", attrs...)
}
