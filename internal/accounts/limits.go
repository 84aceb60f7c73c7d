package accounts

import (
	"context"
	"crypto/sha256"
	"time"

	"latchkey/internal/limits"
	"latchkey/internal/model"
)

// Tries of a password. Few enough that lists of common passwords get nowhere, and enough for somebody who has to think.
const (
	tryStretch = 10 * time.Minute

	// An account has a bucket of tries, which fills up again by one a minute: guessing never locks its owner out for long.
	accountTries = 10
	accountPause = time.Minute

	// Of that bucket one network takes half at most, and one site two of three tries that come back: an attacker who guesses from one
	// place for ever leaves a try for the owner, who is elsewhere.
	networkShare      = accountTries / 2
	networkSharePause = 2 * accountPause
	siteShare         = accountTries
	siteSharePause    = 3 * accountPause / 2

	addressTries = 50 // in tryStretch: a school behind one address has as many slips at the start of a lesson, and right passwords are free
	browserTries = 10 // in tryStretch

	// A site has as much as four addresses: enough for what carriers put behind a /24, and a fifth of the total.
	siteTries = 4 * addressTries // in tryStretch

	// The same in front of another server that counts as this one does: there everybody here is one network, which has networkShare and
	// addressTries. One place must not use these up either, at once or for ever, so that it has less, and less comes back, than there.
	networkShareElsewhere, networkSharePauseElsewhere = networkShare - 1, 2 * networkSharePause
	siteShareElsewhere, siteSharePauseElsewhere       = networkShare - 1, 3 * networkSharePause / 2
	addressTriesElsewhere, siteTriesElsewhere         = 2 * addressTries / 5, 3 * addressTries / 5

	everyoneStretch = time.Minute
	everyoneTries   = 1000 // in everyoneStretch

	// However many sites an attacker gets from one provider, half of the total is left to the others.
	providerTries = everyoneTries / 2 // in everyoneStretch

	// maxBrowsers bounds the known browsers that are counted by themselves. What else is counted needs no bound of its own: everyone
	// together has 10,000 tries in the time that is looked back to.
	maxBrowsers = 10_000
)

// Attempt is one try of a password.
type Attempt struct {
	Account      string // the email as it was typed
	Address      string // where it comes from
	KnownBrowser string // the session or browser that has proved to be the account's, in its exact spelling; otherwise ""
}

// Limits counts tries of passwords by account, by where they come from and in total, before it is known whether they are right.
// It is kept in memory: a restart forgives, and nobody outside can cause one. Several nodes count together what protects an account, and
// what one place may do. Those of providers and the total are each node's own, because every sign-in of every node would wait for the
// same row.
type Limits struct {
	places
	accounts                  *limits.Table
	networkShares, siteShares *limits.Table // of one account's tries, by account and place
	browsers                  *limits.Table
}

// places count something by where it comes from, and in total.
type places struct {
	book                                  *limits.Book
	addresses, sites, providers, everyone *limits.Table
}

// take counts one that comes from an address, in the book alone, or says how long to wait for one.
func (p places) take(address string) (counts []limits.Count, giveBack func(), wait time.Duration) {
	turn := p.book.Begin()
	defer turn.End()
	counts = []limits.Count{
		p.addresses.Of(limits.Network(address)), p.sites.Of(limits.Site(address)), p.providers.Of(limits.Provider(address)), p.everyone.Of(""),
	}
	giveBack, wait = turn.Take(counts...)
	return counts, giveBack, wait
}

// NewLimits returns counts of nothing yet, for accounts that are here. Nil in place of shared means that nobody else counts.
func NewLimits(now func() time.Time, shared *limits.Shared) *Limits {
	return newLimits(now, shared, ofOnePlace{
		networkShare: networkShare, networkPause: networkSharePause, siteShare: siteShare, sitePause: siteSharePause,
		addressTries: addressTries, siteTries: siteTries,
	})
}

// NewLimitsElsewhere returns counts for accounts of another server, which may count too, and sees one address for everybody here.
func NewLimitsElsewhere(now func() time.Time, shared *limits.Shared) *Limits {
	return newLimits(now, shared, ofOnePlace{
		networkShare: networkShareElsewhere, networkPause: networkSharePauseElsewhere,
		siteShare: siteShareElsewhere, sitePause: siteSharePauseElsewhere,
		addressTries: addressTriesElsewhere, siteTries: siteTriesElsewhere,
	})
}

