package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const ana, bob = "69cc8d000000000000000001", "69cc8d000000000000000002"

var start = time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)

func fixedNow() time.Time { return start }

func TestAFormIDIsUsedOnce(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	id := newFormID()
	if !validFormID(id) || id == newFormID() {
		t.Errorf("the id %q is not valid, or not new", id)
	}
	form, first, err := forms.claim(t.Context(), ana, id, "porch-cam")
	if err != nil || !first {
		t.Fatalf("first %v, %v", first, err)
	}
	forms.settle(form, true, false)
	again, first, err := forms.claim(t.Context(), ana, id, "heat-pump")
	if err != nil || first || again != form || again.name != "porch-cam" {
		t.Errorf("the second time: first %v, name %q, %v", first, again.name, err)
	}
}

func TestAFormThatMadeNothingForSureIsFreeAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ made, unclear, free bool }{{true, false, false}, {false, true, false}, {false, false, true}} {
		forms := newFormIDs(fixedNow)
		form, _, err := forms.claim(t.Context(), ana, "id", "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		forms.settle(form, c.made, c.unclear)
		if _, first, err := forms.claim(t.Context(), ana, "id", "porch-cam"); err != nil || first != c.free {
			t.Errorf("made %v, unclear %v: free %v, %v", c.made, c.unclear, first, err)
		}
	}
}

func TestWhoeverLeavesDoesNotWaitForAForm(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	form, _, err := forms.claim(t.Context(), ana, "id", "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, first, err := forms.claim(gone, ana, "id", "porch-cam"); first || !errors.Is(err, context.Canceled) {
		t.Errorf("first %v, %v", first, err)
	}
	forms.settle(form, true, false)
}

func TestFormsAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	now := start
	forms := newFormIDs(func() time.Time { return now })
	sent := func(id string) bool {
		form, first, err := forms.claim(t.Context(), ana, id, "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		if first {
			forms.settle(form, true, false)
		}
		return first
	}
	sent("old")
	now = now.Add(formLifetime)
	sent("other")
	if sent("old") {
		t.Error("a form is forgotten within a day")
	}
	now = now.Add(time.Second)
	sent("another")
	if !sent("old") {
		t.Error("a form is remembered for longer than a day")
	}
	wantForms(t, forms, 3)
}

func TestAnIDOfAFormHasOneSpelling(t *testing.T) {
	t.Parallel()
	id := newFormID()
	for _, other := range []string{strings.Repeat("\n", 60_000) + id, id + "\r\n", id[:21], id + "A", id[:21] + "_"} {
		if validFormID(other) {
			t.Errorf("%d bytes are an id", len(other))
		}
	}
}

// wantForms compares what is remembered, which is kept three times.
func wantForms(t *testing.T, forms *formIDs, wanted int) {
	t.Helper()
	each := 0
	for _, own := range forms.each {
		each += own.Len()
	}
	if len(forms.sent) != wanted || forms.all.Len() != wanted || each != wanted {
		t.Errorf("%d forms are remembered, %d in order, %d of people, want %d", len(forms.sent), forms.all.Len(), each, wanted)
	}
}

func TestAFormThatMadeNothingLeavesNothing(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	for i := range 1000 {
		form, _, err := forms.claim(t.Context(), ana, fmt.Sprint(i), "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		forms.settle(form, false, false)
	}
	wantForms(t, forms, 0)
	if len(forms.each) != 0 {
		t.Errorf("%d people are remembered", len(forms.each))
	}
}

func TestTheMemoryForFormsIsBounded(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	made := func(userID, id string) {
		form, first, err := forms.claim(t.Context(), userID, id, "porch-cam")
		if err != nil || !first {
			t.Fatalf("the form %s of %s: first %v, %v", id, userID, first, err)
		}
		forms.settle(form, true, false)
	}
	for i := range maxForms + 1000 {
		made(fmt.Sprint(i/100), fmt.Sprint(i))
	}
	wantForms(t, forms, maxForms)
	if _, first, err := forms.claim(t.Context(), fmt.Sprint((maxForms+999)/100), fmt.Sprint(maxForms+999), "porch-cam"); first || err != nil {
		t.Errorf("the newest is forgotten: first %v, %v", first, err)
	}
}

func TestWhoSendsVeryManyFormsForgetsTheirOwnAlone(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	sent := func(userID, id string) (first bool) {
		form, first, err := forms.claim(t.Context(), userID, id, "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		if first {
			forms.settle(form, true, false)
		}
		return first
	}
	sent(bob, "his")
	for i := range formsEach + 10 {
		sent(ana, fmt.Sprint(i))
	}
	wantForms(t, forms, formsEach+1)
	if sent(bob, "his") {
		t.Error("another person's form is forgotten")
	}
	if !sent(ana, "0") {
		t.Error("her own oldest form is remembered")
	}
}

func TestWhatIsForgottenWhileItIsOnItsWayCanStillBeSettled(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	slow, _, err := forms.claim(t.Context(), ana, "slow", "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	for i := range formsEach {
		form, _, err := forms.claim(t.Context(), ana, fmt.Sprint(i), "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		forms.settle(form, true, false)
	}
	forms.settle(slow, false, false)
	wantForms(t, forms, formsEach)
}
