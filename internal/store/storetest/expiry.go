package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

const aDay = 24 * time.Hour

func expiry() []contract {
	return []contract{
		{"a key that has expired opens nothing", proveExpiredOpensNothing},
		{"sessions end with their key, and follow its expiry while they last", proveSessionsFollow},
		{"what has a key work for longer is refused to who may not, and changes nothing", proveExtending},
		{"of many who set an expiry at once each is right about what was there", proveExpiryAtOnce},
		{"that a key expired is recorded once for each expiry", proveExpiredOnce},
		{"a refusal for its expiry records that a key expired, and one before it does not", proveRefusedExpired},
		{"reminders that are due are given to one caller, and again when that one is not done in time", proveClaims},
		{"a reminder that its owner has overtaken is not finished", proveOvertaken},
		{"of a key at another server the expiry is kept with what a reminder needs", proveExpiryElsewhere},
	}
}

// until says that a key expires at a time. Everybody may extend.
func until(at time.Time) model.Expiry {
	return model.Expiry{At: at, Now: base, MayExtend: true, Session: 60 * aDay}
}

func expirySet(k model.Key) model.Event {
	return model.Event{UserID: k.UserID, At: base, Kind: model.EventKeyExpirySet, Actor: model.ActorBrowser, KeyID: k.ID}
}

func hasExpired(k model.Key, at time.Time) model.Event {
	return model.Event{UserID: k.UserID, At: at, Kind: model.EventKeyExpired, Actor: model.ActorServer, KeyID: k.ID}
}

// count is how many events of a kind a user has.
func count(t *testing.T, s *store.Store, userID string, kind model.EventKind) int {
	t.Helper()
	events, err := s.Events(t.Context(), userID, model.EventQuery{Kinds: []model.EventKind{kind}, Limit: 1000})
	want(t, err, nil)
	return len(events)
}

func proveExpiredOpensNothing(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, hash := addKey(t, s, u.ID, "phone")
	opens := func(at time.Time) error {
		a := newAuthSession(u.ID, k.ID)
		a.CreatedAt = at
		return s.CreateAuthSession(t.Context(), a, newKeyUse(at))
	}
	want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(base.Add(aDay)), expirySet(k)), nil)
	found, err := s.APIKeyByValueHash(t.Context(), hash)
	want(t, err, nil)
	if !found.ExpiresAt.Equal(base.Add(aDay)) {
		t.Errorf("by its value it expires at %v", found.ExpiresAt)
	}
	want(t, opens(base.Add(aDay-time.Millisecond)), nil)
	want(t, opens(base.Add(aDay)), model.ErrNotFound)
	want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(time.Time{})), nil)
	want(t, opens(base.Add(aDay)), nil)
	if n := count(t, s, u.ID, model.EventKeyExpirySet); n != 1 {
		t.Errorf("%d events", n)
	}
	want(t, s.SetExpiry(t.Context(), addUser(t, s).ID, k.ID, until(base.Add(aDay))), model.ErrNotFound)
}

func proveSessionsFollow(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	other, _ := addKey(t, s, u.ID, "lamp")
	const life = 60 * aDay
	session := func(keyID string, began time.Time) string {
		a := newAuthSession(u.ID, keyID)
		a.CreatedAt, a.ExpiresAt = began, began.Add(life)
		want(t, s.CreateAuthSession(t.Context(), a, nil), nil)
		return a.ID
	}
	ends := func(id string, at time.Time) {
		t.Helper()
		a, err := s.AuthSession(t.Context(), id)
		want(t, err, nil)
		if !a.ExpiresAt.Equal(at) {
			t.Errorf("the session ends at %v, want %v", a.ExpiresAt, at)
		}
	}
	old, lamps, persons := session(k.ID, base.Add(-30*aDay)), session(other.ID, base), session("", base)
	set := func(at time.Time) { want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(at)), nil) }
	set(base.Add(40 * aDay))
	ends(old, base.Add(30*aDay)) // which is sooner
	young := session(k.ID, base)
	ends(young, base.Add(40*aDay))
	set(base.Add(20 * aDay))
	ends(old, base.Add(20*aDay))
	ends(young, base.Add(20*aDay))
	set(base.Add(50 * aDay))
	ends(old, base.Add(30*aDay))
	ends(young, base.Add(50*aDay))
	set(time.Time{})
	ends(young, base.Add(life))
	set(base.Add(aDay))
	late := model.Expiry{At: base.Add(90 * aDay), Now: base.Add(2 * aDay), MayExtend: true, Session: life}
	want(t, s.SetExpiry(t.Context(), u.ID, k.ID, late), nil)
	ends(young, base.Add(aDay)) // it had ended by then
	ends(lamps, base.Add(life))
	ends(persons, base.Add(life))
}

