package authserver

import (
	"time"

	"latchkey/internal/limits"
)

// Mails that anybody can ask for, who need not have proved who they are: nobody's mailbox is to be filled from here.
const (
	mailStretch = time.Hour

	accountMails = 5
	accountGap   = time.Minute // between two of them
	addressMails = 20

	// maxMailed bounds the memory. When it is full, whoever asks from an address that has not asked before waits: so many mails in an
	// hour were not asked for by people. The others go on with what their addresses have left, which is bounded too.
	maxMailed = 20_000
)

// mailLimits counts mails by who gets them and by the address that asks. Accounts that do not exist are counted as those that do.
type mailLimits struct {
	book                *limits.Book
	accounts, addresses *limits.Table
}

func newMailLimits(now func() time.Time) *mailLimits {
	book := limits.NewBook(now, accountGap)
	accounts := book.Windows(limits.Rule{Most: accountMails, In: mailStretch}, limits.Rule{Most: 1, In: accountGap})
	addresses := book.Windows(limits.Rule{Most: addressMails, In: mailStretch})
	return &mailLimits{book, accounts, addresses.Bound(maxMailed, accountGap, accounts)}
}

// take counts a mail, or says how long to wait for one.
func (l *mailLimits) take(account, address string) (wait time.Duration) {
	turn := l.book.Begin()
	defer turn.End()
	from := l.addresses.Of(limits.Network(address))
	if turn.Full(from) { // whatever the account would have to wait
		return turn.Wait(from)
	}
	_, wait = turn.Take(l.accounts.Of(digest(canonical(account))), from)
	return wait
}
