package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// maxSearched bounds, in bytes, what is looked for: it is more than any address has.
const maxSearched = 512

// actsListed is how many acts of operators are on a page.
const actsListed = 50

// Operating is an operator at work in the browser, or with a program that they are signed in with. They see facts and never become a
// person. Each act is in the person's activity, without where the operator was, which is among the acts of operators alone; both are saved
// with the act, which is not done when the operator is none any more.
type Operating struct {
	accounts *Accounts
	who      model.Account
	from     model.Origin
}

// Operator is what somebody who is signed in can do for others, or KindForbidden when they are no operator.
func (a *Accounts) Operator(ctx context.Context, who model.Account, from model.Origin) (*Operating, error) {
	if !model.ByPerson(who.Provider) {
		return nil, refuse(model.KindForbidden)
	}
	is, err := a.store.Operates(ctx, who.UserID)
	switch {
	case err != nil:
		return nil, unavailable("find operator", err)
	case !is:
		return nil, refuse(model.KindForbidden)
	}
	return &Operating{accounts: a, who: who, from: from}, nil
}

// actedBy says in an event that an operator in the browser brought it about, and in the act what the event is about; by is nil when
// none did.
func actedBy(e model.Event, by *model.OperatorAct) model.Event {
	if by == nil {
		return e
	}
	act := *by
	act.UserID = e.UserID
	act.KeyID, act.Detail = cmp.Or(e.KeyID, act.KeyID), cmp.Or(act.Detail, e.KeyName)
	e.By = &act
	if e.Detail != "" {
		e.Detail += ", "
	}
	e.Detail += model.DetailByOperator
	return e
}

// act is something that the operator does now. Each is kept for long, so that too many are refused.
func (o *Operating) act(what model.Act, detail string) (*model.OperatorAct, error) {
	if !o.from.Confirmed {
		return nil, refuse(model.KindConfirm)
	}
	return o.counted(what, detail)
}

func (o *Operating) counted(what model.Act, detail string) (*model.OperatorAct, error) {
	_, _, wait := o.accounts.acts.takeHere("operator " + o.who.UserID)
	if wait > 0 {
		return nil, tooMany(model.KindTooManyActs, wait)
	}
	now := o.accounts.cfg.Now()
	return &model.OperatorAct{
		ID: model.NewID(now), At: now, OperatorID: o.who.UserID, Act: what, Detail: detail, Address: o.from.Address, Agent: o.from.Agent,
	}, nil
}

// Search finds people by how what they sign in with begins, as it is typed or in small letters, by a whole address in any capitals, or by an
// id; all of them by "". People come in the order of what they were found by; after is where the page before has ended.
func (o *Operating) Search(ctx context.Context, text, after string) (model.UserPage, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxSearched || !utf8.ValidString(text) || strings.ContainsRune(text, 0) { // which nobody signs in with
		return model.UserPage{}, nil
	}
	page, err := newSearch(o.accounts.store, text).page(ctx, after)
	if err != nil {
		return model.UserPage{}, unavailable("find people", err)
	}
	return page, nil
}

// FindByValue says whose key has a value, which is an act of the operator, whatever comes of it.
func (o *Operating) FindByValue(ctx context.Context, pasted model.Secret) (out model.ValueOwner, err error) {
	value := model.ValueIn(pasted).Reveal()
	if !isValue(value) {
		return out, badValue("a value has 64 letters and digits")
	}
	act, err := o.counted(model.ActValueLookedUp, "")
	if err != nil {
		return out, err
	}
	out.Key, err = o.accounts.store.FindValue(ctx, hashValue(value), *act)
	err = o.accounts.settle(ctx, o.who.UserID, "find value", err, func(ctx context.Context) (bool, error) {
		last, err := o.accounts.store.Acts(ctx, act.ID+"0", 1) // the first id behind its own
		return len(last) == 1 && last[0].ID == act.ID, err
	})
	if err == nil && out.Key.ID == "" {
		err = model.ErrNotFound
	}
	if err != nil {
		return model.ValueOwner{}, missing(model.KindNotFound, "find value", err)
	}
	found, err := o.accounts.store.Person(ctx, out.Key.UserID)
	if errors.Is(err, model.ErrNotFound) {
		_, _, err = o.accounts.store.ServerKeyUser(ctx, out.Key.UserID)
		out.Server = err == nil
		return out, missing(model.KindNotFound, "find value", err)
	}
	out.User = factsOf(found)
	return out, missing(model.KindNotFound, "find value", err)
}

