package app

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/handlers"
)

func TestTheProgramAnswersForItsOwnHostsAlone(t *testing.T) {
	t.Parallel()
	listening := &net.TCPAddr{IP: net.IPv4zero, Port: 8080}
	for publicURL, tc := range map[string]struct {
		chosen       bool
		ours, others []string
	}{
		"https://keys.example.org": {
			chosen: true,
			ours: []string{
				"keys.example.org", "KEYS.example.org", "keys.example.org:443", "keys.example.org:8080",
				"localhost:8080", "127.0.0.1:8080", "127.8.8.8:8080", "[::1]:8080",
				"keys.example.org.", "Keys.Example.Org.:443", "LOCALHOST.:8080", "[0:0:0:0:0:0:0:1]:8080", "[::ffff:127.0.0.1]:8080",
			},
			others: []string{
				"", ":8080", "example.org", "evil.example", "keys.example.org.evil.example", "evil-keys.example.org", "keys.example.org..", ".keys.example.org",
				"keys.example.org@evil.example", "localhost", "localhost:80", "localhost:9090", "127.0.0.1", "127.0.0.1:9090",
				"192.168.1.5:8080", "localhost.evil.example:8080", "127.0.0.1.evil.example:8080", "[::1", "2130706433:8080", "0x7f.1:8080",
			},
		},
		"https://xn--bcher-kva.example": {
			chosen: true,
			ours:   []string{"xn--bcher-kva.example", "XN--BCHER-KVA.EXAMPLE.", "bücher.example", "BÜCHER.example:443", "bu\u0308cher.example"},
			others: []string{"bucher.example", "xn--bucher-kva.example", "xn--bcher-kva.example.evil.example", "bücher.example%00", "b\xfccher.example"},
		},
		"http://[2001:db8::a]:8080": {
			chosen: true,
			ours:   []string{"[2001:db8::a]:8080", "[2001:DB8:0::A]", "[2001:0db8:0000:0000:0000:0000:0000:000a]:8080"},
			others: []string{"[2001:db8::b]:8080", "[2001:db8::a%25eth0]:8080", "[2001:db8::a%eth0]"},
		},
		"http://192.168.1.5:8080": {
			ours: []string{
				"192.168.1.5:8080", "192.168.1.5", "10.0.0.9:8080", "127.0.0.1:8080", "localhost:8080", "localhost", "[fe80::1]:8080", "[::1]",
			},
			others: []string{"", "evil.example", "evil.example:8080", "192.168.1.5.evil.example:8080", "localhost.evil.example", "keys", "[::1", "0x7f.1"},
		},
	} {
		h := newHosts(publicURL, tc.chosen, nil, listening, slog.New(slog.DiscardHandler))
		for _, host := range tc.ours {
			if !h.include(host) {
				t.Errorf("%s does not answer for %q", publicURL, host)
			}
		}
		for _, host := range tc.others {
			if h.include(host) {
				t.Errorf("%s answers for %q", publicURL, host)
			}
		}
	}
}

// say sends bytes as they are over a connection of its own and gives all answers that come.
func say(t *testing.T, conn net.Conn, message string) []answer {
	t.Helper()
	if _, err := io.WriteString(conn, message); err != nil {
		return nil // it has hung up before it had heard all
	}
	method, _, _ := strings.Cut(message, " ")
	return answersOf(conn, method)
}

func answersOf(conn net.Conn, method string) (answers []answer) {
	r := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		answers = append(answers, answer{res.StatusCode, string(body), res.Header})
	}
}

