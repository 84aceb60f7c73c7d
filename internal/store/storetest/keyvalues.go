package storetest

import (
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

func keyValues() []contract {
	return []contract{
		{"how a value was saved is remembered once, with its event", func(t *testing.T, s *store.Store) {
			k, hash := newKey(addUser(t, s).ID, "phone")
			k.Card.SavedHow = model.NotSaved
			want(t, s.CreateAPIKey(t.Context(), k, hash, 20), nil)
			for _, how := range []model.SavedHow{model.SavedByCopying, model.SavedByDownloading} {
				e := newEvent(k.UserID, model.EventKeySaved)
				e.KeyID = k.ID
				want(t, s.MarkSaved(t.Context(), k.UserID, k.ID, how, base.Add(time.Minute), e), nil)
			}
			hasCard(t, s, k, model.Card{SavedHow: model.SavedByCopying, SavedAt: base.Add(time.Minute)})
			countsEvents(t, s, k.UserID, 1)
		}},
		{"a value that was never shown on a page is not saved there", func(t *testing.T, s *store.Store) {
			k, _ := addKeyWithCard(t, s, addUser(t, s).ID)
			other, _ := addKey(t, s, k.UserID, "lamp")
			for _, id := range []string{k.ID, other.ID, model.NewID(base)} {
				e := newEvent(k.UserID, model.EventKeySaved)
				want(t, s.MarkSaved(t.Context(), k.UserID, id, model.SavedByCopying, base, e), model.ErrNotFound)
			}
			hasCard(t, s, k, k.Card)
			countsEvents(t, s, k.UserID, 0)
		}},
		{"the value of a key at another server is saved by its card", func(t *testing.T, s *store.Store) {
			user, key, there := model.NewID(base), model.NewID(base), s.Elsewhere()
			e := newEvent(user, model.EventKeySaved)
			e.Elsewhere = true
			want(t, there.MarkSaved(t.Context(), user, key, model.SavedByCopying, base, e), model.ErrNotFound)
			want(t, there.SaveCard(t.Context(), user, key, model.KeptCard{Card: model.Card{SavedHow: model.NotSaved}}), nil)
			want(t, there.MarkSaved(t.Context(), user, key, model.SavedInManager, base, e), nil)
			cards, err := there.Cards(t.Context(), user)
			want(t, err, nil)
			if got := cards[key]; got.SavedHow != model.SavedInManager || !got.SavedAt.Equal(base) {
				t.Errorf("kept is %+v", got)
			}
			countsEvents(t, s, user, 1)
		}},
	}
}

// hasCard checks what is known of a key besides.
func hasCard(t *testing.T, s *store.Store, k model.Key, card model.Card) {
	t.Helper()
	got, err := s.APIKey(t.Context(), k.UserID, k.ID)
	want(t, err, nil)
	if got.Card != card {
		t.Errorf("the card is %+v, want %+v", got.Card, card)
	}
}

// countsEvents checks how many events a user has.
func countsEvents(t *testing.T, s *store.Store, userID string, n int) {
	t.Helper()
	events, err := s.Events(t.Context(), userID, model.EventQuery{Limit: 100})
	want(t, err, nil)
	if len(events) != n {
		t.Errorf("%d events, want %d: %+v", len(events), n, events)
	}
}
