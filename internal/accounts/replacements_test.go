package accounts

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// swap is a person whose key is to be replaced, and the devices with the values of both keys.
type swap struct {
	*fixture
	who      model.Account
	emails   *mailbox
	old      model.Key
	by       model.Created
	oldValue model.Secret
	oldIn    model.Session // what the old key opened
}

func newSwap(t *testing.T, how model.Replacing) *swap {
	t.Helper()
	s := &swap{fixture: newFixture(t), emails: &mailbox{}}
	s.begin(how)
	return s
}

func (s *swap) begin(how model.Replacing) {
	s.t.Helper()
	s.who = s.signUp("a@example.org")
	s.cfg.Mailer = s.emails // from now on: without one addresses confirm themselves
	s.old, s.oldValue = s.newKey(s.who, "garage-pi")
	s.oldIn = s.device(s.oldValue)
	s.clock.Advance(time.Minute)
	s.emails.taken(s.fixture)
	s.by = s.replace(how)
}

func (s *swap) replace(how model.Replacing) model.Created {
	s.t.Helper()
	created, err := s.As(s.who, here).ReplaceKey(s.t.Context(), s.old.ID, how)
	if err != nil {
		s.t.Fatal(err)
	}
	return created
}

// device signs in with a value.
func (s *swap) device(value model.Secret) model.Session {
	s.t.Helper()
	in, err := s.SignInWithKey(s.t.Context(), here, value, &model.Device{Name: "pi-4", Platform: "linux"})
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

// renew is what a device does every half hour: its session is heard of.
func (s *swap) renew() {
	s.t.Helper()
	row, err := s.Session(s.t.Context(), s.oldIn.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	s.SawSession(s.t.Context(), row.UserID, row.ID, row.LastSeenAt)
	s.Drain()
}

// pass lets time go by, and looks each minute as the program does.
func (s *swap) pass(d time.Duration) {
	s.t.Helper()
	for range d / time.Minute {
		s.clock.Advance(time.Minute)
		if err := s.FinishReplacements(s.t.Context(), s.clock.Now()); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *swap) key(id string) model.Key {
	s.t.Helper()
	key, err := s.As(s.who, here).Key(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// is checks how far it has come.
func (s *swap) is(state model.ReplacementState, off bool) model.Key {
	s.t.Helper()
	key := s.key(s.old.ID)
	if key.Replaced.State != state || key.Disabled != off {
		s.t.Errorf("it is %s and the old key off: %v; want %s and %v", key.Replaced.State, key.Disabled, state, off)
	}
	return key
}

// parked is what was written down of old keys that were turned off.
func (s *swap) parked() []model.Event {
	s.t.Helper()
	return slices.DeleteFunc(s.written(s.who.UserID), func(e model.Event) bool { return e.Kind != model.EventKeyParked })
}

func TestAnOldKeyIsTurnedOffWhenTheNewOneIsInUseAndItWasQuiet(t *testing.T) {
	s := newSwap(t, model.Replacing{Finish: model.FinishOnEvidence})
	if s.by.Key.Name != "garage-pi-2" || s.by.Value == "" || s.by.Key.Card.SavedHow != model.NotSaved || len(s.by.Keys.List) != 2 {
		t.Errorf("created is %+v", s.by)
	}
	s.pass(48 * time.Hour) // nobody has visited the device yet
	s.is(model.ReplacementWaiting, false)
	s.renew()
	s.clock.Advance(time.Minute)
	taken := s.clock.Now()
	s.device(s.by.Value)
	s.pass(59 * time.Minute)
	if key := s.is(model.ReplacementWaiting, false); !key.Replaced.NewUsedAt.Equal(taken) || !key.Replaced.OldSeenAt.Equal(taken.Add(-time.Minute)) {
		t.Errorf("in use since %v, the old one quiet since %v", key.Replaced.NewUsedAt, key.Replaced.OldSeenAt)
	}
	s.emails.taken(s.fixture)
	s.pass(time.Minute)
	key := s.is(model.ReplacementParked, true)
	if want := (model.KeyOff{At: s.clock.Now(), Sessions: 1}); key.Usage.Off != want {
		t.Errorf("what ended is %+v, want %+v", key.Usage.Off, want)
	}
	if _, err := s.SignInWithKey(t.Context(), here, s.oldValue, nil); !model.Is(err, model.KindWrongValue) {
		t.Errorf("the old value: %v", err)
	}
	s.device(s.by.Value)
	if e := s.parked(); len(e) != 1 || e[0].Actor != model.ActorServer || e[0].KeyName != "garage-pi" || e[0].Address != "" ||
		e[0].Detail != "garage-pi-2 was in use since "+taken.Format("15:04 UTC") {
		t.Errorf("written down is %+v", e)
	}
	emails := s.emails.taken(s.fixture)
	if len(emails) != 1 || !strings.HasSuffix(emails[0].Subject, ": A key was replaced: garage-pi") {
		t.Fatalf("sent is %v", emails)
	}
	words := s.key(s.by.Key.ID).Usage.Words()
	if text := emails[0].Text; !strings.Contains(text, key.Usage.Words().Beside("garage-pi")+" was turned off: "+words.Beside("garage-pi-2")+
		" took over on "+taken.Format("2 January 2006 at 15:04 UTC")+",") || strings.Count(text, "://") != 1 || !strings.Contains(text, "\n"+testURL+"\n") {
		t.Error(text)
	}
	s.pass(2 * time.Hour)
	if e := s.parked(); len(e) != 1 || len(s.emails.taken(s.fixture)) != 0 {
		t.Errorf("later on there are %d events", len(e))
	}
}

func TestASessionThatRenewsEveryHalfHourHoldsTheOldKeyForEver(t *testing.T) {
	s := newSwap(t, model.Replacing{Finish: model.FinishOnEvidence})
	s.device(s.by.Value)
	for range 2 * 24 * 7 {
		s.pass(30 * time.Minute)
		s.renew()
	}
	s.is(model.ReplacementBoth, false)
	s.pass(8 * 24 * time.Hour) // it is for the person to say what that was
	s.is(model.ReplacementBoth, false)
	if _, err := s.As(s.who, here).TurnKey(t.Context(), s.old.ID, false); err != nil {
		t.Fatal(err)
	}
	s.is(model.ReplacementParked, true)
	if len(s.parked()) != 0 {
		t.Error("somebody else has turned it off")
	}
}

func TestAReplacedKeyIsBroughtBack(t *testing.T) {
	for finish, end := range map[model.Finish]func(s *swap) error{
		model.FinishOnEvidence: func(s *swap) error {
			_, err := s.As(s.who, here).EndReplacement(t.Context(), s.old.ID) // which was turned off a moment ago, say
			is(t, err, model.KindConfirm)
			s.is(model.ReplacementParked, true)
			_, err = s.As(s.who, model.Origin{Actor: model.ActorBrowser, Confirmed: true}).EndReplacement(t.Context(), s.old.ID)
			return err
		},
		model.FinishNow: func(s *swap) error { return s.As(s.who, here).SetKey(t.Context(), s.old.ID, true) },
	} {
		s := newSwap(t, model.Replacing{Finish: finish})
		s.device(s.by.Value)
		s.pass(61 * time.Minute)
		s.is(model.ReplacementParked, true)
		if err := end(s); err != nil {
			t.Fatal(err)
		}
		s.is(model.ReplacementUndone, false)
		s.device(s.oldValue)
		s.device(s.by.Value)
		s.pass(48 * time.Hour)
		s.is(model.ReplacementUndone, false)
		again := s.replace(model.Replacing{Finish: model.FinishByPerson})
		if again.Key.Name != "garage-pi-3" {
			t.Errorf("the next is called %s", again.Key.Name)
		}
	}
}

func TestWhatCannotBeReplacedIsRefused(t *testing.T) {
	s := newSwap(t, model.Replacing{Finish: model.FinishOnEvidence, NewKey: model.NewKey{Name: "pump", Label: "Pump"}})
	p := s.As(s.who, here)
	off, _ := s.newKey(s.who, "off")
	if err := p.SetKey(t.Context(), off.ID, false); err != nil {
		t.Fatal(err)
	}
	lamp, _ := s.newKey(s.who, "lamp")
	for _, c := range []struct {
		old  string
		how  model.Replacing
		kind model.Kind
	}{
		{s.old.ID, model.Replacing{Finish: model.FinishNow}, model.KindReplacing},
		{off.ID, model.Replacing{Finish: model.FinishOnEvidence}, model.KindNoReplacement},
		{off.ID, model.Replacing{Finish: model.FinishByPerson}, model.KindNoReplacement},
		{lamp.ID, model.Replacing{}, model.KindNoReplacement},
		{lamp.ID, model.Replacing{Finish: model.FinishOnEvidence, Quiet: 59 * time.Minute}, model.KindNoReplacement},
		{lamp.ID, model.Replacing{Finish: model.FinishOnEvidence, Quiet: -time.Hour}, model.KindNoReplacement},
		{lamp.ID, model.Replacing{Finish: model.FinishOnEvidence, Quiet: 8 * 24 * time.Hour}, model.KindNoReplacement},
		{lamp.ID, model.Replacing{Finish: model.FinishNow, NewKey: model.NewKey{Name: "pump"}}, model.KindNameTaken},
		{lamp.ID, model.Replacing{Finish: model.FinishNow, NewKey: model.NewKey{Name: "no name"}}, model.KindBadName},
		{lamp.ID, model.Replacing{Finish: model.FinishNow, NewKey: model.NewKey{Label: strings.Repeat("x", 61)}}, model.KindBadLabel},
		{"nonsense", model.Replacing{Finish: model.FinishNow}, model.KindNotFound},
		{model.NewID(s.clock.Now()), model.Replacing{Finish: model.FinishNow}, model.KindNotFound},
	} {
		created, err := p.ReplaceKey(t.Context(), c.old, c.how)
		is(t, err, c.kind)
		if created.Value != "" || created.Key.ID != "" {
			t.Errorf("%+v gives %+v", c.how, created.Key)
		}
	}
	for _, by := range []string{off.ID, s.old.ID, lamp.ID} {
		_, err := p.ReplaceKeyWith(t.Context(), lamp.ID, by, model.Replacing{Finish: model.FinishByPerson})
		is(t, err, model.KindNoReplacement)
	}
	s.Drain()
	s.cfg.Mailer = nil
	stranger := s.As(s.signUp("b@example.org"), here)
	for _, err := range []error{
		errOf(stranger.ReplaceKey(t.Context(), lamp.ID, model.Replacing{Finish: model.FinishNow})),
		errOf(stranger.ReplaceKeyWith(t.Context(), lamp.ID, s.by.Key.ID, model.Replacing{Finish: model.FinishNow})),
		errOf(stranger.EndReplacement(t.Context(), s.old.ID)),
	} {
		is(t, err, model.KindNotFound)
	}
	for len(s.key(lamp.ID).Name) > 0 { // until there is no room
		if _, _, err := p.NewKey(t.Context(), "key-"+model.NewID(s.clock.Now())); err != nil {
			is(t, err, model.KindKeyLimit)
			break
		}
	}
	_, err := p.ReplaceKey(t.Context(), lamp.ID, model.Replacing{Finish: model.FinishNow})
	is(t, err, model.KindKeyLimit)
	if key := s.key(lamp.ID); key.Disabled || key.Replaced != (model.Replacement{}) {
		t.Errorf("left behind is %+v", key)
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestADeviceWithATokenForAnotherServiceIsWaitedForAsLongAsThatLasts(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.ServiceTokens = 2 * time.Hour })
	s := &swap{fixture: f, emails: &mailbox{}}
	s.begin(model.Replacing{Finish: model.FinishOnEvidence})
	if got := s.key(s.old.ID).Replaced.Quiet; got != 2*time.Hour+40*time.Minute {
		t.Errorf("it is waited for %v", got)
	}
}

// Whatever nodes look at the same replacements at once, in one of them anybody may have died a moment before.
func TestOfTwoNodesOneTurnsTheOldKeyOffAndTellsIt(t *testing.T) {
	t.Parallel()
	at := pgtest.URL(t)
	s := &swap{fixture: newFixtureOn(t, testkit.StoreOn(t, at)), emails: &mailbox{}}
	s.begin(model.Replacing{Finish: model.FinishOnEvidence})
	other := New(s.cfg, testkit.StoreOn(t, at))
	s.device(s.by.Value)
	s.emails.taken(s.fixture)
	s.clock.Advance(time.Hour)
	testkit.AtOnce(t, 8, func(ctx context.Context, i int) error {
		return []*Accounts{s.Accounts, other}[i%2].FinishReplacements(ctx, s.clock.Now())
	})
	other.Drain()
	s.is(model.ReplacementParked, true)
	if events, emails := s.parked(), s.emails.taken(s.fixture); len(events) != 1 || len(emails) != 1 {
		t.Errorf("there are %d events and %d emails", len(events), len(emails))
	}
}

func TestAPassWhoseCommitGotLostIsDoneOnceAndTold(t *testing.T) {
	t.Parallel()
	u := newUnreliable(t)
	for _, saved := range []bool{true, false} {
		s := &swap{fixture: u.fixture, emails: u.emails}
		s.who = u.stage("a" + map[bool]string{true: "1", false: "2"}[saved] + "@example.org").who
		s.old, s.oldValue = s.newKey(s.who, "garage-pi")
		s.by = s.replace(model.Replacing{Finish: model.FinishOnEvidence})
		s.device(s.by.Value)
		s.emails.taken(s.fixture)
		s.clock.Advance(time.Hour)
		if saved {
			u.proxy.CutAtCommit(1)
		} else {
			u.proxy.CutBeforeCommit(1)
		}
		first := s.FinishReplacements(t.Context(), s.clock.Now())
		if err := s.FinishReplacements(t.Context(), s.clock.Now()); err != nil {
			t.Fatal(first, err)
		}
		if events, emails := s.parked(), s.emails.taken(s.fixture); len(events) != 1 || len(emails) != 1 {
			t.Errorf("saved: %v, and there are %d events and %d emails; %v", saved, len(events), len(emails), first)
		}
	}
}
