package app

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/authserver"
	"latchkey/static"
)

// checkCookies looks at every cookie that any answer in these tests sets: no other host and no script may have it, it goes along
// to this host alone, and by TLS alone where there is any.
func checkCookies(t testing.TB, label string, header http.Header) {
	t.Helper()
	https := header.Get("Strict-Transport-Security") != ""
	for _, line := range header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			t.Errorf("%s: a cookie that browsers may read in other ways: %v", label, err)
			continue
		}
		narrow := cookie.Path == "/login/with" && !https // which a name that no other host can set does not allow
		if cookie.Path != "/" && !narrow || cookie.Domain != "" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure != https {
			t.Errorf("%s: the cookie %s has the wrong attributes", label, cookie.Name)
		}
		if strings.HasPrefix(cookie.Name, "__Host-") && !https || !strings.HasPrefix(cookie.Name, "__Host-latchkey") && !strings.HasPrefix(cookie.Name, "latchkey") {
			t.Errorf("%s: a cookie is named %s", label, cookie.Name)
		}
		if len(line) >= 512 {
			t.Errorf("%s: the cookie %s has %d bytes", label, cookie.Name, len(line))
		}
	}
}

// tables are the routes of both routers, by path: the methods that each answers. A GET route of the client API answers HEAD too,
// and every path of it answers OPTIONS.
func tables() map[string][]string {
	byPath := map[string][]string{}
	dashboard := handlers.New(handlers.Deps{SessionKeys: [][]byte{make([]byte, 32)}})
	for _, route := range handlers.Routes(dashboard) {
		method, path, _ := strings.Cut(route, " ")
		byPath[path] = append(byPath[path], method)
	}
	for _, route := range authserver.New(authserver.Config{}, nil, nil).Routes() {
		method, path, _ := strings.Cut(route, " ")
		byPath[path] = append(byPath[path], method)
		if method == http.MethodGet {
			byPath[path] = append(byPath[path], http.MethodHead)
		}
		if !slices.Contains(byPath[path], http.MethodOptions) {
			byPath[path] = append(byPath[path], http.MethodOptions)
		}
	}
	return byPath
}

// concrete fills in what a route leaves open.
func concrete(path string) string {
	return strings.NewReplacer(":id", "0123456789abcdef01234567", "{id}", "0123456789abcdef01234567", "{app}", "latchkey-local",
		"{provider}", "local-userpass", "{key}", "0123456789abcdef01234567", "{session}", "0123456789abcdef01234567", "/static/*", static.URL("app.css")).Replace(path)
}

// oddMethods are what no route has. Those in lower case are not the methods that they look like, and the last two are names
// that a router uses inside.
var oddMethods = []string{
	"TRACE", "TRACK", "CONNECT", "PATCH", "PROPFIND", "MKCOL", "LOCK", "DEBUG", "PURGE", "SEARCH", "JUNK", "get", "Post", "GET1", "M-SEARCH",
	"!#$%&'*+-.^_`|~", strings.Repeat("M", 2000), "echo_route_not_found", "echo_route_any",
}

