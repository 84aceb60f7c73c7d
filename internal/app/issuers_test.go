package app

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/app/doctor"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// withProviders has the program read a file of providers, and fetch all keys from an issuer.
func withProviders(t *testing.T, cfg config.Config, issuer *testkit.Issuer, file string) config.Config {
	t.Helper()
	cfg.Providers = filepath.Join(t.TempDir(), "providers.json")
	if err := os.WriteFile(cfg.Providers, []byte(strings.ReplaceAll(file, "ISSUER", issuer.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.KeySets = map[string]string{model.ProviderGoogle: issuer.URL, model.ProviderApple: issuer.URL}
	return cfg
}

const threeProviders = `{
	"custom-token": {"algorithm": "RS256", "jwks": "ISSUER"},
	"oauth2-google": {"client_ids": ["123.apps.googleusercontent.com"], "new_users": false},
	"oauth2-apple": {"client_ids": ["org.example.app"]}
}`

func googleClaims(subject string) map[string]any {
	return testkit.Claims(time.Now(), subject, "123.apps.googleusercontent.com", map[string]any{
		"iss": "https://accounts.google.com", "azp": "123.apps.googleusercontent.com", "email": "ada@example.com", "email_verified": true,
	})
}

// The keys that devices of imported people come with later are theirs again, so it matters whose account a token opens.
func TestAnImportedUserOfGoogleIsBackWithAToken(t *testing.T) {
	t.Parallel()
	issuer := testkit.NewIssuer(t)
	cfg := withProviders(t, testConfig(t), issuer, threeProviders)
	a := run(t, cfg)
	c := newClient(t, a.URL())
	if report := order(t, cfg, "", "import-users", "operate/testdata/users.json"); !strings.Contains(report, "Identities of oauth2-google that sign in as before: 1.\n") {
		t.Errorf("reported: %s", report)
	}
	for _, name := range []string{"first", "second"} {
		session, err := c.Login(t.Context(), client.GoogleIDToken(issuer.Token(t, googleClaims("auth0|77"))))
		if err != nil || session.UserID() != "5f3a1c2b9d0e4a0012345675" {
			t.Fatalf("signed in as %v, %v", session, err)
		}
		key, err := session.APIKeys().Create(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		device, err := c.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
		if err != nil || device.UserID() != session.UserID() {
			t.Errorf("its key is of %v, %v", device, err)
		}
	}
	if _, err := c.Login(t.Context(), client.GoogleIDToken(issuer.Token(t, googleClaims("somebody new")))); err == nil || client.IsUnauthorized(err) {
		t.Errorf("somebody new: %v", err)
	}
}

// What stands for Google's issuer in a token of Apple's, and so on, opens nothing.
func TestEachProviderTakesItsOwnTokensAlone(t *testing.T) {
	t.Parallel()
	issuer := testkit.NewIssuer(t)
	c := newClient(t, run(t, withProviders(t, testConfig(t), issuer, strings.Replace(threeProviders, `, "new_users": false`, "", 1))).URL())
	apple := testkit.Claims(time.Now(), "ada", "org.example.app", map[string]any{"iss": "https://appleid.apple.com"})
	custom := testkit.Claims(time.Now(), "ada", "latchkey-local", nil)
	tokens := map[string]string{"custom-token": issuer.Token(t, custom), "oauth2-google": issuer.Token(t, googleClaims("ada")), "oauth2-apple": issuer.Token(t, apple)}
	users := map[string]bool{}
	for of, token := range tokens {
		for to, with := range map[string]func(string) client.Credentials{
			"custom-token": client.CustomToken, "oauth2-google": client.GoogleIDToken, "oauth2-apple": client.AppleIDToken,
		} {
			session, err := c.Login(t.Context(), with(token))
			switch {
			case of != to && !client.IsUnauthorized(err):
				t.Errorf("%s takes a token for %s: %v", to, of, err)
			case of == to && err != nil:
				t.Errorf("%s: %v", of, err)
			case of == to:
				users[session.UserID()] = true
			}
		}
	}
	for what, claims := range map[string]map[string]any{
		"iss": {"iss": "https://accounts.google.com.example.org"}, "azp": {"azp": "another"}, "aud": {"aud": "another"},
	} {
		wrong := googleClaims("ada")
		for name, value := range claims {
			wrong[name] = value
		}
		if _, err := c.Login(t.Context(), client.GoogleIDToken(issuer.Token(t, wrong))); !client.IsUnauthorized(err) {
			t.Errorf("another %s: %v", what, err)
		}
	}
	if len(users) != 3 {
		t.Errorf("three subjects of the same name are %d users", len(users))
	}
}

func TestAProgramStartsWithoutItsIssuerAndSaysSo(t *testing.T) {
	t.Parallel()
	issuer, log := testkit.NewIssuer(t), &testkit.Log{}
	issuer.AnswerBy(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	cfg := withProviders(t, testConfig(t), issuer, `{"custom-token": {"algorithm": "RS256", "jwks": "ISSUER?hidden=1"}}`)
	cfg.AdminAddr, cfg.LogTo, cfg.Log = "127.0.0.1:0", log, "json"
	clock := &testkit.Clock{}
	cfg.Now = clock.Now
	a := run(t, cfg)
	a.lookAtIssuers(t.Context()) // as it does by itself, at the start and each minute
	admin := "http://" + a.admin.listener.Addr().String()
	ready := get(t, http.DefaultClient, admin+"/readyz")
	const words = "custom-token: the keys at "
	if ready.Status != 200 || !strings.HasPrefix(ready.Body, "ready\n") || !strings.Contains(ready.Body, words) || !strings.Contains(ready.Body, "status 502") {
		t.Errorf("/readyz: %d %s", ready.Status, ready.Body)
	}
	if status := order(t, cfg, "", "status"); !strings.Contains(status, words) {
		t.Errorf("status: %s", status)
	}
	for _, text := range []string{ready.Body, log.String()} {
		if strings.Contains(text, "hidden") || !strings.Contains(text, words) {
			t.Errorf("said: %s", text)
		}
	}
	issuer.AnswerBy(nil)
	clock.Advance(time.Minute)
	a.lookAtIssuers(t.Context())
	if again := get(t, http.DefaultClient, admin+"/readyz"); again.Body != "ready\n" {
		t.Errorf("/readyz afterwards: %s", again.Body)
	}
	token := issuer.Token(t, testkit.Claims(clock.Now(), "ada", "latchkey-local", nil))
	if _, err := newClient(t, a.URL()).Login(t.Context(), client.CustomToken(token)); err != nil {
		t.Error(err)
	}
}

// What the doctor writes, the program reads, once its gaps are filled.
func TestTheFileThatTheDoctorWritesIsRead(t *testing.T) {
	t.Parallel()
	for export, gaps := range map[string]bool{"newest": false, "realm": true} {
		cfg := testConfig(t)
		cfg.Providers = filepath.Join(t.TempDir(), "providers.json")
		_ = doctor.Run(t.Context(), []string{"doctor/testdata/" + export, "--write-providers", cfg.Providers}, io.Discard) // not all of it works
		settings, err := cfg.Parse()
		if gaps {
			testkit.WantSentence(t, err, "--providers", `custom-token: secret_files still says "FILL IN"`)
		} else if err != nil || len(settings.Providers.Names()) == 0 {
			t.Errorf("%s: %v, %v", export, settings.Providers.Names(), err)
		}
	}
}

func TestASecretThatSignsTokensAndThatOthersCanReadIsToldOf(t *testing.T) {
	t.Parallel()
	log := &testkit.Log{}
	cfg := withProviders(t, testConfig(t), testkit.NewIssuer(t), `{"custom-token": {"algorithm": "HS256", "secret_files": ["secret"]}}`)
	secret := filepath.Join(filepath.Dir(cfg.Providers), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("s3cret", 8)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.LogTo, cfg.Log = log, "json"
	for mode, told := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		log.Reset()
		if err := os.Chmod(secret, mode); err != nil {
			t.Fatal(err)
		}
		if err := run(t, cfg).stop(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "a secret that signs tokens"); got != told || strings.Contains(log.String(), "s3cret") {
			t.Errorf("%o: told %v: %s", mode, got, log.String())
		}
	}
}
