package authserver

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"latchkey/client/clienttest"
	"latchkey/internal/accounts"
	"latchkey/internal/apidoc/apidoctest"
	"latchkey/internal/testkit"
)

func TestConformance(t *testing.T) {
	for _, anonymous := range []bool{true, false} {
		name := map[bool]string{true: "with anonymous sign-in", false: "without anonymous sign-in"}[anonymous]
		target := clienttest.Target{AppID: testApp, Anonymous: anonymous, MinPassword: 8, Strict: true}
		issuer := testkit.NewIssuer(t)
		if anonymous {
			target.CustomToken = func(t *testing.T, subject string) string {
				return issuer.Token(t, testkit.Claims(time.Now(), subject, testApp, nil))
			}
		}
		configure := func(c *Config, rules *accounts.Config) {
			c.PublicURL, c.Now = target.BaseURL, time.Now
			rules.Anonymous, rules.PublicURL, rules.Now = anonymous, target.BaseURL, time.Now
			if anonymous {
				takeTokens(c, rules, issuer)
			}
		}

		t.Run(name+" in process", func(t *testing.T) {
			target.BaseURL = "http://latchkey.internal"
			target.HTTPClient = &http.Client{Transport: testkit.InProcess{Handler: apidoctest.New(t, newFixture(t, configure))}}
			clienttest.Run(t, target)
		})
		t.Run(name+" over HTTP", func(t *testing.T) {
			srv := httptest.NewUnstartedServer(nil)
			target.BaseURL = "http://" + srv.Listener.Addr().String()
			target.HTTPClient = nil
			srv.Config.Handler = newFixture(t, configure)
			srv.Start()
			defer srv.Close()
			clienttest.Run(t, target)
		})
	}
}
