package handlers_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/handlers"
	"latchkey/internal/testkit"
	"latchkey/static"
)

// secureHeaders are what every answer carries on plain http.
var secureHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "same-origin",
	"X-Frame-Options":            "DENY",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cache-Control":              "no-store",
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*handlers.Deps){"http": nil, "https": {https}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, append(change, elsewhere)...)
			b, who := p.signedIn(email)
			key := p.seed(who, "porch-cam")[0]
			foreign := b.with("Sec-Fetch-Site", "cross-site")
			answers := map[string]answer{
				"200 page":         b.get("/keys").want(200),
				"200 part":         b.htmx().get("/keys").want(200),
				"200 health":       b.get("/healthz").want(200),
				"200 HX-Redirect":  b.htmx().get("/login").want(200),
				"303":              b.get("/").want(303),
				"303 act":          b.post("/keys/"+key.ID+"/turn-off", nil).want(303),
				"303 log-in":       p.browser().get("/keys").want(303),
				"403":              foreign.post("/keys", nil).want(403),
				"404 page":         b.get("/nowhere").want(404),
				"404 key":          b.get("/keys/ffffffffffffffffffffffff").want(404),
				"404 file":         b.get("/static/app.css").want(404),
				"405":              b.send(b.request(http.MethodPut, "/keys", nil)).want(405),
				"409":              sentTwice(b),
				"413":              b.post("/keys", url.Values{"name": {strings.Repeat("x", 1<<20)}}).want(413),
				"422":              b.post("/keys", nil).want(422),
				"422 log-in":       p.browser().post("/login", nil).want(422),
				"200 codes":        b.get("/device").want(200),
				"200 metadata":     b.get("/.well-known/oauth-authorization-server").want(200),
				"200 device":       p.device().start(url.Values{"client_id": {appID}}).want(200),
				"200 pairing":      b.opens(p.pairing("porch-cam")).page().want(200),
				"303 pairing":      b.get(anyPairing).want(303),
				"400 device":       p.device().poll(nil).want(400),
				"404 device":       b.get("/oauth/nowhere").want(404),
				"422 codes":        b.post("/device", nil).want(422),
				"200 with a value": b.post("/keys", createForm(newFormID(t), "heat-pump")).want(200),
			}
			p.upstream.breaks("*", losesRequests)
			answers["502"] = b.get("/keys").want(502)
			p.rows.afterRead(func() { panic("a mistake of ours") })
			answers["500 panic"] = b.get("/keys").want(500)
			p.rows.afterRead(nil)
			p.rows.breaks(errors.New("disk full"))
			answers["503"] = b.get("/keys").want(503)

			want := secureHeaders
			if name == "https" {
				want = map[string]string{"Strict-Transport-Security": "max-age=31536000"}
				for k, v := range secureHeaders {
					want[k] = v
				}
			}
			for what, a := range answers {
				for header, value := range want {
					if got := a.header[header]; len(got) != 1 || got[0] != value {
						t.Errorf("%s: %s is %q", what, header, got)
					}
				}
				if got := a.header.Get("Strict-Transport-Security"); got != want["Strict-Transport-Security"] {
					t.Errorf("%s: Strict-Transport-Security is %q", what, got)
				}
				if a.header.Get("X-Request-Id") == "" {
					t.Errorf("%s has no request id", what)
				}
				if got := a.header.Get("Server") + a.header.Get("X-Powered-By"); got != "" {
					t.Errorf("%s says what it runs on: %s", what, got)
				}
			}
		})
	}
}

func TestHeadersForTrustedOriginsAreSentToThoseAlone(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]struct{ opener, transport string }{
		"https://keys.example.org":  {"same-origin", "max-age=31536000"},
		"http://localhost:8080":     {"same-origin", ""},
		"http://keys.localhost":     {"same-origin", ""},
		"http://127.0.0.1:8080":     {"same-origin", ""},
		"http://[::1]:8080":         {"same-origin", ""},
		"http://keys.example.org":   {"", ""},
		"http://192.168.1.5:8080":   {"", ""},
		"http://localhost.evil.org": {"", ""},
	} {
		w := httptest.NewRecorder()
		handler := handlers.SecureHeaders(public, http.NotFoundHandler())
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		opener, transport := w.Header().Get("Cross-Origin-Opener-Policy"), w.Header().Get("Strict-Transport-Security")
		if opener != want.opener || transport != want.transport {
			t.Errorf("%s: opener policy %q, transport security %q", public, opener, transport)
		}
	}
}

