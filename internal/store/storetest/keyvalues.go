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
		{"a leak turns a key off, ends its sessions and is remembered for good, with one event", func(t *testing.T, s *store.Store) {
			k, _ := addKeyWithCard(t, s, addUser(t, s).ID)
			a := addAuthSession(t, s, k.UserID, k.ID)
			turn := store.Turn{Off: true, At: base, Access: 30 * time.Minute, Quiet: 40 * time.Minute}
			e := newEvent(k.UserID, model.EventKeyLeaked)
			e.KeyID = k.ID
			for _, news := range []store.Leaked{{TurnedOff: true, Marked: true}, {}} {
				got, err := s.ReportLeak(t.Context(), k.UserID, k.ID, turn, e)
				want(t, err, nil)
				if got != news {
					t.Errorf("it changed %+v, want %+v", got, news)
				}
				e.At = e.At.Add(time.Hour)
			}
			_, err := s.AuthSession(t.Context(), a.ID)
			want(t, err, model.ErrNotFound)
			got, err := s.APIKey(t.Context(), k.UserID, k.ID)
			want(t, err, nil)
			if off := (model.KeyOff{At: base, Sessions: 1, AccessUntil: base.Add(30 * time.Minute)}); !got.Disabled || got.Usage.Off != off {
				t.Errorf("of turning it off is known %+v", got.Usage.Off)
			}
			card := k.Card
			card.LeakedAt = base
			hasCard(t, s, k, card)
			countsEvents(t, s, k.UserID, 1)
			_, err = s.ReportLeak(t.Context(), addUser(t, s).ID, k.ID, turn, e)
			want(t, err, model.ErrNotFound)
		}},
		{"a leaked key is turned on by its name where that is asked, and its event says that it leaked", func(t *testing.T, s *store.Store) {
			k, _ := addKey(t, s, addUser(t, s).ID, "phone")
			e := newEvent(k.UserID, model.EventKeyLeaked)
			e.KeyID = k.ID
			_, err := s.ReportLeak(t.Context(), k.UserID, k.ID, store.Turn{Off: true, At: base}, e)
			want(t, err, nil)
			e.Kind = model.EventKeyTurnedOn
			for _, name := range []string{"", "fone"} {
				_, err := s.TurnAPIKey(t.Context(), k.UserID, k.ID, store.Turn{At: base, AskName: true, Named: name}, e)
				want(t, err, model.ErrConflict)
			}
			countsEvents(t, s, k.UserID, 1)
			for _, turn := range []store.Turn{{At: base, AskName: true, Named: "phone"}, {At: base}} {
				leaked, err := s.TurnAPIKey(t.Context(), k.UserID, k.ID, turn, e)
				want(t, err, nil)
				if !leaked {
					t.Error("it is not said to be leaked")
				}
				want(t, s.SetAPIKeyDisabled(t.Context(), k.UserID, k.ID, store.Turn{Off: true, At: base}), nil)
			}
			events, err := s.Events(t.Context(), k.UserID, model.EventQuery{Kinds: []model.EventKind{model.EventKeyTurnedOn}, Limit: 9})
			want(t, err, nil)
			if len(events) != 2 || events[0].Detail != model.DetailLeaked || events[1].Detail != model.DetailLeaked {
				t.Errorf("written down is %+v", events)
			}
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
