package servicetest

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"latchkey/internal/model"
)

func keysAtWork() []contract {
	return []contract{
		{"a device is let in with the value of a key, as often as it likes", letsIn},
		{"a key that is off lets nobody in, and ends the sessions that it opened", offAtOnce},
		{"a key that was deleted lets nobody in, and ends the sessions that it opened", goneAtOnce},
		{"use is told of the key that was used, where it is known", used},
		{"a value that is tried says whose it is", triesOwn},
		{"a value that is tried does not work when its key is off or gone, or it is none", triesBad},
		{"a key of the person's own that is tried shows no trace", noTrace},
		{"a key of somebody else's that is tried is used, and not told", triesForeign},
	}
}

func letsIn(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	pump, lamp := p.create(t, "pump"), p.create(t, "lamp")
	if pump.Value == lamp.Value {
		t.Error("two keys have the same value")
	}
	first := works(t, s, pump.Value)
	for range 3 {
		works(t, s, pump.Value)
	}
	if !first() {
		t.Error("its first session has ended")
	}
	isRefused(t, s, nobodys)
}

func offAtOnce(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	pump, lamp := p.create(t, "pump"), p.create(t, "lamp")
	session, other := works(t, s, pump.Value), works(t, s, lamp.Value)
	_, err := p.TurnKey(t.Context(), pump.Key.ID, false)
	must(t, err)
	isRefused(t, s, pump.Value)
	if session() {
		t.Error("the session of a key that is off goes on")
	}
	if !other() {
		t.Error("the session of another key has ended")
	}
	p.goesOn(t, true)
	_, err = p.TurnKey(t.Context(), pump.Key.ID, true)
	must(t, err)
	works(t, s, pump.Value)
	if session() {
		t.Error("the session that had ended goes on again")
	}
}

func goneAtOnce(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	pump, lamp := p.create(t, "pump"), p.create(t, "lamp")
	session, other := works(t, s, pump.Value), works(t, s, lamp.Value)
	_, err := p.DeleteKey(t.Context(), pump.Key.ID)
	must(t, err)
	isRefused(t, s, pump.Value)
	if session() {
		t.Error("the session of a deleted key goes on")
	}
	if !other() {
		t.Error("the session of another key has ended")
	}
}

// usage is what is known of a key.
func (p *person) usage(t testing.TB, key model.Key) model.KeyUsage {
	t.Helper()
	p.written(t) // and what it was refused for
	one, err := p.Key(t.Context(), key.ID)
	must(t, err)
	return one.Usage
}

func used(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	pump, lamp := p.create(t, "pump"), p.create(t, "lamp")
	if !s.ReportsUsage {
		works(t, s, pump.Value)
		if u := p.usage(t, pump.Key); u != (model.KeyUsage{Known: model.UsageNotReported, Fingerprint: model.FingerprintOf(pump.Value)}) {
			t.Errorf("the usage is %+v", u)
		}
		return
	}
	sum := sha256.Sum256([]byte(pump.Value.Reveal()))
	u := p.usage(t, pump.Key)
	if u.Known != model.UsageKnown || u.Fingerprint != hex.EncodeToString(sum[:8]) || u.RecordingSince.IsZero() {
		t.Errorf("the usage of a new key is %+v", u)
	}
	if !u.FirstUsed.IsZero() || !u.LastUse.At.IsZero() || !u.LastRefusal.At.IsZero() {
		t.Errorf("a new key was used: %+v", u)
	}
	first := s.Now()
	works(t, s, pump.Value)
	s.Advance(time.Hour)
	works(t, s, pump.Value)
	if u = p.usage(t, pump.Key); !near(u.FirstUsed, first) || !near(u.LastUse.At, s.Now()) || u.LastUse.Address == "" {
		t.Errorf("used at %v and %v, it is %+v", first, s.Now(), u)
	}
	_, err := p.TurnKey(t.Context(), pump.Key.ID, false)
	must(t, err)
	s.Advance(time.Hour)
	isRefused(t, s, pump.Value)
	if u = p.usage(t, pump.Key); !near(u.LastRefusal.At, s.Now()) || u.LastRefusal.Reason != model.ReasonKeyOff {
		t.Errorf("refused at %v, it is %+v", s.Now(), u)
	}
	if keys := p.list(t); keys[0].Usage != u || !keys[1].Usage.FirstUsed.IsZero() || keys[1].ID != lamp.Key.ID {
		t.Errorf("listed are %+v", keys)
	}
}

// near says whether two times are the same, as far as anybody keeps them.
func near(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Second }

func triesOwn(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	p.create(t, "lamp")
	pump := p.create(t, "pump")
	key, err := p.TryValue(t.Context(), pump.Value)
	if err != nil || key.UserID != p.id() {
		t.Errorf("it is %+v, %v", key, err)
	}
	if key.ID != "" && key.ID != pump.Key.ID || key.Name != "pump" && (key.Name != "" || key.ID != "") {
		t.Errorf("it is said to be %+v", key)
	}
}

func triesBad(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	off, gone := p.create(t, "off"), p.create(t, "gone")
	_, err := p.TurnKey(t.Context(), off.Key.ID, false)
	must(t, err)
	_, err = p.DeleteKey(t.Context(), gone.Key.ID)
	must(t, err)
	p.writes(t, func() {
		for _, value := range []model.Secret{off.Value, gone.Value, nobodys, "x", "", off.Value[1:]} {
			key, err := p.TryValue(t.Context(), value)
			is(t, err, model.KindWrongValue)
			if key != (model.Key{}) {
				t.Errorf("it is said to be %+v", key)
			}
		}
	})
}

func noTrace(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	on, off := p.create(t, "on"), p.create(t, "off")
	_, err := p.TurnKey(t.Context(), off.Key.ID, false)
	must(t, err)
	before, listed := p.list(t), p.sessionsOf(t, on.Key.ID)
	all := len(s.Events(t, p.id()))
	_, err = p.TryValue(t.Context(), on.Value)
	must(t, err)
	_, err = p.TryValue(t.Context(), off.Value)
	is(t, err, model.KindWrongValue)
	if events := s.Events(t, p.id()); len(events) != all {
		t.Errorf("written down is %q", told(events[all:]))
	}
	if left := p.sessionsOf(t, on.Key.ID); left != listed {
		t.Errorf("%d sessions are left", left)
	}
	for i, key := range p.list(t) {
		if !s.TrialsAreUses && key != before[i] {
			t.Errorf("the key was %+v and is %+v", before[i], key)
		}
	}
}

func triesForeign(t testing.TB, s Tenant) {
	p, owner := newPerson(t, s), newPerson(t, s)
	pump := owner.create(t, "pump")
	p.writes(t, func() {
		key, err := p.TryValue(t.Context(), pump.Value)
		if err != nil || key != (model.Key{UserID: owner.id()}) {
			t.Errorf("it is said to be %+v, %v", key, err)
		}
	})
	if owner.sessionsOf(t, pump.Key.ID) != 0 {
		t.Error("the trial's session goes on")
	}
	if u := owner.usage(t, pump.Key); s.ReportsUsage && !near(u.LastUse.At, s.Now()) {
		t.Errorf("its owner sees %+v", u)
	}
	_, err := owner.TurnKey(t.Context(), pump.Key.ID, false)
	must(t, err)
	_, err = p.TryValue(t.Context(), pump.Value)
	is(t, err, model.KindWrongValue)
	if u := owner.usage(t, pump.Key); s.ReportsUsage && !near(u.LastRefusal.At, s.Now()) {
		t.Errorf("its owner sees %+v", u)
	}
}