func TestEveryRouteRefusesEveryMethodThatItHasNot(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	host := strings.TrimPrefix(s.at, "http://")
	for path, has := range tables() {
		for _, method := range append(slices.Clone(oddMethods), methods...) {
			switch {
			case slices.Contains(has, method), goesOn(path): // the last word of such a path may be a key's id for other methods
				continue
			case method == http.MethodOptions: // asks which methods there are, and the others say so below
				continue
			}
			label := fmt.Sprintf("%.20s %s", method, path)
			got := say(t, dial(t, host), fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nX-Marked: repeated\r\nConnection: close\r\n\r\n", method, concrete(path), host))
			if len(got) != 1 || got[0].Status != http.StatusMethodNotAllowed {
				t.Errorf("%s: %v", label, got)
				continue
			}
			if strings.Contains(got[0].Body, "X-Marked") || strings.Contains(got[0].Body, "repeated") {
				t.Errorf("%s: the answer repeats the request", label)
			}
			offered := strings.Split(got[0].Header.Get("Allow"), ", ")
			slices.Sort(offered)
			if want := slices.Sorted(slices.Values(withOptions(has))); !slices.Equal(offered, want) {
				t.Errorf("%s: Allow is %q, want %q", label, offered, want)
			}
			s.checkEdge(label, got[0])
		}
	}
}

func withOptions(methods []string) []string {
	if slices.Contains(methods, http.MethodOptions) {
		return methods
	}
	return append(slices.Clone(methods), http.MethodOptions)
}

func TestTargetsThatAreNoPathLeadNowhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	host := strings.TrimPrefix(s.at, "http://")
	for line, want := range map[string]int{
		"OPTIONS *":                          404,
		"GET *":                              404,
		"CONNECT evil.example:443":           421,
		"CONNECT " + host:                    421,
		"CONNECT /login":                     405,
		"TRACE http://evil.example/login":    421,
		"GET //evil.example/login":           404,
		"GET /\\evil.example/login":          404,
		"GET /static/../keys":                404,
		"GET /static/%2e%2e%2fkeys":          404,
		"GET /static/..%2f..%2fetc%2fpasswd": 404,
		"GET /api/client/v2.0/../../../keys": 404,
	} {
		got := say(t, dial(t, host), line+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if len(got) != 1 || got[0].Status != want {
			t.Errorf("%s: %v, want %d", line, got, want)
			continue
		}
		s.checkEdge(line, got[0])
	}
}

// checkEdge looks at what every answer has, whatever wrote it and whatever its status.
func (s *stage) checkEdge(label string, got answer) {
	s.t.Helper()
	want := s.securityHeaders()
	kind := got.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(got.Header.Get("Cache-Control"), "public, max-age=") && got.Status == http.StatusOK &&
		(strings.Contains(label, "/static/") || strings.Contains(label, "jwks.json") || strings.Contains(label, "openid-configuration")):
	default:
		want["Cache-Control"] = "no-store"
	}
	compareHeaders(s.t, label, got, want)
	switch {
	case got.Body == "" && kind == "":
	case strings.EqualFold(kind, "text/html; charset=utf-8"), strings.EqualFold(kind, "text/plain; charset=utf-8"):
	case kind == "application/json", kind == "text/event-stream", strings.HasPrefix(label, "GET /static/"), got.Body == "":
	case strings.EqualFold(kind, "application/json; charset=utf-8"), strings.EqualFold(kind, "text/csv; charset=utf-8"):
	default:
		s.t.Errorf("%s: %d with %q", label, got.Status, kind)
	}
	checkCookies(s.t, label, got.Header)
}

// situation is a way to get one kind of answer out of every route.
type situation struct {
	name    string
	methods func(has []string) []string
	header  http.Header
	body    string
}

func those(has []string) []string  { return has }
func reading([]string) []string    { return []string{http.MethodGet} }
func sending([]string) []string    { return []string{http.MethodPost} }
func trace([]string) []string      { return []string{http.MethodTrace} }
func (s situation) form() string   { return "application/x-www-form-urlencoded" }
func large() string                { return strings.Repeat("x", 70<<10) }
func fromElsewhere() http.Header   { return http.Header{"Sec-Fetch-Site": {"cross-site"}} }
func asHost(h string) http.Header  { return http.Header{"Host": {h}} }
func asksForPart() http.Header     { return http.Header{"Hx-Request": {"true"}} }
func bad(token string) http.Header { return http.Header{"Authorization": {token}} }

