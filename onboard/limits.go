package onboard

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// LimitError says that somebody has tried too often.
type LimitError struct {
	// RetryAfter is when the next try is allowed, if no others come before it.
	RetryAfter time.Duration
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("too many tries; the next is allowed in %v", e.RetryAfter.Round(time.Second))
}

// A user code has 34.6 bits, enough only if few can be tried. Twenty wrong codes a day against 10,000 pending grants hit one
// with a chance of 8 in a million; the other limits are for those who have many accounts.
const (
	day     = 24 * time.Hour
	stretch = 10 * time.Minute
)

func accountRules() []rule { return []rule{{5, stretch}, {20, day}} }
func addressRules() []rule { return []rule{{30, stretch}, {100, day}} }
func everyoneRules() []rule {
	return []rule{{1000, stretch}}
}
func startRules() []rule { return []rule{{30, stretch}} }

const (
	// maxPending is how many grants may wait for a person.
	maxPending = 10_000
	// maxCounted is how many accounts or addresses are remembered. Of those who try codes there are fewer: everyone together
	// has no more than 144,000 tries a day. Of those who start grants, so many have long filled what may be pending.
	maxCounted = 150_000
	// whenFull is how long to wait when something is full, which nobody can know.
	whenFull = time.Minute
)

// rule allows most tries in any stretch of time as long as in.
type rule struct {
	most int
	in   time.Duration
}

// limits counts tries. It is kept in memory: a restart forgives, and does no harm as long as restarts are rare.
type limits struct {
	now   func() time.Time
	begun time.Time

	mu    sync.Mutex
	swept time.Duration
	// accounts, addresses and everyone count wrong codes; starts counts grants that devices ask for.
	accounts, addresses, everyone, starts *counter
}

func newLimits(now func() time.Time) *limits {
	return &limits{
		now: now, begun: now(),
		accounts: newCounter(accountRules()), addresses: newCounter(addressRules()), everyone: newCounter(everyoneRules()),
		starts: newCounter(startRules()),
	}
}

// tryCode counts a try before anybody knows whether the code is right: so however many are tried at once, no more are looked
// up than are allowed. right takes the count of this one try back, and nothing else.
func (l *limits) tryCode(userID, address string) (right func(), err error) {
	address = network(address)
	return l.try(count{l.accounts, userID}, count{l.addresses, address}, count{l.everyone, ""})
}

// tryStart counts a grant that is asked for, whatever comes of it.
func (l *limits) tryStart(address string) error {
	_, err := l.try(count{l.starts, network(address)})
	return err
}

type count struct {
	in  *counter
	who string
}

// try counts in all the counters or, when one of them is full, in none.
func (l *limits) try(counts ...count) (takeBack func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Sub(l.begun)
	if now-l.swept >= stretch {
		l.forget(now)
	}
	var wait time.Duration
	for _, c := range counts {
		wait = max(wait, c.in.wait(c.who, now))
	}
	if wait > 0 {
		return nil, &LimitError{RetryAfter: wait}
	}
	for _, c := range counts {
		c.in.tries[c.who] = append(c.in.tries[c.who], now)
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range counts {
			c.in.takeBack(c.who, now)
		}
	}, nil
}

// sweep forgets the tries that no rule looks back to.
func (l *limits) sweep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(l.now().Sub(l.begun))
}

// forget is sweep; the caller holds the lock.
func (l *limits) forget(now time.Duration) {
	for _, c := range []*counter{l.accounts, l.addresses, l.everyone, l.starts} {
		for who := range c.tries {
			c.prune(who, now)
		}
	}
	l.swept = now
}

// counter knows when each one tried, oldest first, as far back as its rules look. Times are durations since the limits began.
type counter struct {
	rules    []rule
	lookBack time.Duration
	tries    map[string][]time.Duration
}

func newCounter(rules []rule) *counter {
	c := &counter{rules: rules, tries: make(map[string][]time.Duration)}
	for _, r := range rules {
		c.lookBack = max(c.lookBack, r.in)
	}
	return c
}

// wait is how long until the rules allow another try, and nothing when they do now.
func (c *counter) wait(who string, now time.Duration) time.Duration {
	tries := c.prune(who, now)
	if len(tries) == 0 && len(c.tries) >= maxCounted {
		return whenFull
	}
	var wait time.Duration
	for _, r := range c.rules {
		if len(tries) >= r.most {
			wait = max(wait, tries[len(tries)-r.most]+r.in-now)
		}
	}
	return wait
}

// prune drops the tries that are past and gives those that are left.
func (c *counter) prune(who string, now time.Duration) []time.Duration {
	tries := c.tries[who]
	kept := tries
	for len(kept) > 0 && now-kept[0] >= c.lookBack {
		kept = kept[1:]
	}
	switch {
	case len(kept) == 0:
		delete(c.tries, who)
	case len(kept) < len(tries):
		kept = slices.Clone(kept)
		c.tries[who] = kept
	}
	return kept
}

// takeBack forgets one try made at that time.
func (c *counter) takeBack(who string, at time.Duration) {
	tries := c.tries[who]
	i := slices.Index(tries, at)
	switch {
	case i < 0:
	case len(tries) == 1:
		delete(c.tries, who)
	default:
		c.tries[who] = slices.Delete(tries, i, i+1)
	}
}

// network is who is counted under an address: a whole /64 with IPv6, which one subscriber has. What is no address is one and
// the same for all.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		withPort, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		a = withPort.Addr()
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
