package onboard_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

func TestLookingAtACodeChangesNothing(t *testing.T) {
	b := newBench(t)
	started := b.start(t)
	var id string
	for range 20 {
		for _, who := range []string{"ann", "bob"} {
			g, err := b.Look(t.Context(), started.UserCode, who, session, address)
			want(t, err, nil)
			if g.UserID != "" || g.State != model.Pending || g.DeviceName != "porch-cam" {
				t.Fatalf("%s is shown %+v", who, g)
			}
			id = g.ID
			_, err = b.Shown(t.Context(), id, who, session)
			want(t, err, onboard.ErrNoGrant)
			want(t, b.Deny(t.Context(), id, who, session), onboard.ErrNoGrant)
		}
	}
	g, err := b.Claim(t.Context(), started.UserCode, "bob", another, address)
	want(t, err, nil)
	if g.ID != id || b.grants.claims.Load() != 1 {
		t.Errorf("%s was looked at, and %s claimed in %d steps", id, g.ID, b.grants.claims.Load())
	}
	_, err = b.Look(t.Context(), started.UserCode, "ann", session, address)
	want(t, err, onboard.ErrWrongCode)
}

func TestAWrongCodeThatIsLookedAtIsATryAndARightOneIsNone(t *testing.T) {
	b := newBench(t)
	right := b.start(t)
	for i := range 5 {
		for range 10 {
			_, err := b.Look(t.Context(), right.UserCode, "ann", session, address)
			want(t, err, nil)
			_, err = b.Look(t.Context(), "no code", "ann", session, address)
			want(t, err, onboard.ErrMalformedCode)
		}
		by := b.Look
		if i%2 == 0 { // both are counted in one place
			by = b.Claim
		}
		_, err := by(t.Context(), "BBBB-BBBB", "ann", session, address)
		want(t, err, onboard.ErrWrongCode)
	}
	_, err := b.Look(t.Context(), right.UserCode, "ann", session, address)
	wantLimit(t, err, 10*time.Minute)
	_, err = b.Claim(t.Context(), right.UserCode, "ann", session, address)
	wantLimit(t, err, 10*time.Minute)
}

func TestALookThatFailsIsNoWrongCode(t *testing.T) {
	b := newBench(t)
	right := b.start(t)
	b.grants.look = fails
	for range 50 {
		_, err := b.Look(t.Context(), right.UserCode, "ann", session, address)
		want(t, err, errStore)
	}
	b.grants.look = nil
	_, err := b.Look(t.Context(), right.UserCode, "ann", session, address)
	want(t, err, nil)
}

func TestWhoDecidedSeesWhatCameOfItByTheCodeAndNobodyElseDoes(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	want(t, b.Deny(t.Context(), g.ID, "ann", session), nil)
	b.clock.Advance(11 * time.Minute)
	seen, err := b.Look(t.Context(), started.UserCode, "ann", session, address)
	want(t, err, nil)
	if seen.ID != g.ID || seen.State != model.Denied {
		t.Errorf("it shows %v", seen)
	}
	for _, who := range []struct {
		userID  string
		session [32]byte
	}{{"ann", another}, {"bob", session}, {"", session}, {"ann", [32]byte{}}} {
		_, err := b.Look(t.Context(), started.UserCode, who.userID, who.session, address)
		want(t, err, onboard.ErrWrongCode)
	}
}

func TestOpeningClaimsWhatWasLookedAtAndCountsNoTry(t *testing.T) {
	b := newBench(t)
	g, err := b.Look(t.Context(), b.start(t).UserCode, "ann", session, address)
	want(t, err, nil)
	for range 6 {
		_, _ = b.Look(t.Context(), "BBBB-BBBB", "ann", session, address)
	}
	for range 2 {
		opened, err := b.Open(t.Context(), g.ID, "ann", session)
		want(t, err, nil)
		if opened.ID != g.ID || opened.UserID != "ann" || opened.Session != session {
			t.Errorf("%+v was opened", opened)
		}
	}
	want(t, b.Deny(t.Context(), g.ID, "ann", session), nil)
	opened, err := b.Open(t.Context(), g.ID, "ann", session)
	want(t, err, nil)
	if opened.State != model.Denied {
		t.Errorf("once decided it is %v", opened)
	}
}

func TestWhatSomebodyElseHasCannotBeOpened(t *testing.T) {
	b := newBench(t)
	_, hers := b.shown(t)
	late, err := b.Look(t.Context(), b.start(t).UserCode, "bob", another, address)
	want(t, err, nil)
	_, err = b.Pending(t.Context(), late.ID, "bob")
	want(t, err, nil)
	b.clock.Advance(10 * time.Minute)
	_, err = b.Open(t.Context(), late.ID, "bob", another)
	want(t, err, onboard.ErrExpired)
	seen, err := b.Pending(t.Context(), late.ID, "bob")
	want(t, err, nil)
	if seen.UserID != "" {
		t.Errorf("looking has claimed it: %+v", seen)
	}
	for name, id := range map[string]string{"another's": hers.ID, "none": "x", "nothing": ""} {
		if _, err := b.Open(t.Context(), id, "bob", another); !errors.Is(err, onboard.ErrNoGrant) {
			t.Errorf("%s is opened: %v", name, err)
		}
		if _, err := b.Pending(t.Context(), id, "bob"); !errors.Is(err, onboard.ErrNoGrant) {
			t.Errorf("%s is shown: %v", name, err)
		}
	}
	for _, who := range []struct {
		userID  string
		session [32]byte
	}{{"", session}, {"ann", [32]byte{}}} {
		_, err := b.Open(t.Context(), late.ID, who.userID, who.session)
		want(t, err, onboard.ErrNoGrant)
	}
	b.grants.claim = fails
	g, err := b.Look(t.Context(), b.start(t).UserCode, "bob", another, address)
	want(t, err, nil)
	_, err = b.Open(t.Context(), g.ID, "bob", another)
	want(t, err, errStore)
}

func TestAnOpeningThatIsLostIsTriedAgain(t *testing.T) {
	for _, before := range []bool{false, true} {
		b := newBench(t)
		started := b.start(t)
		memory := b.grants.Grants
		code, _ := onboard.NormalizeCode(started.UserCode)
		g, err := b.Look(t.Context(), started.UserCode, "ann", session, address)
		want(t, err, nil)
		b.grants.claim = loses(before, 1, func() error {
			_, err := memory.ClaimGrant(t.Context(), code, "ann", session, b.clock.Now())
			return err
		})
		_, err = b.Open(t.Context(), g.ID, "ann", session)
		want(t, err, nil)
	}
}

func TestOfManyWhoOpenAtOnceOnePersonDoes(t *testing.T) {
	b := newBench(t)
	g, err := b.Look(t.Context(), b.start(t).UserCode, "ann", session, address)
	want(t, err, nil)
	people := []string{"ann", "bob", "cat"}
	var opened sync.Map
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			got, err := b.Open(t.Context(), g.ID, people[i%3], session)
			if err == nil {
				opened.Store(got.UserID, true)
			} else if !errors.Is(err, onboard.ErrNoGrant) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	opened.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d people have opened it", n)
	}
}
