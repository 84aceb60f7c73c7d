package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// eventsKept is how long events are, and so acts of operators.
const eventsKept = 400 * 24 * time.Hour

func operators() []contract {
	return []contract{
		{"who is an operator is known until it is taken, the account is disabled or it goes", proveRole},
		{"an operator's act, the event and what is remembered of it are saved together, or nothing is", proveActsOfOperators},
		{"two operators who disable each other at once leave one of them", proveLastOperator},
		{"a value is looked up together with what is remembered of that, whatever it finds", proveValueLookedUp},
		{"acts are never changed, and go as events do", proveActsKept},
		{"people are listed page by page, each once with all their ways to sign in", provePeople},
	}
}

// addOperator creates an operator.
func addOperator(t *testing.T, s *store.Store) model.User {
	t.Helper()
	u := addUser(t, s)
	if changed, err := s.SetOperator(t.Context(), u.ID, true, base); err != nil || !changed {
		t.Fatal(changed, err)
	}
	return u
}

// newAct is an event that an operator brings about.
func newAct(operator model.User, kind model.EventKind, userID string) model.Event {
	e := newEvent(userID, kind)
	e.ID, e.Actor, e.Address, e.Agent, e.Detail = model.NewID(base), model.ActorOperator, "", "", model.DetailByOperator
	e.By = &model.OperatorAct{
		ID: model.NewID(base), At: base, OperatorID: operator.ID, Act: model.Act(kind), UserID: userID, Detail: "phone",
		Address: "192.0.2.9", Agent: "Mozilla/5.0",
	}
	return e
}

func wantActs(t *testing.T, s *store.Store, acts ...model.OperatorAct) {
	t.Helper()
	got, err := s.Acts(t.Context(), "", 100)
	want(t, err, nil)
	for i := range got { // what people are called is of today
		got[i].Operator, got[i].User = "", ""
	}
	slices.Reverse(got)
	if !slices.Equal(got, acts) {
		t.Errorf("acts are %+v, want %+v", got, acts)
	}
}

func wantRole(t *testing.T, s *store.Store, userID string, operates bool) {
	t.Helper()
	if is, err := s.Operates(t.Context(), userID); err != nil || is != operates {
		t.Errorf("%v, %v", is, err)
	}
}

func proveRole(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	wantRole(t, s, u.ID, false)
	for _, changed := range []bool{true, false} {
		if got, err := s.SetOperator(t.Context(), u.ID, true, base); err != nil || got != changed {
			t.Errorf("%v, %v", got, err)
		}
		wantRole(t, s, u.ID, true)
	}
	a := addAuthSession(t, s, u.ID, "")
	w := newWebSession()
	w.UserID, w.AuthSessionID = u.ID, a.ID
	want(t, s.CreateWebSession(t.Context(), w), nil)
	if row, err := s.WebSession(t.Context(), w.IDHash); err != nil || !row.Operator {
		t.Errorf("%+v, %v", row, err)
	}
	want(t, s.DisableUser(t.Context(), u.ID, base), nil) // by the command line, which may disable the last one
	wantRole(t, s, u.ID, false)
	want(t, s.EnableUser(t.Context(), u.ID, base), nil)
	wantRole(t, s, u.ID, true)
	for _, changed := range []bool{true, false} {
		if got, err := s.SetOperator(t.Context(), u.ID, false, base); err != nil || got != changed {
			t.Errorf("%v, %v", got, err)
		}
		wantRole(t, s, u.ID, false)
	}
	_, err := s.SetOperator(t.Context(), model.NewID(base), true, base)
	want(t, err, model.ErrNotFound)
	_, err = s.SetOperator(t.Context(), u.ID, true, base)
	want(t, err, nil)
	want(t, s.DeleteUser(t.Context(), u.ID), nil)
	if n, err := s.CountOperators(t.Context()); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
}

