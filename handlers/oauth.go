package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	gopath "path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

// The addresses for devices (RFC 8628) and the one that names them (RFC 8414).
const (
	oauthPrefix  = "/oauth/"
	startPath    = oauthPrefix + "device_authorization"
	tokenPath    = oauthPrefix + "token"
	metadataPath = wellKnown + "oauth-authorization-server"
	wellKnown    = "/.well-known/"
)

// NothingThere is what programs are told of an address that is none: mostly it is one of ours with something too many.
const NothingThere = "there is nothing at this address: those of pairing are /oauth/device_authorization and /oauth/token, " +
	"right after the host, in small letters and without a slash at the end"

// deviceGrantType is RFC 8628's name for asking with a device code.
const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code"

// unavailableFor is when a device may ask again after a failure of ours.
const unavailableFor = 5 * time.Second

// programError is an error as programs are told of it (RFC 6749, section 5.2). Its text is in ASCII and without quotation
// marks, as the RFC wants, and never repeats what was sent: that may have been a secret.
type programError struct {
	status     int
	code, text string
	retryAfter time.Duration
	cause      error // for the log
}

func (e programError) Error() string { return e.code + ": " + e.text }

func (e programError) Unwrap() error { return e.cause }

func invalidRequest(text string) error {
	return programError{status: http.StatusBadRequest, code: "invalid_request", text: text}
}

// forPrograms says whether a request is to one of the addresses where people never are, and every answer is JSON.
func forPrograms(r *http.Request) bool { return ForPrograms(r.URL.Path) }

// ForPrograms says whether a path is one where people never are, and every answer is JSON, also that there is nothing: what begins
// with /api, /oauth or /.well-known, in whatever spelling, and what a base URL with a path of its own makes of these.
func ForPrograms(path string) bool {
	for _, path := range spellings(path) {
		if strings.HasPrefix(path, "/api/") || strings.Contains(path, "/api/client/") || strings.Contains(path, "/api/latchkey/") || strings.Contains(path, wellKnown) {
			return true
		}
	}
	return NearPairing(path)
}

// spellings are a path in small letters and with a slash at its end, as it was asked for and as whoever passes requests on may
// have meant it.
func spellings(path string) [2]string {
	path = strings.ToLower(path) + "/"
	return [2]string{"/" + strings.TrimLeft(path, "/"), gopath.Clean("/"+path) + "/"}
}

// IsPairing says whether a path is one of pairing, which the dashboard answers and not the client API.
func IsPairing(path string) bool {
	return path == startPath || path == tokenPath || path == metadataPath
}

// NearPairing says whether a path is one of pairing or was meant to be one.
func NearPairing(path string) bool {
	for _, path := range spellings(path) {
		if strings.HasPrefix(path, oauthPrefix) || strings.Contains(path, startPath+"/") || strings.Contains(path, tokenPath+"/") || strings.Contains(path, metadataPath+"/") {
			return true
		}
	}
	return false
}

// openToAll lets pages of any origin read a refusal, and ask for it: else a browser shows a network failure in place of what is
// wrong. Nothing is in it that is not said to everybody. What pairing answers stays closed to them.
func openToAll(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
}

// RefuseProgram refuses a program in the shape that it reads, whoever is in the way of an answer: OAuth's below /oauth and for its
// metadata, that of the client API elsewhere. text is a sentence without a capital letter and a full stop.
func RefuseProgram(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	openToAll(w.Header())
	if r.Method == http.MethodOptions { // a browser that asks first is told what is wrong when it sends the request itself
		w.WriteHeader(http.StatusNoContent)
		return
	}
	said := map[string]string{"error": text}
	if NearPairing(r.URL.Path) {
		said = map[string]string{"error": code, "error_description": sentence(text)}
	}
	encoded, _ := json.Marshal(said) // strings always encode
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // the program has gone: nobody is left to tell
}

