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
	// Mine says that it was the account's own wrong codes, and not those of its network or of everyone.
	Mine bool
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("too many tries; the next is allowed in %v", e.RetryAfter.Round(time.Second))
}

// A user code has 34.6 bits, enough only if few can be tried. Twenty wrong codes a day against 10,000 pending grants hit one
// with a chance of 8 in a million; the other limits are for those who have many accounts. So that one such cannot shut out
// everybody else, an account that entered no wrong code in the last day has one try outside of them.
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

// siteRules keep one subscriber with many addresses from taking every place among the grants that may be pending.
func siteRules() []rule { return []rule{{300, stretch}} }

const (
	// maxPending is how many grants may wait for a person.
	maxPending = 10_000
	// maxCounted is how many accounts or addresses are remembered. Of those who try codes there are fewer as a rule: everyone
	// together has 144,000 tries a day. Of those who start grants, so many have long filled what may be pending.
	maxCounted = 150_000
	// whenFull is how long to wait when something is full, which nobody can know.
	whenFull = time.Minute
	// pause is for how long nobody asks again whether there is room for another grant.
	pause = time.Second
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

	mu                sync.Mutex
	swept, pauseUntil time.Duration
	// accounts, addresses and everyone count wrong codes; starts and sites count grants that devices ask for.
	accounts, addresses, everyone, starts, sites *counter
}

func newLimits(now func() time.Time) *limits {
	return &limits{
		now: now, begun: now(),
		accounts: newCounter(accountRules()), addresses: newCounter(addressRules()), everyone: newCounter(everyoneRules()),
		starts: newCounter(startRules()), sites: newCounter(siteRules()),
	}
}

// tryCode counts a try before anybody knows whether the code is right: so however many are tried at once, no more are looked
// up than are allowed. takeBack forgets this one try, and nothing else.
func (l *limits) tryCode(userID, address string) (takeBack func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	own := count{l.accounts, userID}
	room, wait := roomIn(now, own, count{l.addresses, network(address)}, count{l.everyone, ""})
	untried, ownFull := len(l.accounts.tries[userID]) == 0, !slices.Contains(room, own)
	if wait > 0 && (ownFull || !untried) {
		return nil, &LimitError{RetryAfter: wait, Mine: ownFull && !untried}
	}
	add(now, room)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range room {
			c.in.takeBack(c.who, now)
		}
	}, nil
}

// tryStart counts a grant that is asked for, whatever comes of it.
func (l *limits) tryStart(address string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	if now < l.pauseUntil {
		return &LimitError{RetryAfter: whenFull}
	}
	room, wait := roomIn(now, count{l.starts, network(address)}, count{l.sites, site(address)})
	if wait > 0 {
		return &LimitError{RetryAfter: wait}
	}
	add(now, room)
	return nil
}

// tableFull is told that no more grants may be pending: finding that out costs the store a write, and is not repeated at once.
func (l *limits) tableFull() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pauseUntil = l.tick() + pause
}

// tick gives the time, and forgets now and then; the caller holds the lock.
func (l *limits) tick() time.Duration {
	now := l.now().Sub(l.begun)
	if now-l.swept >= stretch {
		l.forget(now)
	}
	return now
}

type count struct {
	in  *counter
	who string
}

// roomIn tells which of the counters have room, and how long it is until all of them do.
func roomIn(now time.Duration, counts ...count) (room []count, wait time.Duration) {
	for _, c := range counts {
		w := c.in.wait(c.who, now)
		if w == 0 {
			room = append(room, c)
		}
		wait = max(wait, w)
	}
	return room, wait
}

func add(now time.Duration, counts []count) {
	for _, c := range counts {
		c.in.tries[c.who] = append(c.in.tries[c.who], now)
	}
}

// sweep forgets the tries that no rule looks back to.
func (l *limits) sweep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(l.now().Sub(l.begun))
}

// forget is sweep; the caller holds the lock.
func (l *limits) forget(now time.Duration) {
	for _, c := range []*counter{l.accounts, l.addresses, l.everyone, l.starts, l.sites} {
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

// network is who is counted under an address: with IPv6 a whole /64, which is one household's. site is what one organization
// may have.
func network(address string) string { return prefix(address, 32, 64) }
func site(address string) string    { return prefix(address, 24, 48) }

// prefix is the network of so many bits around an address. What is no address is one and the same for all.
func prefix(address string, bits4, bits6 int) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		withPort, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		a = withPort.Addr()
	}
	a = a.Unmap().WithZone("")
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	return netip.PrefixFrom(a, bits).Masked().String()
}
