package accounts_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/limits"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// twoNodes are what two processes count tries with, on one database.
func twoNodes(t testing.TB) (nodes [2]*accounts.Limits, shared [2]*limits.Shared) {
	t.Helper()
	url := pgtest.URL(t)
	for i := range nodes {
		s := testkit.StoreOn(t, url)
		logs := &testkit.Log{}
		shared[i] = limits.Share(s.Tries(), logs.Logger())
		t.Cleanup(func() {
			shared[i].Drain()
			if logs.String() != "" {
				t.Error(logs)
			}
		})
		nodes[i] = accounts.NewLimits(time.Now, shared[i])
	}
	return nodes, shared
}

func TestTenThousandGuessesAtOneAccountOverTwoNodesOnOneDatabaseAreTenTries(t *testing.T) {
	t.Parallel()
	nodes, _ := twoNodes(t)
	var through, asked atomic.Int64
	begun := time.Now()
	var all sync.WaitGroup
	for g := range 64 {
		all.Go(func() {
			for i := range 10_000/64 + 1 {
				n := g*200 + i
				_, wait, err := nodes[i%2].Take(t.Context(), accounts.Attempt{
					Account: "a@example.org", Address: fmt.Sprintf("2001:%x:%x::1", n>>8, n&255),
				})
				switch asked.Add(1); {
				case err != nil:
					t.Error(err)
				case wait == 0:
					through.Add(1)
				}
			}
		})
	}
	all.Wait()
	most := 10 + int64(time.Since(begun)/time.Minute) // one more comes each minute, on a machine that is as busy as that
	if n := through.Load(); n < 10 || n > most || asked.Load() < 10_000 {
		t.Errorf("of %d guesses %d got through", asked.Load(), through.Load())
	}
}

func TestOnOneDatabaseARightPasswordTakesNoTry(t *testing.T) {
	t.Parallel()
	nodes, shared := twoNodes(t)
	for i := range 20 {
		succeeded, wait, err := nodes[i%2].Take(t.Context(), accounts.Attempt{Account: "a@example.org", Address: "192.0.2.1"})
		if wait > 0 || err != nil {
			t.Fatalf("number %d waits %v (%v)", i, wait, err)
		}
		succeeded()
		shared[i%2].Drain()
	}
}

func BenchmarkTriesOfManyAccountsOnTwoNodes(b *testing.B) {
	nodes, _ := twoNodes(b)
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			succeeded, wait, err := nodes[i%2].Take(b.Context(), accounts.Attempt{
				Account: fmt.Sprint(i % 1000), Address: fmt.Sprintf("2001:%x:%x::1", i>>8&0xfff, i&255),
			})
			if wait > 0 || err != nil {
				b.Error(wait, err)
				return
			}
			succeeded()
		}
	})
}
