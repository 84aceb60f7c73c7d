package storetest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func webhooks() []contract {
	return []contract{
		{"a webhook is kept as it was added, with what the operator did, until it is deleted", proveWebhook},
		{"an event waits for every webhook that is on and has its kind, with the act or not at all", proveQueued},
		{"what happened to one user is sent in order, and what has to wait keeps nobody else waiting", proveOrder},
		{"one caller at a time has a webhook, and what was sent and not noted is sent again", proveClaim},
		{"a failure is counted from its beginning, and turns a webhook off after five days or at once", proveFailing},
		{"what waits goes with the webhook, with the user, and with the event", proveQueuedGoes},
		{"a clock that was ahead keeps nothing waiting", proveWebhookClock},
	}
}

// addWebhook adds a webhook for some kinds.
func addWebhook(t *testing.T, s *store.Store, kinds ...model.EventKind) model.Webhook {
	t.Helper()
	w := model.Webhook{ID: model.NewWebhookID(), Kinds: kinds, Sealed: []byte("sealed"), CreatedAt: base}
	w.URL = "https://ops.example.org/" + w.ID
	want(t, s.AddWebhook(t.Context(), w, 20, command()), nil)
	return w
}

// command is what is remembered of a command.
func command() model.OperatorAct {
	return model.OperatorAct{ID: model.NewID(base), At: base, Act: "webhook-added", Detail: "https://ops.example.org"}
}

// happens records events of a kind one after the other, and gives their ids.
func happens(t *testing.T, s *store.Store, kind model.EventKind, users ...string) (ids []string) {
	t.Helper()
	for _, user := range users {
		e := newEvent(user, kind)
		e.ID = model.NewID(base)
		want(t, s.RecordEvent(t.Context(), e), nil)
		ids = append(ids, e.ID)
	}
	return ids
}

func wantWaiting(t *testing.T, s *store.Store, id string, n int64) {
	t.Helper()
	all, err := s.Webhooks(t.Context())
	want(t, err, nil)
	at := slices.IndexFunc(all, func(w model.Webhook) bool { return w.ID == id })
	if at < 0 || all[at].Waiting != n {
		t.Fatalf("%d wait, want %d", all[max(at, 0)].Waiting, n)
	}
}

// claim claims a webhook.
func claim(t *testing.T, s *store.Store, id string, now time.Time) (until time.Time) {
	t.Helper()
	until = now.Add(store.WebhookBusy)
	if claimed, err := s.ClaimWebhook(t.Context(), id, now, until); err != nil || !claimed {
		t.Fatal(claimed, err)
	}
	return until
}

func wantNext(t *testing.T, s *store.Store, id string, now time.Time, eventID string) model.Event {
	t.Helper()
	q, err := s.NextQueued(t.Context(), id, now)
	if eventID == "" {
		want(t, err, model.ErrNotFound)
		return q.Event
	}
	want(t, err, nil)
	if q.Event.ID != eventID {
		t.Fatalf("the next is %s, want %s", q.Event.ID, eventID)
	}
	return q.Event
}

func proveWebhook(t *testing.T, s *store.Store) {
	w := model.Webhook{
		ID: "0a1b2c3d", URL: "https://ops.example.org/a?b=c", Kinds: []model.EventKind{model.EventKeyMade, model.EventKeyTurnedOff},
		Sealed: []byte{0, 255, 1}, CreatedAt: base,
	}
	by := command()
	want(t, s.AddWebhook(t.Context(), w, 2, by), nil)
	got, err := s.Webhook(t.Context(), w.ID)
	want(t, err, nil)
	if got.URL != w.URL || !slices.Equal(got.Kinds, w.Kinds) || !slices.Equal(got.Sealed, w.Sealed) || !got.CreatedAt.Equal(base) || !got.OffAt.IsZero() {
		t.Errorf("%s %v %v %v", got.URL, got.Kinds, got.Sealed, got.CreatedAt)
	}
	wantActs(t, s, by)
	same := w
	same.ID = "0a1b2c3e"
	want(t, s.AddWebhook(t.Context(), same, 2, command()), model.ErrConflict)
	same.URL += "2"
	want(t, s.AddWebhook(t.Context(), same, 2, command()), nil)
	same.ID, same.URL = "0a1b2c3f", same.URL+"3"
	want(t, s.AddWebhook(t.Context(), same, 2, command()), model.ErrLimit)

	until := base.Add(model.WebhookOverlap)
	want(t, s.RotateWebhook(t.Context(), got, []byte("new"), got.Sealed, until, command()), nil)
	want(t, s.RotateWebhook(t.Context(), got, []byte("other"), got.Sealed, until, command()), model.ErrConflict)
	want(t, s.ResealWebhook(t.Context(), got, []byte("late"), nil), nil) // which has another secret by now
	got, err = s.Webhook(t.Context(), w.ID)
	want(t, err, nil)
	if string(got.Sealed) != "new" || !slices.Equal(got.OldSealed, w.Sealed) || !got.OldUntil.Equal(until) {
		t.Errorf("%q %q %v", got.Sealed, got.OldSealed, got.OldUntil)
	}
	want(t, s.ResealWebhook(t.Context(), got, []byte("new again"), []byte("old again")), nil)
	want(t, s.DeleteWebhook(t.Context(), w.ID, command()), nil)
	want(t, s.DeleteWebhook(t.Context(), w.ID, command()), model.ErrNotFound)
	_, err = s.TurnWebhook(t.Context(), w.ID, false, "", command())
	want(t, err, model.ErrNotFound)
	if acts, err := s.Acts(t.Context(), "", 100); err != nil || len(acts) != 4 { // of what was done alone
		t.Errorf("%d acts, %v", len(acts), err)
	}
}

