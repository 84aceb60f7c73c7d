package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func replacements() []contract {
	return []contract{
		{"a key takes the place of another, and has its label and its note", proveReplacing},
		{"a replacement that is to be now turns the old key off with all that it opened", proveReplacingNow},
		{"what cannot be replaced is refused, and leaves nothing behind", proveRefusedReplacements},
		{"the first use of the new key is when it was in use since, and no use after that costs more", proveNewUse},
		{"an old key that was quiet for long enough is turned off once, however many look", proveParking},
		{"a new key that has expired takes no place, and leaves the old key as it is", proveExpiredReplacement},
		{"an old key that is seen after the new one is left to its owner", proveBothInUse},
		{"a new key that is turned off or deleted undoes what waits for it, and leaves the old key as it is", proveUndoneByNew},
		{"an old key that is turned off is replaced, and one that is turned on again is not", proveTurnedByHand},
		{"a replacement is undone, and the key that it has turned off is on again", proveEnding},
		{"a key that was used before takes the place of another when it is used again", proveReplacingWith},
		{"silence tells nothing while nobody can be seen", proveNobodySeen},
		{"what a clock has dated that was ahead is waited for from now on", proveReplacementFromFuture},
		{"of many replacements of a key at once there is one", proveReplacedOnce},
		{"a new key that is deleted while it takes a place leaves none waiting for it", proveReplacedBesideDelete},
		{"replacements go with their key and with its owner", proveReplacementsGo},
	}
}

// replaced is a key that another takes the place of.
type replaced struct {
	old, new model.Key
	r        store.NewReplacement
}

// newReplacement is one of a key by another that its owner may have already.
func newReplacement(old, by model.Key, finish model.Finish) store.NewReplacement {
	event := func(kind model.EventKind) model.Event {
		e := newEvent(old.UserID, kind)
		e.KeyID = old.ID
		return e
	}
	r := store.NewReplacement{
		Replacement: model.Replacement{OldID: old.ID, NewID: by.ID, NewName: by.Name, Finish: finish, StartedAt: base},
		Turn:        turnedOff, Replaced: event(model.EventKeyReplaced), Parked: event(model.EventKeyParked),
	}
	if finish == model.FinishOnEvidence {
		r.Quiet = time.Hour
	}
	return r
}

// replace creates a user with a key, and another that takes its place.
func replace(t *testing.T, s *store.Store, finish model.Finish) replaced {
	t.Helper()
	u := addUser(t, s)
	old, _ := addKey(t, s, u.ID, "garage-pi")
	want(t, s.LabelKey(t.Context(), u.ID, old.ID, "Garage Pi", "behind the lamp"), nil)
	by, hash := newKey(u.ID, "garage-pi-2")
	by.Card.SavedHow = model.NotSaved
	r := newReplacement(old, by, finish)
	want(t, s.ReplaceAPIKey(t.Context(), by, hash, 20, "", r, newEvent(u.ID, model.EventKeyMade)), nil)
	return replaced{old, by, r}
}

// look gives the old key as it is now.
func (r replaced) look(t *testing.T, s *store.Store) model.Key {
	t.Helper()
	k, err := s.APIKey(t.Context(), r.old.UserID, r.old.ID)
	want(t, err, nil)
	return k
}

// wantState checks how far a replacement has come, and whether the old key is off.
func (r replaced) wantState(t *testing.T, s *store.Store, state model.ReplacementState, off bool) model.Replacement {
	t.Helper()
	k := r.look(t, s)
	if k.Replaced.State != state || k.Disabled != off {
		t.Helper()
		t.Errorf("it is %q and the old key off: %v; want %q and %v", k.Replaced.State, k.Disabled, state, off)
	}
	return k.Replaced
}

