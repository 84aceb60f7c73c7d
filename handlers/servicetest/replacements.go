package servicetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func replacements() []contract {
	return []contract{
		{"a key takes the place of another, which goes on", replaces},
		{"a replacement by its owner is finished when they turn the old key off", replacedByPerson},
		{"a replacement that is to be now turns the old key off, and what it opened ends", replacedNow},
		{"an old key is brought back, which is written down once", broughtBack},
		{"a new key that is turned off or deleted undoes the replacement, and the old key goes on", undone},
		{"a key that cannot be replaced stays as it is, and no other is created", notReplaced},
	}
}

// byPerson is how every service can replace a key.
var byPerson = model.Replacing{Finish: model.FinishByPerson}

// replace has a key take the place of another.
func (p *person) replace(t testing.TB, old model.Key, how model.Replacing) model.Created {
	t.Helper()
	created, err := p.ReplaceKey(t.Context(), old.ID, how)
	must(t, err)
	return created
}

// state checks how far a replacement has come, by the list and by the key itself.
func (p *person) state(t testing.TB, old model.Key, want model.ReplacementState, off bool) model.Replacement {
	t.Helper()
	one, err := p.Key(t.Context(), old.ID)
	must(t, err)
	for _, k := range append(p.list(t), one) {
		if k.ID == old.ID && (k.Replaced.State != want || k.Disabled != off) {
			t.Errorf("it is %q and the old key off: %v; want %q and %v", k.Replaced.State, k.Disabled, want, off)
		}
	}
	return one.Replaced
}

func replaces(t testing.TB, s Tenant) {
	for _, how := range []model.Replacing{byPerson, {Finish: model.FinishOnEvidence, Quiet: 24 * time.Hour}} {
		if how.Finish == model.FinishOnEvidence && s.NoEvidence {
			continue
		}
		p := newPerson(t, s)
		old := p.create(t, "pump")
		_, err := p.LabelKey(t.Context(), old.Key.ID, "The pump", "left")
		must(t, err)
		var by model.Created
		p.writes(t, func() { by = p.replace(t, old.Key, how) },
			"key-made pump-2", "key-shown pump-2", "key-replaced pump pump-2"+model.HowFinished(how.Finish, how.Quiet))
		if by.Key.Name != "pump-2" || by.Key.ID == old.Key.ID || by.Value == old.Value || len(by.Keys.List) != 2 {
			t.Errorf("created is %+v", by)
		}
		got := p.state(t, old.Key, model.ReplacementWaiting, false)
		if got.OldID != old.Key.ID || got.NewID != by.Key.ID || got.NewName != "pump-2" || got.Finish != how.Finish || got.Quiet != how.Quiet || !got.EndedAt.IsZero() {
			t.Errorf("it is %+v", got)
		}
		for _, k := range p.list(t) {
			if k.Card.Label != "The pump" || k.Card.Note != "left" {
				t.Errorf("the card of %s is %+v", k.Name, k.Card)
			}
		}
		works(t, s, old.Value)
		works(t, s, by.Value)
		p.writes(t, func() {
			_, err = p.EndReplacement(t.Context(), old.Key.ID)
			must(t, err)
			_, err = p.EndReplacement(t.Context(), old.Key.ID)
			must(t, err)
		}, "key-replacement-ended pump")
		p.state(t, old.Key, model.ReplacementUndone, false)
		works(t, s, old.Value)
		works(t, s, by.Value)
		named := p.replace(t, old.Key, model.Replacing{NewKey: model.NewKey{Name: "lamp", Label: "A lamp"}, Finish: model.FinishByPerson})
		if k, err := p.Key(t.Context(), named.Key.ID); err != nil || k.Name != "lamp" || k.Card.Label != "A lamp" || k.Card.Note != "" {
			t.Errorf("it is %+v, %v", k, err)
		}
	}
}

func replacedByPerson(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	old := p.create(t, "pump")
	p.replace(t, old.Key, byPerson)
	p.writes(t, func() {
		key, err := p.TurnKey(t.Context(), old.Key.ID, false)
		if err != nil || key.Replaced.State != model.ReplacementParked {
			t.Errorf("it is %+v, %v", key.Replaced, err)
		}
	}, "key-turned-off pump")
	p.state(t, old.Key, model.ReplacementParked, true)
	isRefused(t, s, old.Value)
	_, err := p.TurnKey(t.Context(), old.Key.ID, true)
	must(t, err)
	p.state(t, old.Key, model.ReplacementUndone, false)
}

