package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"latchkey/internal/model"
)

// ByOperator is where an act of the operator comes from.
var ByOperator = model.Origin{Actor: model.ActorOperator}

// AdoptedFromFile is where the value of an adopted key was found, for the activity of its owner.
const AdoptedFromFile = "from a file"

// Adoption is a key to be, whose value a device has already.
type Adoption struct {
	UserID, Name string
	Hash         [sha256.Size]byte  // of the value
	Found        string             // where the value was, in words for the activity; ""
	By           *model.OperatorAct // of an operator in the browser; nil
}

// Adopt gives a value that was created elsewhere to somebody, as a new key of theirs, and forgets the knock that it came with, all of it at
// once. The caller has made sure of the value, or takes the operator's word for it, and tells the owner by TellAdopted or TellOwners.
//
// Of KindOwnValue the key is the owner's who has the value already. Nobody is told whose a value is that is of KindValueTaken.
func (a *Accounts) Adopt(ctx context.Context, from model.Origin, ad Adoption) (model.Key, error) {
	if err := checkName(ad.Name); err != nil {
		return model.Key{}, err
	}
	now := a.cfg.Now()
	key := model.Key{ID: model.NewID(now), UserID: ad.UserID, Name: ad.Name, CreatedAt: now, Origin: model.OriginAdopted}
	e := a.event(from, model.EventKeyAdopted, ad.UserID)
	e.KeyID, e.KeyName, e.Detail = key.ID, key.Name, ad.Found
	e = actedBy(e, ad.By)
	err := a.store.CreateAPIKeyOnce(ctx, key, ad.Hash, model.MaxKeys, from.Form, e)
	err = a.settle(ctx, ad.UserID, "adopt key", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.APIKey(ctx, key.UserID, key.ID)
		return there(err)
	})
	if errors.Is(err, model.ErrTaken) {
		return a.haver(ctx, ad)
	}
	if err != nil {
		return model.Key{}, keyNotCreated("adopt key", err)
	}
	return key, nil
}

// AdoptKey takes over the value that a device of the person's has, as they pasted it, where the operator leaves that to them. The first who
// brings a value has it. Beside KindOwnValue it gives the key of theirs that has it.
func (p *Person) AdoptKey(ctx context.Context, name string, pasted model.Secret) (model.Key, error) {
	if err := p.manages(); err != nil {
		return model.Key{}, err
	}
	a := p.accounts
	if !a.cfg.OwnersAdopt {
		return model.Key{}, refuse(model.KindNotOffered)
	}
	value := model.ValueIn(pasted)
	if err := adoptable(value.Reveal()); err != nil {
		return model.Key{}, err
	}
	if err := checkName(name); err != nil {
		return model.Key{}, err
	}
	if _, _, wait := a.adoptions.takeHere(p.who.UserID); wait > 0 {
		return model.Key{}, tooMany(model.KindTooManyTries, wait)
	}
	key, err := a.Adopt(ctx, p.from, Adoption{UserID: p.who.UserID, Name: name, Hash: hashValue(value.Reveal())})
	if err == nil {
		a.TellAdopted(ctx, p.from, p.who.UserID, key.Name)
	}
	return key, err
}

// haver refuses an adoption because of the key that has the value.
func (a *Accounts) haver(ctx context.Context, ad Adoption) (model.Key, error) {
	key, err := a.store.APIKeyByValueHash(ctx, ad.Hash)
	switch {
	case errors.Is(err, model.ErrNotFound): // deleted meanwhile
		return model.Key{}, &model.Error{Kind: model.KindStorageDown, Doing: "adopt key", Err: model.ErrTaken}
	case err != nil:
		return model.Key{}, unavailable("adopt key", err)
	case key.UserID != ad.UserID:
		return model.Key{}, refuse(model.KindValueTaken)
	default:
		return key, &model.Error{Kind: model.KindOwnValue, KeyID: key.ID, Reason: "you have this key: " + key.Name}
	}
}