// pass looks at what is due, as a node does each minute, and gives the names of the keys that it turned off.
func pass(ctx context.Context, s *store.Store, at time.Time) (parked []string, err error) {
	due, err := s.DueReplacements(ctx, at)
	if err != nil {
		return nil, err
	}
	for _, d := range due {
		turn := turnedOff
		turn.At = at
		f, off, err := s.FinishReplacement(ctx, d, at, turn, func(f store.Finished) model.Event {
			e := newEvent(d.UserID, model.EventKeyParked)
			e.At, e.KeyID, e.KeyName = at, d.OldID, f.OldName
			return e
		})
		if err != nil && !errors.Is(err, model.ErrNotFound) { // another pass was quicker
			return nil, err
		}
		if off {
			parked = append(parked, f.OldName)
		}
	}
	return parked, nil
}

func wantPass(t *testing.T, s *store.Store, at time.Time, parked ...string) {
	t.Helper()
	got, err := pass(t.Context(), s, at)
	want(t, err, nil)
	if !slices.Equal(got, parked) {
		t.Errorf("at %v the pass turns off %v, want %v", at.Sub(base), got, parked)
	}
}

func use(t *testing.T, s *store.Store, k model.Key, at time.Time) model.Session {
	t.Helper()
	a := newAuthSession(k.UserID, k.ID)
	a.CreatedAt, a.ExpiresAt = at, at.Add(60*24*time.Hour)
	want(t, s.CreateAuthSession(t.Context(), a, newKeyUse(at), newEvent(k.UserID, model.EventKeyFirstUsed)), nil)
	return a
}

func proveReplacing(t *testing.T, s *store.Store) {
	r := replace(t, s, model.FinishOnEvidence)
	got := r.look(t, s)
	wanted := model.Replacement{
		OldID: r.old.ID, NewID: r.new.ID, NewName: "garage-pi-2", Finish: model.FinishOnEvidence, State: model.ReplacementWaiting,
		Quiet: time.Hour, StartedAt: base,
	}
	if diff := cmp.Diff(wanted, got.Replaced); diff != "" || got.Disabled {
		t.Errorf("off: %v, %s", got.Disabled, diff)
	}
	card := model.Card{Label: "Garage Pi", Note: "behind the lamp"}
	by, err := s.APIKey(t.Context(), r.new.UserID, r.new.ID)
	want(t, err, nil)
	if by.Card != (model.Card{Label: card.Label, Note: card.Note, SavedHow: model.NotSaved}) || got.Card != card || by.Replaced != (model.Replacement{}) {
		t.Errorf("the cards are %+v and %+v, and the new key is replaced: %+v", got.Card, by.Card, by.Replaced)
	}
	wantKinds(t, s, r.old.UserID, model.EventKeyReplaced, model.EventKeyMade)
	wantPass(t, s, base.Add(1000*time.Hour)) // nobody has used the new key
}

func proveReplacingNow(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	old, _ := addKey(t, s, u.ID, "garage-pi")
	session := use(t, s, old, base)
	by, hash := newKey(u.ID, "garage-pi-2")
	by.Card.Label = "Garage"
	want(t, s.ReplaceAPIKey(t.Context(), by, hash, 20, "", newReplacement(old, by, model.FinishNow)), nil)
	r := replaced{old: old, new: by}
	if got := r.wantState(t, s, model.ReplacementParked, true); !got.EndedAt.Equal(base) {
		t.Errorf("it ended at %v", got.EndedAt)
	}
	wantOff(t, s, old, model.KeyOff{At: base, Sessions: 1, AccessUntil: base.Add(30 * time.Minute)})
	_, err := s.AuthSession(t.Context(), session.ID)
	want(t, err, model.ErrNotFound)
	wantKinds(t, s, u.ID, model.EventKeyParked, model.EventKeyReplaced, model.EventKeyFirstUsed)

	// One that is off already can be replaced now, and as often as there is room.
	third, hash := newKey(u.ID, "garage-pi-3")
	want(t, s.ReplaceAPIKey(t.Context(), third, hash, 20, "", newReplacement(old, third, model.FinishNow)), nil)
	if got := r.wantState(t, s, model.ReplacementParked, true); got.NewID != third.ID {
		t.Errorf("it is replaced by %s", got.NewName)
	}
	wantOff(t, s, old, model.KeyOff{At: base, Sessions: 1, AccessUntil: base.Add(30 * time.Minute)})
}