func proveQueued(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	happens(t, s, model.EventKeyMade, u.ID) // before there is any
	made := addWebhook(t, s, model.EventKeyMade)
	both := addWebhook(t, s, model.EventKeyTurnedOff, model.EventKeyMade)
	off := addWebhook(t, s, model.EventKeyMade)
	for _, changed := range []bool{true, false} {
		if got, err := s.TurnWebhook(t.Context(), off.ID, false, "by hand", command()); err != nil || got != changed {
			t.Error(got, err)
		}
	}
	happens(t, s, model.EventKeyTurnedOn, u.ID)
	k, hash := newKey(u.ID, "phone")
	want(t, s.CreateAPIKey(t.Context(), k, hash, 20, newEvent(u.ID, model.EventKeyMade)), nil)
	want(t, s.CreateAPIKey(t.Context(), k, hash, 20, newEvent(u.ID, model.EventKeyMade)), model.ErrTaken)
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff, newEvent(u.ID, model.EventKeyTurnedOff)), nil)
	elsewhere := newEvent(model.NewID(base), model.EventKeyMade) // of a user at another server
	elsewhere.Elsewhere = true
	want(t, s.RecordEvent(t.Context(), elsewhere), nil)
	nobody := newEvent(model.NewID(base), model.EventKeyMade)
	want(t, s.RecordEvent(t.Context(), nobody), nil)
	wantWaiting(t, s, made.ID, 2)
	wantWaiting(t, s, both.ID, 3)
	wantWaiting(t, s, off.ID, 0)
	if due, some, err := s.DueWebhooks(t.Context(), base); err != nil || !some || len(due) != 2 {
		t.Error(due, some, err)
	}
	claim(t, s, made.ID, base)
	q, err := s.NextQueued(t.Context(), made.ID, base)
	want(t, err, nil)
	if q.Event.Kind != model.EventKeyMade || q.Event.UserID != u.ID || q.Tries != 0 || !q.Event.At.Equal(base) || q.Event.Actor == "" || q.Event.Address != "" {
		t.Errorf("%+v", q)
	}
	if on, err := s.TurnWebhook(t.Context(), off.ID, true, "", command()); err != nil || !on {
		t.Error(on, err)
	}
	happens(t, s, model.EventKeyMade, u.ID)
	wantWaiting(t, s, off.ID, 1)
}

