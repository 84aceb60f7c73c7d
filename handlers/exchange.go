package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"latchkey/internal/model"
)

// TokenExchange gives the holder of an access token of this server a token for another service. Every refusal is a *model.Error:
// KindSessionOver for a token that is not good here, with a Reason; KindNotFound for an audience that there is not; KindTooManyActs for a
// session that asks too often.
type TokenExchange interface {
	Exchange(ctx context.Context, subject model.Secret, audience string) (model.ServiceToken, error)
}

// The names of RFC 8693.
const (
	exchangeGrantType = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenType   = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // G101: a name
	jwtTokenType      = "urn:ietf:params:oauth:token-type:jwt"          //nolint:gosec // G101: a name
)

// grantTypes are those that a program can ask for a token with.
func (h *dashboard) grantTypes() []string {
	if h.Exchange == nil {
		return []string{deviceGrantType}
	}
	return []string{deviceGrantType, exchangeGrantType}
}

// exchangeToken gives an app or a device a token for another service (RFC 8693). Pages of any origin may ask and read the answer, as they
// may with the client API: what is asked for is proved by the token in the form alone, and no cookie counts.
func (h *dashboard) exchangeToken(c echo.Context, form url.Values) error {
	header := c.Response().Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "Retry-After")
	asked, err := h.exchangeRequest(c.Request(), form)
	if err != nil {
		return err
	}
	token, err := h.Exchange.Exchange(c.Request().Context(), asked.subject, asked.audience)
	if err != nil {
		return notExchanged(about(c, err))
	}
	header.Set("Pragma", "no-cache")
	return c.JSON(http.StatusOK, struct {
		Value     string `json:"access_token"`
		Issued    string `json:"issued_token_type"`
		Type      string `json:"token_type"`
		ExpiresIn int64  `json:"expires_in"`
	}{token.Value.Reveal(), asked.tokenType, "Bearer", int64(token.Lifetime / time.Second)})
}

// exchangeRequest is what a program has that asks for a token, and for which service.
type exchangeRequest struct {
	subject             model.Secret
	audience, tokenType string
}

// exchangeRequest reads a form. Nothing in it is passed over that would make the token another one than was asked for.
func (h *dashboard) exchangeRequest(r *http.Request, form url.Values) (exchangeRequest, error) {
	audiences := form["audience"]
	delete(form, "audience")
	switch targeted := len(audiences) == 1 && audiences[0] != "" && form.Get("resource") == ""; {
	case len(audiences) > 1 || len(form["resource"]) > 1 || !targeted:
		return exchangeRequest{}, invalidTarget("Name the service in one audience parameter: a token is for one of them, and there is no default.")
	case once(form) != nil:
		return exchangeRequest{}, once(form)
	}
	if err := h.knownClient(r, form); err != nil {
		return exchangeRequest{}, err
	}
	asked := exchangeRequest{model.Secret(form.Get("subject_token")), audiences[0], form.Get("requested_token_type")}
	switch {
	case asked.subject == "":
		return asked, invalidRequest("subject_token is missing.")
	case form.Get("subject_token_type") != accessTokenType:
		return asked, invalidRequest("subject_token_type must be " + accessTokenType + ".")
	case form.Get("actor_token") != "" || form.Get("actor_token_type") != "":
		return asked, invalidRequest("There are no actors here: a token is for the user of the subject_token.")
	case form.Get("scope") != "":
		return asked, programError{status: http.StatusBadRequest, code: "invalid_scope", text: "There are no scopes here."}
	case asked.tokenType == "":
		asked.tokenType = jwtTokenType
	case asked.tokenType != jwtTokenType && asked.tokenType != accessTokenType:
		return asked, invalidRequest("requested_token_type must be " + jwtTokenType + " or " + accessTokenType + ".")
	}
	return asked, nil
}

// knownClient lets a program leave out who it is. One that says it says the app id, and has no secret.
func (h *dashboard) knownClient(r *http.Request, form url.Values) error {
	if form.Get("client_id") == "" && form.Get("client_secret") == "" && r.Header.Get(echo.HeaderAuthorization) == "" {
		return nil
	}
	id, err := publicClient(r, form)
	if err == nil && id != h.AppID {
		err = unknownClient(r)
	}
	return err
}

func invalidTarget(text string) error {
	return programError{status: http.StatusBadRequest, code: "invalid_target", text: text}
}

// notExchanged gives a refusal the name that programs know. For a token that is not good any more RFC 8693 has invalid_request, which it
// also has for what is written wrong; a program has to tell these apart, and so such a token is what the code of a refresh token that has
// expired is for.
func notExchanged(err error) error {
	e := programError{status: http.StatusBadRequest, cause: err}
	refusal, _ := errors.AsType[*model.Error](err)
	switch model.KindOf(err) {
	case model.KindNotFound:
		e.code, e.text = "invalid_target", "The operator of this server has named no such audience."
	case model.KindSessionOver:
		e.code, e.text = "invalid_grant", sentence(cmp.Or(refusal.Reason, "the session has ended"))
	case model.KindTooManyActs:
		e.status, e.code, e.text = http.StatusTooManyRequests, "temporarily_unavailable", "This session asks for too many tokens. Use one until it expires."
		e.retryAfter = max(refusal.Wait, time.Second)
	case model.KindStorageDown, model.KindBusy:
		e.status, e.code, e.text = http.StatusServiceUnavailable, "temporarily_unavailable", "This server cannot do it now. Try again soon."
		e.retryAfter = unavailableFor
	default:
		return err
	}
	return e
}
