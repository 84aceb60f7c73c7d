package upstream_test

import (
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

// A key that is deleted in another place leaves a card behind, which goes once a list was read without it a day after it was last in one.
func TestTheCardOfAKeyThatWasDeletedElsewhereGoesAfterADay(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{foreign: true})
	r.clock.Advance(-30 * time.Hour) // ids are made in order, and those of other tests must not come from tomorrow
	a, p := r.signedIn(email)
	kept := func() map[string]model.KeptCard {
		t.Helper()
		cards, err := r.events.Elsewhere().Cards(t.Context(), a.UserID)
		if err != nil {
			t.Fatal(err)
		}
		return cards
	}
	list := func(want int) {
		t.Helper()
		keys, err := p.Keys(t.Context())
		if err != nil || len(keys.List) != want {
			t.Fatalf("%d keys, %v", len(keys.List), err)
		}
	}
	var ids []string
	for _, name := range []string{"pump", "lamp"} {
		created, err := p.CreateKey(t.Context(), model.NewKey{Name: name, Label: name})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, created.Key.ID)
	}
	writes := r.events.Stats().Writes
	r.clock.Advance(59 * time.Minute)
	list(2)
	if got := r.events.Stats().Writes - writes; got != 0 {
		t.Errorf("within the hour there are %d writes", got)
	}
	r.clock.Advance(time.Minute)
	list(2)
	list(2)
	if got := r.events.Stats().Writes - writes; got != 1 {
		t.Errorf("once an hour there are %d writes", got)
	}
	seen := r.clock.Now()
	if at := kept()[ids[0]].ListedAt; !at.Equal(seen) {
		t.Errorf("listed at %v, want %v", at, seen)
	}

	owner, err := r.api.Login(t.Context(), client.EmailPassword(email, right.Reveal()))
	if err == nil {
		err = owner.APIKeys().Delete(t.Context(), ids[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(24*time.Hour - time.Second)
	list(1)
	if len(kept()) != 2 {
		t.Error("a card went before a day was over")
	}
	r.clock.Advance(time.Hour)
	r.way.breaks(listKeys, losesAnswers)
	if _, err := p.Keys(t.Context()); err == nil {
		t.Fatal("the list was read")
	}
	if len(kept()) != 2 {
		t.Error("a card went after a list that could not be read")
	}
	r.way.breaks(listKeys, nil)
	list(1)
	if cards := kept(); len(cards) != 1 || cards[ids[1]].Label != "lamp" {
		t.Errorf("left are %v", cards)
	}
}

// A value that is found to be of a key there leaves the key its words.
func TestAValueThatWasFoundKeepsTheFingerprintOfItsKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{foreign: true})
	a, p := r.signedIn(email)
	owner, err := r.api.Login(t.Context(), client.EmailPassword(email, right.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	made, err := owner.APIKeys().Create(t.Context(), "pump")
	if err != nil {
		t.Fatal(err)
	}
	if key, err := p.Key(t.Context(), made.ID); err != nil || key.Usage.Fingerprint != "" {
		t.Fatalf("before, it is %q, %v", key.Usage.Fingerprint, err)
	}
	value := model.Secret(made.Value.Reveal())
	tried, err := p.TryValue(t.Context(), value)
	if err != nil || tried.ID != made.ID || tried.UserID != a.UserID {
		t.Errorf("it is %+v, %v", tried, err)
	}
	if key, err := p.Key(t.Context(), made.ID); err != nil || key.Usage.Fingerprint != model.FingerprintOf(value) || key.Usage.Known == model.UsageKnown {
		t.Errorf("after that it is %+v, %v", key.Usage, err)
	}
}

// A key whose card cannot be saved is created all the same, and its value shown.
func TestAKeyWhoseLabelCannotBeSavedIsCreatedAllTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, p := r.signedIn(email)
	key := r.newKey(p, "lamp")
	if err := r.events.Close(); err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]bool{"Pump": true, "": false} {
		created, err := p.CreateKey(t.Context(), model.NewKey{Name: "pump-" + strings.ToLower(label), Label: label})
		if err != nil || created.Value == "" || created.NotKept != want {
			t.Errorf("with the label %q it is %+v, %v", label, created.Key, err)
		}
	}
	_, err := p.LabelKey(t.Context(), key.ID, "Lamp", "")
	is(t, err, model.KindStorageDown)
}