func proveOrder(t *testing.T, s *store.Store) {
	ada, bob := addUser(t, s), addUser(t, s)
	w := addWebhook(t, s, model.EventKeyMade)
	ids := happens(t, s, model.EventKeyMade, ada.ID, ada.ID, bob.ID, ada.ID)
	now := base
	until := claim(t, s, w.ID, now)
	first := wantNext(t, s, w.ID, now, ids[0])
	later := now.Add(5 * time.Minute)
	off, err := s.NotDelivered(t.Context(), w.ID, store.Undelivered{Event: first, At: now, Certain: now, Claimed: until, Problem: "timed out", Next: later})
	if err != nil || off {
		t.Fatal(off, err)
	}
	until = claim(t, s, w.ID, now)
	of := wantNext(t, s, w.ID, now, ids[2]) // the others of the same user wait
	if still, err := s.Delivered(t.Context(), w.ID, of, now, until, until.Add(time.Second)); err != nil || !still {
		t.Fatal(still, err)
	}
	until = until.Add(time.Second)
	wantNext(t, s, w.ID, now, "")
	wantNext(t, s, w.ID, later.Add(-time.Millisecond), "")
	for _, id := range []string{ids[0], ids[1], ids[3]} {
		e := wantNext(t, s, w.ID, later, id)
		still, err := s.Delivered(t.Context(), w.ID, e, later, until, until.Add(time.Second))
		if err != nil || !still {
			t.Fatal(still, err)
		}
		until = until.Add(time.Second)
	}
	wantNext(t, s, w.ID, later, "")
	got, err := s.Webhook(t.Context(), w.ID)
	want(t, err, nil)
	if !got.DeliveredAt.Equal(later) || !got.FailingSince.IsZero() || got.Problem != "" || !got.FailedAt.Equal(now) || got.Failed != 0 {
		t.Errorf("delivered %v, failing since %v, failed %v", got.DeliveredAt, got.FailingSince, got.FailedAt)
	}
}

func proveClaim(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	w := addWebhook(t, s, model.EventKeyMade)
	ids := happens(t, s, model.EventKeyMade, u.ID)
	var got atomic.Int64
	testkit.AtOnce(t, 20, func(ctx context.Context, i int) error {
		claimed, err := s.ClaimWebhook(ctx, w.ID, base, base.Add(store.WebhookBusy+time.Duration(i)))
		if claimed {
			got.Add(1)
		}
		return err
	})
	if got.Load() != 1 {
		t.Fatalf("%d have it", got.Load())
	}
	if due, _, err := s.DueWebhooks(t.Context(), base); err != nil || len(due) != 0 {
		t.Error(due, err)
	}
	wantNext(t, s, w.ID, base, ids[0]) // it is sent, and the program is killed
	later := base.Add(store.WebhookBusy)
	until := claim(t, s, w.ID, later)
	e := wantNext(t, s, w.ID, later, ids[0])
	if still, err := s.Delivered(t.Context(), w.ID, e, later, base.Add(store.WebhookBusy+1), later); err != nil || still { // of the first one
		t.Error(still, err)
	}
	wantWaiting(t, s, w.ID, 0)
	want(t, s.ReleaseWebhook(t.Context(), w.ID, until.Add(time.Second)), nil) // not of this claim
	if claimed, err := s.ClaimWebhook(t.Context(), w.ID, later, until); err != nil || claimed {
		t.Error(claimed, err)
	}
	want(t, s.ReleaseWebhook(t.Context(), w.ID, until), nil)
	claim(t, s, w.ID, later)
	want(t, s.DeleteWebhook(t.Context(), w.ID, command()), nil)
	if claimed, err := s.ClaimWebhook(t.Context(), w.ID, later.Add(time.Hour), until); err != nil || claimed {
		t.Error(claimed, err)
	}
}

func proveFailing(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	w := addWebhook(t, s, model.EventKeyMade)
	fail := func(now, certain time.Time, next time.Time, gone bool) bool {
		t.Helper()
		id := happens(t, s, model.EventKeyMade, u.ID)[0]
		until := claim(t, s, w.ID, now)
		e := model.Event{UserID: u.ID, ID: id}
		off, err := s.NotDelivered(t.Context(), w.ID, store.Undelivered{
			Event: e, At: now, Certain: certain, Claimed: until, Problem: "answered 500", Next: next, Gone: gone,
		})
		want(t, err, nil)
		return off
	}
	since := func(at time.Time, failed int64) {
		t.Helper()
		got, err := s.Webhook(t.Context(), w.ID)
		want(t, err, nil)
		if !got.FailingSince.Equal(at) || got.Problem != "answered 500" || got.Failed != failed {
			t.Errorf("failing since %v, %q, %d given up", got.FailingSince, got.Problem, got.Failed)
		}
	}
	now := base
	fail(now, now, now.Add(time.Hour), false)
	fail(now.Add(time.Hour), now, time.Time{}, false)
	since(now, 1)
	wantWaiting(t, s, w.ID, 1)
	// Whether anything would have got through while the program was off is not known.
	began := now.Add(6 * 24 * time.Hour)
	if fail(began, began, time.Time{}, false) {
		t.Error("it is off after two tries")
	}
	since(began, 2)
	for day := range 4 {
		at := began.Add(time.Duration(day+1) * 23 * time.Hour)
		if fail(at, at, time.Time{}, false) {
			t.Fatalf("it is off after %v", at.Sub(began))
		}
	}
	at := began.Add(5*24*time.Hour - 5*time.Hour)
	fail(at, at, time.Time{}, false)
	since(began, 7)
	at = began.Add(5 * 24 * time.Hour)
	if fail(at, at.Add(-time.Minute), time.Time{}, false) {
		t.Error("it is off by a clock that nobody believes")
	}
	if !fail(at, at, time.Time{}, false) {
		t.Error("it is on after five days")
	}
	got, err := s.Webhook(t.Context(), w.ID)
	want(t, err, nil)
	if !got.OffAt.Equal(at) || got.OffReason != model.WebhookOffFailing {
		t.Errorf("off at %v, %q", got.OffAt, got.OffReason)
	}
	if claimed, err := s.ClaimWebhook(t.Context(), w.ID, at, at); err != nil || claimed {
		t.Error(claimed, err)
	}
	if _, _, err := s.LookAfterWebhooks(t.Context(), at); err != nil {
		t.Error(err)
	}
	wantWaiting(t, s, w.ID, 0)
	if on, err := s.TurnWebhook(t.Context(), w.ID, true, "", command()); err != nil || !on {
		t.Error(on, err)
	}
	if !fail(at, at, time.Time{}, true) {
		t.Error("it is on though the receiver is gone")
	}
	if got, err = s.Webhook(t.Context(), w.ID); err != nil || got.OffReason != model.WebhookOffGone {
		t.Errorf("%q, %v", got.OffReason, err)
	}
}

