package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func concurrency() []contract {
	contracts := []contract{
		{"creating and deleting at once never passes the limit", proveNeverPastLimit},
		{"one of many who want the same name gets it", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			counts := testkit.AtOnce(t, 100, func(ctx context.Context, _ int) error {
				k, hash := newKey(u.ID, "phone")
				return s.CreateAPIKey(ctx, k, hash, 20)
			}, model.ErrConflict)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"one of many who want the same value gets it", func(t *testing.T, s *store.Store) {
			users := []model.User{addUser(t, s), addUser(t, s)}
			hash := randomHash()
			counts := testkit.AtOnce(t, 200, func(ctx context.Context, i int) error {
				k, _ := newKey(users[i%2].ID, fmt.Sprintf("key-%d", i))
				k.Origin = model.OriginAdopted
				return s.CreateAPIKey(ctx, k, hash, 20)
			}, model.ErrTaken)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"one of many who want the same subject gets it", func(t *testing.T, s *store.Store) {
			counts := testkit.AtOnce(t, 100, func(ctx context.Context, _ int) error {
				u, id := newUser("ann")
				return s.CreateUser(ctx, u, id)
			}, model.ErrConflict)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"a key that was turned off has no session, however many were being opened", proveNoSessionAfterOff},
		{"one failing write does not fail those beside it", proveOwnErrors},
	}
	for _, before := range []int{0, 19, 20} {
		contracts = append(contracts, contract{
			fmt.Sprintf("1,000 creates at once at %d keys end with 20", before),
			func(t *testing.T, s *store.Store) { proveExactlyTwenty(t, s, before) },
		})
	}
	return contracts
}

func proveExactlyTwenty(t *testing.T, s *store.Store, before int) {
	u := addUser(t, s)
	for i := range before {
		addKey(t, s, u.ID, fmt.Sprintf("before-%d", i))
	}
	counts := testkit.AtOnce(t, 1000, func(ctx context.Context, i int) error {
		k, hash := newKey(u.ID, fmt.Sprintf("key-%d", i))
		return s.CreateAPIKey(ctx, k, hash, 20)
	}, model.ErrLimit)
	if counts[nil] != 20-before || counts[model.ErrLimit] != 980+before {
		t.Errorf("outcomes %v", counts)
	}
	got, err := s.APIKeys(t.Context(), u.ID)
	want(t, err, nil)
	if len(got) != 20 {
		t.Errorf("%d keys", len(got))
	}
}

// proveNeverPastLimit mixes 500 creates with 500 deletes and compares the list with the ledger of the answers.
func proveNeverPastLimit(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	var created, deleted atomic.Int64
	testkit.AtOnce(t, 500, func(ctx context.Context, i int) error {
		k, hash := newKey(u.ID, fmt.Sprintf("key-%d", i))
		if err := s.CreateAPIKey(ctx, k, hash, 20); err != nil {
			return err
		}
		created.Add(1)
		all, err := s.APIKeys(ctx, u.ID)
		if err != nil || len(all) > 20 {
			return fmt.Errorf("%d keys, %w", len(all), err)
		}
		if i%3 == 0 {
			return nil
		}
		deleted.Add(1)
		return deleteKey(ctx, s, u.ID, k.ID)
	}, model.ErrLimit)
	got, err := s.APIKeys(t.Context(), u.ID)
	want(t, err, nil)
	if ledger := int(created.Load() - deleted.Load()); len(got) != ledger || len(got) > 20 {
		t.Errorf("%d keys, the answers add up to %d", len(got), ledger)
	}
}

func proveNoSessionAfterOff(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	ids := make([]string, 64)
	var off atomic.Bool
	counts := testkit.AtOnce(t, len(ids), func(ctx context.Context, i int) error {
		if i == len(ids)/2 {
			err := s.SetAPIKeyDisabled(ctx, u.ID, k.ID, turnedOff)
			off.Store(true)
			return err
		}
		a := newAuthSession(u.ID, k.ID)
		ids[i] = a.ID
		late := off.Load()
		err := s.CreateAuthSession(ctx, a, nil)
		if err == nil && late {
			return fmt.Errorf("session opened after the key was off")
		}
		return err
	}, model.ErrNotFound)
	t.Logf("%d sessions opened before, %d refused after", counts[nil]-1, counts[model.ErrNotFound])
	for i, id := range ids {
		if i == len(ids)/2 {
			continue
		}
		_, err := s.AuthSession(t.Context(), id)
		want(t, err, model.ErrNotFound)
	}
}

// proveOwnErrors lets good writes and refused ones meet in the same transactions.
func proveOwnErrors(t *testing.T, s *store.Store) {
	u, full := addUser(t, s), addUser(t, s)
	addKey(t, s, u.ID, "taken")
	addKey(t, s, full.ID, "only")
	refusals := []error{model.ErrConflict, model.ErrLimit, model.ErrNotFound}
	counts := testkit.AtOnce(t, 400, func(ctx context.Context, i int) error {
		k, hash := newKey(u.ID, fmt.Sprintf("key-%d", i))
		limit := 1000
		switch i % 4 {
		case 1:
			k.Name = "taken"
		case 2:
			k.UserID, limit = full.ID, 1
		case 3:
			k.UserID = model.NewID(base)
		}
		return s.CreateAPIKey(ctx, k, hash, limit)
	}, refusals...)
	for _, kind := range append(refusals, nil) {
		if counts[kind] != 100 {
			t.Errorf("%v: %d times, want 100", kind, counts[kind])
		}
	}
	got, err := s.APIKeys(t.Context(), u.ID)
	want(t, err, nil)
	if len(got) != 101 {
		t.Errorf("%d keys, want the 101 acknowledged", len(got))
	}
}
