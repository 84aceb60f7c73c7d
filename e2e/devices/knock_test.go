package devices

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/e2e/story"
	"latchkey/internal/app"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// A device that nobody can reach has a value that nobody can read. It comes back without either, to the user who has the id of before.
func TestADeviceOfAppServicesComesBackWithoutItsValueBeingSeen(t *testing.T) {
	t.Parallel()
	const value = "q7Hc2LwXz9RkT4vBn8YdJ3mPf6sGa1ZeU5oWhCxKiQtVrNbEyMuDgFjSlApO0I2k"
	const ada = "5f0000000000000000000001"
	var at config.Config
	var log testkit.Log
	program := story.StartProgram(t, func(cfg *config.Config) {
		cfg.LogTo, cfg.LogLevel = &log, "debug"
		at = *cfg
	})
	var said strings.Builder
	latchkey := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		args = append(args, "--data", at.Data)
		if at.Database != "" {
			args = append(args, "--database", at.Database.Reveal())
		}
		if err := app.Main(story.Within(t), args, &out); err != nil {
			t.Fatalf("latchkey %s: %v", strings.Join(args, " "), err)
		}
		said.WriteString(out.String())
		return out.String()
	}
	device := func() string { return story.Node(t, "", value, "realmweb.mjs", "device", program.URL) }

	users := filepath.Join(t.TempDir(), "users.json")
	testkit.WriteFile(t, users, `[{"_id":"`+ada+`","identities":[
		{"id":"5f00000000000000000000a1","provider_type":"local-userpass","provider_data":{"email":"ada@example.org"}},
		{"id":"5f00000000000000000000b1","provider_type":"api-key"}]}]`, 0o600)
	latchkey("import-users", users)
	if out := latchkey("user", "list"); !strings.Contains(out, "1 key not back yet") {
		t.Errorf("%s", out)
	}
	renew(t, program, ada) // what its SDK begins with
	if got := device(); got != "refused" {
		t.Fatalf("nobody has the value, and it signs in as %s", got)
	}
	var lines []string
	story.Until(t, "the device is listed", func() bool {
		lines = strings.Split(latchkey("knock", "list"), "\n")
		return len(lines) > 2
	})
	if !strings.Contains(lines[1], "realm-web") || !strings.HasSuffix(lines[1], "token of ada@example.org, not proved") {
		t.Errorf("%q", lines)
	}
	knock, _, _ := strings.Cut(lines[1], " ")
	if out := latchkey("knock", "adopt", knock, "ada@example.org", "--name", "porch-cam"); out != "porch-cam is ada@example.org's first key. It works the next time the device tries.\n" {
		t.Errorf("%q", out)
	}
	if got := device(); got != ada {
		t.Errorf("it signs in as %s", got)
	}
	if out := latchkey("user", "list") + latchkey("knock", "list"); strings.Contains(out, "not back") || strings.Contains(out, knock) {
		t.Errorf("%s", out)
	}

	if strings.Contains(said.String()+log.String(), value) {
		t.Error("the value is in what was printed or logged")
	}
	err := filepath.WalkDir(at.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // of this test
		if bytes.Contains(content, []byte(value)) {
			t.Errorf("the value is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// renew shows a token that App Services gave to a user.
func renew(t *testing.T, program *story.Program, user string) {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(`{"typ":"refresh","sub":"`+user+`","baas_data":null}`)) + "." + encode([]byte("signature"))
	req, err := http.NewRequestWithContext(story.Within(t), http.MethodPost, program.URL+"/api/client/v2.0/auth/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := program.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("an old token is answered with %d, %v", res.StatusCode, err)
	}
}
