package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/app/operate"
	"latchkey/internal/testkit"
)

// order runs a command about the data of a program. stdin is no terminal.
func order(t *testing.T, cfg config.Config, stdin string, args ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	err := operateOn(t.Context(), append(args, "--data", cfg.Data), operate.Console{In: strings.NewReader(stdin), Out: &out, Err: &complaints})
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%v: %v %s", args, err, complaints.String())
	}
	return out.String()
}

// resetLink is the link with which a user chooses another password.
func resetLink(t *testing.T, cfg config.Config, args ...string) string {
	t.Helper()
	var reset struct {
		Link string `json:"link"`
	}
	text := order(t, cfg, "", append([]string{"user", "reset-password", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &reset); err != nil {
		t.Fatal(err)
	}
	return reset.Link
}

// What a command needs comes to it from the program: its settings, its database, and the way into this process.
func TestCommandsWorkWhileTheProgramIsStopped(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	if err := run(t, cfg).stop(); err != nil {
		t.Fatal(err)
	}
	order(t, cfg, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
	if list := order(t, cfg, "", "user", "list"); !strings.Contains(list, "  ada@example.com\n") || !strings.HasSuffix(list, "Users: 1\n") {
		t.Errorf("listed: %s", list)
	}
	var help bytes.Buffer
	if err := Main(t.Context(), []string{"backup", "--help"}, &help); err != nil || !strings.Contains(help.String(), databaseFile+"-wal") {
		t.Errorf("%v: %s", err, help.String())
	}
	run(t, cfg) // the database is free again
}

func TestABrowserIsOutAtOnceWhenItsAccountIsDisabledOrDeleted(t *testing.T) {
	t.Parallel()
	for command, extra := range map[string][]string{"disable": nil, "delete": {"--yes"}, "reset-password": nil} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			a := run(t, cfg)
			person := browser(t)
			if got := post(t, person, a.URL()+"/register", account); got.Status != http.StatusOK {
				t.Fatalf("register: %d %s", got.Status, got.Body)
			}
			device, err := newClient(t, a.URL()).Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
			if err != nil {
				t.Fatal(err)
			}
			order(t, cfg, "", append([]string{"user", command, account.Get("email")}, extra...)...)
			if got := get(t, person, a.URL()+"/keys"); !strings.Contains(got.Body, "<title>Sign in") {
				t.Errorf("the browser is still in: %d %s", got.Status, got.Body)
			}
			if err := device.Refresh(t.Context()); !client.IsUnauthorized(err) {
				t.Errorf("the device is still in: %v", err)
			}
			if _, err := newClient(t, a.URL()).Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password"))); err == nil {
				t.Error("it can sign in again")
			}
		})
	}
}

// linkParts are what a link says to the page that it leads to.
func linkParts(t *testing.T, link string) (token client.Secret, id string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return client.Secret(u.Query().Get("token")), u.Query().Get("tokenId")
}

func TestWithKeepSessionsAResetEndsNothingUntilItsLinkIsUsed(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	person := browser(t)
	post(t, person, a.URL()+"/register", account)
	email := account.Get("email")
	link := resetLink(t, cfg, email, "--keep-sessions")
	if got := get(t, person, a.URL()+"/keys"); !strings.Contains(got.Body, email) {
		t.Errorf("the browser is out: %d", got.Status)
	}
	if !strings.HasPrefix(link, a.URL()+"/reset?") {
		t.Fatalf("the link: %q", link)
	}
	token, id := linkParts(t, link)
	choose := func() error {
		return newClient(t, a.URL()).ResetPassword(t.Context(), token, id, "another long password")
	}
	if err := choose(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, person, a.URL()+"/keys"); !strings.Contains(got.Body, "<title>Sign in") {
		t.Errorf("the browser is still in: %d", got.Status)
	}
	if _, err := newClient(t, a.URL()).Login(t.Context(), client.EmailPassword(email, "another long password")); err != nil {
		t.Error(err)
	}
	if err := choose(); err == nil {
		t.Error("the link is good twice")
	}
}

