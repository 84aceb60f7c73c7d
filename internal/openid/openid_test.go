package openid_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/openid"
	"latchkey/internal/testkit"
)

const (
	publicURL = "https://keys.example.org"
	verifier  = "a-verifier-that-is-long-enough-for-anybody-who-asks"
)

// scene is a provider that is set up.
type scene struct {
	*testing.T
	provider *testkit.Provider
	clock    *testkit.Clock
	here     *openid.Providers
}

func newScene(t *testing.T, faults ...testkit.ProviderFault) *scene {
	t.Helper()
	s := &scene{T: t, clock: testkit.NewClock(testkit.LongAgo)}
	s.provider = testkit.NewProvider(t, s.clock.Now)
	s.provider.Has(faults...)
	s.here = openid.New(publicURL, s.clock.Now, s.acme())
	return s
}

func (s *scene) acme() openid.Provider {
	return openid.Provider{
		OpenID: model.OpenID{ID: "acme", Name: "Acme"}, Issuer: s.provider.URL, ClientID: s.provider.ClientID, Secret: s.provider.ClientSecret,
		Identities: "openid:acme",
	}
}

func (s *scene) begin(fresh bool) (string, error) {
	return s.here.Begin(s.Context(), "acme", model.OpenIDAsk{State: "state", Nonce: "nonce", Verifier: verifier, Fresh: fresh})
}

// visits goes to the provider and gives what a browser returns with.
func (s *scene) visits() model.OpenIDReturn {
	s.Helper()
	address, err := s.begin(false)
	if err != nil {
		s.Fatal(err)
	}
	to := s.provider.Visit(s, address)
	answer := to.Query()
	if got := publicURL + "/login/with/acme/return"; !strings.HasPrefix(to.String(), got+"?") || answer.Get("state") != "state" {
		s.Fatalf("sent to %s", to)
	}
	return model.OpenIDReturn{
		Code: model.Secret(answer.Get("code")), Verifier: verifier, Nonce: "nonce", Issuer: answer.Get("iss"),
		Error: answer.Get("error"), Description: answer.Get("error_description"),
	}
}

// refuses checks that nobody is believed, and that the log says why and nothing secret.
func (s *scene) refuses(back model.OpenIDReturn, kind model.Kind, why string) {
	s.Helper()
	who, err := s.here.Finish(s.Context(), "acme", back)
	if !model.Is(err, kind) || !strings.Contains(err.Error(), why) || who != (model.Proved{}) {
		s.Errorf("%+v, %v, want %q", who, err, why)
	}
	for _, secret := range []string{back.Code.Reveal(), s.provider.ClientSecret.Reveal(), verifier} {
		if err != nil && secret != "" && strings.Contains(err.Error(), secret) {
			s.Errorf("the error says %s", secret)
		}
	}
}

func TestAProviderSaysWhoHasReturned(t *testing.T) {
	t.Parallel()
	want := model.Proved{Provider: "openid:acme", Subject: "ada-at-acme", Email: "ada@example.org", Data: `{"name":"Ada Lovelace"}`, SignedInAt: testkit.LongAgo}
	for _, fault := range []testkit.ProviderFault{
		"none", testkit.TokenByES256, testkit.TokenSeveral, testkit.AnswerWithoutIssuer, testkit.ClientInBody, testkit.ClientInHeader,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, fault)
			got, err := s.here.Finish(t.Context(), "acme", s.visits())
			if got.SignedInAt = got.SignedInAt.UTC(); err != nil || got != want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestWhatAProviderIsAskedIsForOneBrowserAndOneServer(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, fresh := range []bool{false, true} {
		address, err := s.begin(fresh)
		u, parseErr := url.Parse(address)
		if err != nil || parseErr != nil {
			t.Fatal(err, parseErr)
		}
		ask := u.Query()
		for name, want := range map[string]string{
			"response_type": "code", "client_id": "latchkey", "scope": "openid email profile", "state": "state", "nonce": "nonce",
			"redirect_uri": publicURL + "/login/with/acme/return", "code_challenge_method": "S256",
			"prompt": map[bool]string{true: "login"}[fresh], "max_age": map[bool]string{true: "0"}[fresh],
		} {
			if ask.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, ask.Get(name), want)
			}
		}
		if strings.Contains(address, verifier) || strings.Contains(address, "secret") {
			t.Errorf("the address has a secret: %s", address)
		}
	}
	if _, err := s.here.Begin(t.Context(), "other", model.OpenIDAsk{}); !model.Is(err, model.KindNotFound) {
		t.Errorf("another provider: %v", err)
	}
}