// ofOnePlace is how many tries one network and one site may have, of one account and of all.
type ofOnePlace struct {
	networkShare, siteShare int
	networkPause, sitePause time.Duration
	addressTries, siteTries int
}

func newLimits(now func() time.Time, shared *limits.Shared, place ofOnePlace) *Limits {
	book := limits.NewBook(now, tryStretch).ShareBy(shared)
	return &Limits{
		places: places{
			book:      book,
			addresses: book.Windows(limits.Rule{Most: place.addressTries, In: tryStretch}).Shared("tries by a network"),
			sites:     book.Windows(limits.Rule{Most: place.siteTries, In: tryStretch}).Shared("tries by a site"),
			providers: book.Windows(limits.Rule{Most: providerTries, In: everyoneStretch}),
			everyone:  book.Windows(limits.Rule{Most: everyoneTries, In: everyoneStretch}),
		},
		accounts:      book.Buckets(accountTries, accountPause).Shared("tries of an account"),
		networkShares: book.Buckets(place.networkShare, place.networkPause).Shared("tries of an account by a network"),
		siteShares:    book.Buckets(place.siteShare, place.sitePause).Shared("tries of an account by a site"),
		browsers:      book.Windows(limits.Rule{Most: browserTries, In: tryStretch}).Bound(maxBrowsers, 0).Shared("tries by a browser"),
	}
}

// Take counts a try, or says how long to wait for one. Of tries made at once no more get through than are allowed, and one that
// does not get through counts for nothing. Accounts that do not exist are counted as those that do.
//
// Succeeded gives back this one try, which was no guess, to the counts that it was taken from. It is nil when there is none. An error
// means that the other nodes' counts cannot be asked, and that nothing is taken.
func (l *Limits) Take(ctx context.Context, a Attempt) (succeeded func(), wait time.Duration, err error) {
	counts, succeeded, wait := l.takeHere(a)
	if wait > 0 {
		return nil, wait, nil
	}
	return l.book.TakeShared(ctx, succeeded, counts, nil)
}

func (l *Limits) takeHere(a Attempt) (counts []limits.Count, giveBack func(), wait time.Duration) {
	turn := l.book.Begin()
	defer turn.End()
	counts = l.countsOf(turn, a)
	giveBack, wait = turn.Take(counts...)
	return counts, giveBack, wait
}

// countsOf says what counts a try. A known browser is counted for itself and its address: an attack on the account, or on all
// accounts, must not lock its owner out.
func (l *Limits) countsOf(turn limits.Turn, a Attempt) []limits.Count {
	account := digest(canonical(a.Account))
	network, site := limits.Network(a.Address), limits.Site(a.Address)
	address := l.addresses.Of(network)
	if a.KnownBrowser != "" {
		if browser := l.browsers.Of(digest(account + a.KnownBrowser)); !turn.Full(browser) {
			return []limits.Count{browser, address}
		}
	}
	return []limits.Count{
		l.accounts.Of(account), l.networkShares.Of(account + network), l.siteShares.Of(account + site),
		address, l.sites.Of(site), l.providers.Of(limits.Provider(a.Address)), l.everyone.Of(""),
	}
}

// guessing counts that somebody is about to try a password. Everything that checks one begins with it, and calls succeeded when the
// password was right, or was not looked at after all.
func (a *Accounts) guessing(ctx context.Context, try Attempt) (succeeded func(), err error) {
	succeeded, wait, err := a.cfg.Limits.Take(ctx, try)
	if err != nil {
		return nil, notCounted(err)
	}
	return succeeded, tooMany(model.KindTooManyTries, wait)
}

// takeFrom counts a try of something that nobody can guess, as Take does, by where it comes from and in total.
func (l *Limits) takeFrom(ctx context.Context, address string) (succeeded func(), wait time.Duration, err error) {
	counts, succeeded, wait := l.take(address)
	if wait > 0 {
		return nil, wait, nil
	}
	return l.book.TakeShared(ctx, succeeded, counts, nil)
}

// canonical is the one spelling of an account under which its tries are counted: another one buys no more of them.
func canonical(account string) string { return model.OneSpelling(account) }

// digest stands for a text of any length in a few bytes.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return string(sum[:])
}