func TestAnotherHostIsRefusedEverywhereButAtTheHealthCheck(t *testing.T) {
	t.Parallel()
	for _, publicURL := range []string{"", "https://keys.example.org"} {
		cfg := testConfig(t)
		var log bytes.Buffer
		cfg.PublicURL, cfg.LogTo, cfg.LogLevel = publicURL, &log, "debug"
		a := run(t, cfg)
		addr := a.listener.Addr().String()
		for _, tc := range []struct {
			target, host, more string
			want               int
		}{
			{"/login", addr, "", 200},
			{"/login", "evil.example", "", 421},
			{"/login", "", "", 421},
			{"/login", "evil.example", "X-Forwarded-Host: " + addr + "\r\n", 421},
			{"/login", addr, "X-Forwarded-Host: evil.example\r\n", 200},
			{"http://" + addr + "/login", addr, "", 421},
			{"http://" + addr + "/login", "evil.example", "", 421},
			{"http://evil.example/login", addr, "", 421},
			{"http://evil.example/healthz", addr, "", 421},
			{"/api/client/v2.0/app/latchkey-local/location", "evil.example", "", 421},
			{"/.well-known/oauth-authorization-server", "evil.example", "", 421},
			{"/no-such-page", "evil.example", "", 421},
			{"/healthz", "evil.example", "", 200},
			{"/healthz", "", "", 200},
		} {
			got := say(t, dial(t, addr), fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", tc.target, tc.host, tc.more))
			if len(got) != 1 || got[0].Status != tc.want {
				t.Errorf("%s of host %q: %v, want %d", tc.target, tc.host, got, tc.want)
				continue
			}
			if tc.want == http.StatusMisdirectedRequest {
				checkMisdirected(t, got[0], handlers.ForPrograms(tc.target), addr, publicURL)
			}
			if strings.Contains(got[0].Body, "evil.example") {
				t.Errorf("%s of host %q: the answer repeats the host", tc.target, tc.host)
			}
		}
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "refused a request for an unknown host") || !strings.Contains(log.String(), "evil.example") {
			t.Error("the log does not say what was refused")
		}
	}
}

// checkMisdirected wants the answer to help the operator and to name no host to anybody else.
func checkMisdirected(t *testing.T, got answer, toProgram bool, ours ...string) {
	t.Helper()
	form := "text/plain; charset=utf-8"
	if toProgram {
		form = "application/json"
	}
	if open := got.Header.Get("Access-Control-Allow-Origin") == "*"; open != toProgram {
		t.Errorf("open to all: %t", open)
	}
	if got.Header.Get("Content-Type") != form || !strings.Contains(got.Body, "--public-url") {
		t.Errorf("%s %q", got.Header.Get("Content-Type"), got.Body)
	}
	for _, name := range ours {
		if name = strings.TrimPrefix(name, "https://"); name != "" && strings.Contains(got.Body, name) {
			t.Errorf("the answer names %s", name)
		}
	}
	if got.Header.Get("Set-Cookie") != "" || got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", got.Header)
	}
}

func TestAHostInTheLogIsShortAndHasNothingInItThatAHostHasNot(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"keys.example.org:8080":    "keys.example.org:8080",
		"[::1]:8080":               "[::1]:8080",
		"a\x1b[31mb\nlevel=ERROR ": "a?[31mb?level?ERROR?",
		"é":                        "?",
		strings.Repeat("x", 1000):  strings.Repeat("x", 64) + "...",
	} {
		if got := legibleHost(host); got != want {
			t.Errorf("%q is logged as %q, want %q", host, got, want)
		}
	}
}

func TestADeviceThatComesToTheProxyWithoutTLSIsRefusedAndNotRedirected(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		publicURL, trusted, path string
		words                    []string
		refused                  bool
	}{
		"a call":                           {"https://keys.example.org", "127.0.0.0/8", "/api/client/v2.0/app/latchkey-local/location", []string{"http"}, true},
		"a pairing":                        {"https://keys.example.org", "127.0.0.0/8", "/.well-known/oauth-authorization-server", []string{"http"}, true},
		"behind two proxies":               {"https://keys.example.org", "127.0.0.0/8", "/.well-known/jwks.json", []string{"HTTP, https"}, true},
		"behind two proxies, in two lines": {"https://keys.example.org", "127.0.0.0/8", "/.well-known/jwks.json", []string{"https", "http"}, true},
		"a page, which the proxy may send": {"https://keys.example.org", "127.0.0.0/8", "/login", []string{"http"}, false},
		"with TLS":                         {"https://keys.example.org", "127.0.0.0/8", "/.well-known/jwks.json", []string{"https"}, false},
		"nothing said":                     {"https://keys.example.org", "127.0.0.0/8", "/.well-known/jwks.json", nil, false},
		"said by somebody unknown":         {"https://keys.example.org", "10.0.0.0/8", "/.well-known/jwks.json", []string{"http"}, false},
		"a server that has no TLS":         {"http://127.0.0.1:8080", "127.0.0.0/8", "/.well-known/jwks.json", []string{"http"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.PublicURL, cfg.TrustedProxies = tc.publicURL, tc.trusted
			a := run(t, cfg)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.listener.Addr().String()+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header["X-Forwarded-Proto"] = tc.words
			got := do(t, &http.Client{CheckRedirect: noRedirect}, req)
			want := http.StatusOK
			if tc.refused {
				want = http.StatusForbidden
			}
			if got.Status != want || got.Header.Get("Location") != "" {
				t.Errorf("%d to %q, want %d", got.Status, got.Header.Get("Location"), want)
			}
			if tc.refused && (got.Header.Get("Content-Type") != "application/json" || !strings.Contains(got.Body, `"error"`)) {
				t.Errorf("%s %s", got.Header.Get("Content-Type"), got.Body)
			}
		})
	}
}

