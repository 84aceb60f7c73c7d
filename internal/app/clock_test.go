package app

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/testkit"
)

// house is a program on a machine whose clock may be wrong, with people and devices in it.
type house struct {
	t     *testing.T
	cfg   config.Config
	clock *testkit.Clock // what the machine shows
	log   testkit.Log
	running

	browser *http.Client
	device  *client.Session // which keeps nothing else
	email   *client.Session
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, cfg: testConfig(t), clock: testkit.NewClock(testkit.LongAgo)}
	h.cfg.Now, h.cfg.LogTo = h.clock.Now, &h.log
	h.running = run(t, h.cfg)
	h.browser = browser(t)
	if got := post(t, h.browser, h.URL()+"/register", account); got.Status != http.StatusOK {
		t.Fatalf("register: %d %s", got.Status, got.Body)
	}
	h.email = h.signIn(client.EmailPassword(account.Get("email"), account.Get("password")))
	key, err := h.email.APIKeys().Create(t.Context(), "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	h.device = h.signIn(client.UserAPIKey(key.Value.Reveal()))
	return h
}

func (h *house) signIn(with client.Credentials) *client.Session {
	h.t.Helper()
	s, err := newClient(h.t, h.URL()).Login(h.t.Context(), with)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// minutes go by, with a sweep in each.
func (h *house) minutes(n int) {
	for range n {
		h.clock.Advance(time.Minute)
		h.sweep(h.t.Context())
	}
}

// restart begins again, at the machine's next boot or as the clock is set.
func (h *house) restart() {
	h.t.Helper()
	if err := h.stop(); err != nil {
		h.t.Fatal(err)
	}
	h.running = run(h.t, h.cfg)
}

// renews says whether a session of before can still be renewed, by a program that starts now.
func (h *house) renews(s *client.Session) error {
	return newClient(h.t, h.URL()).Resume(s.UserID(), s.RefreshToken()).Refresh(h.t.Context())
}

func (h *house) signedIn(b *http.Client) bool {
	h.t.Helper()
	return strings.Contains(get(h.t, b, h.URL()+"/keys").Body, account.Get("email"))
}

// happened is how many events the person of the house has.
func (h *house) happened() int {
	h.t.Helper()
	events, err := h.store.Events(h.t.Context(), h.email.UserID(), model.EventQuery{Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(events)
}

// link and pairing are begun now by the clock of the machine.
func (h *house) link() model.Link {
	h.t.Helper()
	ids, err := h.store.Identities(h.t.Context(), h.email.UserID())
	if err != nil {
		h.t.Fatal(err)
	}
	now := h.clock.Now()
	l := model.Link{
		ID: model.NewID(now), TokenHash: sha256.Sum256([]byte(model.NewID(now))), IdentityID: ids[0].ID, Purpose: model.LinkReset,
		CreatedAt: now, ExpiresAt: now.Add(30 * time.Minute),
	}
	if err := h.store.CreateLink(h.t.Context(), l); err != nil {
		h.t.Fatal(err)
	}
	return l
}

func (h *house) good(l model.Link) bool {
	_, err := h.store.LinkedIdentity(h.t.Context(), l, h.clock.Now())
	return err == nil
}

func (h *house) pairing() onboard.Started {
	h.t.Helper()
	started, err := h.pairings.Start(h.t.Context(), onboard.Request{ClientID: h.cfg.AppID, DeviceName: "porch", Address: "192.0.2.7"})
	if err != nil {
		h.t.Fatal(err)
	}
	return started
}

func (h *house) poll(p onboard.Started) error {
	_, err := h.pairings.Poll(h.t.Context(), h.cfg.AppID, p.DeviceCode)
	return err
}

func TestNothingIsLostOrAllowedForLongerBecauseAClockWasWrong(t *testing.T) {
	t.Parallel()
	const aDay = 24 * time.Hour
	for fault, off := range map[string]time.Duration{
		"a year ahead": 365 * aDay, "two years ahead": 730 * aDay, "12 hours ahead": 12 * time.Hour,
		"12 hours behind": -12 * time.Hour, "two years behind": -730 * aDay,
	} {
		for how, restart := range map[string]bool{"while it runs": false, "between runs": true} {
			t.Run(fault+" "+how, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				h.minutes(1)
				link, pairing, events := h.link(), h.pairing(), h.happened()

				h.clock.Advance(off)
				if restart {
					h.restart()
				}
				h.minutes(2)
				if err := h.renews(h.device); client.IsUnauthorized(err) {
					t.Errorf("the device is told to throw its session away while the clock is wrong: %v", err)
				}
				h.signedIn(h.browser) // which may be refused
				late := browser(t)
				post(t, late, h.URL()+"/login", account)
				if !h.signedIn(late) {
					t.Error("nobody can sign in while the clock is wrong")
				}
				lateDevice := h.signIn(client.EmailPassword(account.Get("email"), account.Get("password")))
				lateLink, latePairing := h.link(), h.pairing()

				h.clock.Advance(-off)
				if restart {
					h.restart()
				}
				h.minutes(2)
				// What was there is there.
				if got := h.happened(); got < events {
					t.Errorf("%d of %d events are left", got, events)
				}
				if !h.signedIn(h.browser) {
					t.Error("a browser was signed out")
				}
				for what, s := range map[string]*client.Session{"the session of the person": h.email, "the session of the device": h.device, "one that was opened meanwhile": lateDevice} {
					if err := h.renews(s); err != nil {
						t.Errorf("%s: %v", what, err)
					}
				}
				if !h.good(link) {
					t.Error("a link in a mail is dead")
				}
				if err := h.poll(pairing); !errors.Is(err, onboard.ErrPending) {
					t.Errorf("a pairing: %v", err)
				}
				// What began meanwhile ends no later.
				if off > 0 && (h.signedIn(late) || h.good(lateLink)) {
					t.Error("what a clock dated that was ahead is good as if that were so")
				}
				if err := h.poll(latePairing); !errors.Is(err, onboard.ErrExpired) && !errors.Is(err, onboard.ErrInvalidGrant) {
					t.Errorf("a pairing of meanwhile: %v", err)
				}
				h.minutes(31)
				if h.signedIn(late) || h.good(lateLink) {
					t.Error("what began meanwhile is good for longer than 30 minutes")
				}
				for when := time.Duration(0); off > 0 && when < 30*time.Minute; when += 10 * time.Minute { // when their time has come
					h.clock.Advance(off - 31*time.Minute + when)
					if h.signedIn(late) || h.good(lateLink) || errors.Is(h.poll(latePairing), onboard.ErrPending) {
						t.Error("what a clock dated that was ahead is good when its time has come")
					}
					h.clock.Advance(-(off - 31*time.Minute + when))
				}
				h.clock.Advance(59*aDay + 22*time.Hour)
				if err := h.renews(h.device); err != nil {
					t.Errorf("before 60 days the session of the device has ended: %v", err)
				}
				h.clock.Advance(2 * time.Hour)
				if err := h.renews(h.device); err == nil || client.IsUnauthorized(err) {
					t.Errorf("the device is told to throw its session away when the clock has just gone ahead: %v", err)
				}
				h.minutes(62)
				for _, s := range []*client.Session{h.email, h.device, lateDevice} {
					if err := h.renews(s); !client.IsUnauthorized(err) {
						t.Errorf("after 60 days a session is good: %v", err)
					}
				}
			})
		}
	}
}

func TestTheLogNamesAClockThatIsOffOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lines := func(text string) int { return strings.Count(h.log.String(), text) }
	h.minutes(3)
	if n := lines("the clock "); n != 0 {
		t.Errorf("%d lines of a clock that is right", n)
	}
	h.clock.Advance(365 * 24 * time.Hour)
	h.minutes(3)
	if n := lines("the clock jumped ahead: what has expired by it alone is kept until the program has run on for a while"); n != 1 {
		t.Errorf("%d lines of one that is ahead", n)
	}
	if off := h.gauges().clockOff; off < 364*24*60*60 {
		t.Errorf("the metric says %v s", off)
	}
	h.clock.Advance(-365*24*time.Hour - 12*time.Hour)
	h.minutes(3)
	if n := lines("the clock is behind the expected time"); n != 1 {
		t.Errorf("%d lines of one that is behind", n)
	}
	h.clock.Advance(12 * time.Hour)
	h.minutes(1)
	if off := h.gauges().clockOff; off != 0 {
		t.Errorf("the metric says %v s", off)
	}
}

func TestStatusSaysThatTheClockIsOffUntilItIsRight(t *testing.T) {
	t.Parallel()
	const ahead, well = "clock: the clock jumped ahead: ", "Nothing needs attention."
	h := newHouse(t)
	says := func(when string, want ...string) {
		t.Helper()
		said := order(t, h.cfg, "", "status")
		for _, one := range want {
			if !strings.Contains(said, one) {
				t.Errorf("%s there is no %q in %s", when, one, said)
			}
		}
	}
	h.minutes(2)
	says("while it is right", well)
	h.clock.Advance(8 * time.Hour)
	h.restart()
	h.minutes(2)
	says("after a night", well)
	h.clock.Advance(365 * 24 * time.Hour)
	h.minutes(3)
	says("when it went ahead", ahead, "off: 8768h", "seen 3 times")
	h.restart()
	says("after another start", ahead)
	h.clock.Advance(-400 * 24 * time.Hour)
	h.minutes(2)
	says("when it went back", "clock: the clock is behind the expected time")
	h.clock.Advance(35*24*time.Hour - 8*time.Hour)
	h.minutes(1)
	says("when it is right again", "clock: the clock is behind", "; over since 20")
}

func TestWhatHasLongExpiredIsSweptSomeDaysAfterALongPause(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.clock.Advance(90 * 24 * time.Hour)
	h.restart()
	rows, err := h.store.AuthSessions(t.Context(), h.email.UserID(), testkit.LongAgo)
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d sessions, %v", len(rows), err)
	}
	row := func() error {
		_, err := h.store.AuthSession(t.Context(), rows[len(rows)-1].ID) // that of the key
		return err
	}
	if err := h.renews(h.email); err == nil || client.IsUnauthorized(err) {
		t.Errorf("the person is told to throw the session away although the clock may be wrong: %v", err)
	}
	h.minutes(61)
	if err := h.renews(h.email); !client.IsUnauthorized(err) {
		t.Errorf("a session that has expired: %v", err)
	}
	if err := row(); err != nil {
		t.Errorf("an hour later: %v", err)
	}
	for range 9 * 48 {
		h.clock.Advance(30 * time.Minute)
		h.sweep(t.Context())
	}
	if err := row(); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("nine days later: %v", err)
	}
}

func TestAClockIsSetBackWhenItShowsLessThanHasPassed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shown, ran time.Duration
		want       bool
	}{
		{time.Minute, time.Minute, false}, {-time.Hour, time.Minute, true}, {-time.Second, time.Minute, true},
		{30 * time.Second, time.Minute, false}, {time.Hour, time.Minute, false},
	} {
		if got := setBack(c.shown, c.ran); got != c.want {
			t.Errorf("%v shown in %v: %v", c.shown, c.ran, got)
		}
	}
}
