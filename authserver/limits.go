package authserver

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tries of a password. Few enough that lists of common passwords get nowhere, and enough for somebody who has to think.
const (
	tryStretch = 10 * time.Minute

	// An account has a bucket of tries, which fills up again by one a minute: guessing never locks its owner out for long.
	accountTries = 10
	accountPause = time.Minute

	addressTries = 50 // in tryStretch
	deviceTries  = 10 // in tryStretch

	everyoneStretch = time.Minute
	everyoneTries   = 1000 // in everyoneStretch

	// maxDevices bounds the known browsers that are counted by themselves. What else is counted needs no bound of its own: everyone
	// together has 10,000 tries in the time that is looked back to.
	maxDevices = 10_000
)

// Attempt is one try of a password.
type Attempt struct {
	Account     string // the e-mail as it was typed
	Address     string // where it comes from
	KnownDevice string // the session or browser that has proved to be the account's, in its exact spelling; otherwise ""
}

// Limits counts tries of passwords by account, by address and in total, before anybody knows whether they are right. It is kept
// in memory: a restart forgives, and nobody outside can cause one.
type Limits struct {
	now   func() time.Time
	begun time.Time

	mu       sync.Mutex
	swept    time.Duration
	accounts map[string]time.Duration // until when the bucket is not full; times are durations since begun
	// The others are when each one tried, oldest first.
	addresses, devices, everyone map[string][]time.Duration
}

// NewLimits returns counts of nothing yet.
func NewLimits(now func() time.Time) *Limits {
	return &Limits{
		now: now, begun: now(), accounts: map[string]time.Duration{},
		addresses: map[string][]time.Duration{}, devices: map[string][]time.Duration{}, everyone: map[string][]time.Duration{},
	}
}

// Take counts a try, or says how long to wait for one. Of tries made at once no more get through than are allowed, and one that
// does not get through counts for nothing. Accounts that do not exist are counted as those that do.
//
// Succeeded gives back this one try, which was no guess, to the counts that it was taken from. It is nil when there is none.
func (l *Limits) Take(a Attempt) (succeeded func(), wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	counts := l.countsOf(a)
	for _, c := range counts {
		wait = max(wait, c.wait(now))
	}
	if wait > 0 {
		return nil, wait
	}
	for _, c := range counts {
		c.add(now)
	}
	return func() { l.giveBack(counts, now) }, 0
}

func (l *Limits) giveBack(counts []countable, taken time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	for _, c := range counts {
		c.takeBack(taken, now)
	}
}

// countable is what tries are counted in.
type countable interface {
	wait(now time.Duration) time.Duration
	add(now time.Duration)
	takeBack(taken, now time.Duration) // the try that was added at the time taken
}

// countsOf says what counts a try. A known browser is counted for itself and its address: whoever attacks the account, or all
// accounts, must not lock its owner out.
func (l *Limits) countsOf(a Attempt) []countable {
	account := digest(canonical(a.Account))
	address := window{l.addresses, network(a.Address), addressTries, tryStretch}
	if a.KnownDevice != "" {
		device := window{l.devices, digest(account + a.KnownDevice), deviceTries, tryStretch}
		if len(l.devices) < maxDevices || len(l.devices[device.who]) > 0 {
			return []countable{device, address}
		}
	}
	return []countable{bucket{l.accounts, account}, address, window{l.everyone, "", everyoneTries, everyoneStretch}}
}

// tick gives the time, and now and then forgets what is past; the caller holds the lock.
func (l *Limits) tick() time.Duration {
	now := l.now().Sub(l.begun)
	if now-l.swept < tryStretch && now >= l.swept {
		return now
	}
	l.swept = now
	for account, until := range l.accounts {
		if until <= now {
			delete(l.accounts, account)
		}
	}
	for _, tries := range []map[string][]time.Duration{l.addresses, l.devices} {
		for who, at := range tries {
			if at[len(at)-1]+tryStretch <= now {
				delete(tries, who)
			}
		}
	}
	return now
}

// bucket is the count of an account.
type bucket struct {
	until map[string]time.Duration
	who   string
}

func (b bucket) wait(now time.Duration) time.Duration {
	return b.until[b.who] - now - (accountTries-1)*accountPause
}

func (b bucket) add(now time.Duration) {
	b.until[b.who] = max(b.until[b.who], now) + accountPause
}

// takeBack gives nothing for a try that the bucket has filled up again by meanwhile.
func (b bucket) takeBack(taken, now time.Duration) {
	if now-taken >= accountPause {
		return
	}
	if until := b.until[b.who] - accountPause; until > now {
		b.until[b.who] = until
	} else {
		delete(b.until, b.who)
	}
}

// window is a count that allows so many tries in any stretch of time.
type window struct {
	tries map[string][]time.Duration
	who   string
	most  int
	in    time.Duration
}

func (w window) wait(now time.Duration) time.Duration {
	at := w.tries[w.who]
	if len(at) < w.most {
		return 0
	}
	return at[len(at)-w.most] + w.in - now
}

// add keeps no more than can matter: a try gets in when the one that was so many before it is past.
func (w window) add(now time.Duration) {
	at := append(w.tries[w.who], now)
	if len(at) > w.most {
		at = slices.Delete(at, 0, len(at)-w.most)
	}
	w.tries[w.who] = at
}

// takeBack finds nothing when the try was so long ago that it is no longer remembered.
func (w window) takeBack(taken, _ time.Duration) {
	at := w.tries[w.who]
	i := slices.Index(at, taken)
	switch {
	case i < 0:
	case len(at) == 1:
		delete(w.tries, w.who)
	default:
		w.tries[w.who] = slices.Delete(at, i, i+1)
	}
}

// canonical is the one spelling of an account under which its tries are counted.
func canonical(account string) string { return strings.ToLower(strings.TrimSpace(account)) }

// digest stands for a text of any length in a few bytes.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return string(sum[:])
}

// network is who is counted under an address: with IPv6 a whole /64, which is one household's. What is no address is one and the
// same for all.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

// guessing counts that somebody is about to try a password of an account. Everything that checks one begins with it, and calls
// succeeded when the password was right, or was not looked at after all.
func (s *Server) guessing(r *http.Request, account string) (succeeded func(), err error) {
	o, _ := s.origin(r)
	return s.counted(Attempt{Account: account, Address: o.Address, KnownDevice: o.KnownDevice})
}

func (s *Server) counted(a Attempt) (succeeded func(), err error) {
	succeeded, wait := s.cfg.Limits.Take(a)
	if wait > 0 {
		return nil, refuse(kindTooMany).after(wait)
	}
	return succeeded, nil
}
