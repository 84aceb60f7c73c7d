package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// serverKeys are keys that belong to no person.
func serverKeys() []contract {
	return []contract{
		{"a server key has a user of its own, who is found by nothing but it", proveServerKey},
		{"a server key that is refused leaves nothing", proveRefusedServerKey},
		{"of 250 server keys at once exactly 100 are created", func(t *testing.T, s *store.Store) {
			for i := range 60 {
				addServerKey(t, s, fmt.Sprintf("before-%d", i))
			}
			counts := testkit.AtOnce(t, 190, func(ctx context.Context, i int) error {
				k, hash := newServerKey(fmt.Sprintf("key-%d", i))
				return s.CreateServerKey(ctx, k, hash, model.MaxServerKeys)
			}, model.ErrLimit)
			all, err := s.ServerKeys(t.Context())
			want(t, err, nil)
			if counts[nil] != 40 || counts[model.ErrLimit] != 150 || len(all) != 100 {
				t.Errorf("outcomes %v, %d keys", counts, len(all))
			}
			want(t, s.DeleteUser(t.Context(), all[0].UserID), nil) // which makes room
			addServerKey(t, s, "one-more")
		}},
		{"one of many server keys of a name is created", func(t *testing.T, s *store.Store) {
			counts := testkit.AtOnce(t, 50, func(ctx context.Context, _ int) error {
				k, hash := newServerKey("gateway")
				return s.CreateServerKey(ctx, k, hash, model.MaxServerKeys)
			}, model.ErrConflict)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
	}
}

// newServerKey returns a server key to create, and a hash for it.
func newServerKey(name string) (model.Key, [32]byte) { return newKey(model.NewID(base), name) }

func addServerKey(t *testing.T, s *store.Store, name string) (model.Key, [32]byte) {
	t.Helper()
	k, hash := newServerKey(name)
	want(t, s.CreateServerKey(t.Context(), k, hash, model.MaxServerKeys), nil)
	return k, hash
}

func proveServerKey(t *testing.T, s *store.Store) {
	person := addUser(t, s)
	k, hash := newServerKey("gateway")
	k.Origin = model.OriginAdopted
	created := model.Event{UserID: k.UserID, At: base, Kind: model.EventKeyAdopted, Actor: model.ActorOperator, KeyID: k.ID, KeyName: k.Name}
	want(t, s.CreateServerKey(t.Context(), k, hash, model.MaxServerKeys, created), nil)
	second, _ := addServerKey(t, s, "a-hub")

	a := newAuthSession(k.UserID, k.ID)
	use := model.KeyUse{At: base.Add(time.Minute), Address: "192.0.2.1", Platform: "linux"}
	want(t, s.CreateAuthSession(t.Context(), a, &use), nil)
	found, err := s.ServerKey(t.Context(), "gateway")
	want(t, err, nil)
	if found.Usage.LastUse != use || len(found.Usage.Fingerprint) != 16 {
		t.Errorf("usage %+v", found.Usage)
	}
	got, err := bare(found, nil)
	want(t, err, nil)
	if diff := cmp.Diff(k, got); diff != "" {
		t.Error(diff)
	}
	name, _, err := s.ServerKeyUser(t.Context(), k.UserID)
	want(t, err, nil)
	all, err := s.ServerKeys(t.Context())
	want(t, err, nil)
	if name != "gateway" || len(all) != 2 || all[0].ID != k.ID || all[1].ID != second.ID || all[1].UserID != second.UserID {
		t.Errorf("%q, %+v", name, all)
	}
	events, err := s.Events(t.Context(), k.UserID, model.EventQuery{Limit: 9})
	want(t, err, nil)
	if len(events) != 1 || events[0].Kind != model.EventKeyAdopted {
		t.Errorf("events %+v", events)
	}

	_, _, err = s.ServerKeyUser(t.Context(), person.ID)
	want(t, err, model.ErrNotFound)
	_, err = s.Identities(t.Context(), k.UserID)
	want(t, err, model.ErrNotFound)
	users, err := s.Users(t.Context(), "", 10)
	want(t, err, nil)
	accounts, keys, err := s.CountUsers(t.Context())
	want(t, err, nil)
	if len(users) != 1 || users[0].ID != person.ID || accounts != 1 || keys != 2 {
		t.Errorf("%d listed, %d accounts, %d keys", len(users), accounts, keys)
	}

	want(t, s.SetAPIKeyDisabled(t.Context(), k.UserID, k.ID, turnedOff), nil)
	_, err = s.AuthSession(t.Context(), a.ID)
	want(t, err, model.ErrNotFound)
	want(t, s.DeleteUser(t.Context(), k.UserID), nil)
	_, err = s.ServerKey(t.Context(), "gateway")
	want(t, err, model.ErrNotFound)
	_, err = s.APIKeyByValueHash(t.Context(), hash)
	want(t, err, model.ErrNotFound)
}

func proveRefusedServerKey(t *testing.T, s *store.Store) {
	person := addUser(t, s)
	_, taken := addKey(t, s, person.ID, "phone")
	addServerKey(t, s, "gateway")
	k, hash := newServerKey("gateway")
	want(t, s.CreateServerKey(t.Context(), k, hash, 100), model.ErrConflict)
	k.Name = "hub"
	want(t, s.CreateServerKey(t.Context(), k, taken, 100), model.ErrTaken)
	want(t, s.CreateServerKey(t.Context(), k, hash, 1), model.ErrLimit)
	_, err := s.User(t.Context(), k.UserID)
	want(t, err, model.ErrNotFound)
	want(t, s.CreateServerKey(t.Context(), k, hash, 100), nil)
}
