package idtokens

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func TestAKeyThatItsIssuerChangesIsFollowed(t *testing.T) {
	t.Parallel()
	s := newSigned(t, nil)
	before := s.issuer.Token(t, s.claims(nil))
	s.takes("the first key", before)
	s.issuer.Rotate()
	s.takes("the second key", s.issuer.Token(t, s.claims(nil))) // the first look was not made for a token of no key
	s.refuses("the first key, which is withdrawn", before, model.KindWrongToken, "no key")

	s.issuer.Rotate()
	third := s.issuer.Token(t, s.claims(nil))
	s.refuses("the third key within a minute", third, model.KindWrongToken, "no key")
	s.clock.Advance(time.Minute)
	s.takes("the third key after it", third)
}

// A key may be withdrawn because somebody has stolen it: then no token of a new key need come.
func TestAWithdrawnKeyIsForgottenWithoutATokenOfAnother(t *testing.T) {
	t.Parallel()
	s := newSigned(t, nil)
	s.takes("the key", s.issuer.Token(t, s.claims(nil)))
	stolen := s.issuer.Token(t, s.claims(nil))
	s.issuer.Rotate()
	s.takes("the key for a while", stolen)
	s.clock.Advance(fresh)
	if trouble := s.tokens.Look(t.Context()); len(trouble) > 0 {
		t.Fatal(trouble)
	}
	s.refuses("the key after it", stolen, model.KindWrongToken, "no key")
}

func TestAnIssuerThatHasWithdrawnAllKeysIsNotOneThatIsDown(t *testing.T) {
	t.Parallel()
	s := newSigned(t, nil)
	stolen := s.issuer.Token(t, s.claims(nil))
	s.takes("the key", stolen)
	for _, set := range []struct {
		answer string
		noKeys bool
	}{{`{}`, false}, {`{"keys": []}`, true}} {
		s.issuer.AnswerBy(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, set.answer) })
		s.clock.Advance(fresh)
		if trouble := s.tokens.Look(t.Context()); len(trouble) != 1 || trouble[0].NoKeys != set.noKeys {
			t.Errorf("%s: %v", set.answer, trouble)
		}
	}
	s.refuses("a key that was withdrawn", stolen, model.KindNoIssuer, "no RSA key")
	s.issuer.AnswerBy(nil)
	s.clock.Advance(askPause)
	s.takes("the key that is there again", stolen)
}

func TestTokensOfUnknownKeysDoNotHaveTheIssuerAskedWithEach(t *testing.T) {
	t.Parallel()
	s := newSigned(t, nil)
	s.tokens.Look(t.Context())
	for i := range 1000 {
		kid := fmt.Sprintf("unknown-%d", i)
		s.refuses(kid, testkit.SignToken(t, jose.RS256, s.issuer.Key(t), kid, s.claims(nil)), model.KindWrongToken, "no key")
	}
	if n := s.issuer.Asked(); n > 2 {
		t.Errorf("the issuer was asked %d times", n)
	}
	s.takes("the right key", s.issuer.Token(t, s.claims(nil)))
}

func TestWithoutItsIssuerTheKeysFromBeforeAreUsed(t *testing.T) {
	t.Parallel()
	s := newSigned(t, nil)
	down := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "secret text of the issuer", http.StatusBadGateway)
	}

	s.issuer.AnswerBy(down)
	trouble := s.tokens.Look(t.Context())
	if len(trouble) != 1 || !trouble[0].NoKeys || !strings.Contains(trouble[0].String(), "status 502") || strings.Contains(trouble[0].String(), "secret") {
		t.Fatalf("down at the start: %v", trouble)
	}
	token := s.issuer.Token(t, s.claims(nil))
	s.refuses("no key yet", token, model.KindNoIssuer, "502")
	s.issuer.AnswerBy(nil)
	s.refuses("no key yet, and asked a moment ago", token, model.KindNoIssuer, "502")
	s.clock.Advance(firstPause)
	s.takes("up again", token)
	if trouble := s.tokens.Troubles(); len(trouble) != 0 {
		t.Errorf("still in trouble: %v", trouble)
	}

	s.issuer.AnswerBy(down)
	s.clock.Advance(fresh)
	for range 10 {
		trouble = s.tokens.Look(t.Context())
	}
	if len(trouble) != 1 || trouble[0].NoKeys {
		t.Errorf("down later: %v", trouble)
	}
	s.takes("a key from before", token)
	if n := s.issuer.Asked(); n > 5 {
		t.Errorf("an issuer that is down was asked %d times", n)
	}
	s.clock.Advance(askPause)
	unknown := testkit.SignToken(t, jose.RS256, s.issuer.Key(t), "new", s.claims(nil))
	s.refuses("a key that may be new", unknown, model.KindNoIssuer, "502")
}

