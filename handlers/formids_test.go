package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var start = time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC)

func fixedNow() time.Time { return start }

func TestAFormIDIsUsedOnce(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	id := newFormID()
	if !validFormID(id) || id == newFormID() {
		t.Errorf("the id %q is not valid, or not new", id)
	}
	form, first, err := forms.claim(t.Context(), id, "porch-cam")
	if err != nil || !first {
		t.Fatalf("first %v, %v", first, err)
	}
	forms.settle(form, true, false)
	again, first, err := forms.claim(t.Context(), id, "heat-pump")
	if err != nil || first || again != form || again.name != "porch-cam" {
		t.Errorf("the second time: first %v, name %q, %v", first, again.name, err)
	}
}

func TestAFormThatMadeNothingForSureIsFreeAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ made, unclear, free bool }{{true, false, false}, {false, true, false}, {false, false, true}} {
		forms := newFormIDs(fixedNow)
		form, _, err := forms.claim(t.Context(), "id", "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		forms.settle(form, c.made, c.unclear)
		if _, first, err := forms.claim(t.Context(), "id", "porch-cam"); err != nil || first != c.free {
			t.Errorf("made %v, unclear %v: free %v, %v", c.made, c.unclear, first, err)
		}
	}
}

func TestWhoeverLeavesDoesNotWaitForAForm(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	form, _, err := forms.claim(t.Context(), "id", "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, first, err := forms.claim(gone, "id", "porch-cam"); first || !errors.Is(err, context.Canceled) {
		t.Errorf("first %v, %v", first, err)
	}
	forms.settle(form, true, false)
}

func TestFormsAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	now := start
	forms := newFormIDs(func() time.Time { return now })
	sent := func(id string) bool {
		form, first, err := forms.claim(t.Context(), id, "porch-cam")
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
	if !sent("old") || len(forms.sent) != len(forms.order) {
		t.Errorf("%d forms in %d places", len(forms.sent), len(forms.order))
	}
}

func TestOfAFormOnlyABoundedPartIsKept(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	form, _, err := forms.claim(t.Context(), "id", strings.Repeat("é", 30_000))
	if err != nil || len(form.name) > maxKeptName || !utf8.ValidString(form.name) {
		t.Errorf("%d bytes of the name are kept: %q, %v", len(form.name), form.name, err)
	}
	id := newFormID()
	for _, other := range []string{strings.Repeat("\n", 60_000) + id, id + "\r\n", id[:21], id + "A", id[:21] + "_"} {
		if validFormID(other) {
			t.Errorf("%d bytes are an id", len(other))
		}
	}
}

func TestTheMemoryForFormsIsBounded(t *testing.T) {
	t.Parallel()
	forms := newFormIDs(fixedNow)
	for i := range maxForms + 1000 {
		form, _, err := forms.claim(t.Context(), fmt.Sprint(i), "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		forms.settle(form, i%2 == 0, false)
	}
	if len(forms.order) > maxForms || len(forms.sent) > maxForms {
		t.Errorf("%d forms in %d places", len(forms.sent), len(forms.order))
	}
	if _, first, err := forms.claim(t.Context(), fmt.Sprint(maxForms), "porch-cam"); first || err != nil {
		t.Errorf("the newest is forgotten: first %v, %v", first, err)
	}
}
