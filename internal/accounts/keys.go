package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// Keys are all keys of the person with their usage, in the order of their creation.
func (p *Person) Keys(ctx context.Context) (model.Keys, error) {
	if err := p.manages(); err != nil {
		return model.Keys{}, err
	}
	keys, err := p.accounts.store.Keys(ctx, p.who.UserID)
	if err != nil {
		return model.Keys{}, unavailable("read key usage", err)
	}
	return keys, nil
}

// PlainKeys are all keys of the person without their usage, in the order of their creation.
func (p *Person) PlainKeys(ctx context.Context) ([]model.Key, error) {
	if err := p.manages(); err != nil {
		return nil, err
	}
	keys, err := p.accounts.store.APIKeys(ctx, p.who.UserID)
	if err != nil {
		return nil, unavailable("read keys", err)
	}
	return keys, nil
}

// Key is one key of the person with its usage. An id that never was, one that is gone and one of somebody else are the same.
func (p *Person) Key(ctx context.Context, id string) (model.Key, error) {
	if err := p.managesKey(id); err != nil {
		return model.Key{}, err
	}
	key, err := p.accounts.store.APIKey(ctx, p.who.UserID, id)
	return key, missing(model.KindNotFound, "read key", err)
}

// managesKey is manages for an act on one key. What is no id is that of no key.
func (p *Person) managesKey(id string) error {
	if err := p.manages(); err != nil {
		return err
	}
	if !model.IsID(id) {
		return refuse(model.KindNotFound)
	}
	return nil
}

// sees looks, for settle, whether a key of the person's is as an act wanted it.
func (p *Person) sees(id string, so func(model.Key) bool) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		key, err := p.accounts.store.APIKey(ctx, p.who.UserID, id)
		if err != nil {
			return false, missing(model.KindNotFound, "read key", err)
		}
		return so(key), nil
	}
}

// changed is a key after an act on it. One that cannot be read then was changed all the same: nobody can say how it is now.
func (p *Person) changed(ctx context.Context, id string) (model.Key, error) {
	key, err := p.Key(ctx, id)
	if e, ok := errors.AsType[*model.Error](err); ok && e.Kind == model.KindStorageDown {
		e.Outcome = model.Unclear
	}
	return key, err
}

// RecordingSince is from when on the use of keys is recorded.
func (a *Accounts) RecordingSince() time.Time { return a.store.RecordingSince() }

// NewKey creates a key. Its answer is the only place where the value ever is.
func (p *Person) NewKey(ctx context.Context, name string) (model.Key, model.Secret, error) {
	key, value, err := p.newKey(ctx, model.CalledKey(name))
	if err != nil {
		return model.Key{}, "", err
	}
	return key, value, nil
}

// newKey creates a key and records, besides, what else happens with it. When its outcome is unclear it gives the key all the same,
// for a caller who can look for its id later.
func (p *Person) newKey(ctx context.Context, k model.NewKey, besides ...model.EventKind) (model.Key, model.Secret, error) {
	if err := p.manages(); err != nil {
		return model.Key{}, "", err
	}
	a := p.accounts
	if err := checkName(k.Name); err != nil {
		return model.Key{}, "", err
	}
	k, err := k.Cleaned()
	if err != nil {
		return model.Key{}, "", err
	}
	expires, err := a.checkExpiry(k.ExpiresAt)
	if err != nil {
		return model.Key{}, "", err
	}
	if err := p.acting(); err != nil {
		return model.Key{}, "", err
	}
	now := a.cfg.Now()
	key := model.Key{
		ID: model.NewID(now), UserID: p.who.UserID, Name: k.Name, CreatedAt: now,
		Card: model.Card{Label: k.Label, Note: k.Note}, ExpiresAt: expires,
	}
	if slices.Contains(besides, model.EventKeyShown) {
		key.Card.SavedHow = model.NotSaved
	}
	value := newValue()
	events := make([]model.Event, 0, 2)
	for _, kind := range append([]model.EventKind{model.EventKeyMade}, besides...) {
		e := p.keyEvent(kind, key.ID)
		e.KeyName = k.Name // or the store would look it up
		events = append(events, e)
	}
	err = a.store.CreateAPIKeyOnce(ctx, key, hashValue(value), model.MaxKeys, p.from.Form, events...)
	err = p.settle(ctx, "create key", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.APIKey(ctx, key.UserID, key.ID)
		return there(err)
	})
	switch {
	case model.OutcomeOf(err) == model.Unclear:
		return key, model.Secret(value), err
	case err != nil:
		return model.Key{}, "", keyNotCreated("create key", err)
	}
	p.tellOfKey(ctx, key.Name, model.Secret(value))
	return key, model.Secret(value), nil
}