// User is one person with their keys and sessions, or KindSessionOver.
func (o *Operating) User(ctx context.Context, id string) (out model.UserDetail, err error) {
	if out.UserFacts, err = o.person(ctx, id); err != nil {
		return out, err
	}
	a := o.accounts
	keys, err := a.store.Keys(ctx, id)
	if err != nil {
		return out, unavailable("read keys", err)
	}
	out.KeyList = keys.List
	if out.Sessions, err = a.byOperatorFor(id).sessions(ctx); err != nil {
		return out, err
	}
	if out.NotBack, err = a.store.KeysNotBack(ctx, id); err != nil {
		return out, unavailable("count keys", err)
	}
	first, err := a.store.FirstEvent(ctx, id)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return out, unavailable("read activity", err)
	}
	out.Imported = first.Kind == model.EventAccountMade && first.Detail == DetailImported
	return out, nil
}

// person is one person, or KindSessionOver.
func (o *Operating) person(ctx context.Context, id string) (model.UserFacts, error) {
	if !model.IsID(id) {
		return model.UserFacts{}, refuse(model.KindSessionOver)
	}
	found, err := o.accounts.store.Person(ctx, id)
	if err != nil {
		return model.UserFacts{}, missing(model.KindSessionOver, "find person", err)
	}
	return factsOf(found), nil
}

// Events are a person's activity, or KindSessionOver.
func (o *Operating) Events(ctx context.Context, id string, q model.EventQuery) ([]model.Event, error) {
	if _, err := o.person(ctx, id); err != nil {
		return nil, err
	}
	events, err := o.accounts.store.Events(ctx, id, q)
	if err != nil {
		return nil, unavailable("read activity", err)
	}
	return events, nil
}

// TurnKeyOff turns a key of a person off.
func (o *Operating) TurnKeyOff(ctx context.Context, userID, keyID string) (out model.Switched, err error) {
	p, out, err := o.about(ctx, userID, model.ActKeyOff, "")
	if err != nil {
		return out, err
	}
	if !model.IsID(keyID) {
		return out, refuse(model.KindNotFound)
	}
	out.Key, err = o.accounts.store.APIKey(ctx, userID, keyID)
	if err == nil {
		p.by.Detail = out.Key.Name
		out.Changed, err = p.turnOff(ctx, out.Key)
	}
	return out, o.gone(ctx, userID, missing(model.KindNotFound, "turn key off", err))
}

// EndSession ends a session of a person, however it was opened.
func (o *Operating) EndSession(ctx context.Context, userID, sessionID string) (out model.Switched, err error) {
	p, out, err := o.about(ctx, userID, model.ActSessionEnded, "")
	if err != nil {
		return out, err
	}
	if !model.IsID(sessionID) {
		return out, nil
	}
	err = o.gone(ctx, userID, p.end(ctx, sessionID, ""))
	if model.Is(err, model.KindNotFound) { // it has ended already
		return out, nil
	}
	out.Changed = err == nil
	return out, err
}

// SignOutEverywhere ends all sessions of a person, those of their devices included, which sign in again with their keys.
func (o *Operating) SignOutEverywhere(ctx context.Context, userID string) (out model.Switched, err error) {
	p, out, err := o.about(ctx, userID, model.ActSignedOut, "")
	if err != nil {
		return out, err
	}
	ended := p.ended("")
	if err := p.endOthers(ctx, ended); err != nil {
		return out, err
	}
	if out.Changed, err = o.accounts.wrote(ctx, ended); err != nil {
		return out, unavailable("read activity", err)
	}
	return out, nil
}