// asDevice asks as a program does that was set up with a host, and does not follow redirects.
func asDevice(t *testing.T, a running, method, target, host string) answer {
	t.Helper()
	got := say(t, dial(t, a.listener.Addr().String()), fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nOrigin: https://app.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, target, host))
	if len(got) != 1 {
		t.Fatalf("%s %s of %s: %v", method, target, host, got)
	}
	return got[0]
}

// startsPairing asks for a code as a device does whose base URL ends with a slash.
func startsPairing(t *testing.T, a running, headers string) answer {
	t.Helper()
	const form = "client_id=latchkey-local"
	got := say(t, dial(t, a.listener.Addr().String()), "POST //oauth/device_authorization HTTP/1.1\r\n"+headers+"Content-Type: application/x-www-form-urlencoded\r\n"+
		fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n\r\n%s", len(form), form))
	if len(got) != 1 {
		t.Fatalf("%v", got)
	}
	return got[0]
}

const locationPath = "/api/client/v2.0/app/latchkey-local/location"

func TestDevicesOfAnotherHostAreAnsweredAndToldWhereToGo(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL, cfg.AlsoHosts = "https://keys.example.org", "192.168.1.5, Bücher.example, http://home.example:8080,https://home.example,http://keys.example.org:8080,http://127.0.0.1:7"
	a := run(t, cfg)
	for host, want := range map[string]string{
		"keys.example.org":          "https://keys.example.org",
		"keys.example.org:443":      "https://keys.example.org",
		"keys.example.org:8080":     "http://keys.example.org:8080",
		"127.0.0.1":                 "http://127.0.0.1:7",
		"192.168.1.5:8080":          "https://keys.example.org", // an address of before: its devices go along
		"192.168.1.5":               "https://keys.example.org",
		"xn--bcher-kva.example.:80": "https://keys.example.org",
		"home.example:8080":         "http://home.example:8080", // one that stays
		"HOME.example.":             "http://home.example:8080",
		"home.example:443":          "http://home.example:8080",
	} {
		got := asDevice(t, a, http.MethodGet, locationPath, host)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, `"hostname":"`+want+`"`) || got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %s, want %s", host, got.Status, got.Body, want)
		}
		if ws := "ws" + strings.TrimPrefix(want, "http"); !strings.Contains(got.Body, `"ws_hostname":"`+ws+`"`) {
			t.Errorf("%s: %s, want %s", host, got.Body, ws)
		}
		got = asDevice(t, a, http.MethodGet, "/.well-known/oauth-authorization-server", host)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, `"issuer":"`+want+`"`) || !strings.Contains(got.Body, `"`+want+`/oauth/token"`) {
			t.Errorf("%s: %d %s", host, got.Status, got.Body)
		}
		if got = asDevice(t, a, http.MethodGet, "/.well-known/jwks.json", host); got.Status != http.StatusOK {
			t.Errorf("%s: keys are %d", host, got.Status)
		}
	}
	for _, host := range []string{"192.168.1.6", "evil.192.168.1.5.example", "home.example.evil.example"} {
		if got := asDevice(t, a, http.MethodGet, locationPath, host); got.Status != http.StatusMisdirectedRequest {
			t.Errorf("%s: %d", host, got.Status)
		}
	}
}