func sentTwice(b *browser) answer {
	form := createForm(newFormID(b.t), "sent-twice")
	b.post("/keys", form)
	return b.post("/keys", form).want(http.StatusConflict)
}

func TestOnlyHashedFilesMayBeStored(t *testing.T) {
	t.Parallel()
	b := newProgram(t).browser()
	a := b.get(static.URL("app.css")).want(http.StatusOK)
	if got := a.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("a file with its hash: Cache-Control is %q", got)
	}
	for header, value := range secureHeaders {
		if got := a.header.Get(header); header != "Cache-Control" && got != value {
			t.Errorf("%s is %q", header, got)
		}
	}
}

func TestEveryFileAPageAsksForIsThere(t *testing.T) {
	t.Parallel()
	b := newProgram(t).browser()
	doc := b.get("/login").doc
	files := doc.Find("link[href], script[src]")
	for _, node := range files.Nodes {
		for _, attr := range node.Attr {
			if attr.Key == "href" || attr.Key == "src" {
				if a := b.get(attr.Val); a.status != http.StatusOK || a.body == "" {
					t.Errorf("%s: status %d", attr.Val, a.status)
				}
			}
		}
	}
	if files.Length() != 6 { // the home screen's among them
		t.Errorf("%d files", files.Length())
	}
}

func TestAMistakeOfOursBecomesAPageAndALogEntryWithItsPlace(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.rows.afterRead(func() { panic("index out of secret-host") })
	p.logs.Reset()
	a := b.with("Accept-Encoding", "gzip").get("/keys").want(http.StatusInternalServerError)
	a.says("h1", "Something went wrong here").keepsQuiet("secret-host", "goroutine")
	if got := a.text("main code"); got != a.header.Get("X-Request-Id") {
		t.Errorf("the reference is %q, the request %q", got, a.header.Get("X-Request-Id"))
	}
	if log := p.logs.String(); !strings.Contains(log, "index out of secret-host") || !strings.Contains(log, "middleware_test.go") {
		t.Errorf("the log does not say what panicked where: %s", log)
	}
	b.htmx().get("/keys").want(http.StatusInternalServerError).isPart().says(".notice.bad", "Something went wrong here")
}

// everyPost is every address that changes something, with a form that it would accept.
func everyPost(id string) map[string]url.Values {
	return map[string]url.Values{
		"/login":                    credentials(email, password),
		"/register":                 credentials("mallory@example.com", password),
		"/logout":                   {},
		"/theme":                    {"theme": {"dark"}},
		"/language":                 {"language": {"de"}},
		"/keys":                     createForm("AAAAAAAAAAAAAAAAAAAAAA", "made-elsewhere"),
		"/keys/" + id + "/turn-on":  {},
		"/keys/" + id + "/turn-off": {},
		"/keys/" + id + "/delete":   {},
		"/device":                   {"code": {"WDJB-MJHT"}},
		anyPairing + "/approve":     {"name": {"made-elsewhere"}},
		anyPairing + "/deny":        {},
	}
}

