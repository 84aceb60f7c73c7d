package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

const identityProviderPage = "../../docs/identity-provider.md"

// The shell of the page turns a device's key into a token for the service of the page, as it stands there.
func TestADeviceGetsATokenByTheShellOfTheDocuments(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	page := testkit.ReadFile(t, identityProviderPage)
	var services string
	for _, block := range blocks(page, "json") {
		if strings.Contains(block, `"lifetime"`) {
			services = block
		}
	}
	dir := t.TempDir()
	s := newStageWith(t, func(cfg *config.Config) {
		cfg.Audiences = filepath.Join(dir, "audiences.json")
		testkit.WriteFile(t, cfg.Audiences, services, 0o600)
	})
	user, _ := s.user()
	value := testkit.OldValue()
	key := s.key(user, "porch-cam", value, false)
	testkit.WriteFile(t, filepath.Join(dir, ".env"), "APP_ID=latchkey-local\nBASE_URL="+s.URL()+"\nAPI_KEY="+value+"\n", 0o600)
	shell := exec.CommandContext(t.Context(), "sh", "-euc", cut(t, identityProviderPage, "sh"))
	shell.Dir, shell.Env = dir, []string{"PATH=" + os.Getenv("PATH")}
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	header, claims := s.opened(strings.TrimSpace(string(out)))
	if header.Algorithm != "ES256" || claims["iss"] != s.URL() || claims["aud"] != "https://orders.example.org" || claims["sub"] != user || claims["latchkey_key"] != key {
		t.Errorf("it is %v, %v", header, claims)
	}
}

// What the page has one write is what the program takes.
func TestTheProvidersOfTheDocumentsAreTaken(t *testing.T) {
	t.Parallel()
	found := 0
	for _, block := range blocks(testkit.ReadFile(t, identityProviderPage), "json") {
		if !strings.Contains(block, `"openid"`) {
			continue
		}
		found++
		dir := t.TempDir()
		file := filepath.Join(dir, "providers.json")
		testkit.WriteFile(t, file, block, 0o600)
		testkit.WriteFile(t, filepath.Join(dir, "acme-secret"), "a secret of the provider's", 0o600)
		given, err := config.Load([]string{"--public-url", "https://keys.example.org", "--providers", file, "--registration", "closed", "--passwords", "off"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := given.Parse(); err != nil {
			t.Error(err)
		}
	}
	if found != 2 {
		t.Errorf("%d files of providers", found)
	}
}