func TestAPageOfAnotherHostIsWhereThePublicURLSays(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL, cfg.AlsoHosts = "https://keys.example.org", "192.168.1.5,http://home.example:8080"
	a := run(t, cfg)
	for _, host := range []string{"192.168.1.5:8080", "home.example:8080"} {
		for target, want := range map[string]string{
			"/": "/", "/login": "/login", "/reset?token=a&tokenId=b": "/reset?token=a&tokenId=b", "//evil.example/x": "//evil.example/x", "/keys/%2e%2e": "/keys/%2e%2e",
		} {
			got := asDevice(t, a, http.MethodGet, target, host)
			if got.Status != http.StatusTemporaryRedirect || got.Header.Get("Location") != "https://keys.example.org"+want || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s of %s: %d to %s", target, host, got.Status, got.Header.Get("Location"))
			}
		}
		got := asDevice(t, a, http.MethodPost, "/login", host)
		if got.Status != http.StatusMisdirectedRequest || !strings.Contains(got.Body, "https://keys.example.org: open them there") || got.Header.Get("Location") != "" {
			t.Errorf("a form of %s: %d %s", host, got.Status, got.Body)
		}
	}
}

func TestAHostOfTheOldServiceAnswersInstalledAppsAndNobodyElse(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL, cfg.AlsoHosts = "https://keys.example.org", "services.cloud.mongodb.com,https://eu-west-1.aws.realm.mongodb.com,notmongodb.com"
	a := run(t, cfg)
	for host, goOn := range map[string]string{
		"services.cloud.mongodb.com": "https://keys.example.org", "Services.Cloud.MongoDB.com.:443": "https://keys.example.org",
		"eu-west-1.aws.realm.mongodb.com": "https://eu-west-1.aws.realm.mongodb.com",
	} {
		got := asDevice(t, a, http.MethodGet, locationPath, host)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, `"hostname":"`+goOn+`"`) {
			t.Errorf("%s: %d %s", host, got.Status, got.Body)
		}
		for path, want := range map[string]int{
			"/.well-known/jwks.json": 200, "/api/client/v2.0/auth/profile": 401, "/keys": 421, "/": 421, "/login": 421, "/static/app.css": 421, "/reset?token=a": 421, "/api/client/v2.0": 421,
			"/api/latchkey/v1/sessions": 421, "/.well-known/oauth-authorization-server": 421, "/device": 421, "//api/client/v2.0/auth/profile": 401, "/api/client/v2.0/../../../keys": 404,
		} {
			if got := asDevice(t, a, http.MethodGet, path, host); got.Status != want || got.Header.Get("Location") != "" || strings.Contains(got.Body, "keys.example.org") && want == 421 {
				t.Errorf("%s of %s: %d to %q: %s", path, host, got.Status, got.Header.Get("Location"), got.Body)
			}
		}
		if got := startsPairing(t, a, "Host: "+host+"\r\n"); got.Status != http.StatusMisdirectedRequest {
			t.Errorf("a pairing at %s: %d", host, got.Status)
		}
	}
	for _, host := range []string{"realm.mongodb.com", "mongodb.com", "services.cloud.mongodb.com.evil.example"} { // not named, or another
		if got := asDevice(t, a, http.MethodGet, locationPath, host); got.Status != http.StatusMisdirectedRequest {
			t.Errorf("%s: %d", host, got.Status)
		}
	}
	if got := asDevice(t, a, http.MethodGet, "/keys", "notmongodb.com"); got.Status != http.StatusTemporaryRedirect {
		t.Errorf("a host of one's own: %d", got.Status)
	}
}

func TestADevicePairsByTheHostThatItStaysAt(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL, cfg.AlsoHosts = "https://keys.example.org", "http://home.example:8080"
	a := run(t, cfg)
	got := startsPairing(t, a, "Host: home.example:8080\r\n")
	if got.Status != http.StatusOK || !strings.Contains(got.Body, `"verification_uri":"http://home.example:8080/device"`) {
		t.Errorf("%+v", got)
	}
}

