package idtokens

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

const app = "myapp-abcde"

// signed are the tokens of a test: who signs them, and a provider that takes them.
type signed struct {
	*testing.T
	clock  *testkit.Clock
	issuer *testkit.Issuer
	tokens *Tokens
}

func newSigned(t *testing.T, change func(*Provider)) *signed {
	t.Helper()
	s := &signed{T: t, clock: testkit.NewClock(testkit.LongAgo), issuer: testkit.NewIssuer(t)}
	p := Provider{Name: model.ProviderCustomToken, KeySet: s.issuer.URL, Audience: []string{app}}
	if change != nil {
		change(&p)
	}
	s.tokens = New(s.clock.Now, p)
	return s
}

// claims are those of a right token, with others over them.
func (s *signed) claims(others map[string]any) map[string]any {
	return testkit.Claims(s.clock.Now(), "ada", app, others)
}

func (s *signed) verify(token string) (model.Proved, error) {
	return s.tokens.Verify(s.Context(), model.ProviderCustomToken, model.Secret(token))
}

// takes checks that somebody is let in.
func (s *signed) takes(what, token string) {
	s.Helper()
	if _, err := s.verify(token); err != nil {
		s.Errorf("%s: refused: %v", what, err)
	}
}

// refuses checks that nobody is, and that the log can say why without the token.
func (s *signed) refuses(what, token string, kind model.Kind, why string) {
	s.Helper()
	got, err := s.verify(token)
	switch {
	case !model.Is(err, kind):
		s.Errorf("%s: got %+v, %v, want a refusal of kind %d", what, got, err, kind)
	case !strings.Contains(err.Error(), why):
		s.Errorf("%s: refused because %q, want %q", what, err, why)
	}
	for part := range strings.SplitSeq(token, ".") {
		if err != nil && len(part) > 10 && strings.Contains(err.Error(), part) {
			s.Errorf("%s: the token is in %q", what, err)
		}
	}
}