// CreateKey is NewKey for a page, which shows the value and all keys. A device is given the value later, if at all, and needs no
// list.
func (p *Person) CreateKey(ctx context.Context, k model.NewKey) (model.Created, error) {
	if p.from.Pairing != "" {
		key, value, err := p.newKey(ctx, k)
		if err != nil {
			return model.Created{}, err
		}
		return model.Created{Key: key, Value: value}, err
	}
	key, value, err := p.newKey(ctx, k, model.EventKeyShown)
	return p.withKeys(ctx, key, value, err)
}

// withKeys gives a key that was created, or why none was, beside all that there are.
func (p *Person) withKeys(ctx context.Context, key model.Key, value model.Secret, err error) (model.Created, error) {
	if err != nil && !besidesKeys(err) {
		return model.Created{}, err
	}
	if model.OutcomeOf(err) != model.NotDone { // which has taken its time
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastLook)
		defer cancel()
	}
	var out model.Created
	out.Keys, out.Unread = p.Keys(ctx)
	if i := slices.IndexFunc(out.Keys.List, func(k model.Key) bool { return k.ID == key.ID }); i >= 0 {
		if err != nil { // it was saved after all
			p.tellOfKey(ctx, key.Name, value)
		}
		key, err = out.Keys.List[i], nil
	}
	if err != nil {
		return out, err
	}
	out.Key, out.Value = key, value
	return out, nil
}

// besidesKeys says whether the error about a key that was not created is shown on the page with all keys.
func besidesKeys(err error) bool {
	return !model.Is(err, model.KindSessionOver) && !model.Is(err, model.KindForbidden)
}

// SetKey turns a key on or off. Turning it off ends the sessions that it opened, too: the store does both at once.
func (p *Person) SetKey(ctx context.Context, id string, on bool) error {
	_, err := p.setKey(ctx, id, on, false)
	return err
}

// setKey is SetKey, and gives the key if it had to be looked at to find out what came of the act. A key whose value leaked may be asked for by
// its name.
func (p *Person) setKey(ctx context.Context, id string, on, askName bool) (seen model.Key, err error) {
	if err := p.managesKey(id); err != nil {
		return seen, err
	}
	if on {
		if err := p.acting(); err != nil {
			return seen, err
		}
	}
	return p.turn(ctx, id, on, askName)
}

// turn is setKey without asking whether the person may.
func (p *Person) turn(ctx context.Context, id string, on, askName bool) (seen model.Key, err error) {
	kind := model.EventKeyTurnedOff
	if on {
		kind = model.EventKeyTurnedOn
	}
	return p.turnAs(ctx, p.keyEvent(kind, id), on, askName)
}

// turnAs is turn, which the event tells of, as it does of which key.
func (p *Person) turnAs(ctx context.Context, e model.Event, on, askName bool) (seen model.Key, err error) {
	id, turn := e.KeyID, p.accounts.turning(on)
	turn.AskName, turn.Named = askName, p.from.Named
	leaked, err := p.accounts.store.TurnAPIKey(ctx, p.who.UserID, id, turn, e)
	err = p.settle(ctx, "switch key", err, p.sees(id, func(key model.Key) bool {
		seen = key
		return key.Disabled == !on
	}))
	switch {
	case errors.Is(err, model.ErrConflict):
		return seen, refuse(model.KindLeaked)
	case err == nil && leaked:
		p.tellOfLeaked(ctx, id)
	}
	return seen, missing(model.KindNotFound, "switch key", err)
}

// turning is how a key is turned on or off now. A session was seen when it last renewed its access, or up to seenEvery sooner; what that
// buys until its end are tokens for other services.
func (a *Accounts) turning(on bool) store.Turn {
	return store.Turn{
		Off: !on, At: a.cfg.Now(), Access: max(AccessLifetime, a.cfg.ServiceTokens), Quiet: AccessLifetime + seenEvery + a.cfg.ServiceTokens,
	}
}

