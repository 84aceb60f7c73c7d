package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func keys() []contract {
	return []contract{
		{"a key is found by its id and by the hash of its value", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			addKey(t, s, u.ID, "tablet")
			got, err := bare(s.APIKey(t.Context(), u.ID, k.ID))
			want(t, err, nil)
			if diff := cmp.Diff(k, got); diff != "" {
				t.Error(diff)
			}
			got, err = s.APIKeyByValueHash(t.Context(), hash)
			want(t, err, nil)
			if diff := cmp.Diff(k, got); diff != "" {
				t.Error(diff)
			}
			_, err = bare(s.APIKey(t.Context(), u.ID, model.NewID(base)))
			want(t, err, model.ErrNotFound)
			_, err = s.APIKeyByValueHash(t.Context(), randomHash())
			want(t, err, model.ErrNotFound)
		}},
		{"keys are listed in the order of their creation", func(t *testing.T, s *store.Store) {
			u, neighbour := addUser(t, s), addUser(t, s)
			var wanted []model.Key
			for i := range 20 {
				k, _ := addKey(t, s, u.ID, fmt.Sprintf("key-%02d", 99-i))
				wanted = append(wanted, k)
				addKey(t, s, neighbour.ID, k.Name)
			}
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, wanted[7].ID, turnedOff), nil)
			want(t, deleteKey(t.Context(), s, u.ID, wanted[3].ID), nil)
			wanted[7].Disabled = true
			wanted = slices.Delete(wanted, 3, 4)
			got, err := s.APIKeys(t.Context(), u.ID)
			want(t, err, nil)
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"who has no keys gets an empty list", func(t *testing.T, s *store.Store) {
			u, neighbour := addUser(t, s), addUser(t, s)
			addKey(t, s, neighbour.ID, "phone")
			for _, id := range []string{u.ID, model.NewID(base), ""} {
				got, err := s.APIKeys(t.Context(), id)
				want(t, err, nil)
				if len(got) != 0 {
					t.Errorf("%q has %d keys", id, len(got))
				}
			}
		}},
		{"somebody else's key is not found and stays as it is", func(t *testing.T, s *store.Store) {
			owner, other := addUser(t, s), addUser(t, s)
			k, _ := addKey(t, s, owner.ID, "phone")
			_, err := bare(s.APIKey(t.Context(), other.ID, k.ID))
			want(t, err, model.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), other.ID, k.ID, turnedOff), model.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), other.ID, k.ID, turnedOn), model.ErrNotFound)
			want(t, deleteKey(t.Context(), s, other.ID, k.ID), model.ErrNotFound)
			got, err := bare(s.APIKey(t.Context(), owner.ID, k.ID))
			want(t, err, nil)
			if diff := cmp.Diff(k, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"a form creates one key, whatever becomes of that", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			k, _ := addKeyByForm(t, s, u.ID, "phone", "form", nil)
			addKeyByForm(t, s, u.ID, "phone", "form", model.ErrRepeated)
			addKeyByForm(t, s, u.ID, "tablet", "form", model.ErrRepeated)
			addKeyByForm(t, s, other.ID, "tablet", "form", nil)
			want(t, deleteKey(t.Context(), s, u.ID, k.ID), nil)
			addKeyByForm(t, s, u.ID, "phone", "form", model.ErrRepeated)
			addKeyByForm(t, s, u.ID, "phone", "another form", nil)
			want(t, s.Sweep(t.Context(), base.Add(24*time.Hour-time.Second), time.Hour), nil)
			addKeyByForm(t, s, u.ID, "tablet", "form", model.ErrRepeated)
			want(t, s.Sweep(t.Context(), base.Add(24*time.Hour), time.Hour), nil)
			addKeyByForm(t, s, u.ID, "tablet", "form", nil)
		}},
		{"a form whose key was refused is not used up", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			addKey(t, s, u.ID, "phone")
			addKeyByForm(t, s, u.ID, "phone", "form", model.ErrConflict)
			addKeyByForm(t, s, model.NewID(base), "phone", "form", model.ErrNotFound)
			for i := range 19 {
				addKey(t, s, u.ID, fmt.Sprintf("key-%d", i))
			}
			addKeyByForm(t, s, u.ID, "tablet", "form", model.ErrLimit)
			got, err := s.APIKeys(t.Context(), u.ID)
			want(t, err, nil)
			want(t, deleteKey(t.Context(), s, u.ID, got[0].ID), nil)
			addKeyByForm(t, s, u.ID, "tablet", "form", nil)
		}},
		{"of many who send one form at once one creates the key", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			counts := testkit.AtOnce(t, 50, func(ctx context.Context, i int) error {
				k, hash := newKey(u.ID, fmt.Sprintf("key-%d", i))
				return s.CreateAPIKeyOnce(ctx, k, hash, 20, "form")
			}, model.ErrRepeated)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"a name is used once by a user, by its exact letters", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			first, firstHash := addKey(t, s, u.ID, "phone")
			k, hash := newKey(u.ID, "phone")
			want(t, s.CreateAPIKey(t.Context(), k, hash, 20), model.ErrConflict)
			_, err := s.APIKeyByValueHash(t.Context(), hash)
			want(t, err, model.ErrNotFound)
			addKey(t, s, u.ID, "Phone")
			addKey(t, s, other.ID, "phone")
			got, err := s.APIKeyByValueHash(t.Context(), firstHash)
			want(t, err, nil)
			if diff := cmp.Diff(first, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"a deleted key is gone, and its name is free", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			got, err := s.DeleteAPIKey(t.Context(), u.ID, k.ID)
			want(t, err, nil)
			if diff := cmp.Diff(k, got); diff != "" {
				t.Errorf("it is not given as it was:\n%s", diff)
			}
			want(t, deleteKey(t.Context(), s, u.ID, k.ID), model.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOn), model.ErrNotFound)
			_, err = bare(s.APIKey(t.Context(), u.ID, k.ID))
			want(t, err, model.ErrNotFound)
			_, err = s.APIKeyByValueHash(t.Context(), hash)
			want(t, err, model.ErrNotFound)
			addKey(t, s, u.ID, "phone")
		}},
		{"the limit counts keys that are off, and deleting makes room", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			var last model.Key
			for i := range 20 {
				last, _ = addKey(t, s, u.ID, fmt.Sprintf("key-%d", i))
				want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, last.ID, turnedOff), nil)
			}
			k, hash := newKey(u.ID, "one-more")
			want(t, s.CreateAPIKey(t.Context(), k, hash, 20), model.ErrLimit)
			addKey(t, s, other.ID, "one-more")
			want(t, deleteKey(t.Context(), s, u.ID, last.ID), nil)
			want(t, s.CreateAPIKey(t.Context(), k, hash, 20), nil)
		}},
		{"at the limit a name in use is answered with the limit", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			addKey(t, s, u.ID, "phone")
			k, hash := newKey(u.ID, "phone")
			want(t, s.CreateAPIKey(t.Context(), k, hash, 1), model.ErrLimit)
			want(t, s.CreateAPIKey(t.Context(), k, hash, 2), model.ErrConflict)
		}},
		{"a user who is not there cannot have a key", func(t *testing.T, s *store.Store) {
			k, hash := newKey(model.NewID(base), "phone")
			want(t, s.CreateAPIKey(t.Context(), k, hash, 20), model.ErrNotFound)
		}},
		{"two keys of one value are refused, and not as a name in use", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			_, hash := addKey(t, s, u.ID, "phone")
			k, _ := newKey(u.ID, "tablet")
			err := s.CreateAPIKey(t.Context(), k, hash, 20)
			if err == nil {
				t.Fatal("a value was stored twice")
			}
			for _, kind := range []error{model.ErrConflict, model.ErrLimit, model.ErrNotFound} {
				if errors.Is(err, kind) {
					t.Errorf("refused as %v", kind)
				}
			}
		}},
		{"turning off and on again is repeatable and touches one key", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			neighbour, _ := addKey(t, s, u.ID, "tablet")
			for _, off := range []bool{true, true, false, false, true} {
				want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, store.Turn{Off: off, At: base}), nil)
				got, err := s.APIKeyByValueHash(t.Context(), hash)
				want(t, err, nil)
				if got.Disabled != off {
					t.Errorf("disabled is %v, want %v", got.Disabled, off)
				}
			}
			got, err := bare(s.APIKey(t.Context(), u.ID, neighbour.ID))
			want(t, err, nil)
			if got.Disabled {
				t.Error("the neighbour was turned off")
			}
		}},
		{"turning a key off ends the sessions it opened, and no others", func(t *testing.T, s *store.Store) {
			proveSessionsEnd(t, s, func(userID, keyID string) error {
				return s.SetAPIKeyDisabled(t.Context(), userID, keyID, turnedOff)
			})
		}},
		{"deleting a key ends the sessions it opened, and no others", func(t *testing.T, s *store.Store) {
			proveSessionsEnd(t, s, func(userID, keyID string) error {
				return deleteKey(t.Context(), s, userID, keyID)
			})
		}},
		{"turning a key on ends nothing", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			a := addAuthSession(t, s, u.ID, k.ID)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOn), nil)
			_, err := s.AuthSession(t.Context(), a.ID)
			want(t, err, nil)
		}},
	}
}