func proveRefusedReplacements(t *testing.T, s *store.Store) {
	r := replace(t, s, model.FinishByPerson)
	off, _ := addKey(t, s, r.old.UserID, "off")
	want(t, s.SetAPIKeyDisabled(t.Context(), off.UserID, off.ID, turnedOff), nil)
	lamp, _ := addKey(t, s, r.old.UserID, "lamp")
	foreign, _ := addKey(t, s, addUser(t, s).ID, "lamp")
	for name, c := range map[string]struct {
		old   model.Key
		name  string
		limit int
		err   error
	}{
		"it is being replaced": {r.old, "x", 20, model.ErrReplacing},
		"it is off":            {off, "x", 20, model.ErrOff},
		"somebody else's":      {foreign, "x", 20, model.ErrNotFound},
		"no room":              {lamp, "x", 4, model.ErrLimit},
		"the name is taken":    {lamp, "garage-pi-2", 20, model.ErrConflict},
	} {
		by, hash := newKey(r.old.UserID, c.name)
		err := s.ReplaceAPIKey(t.Context(), by, hash, c.limit, "", newReplacement(c.old, by, model.FinishOnEvidence))
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
	by, hash := newKey(r.old.UserID, "once")
	want(t, s.ReplaceAPIKey(t.Context(), by, hash, 20, "form", newReplacement(lamp, by, model.FinishByPerson)), nil)
	again, hash := newKey(r.old.UserID, "twice")
	for _, old := range []model.Key{lamp, off} { // whatever else there is against it
		want(t, s.ReplaceAPIKey(t.Context(), again, hash, 20, "form", newReplacement(old, again, model.FinishNow)), model.ErrRepeated)
	}
	for name, c := range map[string]struct {
		by  model.Key
		err error
	}{
		"it is off":                    {off, model.ErrConflict},
		"it is being replaced itself":  {lamp, model.ErrConflict},
		"somebody else's":              {foreign, model.ErrNotFound},
		"another is not over":          {by, model.ErrReplacing},
		"two keys in place of another": {r.new, nil},
	} {
		old := r.new
		switch {
		case errors.Is(c.err, model.ErrReplacing):
			old = r.old
		case c.err == nil:
			old = by
		}
		if err := s.ReplaceAPIKeyWith(t.Context(), r.old.UserID, newReplacement(old, c.by, model.FinishByPerson)); !errors.Is(err, c.err) {
			t.Errorf("with one that is there, %s: %v, want %v", name, err, c.err)
		}
	}
	keys, err := s.APIKeys(t.Context(), r.old.UserID)
	want(t, err, nil)
	if len(keys) != 5 {
		t.Errorf("there are %d keys, want 5", len(keys))
	}
}

func proveNewUse(t *testing.T, s *store.Store) {
	r := replace(t, s, model.FinishOnEvidence)
	want(t, s.RecordRefusal(t.Context(), r.new.UserID, r.new.ID, model.KeyRefusal{At: base, Reason: "account is off"}), nil)
	at := base.Add(10 * time.Minute)
	use(t, s, r.new, at)
	a := newAuthSession(r.new.UserID, r.new.ID)
	wantCost(t, s, store.Stats{Writes: 1, Commits: 1}, func() error {
		return s.CreateAuthSession(t.Context(), a, newKeyUse(at.Add(time.Hour)))
	})
	if got := r.wantState(t, s, model.ReplacementWaiting, false); !got.NewUsedAt.Equal(at) || !got.Due().Equal(at.Add(time.Hour)) {
		t.Errorf("in use since %v, due at %v", got.NewUsedAt, got.Due())
	}
}

func proveParking(t *testing.T, s *store.Store) {
	r := replace(t, s, model.FinishOnEvidence)
	old := use(t, s, r.old, base.Add(-time.Hour))
	want(t, s.SawAuthSession(t.Context(), old.ID, base.Add(9*time.Minute)), nil)
	at := base.Add(10 * time.Minute)
	use(t, s, r.new, at)
	wantPass(t, s, at.Add(time.Hour-time.Millisecond))
	if got := r.wantState(t, s, model.ReplacementWaiting, false); !got.OldSeenAt.Equal(base.Add(9 * time.Minute)) {
		t.Errorf("the old key was seen at %v", got.OldSeenAt)
	}
	end := at.Add(time.Hour)
	var off atomic.Int64
	testkit.AtOnce(t, 8, func(ctx context.Context, _ int) error {
		parked, err := pass(ctx, s, end)
		off.Add(int64(len(parked)))
		return err
	})
	if off.Load() != 1 {
		t.Errorf("the passes turned off %d keys", off.Load())
	}
	if got := r.wantState(t, s, model.ReplacementParked, true); !got.EndedAt.Equal(end) {
		t.Errorf("it ended at %v", got.EndedAt)
	}
	wantOff(t, s, r.old, model.KeyOff{At: end, Sessions: 1})
	_, err := s.AuthSession(t.Context(), old.ID)
	want(t, err, model.ErrNotFound)
	events, err := s.Events(t.Context(), r.old.UserID, model.EventQuery{Limit: 100})
	want(t, err, nil)
	parked := slices.DeleteFunc(events, func(e model.Event) bool { return e.Kind != model.EventKeyParked })
	if len(parked) != 1 || parked[0].KeyName != "garage-pi" {
		t.Errorf("written down is %+v", parked)
	}
	wantPass(t, s, end.Add(time.Hour))
}

func proveBothInUse(t *testing.T, s *store.Store) {
	at := base.Add(10 * time.Minute)
	for how, seen := range map[string]func(r replaced, old model.Session){
		"it signs in": func(r replaced, _ model.Session) { use(t, s, r.old, at.Add(time.Millisecond)) },
		"a session renews": func(_ replaced, old model.Session) {
			want(t, s.SawAuthSession(t.Context(), old.ID, at.Add(30*time.Minute)), nil)
		},
	} {
		t.Log(how)
		r := replace(t, s, model.FinishOnEvidence)
		old := use(t, s, r.old, base)
		use(t, s, r.new, at)
		seen(r, old)
		if got := r.wantState(t, s, model.ReplacementWaiting, false); !got.BothInUse() {
			t.Error("the key does not say that both are in use")
		}
		wantPass(t, s, at.Add(30*time.Minute))
		r.wantState(t, s, model.ReplacementBoth, false)
		want(t, s.DeleteAuthSession(t.Context(), old.UserID, old.ID), nil)
		wantPass(t, s, at.Add(1000*time.Hour)) // however quiet it is now
		r.wantState(t, s, model.ReplacementBoth, false)
		want(t, s.SetAPIKeyDisabled(t.Context(), r.old.UserID, r.old.ID, turnedOff), nil)
		r.wantState(t, s, model.ReplacementParked, true)
	}
}

func proveUndoneByNew(t *testing.T, s *store.Store) {
	for _, started := range []func() replaced{
		func() replaced { return replace(t, s, model.FinishOnEvidence) },
		func() replaced { return replace(t, s, model.FinishByPerson) },
		func() replaced {
			r := replace(t, s, model.FinishOnEvidence)
			use(t, s, r.new, base.Add(time.Minute))
			use(t, s, r.old, base.Add(2*time.Minute))
			wantPass(t, s, base.Add(3*time.Minute))
			return r
		},
	} {
		for what, act := range map[string]func(k model.Key) error{
			"turned off": func(k model.Key) error {
				return s.SetAPIKeyDisabled(t.Context(), k.UserID, k.ID, turnedOff, newEvent(k.UserID, model.EventKeyTurnedOff))
			},
			"deleted": func(k model.Key) error {
				return deleteKey(t.Context(), s, k.UserID, k.ID, newEvent(k.UserID, model.EventKeyDeleted))
			},
		} {
			r := started()
			want(t, act(r.new), nil)
			if got := r.wantState(t, s, model.ReplacementUndone, false); got.EndedAt.IsZero() {
				t.Errorf("%s: it has no end", what)
			}
			events, err := s.Events(t.Context(), r.old.UserID, model.EventQuery{KeyID: r.old.ID, Kinds: []model.EventKind{model.EventReplacementEnded}, Limit: 9})
			want(t, err, nil)
			if len(events) != 1 || events[0].KeyName != "garage-pi" || events[0].Detail != "garage-pi-2 was "+what {
				t.Errorf("%s: written down is %+v", what, events)
			}
			again, hash := newKey(r.old.UserID, "another")
			want(t, s.ReplaceAPIKey(t.Context(), again, hash, 20, "", newReplacement(r.old, again, model.FinishByPerson)), nil)
		}
	}
	r := replace(t, s, model.FinishByPerson) // by a program that knows nothing of replacements
	want(t, deleteKey(t.Context(), s, r.new.UserID, r.new.ID), nil)
	r.wantState(t, s, model.ReplacementUndone, false)
	r = replace(t, s, model.FinishNow) // it is over
	want(t, deleteKey(t.Context(), s, r.new.UserID, r.new.ID), nil)
	r.wantState(t, s, model.ReplacementParked, true)
}

func proveTurnedByHand(t *testing.T, s *store.Store) {
	for _, finish := range []model.Finish{model.FinishByPerson, model.FinishOnEvidence} {
		r := replace(t, s, finish)
		turn := turnedOff
		turn.At = base.Add(time.Minute)
		want(t, s.SetAPIKeyDisabled(t.Context(), r.old.UserID, r.old.ID, turn), nil)
		if got := r.wantState(t, s, model.ReplacementParked, true); !got.EndedAt.Equal(turn.At) {
			t.Errorf("it ended at %v", got.EndedAt)
		}
		want(t, s.SetAPIKeyDisabled(t.Context(), r.old.UserID, r.old.ID, turnedOn), nil)
		r.wantState(t, s, model.ReplacementUndone, false)
		want(t, s.SetAPIKeyDisabled(t.Context(), r.old.UserID, r.old.ID, turn), nil) // which is another matter
		r.wantState(t, s, model.ReplacementUndone, true)
	}
}

func proveEnding(t *testing.T, s *store.Store) {
	end := func(r replaced) {
		t.Helper()
		want(t, s.EndReplacement(t.Context(), r.old.UserID, r.old.ID, true, base.Add(time.Hour),
			newEvent(r.old.UserID, model.EventReplacementEnded), newEvent(r.old.UserID, model.EventKeyBroughtBack)), nil)
	}
	r := replace(t, s, model.FinishOnEvidence)
	for range 2 {
		end(r)
		r.wantState(t, s, model.ReplacementUndone, false)
	}
	wantKinds(t, s, r.old.UserID, model.EventReplacementEnded, model.EventKeyReplaced, model.EventKeyMade)
	r = replace(t, s, model.FinishNow)
	want(t, s.EndReplacement(t.Context(), r.old.UserID, r.old.ID, false, base, model.Event{}, model.Event{}), model.ErrOff)
	r.wantState(t, s, model.ReplacementParked, true)
	for range 2 {
		end(r)
		if got := r.wantState(t, s, model.ReplacementUndone, false); !got.EndedAt.Equal(base.Add(time.Hour)) {
			t.Errorf("it ended at %v", got.EndedAt)
		}
	}
	wantOff(t, s, r.old, model.KeyOff{})
	wantKinds(t, s, r.old.UserID, model.EventKeyBroughtBack, model.EventKeyParked, model.EventKeyReplaced, model.EventKeyMade)
	want(t, s.EndReplacement(t.Context(), addUser(t, s).ID, r.old.ID, true, base, model.Event{}, model.Event{}), model.ErrNotFound)
}

func proveReplacingWith(t *testing.T, s *store.Store) {
	for _, finish := range []model.Finish{model.FinishOnEvidence, model.FinishByPerson} {
		u := addUser(t, s)
		old, _ := addKey(t, s, u.ID, "garage-pi")
		by, _ := addKey(t, s, u.ID, "spare")
		session := use(t, s, by, base.Add(-48*time.Hour))
		want(t, s.ReplaceAPIKeyWith(t.Context(), u.ID, newReplacement(old, by, finish)), nil)
		r := replaced{old: old, new: by}
		wantPass(t, s, base.Add(time.Hour))
		if got := r.wantState(t, s, model.ReplacementWaiting, false); !got.NewUsedAt.IsZero() || got.NewName != "spare" {
			t.Errorf("%s is in use since %v", got.NewName, got.NewUsedAt)
		}
		at := base.Add(2 * time.Hour)
		want(t, s.SawAuthSession(t.Context(), session.ID, at), nil)
		wantPass(t, s, at.Add(time.Minute))
		if got := r.wantState(t, s, model.ReplacementWaiting, false); !got.NewUsedAt.Equal(at) {
			t.Errorf("it is in use since %v", got.NewUsedAt)
		}
		if finish == model.FinishByPerson {
			wantPass(t, s, at.Add(1000*time.Hour))
			continue
		}
		wantPass(t, s, at.Add(time.Hour), "garage-pi")
	}
}

func proveExpiredReplacement(t *testing.T, s *store.Store) {
	r := replace(t, s, model.FinishOnEvidence)
	use(t, s, r.new, base.Add(time.Minute))
	expires := model.Expiry{At: base.Add(90 * time.Minute), Now: base, MayExtend: true, Session: time.Hour}
	want(t, s.SetExpiry(t.Context(), r.new.UserID, r.new.ID, expires), nil)
	due, turn := store.DueReplacement{UserID: r.old.UserID, OldID: r.old.ID}, turnedOff
	turn.At = base.Add(2 * time.Hour) // by a clock that is ahead, perhaps
	_, parked, err := s.FinishReplacement(t.Context(), due, expires.At.Add(-20*time.Minute), turn, nil)
	if want(t, err, nil); parked {
		t.Error("it is turned off for a key that may have expired")
	}
	r.wantState(t, s, model.ReplacementWaiting, false)
	wantPass(t, s, base.Add(2*time.Hour))
	r.wantState(t, s, model.ReplacementUndone, false)
	events, err := s.Events(t.Context(), r.old.UserID, model.EventQuery{Limit: 1})
	want(t, err, nil)
	if len(events) != 1 || events[0].Kind != model.EventReplacementEnded || events[0].Detail != "garage-pi-2 has expired" || events[0].KeyID != r.old.ID {
		t.Errorf("written down is %+v", events)
	}
	for _, finish := range []model.Finish{model.FinishOnEvidence, model.FinishByPerson, model.FinishNow} {
		again := newReplacement(r.old, r.new, finish)
		again.StartedAt = expires.At
		want(t, s.ReplaceAPIKeyWith(t.Context(), r.old.UserID, again), model.ErrConflict)
	}
	r.wantState(t, s, model.ReplacementUndone, false)
	again := newReplacement(r.old, r.new, model.FinishNow)
	again.StartedAt = expires.At.Add(-time.Millisecond)
	want(t, s.ReplaceAPIKeyWith(t.Context(), r.old.UserID, again), nil)
}

func proveNobodySeen(t *testing.T, s *store.Store) {
	at := base.Add(10 * time.Minute)
	r := replace(t, s, model.FinishOnEvidence)
	use(t, s, r.new, at)
	want(t, s.DisableUser(t.Context(), r.old.UserID, at.Add(time.Minute)), nil)
	wantPass(t, s, at.Add(2*time.Hour))
	want(t, s.EnableUser(t.Context(), r.old.UserID, at.Add(2*time.Hour)), nil)
	wantPass(t, s, at.Add(3*time.Hour-time.Minute))
	want(t, s.SilenceToldNothing(t.Context(), at.Add(3*time.Hour)), nil) // the server was off
	wantPass(t, s, at.Add(4*time.Hour-time.Minute))
	want(t, s.SilenceToldNothing(t.Context(), at.Add(time.Hour)), nil) // by a clock that is behind
	wantPass(t, s, at.Add(4*time.Hour), "garage-pi")
	if got := r.wantState(t, s, model.ReplacementParked, true); !got.NewUsedAt.Equal(at) {
		t.Errorf("it was in use since %v", got.NewUsedAt)
	}
}

func proveReplacementFromFuture(t *testing.T, s *store.Store) {
	ahead := replace(t, s, model.FinishOnEvidence)
	use(t, s, ahead.new, base.Add(1000*time.Hour))
	seen := replace(t, s, model.FinishOnEvidence)
	use(t, s, seen.new, base)
	session := use(t, s, seen.old, base.Add(1000*time.Hour))
	most := store.Longest{AuthSession: 10_000 * time.Hour, WebSession: time.Hour, Grant: time.Hour}
	want(t, s.Bound(t.Context(), base, most), nil)
	wantPass(t, s, base.Add(time.Hour), "garage-pi") // which was the first
	ahead.wantState(t, s, model.ReplacementParked, true)
	seen.wantState(t, s, model.ReplacementWaiting, false)
	want(t, s.SawAuthSession(t.Context(), session.ID, base.Add(time.Hour)), nil)
	useKey(t, s, seen.old, newKeyUse(base.Add(time.Hour)))
	wantPass(t, s, base.Add(2*time.Hour))
	seen.wantState(t, s, model.ReplacementBoth, false)
}

func proveReplacedOnce(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	old, _ := addKey(t, s, u.ID, "garage-pi")
	counts := testkit.AtOnce(t, 30, func(ctx context.Context, i int) error {
		by, hash := newKey(u.ID, fmt.Sprintf("garage-pi-%d", i+2))
		return s.ReplaceAPIKey(ctx, by, hash, 20, "", newReplacement(old, by, model.FinishByPerson))
	}, model.ErrReplacing)
	keys, err := s.APIKeys(t.Context(), u.ID)
	want(t, err, nil)
	if counts[nil] != 1 || len(keys) != 2 {
		t.Errorf("%v, and there are %d keys", counts, len(keys))
	}
}

func proveReplacedBesideDelete(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	for i := range 10 {
		old, _ := addKey(t, s, u.ID, fmt.Sprintf("old-%d", i))
		by, _ := addKey(t, s, u.ID, fmt.Sprintf("new-%d", i))
		testkit.AtOnce(t, 2, func(ctx context.Context, i int) error {
			if i == 0 {
				return deleteKey(ctx, s, u.ID, by.ID, newEvent(u.ID, model.EventKeyDeleted))
			}
			return s.ReplaceAPIKeyWith(ctx, u.ID, newReplacement(old, by, model.FinishByPerson))
		}, model.ErrNotFound)
		k, err := s.APIKey(t.Context(), u.ID, old.ID)
		want(t, err, nil)
		if k.Replaced.Open() || k.Disabled {
			t.Errorf("the old key is replaced: %+v", k.Replaced)
		}
		want(t, deleteKey(t.Context(), s, u.ID, old.ID), nil)
	}
}

func proveReplacementsGo(t *testing.T, s *store.Store) {
	for end, act := range map[string]func(model.Key) error{
		"the key":   func(k model.Key) error { return deleteKey(t.Context(), s, k.UserID, k.ID) },
		"the owner": func(k model.Key) error { return s.DeleteUser(t.Context(), k.UserID) },
	} {
		r := replace(t, s, model.FinishOnEvidence)
		use(t, s, r.new, base)
		want(t, act(r.old), nil)
		due, err := s.DueReplacements(t.Context(), base.Add(1000*time.Hour))
		want(t, err, nil)
		if len(due) != 0 {
			t.Errorf("without %s there are %v", end, due)
		}
	}
}