func TestNobodyIsBelievedWhoseTokenIsNotTheAnswer(t *testing.T) {
	t.Parallel()
	for fault, why := range map[testkit.ProviderFault]string{
		testkit.TokenOtherNonce:     "nonce",
		testkit.TokenNoNonce:        "nonce",
		testkit.TokenOtherAudience:  "aud is",
		testkit.TokenSeveralNoParty: "azp is missing",
		testkit.TokenOtherParty:     "azp is",
		testkit.TokenOtherIssuer:    "another issuer",
		testkit.TokenExpired:        "expired",
		testkit.TokenUnsigned:       "not signed by RS256 or ES256",
		testkit.TokenBySecret:       "not signed by RS256 or ES256",
		testkit.TokenByUnknownKey:   "no key",
		testkit.AnswerOfOtherIssuer: "id.example.org",
		testkit.ProviderRefusesAll:  "invalid_grant",
		testkit.ProviderNoToken:     "without an ID token",
		testkit.ProviderRefuses:     `"access_denied" "The person said no <b>loudly</b>"`,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, fault)
			s.refuses(s.visits(), model.KindWrongToken, why)
		})
	}
	for what, change := range map[string]func(*model.OpenIDReturn){
		"another verifier":       func(r *model.OpenIDReturn) { r.Verifier = "another" },
		"no verifier":            func(r *model.OpenIDReturn) { r.Verifier = "" },
		"another nonce":          func(r *model.OpenIDReturn) { r.Nonce = "another" },
		"no nonce":               func(r *model.OpenIDReturn) { r.Nonce = "" },
		"no code":                func(r *model.OpenIDReturn) { r.Code = "" },
		"another code":           func(r *model.OpenIDReturn) { r.Code = "another" },
		"endless code":           func(r *model.OpenIDReturn) { r.Code = model.Secret(strings.Repeat("x", 5<<10)) },
		"an answer of nobody":    func(r *model.OpenIDReturn) { r.Issuer = "" },
		"an error beside a code": func(r *model.OpenIDReturn) { r.Error = "server_error" },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			back := s.visits()
			change(&back)
			s.refuses(back, model.KindWrongToken, "acme: ")
		})
	}
	t.Run("a code twice", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		back := s.visits()
		if _, err := s.here.Finish(t.Context(), "acme", back); err != nil {
			t.Fatal(err)
		}
		s.refuses(back, model.KindWrongToken, "invalid_grant")
	})
}

func TestAnAddressCountsOnlyIfTheProviderHasSeenThatItIsTheirs(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for what, c := range map[string]struct {
		fault  testkit.ProviderFault
		person testkit.ProviderPerson
	}{
		"not verified":          {"", testkit.ProviderPerson{Subject: "ada", Email: "ada@example.org"}},
		"verified in words":     {testkit.TokenVerifiedAsText, testkit.ProviderPerson{Subject: "ada", Email: "ada@example.org", Verified: true}},
		"nothing said":          {"", testkit.ProviderPerson{Subject: "ada", Email: "ada@example.org", Claims: map[string]any{"email_verified": nil}}},
		"a number":              {"", testkit.ProviderPerson{Subject: "ada", Email: "ada@example.org", Claims: map[string]any{"email_verified": 1}}},
		"no address":            {"", testkit.ProviderPerson{Subject: "ada", Verified: true}},
		"no address to mail to": {"", testkit.ProviderPerson{Subject: "ada", Email: "Ada <ada@example.org>", Verified: true}},
	} {
		s.provider.Has(c.fault)
		s.provider.SignIn(c.person)
		got, err := s.here.Finish(t.Context(), "acme", s.visits())
		if err != nil || got.Email != "" || got.Subject != "ada" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	s.provider.Has(testkit.TokenNoTime)
	if got, err := s.here.Finish(t.Context(), "acme", s.visits()); err != nil || !got.SignedInAt.IsZero() {
		t.Errorf("no time: %+v, %v", got, err)
	}
}

// Who holds up nobody else: not those of other providers, nor the start of the program, nor a request whose client has gone.
func TestAProviderThatIsDownIsNotAskedByEverybody(t *testing.T) {
	t.Parallel()
	for _, fault := range []testkit.ProviderFault{
		testkit.ProviderDown, testkit.ProviderEndless, testkit.ProviderRedirects, testkit.ProviderIsAnother, testkit.ProviderOtherKeyHost,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, fault)
			for range 3 {
				if _, err := s.begin(false); !model.Is(err, model.KindNoIssuer) {
					t.Errorf("begun: %v", err)
				}
			}
			const discovery = "/.well-known/openid-configuration"
			if n := s.provider.Asked(discovery); n != 1 {
				t.Errorf("asked %d times", n)
			}
			if troubles := s.here.Troubles(); len(troubles) != 1 || !strings.Contains(troubles[0], "nobody can sign in with it") {
				t.Errorf("told %q", troubles)
			}
			s.provider.Has()
			s.clock.Advance(11 * time.Second)
			if _, err := s.begin(false); err != nil {
				t.Errorf("back again: %v", err)
			}
			if troubles := s.here.Look(t.Context()); len(troubles) != 0 {
				t.Errorf("told %q", troubles)
			}

			s.provider.Has(fault) // what it said before is used
			s.clock.Advance(2 * time.Hour)
			if _, err := s.begin(false); err != nil {
				t.Errorf("down again: %v", err)
			}
			if troubles := s.here.Look(t.Context()); len(troubles) != 1 || !strings.Contains(troubles[0], "still counts") {
				t.Errorf("told %q", troubles)
			}
		})
	}
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, testkit.ProviderSlow)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.here.Begin(ctx, "acme", model.OpenIDAsk{}); !model.Is(err, model.KindNoIssuer) {
			t.Errorf("begun: %v", err)
		}
	})
	for _, fault := range []testkit.ProviderFault{testkit.ProviderTokensDown, testkit.ProviderKeysDown} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, fault)
			s.refuses(s.visits(), model.KindNoIssuer, "503")
		})
	}
}

func TestKeysThatAProviderHasChangedAreFetched(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for range 3 {
		if _, err := s.here.Finish(t.Context(), "acme", s.visits()); err != nil {
			t.Error(err)
		}
		s.provider.Rotate()
		s.clock.Advance(2 * time.Minute)
	}
	if n := s.provider.Asked("/jwks"); n != 3 {
		t.Errorf("the keys were fetched %d times", n)
	}
}