func TestATokenIsGoodForItsTimeAndItsApp(t *testing.T) {
	t.Parallel()
	s := newSigned(t, func(p *Provider) { p.Issuers = []string{"https://id.example.org/"} })
	now := s.clock.Now()
	issued := func(others map[string]any) map[string]any {
		claims := s.claims(map[string]any{"iss": "https://id.example.org/"})
		for name, value := range others {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	for what, claims := range map[string]map[string]any{
		"nothing odd":               nil,
		"expired a moment ago":      {"exp": now.Add(-59 * time.Second).Unix()},
		"a fraction of a second":    {"exp": 1.5 + float64(now.Unix())},
		"one of several audiences":  {"aud": []string{"other", app}},
		"no iat":                    {"iat": nil},
		"a clock a little ahead":    {"iat": now.Add(4 * time.Minute).Unix(), "nbf": now.Add(50 * time.Second).Unix()},
		"a long subject":            {"sub": strings.Repeat("ü", 255)},
		"somebody else's azp":       {"azp": "another"},
		"a subject that looks like": {"sub": "ADA@example.org"},
	} {
		s.takes(what, s.issuer.Token(t, issued(claims)))
	}
	for _, tc := range []struct {
		what   string
		claims map[string]any
		why    string
	}{
		{"expired", map[string]any{"exp": now.Add(-60 * time.Second).Unix()}, "expired"},
		{"no exp", map[string]any{"exp": nil}, "exp is missing"},
		{"exp as a text", map[string]any{"exp": "9999999999"}, "exp must be a number"},
		{"another spelling of exp", map[string]any{"exp": nil, "EXP": now.Add(time.Hour).Unix()}, "exp is missing"},
		{"not yet", map[string]any{"nbf": now.Add(61 * time.Second).Unix()}, "nbf"},
		{"from the future", map[string]any{"iat": now.Add(5*time.Minute + time.Second).Unix()}, "iat"},
		{"another audience", map[string]any{"aud": "myapp-fghij"}, `myapp-fghij`},
		{"no audience", map[string]any{"aud": nil}, "aud is missing"},
		{"audiences that are no texts", map[string]any{"aud": []any{app, 1}}, "aud must be texts"},
		{"another issuer", map[string]any{"iss": "https://id.example.org"}, "another issuer"},
		{"no issuer", map[string]any{"iss": nil}, "another issuer"},
		{"no subject", map[string]any{"sub": nil}, "sub must be"},
		{"an empty subject", map[string]any{"sub": ""}, "sub must be"},
		{"a number for a subject", map[string]any{"sub": 7}, "sub must be"},
		{"too long a subject", map[string]any{"sub": strings.Repeat("u", 256)}, "sub must be"},
		{"a null byte in it", map[string]any{"sub": "a\x00"}, "sub must be"},
	} {
		s.refuses(tc.what, s.issuer.Token(t, issued(tc.claims)), model.KindWrongToken, tc.why)
	}
	if _, err := s.tokens.Verify(t.Context(), model.ProviderGoogle, "a.b.c"); !model.Is(err, model.KindWrongToken) {
		t.Errorf("a provider that is not here: %v", err)
	}
}

// What is signed is looked at by the algorithm that the operator chose, whatever the header says.
func TestNoHeaderChoosesHowATokenIsVerified(t *testing.T) {
	t.Parallel()
	s := newSigned(t, nil)
	public, err := x509.MarshalPKIXPublicKey(s.issuer.Key(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	right := s.issuer.Token(t, s.claims(nil))
	parts := strings.Split(right, ".")
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	other := testkit.NewIssuer(t)
	other.Rotate()
	jwk, err := json.Marshal(jose.JSONWebKey{Key: other.Key(t).Public(), KeyID: s.issuer.KeyID()})
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"none":                          header(`{"alg":"none"}`) + "." + parts[1] + ".",
		"None":                          header(`{"alg":"None"}`) + "." + parts[1] + "." + parts[2],
		"no algorithm":                  header(`{}`) + "." + parts[1] + "." + parts[2],
		"HS256 by the public key's DER": testkit.SignToken(t, jose.HS256, public, s.issuer.KeyID(), s.claims(nil)),
		"HS256 by the public key's PEM": testkit.SignToken(t, jose.HS256, block, s.issuer.KeyID(), s.claims(nil)),
		"RS512 by the right key":        testkit.SignToken(t, jose.RS512, s.issuer.Key(t), s.issuer.KeyID(), s.claims(nil)),
		"PS256 by the right key":        testkit.SignToken(t, jose.PS256, s.issuer.Key(t), s.issuer.KeyID(), s.claims(nil)),
	} {
		s.refuses(what, token, model.KindWrongToken, "not")
	}
	for what, token := range map[string]string{
		"another's key under its name": testkit.SignToken(t, jose.RS256, other.Key(t), s.issuer.KeyID(), s.claims(nil)),
		"another's key without a name": testkit.SignToken(t, jose.RS256, other.Key(t), "", s.claims(nil)),
		"a key in the header": header(fmt.Sprintf(`{"alg":"RS256","kid":%q,"jwk":%s,"jku":%q,"x5u":%q}`, s.issuer.KeyID(), jwk, other.URL, other.URL)) +
			"." + strings.Join(strings.Split(testkit.SignToken(t, jose.RS256, other.Key(t), "", s.claims(nil)), ".")[1:], "."),
		"another payload": parts[0] + "." + header(`{"sub":"eve","aud":"`+app+`","exp":99999999999}`) + "." + parts[2],
	} {
		s.refuses(what, token, model.KindWrongToken, "")
	}
	if n := other.Asked(); n != 0 {
		t.Errorf("an address in a header was asked %d times", n)
	}
	for what, token := range map[string]string{
		"nothing": "", "one part": "a", "two parts": "a.b", "JSON": `{"payload":"e30","signatures":[]}`,
		"5 KB": s.issuer.Token(t, s.claims(map[string]any{"x": strings.Repeat("x", 5<<10)})),
	} {
		s.refuses(what, token, model.KindWrongToken, "")
	}
	s.takes("the right one", right)
	s.takes("the right one without a kid", testkit.SignToken(t, jose.RS256, s.issuer.Key(t), "", s.claims(nil)))
}

func TestSecretsAndKeysFromFilesVerifyToo(t *testing.T) {
	t.Parallel()
	old, current := strings.Repeat("o", 32), strings.Repeat("c", 64)
	secrets := newSigned(t, func(p *Provider) { p.KeySet, p.Secrets = "", []model.Secret{model.Secret(current), model.Secret(old)} })
	for _, secret := range []string{old, current} {
		secrets.takes("HS256", testkit.SignToken(t, jose.HS256, []byte(secret), "any", secrets.claims(nil)))
	}
	secrets.refuses("another secret", testkit.SignToken(t, jose.HS256, []byte(strings.Repeat("x", 32)), "", secrets.claims(nil)), model.KindWrongToken, "no key")
	secrets.refuses("RS256", secrets.issuer.Token(t, secrets.claims(nil)), model.KindWrongToken, "HS256")

	keys := newSigned(t, nil)
	keys.tokens = New(keys.clock.Now, Provider{Name: model.ProviderCustomToken, PublicKeys: []*rsa.PublicKey{&keys.issuer.Key(t).PublicKey}, Audience: []string{app}})
	keys.takes("RS256", keys.issuer.Token(t, keys.claims(nil)))
	keys.issuer.Rotate()
	keys.refuses("another key", keys.issuer.Token(t, keys.claims(nil)), model.KindWrongToken, "no key")
}

func TestAllAudiencesCanBeAskedFor(t *testing.T) {
	t.Parallel()
	s := newSigned(t, func(p *Provider) { p.Audience, p.AllAudiences = []string{app, "second"}, true })
	s.takes("all", s.issuer.Token(t, s.claims(map[string]any{"aud": []string{"third", "second", app}})))
	s.refuses("one", s.issuer.Token(t, s.claims(nil)), model.KindWrongToken, "lacks")
}

func TestGooglesTokensNameTheProgramThatAskedForThem(t *testing.T) {
	t.Parallel()
	s := newSigned(t, func(p *Provider) { p.Party = true })
	s.takes("none", s.issuer.Token(t, s.claims(nil)))
	s.takes("ours", s.issuer.Token(t, s.claims(map[string]any{"azp": app})))
	s.refuses("another", s.issuer.Token(t, s.claims(map[string]any{"azp": "evil"})), model.KindWrongToken, `"evil"`)
	s.refuses("no text", s.issuer.Token(t, s.claims(map[string]any{"azp": []string{app}})), model.KindWrongToken, "azp")
}

func TestWhatIsAskedForIsTakenFromAToken(t *testing.T) {
	t.Parallel()
	path := func(text string) []string {
		p, ok := ParsePath(text)
		if !ok {
			t.Fatalf("no path: %q", text)
		}
		return p
	}
	s := newSigned(t, func(p *Provider) {
		p.Data = []Claim{
			{path("profile.full_name"), "name", true},
			{path(`https://id\.example\.org/role`), "role", false},
			{path("age"), "age", false},
			{path("absent.at.all"), "absent", false},
		}
	})
	got, err := s.verify(s.issuer.Token(t, s.claims(map[string]any{
		"profile": map[string]any{"full_name": "Ada <Lovelace>"}, "https://id.example.org/role": []string{"a", "b"}, "age": 12345678901234567, "other": 1,
	})))
	if want := `{"age":12345678901234567,"name":"Ada \u003cLovelace\u003e","role":["a","b"]}`; err != nil || got.Data != want {
		t.Errorf("got %s, %v, want %s", got.Data, err, want)
	}
	s.refuses("without a required one", s.issuer.Token(t, s.claims(nil)), model.KindWrongToken, "profile.full_name")
	s.refuses("with more than is kept", s.issuer.Token(t, s.claims(map[string]any{"profile": map[string]any{"full_name": strings.Repeat("x", 2<<10)}})), model.KindWrongToken, "2048")
	for _, text := range []string{"", ".", "a.", ".a", "a..b"} {
		if p, ok := ParsePath(text); ok {
			t.Errorf("%q is the path %q", text, p)
		}
	}
}
