package upstream

import (
	"context"
	"slices"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

// lookTimeout bounds a look at what became of an act whose answer got lost. The act has used up its own time.
const lookTimeout = 10 * time.Second

// Person is somebody who is signed in there.
type Person struct {
	s       *Service
	account model.Account
	from    model.Origin
	session *client.Session
	keys    *client.APIKeys
}

// As is how somebody who is signed in reaches what is theirs.
func (s *Service) As(a model.Account, from model.Origin) *Person {
	session := s.client.Resume(a.UserID, client.Secret(a.Token.Reveal()))
	return &Person{s, a, from, session, session.APIKeys()}
}

// event is something that this person did about a key.
func (p *Person) event(kind model.EventKind, key model.Key) model.Event {
	return model.Event{UserID: p.account.UserID, Kind: kind, KeyID: key.ID, KeyName: key.Name, Elsewhere: true}
}

// keyOf is a key as the other server tells of it. Its id says when it was created.
func (p *Person) keyOf(k client.APIKey) model.Key {
	return model.Key{ID: k.ID, UserID: p.account.UserID, Name: k.Name, Disabled: k.Disabled, CreatedAt: k.CreatedAt()}
}

// Keys asks for the keys and, beside it, for their usage. Usage that fails, is slow or does not exist never keeps a key from being
// shown.
func (p *Person) Keys(ctx context.Context) (model.Keys, error) {
	usage := p.askUsage(ctx)
	list, err := patiently(p, func() ([]client.APIKey, error) { return p.keys.FetchAll(ctx) })
	if err != nil {
		return model.Keys{}, failed(err)
	}
	kept := p.readCards(ctx)
	p.followAll(ctx, kept, list)
	p.keepCards(ctx, list, kept)
	return p.merge(list, usage(), kept), nil
}

// merge puts to the keys what is known of their usage and what is kept of them.
func (p *Person) merge(list []client.APIKey, u usage, kept cards) model.Keys {
	keys := model.Keys{List: make([]model.Key, len(list)), Usage: u.known}
	for i, k := range list {
		keys.List[i] = kept.of(u.of(p.keyOf(k)))
	}
	return keys
}

// AdoptKey is not offered: the other server has no call for it that this program knows.
func (p *Person) AdoptKey(context.Context, string, model.Secret) (model.Key, error) {
	return model.Key{}, &model.Error{Kind: model.KindNotOffered}
}

// Key asks for one key, and for its usage beside it.
func (p *Person) Key(ctx context.Context, id string) (model.Key, error) {
	usage := p.askUsage(ctx)
	k, err := p.fetch(ctx, id)
	if err != nil {
		return model.Key{}, failed(err)
	}
	return p.readCards(ctx).of(usage().of(k)), nil
}

func (p *Person) fetch(ctx context.Context, id string) (model.Key, error) {
	k, err := patiently(p, func() (client.APIKey, error) { return p.keys.Fetch(ctx, id) })
	return p.keyOf(k), err
}

// CreateKey reads the keys as they are before, without which nobody could say what came of a create whose answer got lost, and then
// creates the key. A key for a device is created without: its page compares by itself.
func (p *Person) CreateKey(ctx context.Context, k model.NewKey) (model.Created, error) {
	if err := model.CheckExpiry(k.ExpiresAt, p.s.now()); err != nil {
		return p.besides(ctx, err)
	}
	if p.from.Pairing != "" {
		return p.create(ctx, k)
	}
	before, err := patiently(p, func() ([]client.APIKey, error) { return p.keys.FetchAll(ctx) })
	if err != nil {
		err = failedBefore(err)
		return model.Created{Unread: err}, err
	}
	created, err := p.create(ctx, k)
	if err != nil && model.OutcomeOf(err) != model.NotDone {
		created.Keys, created.Found, created.Unread = p.findLost(ctx, k.Name, before)
		return created, err
	}
	if err == nil {
		before = append(before, client.APIKey{ID: created.Key.ID, Name: created.Key.Name})
		p.record(ctx, p.event(model.EventKeyShown, created.Key))
	}
	created.Keys = p.merge(before, p.askUsage(ctx)(), p.readCards(ctx))
	return created, err
}

// besides gives the keys beside the refusal of a new one.
func (p *Person) besides(ctx context.Context, err error) (created model.Created, _ error) {
	if p.from.Pairing == "" {
		created.Keys, created.Unread = p.Keys(ctx)
	}
	return created, err
}

// create asks once and never again.
func (p *Person) create(ctx context.Context, wanted model.NewKey) (created model.Created, err error) {
	wanted.ExpiresAt = wanted.ExpiresAt.Truncate(time.Second)
	if err := model.CheckExpiry(wanted.ExpiresAt, p.s.now()); err != nil {
		return created, err
	}
	if wanted, err = wanted.Cleaned(); err != nil {
		return created, err
	}
	k, err := patiently(p, func() (client.CreatedKey, error) { return p.keys.Create(ctx, wanted.Name) })
	switch {
	case client.IsInvalidName(err):
		bad := refused(model.KindBadName, err)
		if why := client.ValidName(wanted.Name); why != nil { // the client did not ask
			bad.Reason = why.Error()
		}
		return created, bad
	case client.IsNameInUse(err):
		return created, refused(model.KindNameTaken, err)
	case client.IsKeyLimit(err):
		return created, refused(model.KindKeyLimit, err)
	case err != nil:
		return created, failed(err)
	}
	created.Key, created.Value = p.keyOf(k.APIKey), model.Secret(k.Value.Reveal())
	p.keep(ctx, wanted, &created)
	made := p.event(model.EventKeyMade, created.Key)
	made.Detail = p.from.Pairing
	p.record(ctx, made)
	p.tell(ctx, created.Key.Name, model.WordsOf(model.FingerprintOf(created.Value)))
	return created, nil
}

// tell sends the person an email about a new key. The key is there: that none could be sent is for the log.
func (p *Person) tell(ctx context.Context, key string, words model.Words) {
	if p.s.notices == nil {
		return
	}
	err := p.s.notices.KeyCreated(context.WithoutCancel(ctx), p.account.Email, key, words, p.s.now(), p.from)
	if err != nil {
		p.s.log.WarnContext(ctx, "notice not sent", "user", p.account.UserID, "cause", err)
	}
}

// findLost compares the keys before and after a create whose answer got lost: the list knows, and nothing else does.
func (p *Person) findLost(ctx context.Context, name string, before []client.APIKey) (model.Keys, []model.Key, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	keys, err := p.Keys(ctx)
	if err != nil {
		return keys, nil, err
	}
	there := func(id string) bool {
		return slices.ContainsFunc(before, func(k client.APIKey) bool { return k.ID == id })
	}
	found := slices.DeleteFunc(slices.Clone(keys.List), func(k model.Key) bool { return k.Name != name || there(k.ID) })
	return keys, found, nil
}

// TurnKey turns a key on or off and then looks, whatever the answer was: what the other server says of the key afterwards counts.
func (p *Person) TurnKey(ctx context.Context, id string, on bool) (model.Key, error) {
	if on {
		if err := p.mayTurnOn(ctx, id); err != nil {
			return model.Key{}, err
		}
	}
	key, kept, err := p.turn(ctx, id, on)
	if err == nil {
		p.recordTurned(ctx, key, on)
		p.followOne(ctx, kept, id, seen{there: true, off: !on})
		key.Replaced = kept[id].Replaced
	}
	return key, err
}

// turn is TurnKey without writing it down. It gives what is kept of all keys too.
func (p *Person) turn(ctx context.Context, id string, on bool) (model.Key, cards, error) {
	turn := p.keys.Disable
	if on {
		turn = p.keys.Enable
	}
	_, err := patiently(p, func() (struct{}, error) { return struct{}{}, turn(ctx, id) })
	lost := failed(err)
	if err != nil && model.OutcomeOf(lost) == model.NotDone {
		return model.Key{}, nil, lost
	}
	usage := p.askUsage(ctx)
	key, err := p.fetch(ctx, id)
	switch {
	case client.IsNotFound(err):
		return model.Key{}, nil, failed(err)
	case err != nil:
		err = failed(err)
		err.(*model.Error).Outcome = model.Unclear //nolint:errorlint // failed makes no other
		return model.Key{}, nil, err
	case lost != nil && key.Disabled == on: // the answer got lost, and so did the request
		lost.(*model.Error).Outcome = model.FoundUndone //nolint:errorlint // failed makes no other
		return p.readCards(ctx).of(usage().of(key)), nil, lost
	}
	kept := p.readCards(ctx)
	return kept.of(usage().of(key)), kept, nil
}

// sameAct is for how long one act more of the same kind on the same key is taken for a repetition: a double click, two tabs.
const sameAct = 10 * time.Second

// recordTurned records what became of a key. The other server does not tell whether it changed anything, so it is written once,
// however often it was asked for at the same time.
func (p *Person) recordTurned(ctx context.Context, key model.Key, on bool) {
	kind := model.EventKeyTurnedOff
	if on {
		kind = model.EventKeyTurnedOn
	}
	p.s.turning.Lock()
	defer p.s.turning.Unlock()
	last, err := p.s.events.Events(ctx, p.account.UserID, model.EventQuery{
		Kinds: []model.EventKind{model.EventKeyTurnedOn, model.EventKeyTurnedOff, model.EventKeyLeaked}, KeyID: key.ID, Limit: 1,
	})
	if err == nil && len(last) == 1 && last[0].Kind == kind && p.s.now().Sub(last[0].At).Abs() < sameAct {
		return
	}
	e := p.event(kind, key)
	if on && !key.Card.LeakedAt.IsZero() {
		e.Detail = model.DetailLeaked
		p.tellOfLeak(ctx, key, LeakedTurnedOn)
	}
	p.record(ctx, e)
}

// DeleteKey deletes a key for good, and looks when the answer got lost.
func (p *Person) DeleteKey(ctx context.Context, id string) (model.Key, error) {
	key, err := p.fetch(ctx, id)
	if err != nil {
		return model.Key{}, failedBefore(err)
	}
	_, err = patiently(p, func() (struct{}, error) { return struct{}{}, p.keys.Delete(ctx, id) })
	switch lost := failed(err); {
	case client.IsNotFound(err): // somebody was quicker, and has it in their list
		return key, nil
	case err == nil:
	case model.OutcomeOf(lost) == model.NotDone:
		return model.Key{}, lost
	default:
		_, look := p.fetch(ctx, id)
		if look == nil {
			lost.(*model.Error).Outcome = model.FoundUndone //nolint:errorlint // failed makes no other
		}
		if !client.IsNotFound(look) {
			return key, lost
		}
	}
	kept := p.readCards(ctx)
	p.forget(ctx, key.ID)
	p.record(ctx, p.event(model.EventKeyDeleted, key))
	p.followOne(ctx, kept, key.ID, seen{})
	return key, nil
}

func (p *Person) record(ctx context.Context, e model.Event) { p.s.record(ctx, e, p.from) }