func proveExtending(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	for _, step := range []struct {
		at  time.Time
		err error
	}{
		{base.Add(90 * aDay), nil}, {base.Add(30 * aDay), nil}, {base.Add(30 * aDay), nil}, {base.Add(30*aDay + time.Second), model.ErrConflict},
		{time.Time{}, model.ErrConflict}, {base.Add(29 * aDay), nil},
	} {
		x := until(step.at)
		x.MayExtend = false
		want(t, s.SetExpiry(t.Context(), u.ID, k.ID, x, expirySet(k)), step.err)
	}
	got, err := s.APIKey(t.Context(), u.ID, k.ID)
	want(t, err, nil)
	if !got.ExpiresAt.Equal(base.Add(29*aDay)) || count(t, s, u.ID, model.EventKeyExpirySet) != 3 {
		t.Errorf("it is %+v, after %d events", got, count(t, s, u.ID, model.EventKeyExpirySet))
	}
}

// Nobody extends, so that every change that is saved ends the key earlier than all before it.
func proveExpiryAtOnce(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	const callers = 40
	testkit.AtOnce(t, callers, func(ctx context.Context, i int) error {
		x := until(base.Add(time.Duration(1+(i*7)%callers) * aDay))
		x.MayExtend = false
		e := expirySet(k)
		e.Detail = x.At.Format(time.DateOnly)
		return s.SetExpiry(ctx, u.ID, k.ID, x, e)
	}, model.ErrConflict)
	got, err := s.APIKey(t.Context(), u.ID, k.ID)
	want(t, err, nil)
	if !got.ExpiresAt.Equal(base.Add(aDay)) {
		t.Errorf("it expires at %v", got.ExpiresAt)
	}
	events, err := s.Events(t.Context(), u.ID, model.EventQuery{Kinds: []model.EventKind{model.EventKeyExpirySet}, Limit: 100})
	want(t, err, nil)
	var days []string
	for _, e := range events {
		days = append(days, e.Detail)
	}
	slices.Sort(days)
	if days[0] != base.Add(aDay).Format(time.DateOnly) || len(slices.Compact(days)) != len(events) {
		t.Errorf("set to %v", days)
	}
}

func proveExpiredOnce(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	addKey(t, s, u.ID, "lamp")
	for i, expires := range []time.Time{base.Add(aDay), base.Add(3 * aDay)} {
		want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(expires)), nil)
		none, err := s.ExpiredKeys(t.Context(), expires.Add(-time.Millisecond), 10)
		want(t, err, nil)
		found, err := s.ExpiredKeys(t.Context(), expires, 10)
		want(t, err, nil)
		if len(none) != 0 || len(found) != 1 || found[0] != (store.ExpiredKey{UserID: u.ID, KeyID: k.ID, ExpiresAt: expires}) {
			t.Errorf("expired are %+v, and before it %+v", found, none)
		}
		testkit.AtOnce(t, 10, func(ctx context.Context, _ int) error { return s.RecordExpired(ctx, hasExpired(k, expires)) })
		if n := count(t, s, u.ID, model.EventKeyExpired); n != i+1 {
			t.Errorf("recorded %d times", n)
		}
		if left, err := s.ExpiredKeys(t.Context(), base.Add(100*aDay), 10); err != nil || len(left) != 0 {
			t.Errorf("left is %+v, %v", left, err)
		}
	}
}