func TestNoCommandPutsASecretInTheLog(t *testing.T) {
	t.Parallel()
	log := &testkit.Log{}
	cfg := testConfig(t)
	cfg.LogTo, cfg.LogLevel, cfg.Log = log, "debug", "text"
	run(t, cfg)
	order(t, cfg, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
	link := resetLink(t, cfg, "ada@example.com")
	_, token, _ := strings.Cut(link, "token=")
	token, _, _ = strings.Cut(token, "&")
	for _, secret := range []string{"correct horse battery", token} {
		if strings.Contains(log.String(), secret) || secret == "" {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestAnImportedUserSignsInOnceAPasswordIsChosen(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	c := newClient(t, a.URL())
	order(t, cfg, "", "import-users", "operate/testdata/users.json")
	for _, password := range []string{" ", "correct horse battery"} {
		if _, err := c.Login(t.Context(), client.EmailPassword("ada@example.com", password)); !client.IsUnauthorized(err) {
			t.Errorf("signed in with %q: %v", password, err)
		}
	}
	link := resetLink(t, cfg, "5f3a1c2b9d0e4a0012345671")
	token, id := linkParts(t, link)
	if err := c.ResetPassword(t.Context(), token, id, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	session, err := c.Login(t.Context(), client.EmailPassword("ada@example.com", "correct horse battery"))
	if err != nil || session.UserID() != "5f3a1c2b9d0e4a0012345671" {
		t.Errorf("signed in as %s, %v", session.UserID(), err)
	}
}

// With the database and the key files of before, nobody notices that they were elsewhere.
func TestARestoredProgramKnowsItsBrowsersAndDevices(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	first := run(t, cfg)
	person, c := browser(t), newClient(t, first.URL())
	post(t, person, first.URL()+"/register", account)
	session, err := c.Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
	if err != nil {
		t.Fatal(err)
	}
	key, err := session.APIKeys().Create(t.Context(), "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	order(t, cfg, "", "backup", copied)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}

	restored := testConfig(t)
	testkit.MakeDir(t, restored.Data, 0o700)
	testkit.WriteFile(t, filepath.Join(restored.Data, databaseFile), testkit.ReadFile(t, copied), 0o600)
	for _, name := range []string{sessionKeysFile, accessKeyFile} {
		testkit.WriteFile(t, filepath.Join(restored.Data, name), testkit.ReadFile(t, filepath.Join(cfg.Data, name)), 0o600)
	}
	second := run(t, restored)
	if got := get(t, person, second.URL()+"/keys"); !strings.Contains(got.Body, "porch-cam") {
		t.Errorf("the browser is not known: %d", got.Status)
	}
	c = newClient(t, second.URL())
	if err := c.Resume(session.UserID(), session.RefreshToken()).Refresh(t.Context()); err != nil {
		t.Errorf("the session is not known: %v", err)
	}
	if _, err := c.Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); err != nil {
		t.Errorf("the key is not known: %v", err)
	}
}

// What commands do can be done on the socket alone.
func TestNoPortTakesCommands(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.AdminAddr = "127.0.0.1:0"
	a := run(t, cfg)
	body := `{"email":"mallory@example.com","password":"correct horse battery","user":"x","path":"/tmp/x","after":""}`
	for _, base := range []string{a.URL(), "http://" + a.admin.listener.Addr().String()} {
		for _, prefix := range []string{"", "/operator", "/api/latchkey/v1", "/api/client/v2.0"} {
			for _, path := range []string{
				"/users/add", "/users/list", "/users/find", "/users/disable", "/users/enable", "/users/reset-password", "/users/delete", "/users/import", "/backup", "/status", "/nodes",
			} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+prefix+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				if got := do(t, &http.Client{CheckRedirect: noRedirect}, req); got.Status == http.StatusOK || got.Status == http.StatusUnprocessableEntity {
					t.Errorf("%s answers %d %s", req.URL, got.Status, got.Body)
				}
			}
		}
	}
	if users, err := a.store.Users(t.Context(), "", 1); err != nil || len(users) > 0 {
		t.Errorf("users: %v, %v", users, err)
	}
}
