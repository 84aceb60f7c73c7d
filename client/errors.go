package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Codes of the protocol that the helpers of this package look for.
const (
	codeInvalidParameter = "InvalidParameter"
	codeMissingParameter = "MissingParameter"
	codeBadRequest       = "BadRequest"
	codeKeyNotFound      = "APIKeyNotFound"
	codeNotReplaced      = "ReplacementNotFound"
	codeKeyExists        = "APIKeyAlreadyExists"
	codeAccountInUse     = "AccountNameInUse"
	codeInvalidPassword  = "InvalidPassword"
	codeAuthError        = "AuthError"
	codeLinkInvalid      = "UserpassTokenInvalid"
	codeUserNotFound     = "UserNotFound"
	codeUserConfirmed    = "UserAlreadyConfirmed"
	codeUserDisabled     = "UserDisabled"
	codeSessionNotFound  = "SessionNotFound"    // of Latchkey's own calls
	codeStorageDown      = "StorageUnavailable" // of Latchkey's server
)

// Error is the error of every call of this package. It has what the server
// said, as far as it said anything; it never has a token, a password or the
// value of a key, not even when the server echoed one.
type Error struct {
	Op     string // what was attempted, for example "create key"
	Method string // of the request that failed
	Path   string // of the request that failed, without host

	Status  int    // HTTP status; 0 when there was no answer
	Code    string // error_code, for example "APIKeyNotFound"; often empty
	Message string // the server's text: one line of at most 200 characters
	Link    string // the server's log entry on this failure: an http or https URL

	// RetryAfter is how long the server asked to be left alone, from 1 second to
	// 5 minutes; 0 when it did not. Only 429 and 503 can ask.
	RetryAfter time.Duration

	Err error // why the answer could not be used, or why there was none

	unsent   bool // the call certainly did not reach the server
	insecure bool // because there was no secure connection to be had
}

// Error describes the failure in one line that is fit for a log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": ")
	if e.Method != "" {
		b.WriteString(e.Method + " " + e.Path + ": ")
	}
	b.WriteString(e.outcome())
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + tidy(e.Err.Error(), maxMessage))
	}
	return b.String()
}

// outcome says how far the request came.
func (e *Error) outcome() string {
	switch {
	case e.Status != 0:
		return strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))
	case e.unsent:
		return "not sent"
	default:
		return "no answer"
	}
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// LogID returns the id of the server's log entry (the co_id of Link), which a
// person can quote when asking for help, or nothing.
func (e *Error) LogID() string {
	u, err := url.Parse(e.Link)
	if err != nil {
		return ""
	}
	return tidy(u.Query().Get("co_id"), maxCode)
}

// unsent is the error of a call that failed before anything was sent.
func (r request) unsent(cause error) *Error {
	return &Error{Op: r.op, Method: r.method, Path: r.fullPath(), Err: r.safe(cause), unsent: true}
}

// unanswered is the error of a request to which no answer came.
func (r request) unanswered(cause error, way *delivery) *Error {
	// The method and URL that url.Error would add are in the Error already.
	var about *url.Error
	if errors.As(cause, &about) {
		cause = about.Err
	}
	return &Error{
		Op: r.op, Method: r.method, Path: r.fullPath(), Err: r.safe(cause),
		unsent: way.impossible(cause), insecure: way.insecure(cause),
	}
}

// unusable is the error of a success whose body is not what was asked for.
func (r request) unusable(status int, cause error) *Error {
	return &Error{Op: r.op, Method: r.method, Path: r.fullPath(), Status: status, Err: r.safe(cause)}
}

// refused is the error of an answer that reports one.
func (r request) refused(status int, said errorBody, wait time.Duration, cause error) *Error {
	return &Error{
		Op:      r.op,
		Method:  r.method,
		Path:    r.fullPath(),
		Status:  status,
		Code:    tidy(r.redact(said.code), maxCode),
		Message: tidy(r.redact(said.message), maxMessage),
		Link:    safeLink(r.redact(said.link)),
		Err:     r.safe(cause),

		RetryAfter: wait,
	}
}

// unlocated is the error of a call that was not sent because the app's location
// is not known. It keeps what the server said to the location request.
func (r request) unlocated(cause error) error {
	var located *Error
	if !errors.As(cause, &located) {
		return r.unsent(cause) // the caller's context ended while waiting
	}
	own := *located // the original is shared by everybody who waited for it
	own.unsent = true
	return fmt.Errorf("%s: %w", r.op, &own)
}

// minSecret is the length from which a secret is looked for in server texts. A
// shorter one is too likely to be part of an innocent word.
const minSecret = 6

// redact removes from a server's text what the request was to keep secret.
func (r request) redact(text string) string {
	for _, s := range append([]Secret{r.bearer}, r.secrets...) {
		if len(s) >= minSecret {
			text = strings.ReplaceAll(text, s.Reveal(), redacted)
		}
	}
	return text
}

