package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// impatient is a program that waits as shortly as a test wants to. How long it waits outside of tests,
// TestTheServerIsPatientWithNobody looks at.
func impatient(t *testing.T) running {
	t.Helper()
	a, err := New(t.Context(), testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	a.server.ReadHeaderTimeout, a.server.ReadTimeout, a.server.IdleTimeout = 300*time.Millisecond, 600*time.Millisecond, 300*time.Millisecond
	return serveUntilTheEnd(t, a)
}

// drip sends the beginning, then what never ends, a little at a time, until the other side hangs up or has been patient for too
// long. It says whether it was hung up on, and with what status.
func drip(conn net.Conn, beginning, more string) (status int, hungUp bool) {
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, beginning); err != nil {
		return 0, true
	}
	done := make(chan []answer)
	go func() { done <- answersOf(conn, http.MethodGet) }()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case answers := <-done:
			if len(answers) > 0 {
				status = answers[0].Status
			}
			return status, true
		case <-pace.C:
			_, _ = io.WriteString(conn, more) // that it fails is seen above
		}
	}
}

func TestSlowClientsAreHungUpOnAndOthersAreServedMeanwhile(t *testing.T) {
	t.Parallel()
	a := impatient(t)
	addr := a.listener.Addr().String()
	head := "Host: " + addr + "\r\n"
	body := head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\nemail="
	json := head + "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{\"username\":\""
	var slow sync.WaitGroup
	for name, tc := range map[string]struct{ beginning, more string }{
		"nothing at all":          {"", ""},
		"a slow request line":     {"GET /log", "i"},
		"slow headers":            {"GET /login HTTP/1.1\r\n" + head, "X: y\r\n"},
		"one slow header":         {"GET /login HTTP/1.1\r\n" + head + "X: ", "y"},
		"a slow form":             {"POST /login HTTP/1.1\r\n" + body, "x"},
		"a slow call":             {"POST /api/client/v2.0/app/latchkey-local/auth/providers/local-userpass/login HTTP/1.1\r\n" + json, "x"},
		"a slow pairing":          {"POST /oauth/device_authorization HTTP/1.1\r\n" + body, "x"},
		"slow chunks":             {"POST /login HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
		"a body that nobody asks": {"GET /login HTTP/1.1\r\n" + body, "x"},
		"an idle connection":      {"GET /login HTTP/1.1\r\n" + head + "\r\n", ""},
	} {
		for range 20 {
			conn := dial(t, addr)
			slow.Go(func() {
				if status, hungUp := drip(conn, tc.beginning, tc.more); !hungUp || status/100 == 5 {
					t.Errorf("%s: hung up on is %t, with %d", name, hungUp, status)
				}
			})
		}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		slow.Wait()
	}()
	person := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	for n := 0; ; n++ {
		if got := get(t, person, a.URL()+"/login"); got.Status != http.StatusOK {
			t.Fatalf("somebody else is answered %d", got.Status)
		}
		select {
		case <-served:
			if n == 0 {
				t.Error("nobody else was served meanwhile")
			}
			awaitNoConnections(t, a.App)
			return
		default:
		}
	}
}

// awaitNoConnections makes sure that none is left over: only so many are taken.
func awaitNoConnections(t *testing.T, a *App) {
	t.Helper()
	for patience := time.Now().Add(time.Minute); a.listener.Count() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(patience) {
			t.Fatalf("%d connections are left", a.listener.Count())
		}
	}
}

// TestEveryRouteRefusesALargeBodyWithoutReadingIt sends the first part of what is announced as ten gigabytes, and of chunks
// without end.
func TestEveryRouteRefusesALargeBodyWithoutReadingIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	c := s.newCast(false)
	addr := s.listener.Addr().String()
	kilobyte := strings.Repeat("x", 1<<10)
	for path, has := range tables() {
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			if !slices.Contains(has, method) {
				continue
			}
			for _, length := range []string{"Content-Length: 9999999999", "Transfer-Encoding: chunked"} {
				for _, kind := range []string{"application/x-www-form-urlencoded", "application/json"} {
					label := method + " " + path + " " + length + " " + kind
					conn := dial(t, addr)
					_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
					_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\nContent-Type: %s\r\nAuthorization: Bearer %s\r\nCookie: %s=%s\r\n\r\n",
						method, concrete(path), addr, length, kind, c.tokens[owner].Refresh, c.cookies[owner].Name, c.cookies[owner].Value)
					go func() {
						part := kilobyte
						if strings.HasPrefix(length, "Transfer") {
							part = "400\r\n" + kilobyte + "\r\n"
						}
						for range 10 << 10 {
							if _, err := io.WriteString(conn, part); err != nil {
								return // hung up on, as it should be
							}
						}
						t.Errorf("%s: ten megabytes were taken", label)
					}()
					got := answersOf(conn, method)
					_ = conn.Close()
					// A connection that is reset under what is still being sent may take the answer along.
					if len(got) > 1 || len(got) == 1 && (got[0].Status/100 == 5 || got[0].Status/100 == 1) {
						t.Errorf("%s: %v", label, got)
					}
				}
			}
		}
	}
	if got := get(t, http.DefaultClient, s.at+"/healthz"); got.Status != http.StatusOK {
		t.Errorf("afterwards: %d", got.Status)
	}
}

// What is just too large is said to be.
func TestABodyBeyondTheLimitIsCalledTooLarge(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	c := s.newCast(false)
	cookie := http.Header{"Cookie": {c.cookies[owner].Name + "=" + c.cookies[owner].Value}}
	for path, has := range tables() {
		if !slices.Contains(has, http.MethodPost) || strings.HasPrefix(path, "/api/") {
			continue
		}
		got := s.request(http.MethodPost, concrete(path), large(), "application/x-www-form-urlencoded", cookie)
		if got.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("POST %s: %d", path, got.Status)
		}
	}
	for _, path := range []string{"/app/latchkey-local/auth/providers/local-userpass/login", "/app/latchkey-local/auth/providers/local-userpass/register", "/auth/api_keys"} {
		got := s.request(http.MethodPost, "/api/client/v2.0"+path, `{"name":"`+large()+`"}`, "application/json", bearer(c.tokens[owner].Refresh))
		if got.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("POST %s: %d", path, got.Status)
		}
	}
}

func TestHeadersBeyondTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	a := run(t, testConfig(t))
	addr := a.listener.Addr().String()
	for name, message := range map[string]string{
		"one":         "X: " + strings.Repeat("x", 32<<10) + "\r\n",
		"many":        strings.Repeat("X: y\r\n", 8<<10),
		"a cookie":    "Cookie: latchkey=" + strings.Repeat("x", 32<<10) + "\r\n",
		"many hosts":  strings.Repeat("Host: "+addr+"\r\n", 2<<10),
		"no line end": strings.Repeat("x", 64<<10),
	} {
		conn := dial(t, addr)
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { _, _ = io.WriteString(conn, "GET /login HTTP/1.1\r\nHost: "+addr+"\r\n"+message+"\r\n") }()
		if got := answersOf(conn, http.MethodGet); len(got) > 1 || len(got) == 1 && got[0].Status != http.StatusRequestHeaderFieldsTooLarge && got[0].Status != http.StatusBadRequest {
			t.Errorf("%s: %v", name, got)
		}
	}
}
