package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"latchkey/internal/model"
)

// ServerKeys are the keys that belong to no person, with their usage, in the order of their creation.
func (a *Accounts) ServerKeys(ctx context.Context) ([]model.Key, error) {
	keys, err := a.store.ServerKeys(ctx)
	if err != nil {
		return nil, unavailable("list server keys", err)
	}
	return keys, nil
}

// AddServerKey creates a key that belongs to no person. Its answer is the only place where the value ever is.
func (a *Accounts) AddServerKey(ctx context.Context, name string) (model.Key, model.Secret, error) {
	return a.addServerKey(ctx, name, nil)
}

func (a *Accounts) addServerKey(ctx context.Context, name string, by *model.OperatorAct) (model.Key, model.Secret, error) {
	value := newValue()
	key, err := a.createServerKey(ctx, model.Key{Name: name}, hashValue(value), model.EventKeyMade, "", by)
	if err != nil {
		return model.Key{}, "", err
	}
	return key, model.Secret(value), nil
}

// createServerKey adds a server key of the name and origin that k has.
func (a *Accounts) createServerKey(
	ctx context.Context, k model.Key, valueHash [32]byte, what model.EventKind, how string, by *model.OperatorAct,
) (model.Key, error) {
	if err := checkName(k.Name); err != nil {
		return model.Key{}, err
	}
	now := a.cfg.Now()
	k.UserID, k.ID, k.CreatedAt = model.NewID(now), model.NewID(now), now
	e := a.byOperator(what, k.UserID)
	e.KeyID, e.KeyName, e.Detail = k.ID, k.Name, how
	e = actedOnServerKey(e, by)
	err := a.settleUser(ctx, "create server key", a.store.CreateServerKey(ctx, k, valueHash, model.MaxServerKeys, e), k.UserID)
	switch {
	case errors.Is(err, model.ErrLimit):
		return model.Key{}, &model.Error{Kind: model.KindKeyLimit, Reason: fmt.Sprintf(
			"there can be at most %d server keys, including those turned off: delete one to make room", model.MaxServerKeys)}
	case errors.Is(err, model.ErrConflict):
		return model.Key{}, refuse(model.KindNameTaken)
	case errors.Is(err, model.ErrTaken):
		return model.Key{}, refuse(model.KindValueTaken)
	case err != nil:
		return model.Key{}, unavailable("create server key", err)
	}
	return k, nil
}

// actedOnServerKey is actedBy for what is about nobody: the user whom a server key has in the database is no person.
func actedOnServerKey(e model.Event, by *model.OperatorAct) model.Event {
	if e = actedBy(e, by); e.By != nil {
		e.By.UserID = ""
	}
	return e
}

// AdoptServerKey is Adopt for a server key, whose user is created with it. Of KindOwnValue the server key of that name has the value
// already.
func (a *Accounts) AdoptServerKey(ctx context.Context, ad Adoption) (model.Key, error) {
	key, err := a.createServerKey(ctx, model.Key{Name: ad.Name, Origin: model.OriginAdopted}, ad.Hash, model.EventKeyAdopted, ad.Found, ad.By)
	if !model.Is(err, model.KindNameTaken) && !model.Is(err, model.KindValueTaken) {
		return key, err
	}
	if _, found := a.CanAdoptServerKey(ctx, ad); found != nil { // says by which
		err = found
	}
	return key, err
}

// CanAdoptServerKey says what stands in the way of an AdoptServerKey, if anything besides the room, and how many server keys there are.
func (a *Accounts) CanAdoptServerKey(ctx context.Context, ad Adoption) (keys int, err error) {
	if err := checkName(ad.Name); err != nil {
		return 0, err
	}
	all, err := a.ServerKeys(ctx)
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(all, func(k model.Key) bool { return k.Name == ad.Name })
	switch has, err := a.store.APIKeyByValueHash(ctx, ad.Hash); {
	case err == nil && at >= 0 && has.ID == all[at].ID:
		return len(all), &model.Error{Kind: model.KindOwnValue, KeyID: has.ID, Reason: "the server key " + has.Name + " has this value"}
	case err == nil:
		return len(all), refuse(model.KindValueTaken)
	case !errors.Is(err, model.ErrNotFound):
		return 0, unavailable("find key", err)
	case at >= 0:
		return len(all), refuse(model.KindNameTaken)
	}
	return len(all), nil
}

// ServerKey is the server key of a name, with its usage.
func (a *Accounts) ServerKey(ctx context.Context, name string) (model.Key, error) {
	key, err := a.store.ServerKey(ctx, name)
	return key, missing(model.KindNotFound, "find server key", err)
}

// SetServerKey turns a server key on or off, which ends the sessions that it opened. It gives the key as it was.
func (a *Accounts) SetServerKey(ctx context.Context, name string, on bool) (was model.Key, err error) {
	return a.setServerKey(ctx, name, on, nil)
}

func (a *Accounts) setServerKey(ctx context.Context, name string, on bool, by *model.OperatorAct) (was model.Key, err error) {
	if was, err = a.ServerKey(ctx, name); err != nil {
		return was, err
	}
	e := a.byOperator(model.EventKeyTurnedOff, was.UserID)
	if on {
		e.Kind = model.EventKeyTurnedOn
	}
	e.KeyID = was.ID
	e = actedOnServerKey(e, by)
	err = a.store.SetAPIKeyDisabled(ctx, was.UserID, was.ID, a.turning(on), e)
	err = a.settle(ctx, was.UserID, "switch server key", err, func(ctx context.Context) (bool, error) {
		now, err := a.store.APIKey(ctx, was.UserID, was.ID)
		if errors.Is(err, model.ErrNotFound) {
			return false, refuse(model.KindNotFound)
		}
		return now.Disabled == !on, err
	})
	return was, missing(model.KindNotFound, "switch server key", err)
}

// DeleteServerKey deletes a server key for good, with its sessions and activity, and gives it as it was.
func (a *Accounts) DeleteServerKey(ctx context.Context, name string) (was model.Key, err error) {
	if was, err = a.ServerKey(ctx, name); err != nil {
		return was, err
	}
	return was, missing(model.KindNotFound, "delete server key", a.deleteUser(ctx, was.UserID))
}

// ServerKeyError says that a user is no person but a server key, which is managed by its name.
type ServerKeyError struct{ UserID, Name string }

func (e ServerKeyError) Error() string {
	return fmt.Sprintf("user %s is the server key %q", e.UserID, e.Name)
}

// FindPerson is Find for what is about people alone. It answers a ServerKeyError for the user of a server key.
func (a *Accounts) FindPerson(ctx context.Context, name string) (Managed, error) {
	found, err := a.Find(ctx, name)
	if err == nil && found.ServerKey != "" {
		err = ServerKeyError{found.ID, found.ServerKey}
	}
	return found, err
}