// TestEveryRouteHasTheHeadersInEveryStatus asks every route in every way that leads to another status, for each kind of public
// URL, and again when nothing can be read any more. At the end it counts the statuses: a way that stopped leading anywhere shows.
func TestEveryRouteHasTheHeadersInEveryStatus(t *testing.T) {
	t.Parallel()
	for name, publicURL := range map[string]string{"this machine": "", "https": "https://keys.example.org", "http": overNetwork} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, publicURL)
			seen := map[int]bool{}
			c := s.newCast(false)
			for _, situation := range []situation{
				{"nobody", those, nil, "x=y"},
				{"the owner", reading, http.Header{"Cookie": {c.cookies[owner].Name + "=" + c.cookies[owner].Value}}, ""},
				{"the owner's part", reading, http.Header{"Cookie": {c.cookies[owner].Name + "=" + c.cookies[owner].Value}, "Hx-Request": {"true"}}, ""},
				{"a device", reading, bearer(c.tokens[device].Refresh), ""},
				{"a bad token", those, bad("Bearer x"), "{}"},
				{"another host", those, asHost("evil.example"), "x=y"},
				{"another site", sending, fromElsewhere(), "x=y"},
				{"a part", those, asksForPart(), "x=y"},
				{"a large body", sending, nil, large()},
				{"no such method", trace, nil, ""},
			} {
				s.sweep(situation, seen)
			}
			if err := s.store.Close(); err != nil {
				t.Fatal(err)
			}
			s.sweep(situation{"the owner, and nothing can be read", those,
				http.Header{"Cookie": {c.cookies[owner].Name + "=" + c.cookies[owner].Value}, "Authorization": bearer(c.tokens[owner].Refresh)["Authorization"]}, "x=y"}, seen)
			for _, status := range []int{200, 204, 303, 400, 401, 403, 404, 405, 413, 415, 421, 503} {
				if !seen[status] {
					t.Errorf("no answer had status %d: %v", status, slices.Sorted(maps.Keys(seen)))
				}
			}
		})
	}
}

func (s *stage) sweep(how situation, seen map[int]bool) {
	s.t.Helper()
	for path, has := range tables() {
		for _, method := range how.methods(has) {
			if goesOn(path) && how.name != "nobody" && method == http.MethodGet {
				continue // what it says at first, TestEveryPageAnswersEveryCallerAsStated looks at
			}
			body := how.body
			if method == http.MethodGet || method == http.MethodHead {
				body = ""
			}
			got := s.requestAs(how, method, concrete(path), body)
			seen[got.Status] = true
			s.checkEdge(fmt.Sprintf("%s %s (%s)", method, path, how.name), got)
		}
	}
}

func (s *stage) requestAs(how situation, method, path, body string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.at+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	maps.Copy(req.Header, how.header)
	if host := how.header.Get("Host"); host != "" {
		req.Host = host
	}
	if body != "" {
		req.Header.Set("Content-Type", how.form())
	}
	return do(s.t, s.visitor, req)
}

// Both routers are given nothing to work with, so that whatever they touch is a bug.
func TestAPanicOfAnyRouteHasTheHeadersToo(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	log := slog.New(slog.DiscardHandler)
	dashboard := handlers.New(handlers.Deps{
		WebSessions: broken{}, SessionKeys: s.ring.sealing, PublicURL: s.URL(), Now: time.Now, Log: log,
		Ready: nil, Registration: true, MinPassword: 8,
	})
	rules := accounts.New(accounts.Config{Registration: true, Anonymous: true, MinPassword: 8, Log: log}, nil)
	api := authserver.New(authserver.Config{AppID: "latchkey-local", Log: log}, rules, nil)
	edge := s.edge(parsed(t, testConfig(t)), divide(api, dashboard, s.hosts.nothingThere()))
	panics := 0
	for path, has := range tables() {
		for _, method := range has {
			r := httptest.NewRequestWithContext(t.Context(), method, concrete(path), strings.NewReader(`{"username":"a@b.example","password":"12345678"}`))
			r.Host = "localhost"
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer a.b.c")
			r.AddCookie(&http.Cookie{Name: "latchkey", Value: strings.Repeat("A", 43)})
			w := httptest.NewRecorder()
			edge.ServeHTTP(w, r)
			if w.Code == http.StatusInternalServerError {
				panics++
			}
			s.checkEdge(method+" "+path, answer{w.Code, w.Body.String(), w.Header()})
		}
	}
	if panics < 20 {
		t.Errorf("%d routes panicked: this tests nothing", panics)
	}
}

