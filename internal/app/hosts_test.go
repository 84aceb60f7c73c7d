package app

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
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
		h := newHosts(publicURL, tc.chosen, listening, slog.New(slog.DiscardHandler))
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
				checkMisdirected(t, got[0], addr, publicURL)
			}
			if strings.Contains(got[0].Body, "evil.example") {
				t.Errorf("%s of host %q: the answer repeats the host", tc.target, tc.host)
			}
		}
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "refused a request for another host") || !strings.Contains(log.String(), "evil.example") {
			t.Error("the log does not say what was refused")
		}
	}
}

// checkMisdirected wants the answer to help the operator and to name no host to anybody else.
func checkMisdirected(t *testing.T, got answer, ours ...string) {
	t.Helper()
	if got.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(got.Body, "--public-url") {
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