// TurnKey is SetKey, and gives the key as it is afterwards, which somebody else may have changed back. A key that cannot be read then
// was turned on or off all the same: nobody can say how it is now. One whose value leaked is turned on by its name.
func (p *Person) TurnKey(ctx context.Context, id string, on bool) (model.Key, error) {
	key, err := p.setKey(ctx, id, on, true)
	if err != nil || key.ID != "" {
		return key, err
	}
	return p.changed(ctx, id)
}

// DeleteKey deletes a key for good, with the sessions that it opened, and gives it as it was, without its usage.
func (p *Person) DeleteKey(ctx context.Context, id string) (model.Key, error) {
	if err := p.managesKey(id); err != nil {
		return model.Key{}, err
	}
	return p.remove(ctx, id)
}

// remove is DeleteKey without asking whether the person may.
func (p *Person) remove(ctx context.Context, id string) (model.Key, error) {
	key, err := p.accounts.store.DeleteAPIKey(ctx, p.who.UserID, id, p.keyEvent(model.EventKeyDeleted, id))
	err = p.settle(ctx, "delete key", err, func(ctx context.Context) (bool, error) {
		_, err := p.accounts.store.APIKey(ctx, p.who.UserID, id)
		return gone(err)
	})
	return key, missing(model.KindNotFound, "delete key", err)
}

// TryValue says whose key has a value that works, and of a key of the person's own which. With their own key it leaves no trace. One
// of somebody else's is used: its owner must see that somebody has it.
func (p *Person) TryValue(ctx context.Context, value model.Secret) (model.Key, error) {
	if err := p.manages(); err != nil {
		return model.Key{}, err
	}
	key, err := p.accounts.keyOf(ctx, value)
	switch {
	case err != nil:
		return model.Key{}, err
	case key.UserID == p.who.UserID && (key.Disabled || p.accounts.expired(key)):
		return model.Key{}, keyIsOff(key)
	case key.UserID == p.who.UserID:
		return key, nil
	}
	session, err := p.accounts.signInWith(ctx, p.from, key, nil)
	if model.Is(err, model.KindDisabled) { // which is none of the person's business
		err = refused(model.KindWrongValue, model.ReasonDisabled, key.UserID)
	}
	if err != nil {
		return model.Key{}, err
	}
	// Nobody was given a token for it: should it stay, it opens nothing.
	err = p.accounts.store.DeleteAuthSession(context.WithoutCancel(ctx), session.UserID, session.ID)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		p.accounts.cfg.Log.WarnContext(ctx, "session of a trial not ended", "user", key.UserID, "reason", err)
	}
	return model.Key{UserID: key.UserID}, nil
}

// acting counts a key that is created or turned on. Each is recorded and kept for long.
func (p *Person) acting() error {
	_, _, wait := p.accounts.acts.takeHere(p.who.UserID)
	return tooMany(model.KindTooManyActs, wait)
}

// keyEvent is something that happened to a key. A key created for a device says for which.
func (p *Person) keyEvent(kind model.EventKind, id string) model.Event {
	e := p.event(kind)
	if e.KeyID = id; e.By != nil {
		e.By.KeyID = id
	}
	if kind == model.EventKeyMade {
		e.Detail = p.from.Pairing
	}
	return e
}

// checkName applies the rule of App Services for names, and keeps a value from becoming one: everybody may see a name, and where people
// have values of their own to bring they paste one into the wrong field.
func checkName(name string) error {
	if name == "" {
		return &model.Error{Kind: model.KindBadName, Reason: "'name' is a required string"}
	}
	for _, r := range name {
		if !model.InName(r) {
			return &model.Error{Kind: model.KindBadName, Reason: "can only contain ASCII letters, numbers, underscores, and hyphens"}
		}
	}
	if len(name) > model.MaxNameLength {
		return &model.Error{Kind: model.KindBadName, Reason: fmt.Sprintf("can be at most %d characters long", model.MaxNameLength)}
	}
	if isValue(name) && looksRandom(name) {
		return &model.Error{Kind: model.KindBadName, Reason: "must not look like a value: names are shown"}
	}
	return nil
}
