package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/client"
)

// crowd is people and devices that read and write without a pause.
type crowd struct {
	t       *testing.T
	base    string
	through *http.Client
	cookie  string // of somebody who is signed in
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup

	done, failed, longest atomic.Int64
}

const crowdSize = 6

func startCrowd(t *testing.T, base string, through *http.Client) *crowd {
	t.Helper()
	through.CheckRedirect = noRedirect
	l := &crowd{t: t, base: base, through: through}
	l.ctx, l.cancel = context.WithCancel(t.Context())
	t.Cleanup(l.stop)
	l.cookie = l.signUp()
	for i := range crowdSize {
		email := fmt.Sprintf("person-%d@example.com", i)
		if err := l.device().Register(t.Context(), email, account.Get("password")); err != nil {
			t.Fatal(err)
		}
		session := l.signIn(email)
		l.workers.Go(func() { l.work(session) })
	}
	return l
}

func (l *crowd) device() *client.Client {
	l.t.Helper()
	c, err := client.New(l.base, "latchkey-local", client.WithHTTPClient(l.through))
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *crowd) signIn(email string) *client.Session {
	l.t.Helper()
	session, err := l.device().Login(l.t.Context(), client.EmailPassword(email, account.Get("password")))
	if err != nil {
		l.t.Fatal(err)
	}
	return session
}

// signUp creates an account and gives its cookie.
func (l *crowd) signUp() string {
	l.t.Helper()
	got := post(l.t, l.through, l.base+"/register", account)
	cookie := sessionCookie(got.Header)
	if cookie == nil {
		l.t.Fatalf("nobody was signed up: %d", got.Status)
	}
	// A key that was never used: a page waits for that.
	session := l.signIn(account.Get("email"))
	if _, err := session.APIKeys().Create(l.t.Context(), "waiting"); err != nil {
		l.t.Fatal(err)
	}
	return cookie.Name + "=" + cookie.Value
}

// work reads pages, sends forms, makes keys and deletes them, each of which must be answered as if nothing happened.
func (l *crowd) work(session *client.Session) {
	for l.ctx.Err() == nil {
		l.ask(http.MethodGet, "/logs", http.StatusOK)
		l.ask(http.MethodGet, "/keys", http.StatusOK)
		l.ask(http.MethodPost, "/theme", http.StatusSeeOther)
		var key client.CreatedKey
		l.count(func() (err error) { key, err = session.APIKeys().Create(l.ctx, "porch-cam"); return err })
		l.count(func() error { return session.APIKeys().Delete(l.ctx, key.ID) })
	}
}

func (l *crowd) ask(method, path string, want int) {
	l.count(func() error {
		req, err := http.NewRequestWithContext(l.ctx, method, l.base+path, strings.NewReader(""))
		if err != nil {
			return err
		}
		req.Header.Set("Cookie", l.cookie)
		res, err := l.through.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if err == nil && res.StatusCode != want {
			return fmt.Errorf("%s %s: %s", method, path, res.Status)
		}
		return err
	})
}

// count does one request. When the test ends in the middle of it, it does not count.
func (l *crowd) count(request func() error) {
	began := time.Now()
	err := request()
	if l.ctx.Err() != nil {
		return
	}
	l.done.Add(1)
	took := int64(time.Since(began))
	for longest := l.longest.Load(); took > longest && !l.longest.CompareAndSwap(longest, took); longest = l.longest.Load() {
	}
	if err != nil {
		l.failed.Add(1)
		l.t.Errorf("a request failed: %v", err)
	}
}

// goesOn waits for so many more requests.
func (l *crowd) goesOn(more int64) {
	l.t.Helper()
	awaitMore(l.t, &l.done, more)
}

// awaitMore waits until a count has grown by so many.
func awaitMore(t *testing.T, count *atomic.Int64, more int64) {
	t.Helper()
	until := count.Load() + more
	for patience := time.Now().Add(time.Minute); count.Load() < until; time.Sleep(time.Millisecond) {
		if time.Now().After(patience) {
			t.Fatal("nothing is answered any more")
		}
	}
}

// openStream opens a page's stream and gives what waits for its end.
func (l *crowd) openStream() (awaitEnd func()) {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, l.base+"/keys/arrival?state=x", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Cookie", l.cookie)
	res, err := l.through.Do(req) //nolint:bodyclose // by what is handed back
	if err != nil || res.StatusCode != http.StatusOK {
		l.t.Fatalf("no stream: %v, %v", res, err)
	}
	return func() {
		_, err := io.Copy(io.Discard, res.Body)
		if _ = res.Body.Close(); err != nil {
			l.t.Errorf("the stream broke: %v", err)
		}
	}
}

func (l *crowd) stop() {
	l.cancel()
	l.workers.Wait()
}
