package authserver

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPasswordsAreHashedAtTheCostThatIsPromised(t *testing.T) {
	h := newHasher(passwordCost, 1)
	phc, err := h.hash(t.Context(), testPassword)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored as %s", phc)
	}
	cost, salt, key, err := decodePHC(phc)
	if err != nil || cost != passwordCost || len(salt) != 16 || len(key) != 32 {
		t.Errorf("decoded %+v, %d and %d bytes, %v", cost, len(salt), len(key), err)
	}
}

// The reference implementation's own test vector.
func TestHashesOfOtherImplementationsAreUnderstood(t *testing.T) {
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	got, err := newHasher(cheap, 1).check(t.Context(), phc, "password")
	if got != passwordOutdated || err != nil {
		t.Errorf("verdict %d, %v", got, err)
	}
}

func TestCheckTellsRightFromWrong(t *testing.T) {
	h := newHasher(cheap, 2)
	ctx := t.Context()
	first, err := h.hash(ctx, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.hash(ctx, testPassword)
	if err != nil || first == second {
		t.Errorf("two hashes of one password are equal, or %v", err)
	}
	for _, tt := range []struct {
		name, stored string
		password     secret
		want         verdict
	}{
		{"right", first, testPassword, passwordRight},
		{"right, other salt", second, testPassword, passwordRight},
		{"wrong", first, "correct horsf", passwordWrong},
		{"a character more", first, testPassword + " ", passwordWrong},
		{"empty", first, "", passwordWrong},
		{"no hash stored", "", testPassword, passwordWrong},
		{"no hash and no password", "", "", passwordWrong},
	} {
		if got, err := h.check(ctx, tt.stored, tt.password); got != tt.want || err != nil {
			t.Errorf("%s: verdict %d, %v", tt.name, got, err)
		}
	}
}

func TestAStoredHashThatIsNoneIsAnErrorThatDoesNotQuoteIt(t *testing.T) {
	const salt, key = "c29tZXNhbHRzb21l", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := newHasher(cheap, 1)
	for _, stored := range []string{
		"canary", "$2b$12$canary", "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key, "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt, "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key + "$", "x$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$AAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAA$" + key, "$argon2id$v=19$m=64,t=1,p=1$!$" + key,
		"$argon2id$v=19$m=999999999,t=1,p=1$" + salt + "$" + key, "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + key, "$argon2id$v=19$m=64,t=99,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1,x=2$" + salt + "$" + key, "$argon2id$v=19$m=-1,t=1,p=1$" + salt + "$" + key,
	} {
		_, err := h.check(t.Context(), stored, "x")
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", stored, err)
		}
	}
}

// work records what argon2id was asked to do. Equal work is what makes answers take equal time; measuring time itself would
// make a test that fails on a busy machine.
type work struct {
	mu    sync.Mutex
	costs []PasswordCost
}

func (f *fixture) recordWork() *work {
	w, derive := &work{}, f.passwords.derive
	f.passwords.derive = func(password, salt []byte, c PasswordCost) []byte {
		w.mu.Lock()
		w.costs = append(w.costs, c)
		w.mu.Unlock()
		return derive(password, salt, c)
	}
	return w
}

func (w *work) take() []PasswordCost {
	w.mu.Lock()
	defer w.mu.Unlock()
	costs := w.costs
	w.costs = nil
	return costs
}

func TestAnUnknownEmailIsAsMuchWorkAsAWrongPassword(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	if _, err := f.createUser(newRequest("POST", "/", ""), "imported@example.org", ""); err != nil {
		t.Fatal(err)
	}
	done := f.recordWork()
	once := []PasswordCost{cheap}
	for _, tt := range []struct {
		name, email, password string
		status                int
		want                  []PasswordCost
	}{
		{"right password", "a@example.org", testPassword, 200, once},
		{"wrong password", "a@example.org", "wrong password", 401, once},
		{"empty password", "a@example.org", "", 401, once},
		{"unknown e-mail", "b@example.org", testPassword, 401, once},
		{"unknown e-mail and empty password", "b@example.org", "", 401, once},
		{"account without a password", "imported@example.org", testPassword, 401, once},
		{"password too long for anybody", "a@example.org", strings.Repeat("x", 129), 401, nil},
		{"the same for an unknown e-mail", "b@example.org", strings.Repeat("x", 129), 401, nil},
	} {
		reads := f.store.Stats().Reads
		f.do("POST", loginPath("local-userpass"), "", object("username", tt.email, "password", tt.password)).want(tt.status)
		if diff := cmp.Diff(tt.want, done.take()); diff != "" {
			t.Errorf("%s: hashes (-want +got):\n%s", tt.name, diff)
		}
		if got := f.store.Stats().Reads - reads; got != int64(len(tt.want)) {
			t.Errorf("%s: %d reads", tt.name, got)
		}
	}
}

