package app

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// withOpenID has people of a program sign in at a provider. In the file PROVIDER is its URL.
func withOpenID(t *testing.T, cfg config.Config, provider *testkit.Provider, file string) config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg.Providers = filepath.Join(dir, "providers.json")
	for name, content := range map[string]string{
		cfg.Providers: strings.ReplaceAll(file, "PROVIDER", provider.URL), filepath.Join(dir, "secret"): provider.ClientSecret.Reveal(),
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

const acmeAndApp = `{
	"custom-token": {"algorithm": "RS256", "jwks": "PROVIDER/jwks", "issuer": "PROVIDER", "new_users": true},
	"openid": [{"id": "acme", "name": "Acme", "issuer": "PROVIDER", "client_id": "latchkey", "client_secret_file": "secret", "provider": "custom-token"}]
}`

// signsInAt signs a browser in at the provider, as its script-less self does.
func signsInAt(t *testing.T, b *http.Client, a running, provider *testkit.Provider) answer {
	t.Helper()
	sent := post(t, b, a.URL()+"/login/with/acme", url.Values{})
	_, address, found := strings.Cut(sent.Header.Get("Refresh"), "url=")
	if !found {
		t.Fatalf("not sent away: %d %s", sent.Status, sent.Body)
	}
	return get(t, b, provider.Visit(t, address).String())
}

func TestAPersonOfAnAppSignsInToThePagesAtTheSameIssuer(t *testing.T) {
	t.Parallel()
	provider, log := testkit.NewProvider(t, time.Now), &testkit.Log{}
	cfg := withOpenID(t, testConfig(t), provider, acmeAndApp)
	cfg.Passwords, cfg.LogTo = "off", log
	a := run(t, cfg)
	token := provider.Token(t, testkit.Claims(time.Now(), "ada-at-acme", "latchkey-local", map[string]any{"iss": provider.URL}))
	session, err := newClient(t, a.URL()).Login(t.Context(), client.CustomToken(token))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.APIKeys().Create(t.Context(), "porch-cam"); err != nil {
		t.Fatal(err)
	}
	b := browser(t)
	if page := signsInAt(t, b, a, provider); page.Status != http.StatusOK || !strings.Contains(page.Body, "porch-cam") {
		t.Errorf("the page after the sign-in: %d %s", page.Status, page.Body)
	}
	if created := post(t, b, a.URL()+"/keys", url.Values{"name": {"gate"}, "form_id": {strings.Repeat("A", 22)}}); created.Status != http.StatusOK || !strings.Contains(created.Body, "gate") {
		t.Errorf("a key of a person without a password: %d %s", created.Status, created.Body)
	}
	keys, err := session.APIKeys().FetchAll(t.Context())
	if err != nil || len(keys) != 2 {
		t.Errorf("the app sees %d keys, %v", len(keys), err)
	}
	profile, err := session.Profile(t.Context())
	if err != nil || len(profile.Identities) != 3 { // of the provider, and two keys
		t.Errorf("the profile is %+v, %v", profile, err)
	}

	for _, path := range []string{"/register", "/forgot"} {
		if page := get(t, browser(t), a.URL()+path); page.Status != http.StatusNotFound {
			t.Errorf("without passwords %s answers %d", path, page.Status)
		}
	}
	if page := get(t, browser(t), a.URL()+"/login"); strings.Contains(page.Body, `type="password"`) {
		t.Error("without passwords the page to sign in asks for one")
	}
	_, err = newClient(t, a.URL()).Login(t.Context(), client.EmailPassword("ada@example.org", testkit.Password))
	if !client.IsUnauthorized(err) {
		t.Errorf("a password: %v", err)
	}
	if err := newClient(t, a.URL()).Register(t.Context(), "ada@example.org", testkit.Password); err == nil {
		t.Error("somebody has registered")
	}
	for _, secret := range []string{provider.ClientSecret.Reveal(), "code=", "ada@example.org"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

// Nothing but signing in with it needs a provider, which may come up later.
func TestAProgramStartsWithoutItsProvidersAndSaysSo(t *testing.T) {
	t.Parallel()
	provider, clock := testkit.NewProvider(t, time.Now), &testkit.Clock{}
	provider.Has(testkit.ProviderDown)
	cfg := withOpenID(t, testConfig(t), provider, strings.Replace(acmeAndApp, `, "provider": "custom-token"`, "", 1))
	cfg.AdminAddr, cfg.Now = "127.0.0.1:0", clock.Now
	a := run(t, cfg)
	a.lookAtIssuers(t.Context()) // as it does by itself
	admin := "http://" + a.admin.listener.Addr().String()
	const words = "cannot be asked (it answers with status 503); nobody can sign in with it until it can"
	if ready := get(t, http.DefaultClient, admin+"/readyz"); ready.Status != 200 || !strings.Contains(ready.Body, "acme: "+provider.URL+" "+words) {
		t.Errorf("/readyz: %d %s", ready.Status, ready.Body)
	}
	if status := order(t, cfg, "", "status"); !strings.Contains(status, words) {
		t.Errorf("status: %s", status)
	}
	if page := post(t, browser(t), a.URL()+"/login/with/acme", url.Values{}); page.Status != http.StatusBadGateway {
		t.Errorf("signing in answers %d %s", page.Status, page.Body)
	}
	provider.Has()
	clock.Advance(time.Minute)
	a.lookAtIssuers(t.Context())
	if ready := get(t, http.DefaultClient, admin+"/readyz"); ready.Body != "ready\n" {
		t.Errorf("/readyz afterwards: %s", ready.Body)
	}
	if page := signsInAt(t, browser(t), a, provider); page.Status != http.StatusOK {
		t.Errorf("signing in answers %d %s", page.Status, page.Body)
	}
}