func proveRefusedExpired(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	expires := base.Add(aDay)
	want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(expires)), nil)
	for _, at := range []time.Time{base, expires, expires.Add(time.Second), expires.Add(time.Hour)} {
		refusal := model.KeyRefusal{At: at, Reason: model.ReasonKeyExpired}
		refused := model.Event{UserID: u.ID, At: at, Kind: model.EventKeyRefused, Actor: model.ActorDevice, KeyID: k.ID, Detail: refusal.Reason}
		want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, refusal, hasExpired(k, at), refused), nil)
		expected := 1
		if at.Before(expires) {
			expected = 0
		}
		if n := count(t, s, u.ID, model.EventKeyExpired); n != expected {
			t.Errorf("at %v it is recorded %d times", at, n)
		}
	}
	got, err := s.APIKey(t.Context(), u.ID, k.ID)
	want(t, err, nil)
	if got.Usage.LastRefusal.Reason != model.ReasonKeyExpired || count(t, s, u.ID, model.EventKeyRefused) == 0 {
		t.Errorf("it is %+v", got)
	}
}

// reminderOf is when a user is reminded first of a key that expires at a time.
func reminderOf(userID string, expires time.Time) time.Time {
	return model.ReminderTwoWeeks.Due(userID, expires)
}

func proveClaims(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	expires := base.Add(40 * aDay)
	k, _ := addKey(t, s, u.ID, "phone")
	off, _ := addKey(t, s, u.ID, "lamp")
	addKey(t, s, u.ID, "never")
	for _, k := range []model.Key{k, off} {
		want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(expires)), nil)
	}
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, off.ID, turnedOff), nil)
	now := reminderOf(u.ID, expires)
	_, err := s.NextReminder(t.Context(), now.Add(-time.Millisecond))
	want(t, err, model.ErrNotFound)
	for i := range 2 { // the first is not done in time
		now = now.Add(time.Duration(i) * time.Hour)
		next, err := s.NextReminder(t.Context(), now)
		want(t, err, nil)
		if next != u.ID {
			t.Fatalf("%s is to be reminded", next)
		}
		given := make(chan []store.DueReminder, 10)
		testkit.AtOnce(t, 10, func(ctx context.Context, i int) error {
			due, err := s.ClaimReminders(ctx, u.ID, now, now.Add(10*time.Minute+time.Duration(i)*time.Second))
			if len(due) > 0 {
				given <- due
			}
			return err
		})
		due := <-given
		if len(given) != 0 || len(due) != 2 {
			t.Fatalf("%d more were given what is due, and one %+v", len(given), due)
		}
		slices.SortFunc(due, func(a, b store.DueReminder) int { return len(b.Name) - len(a.Name) })
		if d := due[0]; d.KeyID != k.ID || d.Name != "phone" || len(d.Fingerprint) != 16 || d.Off || !d.Here || !d.ExpiresAt.Equal(expires) {
			t.Errorf("due is %+v", d)
		}
		if !due[1].Off {
			t.Errorf("due is %+v", due[1])
		}
		_, err = s.NextReminder(t.Context(), now)
		want(t, err, model.ErrNotFound)
	}
	now = now.Add(time.Hour)
	due, err := s.ClaimReminders(t.Context(), u.ID, now, now.Add(time.Minute))
	want(t, err, nil)
	var done []store.Reminded
	for _, d := range due {
		done = append(done, store.Reminded{KeyID: d.KeyID, Last: model.ReminderTwoWeeks, Next: model.ReminderTwoWeeks.Next(u.ID, d.ExpiresAt)})
	}
	want(t, s.FinishReminders(t.Context(), u.ID, now.Add(time.Minute), done), nil)
	next := model.ReminderThreeDays.Due(u.ID, expires)
	_, err = s.NextReminder(t.Context(), next.Add(-time.Millisecond))
	want(t, err, model.ErrNotFound)
	_, err = s.NextReminder(t.Context(), next)
	want(t, err, nil)
}

