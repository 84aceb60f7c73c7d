package accounts

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func TestPasswordsAreHashedAtTheCostThatIsPromised(t *testing.T) {
	h := newHasher(passwordCost, 1)
	phc, err := h.hash(t.Context(), claim{}, testPassword)
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
	got, err := newHasher(testkit.Cheap, 1).check(t.Context(), claim{}, phc, "password")
	if got != passwordOutdated || err != nil {
		t.Errorf("verdict %d, %v", got, err)
	}
}

func TestCheckTellsRightFromWrong(t *testing.T) {
	h := newHasher(testkit.Cheap, 2)
	ctx := t.Context()
	first, err := h.hash(ctx, claim{}, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.hash(ctx, claim{}, testPassword)
	if err != nil || first == second {
		t.Errorf("two hashes of one password are equal, or %v", err)
	}
	for _, tt := range []struct {
		name, stored string
		password     model.Secret
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
		if got, err := h.check(ctx, claim{}, tt.stored, tt.password); got != tt.want || err != nil {
			t.Errorf("%s: verdict %d, %v", tt.name, got, err)
		}
	}
}

func TestAStoredHashThatIsNoneIsAnErrorThatDoesNotQuoteIt(t *testing.T) {
	const salt, key = "c29tZXNhbHRzb21l", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := newHasher(testkit.Cheap, 1)
	for _, stored := range []string{
		"canary", "$2b$12$canary", "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key, "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt, "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key + "$", "x$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$AAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAA$" + key, "$argon2id$v=19$m=64,t=1,p=1$!$" + key,
		"$argon2id$v=19$m=999999999,t=1,p=1$" + salt + "$" + key, "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + key, "$argon2id$v=19$m=64,t=99,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1,x=2$" + salt + "$" + key, "$argon2id$v=19$m=-1,t=1,p=1$" + salt + "$" + key,
	} {
		_, err := h.check(t.Context(), claim{}, stored, "x")
		if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", stored, err)
		}
	}
}

func TestStartingHashesNothing(t *testing.T) {
	h := newHasher(model.PasswordCost{Memory: 1 << 20, Passes: 100, Threads: 1}, 1) // would take a minute
	if _, _, _, err := decodePHC(encodePHC(h.cost, model.RandomBytes(16), model.RandomBytes(32))); err == nil {
		t.Error("such a cost would be accepted from the store")
	}
	if !strings.HasPrefix(h.absent, "$argon2id$v=19$m=1048576,t=100,p=1$") {
		t.Errorf("absent accounts cost %s", h.absent)
	}
}

// stalled is a hasher whose hashes wait for release.
func stalled(cores int) (h *hasher, started chan struct{}, release func(), most func() int64) {
	h = newHasher(testkit.Cheap, cores)
	started = make(chan struct{}, 1000)
	gate := make(chan struct{})
	var now, max atomic.Int64
	h.derive = func(_, _ []byte, _ model.PasswordCost) []byte {
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

// full says whether all places in the queue are taken.
func (h *hasher) full() bool {
	running, waiting := h.queue.held()
	return running+waiting == h.queue.places
}

// wantEmpty makes sure that nothing is left of those who were in the queue.
func (h *hasher) wantEmpty(t *testing.T) {
	t.Helper()
	if running, waiting := h.queue.held(); running != 0 || waiting != 0 || len(h.queue.holders) != 0 {
		t.Errorf("%d run, %d wait and %d hold places", running, waiting, len(h.queue.holders))
	}
}

func TestNoMoreHashesAtOnceThanCoresAndAQueueThatEnds(t *testing.T) {
	const cores = 2
	h, started, release, most := stalled(cores)
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range cores * (1 + waitingPerCore) {
		wg.Go(func() {
			if _, err := h.hash(t.Context(), claim{}, "x"); err != nil {
				failed.Add(1)
			}
		})
	}
	for range cores {
		<-started
	}
	for !h.full() { // until all the others wait
		select {
		case <-started:
			t.Fatal("more hashes than cores")
		default:
		}
	}
	_, err := h.hash(t.Context(), claim{}, "x")
	is(t, err, model.KindBusy)
	release()
	wg.Wait()
	if most() != cores || failed.Load() != 0 {
		t.Errorf("%d hashes at once, %d of the queue failed", most(), failed.Load())
	}
	h.wantEmpty(t)
}

func TestWhoeverHangsUpLeavesTheQueue(t *testing.T) {
	h, started, release, _ := stalled(1)
	go func() { _, _ = h.hash(t.Context(), claim{}, "x") }()
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.check(ctx, claim{}, "", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if running, waiting := h.queue.held(); running != 1 || waiting != 0 {
		t.Errorf("%d run and %d wait", running, waiting)
	}
	release()
}

func BenchmarkPasswordHash(b *testing.B) {
	h := newHasher(passwordCost, 1)
	for b.Loop() {
		if _, err := h.hash(b.Context(), claim{}, testPassword); err != nil {
			b.Fatal(err)
		}
	}
}
