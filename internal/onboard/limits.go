package onboard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"latchkey/internal/limits"
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

const (
	// maxPending is how many grants may wait for a person.
	maxPending = 10_000
	// A site tries as many codes as three addresses, and a provider half of what everyone may: or a household with many networks, or
	// a customer with many sites, would leave nobody else a try.
	siteCodes, siteCodesADay = 90, 300
	everyonesCodes           = 1000
	providerCodes            = everyonesCodes / 2
	// siteStarts keeps one subscriber with many addresses from taking every place among the grants that may be pending, and
	// providerStarts one with many sites: codes live as long as a stretch at most, so half of the places are left.
	siteStarts     = 300
	providerStarts = maxPending / 2
	// maxCounted is how many accounts or addresses are remembered. Of those who try codes there are fewer as a rule: everyone
	// together has 144,000 tries a day. Of those who start grants, so many have long filled what may be pending.
	maxCounted = 150_000
	// whenFull is how long to wait when something is full, which nobody can know.
	whenFull = time.Minute
	// pause is for how long nobody asks again whether there is room for another grant.
	pause = time.Second
)

// pairingLimits counts tries. It is kept in memory: a restart forgives, and does no harm as long as restarts are rare. Several nodes
// count wrong codes together, all of them: codes are tried so seldom that they may all wait for the one count of everybody. What is asked
// for is each node's own, since the store bounds what may be pending.
type pairingLimits struct {
	now  func() time.Time
	book *limits.Book
	// These count wrong codes.
	accounts, addresses, sites, providers, everyone *limits.Table
	// These count grants that devices ask for.
	starts, startSites, startProviders *limits.Table
	// full is when there was no room last. It is looked at and written in a turn of the book.
	full time.Time
}

func most(tries int, in time.Duration) limits.Rule { return limits.Rule{Most: tries, In: in} }

func newLimits(now func() time.Time, shared *limits.Shared) *pairingLimits {
	book := limits.NewBook(now, stretch).ShareBy(shared)
	table := func(rules ...limits.Rule) *limits.Table { return book.Windows(rules...).Bound(maxCounted, whenFull) }
	return &pairingLimits{
		now: now, book: book,
		accounts:  table(most(5, stretch), most(20, day)).Shared("codes of an account"),
		addresses: table(most(30, stretch), most(100, day)).Shared("codes by a network"),
		sites:     table(most(siteCodes, stretch), most(siteCodesADay, day)).Shared("codes by a site"),
		providers: table(most(providerCodes, stretch)).Shared("codes by a provider"),
		everyone:  table(most(everyonesCodes, stretch)).Shared("codes of everyone"),

		starts:         table(most(30, stretch)),
		startSites:     table(most(siteStarts, stretch)),
		startProviders: table(most(providerStarts, stretch)),
	}
}

// tryCode counts a try before anybody knows whether the code is right: so however many are tried at once, no more are looked
// up than are allowed. takeBack forgets this one try, and nothing else.
func (l *pairingLimits) tryCode(ctx context.Context, userID, address string) (takeBack func(), err error) {
	counts := []limits.Count{
		l.accounts.Of(userID), l.addresses.Of(limits.Network(address)), l.sites.Of(limits.Site(address)),
		l.providers.Of(limits.Provider(address)), l.everyone.Of(""),
	}
	chosen, takeBack, err := l.tryHere(counts)
	if err != nil || !l.book.IsShared() {
		return takeBack, err
	}
	return l.tryShared(ctx, counts, chosen, takeBack)
}

func (l *pairingLimits) tryHere(counts []limits.Count) (chosen []limits.Count, takeBack func(), err error) {
	turn := l.book.Begin()
	defer turn.End()
	chosen, mine := choose(turn, counts)
	takeBack, wait := turn.Take(chosen...)
	if wait > 0 {
		return nil, nil, &LimitError{RetryAfter: wait, Mine: mine}
	}
	return chosen, takeBack, nil
}

// tryShared counts for all nodes what was taken here from the counts that were chosen here.
func (l *pairingLimits) tryShared(
	ctx context.Context, counts, here []limits.Count, takeBackHere func(),
) (takeBack func(), err error) {
	var chosen []limits.Count
	var mine bool
	takeBack, wait, err := l.book.TakeShared(ctx, func() { takeBackHere() }, counts, func(turn limits.Turn) []limits.Count {
		chosen, mine = choose(turn, counts)
		return chosen
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("count a try: %w", err)
	case wait > 0:
		return nil, &LimitError{RetryAfter: wait, Mine: mine}
	}
	if len(chosen) < len(here) { // it is outside of the others' counts here too
		takeBackHere()
		turn := l.book.Begin()
		defer turn.End()
		if takeBackHere, _ = turn.Take(chosen...); takeBackHere == nil { // others of the account were faster
			takeBackHere = func() {}
		}
	}
	return takeBack, nil
}

// choose says which counts a try is taken from. The first is the account's own; mine says that this one is used up by wrong codes.
func choose(turn limits.Turn, counts []limits.Count) (chosen []limits.Count, mine bool) {
	own := counts[0]
	full := func(c limits.Count) bool { return turn.Wait(c) > 0 }
	untried, ownFull := turn.Used(own) == 0, full(own)
	if untried && !ownFull && slices.ContainsFunc(counts, full) {
		counts = counts[:1] // the one try outside of the others' counts, and so it uses up nothing of theirs
	}
	return counts, ownFull && !untried
}

// tryStart counts a grant that is asked for, whatever comes of it.
func (l *pairingLimits) tryStart(address string) error {
	turn := l.book.Begin()
	defer turn.End()
	if since := l.now().Sub(l.full); 0 <= since && since < pause { // a clock that was set back has nobody wait
		return &LimitError{RetryAfter: whenFull}
	}
	_, wait := turn.Take(
		l.starts.Of(limits.Network(address)), l.startSites.Of(limits.Site(address)), l.startProviders.Of(limits.Provider(address)),
	)
	if wait > 0 {
		return &LimitError{RetryAfter: wait}
	}
	return nil
}

// tableFull remembers that no more grants may be pending: finding that out costs the store a write, and is not repeated at once.
func (l *pairingLimits) tableFull() {
	turn := l.book.Begin()
	defer turn.End()
	l.full = l.now()
}

// sweep forgets the tries that no rule looks back to.
func (l *pairingLimits) sweep() { l.book.Sweep() }
