package story

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/internal/app"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// Password is that of all people.
const Password = testkit.Password

// Program is one Latchkey, running with data of its own until the test ends.
type Program struct {
	app    *app.App
	URL    string
	AppID  string
	HTTP   *http.Client   // a browser's way in, without a browser; keeps no cookies, follows no redirects
	Client *client.Client // a device's way in

	data     string
	database model.Secret // "": in data
}

// StartProgram starts a program on a free port. Each of change may alter its settings first.
func StartProgram(t *testing.T, change ...func(*config.Config)) *Program {
	t.Helper()
	cfg := config.Defaults()
	cfg.Addr, cfg.Data, cfg.LogTo = "127.0.0.1:0", t.TempDir(), t.Output()
	cfg.PasswordCost, cfg.Database, cfg.StopAtOnce = testkit.Cheap, testkit.Database(t), true
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
	p := &Program{app: a, URL: a.URL(), AppID: cfg.AppID, HTTP: loopbackClient(), data: cfg.Data, database: cfg.Database}
	t.Cleanup(func() {
		p.HTTP.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error("the program did not stop well:", err)
		}
	})
	if p.Client, err = client.New(p.URL, cfg.AppID, client.WithHTTPClient(p.HTTP)); err != nil {
		t.Fatal(err)
	}
	return p
}

// loopbackClient finds every name on this machine, like the browsers of this package do with latchkey.test.
func loopbackClient() *http.Client {
	var dialer net.Dialer
	return &http.Client{
		Timeout:       Limit,
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

// Person has an account and is logged in to it over the client API, beside whatever browsers they use.
type Person struct {
	Email   string
	Session *client.Session
}

// Person makes an account, ana@example.com, without a browser.
func (p *Program) Person(t *testing.T) *Person { return p.PersonNamed(t, "ana@example.com") }

// PersonNamed makes an account with the address, without a browser.
func (p *Program) PersonNamed(t *testing.T, email string) *Person {
	t.Helper()
	if err := p.Client.Register(Within(t), email, Password); err != nil {
		t.Fatal(err)
	}
	session, err := p.Client.Login(Within(t), client.EmailPassword(email, Password))
	if err != nil {
		t.Fatal(err)
	}
	return &Person{email, session}
}

// Keys makes keys of these names without a browser.
func (who *Person) Keys(t *testing.T, names ...string) []client.CreatedKey {
	t.Helper()
	var made []client.CreatedKey
	for _, name := range names {
		key, err := who.Session.APIKeys().Create(Within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, key)
	}
	return made
}

// UsedKeys makes keys that have been logged in with. For the first use of others a page waits, and draws them anew by itself when
// anything becomes of them.
func (p *Program) UsedKeys(t *testing.T, who *Person, names ...string) []client.CreatedKey {
	t.Helper()
	made := who.Keys(t, names...)
	for _, key := range made {
		p.LogIn(t, client.UserAPIKey(key.Value.Reveal()))
	}
	return made
}

// List gives the person's keys as the server has them.
func (who *Person) List(t *testing.T) []client.APIKey {
	t.Helper()
	keys, err := who.Session.APIKeys().FetchAll(Within(t))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// Find gives the key of that name.
func (who *Person) Find(t *testing.T, name string) client.APIKey {
	t.Helper()
	for _, key := range who.List(t) {
		if key.Name == name {
			return key
		}
	}
	t.Fatal("no key named", name)
	return client.APIKey{}
}

// Deletes deletes the key of that name without a browser, as somebody in another place would.
func (who *Person) Deletes(t *testing.T, name string) {
	t.Helper()
	if err := who.Session.APIKeys().Delete(Within(t), who.Find(t, name).ID); err != nil {
		t.Fatal(err)
	}
}

// Numbered gives n names for keys: key-01, key-02, …
func Numbered(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("key-%02d", i+1))
	}
	return names
}

// LogIn is what a device does first.
func (p *Program) LogIn(t *testing.T, with client.Credentials) *client.Session {
	t.Helper()
	session, err := p.Client.Login(Within(t), with)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// LogInFrom signs in as the device does.
func (p *Program) LogInFrom(t *testing.T, device client.Device, with client.Credentials) {
	t.Helper()
	c, err := client.New(p.URL, p.AppID, client.WithHTTPClient(p.HTTP), client.WithDevice(device))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(Within(t), with); err != nil {
		t.Fatal(err)
	}
}

// Refuses makes sure that nobody can log in with the value.
func (p *Program) Refuses(t *testing.T, value string) {
	t.Helper()
	if _, err := p.Client.Login(Within(t), client.UserAPIKey(value)); !client.IsUnauthorized(err) {
		t.Error("log-in with the value is not refused:", err)
	}
}

// Cookie signs the person in at the program as its log-in form does, and gives the cookie that the browser would keep.
func (p *Program) Cookie(t *testing.T, who *Person) *http.Cookie {
	t.Helper()
	form := url.Values{"email": {who.Email}, "password": {Password}}
	res := p.Send(t, http.MethodPost, "/login", form, nil)
	for _, cookie := range res.Cookies {
		if IsSession(cookie) {
			return cookie
		}
	}
	t.Fatalf("POST /login: %s and no session cookie", res.Status)
	return nil
}

var sessionName = regexp.MustCompile(`^(__Host-)?latchkey(-[0-9]+)?$`)

// IsSession says whether a cookie is that of a web session, and names one. Its name has the port at its end.
func IsSession(cookie *http.Cookie) bool {
	return sessionName.MatchString(cookie.Name) && cookie.Value != ""
}

// Answer is what came back to a request that no browser made.
type Answer struct {
	Status     string
	StatusCode int
	Header     http.Header
	Cookies    []*http.Cookie
	Body       string
}

// Send makes one request without a browser, signed in by the cookie unless that is nil.
func (p *Program) Send(t *testing.T, method, path string, form url.Values, cookie *http.Cookie) Answer {
	t.Helper()
	a, err := p.TrySend(Within(t), method, path, form, cookie)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TrySend is send for those who are many at once: only the test itself may end itself.
func (p *Program) TrySend(ctx context.Context, method, path string, form url.Values, cookie *http.Cookie) (a Answer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != nil {
		req.AddCookie(cookie)
	}
	res, err := p.HTTP.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	body, err := io.ReadAll(res.Body)
	return Answer{res.Status, res.StatusCode, res.Header, res.Cookies(), string(body)}, err
}
