package limits_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/testkit"
)

func newClock() *testkit.Clock {
	return testkit.NewClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
}

const sweepEvery = time.Hour

// take takes one from each, and wants to wait that long instead.
func take(t *testing.T, b *limits.Book, wait time.Duration, counts ...limits.Count) (giveBack func()) {
	t.Helper()
	turn := b.Begin()
	defer turn.End()
	giveBack, got := turn.Take(counts...)
	if got != wait {
		t.Errorf("wait is %v, want %v", got, wait)
	}
	if (giveBack != nil) != (got == 0) {
		t.Errorf("with a wait of %v, whether there is something to give back: %v", got, giveBack != nil)
	}
	return giveBack
}

func used(b *limits.Book, c limits.Count) int {
	turn := b.Begin()
	defer turn.End()
	return turn.Used(c)
}

func wantUsed(t *testing.T, b *limits.Book, c limits.Count, wanted int) {
	t.Helper()
	if got := used(b, c); got != wanted {
		t.Errorf("%d are used, want %d", got, wanted)
	}
}

func wantLen(t *testing.T, table *limits.Table, wanted int) {
	t.Helper()
	if got := table.Len(); got != wanted {
		t.Errorf("%d are remembered, want %d", got, wanted)
	}
}

func TestABucketAllowsSoManyAtOnceAndOneMoreAfterEachPause(t *testing.T) {
	c := newClock()
	b := limits.NewBook(c.Now, sweepEvery)
	table := b.Buckets(3, time.Minute)
	ann := table.Of("ann")
	for range 3 { // however often it was used up
		for i := range 3 {
			take(t, b, 0, ann)
			wantUsed(t, b, ann, i+1)
		}
		for range 10 { // what is refused makes nobody wait longer
			take(t, b, time.Minute, ann)
		}
		take(t, b, 0, table.Of("bob"))
		c.Advance(time.Minute - 1)
		take(t, b, 1, ann)
		wantUsed(t, b, ann, 3)
		c.Advance(1)
		wantUsed(t, b, ann, 2)
		take(t, b, 0, ann)
		take(t, b, time.Minute, ann)
		c.Advance(3 * time.Minute)
		wantUsed(t, b, ann, 0)
	}
}

func TestAWindowAllowsWhatAllOfItsRulesAllow(t *testing.T) {
	c := newClock()
	b := limits.NewBook(c.Now, sweepEvery)
	table := b.Windows(limits.Rule{Most: 2, In: time.Minute}, limits.Rule{Most: 5, In: time.Hour})
	ann := table.Of("ann")
	take(t, b, 0, ann)
	c.Advance(20 * time.Second)
	take(t, b, 0, ann)
	take(t, b, 40*time.Second, ann) // when the first is a minute ago
	take(t, b, 0, table.Of("bob"))
	c.Advance(40*time.Second - 1)
	take(t, b, 1, ann)
	c.Advance(1)
	take(t, b, 0, ann)
	take(t, b, 20*time.Second, ann) // no more than two in any minute, wherever it begins
	c.Advance(time.Minute)
	take(t, b, 0, ann)
	take(t, b, 0, ann)
	take(t, b, 58*time.Minute, ann) // when the first is an hour ago
	wantUsed(t, b, ann, 5)
	c.Advance(58 * time.Minute)
	wantUsed(t, b, ann, 4)
	take(t, b, 0, ann)
	take(t, b, 20*time.Second, ann)
}

func TestATakeIsFromAllCountsOrFromNone(t *testing.T) {
	c := newClock()
	b := limits.NewBook(c.Now, sweepEvery)
	narrow := b.Windows(limits.Rule{Most: 1, In: time.Minute}).Of("")
	wide := b.Windows(limits.Rule{Most: 10, In: time.Hour}).Of("")
	bucket := b.Buckets(10, time.Minute).Of("")
	take(t, b, 0, wide, narrow, bucket)
	for range 100 {
		take(t, b, time.Minute, wide, narrow, bucket)
	}
	wantUsed(t, b, wide, 1)
	wantUsed(t, b, bucket, 1)
	for range 9 {
		take(t, b, 0, wide)
	}
	take(t, b, time.Hour, wide, narrow, bucket) // the longest of the waits
}

