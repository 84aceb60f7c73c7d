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
	now   func() time.Time
	begun time.Time

	mu     sync.Mutex
	swept  time.Duration
	mails  map[string][]time.Duration // when each one got or asked for some, oldest first; times are durations since begun
	newest map[string][]time.Duration // the newest mail of each account
}

func newMailLimits(now func() time.Time) *mailLimits {
	return &mailLimits{
		now: now, begun: now(), mails: map[string][]time.Duration{}, newest: map[string][]time.Duration{},
	}
}

// take counts a mail, or says how long to wait for one.
func (l *mailLimits) take(account, address string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	account, from := digest(canonical(account)), "from "+network(address)
	counts := []window{
		{l.mails, account, accountMails, mailStretch},
		{l.newest, account, 1, accountGap},
		{l.mails, from, addressMails, mailStretch},
	}
	for _, c := range counts {
		wait = max(wait, c.wait(now))
	}
	if wait == 0 && len(l.mails) >= maxMailed && len(l.mails[from]) == 0 {
		wait = accountGap
	}
	if wait > 0 {
		return wait, false
	}
	for _, c := range counts {
		c.add(now)
	}
	return 0, true
}

// tick gives the time, and forgets what is past once a minute. The caller holds the lock.
func (l *mailLimits) tick() time.Duration {
	now := l.now().Sub(l.begun)
	if now-l.swept < accountGap && now >= l.swept {
		return now
	}
	l.swept = now
	forget(l.mails, now-mailStretch)
	forget(l.newest, now-accountGap)
	return now
}

// forget removes whoever did nothing since then.
func forget(times map[string][]time.Duration, then time.Duration) {
	for who, at := range times {
		if at[len(at)-1] <= then {
			delete(times, who)
		}
	}
}
