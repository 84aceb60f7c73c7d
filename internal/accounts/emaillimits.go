package accounts

import (
	"time"

	"latchkey/internal/limits"
)

// Emails that anybody can ask for, who need not have proved who they are: nobody's mailbox is to be filled from here.
const (
	emailStretch = time.Hour

	accountEmails = 5
	accountGap    = time.Minute // between two of them
	addressEmails = 20

	// maxEmailed bounds the memory. When it is full, whoever asks from an address that has not asked before waits: so many emails in an
	// hour were not asked for by people. The others go on with what their addresses have left, which is bounded too.
	maxEmailed = 20_000
)

// emailLimits counts emails by who gets them and by the address that asks. Accounts that do not exist are counted as those that do.
type emailLimits struct {
	book                *limits.Book
	accounts, addresses *limits.Table
}

func newEmailLimits(now func() time.Time) *emailLimits {
	book := limits.NewBook(now, accountGap)
	accounts := book.Windows(limits.Rule{Most: accountEmails, In: emailStretch}, limits.Rule{Most: 1, In: accountGap})
	addresses := book.Windows(limits.Rule{Most: addressEmails, In: emailStretch})
	return &emailLimits{book, accounts, addresses.Bound(maxEmailed, accountGap, accounts)}
}

// take counts an email, or says how long to wait for one.
func (l *emailLimits) take(account, address string) (wait time.Duration) {
	turn := l.book.Begin()
	defer turn.End()
	from := l.addresses.Of(limits.Network(address))
	if turn.Full(from) { // whatever the account would have to wait
		return turn.Wait(from)
	}
	_, wait = turn.Take(l.accounts.Of(digest(canonical(account))), from)
	return wait
}
