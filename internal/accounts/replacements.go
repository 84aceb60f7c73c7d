package accounts

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// nameTries is how often a name is looked for that nobody has taken meanwhile.
const nameTries = 3

// ReplaceKey creates a key that takes the place of another. What it gives is as of CreateKey.
func (p *Person) ReplaceKey(ctx context.Context, oldID string, how model.Replacing) (model.Created, error) {
	key, value, err := p.replaceKey(ctx, oldID, how)
	if p.from.Pairing != "" {
		if err != nil {
			return model.Created{}, err
		}
		return model.Created{Key: key, Value: value}, nil
	}
	return p.withKeys(ctx, key, value, err)
}

// replaceKey is newKey for a key that takes the place of another.
func (p *Person) replaceKey(ctx context.Context, oldID string, how model.Replacing) (key model.Key, value model.Secret, err error) {
	if err := p.manages(); err != nil {
		return key, "", err
	}
	if !model.IsID(oldID) {
		return key, "", refuse(model.KindNotFound)
	}
	if err := p.accounts.checkFinish(&how); err != nil {
		return key, "", err
	}
	named := how.Name != ""
	if named {
		if err := checkName(how.Name); err != nil {
			return key, "", err
		}
	}
	if how.NewKey, err = how.Cleaned(); err != nil {
		return key, "", err
	}
	if how.ExpiresAt, err = p.accounts.checkExpiry(how.ExpiresAt); err != nil {
		return key, "", err
	}
	if err := p.acting(); err != nil {
		return key, "", err
	}
	for range nameTries {
		if !named {
			if how.Name, err = p.successor(ctx, oldID); err != nil {
				return key, "", err
			}
		}
		key, value, err = p.tryReplace(ctx, oldID, how)
		if named || !errors.Is(err, model.ErrConflict) {
			break
		}
	}
	switch {
	case model.OutcomeOf(err) == model.Unclear:
		return key, value, err
	case err != nil:
		return model.Key{}, "", notReplaced("replace key", err)
	}
	p.tellOfKey(ctx, key.Name, value)
	return key, value, nil
}

// tryReplace asks the store once.
func (p *Person) tryReplace(ctx context.Context, oldID string, how model.Replacing) (model.Key, model.Secret, error) {
	a := p.accounts
	now := a.cfg.Now()
	key := model.Key{
		ID: model.NewID(now), UserID: p.who.UserID, Name: how.Name, CreatedAt: now,
		Card: model.Card{Label: how.Label, Note: how.Note}, ExpiresAt: how.ExpiresAt,
	}
	value := newValue()
	kinds := []model.EventKind{model.EventKeyMade, model.EventKeyShown}
	if p.from.Pairing != "" {
		kinds = kinds[:1]
	} else {
		key.Card.SavedHow = model.NotSaved
	}
	events := make([]model.Event, 0, len(kinds))
	for _, kind := range kinds {
		e := p.keyEvent(kind, key.ID)
		e.KeyName = key.Name
		events = append(events, e)
	}
	err := a.store.ReplaceAPIKey(ctx, key, hashValue(value), model.MaxKeys, p.from.Form, p.replacement(oldID, key, how, now), events...)
	err = p.settle(ctx, "replace key", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.APIKey(ctx, key.UserID, key.ID)
		return there(err)
	})
	return key, model.Secret(value), err
}

// replacement is what the store needs to know of one.
func (p *Person) replacement(oldID string, by model.Key, how model.Replacing, now time.Time) store.NewReplacement {
	replaced, parked := p.keyEvent(model.EventKeyReplaced, oldID), p.keyEvent(model.EventKeyParked, oldID)
	replaced.Detail = by.Name + model.HowFinished(how.Finish, how.Quiet)
	parked.Detail = "replaced by " + by.Name
	return store.NewReplacement{
		Replacement: model.Replacement{
			OldID: oldID, NewID: by.ID, NewName: by.Name, Finish: how.Finish, Quiet: how.Quiet, StartedAt: now,
		},
		Turn: p.accounts.turning(false), Replaced: replaced, Parked: parked,
	}
}