func TestAMisdirectedProgramReadsWhy(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL = "https://keys.example.org"
	a := run(t, cfg)
	for target, field := range map[string]string{
		locationPath: `{"error":"this`, "//" + locationPath[1:]: `{"error":"this`, "/api": `{"error":"this`, "/.well-known/jwks.json": `{"error":"this`,
		"/oauth/token": `"error_description":"This`, "/.well-known/oauth-authorization-server": `"error_description":"This`,
	} {
		got := asDevice(t, a, http.MethodGet, target, "old.example")
		if got.Status != http.StatusMisdirectedRequest || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(got.Body, field) {
			t.Errorf("%s: %d %v %s", target, got.Status, got.Header, got.Body)
		}
		got = asDevice(t, a, http.MethodOptions, target, "old.example")
		if got.Status != http.StatusNoContent || !strings.Contains(got.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("a browser that asks first for %s: %d %v", target, got.Status, got.Header)
		}
	}
}

func TestADeviceMayUsePlainHTTPWhereTheOperatorSaysSo(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL, cfg.AlsoHosts, cfg.TrustedProxies = "https://keys.example.org", "http://home.example:8080,old.example", "127.0.0.1"
	a := run(t, cfg)
	for host, want := range map[string]int{"home.example:8080": 200, "old.example": 403, "keys.example.org": 403} {
		got := say(t, dial(t, a.listener.Addr().String()), "GET "+locationPath+" HTTP/1.1\r\nHost: "+host+"\r\nX-Forwarded-Proto: http\r\nConnection: close\r\n\r\n")
		if len(got) != 1 || got[0].Status != want {
			t.Errorf("%s: %v, want %d", host, got, want)
		}
	}
}

func TestTwoProgramsOnOneMachineKeepTheirPeopleSignedIn(t *testing.T) {
	t.Parallel()
	one, other := run(t, testConfig(t)), run(t, testConfig(t))
	b := browser(t)
	for _, a := range []running{one, other} {
		post(t, b, a.URL()+"/register", account)
	}
	post(t, b, other.URL()+"/theme", url.Values{"theme": {"dark"}})
	for name, a := range map[string]running{"the first": one, "the second": other} {
		if got := get(t, b, a.URL()+"/keys"); got.Status != http.StatusOK || !strings.Contains(got.Body, account.Get("email")) || strings.Contains(got.Body, `data-theme="dark"`) != (a.App == other.App) {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	post(t, b, one.URL()+"/logout", nil)
	if got := get(t, b, other.URL()+"/keys"); !strings.Contains(got.Body, account.Get("email")) {
		t.Error("signing out at one signs out at the other")
	}
}

func TestABrowserStaysSignedInWhenThePortChanges(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	cookie := s.newCast(false).cookies[owner]
	if want := "latchkey" + instanceAt(s.URL()); cookie.Name != want || want == "latchkey" {
		t.Errorf("the cookie is %s", cookie.Name)
	}
	for name, want := range map[string]int{"latchkey": 200, "latchkey-1": 200, "latchkey-known": 303, "latchkey-": 303, "latchkey-1x": 303, "latchkey1": 303, "__Host-latchkey": 303} {
		if got := s.request(http.MethodGet, "/keys", "", "", http.Header{"Cookie": {name + "=" + cookie.Value}}); got.Status != want {
			t.Errorf("%s: %d, want %d", name, got.Status, want)
		}
	}
	s.request(http.MethodPost, "/logout", "x=y", "application/x-www-form-urlencoded", http.Header{"Cookie": {"latchkey=" + cookie.Value}})
	if got := s.request(http.MethodGet, "/keys", "", "", http.Header{"Cookie": {"latchkey=" + cookie.Value}}); got.Status != http.StatusSeeOther {
		t.Errorf("signed out, and yet %d", got.Status)
	}
}

func TestTheNameOfACookieSaysThePortUnlessItIsTheUsualOne(t *testing.T) {
	t.Parallel()
	for publicURL, want := range map[string]string{
		"https://keys.example.org": "", "http://192.168.1.5": "", "https://keys.example.org:8443": "-8443", "http://[::1]:8080": "-8080",
	} {
		if got := instanceAt(publicURL); got != want {
			t.Errorf("%s: %q", publicURL, got)
		}
	}
}