// anyPairing is the page of a pairing that does not exist.
const anyPairing = "/device/ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func TestOtherSitesCannotActInAPersonsName(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.reset()
	for name, headers := range map[string]map[string]string{
		"another site":                 {"Sec-Fetch-Site": "cross-site"},
		"a sister site":                {"Sec-Fetch-Site": "same-site"},
		"another origin, old browser":  {"Origin": "https://evil.example"},
		"another port, old browser":    {"Origin": "http://localhost:9999"},
		"a look-alike, old browser":    {"Origin": "http://localhost:8080.evil.example"},
		"a sandboxed frame":            {"Origin": "null"},
		"another site, as htmx":        {"Sec-Fetch-Site": "cross-site", "HX-Request": "true"},
		"another site, our own origin": {"Sec-Fetch-Site": "cross-site", "Origin": publicURL},
		"a value that does not exist":  {"Sec-Fetch-Site": "same-origin, cross-site"},
		"our host by another scheme":   {"Origin": "https://localhost:8080"},
		"our host without its port":    {"Origin": "http://localhost"},
		"our host, and a path":         {"Origin": publicURL + "/"},
		"our host, and somebody":       {"Origin": "http://evil@localhost:8080"},
		"no origin at all":             {"Origin": ""},
		"another page, older browser":  {"Referer": "https://evil.example/?" + publicURL},
		"a look-alike, older browser":  {"Referer": "http://localhost:8080@evil.example/"},
		"a page of no site":            {"Referer": "about:blank"},
		"null beside a page of ours":   {"Origin": "null", "Referer": publicURL + "/keys"},
	} {
		for path, form := range everyPost(key.ID) {
			r := b.request(http.MethodPost, path, form)
			r.Header.Del("Sec-Fetch-Site")
			for header, value := range headers {
				r.Header.Set(header, value)
			}
			a := b.send(r)
			if a.status != http.StatusForbidden || len(a.cookies) != 0 {
				t.Errorf("%s, POST %s: status %d, cookies %v", name, path, a.status, a.cookies)
			}
			a.says("h1, .notice", "This request came from another site").says("main, .notice", "Nothing was changed.")
		}
	}
	if got := p.upstream.count("*"); got != 0 {
		t.Errorf("%d requests to the key service", got)
	}
	b.get("/keys").want(http.StatusOK).says(".who", email).says("#keys .state", "On")
}

func TestOurOwnPagesAndProgramsMayAct(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for name, headers := range map[string]map[string]string{
		"our own page":              {"Sec-Fetch-Site": "same-origin", "Origin": publicURL},
		"the person, without page":  {"Sec-Fetch-Site": "none"},
		"our page, old browser":     {"Origin": publicURL},
		"a program without headers": {},
	} {
		r := b.request(http.MethodPost, "/keys/"+key.ID+"/turn-off", row(key))
		r.Header.Del("Sec-Fetch-Site")
		for header, value := range headers {
			r.Header.Set(header, value)
		}
		if a := b.send(r); a.status != http.StatusSeeOther {
			t.Errorf("%s: status %d", name, a.status)
		}
	}
	b.with("Sec-Fetch-Site", "cross-site").get("/keys").want(http.StatusOK) // a link from elsewhere
}

// Safari before 16.4 sends no Sec-Fetch-Site. Something on the way may take it away from any browser, and its Origin too.
func TestBrowsersWithoutSecFetchSiteCanSendEveryForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		public, host string // Host is as the proxy asks, "" as the browser did
		headers      map[string]string
	}{
		"https":                          {"https://keys.example.org", "", map[string]string{"Origin": "https://keys.example.org"}},
		"a proxy that adds the port":     {"https://keys.example.org", "keys.example.org:443", map[string]string{"Origin": "https://keys.example.org"}},
		"a proxy with a port of its own": {"https://keys.example.org", "keys.example.org:8080", map[string]string{"Origin": "https://keys.example.org"}},
		"a proxy that asks by address":   {"https://keys.example.org", "127.0.0.1:8080", map[string]string{"Origin": "https://keys.example.org"}},
		"another port than the public":   {"https://keys.example.org", "keys.example.org:8443", map[string]string{"Origin": "https://keys.example.org:8443"}},
		"this machine behind https":      {"https://keys.example.org", "127.0.0.1:8080", map[string]string{"Origin": "http://127.0.0.1:8080"}},
		"a name in capitals":             {"https://keys.example.org", "KEYS.example.org", map[string]string{"Origin": "https://keys.example.org"}},
		"plain http in a network":        {"http://192.168.1.5:8080", "", map[string]string{"Origin": "http://192.168.1.5:8080"}},
		"an address nobody told of":      {publicURL, "192.168.1.5:8080", map[string]string{"Origin": "http://192.168.1.5:8080"}},
		"a browser without Origin":       {"https://keys.example.org", "", map[string]string{"Referer": "https://keys.example.org/keys?q=x"}},
		"a filter that takes all":        {"https://keys.example.org", "", nil},
	} {
		p := newProgram(t, func(d *handlers.Deps) { d.PublicURL = c.public })
		b, who := p.signedIn(email)
		key := p.seed(who, "porch-cam")[0]
		forms := everyPost(key.ID)
		forms["/theme"] = url.Values{"theme": {"dark"}}
		for path, form := range forms {
			for _, from := range []*browser{b, b.htmx()} {
				r := from.request(http.MethodPost, path, form)
				if c.host != "" {
					r.Host = c.host
				}
				r.Header.Del("Sec-Fetch-Site")
				for header, value := range c.headers {
					r.Header.Set(header, value)
				}
				if a := from.send(r); a.has("h1") && a.text("h1") == "This request came from another site" || strings.Contains(a.text(".notice"), "another site") {
					t.Errorf("%s, POST %s: status %d", name, path, a.status)
				}
			}
		}
	}
}