func replacedNow(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	old := p.create(t, "pump")
	session := works(t, s, old.Value)
	now := model.Replacing{Finish: model.FinishNow}
	by := p.replace(t, old.Key, now)
	isRefused(t, s, old.Value)
	if session() {
		t.Error("what the old key opened goes on")
	}
	works(t, s, by.Value)
	if got := p.state(t, old.Key, model.ReplacementParked, true); got.EndedAt.IsZero() {
		t.Error("nobody says when")
	}
	if i := slices.IndexFunc(by.Keys.List, func(k model.Key) bool { return k.ID == old.Key.ID }); i < 0 || !by.Keys.List[i].Disabled {
		t.Errorf("beside it there are %v", names(by.Keys.List))
	}
	again := p.replace(t, old.Key, now) // one that is off
	if got := p.state(t, old.Key, model.ReplacementParked, true); got.NewID != again.Key.ID {
		t.Errorf("it is replaced by %s", got.NewName)
	}
}

func broughtBack(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	old := p.create(t, "pump")
	by := p.replace(t, old.Key, model.Replacing{Finish: model.FinishNow})
	_, err := p.EndReplacement(t.Context(), old.Key.ID) // which takes a password, whatever the page saw before
	is(t, err, model.KindConfirm)
	p.state(t, old.Key, model.ReplacementParked, true)
	isRefused(t, s, old.Value)
	p.writes(t, func() {
		for range 2 {
			key, err := p.confirmed().EndReplacement(t.Context(), old.Key.ID)
			if err != nil || key.Disabled || key.Replaced.State != model.ReplacementUndone {
				t.Errorf("it is %+v, %v", key, err)
			}
		}
	}, "key-brought-back pump")
	p.state(t, old.Key, model.ReplacementUndone, false)
	works(t, s, old.Value)
	works(t, s, by.Value)
}

func undone(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	for what, act := range map[string]func(id string) error{
		"turned off": func(id string) error { _, err := p.TurnKey(t.Context(), id, false); return err },
		"deleted":    func(id string) error { _, err := p.DeleteKey(t.Context(), id); return err },
	} {
		old := p.create(t, "key-"+what[:3])
		by := p.replace(t, old.Key, byPerson)
		p.writes(t, func() { must(t, act(by.Key.ID)) },
			"key-"+strings.ReplaceAll(what, " ", "-")+" "+by.Key.Name, "key-replacement-ended "+old.Key.Name+" "+by.Key.Name+" was "+what)
		p.state(t, old.Key, model.ReplacementUndone, false)
		works(t, s, old.Value)
	}
}

func notReplaced(t testing.TB, s Tenant) {
	p, other := newPerson(t, s), newPerson(t, s)
	old, off := p.create(t, "pump"), p.create(t, "off")
	_, err := p.TurnKey(t.Context(), off.Key.ID, false)
	must(t, err)
	by := p.replace(t, old.Key, byPerson)
	now := model.Replacing{Finish: model.FinishNow}
	for _, c := range []struct {
		by   *person
		id   string
		how  model.Replacing
		kind model.Kind
	}{
		{p, old.Key.ID, now, model.KindReplacing},
		{p, off.Key.ID, byPerson, model.KindNoReplacement},
		{p, by.Key.ID, model.Replacing{}, model.KindNoReplacement},
		{p, by.Key.ID, model.Replacing{NewKey: model.CalledKey("off"), Finish: model.FinishNow}, model.KindNameTaken},
		{p, model.NewID(s.Now()), now, model.KindNotFound},
		{other, by.Key.ID, now, model.KindNotFound},
	} {
		created, err := c.by.ReplaceKey(t.Context(), c.id, c.how)
		is(t, err, c.kind)
		if created.Value != "" || created.Key.ID != "" {
			t.Errorf("created is %+v", created.Key)
		}
	}
	if _, err := other.EndReplacement(t.Context(), old.Key.ID); !model.Is(err, model.KindNotFound) {
		t.Errorf("somebody else undoes it: %v", err)
	}
	p.has(t, "pump", "off (off)", "pump-2")
	for _, name := range numbered(model.MaxKeys - 3) {
		p.create(t, name)
	}
	_, err = p.ReplaceKey(t.Context(), by.Key.ID, now)
	is(t, err, model.KindKeyLimit)
	p.state(t, old.Key, model.ReplacementWaiting, false)
	works(t, s, by.Value)
}