func proveActsOfOperators(t *testing.T, s *store.Store) {
	operator, nobody, u := addOperator(t, s), addUser(t, s), addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	off := newAct(operator, model.EventKeyTurnedOff, u.ID)
	off.KeyID, off.KeyName = k.ID, k.Name
	refused := off
	by := *off.By
	by.OperatorID = nobody.ID
	refused.By = &by
	a := addAuthSession(t, s, u.ID, k.ID)
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff, refused), model.ErrNoOperator)
	if _, err := s.AuthSession(t.Context(), a.ID); err != nil {
		t.Errorf("a session ended for nobody: %v", err)
	}
	wantKinds(t, s, u.ID)
	adopted, hash := newKey(u.ID, "adopted")
	adopted.Origin = model.OriginAdopted
	byNobody := newAct(nobody, model.EventKeyAdopted, u.ID)
	want(t, s.CreateAPIKey(t.Context(), adopted, hash, 20, byNobody), model.ErrNoOperator)
	_, err := s.APIKey(t.Context(), u.ID, adopted.ID)
	want(t, err, model.ErrNotFound)
	want(t, s.DisableUser(t.Context(), u.ID, base, newAct(nobody, model.EventAccountDisabled, u.ID)), model.ErrNoOperator)
	ignored := knock(t, s, "192.0.2.0/24", 1)
	want(t, s.IgnoreKnock(t.Context(), ignored.ID, *byNobody.By), model.ErrNoOperator)
	wantKnocks(t, s, ignored)
	wantActs(t, s)

	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff, off), nil)
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff, newAct(operator, model.EventKeyTurnedOff, u.ID)), nil) // was so already
	adopting := newAct(operator, model.EventKeyAdopted, u.ID)
	want(t, s.CreateAPIKey(t.Context(), adopted, hash, 20, adopting), nil)
	other, otherHash := newKey(u.ID, "adopted")
	want(t, s.CreateAPIKey(t.Context(), other, otherHash, 20, newAct(operator, model.EventKeyAdopted, u.ID)), model.ErrConflict)
	ignoring := newAct(operator, "knock-ignored", "")
	want(t, s.IgnoreKnock(t.Context(), ignored.ID, *ignoring.By), nil)
	wantActs(t, s, *off.By, *adopting.By, *ignoring.By)
	wantKinds(t, s, u.ID, model.EventKeyAdopted, model.EventKeyTurnedOff)
}

func proveLastOperator(t *testing.T, s *store.Store) {
	for round := range 8 {
		of := []model.User{addOperator(t, s), addOperator(t, s)}
		counts := testkit.AtOnce(t, 2, func(ctx context.Context, i int) error {
			other := of[1-i].ID
			return s.DisableUser(ctx, other, base, newAct(of[i], model.EventAccountDisabled, other))
		}, model.ErrLastOperator, model.ErrNoOperator)
		left := 0
		for _, u := range of {
			is, err := s.Operates(t.Context(), u.ID)
			want(t, err, nil)
			if is {
				left++
			}
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
		}
		if counts[nil] != 1 || left != 1 {
			t.Errorf("round %d: %v, and %d left", round, counts, left)
		}
	}
	last, other := addOperator(t, s), addUser(t, s)
	want(t, s.DisableUser(t.Context(), other.ID, base, newAct(last, model.EventAccountDisabled, other.ID)), nil)
	want(t, s.DisableUser(t.Context(), last.ID, base, newAct(last, model.EventAccountDisabled, last.ID)), model.ErrLastOperator)
}

func proveValueLookedUp(t *testing.T, s *store.Store) {
	operator, u := addOperator(t, s), addUser(t, s)
	k, hash := addKey(t, s, u.ID, "phone")
	look := *newAct(operator, model.EventKind(model.ActValueLookedUp), "").By
	look.Detail = ""
	if got, err := s.FindValue(t.Context(), hash, look); err != nil || got.ID != k.ID || got.UserID != u.ID {
		t.Errorf("%+v, %v", got, err)
	}
	missed := look
	missed.ID = model.NewID(base)
	_, err := s.FindValue(t.Context(), randomHash(), missed)
	want(t, err, model.ErrNotFound)
	look.UserID, look.KeyID, look.Detail = u.ID, k.ID, k.Name
	wantActs(t, s, look, missed)
	look.OperatorID = u.ID
	_, err = s.FindValue(t.Context(), hash, look)
	want(t, err, model.ErrNoOperator)
	wantKinds(t, s, u.ID)
}

