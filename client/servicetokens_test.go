package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

const (
	exchangeCall = "POST /oauth/token"
	serviceToken = "service.token.one"
	renewedToken = "access.token.two"
)

// onExchange answers an exchange with a token, for which only one access token is good.
func (f *fake) onExchange(good string) {
	f.on("POST "+apiRoot+"/auth/session", http.StatusCreated, fmt.Sprintf(`{"access_token":%q}`, renewedToken))
	f.handle(exchangeCall, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("subject_token") != good {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"Not %s."}`, r.FormValue("subject_token"))
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"issued_token_type":"urn:ietf:params:oauth:token-type:jwt","token_type":"Bearer","expires_in":600}`, serviceToken)
	})
}

func TestATokenForAServiceIsGotWithTheAccessToken(t *testing.T) {
	f := startFake(t)
	session := f.login(t)
	f.onExchange(access)
	before := time.Now()
	token, err := session.TokenFor(t.Context(), "sync")
	if err != nil || token.Value.Reveal() != serviceToken || token.ExpiresAt.Before(before.Add(10*time.Minute)) || token.ExpiresAt.After(time.Now().Add(10*time.Minute)) {
		t.Fatalf("%s until %s, %v", token.Value.Reveal(), token.ExpiresAt, err)
	}
	sent := f.only(t)
	form, err := url.ParseQuery(sent.body)
	if err != nil || sent.call() != exchangeCall || sent.header.Get("Authorization") != "" || sent.header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("sent %s %v", sent.call(), sent.header)
	}
	for name, want := range map[string]string{
		"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": access,
		"subject_token_type": "urn:ietf:params:oauth:token-type:access_token", "audience": "sync",
	} {
		if form.Get(name) != want {
			t.Errorf("%s is %q", name, form.Get(name))
		}
	}
	if text := fmt.Sprintf("%+v", token); strings.Contains(text, serviceToken) {
		t.Errorf("it prints as %s", text)
	}
}

func TestAnAccessTokenThatHasExpiredIsRenewedOnceForAServicesToken(t *testing.T) {
	f := startFake(t)
	session := f.login(t)
	f.onExchange(renewedToken)
	token, err := session.TokenFor(t.Context(), "sync")
	if err != nil || token.Value.Reveal() != serviceToken || f.count(exchangeCall) != 2 {
		t.Errorf("%v, %d exchanges", err, f.count(exchangeCall))
	}
	f.onExchange("none")
	_, err = session.TokenFor(t.Context(), "sync")
	var said *client.Error
	if !errors.As(err, &said) || said.Code != "invalid_grant" || f.count(exchangeCall) != 4 || strings.Contains(err.Error(), renewedToken) {
		t.Errorf("%v, %d exchanges", err, f.count(exchangeCall))
	}
	f.on("POST "+apiRoot+"/auth/session", http.StatusUnauthorized, `{"error":"invalid session","error_code":"InvalidSession"}`)
	if _, err := session.TokenFor(t.Context(), "sync"); !client.IsUnauthorized(err) {
		t.Errorf("a session that has ended: %v", err)
	}
}

func TestWhoHasNoTokensForServicesIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		status      int
		body        string
		notReported bool
	}{
		"no such call":     {http.StatusNotFound, `{"error":"there is nothing at this address"}`, true},
		"no such grant":    {http.StatusBadRequest, `{"error":"unsupported_grant_type","error_description":"The grant types here: none."}`, true},
		"something else":   {http.StatusOK, `{}`, true},
		"no such audience": {http.StatusBadRequest, `{"error":"invalid_target","error_description":"No such audience."}`, false},
		"too many":         {http.StatusTooManyRequests, `{"error":"temporarily_unavailable","error_description":"Wait."}`, false},
	} {
		f := startFake(t)
		session := f.login(t)
		f.on(exchangeCall, tc.status, tc.body)
		_, err := session.TokenFor(t.Context(), "sync")
		if err == nil || client.IsNotReported(err) != tc.notReported || client.IsLimited(err) != (tc.status == http.StatusTooManyRequests) {
			t.Errorf("%s: %v, not reported: %v", name, err, client.IsNotReported(err))
		}
	}
}