func TestARequestOfChunksIsTheLastOneOfItsConnection(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	addr := a.listener.Addr().String()
	const chunked = "POST /theme HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n" +
		"a\r\ntheme=dark\r\n"
	got := say(t, dial(t, addr), chunked+"0\r\n\r\nGET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if len(got) != 1 || got[0].Status != http.StatusSeeOther {
		t.Errorf("%v, want one answer", got)
	}
	conn := dial(t, addr)
	length := "POST /theme HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\ntheme=dark"
	if _, err := io.WriteString(conn, length+"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := answersOf(conn, http.MethodGet); len(got) != 2 {
		t.Errorf("%d answers to two requests with a length", len(got))
	}
}

func TestSigningOutClearsTheBrowserWhereThatIsHeeded(t *testing.T) {
	t.Parallel()
	for publicURL, want := range map[string]string{"": `"cache", "storage"`, "https://keys.example.org": `"cache", "storage"`, overNetwork: ""} {
		s := newStage(t, publicURL)
		cookie := s.newCast(false).cookies[owner]
		got := s.request(http.MethodPost, "/logout", "x=y", "application/x-www-form-urlencoded", http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}})
		if got.Status != http.StatusSeeOther || got.Header.Get("Clear-Site-Data") != want {
			t.Errorf("%s: %d, Clear-Site-Data is %q, want %q", publicURL, got.Status, got.Header.Get("Clear-Site-Data"), want)
		}
	}
}

func TestNoPathForProgramsEverAnswersWithAPage(t *testing.T) {
	t.Parallel()
	here := run(t, testConfig(t))
	cfg := testConfig(t)
	cfg.Upstream = here.URL()
	for name, a := range map[string]running{"here": here, "elsewhere": run(t, cfg)} {
		host := a.listener.Addr().String()
		for _, target := range []string{
			"/api", "/api/", "/api/x", "/api/client", "/api/client/v2.0/", "/api/client/v1.0/app/x", "/api/client//v2.0/app/latchkey-local/location", "/API/client/v2.0/app/latchkey-local/location",
			"/api/client/v2.0/app/latchkey-local/location/", "/%2Fapi/client/v2.0/app/latchkey-local/location", "/api%2Fclient/v2.0/app/latchkey-local/location", "/./api/client", "/x/../api/client",
			"/api/../login", "//api/../login", "/keys/api/client/v2.0/app/latchkey-local/location", "/login/api/client/v2.0/x", "/api/client/%00", "/api/latchkey/v2/x", "//api", "///api//client",
			"/oauth", "/oauth/", "/oauth/token/", "//oauth/token/", "/oauth//token", "/oauth/%2e%2e/login", "/oauth/../login", "/OAuth/token", "/%2Foauth/token", "/keys/oauth/token",
			"/.well-known", "/.well-known/", "/.well-known/x", "/.well-known/jwks.json/", "/.WELL-KNOWN/jwks.json", "/.well-known/oauth-authorization-server/", "/keys/.well-known/jwks.json",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				got := asDevice(t, a, method, target, host)
				if got.Status != http.StatusNotFound || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(got.Body, `{"error":"`) {
					t.Errorf("%s: %s %s: %d %v %.80s", name, method, target, got.Status, got.Header, got.Body)
				}
			}
		}
	}
}

