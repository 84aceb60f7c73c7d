package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// noTokens refuses every token.
type noTokens struct{ err error }

func (n noTokens) Exchange(context.Context, model.Secret, string) (model.ServiceToken, error) {
	return model.ServiceToken{}, n.err
}

func TestAProgramIsToldWhyItGetsNoTokenAndWhenToComeBack(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err        error
		status     int
		code, wait string
	}{
		{&model.Error{Kind: model.KindSessionOver}, http.StatusBadRequest, "invalid_grant", ""},
		{&model.Error{Kind: model.KindNotFound}, http.StatusBadRequest, "invalid_target", ""},
		{&model.Error{Kind: model.KindTooManyActs, Wait: 1500 * time.Millisecond}, http.StatusTooManyRequests, "temporarily_unavailable", "2"},
		{&model.Error{Kind: model.KindStorageDown}, http.StatusServiceUnavailable, "temporarily_unavailable", "5"},
		{errors.New("canary"), http.StatusInternalServerError, "server_error", ""},
	} {
		p := newProgram(t, func(d *handlers.Deps) { d.Exchange = noTokens{tc.err} })
		got := p.device().send("/oauth/token", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"x"}, "audience": {"sync"},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		}, nil).refuses(tc.status, tc.code)
		if wait := got.header.Get("Retry-After"); wait != tc.wait {
			t.Errorf("%s: Retry-After is %q", tc.code, wait)
		}
		got.keepsQuiet("canary")
	}
}