func proveOvertaken(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	expires := base.Add(40 * aDay)
	want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(expires)), nil)
	now := reminderOf(u.ID, expires)
	claimed := now.Add(time.Hour)
	_, err := s.ClaimReminders(t.Context(), u.ID, now, claimed)
	want(t, err, nil)
	later := expires.Add(100 * aDay)
	want(t, s.SetExpiry(t.Context(), u.ID, k.ID, model.Expiry{At: later, Now: now, MayExtend: true}), nil)
	want(t, s.FinishReminders(t.Context(), u.ID, claimed, []store.Reminded{{KeyID: k.ID, Last: model.ReminderExpired}}), nil)
	first := reminderOf(u.ID, later)
	_, err = s.NextReminder(t.Context(), first)
	want(t, err, nil)
	due, err := s.ClaimReminders(t.Context(), u.ID, first, first.Add(time.Hour))
	want(t, err, nil)
	if len(due) != 1 || due[0].Reminded != model.NoReminder {
		t.Errorf("due is %+v", due)
	}
	want(t, s.SetExpiry(t.Context(), u.ID, k.ID, until(time.Time{})), nil)
	if _, err := s.NextReminder(t.Context(), later.Add(1000*aDay)); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("of a key that does not expire: %v", err)
	}
}

func proveExpiryElsewhere(t *testing.T, s *store.Store) {
	user, key, there := model.NewID(base), model.NewID(base), s.Elsewhere()
	expires := base.Add(40 * aDay)
	e := model.Event{UserID: user, At: base, Kind: model.EventKeyExpirySet, Actor: model.ActorBrowser, KeyID: key, KeyName: "pump", Elsewhere: true}
	kept := model.KeptCard{Email: "ana@example.com", Name: "pump", ListedAt: base}
	want(t, there.SetExpiry(t.Context(), user, key, until(expires), kept, e), nil)
	want(t, there.SetExpiry(t.Context(), user, key, until(expires), kept, e), nil)
	for _, at := range []time.Time{{}, expires.Add(time.Second)} {
		x := until(at)
		x.MayExtend = false
		want(t, there.SetExpiry(t.Context(), user, key, x, kept, e), model.ErrConflict)
	}
	if n := count(t, s, user, model.EventKeyExpirySet); n != 1 {
		t.Errorf("%d events", n)
	}
	cards, err := there.Cards(t.Context(), user)
	want(t, err, nil)
	if c := cards[key]; !c.ExpiresAt.Equal(expires) || c.Email != kept.Email || c.Name != kept.Name {
		t.Errorf("kept is %+v", c)
	}
	now := reminderOf(user, expires)
	due, err := s.ClaimReminders(t.Context(), user, now, now.Add(time.Hour))
	want(t, err, nil)
	if len(due) != 1 || due[0].Name != "pump" || due[0].Email != kept.Email || due[0].Here {
		t.Errorf("due is %+v", due)
	}
	// Nobody extends, and every change that is saved ends the key earlier.
	testkit.AtOnce(t, 20, func(ctx context.Context, i int) error {
		x := until(base.Add(time.Duration(1+(i*7)%20) * aDay))
		x.MayExtend = false
		return there.SetExpiry(ctx, user, key, x, kept)
	}, model.ErrConflict)
	cards, err = there.Cards(t.Context(), user)
	want(t, err, nil)
	if c := cards[key]; !c.ExpiresAt.Equal(base.Add(aDay)) {
		t.Errorf("it expires at %v", c.ExpiresAt)
	}
}