func proveQueuedGoes(t *testing.T, s *store.Store) {
	ada, bob, cleo := addUser(t, s), addUser(t, s), addUser(t, s)
	w, other := addWebhook(t, s, model.EventKeyMade), addWebhook(t, s, model.EventKeyMade)
	ids := happens(t, s, model.EventKeyMade, ada.ID, bob.ID, cleo.ID)
	want(t, s.DeleteUser(t.Context(), ada.ID), nil)
	wantWaiting(t, s, w.ID, 2)
	want(t, s.DeleteWebhook(t.Context(), other.ID, command()), nil)
	wantWaiting(t, s, w.ID, 2)
	until := claim(t, s, w.ID, base)
	e := wantNext(t, s, w.ID, base, ids[1])
	want(t, s.DeleteUser(t.Context(), bob.ID), nil) // while it is sent
	if still, err := s.Delivered(t.Context(), w.ID, e, base, until, until); err != nil || !still {
		t.Error(still, err)
	}
	wantNext(t, s, w.ID, base, ids[2])
	want(t, s.Sweep(t.Context(), base.Add(eventsKept+time.Hour), time.Hour), nil)
	wantNext(t, s, w.ID, base, "")
	wantWaiting(t, s, w.ID, 0)
}

func proveWebhookClock(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	w := addWebhook(t, s, model.EventKeyMade)
	ahead := base.AddDate(1, 0, 0)
	id := happens(t, s, model.EventKeyMade, u.ID)[0]
	until := claim(t, s, w.ID, ahead)
	e := wantNext(t, s, w.ID, ahead, id)
	_, err := s.NotDelivered(t.Context(), w.ID, store.Undelivered{Event: e, At: ahead, Certain: base, Claimed: until, Problem: "timed out", Next: ahead.Add(14 * time.Hour)})
	want(t, err, nil)
	claim(t, s, w.ID, ahead)
	got, err := s.Webhook(t.Context(), w.ID)
	want(t, err, nil)
	want(t, s.RotateWebhook(t.Context(), got, []byte("new"), got.Sealed, ahead.Add(model.WebhookOverlap), command()), nil)
	// The clock is right again.
	until = claim(t, s, w.ID, base)
	want(t, s.Bound(t.Context(), base, store.Longest{AuthSession: time.Hour, WebSession: time.Hour, Grant: time.Hour}), nil)
	e = wantNext(t, s, w.ID, base.Add(14*time.Hour), id)
	_, err = s.NotDelivered(t.Context(), w.ID, store.Undelivered{Event: e, At: base, Certain: base, Claimed: until, Problem: "timed out", Next: base.Add(time.Hour)})
	want(t, err, nil)
	got, err = s.Webhook(t.Context(), w.ID)
	want(t, err, nil)
	if !got.FailingSince.Equal(base) || got.OldUntil.After(base.Add(model.WebhookOverlap)) {
		t.Errorf("failing since %v, the old secret signs until %v", got.FailingSince, got.OldUntil)
	}
}
