package authserver

import (
	"sync"
	"time"
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
	mu     sync.Mutex
	time   stopwatch
	mails  map[string][]time.Duration // those that each one got or asked for
	newest map[string][]time.Duration // the newest mail of each account
}

func newMailLimits(now func() time.Time) *mailLimits {
	return &mailLimits{time: startStopwatch(now, accountGap), mails: map[string][]time.Duration{}, newest: map[string][]time.Duration{}}
}

// take counts a mail, or says how long to wait for one.
func (l *mailLimits) take(account, address string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, sweep := l.time.read()
	if sweep {
		forgetPast(l.mails, now-mailStretch)
		forgetPast(l.newest, now-accountGap)
	}
	account, from := digest(canonical(account)), "from "+network(address)
	if len(l.mails) >= maxMailed && len(l.mails[from]) == 0 {
		return accountGap
	}
	return addAll([]count{
		window{l.mails, account, accountMails, mailStretch},
		window{l.newest, account, 1, accountGap},
		window{l.mails, from, addressMails, mailStretch},
	}, now)
}