func TestAKeySetIsNotFetchedFromJustAnywhere(t *testing.T) {
	t.Parallel()
	elsewhere := testkit.NewIssuer(t)
	blocked := make(chan struct{})
	t.Cleanup(func() { close(blocked) })
	for what, tc := range map[string]struct {
		answer func(*testkit.Issuer) http.HandlerFunc
		why    string
	}{
		"a redirect to another host": {func(*testkit.Issuer) http.HandlerFunc {
			return http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP
		}, "redirects"},
		"300 KB": {func(i *testkit.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"pad":%q,"keys":[]}`, strings.Repeat("x", 300<<10))
			}
		}, "256 KB"},
		"slow": {func(*testkit.Issuer) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-blocked:
				case <-r.Context().Done():
				}
			}
		}, "no answer"},
		"a page":  {func(*testkit.Issuer) http.HandlerFunc { return text("<!doctype html>") }, "not a key set"},
		"no keys": {func(*testkit.Issuer) http.HandlerFunc { return text(`{"keys":[]}`) }, "no RSA key"},
		"a secret for a key": {func(*testkit.Issuer) http.HandlerFunc {
			return text(`{"keys":[{"kty":"oct","k":"AAAA","kid":"key-0"}]}`)
		}, "no RSA key"},
		"a key to encrypt with": {func(i *testkit.Issuer) http.HandlerFunc {
			return text(strings.Replace(string(i.KeySet(t)), `"use":"sig"`, `"use":"enc"`, 1))
		}, "no RSA key"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSigned(t, nil)
			s.tokens.sets[0].client.Timeout = 2 * time.Second / 10
			s.issuer.AnswerBy(tc.answer(s.issuer))
			s.refuses(what, s.issuer.Token(t, s.claims(nil)), model.KindNoIssuer, tc.why)
		})
	}
	t.Run("a redirect at the same host", func(t *testing.T) {
		t.Parallel()
		s := newSigned(t, nil)
		s.issuer.AnswerBy(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved" {
				_, _ = w.Write(s.issuer.KeySet(t))
				return
			}
			http.Redirect(w, r, "/moved", http.StatusFound)
		})
		s.takes("it", s.issuer.Token(t, s.claims(nil)))
	})
	t.Run("plain http to another machine", func(t *testing.T) {
		t.Parallel()
		set := newKeySet("custom-token", "http://192.0.2.1/jwks.json?key=hidden", false, time.Now)
		_, err := set.fetch()
		if err == nil || !strings.Contains(err.Error(), "plain http") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a certificate of nobody", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewTLSServer(text(`{"keys":[]}`))
		t.Cleanup(server.Close)
		if _, err := newKeySet("custom-token", server.URL, false, time.Now).fetch(); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("got %v", err)
		}
	})
	if n := elsewhere.Asked(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

// One key that nobody can use does not keep out the others: issuers publish keys of all kinds.
func TestOtherKeysInASetAreSkipped(t *testing.T) {
	t.Parallel()
	s := newSigned(t, nil)
	s.issuer.AnswerBy(text(strings.Replace(string(s.issuer.KeySet(t)), `{"keys":[`,
		`{"keys":[{"kty":"OKP","crv":"X448","x":"AA"},{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"short"},{"kty":"strange"},`, 1)))
	s.takes("the key among them", s.issuer.Token(t, s.claims(nil)))
}
