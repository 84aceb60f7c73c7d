package accounts

import (
	"context"
	"time"

	"latchkey/internal/limits"
)

// Emails that anybody can ask for, who need not have proved who they are: nobody's mailbox is to be filled from here.
const (
	emailStretch = time.Hour

	accountEmails = 5
	accountGap    = time.Minute // between two of them
	addressEmails = 20

	// One site asks for three of an account's: that is enough for a person who mistypes an address once, or does not find the email, and
	// a stranger leaves the owner two.
	siteShareOfEmails = 3

	siteEmails = 5 * addressEmails // a site has as many as five addresses

	// maxEmailed bounds the memory. When it is full, requests from new addresses wait: so many emails in an
	// hour were not asked for by people. The others go on with what their addresses have left, which is bounded too.
	maxEmailed = 20_000

	// An email is remembered as two at most. What a provider's sites ask for is a tenth of what there is room for.
	providerEmails = maxEmailed / 2 / 10
)

// emailLimits counts emails by who gets them and by where they are asked for. Accounts that do not exist are counted as those that
// do. As with Limits, several nodes count together all but those of providers.
type emailLimits struct {
	book                        *limits.Book
	accounts, shares            *limits.Table // shares are those of one account, by account and site
	addresses, sites, providers *limits.Table
}

func newEmailLimits(now func() time.Time, shared *limits.Shared) *emailLimits {
	book := limits.NewBook(now, accountGap).ShareBy(shared)
	hourly := func(most int) *limits.Table { return book.Windows(limits.Rule{Most: most, In: emailStretch}) }
	accounts := book.Windows(limits.Rule{Most: accountEmails, In: emailStretch}, limits.Rule{Most: 1, In: accountGap}).Shared("emails to an account")
	return &emailLimits{
		book: book, accounts: accounts, shares: hourly(siteShareOfEmails).Shared("emails to an account by a site"),
		addresses: hourly(addressEmails).Bound(maxEmailed, accountGap, accounts).Shared("emails by a network"),
		sites:     hourly(siteEmails).Shared("emails by a site"), providers: hourly(providerEmails),
	}
}

// take counts an email, or says how long to wait for one.
func (l *emailLimits) take(ctx context.Context, account, address string) (wait time.Duration, err error) {
	counts, giveBack, wait := l.takeHere(account, address)
	if wait > 0 {
		return wait, nil
	}
	_, wait, err = l.book.TakeShared(ctx, giveBack, counts, nil)
	return wait, err
}

func (l *emailLimits) takeHere(account, address string) (counts []limits.Count, giveBack func(), wait time.Duration) {
	turn := l.book.Begin()
	defer turn.End()
	from := l.addresses.Of(limits.Network(address))
	if turn.Full(from) { // whatever the account would have to wait
		return nil, nil, turn.Wait(from)
	}
	who, site := digest(canonical(account)), limits.Site(address)
	counts = []limits.Count{
		l.accounts.Of(who), l.shares.Of(who + site), from, l.sites.Of(site), l.providers.Of(limits.Provider(address)),
	}
	giveBack, wait = turn.Take(counts...)
	return counts, giveBack, wait
}

// again says whether somebody has to wait for nothing but the minute between two emails to an account.
func (l *emailLimits) again(account, address string) bool {
	turn := l.book.Begin()
	defer turn.End()
	who, site, from := digest(canonical(account)), limits.Site(address), l.addresses.Of(limits.Network(address))
	for _, other := range []limits.Count{l.shares.Of(who + site), from, l.sites.Of(site), l.providers.Of(limits.Provider(address))} {
		if turn.Full(other) || turn.Wait(other) > 0 {
			return false
		}
	}
	return turn.Used(l.accounts.Of(who)) < accountEmails && turn.Wait(l.accounts.Of(who)) > 0
}