// successor is what the key is called that takes the place of another, among those that the person has now.
func (p *Person) successor(ctx context.Context, oldID string) (string, error) {
	keys, err := p.Keys(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(keys.List, func(k model.Key) bool { return k.ID == oldID })
	if i < 0 {
		return "", refuse(model.KindNotFound)
	}
	return model.Successor(keys.List[i], keys.List), nil
}

// checkFinish refuses what no replacement can wait for, and says for how long one waits that did not say so. A device with a token for
// another service may not be heard of for as long as that lasts: it is waited for longer.
func (a *Accounts) checkFinish(how *model.Replacing) error {
	if how.Finish != model.FinishOnEvidence {
		how.Quiet = 0
	}
	switch {
	case how.Finish == model.FinishNow, how.Finish == model.FinishByPerson:
		return nil
	case how.Finish != model.FinishOnEvidence:
		return &model.Error{Kind: model.KindNoReplacement, Reason: "finish must be evidence, now or person"}
	case how.Quiet != 0 && how.Quiet < model.LeastQuiet || how.Quiet > model.MostQuiet:
		return &model.Error{Kind: model.KindNoReplacement, Reason: "quiet must be from an hour to a week"}
	}
	how.Quiet = max(how.Quiet, model.LeastQuiet, a.turning(true).Quiet)
	return nil
}

// notReplaced puts into a refusal why a key was not replaced.
func notReplaced(doing string, err error) error {
	switch {
	case errors.Is(err, model.ErrReplacing):
		return refuse(model.KindReplacing)
	case errors.Is(err, model.ErrOff):
		return &model.Error{Kind: model.KindNoReplacement, Reason: "the old key is off: it can only be replaced now"}
	case errors.Is(err, model.ErrNotFound):
		return refuse(model.KindNotFound)
	default:
		return keyNotCreated(doing, err)
	}
}

// ReplaceKeyWith has a key of the person's that is there already take the place of another, and gives that one as it is afterwards.
func (p *Person) ReplaceKeyWith(ctx context.Context, oldID, newID string, how model.Replacing) (model.Key, error) {
	if err := p.manages(); err != nil {
		return model.Key{}, err
	}
	switch err := p.accounts.checkFinish(&how); {
	case err != nil:
		return model.Key{}, err
	case !model.IsID(oldID) || !model.IsID(newID):
		return model.Key{}, refuse(model.KindNotFound)
	case oldID == newID:
		return model.Key{}, &model.Error{Kind: model.KindNoReplacement, Reason: "a key cannot take its own place"}
	}
	if err := p.acting(); err != nil { // each is recorded
		return model.Key{}, err
	}
	by, err := p.Key(ctx, newID)
	if err != nil {
		return model.Key{}, err
	}
	a := p.accounts
	r := p.replacement(oldID, by, how, a.cfg.Now())
	err = p.settle(ctx, "replace key", a.store.ReplaceAPIKeyWith(ctx, p.who.UserID, r), func(ctx context.Context) (bool, error) {
		return a.wrote(ctx, r.Replaced)
	})
	if errors.Is(err, model.ErrConflict) {
		return model.Key{}, &model.Error{Kind: model.KindNoReplacement, Reason: "the new key is off, has expired, or is being replaced itself"}
	}
	if err != nil {
		return model.Key{}, notReplaced("replace key", err)
	}
	return p.changed(ctx, oldID)
}

// EndReplacement undoes the replacement of a key and gives the key as it is afterwards: if it was turned off for that, it is on again. One
// whose value leaked is not brought back by that.
func (p *Person) EndReplacement(ctx context.Context, oldID string) (model.Key, error) {
	was, err := p.Key(ctx, oldID)
	if err != nil {
		return model.Key{}, err
	}
	if was.Replaced.State == model.ReplacementParked {
		if err := p.acting(); err != nil {
			return model.Key{}, err
		}
	}
	a := p.accounts
	ended, back := p.keyEvent(model.EventReplacementEnded, oldID), p.keyEvent(model.EventKeyBroughtBack, oldID)
	err = a.store.EndReplacement(ctx, p.who.UserID, oldID, p.from.Confirmed, a.cfg.Now(), ended, back)
	err = p.settle(ctx, "end replacement", err, p.sees(oldID, func(key model.Key) bool {
		return !key.Replaced.Open() && key.Replaced.State != model.ReplacementParked
	}))
	switch {
	case errors.Is(err, model.ErrConflict):
		return model.Key{}, refuse(model.KindLeaked)
	case errors.Is(err, model.ErrOff):
		return model.Key{}, refuse(model.KindConfirm)
	case err != nil:
		return model.Key{}, missing(model.KindNotFound, "end replacement", err)
	}
	return p.changed(ctx, oldID)
}

// FinishReplacements turns the old keys off whose replacements are due by a time that has certainly come, and tells their owners. It is for
// each minute, on every node: the first that comes to one does it.
func (a *Accounts) FinishReplacements(ctx context.Context, by time.Time) error {
	due, err := a.store.DueReplacements(ctx, by)
	if err != nil {
		return err
	}
	var failed error
	for _, d := range due {
		if ctx.Err() != nil {
			break
		}
		if err := a.finishReplacement(ctx, d, by); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// byServer is where what this program does by itself comes from.
var byServer = model.Origin{Actor: model.ActorServer}

func (a *Accounts) finishReplacement(ctx context.Context, d store.DueReplacement, by time.Time) error {
	happened := a.event(byServer, model.EventKeyParked, d.UserID) // has its id now: a job may be run twice
	happened.KeyID = d.OldID
	f, parked, err := a.store.FinishReplacement(ctx, d, by, a.turning(false), func(f store.Finished) model.Event {
		happened.KeyName, happened.Detail = f.OldName, f.NewName+" was in use since "+since(f.NewUsedAt, happened.At)
		return happened
	})
	err = a.settle(ctx, d.UserID, "finish replacement", err, func(ctx context.Context) (bool, error) {
		parked, err = a.wrote(ctx, happened)
		return true, err
	})
	if err != nil && !errors.Is(err, model.ErrNotFound) { // another node was quicker
		return err
	}
	if parked {
		a.tell(ctx, byServer, parkedNotice, d.UserID, func(l Letters, to string, _ Circumstances) Email { return l.KeyParked(to, f) })
	}
	return nil
}

// since is a time as it is written behind "since", by the day only if that was another.
func since(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04 UTC")
	}
	return at.Format("2 January 2006, 15:04 UTC")
}
