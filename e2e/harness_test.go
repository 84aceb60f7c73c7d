package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app"
	"latchkey/internal/accounts"
)

const password = "correct horse battery"

// program is one Latchkey, running with data of its own until the test ends.
type program struct {
	app    *app.App
	url    string
	http   *http.Client   // a browser's way in, without a browser; keeps no cookies, follows no redirects
	client *client.Client // a device's way in
}

// startProgram starts a program on a free port. Each of change may alter its settings first.
func startProgram(t *testing.T, change ...func(*app.Config)) *program {
	t.Helper()
	cfg := app.Defaults()
	cfg.Addr, cfg.Data, cfg.LogTo = "127.0.0.1:0", t.TempDir(), t.Output()
	cfg.PasswordCost = accounts.PasswordCost{Memory: 64, Passes: 1, Threads: 1}
	for _, c := range change {
		c(&cfg)
	}
	a, err := app.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	p := &program{app: a, url: a.URL(), http: loopbackClient()}
	t.Cleanup(func() {
		p.http.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error("the program did not stop well:", err)
		}
	})
	if p.client, err = client.New(p.url, cfg.AppID, client.WithHTTPClient(p.http)); err != nil {
		t.Fatal(err)
	}
	return p
}

// loopbackClient finds every name on this machine, like the browsers of this package do with latchkey.test.
func loopbackClient() *http.Client {
	var dialer net.Dialer
	return &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 64,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
		},
	}
}

// person has an account and is logged in to it over the client API, beside whatever browsers they use.
type person struct {
	email   string
	session *client.Session
}

// person makes an account, ana@example.com, without a browser.
func (p *program) person(t *testing.T) *person { return p.personNamed(t, "ana@example.com") }

func (p *program) personNamed(t *testing.T, email string) *person {
	t.Helper()
	if err := p.client.Register(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	session, err := p.client.Login(t.Context(), client.EmailPassword(email, password))
	if err != nil {
		t.Fatal(err)
	}
	return &person{email, session}
}

// keys makes keys of these names without a browser.
func (who *person) keys(t *testing.T, names ...string) []client.CreatedKey {
	t.Helper()
	var made []client.CreatedKey
	for _, name := range names {
		key, err := who.session.APIKeys().Create(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, key)
	}
	return made
}

// usedKeys makes keys that have been logged in with. For the first use of others a page waits, and draws them anew by itself when
// anything becomes of them.
func (p *program) usedKeys(t *testing.T, who *person, names ...string) []client.CreatedKey {
	t.Helper()
	made := who.keys(t, names...)
	for _, key := range made {
		p.logIn(t, client.UserAPIKey(key.Value.Reveal()))
	}
	return made
}

// list gives the person's keys as the server has them.
func (who *person) list(t *testing.T) []client.APIKey {
	t.Helper()
	keys, err := who.session.APIKeys().FetchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// find gives the key of that name.
func (who *person) find(t *testing.T, name string) client.APIKey {
	t.Helper()
	for _, key := range who.list(t) {
		if key.Name == name {
			return key
		}
	}
	t.Fatal("no key named", name)
	return client.APIKey{}
}

// deletes deletes the key of that name without a browser, as somebody in another place would.
func (who *person) deletes(t *testing.T, name string) {
	t.Helper()
	if err := who.session.APIKeys().Delete(t.Context(), who.find(t, name).ID); err != nil {
		t.Fatal(err)
	}
}

// numbered gives n names for keys: key-01, key-02, …
func numbered(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("key-%02d", i+1))
	}
	return names
}

// logIn is what a device does first.
func (p *program) logIn(t *testing.T, with client.Credentials) *client.Session {
	t.Helper()
	session, err := p.client.Login(t.Context(), with)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// refuses makes sure that nobody can log in with the value.
func (p *program) refuses(t *testing.T, value string) {
	t.Helper()
	if _, err := p.client.Login(t.Context(), client.UserAPIKey(value)); !client.IsUnauthorized(err) {
		t.Error("log-in with the value is not refused:", err)
	}
}

// cookie signs the person in at the program as its log-in form does, and gives the cookie that the browser would keep.
func (p *program) cookie(t *testing.T, who *person) *http.Cookie {
	t.Helper()
	form := url.Values{"email": {who.email}, "password": {password}}
	res := p.send(t, http.MethodPost, "/login", form, nil)
	for _, cookie := range res.Cookies {
		if strings.HasSuffix(cookie.Name, "latchkey") && cookie.Value != "" {
			return cookie
		}
	}
	t.Fatalf("POST /login: %s and no session cookie", res.Status)
	return nil
}

// answer is what came back to a request that no browser made.
type answer struct {
	Status     string
	StatusCode int
	Header     http.Header
	Cookies    []*http.Cookie
	Body       string
}

// send makes one request without a browser, signed in by the cookie unless that is nil.
func (p *program) send(t *testing.T, method, path string, form url.Values, cookie *http.Cookie) answer {
	t.Helper()
	a, err := p.trySend(t.Context(), method, path, form, cookie)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// trySend is send for those who are many at once: only the test itself may end itself.
func (p *program) trySend(ctx context.Context, method, path string, form url.Values, cookie *http.Cookie) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != nil {
		req.AddCookie(cookie)
	}
	res, err := p.http.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	body, err := io.ReadAll(res.Body)
	return answer{res.Status, res.StatusCode, res.Header, res.Cookies(), string(body)}, err
}