func TestStartingHashesNothing(t *testing.T) {
	h := newHasher(PasswordCost{Memory: 1 << 20, Passes: 100, Threads: 1}, 1) // would take a minute
	if _, _, _, err := decodePHC(encodePHC(h.cost, randomBytes(16), randomBytes(32))); err == nil {
		t.Error("such a cost would be accepted from the store")
	}
	if !strings.HasPrefix(h.absent, "$argon2id$v=19$m=1048576,t=100,p=1$") {
		t.Errorf("absent accounts cost %s", h.absent)
	}
}

// stalled is a hasher whose hashes wait for release.
func stalled(cores int) (h *hasher, started chan struct{}, release func(), most func() int64) {
	h = newHasher(cheap, cores)
	started = make(chan struct{}, 1000)
	gate := make(chan struct{})
	var now, max atomic.Int64
	h.derive = func(_, _ []byte, _ PasswordCost) []byte {
		n := now.Add(1)
		for {
			old := max.Load()
			if n <= old || max.CompareAndSwap(old, n) {
				break
			}
		}
		started <- struct{}{}
		<-gate
		now.Add(-1)
		return make([]byte, hashSize)
	}
	return h, started, func() { close(gate) }, max.Load
}

func TestNoMoreHashesAtOnceThanCoresAndAQueueThatEnds(t *testing.T) {
	const cores = 2
	h, started, release, most := stalled(cores)
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range cores * (1 + waitingPerCore) {
		wg.Go(func() {
			if _, err := h.hash(t.Context(), "x"); err != nil {
				failed.Add(1)
			}
		})
	}
	for range cores {
		<-started
	}
	for len(h.queue) < cap(h.queue) { // until all the others wait
		select {
		case <-started:
			t.Fatal("more hashes than cores")
		default:
		}
	}
	var f *failure
	if _, err := h.hash(t.Context(), "x"); !errors.As(err, &f) || f.kind != kindBusy {
		t.Errorf("with the queue full: %v", err)
	}
	release()
	wg.Wait()
	if most() != cores || failed.Load() != 0 {
		t.Errorf("%d hashes at once, %d of the queue failed", most(), failed.Load())
	}
	if len(h.queue) != 0 || len(h.running) != 0 {
		t.Error("places in the queue were not given back")
	}
}

func TestWhoeverHangsUpLeavesTheQueue(t *testing.T) {
	h, started, release, _ := stalled(1)
	go func() { _, _ = h.hash(t.Context(), "x") }()
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.check(ctx, "", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(h.queue) != 1 {
		t.Errorf("%d in the queue", len(h.queue))
	}
	release()
}

func TestAFullQueueAnswers503AndWhenToComeBack(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	for range cap(f.passwords.queue) {
		f.passwords.queue <- struct{}{}
	}
	for _, call := range []struct{ path, body string }{
		{loginPath("local-userpass"), object("username", "a@example.org", "password", testPassword)},
		{loginPath("local-userpass"), object("username", "b@example.org", "password", testPassword)},
		{appPath(registerRest), object("email", "c@example.org", "password", testPassword)},
	} {
		got := f.do("POST", call.path, "", call.body).want(503)
		got.says("too much is being done right now: try again in a moment", "")
		if got.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
		}
	}
	f.do("POST", loginPath("api-key"), "", object("key", newValue())).want(401) // keys do not wait for passwords
}
