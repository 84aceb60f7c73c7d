package accounts

import (
	"context"
	"errors"
	"slices"

	"latchkey/internal/model"
)

// KeysOf are the keys of a person that an operator names as for FindPerson, with their usage, in the order of their creation. A server
// key is switched and deleted with its user, which has no other.
func (a *Accounts) KeysOf(ctx context.Context, name string) (Managed, []model.Key, error) {
	of, err := a.FindPerson(ctx, name)
	if err != nil {
		return of, nil, err
	}
	keys, err := a.store.Keys(ctx, of.ID)
	if err != nil {
		return of, nil, unavailable("list keys", err)
	}
	return of, keys.List, nil
}

// FindKey is the key of an account that has the id, or else the name.
func (a *Accounts) FindKey(ctx context.Context, name, key string) (Managed, model.Key, error) {
	of, keys, err := a.KeysOf(ctx, name)
	if err != nil {
		return of, model.Key{}, err
	}
	i := slices.IndexFunc(keys, func(k model.Key) bool { return k.ID == key })
	if i < 0 {
		i = slices.IndexFunc(keys, func(k model.Key) bool { return k.Name == key })
	}
	if i < 0 {
		return of, model.Key{}, ErrNoSuchKey
	}
	return of, keys[i], nil
}

// ErrNoSuchKey says that an account has no key of that id or name.
var ErrNoSuchKey = errors.New("there is no such key")

// TurnKeyOf turns a key of an account on or off, and gives it as it was. The owner gets an email about one that is turned off.
func (a *Accounts) TurnKeyOf(ctx context.Context, name, key string, on bool) (Managed, model.Key, error) {
	of, found, err := a.FindKey(ctx, name, key)
	switch {
	case err != nil:
	case on:
		_, err = a.byOperatorFor(of.ID).turn(ctx, found.ID, true, false)
	default:
		_, err = a.byOperatorFor(of.ID).turnOff(ctx, found)
	}
	return of, found, err
}

// turnOff turns a key off for an operator, and says whether it was not so already.
func (p *Person) turnOff(ctx context.Context, key model.Key) (changed bool, err error) {
	a, e := p.accounts, p.keyEvent(model.EventKeyTurnedOff, key.ID)
	if _, err := p.turnAs(ctx, e, false, false); err != nil {
		return false, err
	}
	if changed, err = a.wrote(ctx, e); err != nil {
		return false, unavailable("read activity", err)
	}
	if changed {
		words := model.WordsOf(key.Usage.Fingerprint)
		a.tell(ctx, p.from, keyOffNotice, p.who.UserID, func(l Letters, to string, c Circumstances) Email {
			return l.KeyTurnedOff(to, key.Name, words, c)
		})
	}
	return changed, nil
}

// DeleteKeyOf deletes a key of an account for good, and gives it as it was.
func (a *Accounts) DeleteKeyOf(ctx context.Context, name, key string) (Managed, model.Key, error) {
	of, found, err := a.FindKey(ctx, name, key)
	if err == nil {
		_, err = a.byOperatorFor(of.ID).remove(ctx, found.ID)
	}
	return of, found, err
}

// byOperatorFor is the owner of an account when it is the operator who acts.
func (a *Accounts) byOperatorFor(userID string) *Person {
	return &Person{accounts: a, who: model.Account{UserID: userID}, from: ByOperator}
}