// Under no-referrer browsers send "Origin: null" with forms, and the check is left with nothing where they send no Sec-Fetch-Site.
func TestEveryPageLetsBrowsersSayWhereItsFormsComeFrom(t *testing.T) {
	t.Parallel()
	for _, public := range []string{publicURL, "https://keys.example.org", "http://192.168.1.5:8080"} {
		p := newProgram(t, func(d *handlers.Deps) { d.PublicURL = public })
		b, _ := p.signedIn(email)
		for _, path := range []string{"/keys", "/login", "/nowhere", "/reset?tokenId=1", "/device"} {
			a := b.get(path).lacks("meta[name=referrer]", "[referrerpolicy]", "[rel~=noreferrer]")
			if got := a.header.Get("Referrer-Policy"); got != "same-origin" {
				t.Errorf("%s%s: Referrer-Policy is %q", public, path, got)
			}
		}
		for _, path := range []string{"/reset?token=abc&tokenId=def", "/confirm?tokenId=def&token=abc", "/nowhere?token=abc"} {
			if got := p.browser().get(path).header.Get("Referrer-Policy"); got != "strict-origin" { // its address stays out of logs
				t.Errorf("%s%s: Referrer-Policy is %q", public, path, got)
			}
		}
	}
}

func TestReadingPagesChangesNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	writes := p.store.Stats().Writes
	paths := []string{"/keys?name=x&form_id=AAAAAAAAAAAAAAAAAAAAAA", "/logs", "/healthz", "/device?code=WDJB-MJHT", anyPairing, "/oauth/token", "/oauth/device_authorization"}
	for path := range everyPost(key.ID) {
		paths = append(paths, path)
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			if a := b.send(b.request(method, path, nil)); a.status >= 500 {
				t.Errorf("%s %s: status %d", method, path, a.status)
			}
		}
	}
	if got := p.store.Stats().Writes - writes; got != 0 {
		t.Errorf("reading cost %d writes", got)
	}
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %q", got)
	}
}

