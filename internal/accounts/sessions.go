package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"latchkey/internal/model"
)

// seenEvery is how often it is recorded that a session was heard of: renewing a token must not cost a write.
const seenEvery = 10 * time.Minute

// MaxListed is how many sessions are listed: clients read no more than 1 MB of an answer.
const MaxListed = 300

// Session is a session by its id, which may have expired. One that was ended is model.KindSessionOver: the row goes when the person
// signs out, when the account goes, and when the key that opened the session is turned off.
func (a *Accounts) Session(ctx context.Context, id string) (model.Session, error) {
	row, err := a.store.AuthSession(ctx, id)
	return row, missing(model.KindSessionOver, "read session", err)
}

// Ended says whether what ends at that time has ended. A clock that is behind does not prolong it.
func (a *Accounts) Ended(end time.Time) bool {
	return !a.cfg.Now().Before(end) || !a.store.Believed().Before(end)
}

// Doubts says whether a session that ends at that time has done so only if the clock is right, which has gone ahead a short time ago.
func (a *Accounts) Doubts(end time.Time) bool { return a.store.Doubts(end, a.cfg.Now()) }

// SawSession remembers, now and then, that a session was heard of, which was last seen at that time.
func (a *Accounts) SawSession(ctx context.Context, userID, id string, seen time.Time) {
	now := a.cfg.Now()
	if now.Sub(seen).Abs() < seenEvery {
		return
	}
	a.later(ctx, "last use of a session not recorded", userID, func(ctx context.Context) error {
		return a.store.SawAuthSession(ctx, id, now)
	})
}

// listWait is how long a person waits for their turn to read a list of sessions, of which the store may have to look at 2,100.
const listWait = 5 * time.Second

// Sessions says where the person is signed in: sessions of people before those of keys, newest first. A device may sign in all day
// and never out, and must not push people off the list.
func (p *Person) Sessions(ctx context.Context) (model.Sessions, error) {
	if err := p.manages(); err != nil {
		return model.Sessions{}, err
	}
	return p.sessions(ctx)
}

// sessions is Sessions without asking whether the person may.
func (p *Person) sessions(ctx context.Context) (model.Sessions, error) {
	waiting, cancel := context.WithTimeout(ctx, listWait)
	defer cancel()
	end, ok := p.accounts.lists.Begin(waiting, p.who.UserID, p.from.Address)
	if !ok {
		return model.Sessions{}, &model.Error{Kind: model.KindBusy, Doing: "read sessions", Wait: listWait}
	}
	defer end()
	rows, err := p.accounts.store.AuthSessions(ctx, p.who.UserID, p.accounts.cfg.Now())
	if err != nil {
		return model.Sessions{}, unavailable("read sessions", err)
	}
	slices.SortFunc(rows, func(a, b model.Session) int {
		return cmp.Or(
			cmp.Compare(min(len(a.KeyID), 1), min(len(b.KeyID), 1)),
			cmp.Compare(b.ID, a.ID))
	})
	return model.Sessions{List: rows[:min(len(rows), MaxListed)], More: len(rows) > MaxListed}, nil
}

// EndSession ends one session of the person. One that never was, has ended or is somebody else's is the same to them.
func (p *Person) EndSession(ctx context.Context, id string) error {
	if id == p.who.SessionID { // their own, however it was opened
		return p.end(ctx, id, model.EndedSignedOut)
	}
	if err := p.manages(); err != nil {
		return err
	}
	if !model.IsID(id) {
		return refuse(model.KindNotFound)
	}
	return p.end(ctx, id, model.EndedElsewhere)
}

// EndOthers ends all sessions of the person but the one that asks.
func (p *Person) EndOthers(ctx context.Context) error {
	if err := p.manages(); err != nil {
		return err
	}
	return p.endOthers(ctx, p.ended(model.EndedOthers))
}

// endOthers is EndOthers without asking whether the person may. The event tells of it.
func (p *Person) endOthers(ctx context.Context, ended model.Event) error {
	a := p.accounts
	_, err := a.store.DeleteOtherAuthSessions(ctx, p.who.UserID, p.who.SessionID, ended)
	err = p.settle(ctx, "delete sessions", err, func(ctx context.Context) (bool, error) {
		left, err := a.store.AuthSessions(ctx, p.who.UserID, time.Time{})
		if err != nil || !slices.ContainsFunc(left, func(s model.Session) bool { return s.ID != p.who.SessionID }) {
			return true, err
		}
		return a.wrote(ctx, ended) // or they are new ones
	})
	if err != nil {
		return unavailable("delete sessions", err)
	}
	return nil
}

// SignOut ends the session that asks, if it has not ended with the web session that held it, by which that is recorded.
func (p *Person) SignOut(ctx context.Context) error {
	_, err := p.accounts.store.AuthSession(ctx, p.who.SessionID) // which costs less than a write that finds nothing
	if err == nil {
		err = p.deleteSession(ctx, p.who.SessionID)
	}
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return unavailable("sign out", err)
	}
	return nil
}

// end records nothing of a device with a key, which comes and goes all day.
func (p *Person) end(ctx context.Context, id, how string) error {
	var events []model.Event
	if p.from.Actor != model.ActorDevice {
		events = []model.Event{p.ended(how)}
	}
	return missing(model.KindNotFound, "delete session", p.deleteSession(ctx, id, events...))
}

func (p *Person) deleteSession(ctx context.Context, id string, events ...model.Event) error {
	err := p.accounts.store.DeleteAuthSession(ctx, p.who.UserID, id, events...)
	return p.settle(ctx, "delete session", err, func(ctx context.Context) (bool, error) {
		_, err := p.accounts.store.AuthSession(ctx, id)
		return gone(err)
	})
}

func (p *Person) ended(how string) model.Event {
	e := p.event(model.EventSessionEnded)
	if p.by == nil { // who else says that it was they
		e.Detail = how
	}
	return e
}