func TestWhatIsGivenBackIsOneTakeAndNoOther(t *testing.T) {
	c := newClock()
	b := limits.NewBook(c.Now, sweepEvery)
	windows, buckets := b.Windows(limits.Rule{Most: 5, In: 10 * time.Minute}), b.Buckets(5, time.Minute)
	both := []limits.Count{windows.Of("ann"), buckets.Of("ann")}
	take(t, b, 0, both...)()
	wantLen(t, windows, 0)
	wantLen(t, buckets, 0)
	for range 4 {
		take(t, b, 0, both...)
		c.Advance(time.Second)
	}
	for range 100 {
		take(t, b, 0, both...)()
	}
	wantUsed(t, b, both[0], 4)
	wantUsed(t, b, both[1], 4)
	take(t, b, 0, both...)
	take(t, b, 10*time.Minute-4*time.Second, both...)
}

func TestWhatComesBackLateTakesNothingOfOthers(t *testing.T) {
	for name, table := range map[string]func(*limits.Book) *limits.Table{
		"bucket": func(b *limits.Book) *limits.Table { return b.Buckets(2, time.Minute) },
		"window": func(b *limits.Book) *limits.Table { return b.Windows(limits.Rule{Most: 2, In: 2 * time.Minute}) },
	} {
		for _, every := range []time.Duration{time.Second, 24 * time.Hour} { // forgotten by a sweep, or not
			t.Run(name, func(t *testing.T) {
				c := newClock()
				b := limits.NewBook(c.Now, every)
				ann := table(b).Of("ann")
				giveBack := take(t, b, 0, ann)
				c.Advance(2 * time.Minute)
				take(t, b, 0, ann)
				take(t, b, 0, ann)
				giveBack()
				wantUsed(t, b, ann, 2)
			})
		}
	}
}

func TestWhoIsNewToAFullTableWaitsAndTheOthersGoOn(t *testing.T) {
	c := newClock()
	b := limits.NewBook(c.Now, sweepEvery)
	for name, table := range map[string]*limits.Table{
		"bucket": b.Buckets(2, sweepEvery).Bound(100, time.Second),
		"window": b.Windows(limits.Rule{Most: 2, In: sweepEvery}).Bound(100, time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 100 {
				take(t, b, 0, table.Of(strconv.Itoa(i)))
			}
			for i := range 100_000 {
				take(t, b, time.Second, table.Of("stranger "+strconv.Itoa(i)))
			}
			wantLen(t, table, 100)
			for i := range 100 { // each has what it had left, and no more
				take(t, b, 0, table.Of(strconv.Itoa(i)))
				take(t, b, sweepEvery, table.Of(strconv.Itoa(i)))
			}
			c.Advance(sweepEvery)
			if name == "bucket" {
				c.Advance(sweepEvery) // until they are full again
			}
			take(t, b, 0, table.Of("stranger"))
			wantLen(t, table, 1)
		})
	}
}

func TestATableWithoutAWaitLeavesItToTheCallerWhereToCountWhoIsNew(t *testing.T) {
	c := newClock()
	b := limits.NewBook(c.Now, sweepEvery)
	table := b.Buckets(2, time.Minute).Bound(10, 0)
	through := 0
	for i := range 100 {
		turn := b.Begin()
		who := table.Of(strconv.Itoa(i))
		if turn.Full(who) != (i >= 10) {
			t.Errorf("number %d finds it full: %v", i, turn.Full(who))
		}
		if turn.Full(who) {
			who = table.Of("the rest")
		}
		if _, wait := turn.Take(who); wait == 0 {
			through++
		}
		turn.End()
	}
	if wantLen(t, table, 11); through != 12 {
		t.Errorf("%d got through, want ten and the two of the rest", through)
	}
}

func TestTablesBesideATableTakeItsPlaces(t *testing.T) {
	b := limits.NewBook(newClock().Now, sweepEvery)
	accounts := b.Windows(limits.Rule{Most: 9, In: sweepEvery})
	addresses := b.Windows(limits.Rule{Most: 9, In: sweepEvery}).Bound(10, time.Minute, accounts)
	for i := range 5 {
		take(t, b, 0, accounts.Of(strconv.Itoa(i)), addresses.Of(strconv.Itoa(i)))
	}
	take(t, b, time.Minute, accounts.Of("5"), addresses.Of("5"))
	take(t, b, 0, accounts.Of("5"), addresses.Of("4"))
	wantLen(t, accounts, 6)
	wantLen(t, addresses, 5)
}