func TestOnlyTrustedProxiesAreBelievedWhoTheyForwardFor(t *testing.T) {
	t.Parallel()
	trusted := func(networks ...string) func(*handlers.Deps) {
		return func(d *handlers.Deps) {
			for _, text := range networks {
				_, network, err := net.ParseCIDR(text)
				if err != nil {
					t.Fatal(err)
				}
				d.TrustedProxies = append(d.TrustedProxies, network)
			}
		}
	}
	none, proxies := newProgram(t), newProgram(t, trusted("198.51.100.0/24", "2001:db8:1::/48"))
	for name, c := range map[string]struct {
		p                       *program
		remote, forwarded, want string
	}{
		"no proxy trusted":                        {none, "203.0.113.9:1234", "6.6.6.6", "203.0.113.9"},
		"no proxy trusted, from this machine":     {none, "127.0.0.1:1234", "6.6.6.6", "127.0.0.1"},
		"no proxy trusted, private network":       {none, "10.1.2.3:1234", "6.6.6.6", "10.1.2.3"},
		"the trusted proxy":                       {proxies, "198.51.100.7:1234", "203.0.113.9", "203.0.113.9"},
		"the trusted proxy, version 6":            {proxies, "[2001:db8:1::7]:1234", "2001:db8:ffff::1", "2001:db8:ffff::1"},
		"two trusted proxies":                     {proxies, "198.51.100.7:1234", "203.0.113.9, 198.51.100.8", "203.0.113.9"},
		"what the client claimed before it":       {proxies, "198.51.100.7:1234", "6.6.6.6, 203.0.113.9", "203.0.113.9"},
		"an untrusted proxy of a private network": {proxies, "198.51.100.7:1234", "6.6.6.6, 10.0.0.1", "10.0.0.1"},
		"an untrusted proxy of this machine":      {proxies, "198.51.100.7:1234", "6.6.6.6, 127.0.0.1", "127.0.0.1"},
		"somebody who is no proxy":                {proxies, "203.0.113.9:1234", "6.6.6.6", "203.0.113.9"},
		"from this machine":                       {proxies, "127.0.0.1:1234", "6.6.6.6", "127.0.0.1"},
		"from a private network":                  {proxies, "192.168.1.1:1234", "6.6.6.6", "192.168.1.1"},
		"no address":                              {proxies, "198.51.100.7:1234", "localhost", "198.51.100.7"},
		"nothing":                                 {proxies, "198.51.100.7:1234", "", "198.51.100.7"},
	} {
		b := c.p.browser()
		r := b.request(http.MethodGet, "/login", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		r.Header.Set("X-Real-Ip", "7.7.7.7")
		r.Header.Set("Forwarded", "for=7.7.7.7")
		c.p.logs.Reset()
		b.send(r).want(http.StatusOK)
		if got := c.p.logs.line(t, "request")["from"]; got != c.want {
			t.Errorf("%s: from %v, want %s", name, got, c.want)
		}
	}
}

// logs are what the dashboard has logged.
type logs struct{ testkit.Log }

// line gives the last log entry with a message.
func (l *logs) line(t testing.TB, message string) map[string]any {
	t.Helper()
	var found map[string]any
	for _, text := range strings.Split(strings.TrimSpace(l.String()), "\n") {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if line["msg"] == message {
			found = line
		}
	}
	if found == nil {
		t.Fatalf("no %q in the log: %s", message, l)
	}
	return found
}

func TestALogLineNamesTheRouteAndNothingThatWasTyped(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	value := b.post("/keys", createForm(newFormID(t), "heat-pump")).text("#value")
	p.logs.Reset()
	a := b.get("/keys/" + key.ID + "?q=typed-by-mistake-" + value)
	line := p.logs.line(t, "request")
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "request", "method": "GET", "route": "/keys/:id", "status": float64(200), "took": float64(0),
		"from": "192.0.2.1", "request": a.header.Get("X-Request-Id"),
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("log line (-want +got):\n%s", diff)
	}
	b.get("/nowhere/" + value)
	b.get("/keys/" + value)
	b.get("/static/" + value)
	if log := p.logs.String(); strings.Contains(log, value) || strings.Contains(log, "typed-by-mistake") {
		t.Errorf("the log holds what was typed: %s", log)
	}
}