// keyNotCreated is the refusal of the store to create a key, as the person is told.
func keyNotCreated(doing string, err error) error {
	switch {
	case errors.Is(err, model.ErrLimit):
		return &model.Error{Kind: model.KindKeyLimit, Reason: fmt.Sprintf(
			"a user can have at most %d API keys, including those turned off: delete one to make room", model.MaxKeys)}
	case errors.Is(err, model.ErrConflict):
		return refuse(model.KindNameTaken)
	case errors.Is(err, model.ErrRepeated):
		return refuse(model.KindFormUsed)
	case errors.Is(err, model.ErrNotFound):
		return refuse(model.KindSessionOver)
	default:
		return unavailable(doing, err)
	}
}

// TellAdopted sends the owner of keys that were adopted one email about all of them, which no answer waits for.
func (a *Accounts) TellAdopted(ctx context.Context, from model.Origin, userID string, names ...string) {
	byOperator := from.Actor == model.ActorOperator
	a.tell(ctx, from, keyNotice, userID, func(l Letters, to string, c Circumstances) Email { return l.KeyAdopted(to, names, byOperator, c) })
}

const (
	// fullPause is for how long nothing is sent when the queue of emails is full, and fullPatience how often that is put up with in a run.
	fullPause    = time.Second
	fullPatience = 600
)

// TellOwners is TellAdopted about keys that the operator adopted, by owner, and returns when all emails are on their way: a command ends
// then. It waits while the queue of emails is full. It says how many owners were sent one, and how many were not who have an address.
func (a *Accounts) TellOwners(ctx context.Context, adopted map[string][]string) (told, untold int) {
	if a.cfg.Mailer == nil {
		return 0, 0
	}
	patience := fullPatience
	for _, userID := range slices.Sorted(maps.Keys(adopted)) {
		has, err := a.tellOwner(ctx, userID, adopted[userID], &patience)
		switch {
		case err != nil:
			a.cfg.Log.WarnContext(ctx, "notice email not sent", "user", userID, "reason", err)
			untold++
		case has:
			told++
		}
	}
	return told, untold
}

func (a *Accounts) tellOwner(ctx context.Context, userID string, names []string, patience *int) (has bool, err error) {
	wait, err := a.notices.Take(ctx, keyNotice+" "+userID)
	if err == nil && wait > 0 {
		err = errTooManyNotices
	}
	if err != nil {
		return false, err
	}
	c := a.circumstances(ByOperator)
	for {
		has, err = a.send(ctx, userID, "", func(l Letters, to string) Email { return l.KeyAdopted(to, names, true, c) })
		if !errors.Is(err, ErrQueueFull) || *patience == 0 || !a.pause(ctx) {
			return has, err
		}
		*patience--
	}
}

var errTooManyNotices = errors.New("too many notices within the hour")

// pause waits a moment, or until nobody waits any more.
func (a *Accounts) pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(a.fullPause):
		return true
	}
}

// CanAdopt says what stands in the way of an Adopt, if anything besides the room, and how many keys the owner has.
func (a *Accounts) CanAdopt(ctx context.Context, ad Adoption) (keys int, err error) {
	if err := checkName(ad.Name); err != nil {
		return 0, err
	}
	has, err := a.store.APIKeys(ctx, ad.UserID)
	if err != nil {
		return 0, unavailable("read keys", err)
	}
	switch _, err := a.store.APIKeyByValueHash(ctx, ad.Hash); {
	case err == nil:
		_, err = a.haver(ctx, ad)
		return len(has), err
	case !errors.Is(err, model.ErrNotFound):
		return 0, unavailable("find key", err)
	case slices.ContainsFunc(has, func(k model.Key) bool { return k.Name == ad.Name }):
		return len(has), refuse(model.KindNameTaken)
	}
	return len(has), nil
}

// AdoptableHash is the SHA-256 by which a value is adopted that stands in a file, or a refusal that says why no key can have it.
func AdoptableHash(written model.Secret) ([sha256.Size]byte, error) {
	value := model.ValueIn(written).Reveal()
	return hashValue(value), adoptable(value)
}
