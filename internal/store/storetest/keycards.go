package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

func keyCards() []contract {
	return []contract{
		{"a key is created with its label, its note and its expiry", func(t *testing.T, s *store.Store) {
			k, _ := addKeyWithCard(t, s, addUser(t, s).ID)
			got, err := bare(s.APIKey(t.Context(), k.UserID, k.ID))
			want(t, err, nil)
			if diff := cmp.Diff(k, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"a key that was created without a label can be given one", func(t *testing.T, s *store.Store) {
			k, _ := addKey(t, s, addUser(t, s).ID, "phone")
			for _, card := range []model.Card{{Label: "مطبخ", Note: "left shelf"}, {Label: "Kitchen"}, {}} {
				want(t, s.LabelKey(t.Context(), k.UserID, k.ID, card.Label, card.Note), nil)
				got, err := s.APIKey(t.Context(), k.UserID, k.ID)
				want(t, err, nil)
				if got.Card != card {
					t.Errorf("the card is %+v, want %+v", got.Card, card)
				}
			}
			want(t, s.LabelKey(t.Context(), addUser(t, s).ID, k.ID, "mine", ""), model.ErrNotFound)
		}},
		{"the card of a key goes with the key and with its owner", func(t *testing.T, s *store.Store) {
			for end, act := range map[string]func(model.Key) error{
				"the key":   func(k model.Key) error { return deleteKey(t.Context(), s, k.UserID, k.ID) },
				"the owner": func(k model.Key) error { return s.DeleteUser(t.Context(), k.UserID) },
			} {
				k, _ := addKeyWithCard(t, s, addUser(t, s).ID)
				want(t, act(k), nil)
				cards, err := s.Elsewhere().Cards(t.Context(), k.UserID)
				want(t, err, nil)
				if len(cards) != 0 {
					t.Errorf("without %s there are %v", end, cards)
				}
			}
		}},
		{"cards of keys at another server are kept for users that are not here", func(t *testing.T, s *store.Store) {
			user, key, there := model.NewID(base), model.NewID(base), s.Elsewhere()
			kept := model.KeptCard{
				Card: model.Card{Label: "Küche", Note: "behind the lamp"}, Fingerprint: "17f31c2a17f31c2a", Email: "ana@example.com",
				ListedAt: base, ExpiresAt: base.Add(time.Hour),
			}
			want(t, there.SaveCard(t.Context(), user, key, kept), nil)
			want(t, there.LabelKey(t.Context(), user, key, "Kitchen", "", base.Add(time.Minute)), nil)
			kept.Card = model.Card{Label: "Kitchen"}
			for _, wanted := range []map[string]model.KeptCard{{key: kept}, {}} {
				cards, err := there.Cards(t.Context(), user)
				want(t, err, nil)
				if diff := cmp.Diff(wanted, cards); diff != "" {
					t.Error(diff)
				}
				want(t, there.DeleteCard(t.Context(), user, key), nil)
			}
			want(t, there.LabelKey(t.Context(), user, key, "a second one", "", base), nil)
			want(t, there.KeepFingerprint(t.Context(), user, key, "90be90be90be90be", base), nil)
			second, err := there.Cards(t.Context(), user)
			want(t, err, nil)
			if got := second[key]; got.Label != "a second one" || got.Fingerprint != "90be90be90be90be" {
				t.Errorf("the second card is %+v", got)
			}
			want(t, there.Forget(t.Context(), user), nil)
			cards, err := there.Cards(t.Context(), user)
			want(t, err, nil)
			if len(cards) != 0 {
				t.Errorf("of a user who is gone there are %v", cards)
			}
		}},
		{"a card of a key elsewhere goes when its key was in no list since a time", func(t *testing.T, s *store.Store) {
			user, there := model.NewID(base), s.Elsewhere()
			listed, unlisted, justListed := model.NewID(base), model.NewID(base), model.NewID(base)
			for id, at := range map[string]time.Time{listed: base, unlisted: base, justListed: base.Add(time.Hour)} {
				want(t, there.LabelKey(t.Context(), user, id, "x", "", at), nil)
			}
			now := base.Add(24 * time.Hour)
			want(t, there.Listed(t.Context(), user, []string{listed}, []string{unlisted, justListed, model.NewID(base)}, now, base), nil)
			cards, err := there.Cards(t.Context(), user)
			want(t, err, nil)
			if len(cards) != 2 || !cards[listed].ListedAt.Equal(now) || !cards[justListed].ListedAt.Equal(base.Add(time.Hour)) {
				t.Errorf("left are %v", cards)
			}
		}},
	}
}

// addKeyWithCard creates a key with everything on it that there can be at first.
func addKeyWithCard(t *testing.T, s *store.Store, userID string) (model.Key, [32]byte) {
	t.Helper()
	k, hash := newKey(userID, "phone")
	k.Card, k.ExpiresAt = model.Card{Label: "Küche", Note: "behind the lamp"}, base.Add(90*24*time.Hour)
	want(t, s.CreateAPIKey(t.Context(), k, hash, 20), nil)
	return k, hash
}