func proveActsKept(t *testing.T, s *store.Store) {
	operator := addOperator(t, s)
	var acts []model.OperatorAct
	for _, age := range []time.Duration{eventsKept + time.Second, eventsKept - time.Minute, 0} {
		at := base.Add(-age)
		act := model.OperatorAct{ID: model.NewID(at), At: at, OperatorID: operator.ID, Act: model.ActValueLookedUp}
		_, err := s.FindValue(t.Context(), randomHash(), act)
		want(t, err, model.ErrNotFound)
		acts = append(acts, act)
	}
	page, err := s.Acts(t.Context(), acts[2].ID, 1)
	if err != nil || len(page) != 1 || page[0].ID != acts[1].ID || page[0].Operator == "" {
		t.Errorf("%+v, %v", page, err)
	}
	want(t, s.Sweep(t.Context(), base, time.Hour), nil)
	wantActs(t, s, acts[1:]...)
	want(t, s.DeleteUser(t.Context(), operator.ID), nil) // what they did stays
	wantActs(t, s, acts[1:]...)
}

func provePeople(t *testing.T, s *store.Store) {
	const many = store.MaxPeople + 7
	ids := make([]string, 0, many)
	for i := range many {
		u, id := newUser(fmt.Sprintf("p%03d@example.org", i))
		linked := model.Identity{ID: model.NewID(base), UserID: u.ID, Provider: "openid:acme", Subject: fmt.Sprintf("s%03d", i), CreatedAt: base}
		want(t, s.ImportUser(t.Context(), u, []model.Identity{id, linked}), nil)
		ids = append(ids, u.ID)
	}
	addServerKey(t, s, "backup")
	k, _ := addKey(t, s, ids[3], "phone")
	useKey(t, s, k, newKeyUse(base.Add(time.Minute)))
	seen := addAuthSession(t, s, ids[4], "")
	for name, r := range map[string]store.Range{
		"all": {}, "by subject": {Provider: model.ProviderEmailPassword, From: "p", Before: "q"}, "by another": {Provider: "openid:acme", From: "s0", Before: "s1"},
	} {
		var got []string
		for after, more := "", true; more; {
			page, err := s.People(t.Context(), r, after, store.MaxPeople)
			want(t, err, nil)
			if len(page.List) > store.MaxPeople {
				t.Errorf("%s: %d on a page", name, len(page.List))
			}
			for _, p := range page.List {
				if got = append(got, p.ID); len(p.Identities) != 2 {
					t.Errorf("%s: %s has %+v", name, p.ID, p.Identities)
				}
			}
			after, more = page.More, page.More != ""
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%s: %d people of %d, or in another order", name, len(got), len(ids))
		}
	}
	if p, err := s.Person(t.Context(), ids[3]); err != nil || p.Keys != 1 || !p.LastSeen.Equal(base.Add(time.Minute)) {
		t.Errorf("%+v, %v", p, err)
	}
	page, err := s.People(t.Context(), store.Range{Spelled: "p004@example.org"}, "", store.MaxPeople)
	if err != nil || len(page.List) != 1 || page.List[0].ID != ids[4] || !page.List[0].LastSeen.Equal(seen.LastSeenAt) {
		t.Errorf("%+v, %v", page, err)
	}
	for provider, next := range map[string]string{"": model.ProviderEmailPassword, model.ProviderEmailPassword: "openid:acme", "openid:acme": ""} {
		if got, err := s.ProviderAfter(t.Context(), provider); err != nil || got != next {
			t.Errorf("behind %q is %q, %v", provider, got, err)
		}
	}
}