// SwitchUser disables a person, which ends their sessions, or enables them.
func (o *Operating) SwitchUser(ctx context.Context, userID string, on bool) (out model.Switched, err error) {
	what, do := model.ActDisabled, o.accounts.disable
	if on {
		what, do = model.ActEnabled, o.accounts.enable
	}
	p, out, err := o.about(ctx, userID, what, "")
	switch {
	case err != nil:
		return out, err
	case userID == o.who.UserID && !on:
		return out, refuse(model.KindYourself)
	}
	now, changed, err := do(ctx, userID, p.by)
	if err != nil {
		return out, o.gone(ctx, userID, err)
	}
	out.User.DisabledAt, out.Changed = now.DisabledAt, changed
	return out, nil
}

// SendReset sends a person a link with which they choose a new password. The operator never has it. Their password goes on until then.
func (o *Operating) SendReset(ctx context.Context, userID string) (out model.Switched, err error) {
	p, out, err := o.about(ctx, userID, model.ActResetSent, "")
	switch {
	case err != nil:
		return out, err
	case out.User.Email == "":
		return out, &model.Error{Kind: model.KindBadPassword, Reason: "this account has no password"}
	case o.accounts.cfg.Mailer == nil || !mailable(out.User.Email):
		return out, refuse(model.KindNoEmail)
	}
	if err := o.accounts.countEmail(ctx, o.from, out.User.Email); err != nil {
		return out, err
	}
	_, _, err = o.accounts.resetPassword(ctx, userID, true, true, p.by)
	out.Changed = err == nil
	return out, o.gone(ctx, userID, err)
}

// about is a person whom an act is about, as the operator acts for them.
func (o *Operating) about(ctx context.Context, userID string, what model.Act, detail string) (p *Person, out model.Switched, err error) {
	by, err := o.act(what, detail)
	if err != nil {
		return nil, out, err
	}
	if out.User, err = o.person(ctx, userID); err != nil {
		return nil, out, err
	}
	p = o.accounts.byOperatorFor(userID)
	p.by = by
	return p, out, nil
}

// gone says of what was not found that the account is gone, if it is.
func (o *Operating) gone(ctx context.Context, userID string, err error) error {
	if !model.Is(err, model.KindNotFound) {
		return err
	}
	if _, failed := o.person(ctx, userID); failed != nil {
		return failed
	}
	return err
}

// Knocks are the devices that were refused and are not ignored, or those that are.
func (o *Operating) Knocks(ctx context.Context, ignored bool) ([]model.Knocked, error) {
	return o.accounts.Knocks(ctx, ignored)
}

// AssignKnock gives a device that was refused to a person, who is found as on the command line, or has it become a server key.
func (o *Operating) AssignKnock(ctx context.Context, knockID, person, name string) (model.Key, error) {
	act, err := o.act(model.ActKnockAssigned, "")
	if err != nil {
		return model.Key{}, err
	}
	a := o.accounts
	k, err := a.FindKnock(ctx, knockID)
	if errors.Is(err, ErrSeveralKnocks) { // of which none is meant
		err = refuse(model.KindNotFound)
	}
	if err != nil {
		return model.Key{}, err
	}
	if person == "" {
		return a.AdoptServerKey(ctx, Adoption{Name: name, Hash: k.ValueHash, Found: AdoptedFromKnock, By: act})
	}
	owner, err := a.FindPerson(ctx, person)
	if err != nil {
		_, ambiguous := errors.AsType[AmbiguousError](err)
		_, server := errors.AsType[ServerKeyError](err)
		if ambiguous || server || model.Is(err, model.KindNotFound) {
			err = refuse(model.KindSessionOver)
		}
		return model.Key{}, err
	}
	return a.adoptKnock(ctx, k, owner.ID, name, act)
}

// IgnoreKnock has a device that was refused not be listed any more.
func (o *Operating) IgnoreKnock(ctx context.Context, knockID string) (out model.Switched, err error) {
	act, err := o.act(model.ActKnockIgnored, "")
	if err != nil {
		return out, err
	}
	k, err := o.accounts.FindKnock(ctx, knockID)
	if err == nil {
		act.Detail = knockName(k)
		k, err = o.accounts.ignoreKnock(ctx, k.ID, *act)
	}
	if errors.Is(err, ErrSeveralKnocks) {
		err = refuse(model.KindNotFound)
	}
	out.Changed = err == nil && !k.Ignored
	return out, err
}