// safe returns cause, or in its place a text without the secrets that it would
// repeat: net/http quotes answers that are no HTTP.
func (r request) safe(cause error) error {
	if cause == nil {
		return nil
	}
	if text := r.redact(cause.Error()); text != cause.Error() {
		return errors.New(text)
	}
	return cause
}

// about returns the *Error in err, unless it is about the location request: its
// status says nothing about what was asked for. A 404 there means that the app
// is unknown, not that the key is.
func about(err error) (*Error, bool) {
	var e *Error
	if !errors.As(err, &e) || e.Op == opLocation {
		return nil, false
	}
	return e, true
}

// hasStatus reports whether the call was answered with the given status.
func hasStatus(err error, status int) bool {
	e, ok := about(err)
	return ok && e.Status == status
}

// IsNotFound reports whether what was asked for does not exist, or belongs to
// another user: the server does not tell the two apart. It is false for the calls
// that name no key: a server that answers 404 to them does not have the call.
func IsNotFound(err error) bool {
	e, ok := about(err)
	return ok && e.Status == http.StatusNotFound && e.Op != opListKeys && e.Op != opCreateKey
}

// IsUnauthorized reports whether the credentials, or the session, are not
// valid (any more): sign in again.
func IsUnauthorized(err error) bool { return hasStatus(err, http.StatusUnauthorized) }

// IsUserDisabled reports whether the credentials are right and their user has
// been disabled by the operator. [IsUnauthorized] is true as well.
func IsUserDisabled(err error) bool {
	e, ok := about(err)
	return ok && e.Code == codeUserDisabled && e.Status == http.StatusUnauthorized
}

// IsForbidden reports whether the session is valid but may not do this. Keys
// can be managed by people who signed in with neither a key nor anonymously.
func IsForbidden(err error) bool { return hasStatus(err, http.StatusForbidden) }

// IsLimited reports whether the server refused the call because there were too
// many. RetryAfter of the [*Error] has for how long, if the server said so.
func IsLimited(err error) bool {
	var e *Error // that of the location request too: it is the caller who is held up
	return errors.As(err, &e) && e.Status == http.StatusTooManyRequests
}

// IsStorageDown reports whether the server cannot read or save anything: its disk
// may be full. Of the call nothing is left. Only Latchkey's server says so.
func IsStorageDown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusServiceUnavailable && e.Code == codeStorageDown
}

// IsNameInUse reports whether the user has a key of that name already.
func IsNameInUse(err error) bool {
	e, ok := about(err)
	return ok && (e.Code == codeKeyExists || e.Op == opCreateKey && e.Status == http.StatusConflict)
}

// IsInvalidName reports whether a key cannot have that name; see [ValidName].
func IsInvalidName(err error) bool {
	var broken nameError
	if errors.As(err, &broken) {
		return true
	}
	e, ok := about(err)
	if !ok || e.Op != opCreateKey {
		return false
	}
	// "'name' is a required string" comes without a code.
	return e.Code == codeInvalidParameter || e.Code == codeMissingParameter ||
		e.Code == "" && strings.HasPrefix(e.Message, "'name'")
}

// IsKeyLimit reports whether the user has [MaxKeys] keys already. The package
// documentation says what that rests on.
func IsKeyLimit(err error) bool {
	e, ok := about(err)
	return ok && e.Op == opCreateKey && e.Status == http.StatusBadRequest && e.Code == codeBadRequest
}

// IsAccountInUse reports whether the email address given to [Client.Register]
// has an account already.
func IsAccountInUse(err error) bool {
	e, ok := about(err)
	return ok && (e.Code == codeAccountInUse || e.Op == opRegister && e.Status == http.StatusConflict)
}

// NeverSent reports whether the call certainly did not reach the server, so
// that nothing was changed there: the name did not resolve, the connection or
// the TLS handshake failed, the app's location could not be found, or a check
// made before sending refused the call. False means that one cannot know.
func NeverSent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.unsent
}

// IsInsecure reports whether there was no secure connection to be had: the
// server's certificate is not trusted, has expired or is for another name, or
// the two sides do not speak the same TLS. Nothing was sent then. Waiting seldom
// helps, and somebody may be listening: tell the operator.
func IsInsecure(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.insecure
}

// IsOtherHost reports whether the server names another host as its own than
// the client may go to: one that [WithBaseHostOnly] excludes, or one without
// https. Nothing was sent there. The base URL is wrong, or the server's idea of
// its address is.
func IsOtherHost(err error) bool {
	var e otherHostError
	return errors.As(err, &e)
}

// BrokeOff reports whether the connection broke after the call was sent: before
// an answer came, or in the middle of one that said that the call succeeded.
func BrokeOff(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.unsent {
		return false
	}
	return e.Status == 0 || e.Status/100 == 2 && errors.Is(e.Err, errBrokeOff)
}