// Whoever runs the server can see who was refused what, and whose account it was about.
func TestEveryRefusalOfAPageSaysWhereFromAndWhomItWasAbout(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, ana := p.signedIn(email)
	bob := p.person("bob@example.com")
	stranger := p.browserAt("198.51.100.7")
	b.address = "198.51.100.7"
	for range 3 { // until the password has to be given again
		p.clock.Advance(time.Hour / 4)
		b.get("/keys").want(http.StatusOK)
	}
	wrong := func(email string) url.Values { return url.Values{"email": {email}, "password": {"not this one"}} }
	repeated := func(times int, ask func() answer) func() answer {
		return func() answer {
			for range times {
				ask()
			}
			return ask()
		}
	}
	device := p.device()
	device.address = "198.51.100.7"
	for _, c := range []struct {
		name   string
		ask    func() answer
		status int
		about  string
	}{
		{"a wrong password", func() answer { return stranger.post("/login", wrong(bob.email)) }, 422, bob.id},
		{"one too many", repeated(5, func() answer { return stranger.post("/login", wrong(bob.email)) }), 429, bob.id},
		{"nobody's password", func() answer { return stranger.post("/login", wrong("nobody@example.com")) }, 422, ""},
		{"one too many of nobody's", repeated(5, func() answer { return stranger.post("/login", wrong("nobody@example.com")) }), 429, ""},
		{"another site", func() answer { return b.with("Sec-Fetch-Site", "cross-site").post("/keys", nil) }, 403, ""},
		{"the question for the password", func() answer { return b.post("/keys", newKeyForm("porch-cam")) }, 403, ana.id},
		{"a wrong answer to it", func() answer { return b.post("/keys", alsoPassword(newKeyForm("porch-cam"), "not this one")) }, 422, ana.id},
		{"a wrong answer too many", repeated(10, func() answer { return b.post("/keys", alsoPassword(newKeyForm("porch-cam"), "not this one")) }), 429, ana.id},
		{"a wrong code", func() answer { return b.post("/device", url.Values{"code": {"BCDF-GHJK"}}) }, 422, ana.id},
		{"too many wrong codes", repeated(5, func() answer { return b.post("/device", url.Values{"code": {"BCDF-GHJK"}}) }), 429, ana.id},
		{"somebody else's key", func() answer { return b.get("/keys/0123456789abcdef01234567") }, 404, ana.id},
		{"a form too large", func() answer { return b.post("/keys", url.Values{"name": {strings.Repeat("x", 1<<17)}}) }, 413, ""}, // before anybody looks who that is,
		{"a device code that is none", func() answer { return device.poll(nil) }, 400, ""},
		{"a device of another app", func() answer { return device.start(url.Values{"client_id": {"other"}}) }, 400, ""},
		{"nowhere", func() answer { return stranger.get("/nowhere") }, 404, ""},
	} {
		p.logs.Reset()
		if got := c.ask(); got.status != c.status {
			t.Errorf("%s: status %d, want %d", c.name, got.status, c.status)
		}
		line := p.logs.line(t, "request")
		about, _ := line["user"].(string)
		if line["from"] != "198.51.100.7" || about != c.about || line["status"] != float64(c.status) || line["level"] != "INFO" {
			t.Errorf("%s: %v, want one about %q", c.name, line, c.about)
		}
		if log := p.logs.String(); strings.Contains(log, "@example.com") || strings.Contains(log, "not this one") || strings.Contains(log, "BCDF") {
			t.Errorf("%s: %s", c.name, log)
		}
	}
}

func TestNoSecretReachesTheLog(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b := p.browser()
	b.post("/register", credentials(email, password)).leadsTo("/keys")
	cookies := []string{b.cookie("latchkey")}
	value := b.post("/keys", createForm(newFormID(t), "porch-cam")).text("#value")
	b.post("/login", credentials(email, "wr0ng-password")).want(http.StatusUnprocessableEntity)
	if strings.Contains(p.logs.String(), email) {
		t.Error("the log holds an e-mail address")
	}
	echo := func(_ http.RoundTripper, r *http.Request) (*http.Response, error) { // a server that says back what it was told
		body, _ := io.ReadAll(r.Body)
		text, _ := json.Marshal(map[string]string{"error": r.Header.Get("Authorization") + " " + string(body)})
		return says(500, string(text))(nil, r)
	}
	p.upstream.breaks("*", echo)
	b.get("/keys").want(http.StatusBadGateway).keepsQuiet("eyJ")
	b.post("/login", credentials(email, password)).want(http.StatusBadGateway).keepsQuiet(password)
	b.post("/register", credentials("bob@example.com", password)).want(http.StatusBadGateway).keepsQuiet(password)
	p.upstream.heal()
	p.rows.breaks(errors.New("disk full"))
	b.get("/keys").want(http.StatusServiceUnavailable)
	p.rows.breaks(nil)
	p.rows.afterRead(func() { panic("mistake") })
	b.get("/keys").want(http.StatusInternalServerError)
	p.rows.afterRead(nil)
	b.post("/logout", nil)

	log := p.logs.String()
	for what, secret := range map[string]string{
		"the password": password, "a wrong password": "wr0ng-password", "a value": value, "a token": "eyJ", "a cookie": cookies[0],
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s", what)
		}
	}
}

