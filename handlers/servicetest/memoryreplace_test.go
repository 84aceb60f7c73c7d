package servicetest

import (
	"cmp"
	"context"
	"slices"

	"latchkey/internal/model"
)

func (p *memoryPerson) ReplaceKey(ctx context.Context, oldID string, how model.Replacing) (out model.Created, err error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return out, err
	}
	defer end()
	old, err := p.key(u, oldID)
	if err != nil {
		return out, err
	}
	switch {
	case old.Replaced.Open() && !p.m.lies("replaced twice"):
		err = refuse(model.KindReplacing, "")
	case old.Disabled && how.Finish != model.FinishNow && !p.m.lies("keys that are off are waited for"):
		err = refuse(model.KindNoReplacement, "the key is off already")
	case !slices.Contains([]model.Finish{model.FinishOnEvidence, model.FinishNow, model.FinishByPerson}, how.Finish):
		err = refuse(model.KindNoReplacement, "finish is none")
	case slices.ContainsFunc(u.keys, func(k *memoryKey) bool { return k.Name == how.Name }):
		err = refuse(model.KindNameTaken, "")
	case len(u.keys) >= model.MaxKeys:
		err = refuse(model.KindKeyLimit, "")
	}
	if err != nil {
		out.Keys = p.keys(u)
		return out, err
	}
	made, value := p.create(u, cmp.Or(how.Name, model.Successor(old.Key, p.keys(u).List)))
	fresh, _ := p.key(u, made.ID)
	fresh.Card = model.Card{Label: how.Label, Note: how.Note}
	if fresh.Card == (model.Card{}) && !p.m.lies("labels stay") {
		fresh.Card = model.Card{Label: old.Card.Label, Note: old.Card.Note}
	}
	old.Replaced = model.Replacement{
		OldID: old.ID, NewID: made.ID, NewName: made.Name, Finish: how.Finish, State: model.ReplacementWaiting, StartedAt: p.m.Now(),
	}
	if how.Finish == model.FinishOnEvidence {
		old.Replaced.Quiet = cmp.Or(how.Quiet, model.LeastQuiet)
	}
	if !p.m.lost(model.EventKeyReplaced) {
		p.m.record(p.from, u.id, model.EventKeyReplaced, old.Key, made.Name+model.HowFinished(how.Finish, old.Replaced.Quiet))
	}
	if how.Finish == model.FinishNow {
		if !old.Disabled {
			p.m.record(p.from, u.id, model.EventKeyParked, old.Key, "replaced by "+made.Name)
		}
		p.park(old)
	}
	out.Key, out.Value, out.Keys = p.shown(fresh), value, p.keys(u)
	return out, nil
}

func (p *memoryPerson) park(old *memoryKey) {
	old.Replaced.State, old.Replaced.EndedAt = model.ReplacementParked, p.m.Now()
	if p.m.lies("now is never") {
		return
	}
	old.Disabled = true
	if !p.m.lies("parked keys go on") {
		p.m.endOf(old.ID)
	}
}

func (p *memoryPerson) EndReplacement(ctx context.Context, oldID string) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	old, err := p.key(u, oldID)
	if err != nil {
		return model.Key{}, err
	}
	r := &old.Replaced
	switch {
	case r.Open():
		p.m.record(p.from, u.id, model.EventReplacementEnded, old.Key, "")
	case r.State == model.ReplacementParked && old.Disabled && !p.from.Confirmed:
		return model.Key{}, refuse(model.KindConfirm, "")
	case r.State == model.ReplacementParked && old.Disabled:
		if !p.m.lost(model.EventKeyBroughtBack) {
			p.m.record(p.from, u.id, model.EventKeyBroughtBack, old.Key, "")
		}
		old.Disabled = p.m.lies("back in words alone")
	default:
		return p.shown(old), nil
	}
	r.State, r.EndedAt = model.ReplacementUndone, p.m.Now()
	return p.shown(old), nil
}

// turned ends the replacements that a key is part of, when it is turned on or off.
func (p *memoryPerson) turned(u *memoryUser, k *memoryKey, on bool) {
	switch r := &k.Replaced; {
	case !on && r.Open():
		r.State, r.EndedAt = model.ReplacementParked, p.m.Now()
	case on && r.State == model.ReplacementParked:
		r.State, r.EndedAt = model.ReplacementUndone, p.m.Now()
	}
	if !on {
		p.undo(u, k, "turned off")
	}
}

// undo ends the replacements that wait for a key that is not there for it any more.
func (p *memoryPerson) undo(u *memoryUser, k *memoryKey, why string) {
	if p.m.lies("waited for without end") {
		return
	}
	for _, old := range slices.Clone(u.keys) {
		if r := &old.Replaced; r.NewID == k.ID && r.Open() {
			r.State, r.EndedAt = model.ReplacementUndone, p.m.Now()
			p.m.record(p.from, u.id, model.EventReplacementEnded, old.Key, k.Name+" was "+why)
		}
	}
}