// realm-web puts its paths behind a base URL as it is, and browsers ask first whether they may.
func TestABaseURLMayEndWithASlash(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	host := a.listener.Addr().String()
	for _, slashes := range []string{"", "/", "///"} {
		for target, want := range map[string]int{
			locationPath: 200, "/.well-known/jwks.json": 200, "/.well-known/oauth-authorization-server": 200,
			"/api/client/v2.0/auth/profile": 401, "/api/latchkey/v1/key_facts": 401, "/oauth/token": 405,
		} {
			if got := asDevice(t, a, http.MethodGet, slashes+target, host); got.Status != want || got.Header.Get("Location") != "" {
				t.Errorf("%s: %d, want %d", slashes+target, got.Status, want)
			}
		}
		got := asDevice(t, a, http.MethodOptions, slashes+"/api/client/v2.0/auth/session", host)
		if got.Status != http.StatusNoContent || got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("a browser that asks first: %d %v", got.Status, got.Header)
		}
	}
	for target, says := range map[string]string{
		"/keys" + locationPath: "the base URL must end after the host", "/api//client/v2.0/": "an extra slash or dot", "/Api/client/v2.0/x": "in lower case",
		"/latchkey/" + locationPath: "the base URL must end after the host", "/api/client/v2.0" + locationPath: "the base URL must end after the host",
	} {
		if got := asDevice(t, a, http.MethodGet, target, host); !strings.Contains(got.Body, says) {
			t.Errorf("%s: %s", target, got.Body)
		}
	}
}

// What a doubled slash is taken for is decided before anything looks at the path.
func TestADoubledSlashGetsPastNoCheck(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL, cfg.TrustedProxies = "https://keys.example.org", "127.0.0.1"
	a := run(t, cfg)
	addr := a.listener.Addr().String()
	for target, more := range map[string]string{locationPath: "X-Forwarded-Proto: http\r\n", "/oauth/token": "X-Forwarded-Proto: http\r\n"} {
		got := say(t, dial(t, addr), "GET /"+target+" HTTP/1.1\r\nHost: keys.example.org\r\n"+more+"Connection: close\r\n\r\n")
		if len(got) != 1 || got[0].Status != http.StatusForbidden {
			t.Errorf("%s without TLS: %v", target, got)
		}
	}
	for _, target := range []string{"//login", "//keys", "//healthz", "//static/app.css", "/%2Flogin"} {
		if got := asDevice(t, a, http.MethodGet, target, "keys.example.org"); got.Status != http.StatusNotFound {
			t.Errorf("%s: %d: pages have one address", target, got.Status)
		}
	}
	got := startsPairing(t, a, "Host: keys.example.org\r\nSec-Fetch-Site: cross-site\r\n")
	if got.Status != http.StatusForbidden || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another site starts a pairing: %+v", got)
	}
}

func TestTheListenerOfTheProgramKnowsItsProxies(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.TrustedProxies, cfg.Connections = "127.0.0.2", 60
	a := run(t, cfg)
	hold := func(address string) {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		for range cfg.Connections {
			conn, err := d.DialContext(t.Context(), "tcp", a.listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_, _ = io.WriteString(conn, "GET "+healthPath+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != http.StatusOK { //nolint:bodyclose // it is short, and read by now
				t.Fatalf("%s is answered %v, %v", address, res, err)
			}
		}
	}
	hold("127.0.0.3")
	if n := a.listener.Count(); n > cfg.Connections/2 {
		t.Errorf("somebody has %d connections of %d", n, cfg.Connections)
	}
	hold("127.0.0.2")
	if n := a.listener.Count(); n != cfg.Connections {
		t.Errorf("a proxy and somebody have %d connections of %d", n, cfg.Connections)
	}
}

func TestANodeHasFewerStreamsThanAProgramByItself(t *testing.T) {
	for connections, want := range map[int][2]int{8000: {2000, 500}, 400: {100, 100}} {
		if got := [2]int{mostStreams(connections, true), mostStreams(connections, false)}; got != want {
			t.Errorf("of %d connections %v are streams, want %v", connections, got, want)
		}
	}
}
