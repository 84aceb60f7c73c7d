package upstream

import (
	"cmp"
	"context"
	"slices"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

// Replacements keep here which keys others take the place of. They are read with the cards.
type Replacements interface {
	// SaveReplacement keeps one that has begun; model.ErrReplacing is that another is not over.
	SaveReplacement(ctx context.Context, userID string, r model.Replacement) error
	// MoveReplacement says whether it was where it is moved from.
	MoveReplacement(ctx context.Context, userID, oldID string, from, to model.ReplacementState, at time.Time) (moved bool, err error)
	DeleteReplacement(ctx context.Context, userID, oldID string) error
}

// ReplaceKey creates a key there that takes the place of another, which is kept here. What devices do there is not seen from here: the old
// key is turned off now, or by the person. Turning it off is a second request: one that fails, or whose answer is lost, leaves it waiting
// for the person, as the key shows, since the value of the new key must not be lost with it.
func (p *Person) ReplaceKey(ctx context.Context, oldID string, how model.Replacing) (created model.Created, err error) {
	switch how.Finish {
	case model.FinishNow, model.FinishByPerson:
	case model.FinishOnEvidence:
		return created, &model.Error{Kind: model.KindNotOffered, Doing: "replace key when it is quiet"}
	default:
		return created, &model.Error{Kind: model.KindNoReplacement, Reason: "finish must be now or person"}
	}
	before, err := patiently(p, func() ([]client.APIKey, error) { return p.keys.FetchAll(ctx) })
	if err != nil {
		err = failedBefore(err)
		return model.Created{Unread: err}, err
	}
	kept := p.readCards(ctx)
	keys := p.merge(before, usage{}, kept)
	old, err := replaceable(keys.List, oldID, how.Finish)
	if err != nil {
		return model.Created{Keys: keys}, err
	}
	how.Name = cmp.Or(how.Name, model.Successor(old, keys.List))
	if how.Label == "" && how.Note == "" {
		how.Label, how.Note = old.Card.Label, old.Card.Note
	}
	created, err = p.create(ctx, how.NewKey)
	switch {
	case err != nil && model.OutcomeOf(err) != model.NotDone:
		created.Keys, created.Found, created.Unread = p.findLost(ctx, how.Name, before)
		return created, err
	case err != nil:
		created.Keys = keys
		return created, err
	}
	if p.from.Pairing == "" {
		p.record(ctx, p.event(model.EventKeyShown, created.Key))
	}
	off := p.begin(ctx, old, how.Finish, &created)
	if p.from.Pairing != "" {
		return created, nil
	}
	for i := range before {
		before[i].Disabled = before[i].Disabled || off && before[i].ID == oldID
	}
	before = append(before, client.APIKey{ID: created.Key.ID, Name: created.Key.Name})
	created.Keys = p.merge(before, p.askUsage(ctx)(), p.readCards(ctx))
	return created, nil
}

// replaceable gives the key that is to be replaced, if it can be.
func replaceable(keys []model.Key, id string, finish model.Finish) (old model.Key, err error) {
	i := slices.IndexFunc(keys, func(k model.Key) bool { return k.ID == id })
	switch {
	case i < 0:
		return old, &model.Error{Kind: model.KindNotFound}
	case keys[i].Replaced.Open():
		return old, &model.Error{Kind: model.KindReplacing}
	case keys[i].Disabled && finish != model.FinishNow:
		return old, &model.Error{Kind: model.KindNoReplacement, Reason: "the old key is off: it can only be replaced now"}
	}
	return keys[i], nil
}

// begin keeps that a key that was created takes the place of another, turns that one off if it is to be now, and says whether it is off. The
// new key is there whatever becomes of this.
func (p *Person) begin(ctx context.Context, old model.Key, finish model.Finish, created *model.Created) (off bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	r := model.Replacement{
		OldID: old.ID, NewID: created.Key.ID, NewName: created.Key.Name, Finish: finish, State: model.ReplacementWaiting, StartedAt: p.s.now(),
	}
	err := p.s.cards.SaveReplacement(ctx, p.account.UserID, r)
	if err != nil {
		p.s.log.ErrorContext(ctx, "replacement of a key not saved", "user", p.account.UserID, "key", old.ID, "cause", err)
		created.NotKept = true
	}
	replaced := p.event(model.EventKeyReplaced, old)
	replaced.Detail = r.NewName + "; you turn the old key off"
	if finish == model.FinishNow {
		if off = p.turnOff(ctx, old); off {
			replaced.Detail = r.NewName + model.HowFinished(finish, 0)
		}
	}
	p.record(ctx, replaced)
	if off {
		if err == nil {
			p.move(ctx, r, model.ReplacementParked)
		}
		if !old.Disabled {
			parked := p.event(model.EventKeyParked, old)
			parked.Detail = "replaced by " + r.NewName
			p.record(ctx, parked)
		}
	}
	return off
}

// turnOff says whether a key is off after it was asked for, as far as can be seen.
func (p *Person) turnOff(ctx context.Context, key model.Key) bool {
	if key.Disabled {
		return true
	}
	_, err := patiently(p, func() (struct{}, error) { return struct{}{}, p.keys.Disable(ctx, key.ID) })
	if err != nil && model.OutcomeOf(failed(err)) == model.NotDone {
		return false
	}
	key, err = p.fetch(ctx, key.ID) // what it says of the key counts, and not what it answered
	return err == nil && key.Disabled
}

// move keeps how far a replacement has come, and says whether it came there by this. What cannot be saved is found again in the next list.
func (p *Person) move(ctx context.Context, r model.Replacement, to model.ReplacementState) bool {
	moved, err := p.s.cards.MoveReplacement(context.WithoutCancel(ctx), p.account.UserID, r.OldID, r.State, to, p.s.now())
	if err != nil {
		p.s.log.WarnContext(ctx, "replacement of a key not saved", "user", p.account.UserID, "key", r.OldID, "cause", err)
	}
	return moved && err == nil
}

// EndReplacement undoes a replacement, and turns the old key on there if that has turned it off.
func (p *Person) EndReplacement(ctx context.Context, oldID string) (model.Key, error) {
	key, err := p.Key(ctx, oldID)
	if err != nil {
		return model.Key{}, err
	}
	r := key.Replaced
	kind := model.EventReplacementEnded
	switch {
	case r.State == model.ReplacementParked && key.Disabled && !key.Card.LeakedAt.IsZero(): // which is turned on by its name alone
		return model.Key{}, &model.Error{Kind: model.KindLeaked}
	case r.State == model.ReplacementParked && !p.from.Confirmed:
		return model.Key{}, &model.Error{Kind: model.KindConfirm}
	case r.State == model.ReplacementParked:
		if key, _, err = p.turn(ctx, oldID, true); err != nil {
			return key, err
		}
		kind = model.EventKeyBroughtBack
	case !r.Open():
		return key, nil
	}
	moved, err := p.s.cards.MoveReplacement(ctx, p.account.UserID, oldID, r.State, model.ReplacementUndone, p.s.now())
	if err != nil && kind == model.EventReplacementEnded {
		return model.Key{}, notKept("end replacement", err)
	}
	if moved || err != nil { // one that is on again is seen to be
		p.record(ctx, p.event(kind, key))
	}
	key.Replaced.State = model.ReplacementUndone
	return key, nil
}

// seen is how a key was found there: nil when nobody looked.
type seen struct{ there, off bool }

// follow changes the replacements of which what was seen there says that they are over: the old key is off or gone, or the new one is.
func (p *Person) follow(ctx context.Context, kept cards, look func(id string) *seen) {
	for id, card := range kept {
		r := card.Replaced
		if r.OldID == "" {
			continue
		}
		old, by := look(r.OldID), look(r.NewID)
		switch {
		case old != nil && !old.there:
			if err := p.s.cards.DeleteReplacement(context.WithoutCancel(ctx), p.account.UserID, id); err != nil {
				p.s.log.WarnContext(ctx, "replacement of a deleted key is left", "user", p.account.UserID, "key", id, "cause", err)
			}
			continue
		case old != nil && old.off && r.Open():
			card.Replaced.State, card.Replaced.EndedAt = model.ReplacementParked, p.s.now()
		case old != nil && !old.off && r.State == model.ReplacementParked:
			card.Replaced.State, card.Replaced.EndedAt = model.ReplacementUndone, p.s.now()
		case by != nil && (!by.there || by.off) && r.Open():
			card.Replaced.State, card.Replaced.EndedAt = model.ReplacementUndone, p.s.now()
		default:
			continue
		}
		if p.move(ctx, r, card.Replaced.State) && r.Open() && card.Replaced.State == model.ReplacementUndone {
			p.recordUndone(ctx, r, card.Name, by)
		}
		kept[id] = card
	}
}

// recordUndone records that a new key is not there any more for what it takes the place of, which is called so, if that is known here.
func (p *Person) recordUndone(ctx context.Context, r model.Replacement, name string, by *seen) {
	old := model.Key{ID: r.OldID, Name: name}
	if name == "" {
		if key, err := p.fetch(ctx, r.OldID); err == nil {
			old = key
		}
	}
	e := p.event(model.EventReplacementEnded, old)
	e.Detail = r.NewName + " was deleted"
	if by.there {
		e.Detail = r.NewName + " was turned off"
	}
	p.record(ctx, e)
}

// followOne is follow of one key.
func (p *Person) followOne(ctx context.Context, kept cards, id string, s seen) {
	p.follow(ctx, kept, func(other string) *seen {
		if other != id {
			return nil
		}
		return &s
	})
}

// followAll is follow of a complete list.
func (p *Person) followAll(ctx context.Context, kept cards, list []client.APIKey) {
	p.follow(ctx, kept, func(id string) *seen {
		i := slices.IndexFunc(list, func(k client.APIKey) bool { return k.ID == id })
		return &seen{i >= 0, i >= 0 && list[i].Disabled}
	})
}
