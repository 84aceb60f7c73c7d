package servicetest

import (
	"testing"
	"time"

	"latchkey/internal/model"
)

func expiry() []contract {
	return []contract{
		{"a key expires when its owner says, which is written down once", expires},
		{"a key is created with its expiry", expiresFromTheFirst},
		{"what has a key work for longer takes a confirmed password, and what ends it earlier does not", extends},
		{"no key is given a day that is over, nor one that is more than ten years away", noSuchDay},
		{"a key that was set to expire lets nobody in from then on, and ends what it opened", expired},
	}
}

// confirmed is a person who confirmed their password a moment ago.
func (p *person) confirmed() *person {
	from := here
	from.Confirmed = true
	return &person{p.tenant.Service.As(p.account, from), p.tenant, p.account, p.password}
}

// inDays is a time that many days from now, by the second.
func inDays(s Tenant, days int) time.Time { return s.Now().AddDate(0, 0, days).Truncate(time.Second) }

// setTo sets the expiry of a key, and checks that this is what the key has then.
func (p *person) setTo(t testing.TB, id string, at time.Time) {
	t.Helper()
	key, err := p.SetExpiry(t.Context(), id, at)
	must(t, err)
	only := !at.IsZero() && p.tenant.OnlyReminds
	if key.ID != id || !key.ExpiresAt.Equal(at) || key.OnlyReminds != only {
		t.Errorf("it is %+v, and should expire at %v", key, at)
	}
	read, err := p.Key(t.Context(), id)
	if err != nil || !read.ExpiresAt.Equal(at) || read.OnlyReminds != only {
		t.Errorf("read is %+v, %v, and it should expire at %v", read, err, at)
	}
}

func expires(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	p.create(t, "lamp")
	pump := p.create(t, "pump").Key
	at := inDays(s, 30)
	day := at.UTC().Format(time.DateOnly)
	p.writes(t, func() {
		p.setTo(t, pump.ID, at)
		p.setTo(t, pump.ID, at)
	}, "key-expiry-set pump "+day)
	p.writes(t, func() {
		p.confirmed().setTo(t, pump.ID, time.Time{})
		p.confirmed().setTo(t, pump.ID, time.Time{})
	}, "key-expiry-set pump never")
	p.setTo(t, pump.ID, at.Add(300*time.Millisecond).Truncate(time.Second))
	for i, key := range p.list(t) {
		if key.ExpiresAt.IsZero() != (i == 0) {
			t.Errorf("listed is %+v", key)
		}
	}
	stranger := newPerson(t, s)
	gone := p.create(t, "gone").Key
	_, err := p.DeleteKey(t.Context(), gone.ID)
	must(t, err)
	p.writes(t, func() {
		for _, id := range []string{"", "1", "0123456789abcdef01234567", gone.ID, pump.ID[1:]} {
			_, err = p.SetExpiry(t.Context(), id, at)
			is(t, err, model.KindNotFound)
		}
		_, err = stranger.SetExpiry(t.Context(), pump.ID, inDays(s, 1))
		is(t, err, model.KindNotFound)
	})
}

func expiresFromTheFirst(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	at := inDays(s, 90)
	p.writes(t, func() {
		created, err := p.CreateKey(t.Context(), model.NewKey{Name: "pump", ExpiresAt: at})
		must(t, err)
		if !created.Key.ExpiresAt.Equal(at) || len(created.Keys.List) != 1 || !created.Keys.List[0].ExpiresAt.Equal(at) {
			t.Errorf("created is %+v", created)
		}
	}, "key-made pump", "key-shown pump")
	if got := p.list(t); len(got) != 1 || !got[0].ExpiresAt.Equal(at) || got[0].OnlyReminds != s.OnlyReminds {
		t.Errorf("listed are %+v", got)
	}
}

func extends(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	id := p.create(t, "pump").Key.ID
	p.setTo(t, id, inDays(s, 90))
	p.setTo(t, id, inDays(s, 30))
	p.writes(t, func() {
		for _, at := range []time.Time{inDays(s, 30).Add(time.Second), inDays(s, 90), {}} {
			_, err := p.SetExpiry(t.Context(), id, at)
			is(t, err, model.KindConfirm)
		}
	})
	p.setTo(t, id, inDays(s, 30)) // as it is
	p.confirmed().setTo(t, id, inDays(s, 90))
	p.setTo(t, id, inDays(s, 2))
	s.Advance(3 * aDay)
	_, err := p.SetExpiry(t.Context(), id, inDays(s, 2)) // after it has expired
	is(t, err, model.KindConfirm)
	p.confirmed().setTo(t, id, inDays(s, 2))
}

func noSuchDay(t testing.TB, s Tenant) {
	p := newPerson(t, s).confirmed()
	id := p.create(t, "pump").Key.ID
	for at, kind := range map[time.Time]model.Kind{
		s.Now(): model.KindExpiryPast, s.Now().AddDate(-1, 0, 0): model.KindExpiryPast, time.Unix(0, 0): model.KindExpiryPast,
		model.LatestExpiry(s.Now()).Add(time.Second): model.KindExpiryFar, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC): model.KindExpiryFar,
	} {
		p.writes(t, func() {
			_, err := p.SetExpiry(t.Context(), id, at)
			is(t, err, kind)
			created, err := p.CreateKey(t.Context(), model.NewKey{Name: "lamp", ExpiresAt: at})
			is(t, err, kind)
			if created.Value != "" || len(created.Keys.List) != 1 {
				t.Errorf("beside the refusal is %+v", created)
			}
		})
	}
	p.has(t, "pump")
	p.setTo(t, id, s.Now().AddDate(10, 0, 0).Truncate(time.Second))
}

func expired(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	pump, lamp := p.create(t, "pump"), p.create(t, "lamp")
	session := works(t, s, pump.Value)
	p.setTo(t, pump.Key.ID, inDays(s, 2))
	if !session() {
		t.Error("the session of a key that expires one day has ended")
	}
	s.Advance(2 * aDay)
	if s.OnlyReminds {
		works(t, s, pump.Value)
		return
	}
	isRefused(t, s, pump.Value)
	if session() {
		t.Error("the session of a key that has expired goes on")
	}
	works(t, s, lamp.Value)
	p.again(t) // whose session goes on is another matter
	key, err := p.Key(t.Context(), pump.Key.ID)
	must(t, err)
	if key.Disabled || s.ReportsUsage && key.Usage.LastRefusal.Reason != model.ReasonKeyExpired {
		t.Errorf("it is %+v", key)
	}
	_, err = p.TurnKey(t.Context(), pump.Key.ID, false)
	must(t, err)
	_, err = p.TurnKey(t.Context(), pump.Key.ID, true)
	must(t, err)
	isRefused(t, s, pump.Value)
	p.confirmed().setTo(t, pump.Key.ID, time.Time{})
	works(t, s, pump.Value)
}
