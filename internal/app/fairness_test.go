package app

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// Right passwords are counted by nothing, and fill the queue for hashes. A client that signs in over and over, from one site, leaves
// others theirs.
func TestSomebodyElseSignsInBesideAFloodOfRightPasswords(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.TrustedProxies = "127.0.0.1/32"
	cfg.PasswordCost = model.PasswordCost{Memory: 1024, Passes: 2, Threads: 1} // slow enough that many wait
	a := run(t, cfg)
	password := account.Get("password")
	post(t, browser(t), a.URL()+"/register", account)
	ana, err := a.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, account.Get("email"))
	if err != nil {
		t.Fatal(err)
	}
	connections := 32 * runtime.GOMAXPROCS(0) // nearly twice what the queue holds
	for i := range connections/4 + 1 {
		testkit.Person(t, a.store, fmt.Sprintf("greedy-%d@example.com", i), time.Now(), func(id *model.Identity) {
			id.PasswordHash = ana.PasswordHash
		})
	}

	through := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * connections}}
	t.Cleanup(through.CloseIdleConnections)
	signIn := func(email, from string) (status int) {
		body := strings.NewReader(fmt.Sprintf(`{"username":%q,"password":%q}`, email, password))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			a.URL()+"/api/client/v2.0/app/latchkey-local/auth/providers/local-userpass/login", body)
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Forwarded-For", from)
		res, err := through.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res.StatusCode
	}
	var busy atomic.Int64
	var stop atomic.Bool
	var greedy sync.WaitGroup
	defer func() { stop.Store(true); greedy.Wait() }()
	for i := range connections {
		greedy.Go(func() {
			for !stop.Load() && !t.Failed() {
				// No address has more tries under way than it may, nor an account more from it.
				got := signIn(fmt.Sprintf("greedy-%d@example.com", i/4), fmt.Sprintf("198.51.100.%d", i/40))
				if got == http.StatusServiceUnavailable {
					busy.Add(1)
				}
			}
		})
	}
	for busy.Load() == 0 && !t.Failed() { // until the queue is full
		time.Sleep(time.Millisecond)
	}
	const tries = 10
	in := 0
	for range tries {
		if signIn(account.Get("email"), "203.0.113.9") == http.StatusOK {
			in++
		}
	}
	t.Logf("%d of %d sign-ins; the greedy were told %d times to come back", in, tries, busy.Load())
	if in < tries-1 {
		t.Errorf("somebody else got in %d times of %d", in, tries)
	}
}
