package app

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/app/config"
)

// Of the greedy clients below.
const (
	greedyPeople  = 5    // as many downloads as one address may have
	greedyEvents  = 2000 // of each, of 2 KB
	greedyPlaces  = 90   // connections to a program that has few
	greedyAddress = "127.0.0.2"
)

// greedy is one who does a thing over and over from one address, until the context ends.
type greedy struct {
	a       running
	addr    string
	cookies []string // of accounts with very many events
}

// from is a client that comes from an address of this machine.
func from(t *testing.T, address string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: noRedirect, Timeout: 10 * time.Second}
}

// manyEvents records that much happened to all users but the first of a database that nobody uses.
func manyEvents(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), `
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO events (user_id, id, at, kind, actor, key_id, key_name, detail, address, agent)
SELECT users.id, printf('%024x', n.i), ?, 'signed-in', 'browser', '', '', '', '192.0.2.1', hex(randomblob(1000)) FROM (SELECT id FROM users ORDER BY id LIMIT -1 OFFSET 1) AS users, n`,
		greedyEvents, time.Now().UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
}

// startFew is a program with few connections, an account that nobody is greedy with, and some with very many events.
func startFew(t *testing.T) (greedy, config.Config) {
	t.Helper()
	cfg := testConfig(t)
	cfg.AdminAddr, cfg.Connections = "127.0.0.1:0", greedyPlaces
	a := run(t, cfg)
	people := []string{account.Get("email")}
	for n := range greedyPeople {
		people = append(people, fmt.Sprintf("greedy-%d@example.com", n))
	}
	for _, email := range people {
		if err := newClient(t, a.URL()).Register(t.Context(), email, account.Get("password")); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	manyEvents(t, filepath.Join(cfg.Data, databaseFile))
	again := run(t, cfg)
	g := greedy{a: again, addr: again.listener.Addr().String()}
	for _, email := range people[1:] {
		cookie := sessionCookie(signInFrom(t, from(t, greedyAddress), again.URL(), email).Header)
		if cookie == nil {
			t.Fatal("nobody is signed in")
		}
		g.cookies = append(g.cookies, cookie.Name+"="+cookie.Value)
	}
	return g, cfg
}

func signInFrom(t *testing.T, c *http.Client, base, email string) answer {
	t.Helper()
	return post(t, c, base+"/login", url.Values{"email": {email}, "password": {account.Get("password")}})
}

// connect opens a connection that the test closes in the end. Being hung up on is no news to one who is greedy.
func (g greedy) connect(ctx context.Context) net.Conn {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(greedyAddress)}}
	conn, err := d.DialContext(ctx, "tcp", g.addr)
	if err != nil {
		return nil
	}
	_ = conn.(*net.TCPConn).SetReadBuffer(4096) // what is not taken has no room here
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn
}

func (g greedy) send(conn net.Conn, path, cookie string) {
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", path, strings.TrimPrefix(g.a.URL(), "http://"), cookie)
}

// hold opens connections and leaves each as it is left.
func (g greedy) hold(ctx context.Context, n int, leave func(net.Conn)) {
	for range n {
		if conn := g.connect(ctx); conn != nil {
			leave(conn)
		}
	}
}

// filter asks for filtered lists of one person on so many connections.
func (g greedy) filter(ctx context.Context, all *sync.WaitGroup, n int) {
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				conn := g.connect(ctx)
				if conn == nil {
					return
				}
				g.send(conn, "/activity?kind=devices", g.cookies[0])
				_, _ = io.ReadFull(conn, make([]byte, 100)) // the beginning of the answer
				_ = conn.Close()
			}
		})
	}
}

// TestBesideOneWhoIsGreedyOthersAreServed has everything that others need: a page, a sign-in, the health check and the commands.
func TestBesideOneWhoIsGreedyOthersAreServed(t *testing.T) {
	t.Parallel()
	g, cfg := startFew(t)
	for name, start := range map[string]func(context.Context, *sync.WaitGroup){
		"idle connections": func(ctx context.Context, _ *sync.WaitGroup) {
			g.hold(ctx, 2*greedyPlaces, func(c net.Conn) {
				g.send(c, healthPath, "")
				_, _ = c.Read(make([]byte, 100))
			})
		},
		"half a request": func(ctx context.Context, _ *sync.WaitGroup) {
			g.hold(ctx, 2*greedyPlaces, func(c net.Conn) { _, _ = io.WriteString(c, "POST /login HTTP/1.1\r\nHost: x\r\nContent-Le") })
		},
		"half a body": func(ctx context.Context, _ *sync.WaitGroup) {
			g.hold(ctx, 2*greedyPlaces, func(c net.Conn) {
				_, _ = io.WriteString(c, "POST /login HTTP/1.1\r\nHost: "+g.addr+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 999\r\n\r\nemail=")
			})
		},
		"streams": func(ctx context.Context, _ *sync.WaitGroup) {
			g.hold(ctx, 2*greedyPlaces, func(c net.Conn) { g.send(c, "/keys/arrival", g.cookies[0]) })
		},
		"filtered lists": func(ctx context.Context, all *sync.WaitGroup) { g.filter(ctx, all, 16) },
		"downloads that are not taken": func(ctx context.Context, _ *sync.WaitGroup) {
			for _, cookie := range g.cookies {
				conn := g.connect(ctx)
				g.send(conn, "/activity.csv", cookie)
				_, _ = conn.Read(make([]byte, 100))
			}
		},
	} {
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		start(ctx, &all)
		for _, address := range []string{"127.0.0.3", "127.1.0.1"} { // next door, and elsewhere
			g.serves(t, name, cfg, from(t, address))
		}
		stop()
		all.Wait()
	}
}

// serves makes sure that somebody else gets what they ask for.
func (g greedy) serves(t *testing.T, beside string, cfg config.Config, c *http.Client) {
	t.Helper()
	if got := get(t, c, "http://"+g.addr+healthPath); got.Status != http.StatusOK {
		t.Errorf("beside %s the health check is answered %d", beside, got.Status)
	}
	if got := signInFrom(t, c, g.a.URL(), account.Get("email")); got.Status != http.StatusSeeOther {
		t.Errorf("beside %s a sign-in is answered %d", beside, got.Status)
	}
	for _, path := range []string{"/keys", "/activity?kind=sign-ins", "/activity.json", "/sessions"} {
		if got := get(t, c, g.a.URL()+path); got.Status != http.StatusOK {
			t.Errorf("beside %s %s is answered %d", beside, path, got.Status)
		}
	}
	if list := order(t, cfg, "", "user", "list"); !strings.Contains(list, account.Get("email")) {
		t.Errorf("beside %s the commands say %q", beside, list)
	}
	if got := get(t, http.DefaultClient, "http://"+g.a.admin.listener.Addr().String()+"/readyz"); got.Status != http.StatusOK {
		t.Errorf("beside %s the listener for operators says %d", beside, got.Status)
	}
}