func TestARequestsNameIsOursAlone(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	seen := map[string]bool{}
	for range 20 {
		a := p.browser().with("X-Request-Id", "chosen-by-the-client").get("/login")
		id := a.header.Get("X-Request-Id")
		if len(id) != 16 || seen[id] || len(a.header["X-Request-Id"]) != 1 {
			t.Errorf("request ids %q", a.header["X-Request-Id"])
		}
		seen[id] = true
	}
	if strings.Contains(p.logs.String(), "chosen-by-the-client") {
		t.Error("the client writes into our log")
	}
}

func TestTheHealthCheckSaysWhetherTheProgramCanServe(t *testing.T) {
	t.Parallel()
	var broken error
	p := newProgram(t, func(d *handlers.Deps) {
		d.Ready = func(context.Context) error { return broken }
	})
	if a := p.browser().get("/healthz").want(http.StatusOK); a.body != "ok\n" {
		t.Errorf("it says %q", a.body)
	}
	broken = errors.New("disk secret-host is full")
	a := p.browser().get("/healthz").want(http.StatusServiceUnavailable).keepsQuiet("secret-host")
	if a.body != "not ready\n" {
		t.Errorf("it says %q", a.body)
	}
	if !strings.Contains(p.logs.String(), "secret-host is full") {
		t.Error("the log has no cause")
	}
}

func TestLargeAnswersAreCompressedForThoseWhoAsk(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	plain := p.browser().get("/login").want(http.StatusOK)
	if plain.header.Get("Content-Encoding") != "" {
		t.Error("compressed unasked")
	}
	packed := p.browser().with("Accept-Encoding", "gzip").get("/login").want(http.StatusOK)
	if packed.header.Get("Content-Encoding") != "gzip" || !strings.Contains(packed.header.Get("Vary"), "Accept-Encoding") {
		t.Fatalf("header %v", packed.header)
	}
	r, err := gzip.NewReader(strings.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil || string(body) != plain.body {
		t.Errorf("unpacked it is another page: %v", err)
	}
}

func TestABodyWithoutALengthIsBoundedToo(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	body := createForm(newFormID(t), "porch-cam").Encode() + "&x=" + strings.Repeat("x", 1<<20)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, publicURL+"/keys", io.MultiReader(strings.NewReader(body)))
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := b.send(r); a.status < 400 || a.status >= 500 {
		t.Errorf("status %d", a.status)
	}
	if got := p.storedNames(who); got != "" {
		t.Errorf("the keys are %q", got)
	}
}

func TestAFormThatCannotBeReadIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	for _, c := range []struct{ kind, body string }{
		{"application/json", `{"name":"porch-cam","form_id":"AAAAAAAAAAAAAAAAAAAAAA"}`},
		{"text/plain", "name=porch-cam&form_id=AAAAAAAAAAAAAAAAAAAAAA"},
		{"", "name=porch-cam&form_id=AAAAAAAAAAAAAAAAAAAAAA"},
		{"multipart/form-data", "name=porch-cam"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nporch-cam\r\n"},
		{"application/x-www-form-urlencoded", "%zz=%&form_id"},
		{"application/x-www-form-urlencoded; charset=\xff", "a;b;c"},
		{"nonsense/", "\x00\xff"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, publicURL+"/keys", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		if a := b.send(r); a.status < 400 || a.status >= 500 {
			t.Errorf("%q: status %d", c.kind, a.status)
		}
	}
	if got := p.storedNames(who); got != "" {
		t.Errorf("the keys are %q", got)
	}
}