// answerProgram is handleError for programs.
func (h *dashboard) answerProgram(c echo.Context, err error) error {
	var e programError
	var fromEcho *echo.HTTPError
	switch {
	case errors.As(err, &e):
	case errors.Is(err, errCrossOrigin):
		e = programError{status: http.StatusForbidden, code: "invalid_request", text: "This request came from another site."}
	case errors.As(err, &fromEcho) && fromEcho.Code == http.StatusNotFound:
		openToAll(c.Response().Header())
		e = programError{status: fromEcho.Code, code: "invalid_request", text: sentence(NothingThere)}
	case errors.As(err, &fromEcho) && fromEcho.Code < http.StatusInternalServerError:
		e = programError{status: fromEcho.Code, code: "invalid_request", text: strings.ReplaceAll(explainStatus(context.Background(), fromEcho.Code).heading, "’", "'") + "."} // RFC 6749 allows ASCII alone
	default:
		e = programError{
			status: http.StatusInternalServerError, code: "server_error", text: "Something went wrong here. The operator can find the cause.",
		}
	}
	if e.status >= http.StatusInternalServerError {
		h.Log.Error("request failed", "route", c.Path(), "request", requestIDOf(c), "cause", cmp.Or(e.cause, err))
	}
	if e.retryAfter > 0 {
		c.Response().Header().Set("Retry-After", wholeSeconds(e.retryAfter))
	}
	if e.status == http.StatusUnauthorized {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="latchkey"`)
	}
	return c.JSON(e.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.code, e.text})
}

// deviceURL is the address by which a device goes on asking. People are sent on from there to where the pages are.
func (h *dashboard) deviceURL(c echo.Context) string {
	if h.DeviceURL == nil {
		return h.PublicURL
	}
	return h.DeviceURL(c.Request())
}

// describeServer names the addresses for devices, so that a program needs only our URL. The app id stands there for that
// reason too: it is no secret, and the one client id that is known here.
func (h *dashboard) describeServer(c echo.Context) error {
	at := h.deviceURL(c)
	return c.JSON(http.StatusOK, struct {
		Issuer        string   `json:"issuer"`
		Start         string   `json:"device_authorization_endpoint"`
		Token         string   `json:"token_endpoint"`
		GrantTypes    []string `json:"grant_types_supported"`
		TokenAuth     []string `json:"token_endpoint_auth_methods_supported"`
		ResponseTypes []string `json:"response_types_supported"`
		AppID         string   `json:"app_id"`
	}{
		at, at + startPath, at + tokenPath,
		h.grantTypes(), []string{"none"}, []string{}, h.AppID,
	})
}

// startPairing gives a device its two codes (RFC 8628, section 3.2).
func (h *dashboard) startPairing(c echo.Context) error {
	clientID, form, err := programRequest(c)
	if err != nil {
		return err
	}
	started, err := h.Pairings.Start(c.Request().Context(), onboard.Request{
		ClientID: clientID, DeviceName: form.Get("device_name"), Address: c.RealIP(), Agent: c.Request().UserAgent(),
	})
	if err != nil {
		return programErrorOf(c, err)
	}
	at := h.deviceURL(c)
	return c.JSON(http.StatusOK, struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		Address    string `json:"verification_uri"`
		Complete   string `json:"verification_uri_complete"`
		ExpiresIn  int64  `json:"expires_in"`
		Interval   int64  `json:"interval"`
	}{
		started.DeviceCode.Reveal(), started.UserCode, at + devicePath, at + codeEntry(started.UserCode),
		int64(started.ExpiresIn / time.Second), max(1, int64(started.Interval/time.Second)),
	})
}

// giveToken answers the two kinds of grants: the keys of devices and, where there are any, tokens for other services. A page of another
// site may ask for the latter alone.
func (h *dashboard) giveToken(c echo.Context) error {
	form, err := programForm(c)
	if err == nil && h.Exchange != nil && form.Get("grant_type") == exchangeGrantType {
		return h.exchangeToken(c, form)
	}
	if crossed := h.crossOrigin(c.Request()); crossed != nil {
		return crossed
	}
	if err != nil {
		return err
	}
	return h.fetchKey(c, form)
}

// fetchKey hands a device its key once a person has approved it (RFC 8628, section 3.4).
func (h *dashboard) fetchKey(c echo.Context, form url.Values) error {
	if err := once(form); err != nil {
		return err
	}
	clientID, err := publicClient(c.Request(), form)
	if err != nil {
		return err
	}
	switch {
	case form.Get("grant_type") == "":
		return invalidRequest("grant_type is missing.")
	case form.Get("grant_type") != deviceGrantType:
		return programError{
			status: http.StatusBadRequest, code: "unsupported_grant_type", text: "The grant types here: " + strings.Join(h.grantTypes(), ", ") + ".",
		}
	case form.Get("device_code") == "":
		return invalidRequest("device_code is missing.")
	}
	key, err := h.Pairings.Poll(c.Request().Context(), clientID, model.Secret(form.Get("device_code")))
	if err != nil {
		return programErrorOf(c, err)
	}
	fetched := h.event(c, model.EventKeyShown) // once, however often it is handed out
	fetched.ID, fetched.At = idOnce(key.At, model.EventKeyShown, key.GrantID), key.At
	fetched.UserID, fetched.Actor, fetched.Detail = key.UserID, model.ActorDevice, model.DetailFetched
	fetched.KeyID, fetched.KeyName = key.ID, key.Name
	h.record(c, fetched)
	baseURL := h.BaseURL
	if baseURL == h.PublicURL { // the keys are here, and so is the device
		baseURL = h.deviceURL(c)
	}
	c.Response().Header().Set("Pragma", "no-cache")
	return c.JSON(http.StatusOK, struct {
		Value   string `json:"access_token"`
		Type    string `json:"token_type"`
		KeyID   string `json:"key_id"`
		KeyName string `json:"key_name"`
		AppID   string `json:"app_id"`
		BaseURL string `json:"base_url"`
		UserID  string `json:"user_id"`
	}{key.Value.Reveal(), "Bearer", key.ID, key.Name, h.AppID, baseURL, key.UserID})
}

// programRequest is what a program asks, and which client it is.
func programRequest(c echo.Context) (clientID string, form url.Values, err error) {
	if form, err = programForm(c); err != nil {
		return "", nil, err
	}
	if err := once(form); err != nil {
		return "", nil, err
	}
	clientID, err = publicClient(c.Request(), form)
	return clientID, form, err
}

// programForm reads a form from the body alone: what stands in an address ends up in the logs of whoever passes it on.
func programForm(c echo.Context) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationForm {
		return nil, invalidRequest("Send the parameters as application/x-www-form-urlencoded in the body.")
	}
	body, err := io.ReadAll(c.Request().Body)
	var tooLarge *echo.HTTPError
	if errors.As(err, &tooLarge) {
		return nil, err
	}
	form, parseErr := url.ParseQuery(string(body))
	if err != nil || parseErr != nil { // whose texts quote the body
		return nil, invalidRequest("The form cannot be read.")
	}
	return form, nil
}

// once refuses a parameter that is there twice: whoever passes requests on may have read the other one.
func once(form url.Values) error {
	for _, values := range form {
		if len(values) > 1 {
			return invalidRequest("A parameter is there twice.")
		}
	}
	return nil
}

// publicClient says which client asks. It has no secret (RFC 6749, section 2.1) and just names itself: in the form, or as
// some libraries do first, in a Basic header with an empty password.
func publicClient(r *http.Request, form url.Values) (string, error) {
	named := form.Get("client_id")
	if r.Header.Get(echo.HeaderAuthorization) == "" {
		switch {
		case named == "":
			return "", invalidRequest("client_id is missing.")
		case form.Get("client_secret") != "":
			return "", unknownClient(r)
		}
		return named, nil
	}
	user, secret, basic := r.BasicAuth()
	user, err := url.QueryUnescape(user)
	if !basic || err != nil || secret != "" || named != "" && named != user {
		return "", unknownClient(r)
	}
	return user, nil
}

// unknownClient is 401 only for a client that tried to authenticate (RFC 6749, section 5.2).
func unknownClient(r *http.Request) error {
	e := programError{
		status: http.StatusBadRequest, code: "invalid_client", text: "The client id here is the app id, and it has no secret.",
	}
	if r.Header.Get(echo.HeaderAuthorization) != "" {
		e.status = http.StatusUnauthorized
	}
	return e
}

// programErrorOf gives what package onboard answers the names that programs know. Whatever it has no name for is a failure of
// ours that may pass.
func programErrorOf(c echo.Context, err error) error {
	var limit *onboard.LimitError
	e := programError{status: http.StatusBadRequest}
	switch {
	case errors.As(err, &limit):
		return programError{
			status: http.StatusTooManyRequests, code: "temporarily_unavailable", text: "Too many devices ask at once. Try again later.",
			retryAfter: max(limit.RetryAfter, time.Second),
		}
	case errors.Is(err, onboard.ErrUnknownClient):
		return unknownClient(c.Request())
	case errors.Is(err, onboard.ErrPending):
		e.code = "authorization_pending"
	case errors.Is(err, onboard.ErrSlowDown):
		e.code = "slow_down"
	case errors.Is(err, onboard.ErrDenied):
		e.code = "access_denied"
	case errors.Is(err, onboard.ErrExpired):
		e.code = "expired_token"
	case errors.Is(err, onboard.ErrInvalidGrant):
		e.code = "invalid_grant"
	default:
		return programError{
			status: http.StatusServiceUnavailable, code: "temporarily_unavailable", text: "This server cannot do it now. Try again soon.",
			retryAfter: unavailableFor, cause: err,
		}
	}
	e.text = sentence(err.Error())
	return e
}

// sentence begins with a capital letter and ends in a full stop.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }
