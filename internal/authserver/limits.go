package authserver

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
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
	mu                           sync.Mutex
	time                         stopwatch
	accounts                     map[string]time.Duration   // buckets
	addresses, devices, everyone map[string][]time.Duration // windows
}

// NewLimits returns counts of nothing yet.
func NewLimits(now func() time.Time) *Limits {
	return &Limits{
		time: startStopwatch(now, tryStretch), accounts: map[string]time.Duration{},
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
	if wait = addAll(counts, now); wait > 0 {
		return nil, wait
	}
	return func() { l.giveBack(counts, now) }, 0
}

func (l *Limits) giveBack(counts []count, taken time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tick()
	for _, c := range counts {
		c.takeBack(taken, now)
	}
}

// countsOf says what counts a try. A known browser is counted for itself and its address: whoever attacks the account, or all
// accounts, must not lock its owner out.
func (l *Limits) countsOf(a Attempt) []count {
	account := digest(canonical(a.Account))
	address := window{l.addresses, network(a.Address), addressTries, tryStretch}
	if a.KnownDevice != "" {
		device := window{l.devices, digest(account + a.KnownDevice), deviceTries, tryStretch}
		if len(l.devices) < maxDevices || len(l.devices[device.who]) > 0 {
			return []count{device, address}
		}
	}
	return []count{bucket{l.accounts, account, accountTries, accountPause}, address, window{l.everyone, "", everyoneTries, everyoneStretch}}
}

// tick gives the time, and now and then forgets what is past; the caller holds the lock.
func (l *Limits) tick() time.Duration {
	now, sweep := l.time.read()
	if sweep {
		forgetFull(l.accounts, now)
		forgetPast(l.addresses, now-tryStretch)
		forgetPast(l.devices, now-tryStretch)
	}
	return now
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
	return s.counted(Attempt{Account: account, Address: o.Address, KnownDevice: o.KnownBrowser})
}

func (s *Server) counted(a Attempt) (succeeded func(), err error) {
	succeeded, wait := s.cfg.Limits.Take(a)
	return succeeded, tooMany(wait)
}