func TestWhatIsPastIsForgottenByUseAndBySweep(t *testing.T) {
	c := newClock()
	b := limits.NewBook(c.Now, 10*time.Minute)
	windows, buckets := b.Windows(limits.Rule{Most: 3, In: 10 * time.Minute}), b.Buckets(3, 5*time.Minute)
	for i := range 2000 {
		c.Advance(time.Minute)
		take(t, b, 0, windows.Of(strconv.Itoa(i)), buckets.Of(strconv.Itoa(i)))
		if windows.Len() > 21 || buckets.Len() > 21 {
			t.Fatalf("after %d minutes %d and %d are remembered", i, windows.Len(), buckets.Len())
		}
	}
	ann := windows.Of("ann")
	take(t, b, 0, ann)
	c.Advance(9 * time.Minute)
	take(t, b, 0, ann)
	c.Advance(time.Minute)
	b.Sweep() // of hers, only the first is past
	wantUsed(t, b, ann, 1)
	wantLen(t, windows, 1)
	wantLen(t, buckets, 0)
	take(t, b, 0, ann)
	take(t, b, 0, ann)
	take(t, b, 9*time.Minute, ann)
	c.Advance(10 * time.Minute)
	b.Sweep()
	wantLen(t, windows, 0)
}

func TestOfTakesAtOnceNoMoreGetThroughThanAreAllowed(t *testing.T) {
	for name, table := range map[string]func(*limits.Book) *limits.Table{
		"bucket": func(b *limits.Book) *limits.Table { return b.Buckets(5, time.Minute) },
		"window": func(b *limits.Book) *limits.Table { return b.Windows(limits.Rule{Most: 5, In: time.Minute}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := limits.NewBook(newClock().Now, sweepEvery)
			tries, addresses := table(b), table(b)
			givesBack := make([]func(), 200)
			var through atomic.Int64
			var all sync.WaitGroup
			for i := range givesBack {
				all.Go(func() {
					turn := b.Begin()
					defer turn.End()
					if giveBack, wait := turn.Take(tries.Of("ann"), addresses.Of(strconv.Itoa(i))); wait == 0 {
						givesBack[i] = giveBack
						through.Add(1)
					}
				})
			}
			all.Wait()
			if through.Load() != 5 {
				t.Errorf("%d got through", through.Load())
			}
			wantLen(t, addresses, 5)
			for _, giveBack := range givesBack {
				if giveBack != nil {
					all.Go(giveBack)
				}
			}
			all.Wait()
			wantLen(t, tries, 0)
			wantLen(t, addresses, 0)
		})
	}
}

func TestAnAddressCountsAsItsNetwork(t *testing.T) {
	for address, as := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "192.0.2.1:8080": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:0:1::7": "2001:db8:0:1::/64", "2001:db8:0:1:ffff:ffff:ffff:ffff": "2001:db8:0:1::/64",
		"[2001:db8:0:1::9]:443": "2001:db8:0:1::/64", "2001:db8:0:2::7": "2001:db8:0:2::/64", "fe80::1%eth0": "fe80::/64",
		"::1": "::/64", "": "", "not an address": "", "192.0.2.300": "", "@": "",
	} {
		if got := limits.Network(address); got != as {
			t.Errorf("%q counts as %q, want %q", address, got, as)
		}
	}
	for address, as := range map[string]string{
		"198.51.100.7": "198.51.100.0/24", "2001:db8:7:1::1": "2001:db8:7::/48", "[2001:db8:7:2::1]:443": "2001:db8:7::/48", "x": "",
	} {
		if got := limits.Prefix(address, 24, 48); got != as {
			t.Errorf("%q lies in %q, want %q", address, got, as)
		}
	}
	for address, as := range map[string][2]string{
		"198.51.100.7": {"198.51.100.0/24", "198.51.0.0/16"}, "2001:db8:7:1::1": {"2001:db8:7::/48", "2001:db8::/32"}, "x": {},
	} {
		if site, provider := limits.Site(address), limits.Provider(address); site != as[0] || provider != as[1] {
			t.Errorf("%q is of the site %q and the provider %q, want %q", address, site, provider, as)
		}
	}
}

// BenchmarkTake is a try of a password by a stranger, while there are many.
func BenchmarkTake(b *testing.B) {
	c := newClock()
	book := limits.NewBook(c.Now, 10*time.Minute)
	accounts, addresses := book.Buckets(10, time.Minute), book.Windows(limits.Rule{Most: 50, In: 10 * time.Minute})
	everyone := book.Windows(limits.Rule{Most: 1000, In: time.Minute})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Advance(time.Minute / 1000)
		turn := book.Begin()
		who := strconv.Itoa(i)
		if _, wait := turn.Take(accounts.Of(who), addresses.Of(who), everyone.Of("")); wait > 0 {
			b.Fatal(wait)
		}
		turn.End()
	}
}