// knockName is what a device says that it is, or by which id it is listed.
func knockName(k model.Knock) string { return cmp.Or(k.Device.Name, k.Address) }

// ServerKeys are the keys that belong to no person.
func (o *Operating) ServerKeys(ctx context.Context) ([]model.Key, error) {
	return o.accounts.ServerKeys(ctx)
}

// CreateServerKey creates a key that belongs to no person, whose value is in this answer and nowhere else.
func (o *Operating) CreateServerKey(ctx context.Context, name string) (model.Key, model.Secret, error) {
	act, err := o.act(model.ActServerKeyMade, "")
	if err != nil {
		return model.Key{}, "", err
	}
	return o.accounts.addServerKey(ctx, name, act)
}

// TurnServerKeyOff turns a key off that belongs to no person.
func (o *Operating) TurnServerKeyOff(ctx context.Context, keyID string) (out model.Switched, err error) {
	act, err := o.act(model.ActServerKeyOff, "")
	if err != nil {
		return out, err
	}
	keys, err := o.accounts.ServerKeys(ctx)
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(keys, func(k model.Key) bool { return k.ID == keyID })
	if i < 0 {
		return out, refuse(model.KindNotFound)
	}
	act.Detail = keys[i].Name
	out.Key, err = o.accounts.setServerKey(ctx, keys[i].Name, false, act)
	out.Changed = err == nil && !out.Key.Disabled
	return out, err
}

// Webhooks are all webhooks, in the order of their ids.
func (o *Operating) Webhooks(ctx context.Context) ([]model.Webhook, error) {
	return o.accounts.Webhooks(ctx)
}

// Acts are what operators did, newest first: those before one, "" for the newest.
func (o *Operating) Acts(ctx context.Context, before string) (model.ActPage, error) {
	acts, err := o.accounts.store.Acts(ctx, before, actsListed+1)
	if err != nil {
		return model.ActPage{}, unavailable("list acts", err)
	}
	page := model.ActPage{List: acts}
	if len(acts) > actsListed {
		page.List = acts[:actsListed]
		page.More = page.List[actsListed-1].ID
	}
	return page, nil
}

// MakeOperator has a person who is named as for FindPerson look after the accounts of others in the browser, or no longer. Changed says
// whether it was otherwise before.
func (a *Accounts) MakeOperator(ctx context.Context, name string, is bool) (out Managed, changed bool, err error) {
	if out, err = a.FindPerson(ctx, name); err != nil {
		return out, false, err
	}
	changed, err = a.store.SetOperator(ctx, out.ID, is, a.cfg.Now())
	err = a.settle(ctx, out.ID, "set operator", err, func(ctx context.Context) (bool, error) {
		has, err := a.store.HasRole(ctx, out.ID)
		changed = true
		return has == is, err
	})
	if err == nil {
		out.Operator = is
	}
	return out, changed, missing(model.KindNotFound, "set operator", err)
}

// factsOf is what an operator sees of a person.
func factsOf(p store.FoundPerson) model.UserFacts {
	out := p.UserFacts
	for _, id := range p.Identities {
		switch id.Provider {
		case model.ProviderEmailPassword:
			if out.Email == "" {
				out.Email, out.Unconfirmed = id.Subject, id.Pending
			}
		case model.ProviderAnonymous: // has no name
			out.Ways = append(out.Ways, model.Way{ID: id.ID, Provider: id.Provider})
			continue
		default:
			out.Name = cmp.Or(out.Name, nameOf(id))
		}
		out.Ways = append(out.Ways, model.Way{ID: id.ID, Provider: id.Provider, Name: nameOf(id)})
	}
	if p.Passkeys {
		out.Ways = append(out.Ways, model.Way{Provider: model.ProviderPasskey})
	}
	return out
}