// proveSessionsEnd opens sessions with the key that end is called for, with another key and with none.
func proveSessionsEnd(t *testing.T, s *store.Store, end func(userID, keyID string) error) {
	u, other := addUser(t, s), addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	neighbour, _ := addKey(t, s, u.ID, "tablet")
	foreign, _ := addKey(t, s, other.ID, "phone")
	ends := []model.Session{addAuthSession(t, s, u.ID, k.ID), addAuthSession(t, s, u.ID, k.ID)}
	stays := []model.Session{
		addAuthSession(t, s, u.ID, ""), addAuthSession(t, s, u.ID, neighbour.ID), addAuthSession(t, s, other.ID, foreign.ID),
	}
	want(t, end(u.ID, k.ID), nil)
	for _, a := range ends {
		_, err := s.AuthSession(t.Context(), a.ID)
		want(t, err, model.ErrNotFound)
	}
	for _, a := range stays {
		_, err := s.AuthSession(t.Context(), a.ID)
		want(t, err, nil)
	}
}

// bare is a key without its usage, as it was created.
func bare(k model.Key, err error) (model.Key, error) {
	k.Usage = model.KeyUsage{}
	return k, err
}

// deleteKey deletes a key that is looked at nowhere else.
func deleteKey(ctx context.Context, s *store.Store, userID, id string, events ...model.Event) error {
	_, err := s.DeleteAPIKey(ctx, userID, id, events...)
	return err
}

// addKeyByForm creates a key by a form, or is refused so.
func addKeyByForm(t *testing.T, s *store.Store, userID, name, form string, refusal error) (model.Key, [32]byte) {
	t.Helper()
	k, hash := newKey(userID, name)
	want(t, s.CreateAPIKeyOnce(t.Context(), k, hash, 20, form), refusal)
	return k, hash
}
