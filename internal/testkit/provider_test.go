package testkit_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/testkit"
)

// What a provider of a test gives is worth nothing twice, to another client, or without the verifier.
func TestAProviderGivesOneTokenForACode(t *testing.T) {
	t.Parallel()
	p := testkit.NewProvider(t, time.Now)
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636
	visit := func() string {
		return p.Visit(t, p.URL+"/authorize?"+url.Values{
			"client_id": {p.ClientID}, "response_type": {"code"}, "scope": {"openid email"}, "redirect_uri": {"http://localhost/back"},
			"state": {"s"}, "nonce": {"n"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
		}.Encode()).Query().Get("code")
	}
	exchange := func(code, verifier, secret string) int {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {"http://localhost/back"}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(secret))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	code := visit()
	for _, tc := range []struct {
		code, verifier, secret string
		want                   int
	}{
		{code, verifier, "another", http.StatusBadRequest}, {code, verifier, p.ClientSecret.Reveal(), http.StatusOK},
		{code, verifier, p.ClientSecret.Reveal(), http.StatusBadRequest}, {visit(), "another", p.ClientSecret.Reveal(), http.StatusBadRequest},
	} {
		if got := exchange(tc.code, tc.verifier, tc.secret); got != tc.want {
			t.Errorf("got %d, want %d", got, tc.want)
		}
	}
}
