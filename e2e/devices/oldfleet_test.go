package devices

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// fleet is what is left of an app: what its owner exported in time, and the values that its devices have.
type fleet struct {
	t      *testing.T
	dir    string
	binary string
}

const (
	fleetApp   = "weather-abcde"
	fleetOwner = "5f3a1c2b9d0e4a0012345671" // the id that App Services gave to ada@example.org

	fleetKnown   = "q7Hc2LwXz9RkT4vBn8YdJ3mPf6sGa1ZeU5oWhCxKiQtVrNbEyMuDgFjSlApO0I2k" // of a device whose value somebody wrote down
	fleetUnknown = "Zk81mQpR7sTvWx2yBcDfGhJ4nL6oEaUiYtr5eWq9AzSxKdCvFbNgMhV3jPlO0iI2" // and of one that nobody can ask
)

func newFleet(t *testing.T) *fleet {
	t.Helper()
	binary, err := latchkey()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t, t.TempDir(), binary}
	f.write("export/root_config.json", `{"config_version": 20210101, "app_id": "weather-abcde", "name": "weather", "location": "US-VA", "deployment_model": "GLOBAL"}`)
	f.write("export/auth/providers.json", `{
		"api-key": {"name": "api-key", "type": "api-key", "disabled": false},
		"custom-token": {"name": "custom-token", "type": "custom-token", "disabled": false,
			"config": {"audience": [], "requireAnyAudience": false, "signingAlgorithm": "HS256"}, "secret_config": {"signingKeys": ["weatherKey"]}},
		"local-userpass": {"name": "local-userpass", "type": "local-userpass", "disabled": false, "config": {"autoConfirm": true}}}`)
	f.write("users.json", `[{"_id": "`+fleetOwner+`", "type": "normal", "creation_date": 1597643819, "data": {"email": "ada@example.org"}, "identities": [
		{"id": "5f3a1c2b9d0e4a0012345601", "provider_type": "local-userpass", "provider_data": {"email": "ada@example.org"}},
		{"id": "ada-at-the-station", "provider_type": "custom-token"},
		{"id": "5f3a1c2b9d0e4a0012345602", "provider_type": "api-key"}, {"id": "5f3a1c2b9d0e4a0012345603", "provider_type": "api-key"}]}]`)
	f.write("values.csv", "user,name,value\nada@example.org,porch-cam,"+fleetKnown+"\n")
	f.write("secret", strings.Repeat("a secret of the issuer ", 3))
	return f
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) write(name, content string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// latchkey runs a command in the fleet's directory, as an operator does, and gives what it printed.
func (f *fleet) latchkey(args ...string) string {
	f.t.Helper()
	cmd := exec.CommandContext(story.Within(f.t), f.binary, args...)
	cmd.Dir = f.dir
	out, err := cmd.Output()
	if err != nil {
		failed, _ := err.(*exec.ExitError) //nolint:errorlint // of Output
		f.t.Fatalf("latchkey %s: %v\n%s%s", strings.Join(args, " "), err, out, failed.Stderr)
	}
	return string(out)
}

// token is what the station's own sign-in gives to its users.
func (f *fleet) token(subject string) string {
	f.t.Helper()
	secret, err := os.ReadFile(f.path("secret"))
	if err != nil {
		f.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Subject: subject, Audience: jwt.Audience{fleetApp}, Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).Serialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

var resetLink = regexp.MustCompile(`http\S+/reset\S+`)

// The whole of it: what is left of an app goes through the doctor and the import, its devices come back one by one, each in the way that
// is left to it, and their owner has them in hand again.
func TestAnOldFleetComesBackInADay(t *testing.T) {
	t.Parallel()
	f := newFleet(t)

	report := f.latchkey("doctor", "export", "--users", "users.json", "--write-providers", "providers.json")
	for _, line := range []string{"weather-abcde", "2 keys of 1 user", "HS256"} {
		if !strings.Contains(report, line) {
			t.Errorf("the doctor does not speak of %q:\n%s", line, report)
		}
	}
	providers, err := os.ReadFile(f.path("providers.json"))
	if err != nil {
		t.Fatal(err)
	}
	f.write("providers.json", strings.Replace(string(providers), "FILL IN", "secret", 1))

	program := story.StartProgram(t, func(cfg *config.Config) {
		cfg.Data, cfg.Database, cfg.AppID, cfg.Providers = f.path("data"), "", fleetApp, f.path("providers.json")
	})
	f.latchkey("import-users", "users.json", "--data", "data")

	signsIn := func(how string, with any) story.Played {
		t.Helper()
		return program.Plays(t, []any{"signIn", how, with})[0]
	}
	isAdas := func(what string, p story.Played) {
		t.Helper()
		if p.Status != 0 || p.User == nil || p.User.ID != fleetOwner {
			t.Errorf("%s: %+v", what, p)
		}
	}
	refused := func(what string, p story.Played) {
		t.Helper()
		if p.Status != 401 || p.Code != "AuthError" {
			t.Errorf("%s: %+v", what, p)
		}
	}

	refused("a value before it is adopted", signsIn("key", fleetKnown))
	f.latchkey("adopt-keys", "values.csv", "--data", "data")
	isAdas("a value that was adopted", signsIn("key", fleetKnown))

	refused("a device that nobody can ask", signsIn("key", fleetUnknown))
	var knock struct {
		ID string `json:"knock"`
	}
	for began := time.Now(); knock.ID == "" && time.Since(began) < story.Limit; { // it is recorded after its answer
		list := f.latchkey("knock", "list", "--json", "--data", "data")
		if list != "" && json.Unmarshal([]byte(strings.SplitN(list, "\n", 2)[0]), &knock) != nil {
			t.Fatal(list)
		}
	}
	f.latchkey("knock", "adopt", knock.ID, "ada@example.org", "--name", "garage-pi", "--data", "data")
	isAdas("a knock that was adopted", signsIn("key", fleetUnknown))

	isAdas("a token of the station", signsIn("token", f.token("ada-at-the-station")))

	f.latchkey("server-key", "add", "gateway", "--out", "gateway.key", "--data", "data")
	value, err := os.ReadFile(f.path("gateway.key"))
	if err != nil {
		t.Fatal(err)
	}
	gateway := program.Plays(t, []any{"signIn", "key", strings.TrimSpace(string(value))}, []any{"createKey", "mine"})
	if u := gateway[0].User; u == nil || u.Type != "server" || u.ID == fleetOwner || gateway[1].Status != 403 {
		t.Errorf("the gateway: %+v", gateway)
	}

	link := resetLink.FindString(f.latchkey("user", "reset-password", "ada@example.org", "--data", "data", "--public-url", program.URL))
	page := program.Open(t)
	page.Visit(strings.TrimPrefix(link, program.URL))
	page.Fill("Password", story.Password)
	page.Press(page.Button("Set password and sign in"))
	page.IsAt("/keys")
	page.IsOn("porch-cam", true)
	page.Press(page.Toggle("garage-pi"))
	page.Says("garage-pi is off. It can’t sign in.")

	refused("the device that was turned off", signsIn("key", fleetUnknown))
	isAdas("the other one", signsIn("key", fleetKnown))
	isAdas("the station once more, since a new password ends sessions", signsIn("token", f.token("ada-at-the-station")))
	page.Visit("/sessions")
	page.Sees(page.Heading("Apps"))
	page.Sees(page.Link("porch-cam"))
}
