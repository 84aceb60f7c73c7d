package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

// knocks are devices that were refused because nobody has the value of their key.
func knocks() []contract {
	return []contract{
		{"a knock is remembered, and counted when the device tries again", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k := knock(t, s, "203.0.113.0/24", 1)
			again := k
			again.LastAt, again.Address, again.Agent, again.HintUser = base.Add(time.Hour), "203.0.113.9", "curl/8", u.ID
			again.ID, again.Network, again.Tries, again.Device.Name = "another", "elsewhere", 70, "new name"
			want(t, s.RememberKnock(t.Context(), again), nil)
			again.ID, again.Network, again.Tries = k.ID, k.Network, 2
			wantKnocks(t, s, again)
			again.LastAt, again.HintUser = base.Add(2*time.Hour), model.NewID(base) // there is no such user
			want(t, s.RememberKnock(t.Context(), again), nil)
			again.Tries, again.HintUser = 3, u.ID
			wantKnocks(t, s, again)
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			again.HintUser = ""
			wantKnocks(t, s, again)
		}},
		{"those are first that were tried last, and of nobody who is not here", func(t *testing.T, s *store.Store) {
			k := newKnock("203.0.113.0/24", 1)
			k.HintUser = model.NewID(base)
			want(t, s.RememberKnock(t.Context(), k), nil)
			k.HintUser = ""
			later := newKnock("203.0.113.0/24", 1)
			later.FirstAt = base.Add(time.Second)
			later.LastAt = later.FirstAt
			want(t, s.RememberKnock(t.Context(), later), nil)
			wantKnocks(t, s, later, k)
		}},
		{"a knock is found by the beginning of its id", func(t *testing.T, s *store.Store) {
			k := knock(t, s, "203.0.113.0/24", 1)
			for range 40 {
				knock(t, s, "198.51.100.0/24", 1)
				knock(t, s, "192.0.2.0/24", 1)
			}
			for beginning, least := range map[string]int{k.ID: 1, k.ID[:8]: 1, "": 2, k.ID + "0": 0, "ffffffffffffffffffffffffg": 0} {
				got, err := s.KnocksFrom(t.Context(), beginning, 2)
				want(t, err, nil)
				if len(got) != least || least == 1 && got[0] != k {
					t.Errorf("%q: %d knocks", beginning, len(got))
				}
			}
		}},
		{"one that is ignored is counted and not listed", func(t *testing.T, s *store.Store) {
			k := knock(t, s, "203.0.113.0/24", 1)
			open := knock(t, s, "203.0.113.0/24", 1)
			want(t, s.IgnoreKnock(t.Context(), k.ID), nil)
			want(t, s.IgnoreKnock(t.Context(), k.ID), nil)
			want(t, s.IgnoreKnock(t.Context(), "nothing"), model.ErrNotFound)
			want(t, s.RememberKnock(t.Context(), k), nil)
			k.Tries, k.Ignored = 2, true
			wantKnocks(t, s, open)
			got, err := s.Knocks(t.Context(), true)
			want(t, err, nil)
			if diff := cmp.Diff([]model.Knock{k}, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"in a network the least tried makes room, and of those the one that was tried longest ago", func(t *testing.T, s *store.Store) {
			var all []model.Knock
			for i := range store.MaxKnocksOfNetwork {
				all = append(all, knockAt(t, s, "203.0.113.0/24", int64(1+i%2), base.Add(time.Duration(i)*time.Second)))
			}
			other := knock(t, s, "198.51.100.0/24", 1)
			for i := range 3 {
				all = append(all, knockAt(t, s, "203.0.113.0/24", 1, base.Add(time.Hour+time.Duration(i)*time.Second)))
			}
			all = slices.Delete(slices.Delete(slices.Delete(all, 4, 5), 2, 3), 0, 1)
			slices.Reverse(all)
			wantKnocks(t, s, append(all, other)...)
		}},
		{"beyond a thousand the least tried of all makes room", func(t *testing.T, s *store.Store) {
			often := knock(t, s, "203.0.113.0/24", 3)
			seldom := knockAt(t, s, "203.0.113.0/24", 1, base.Add(-time.Second))
			for i := range store.MaxKnocks - 1 {
				knock(t, s, fmt.Sprint("network ", i/store.MaxKnocksOfNetwork), 2)
			}
			got, err := s.Knocks(t.Context(), false)
			want(t, err, nil)
			has := func(k model.Knock) bool {
				return slices.ContainsFunc(got, func(other model.Knock) bool { return other.ID == k.ID })
			}
			if len(got) != store.MaxKnocks || !has(often) || has(seldom) {
				t.Errorf("%d knocks, the one that was tried most is there: %v, the one tried least: %v", len(got), has(often), has(seldom))
			}
			n, err := s.CountKnocks(t.Context())
			want(t, err, nil)
			if n != store.MaxKnocks {
				t.Errorf("%d are counted", n)
			}
		}},
		{"many at once are no more than there may be", func(t *testing.T, s *store.Store) {
			testkit.AtOnce(t, 100, func(ctx context.Context, _ int) error {
				return s.RememberKnock(ctx, newKnock("203.0.113.0/24", 1))
			})
			got, err := s.Knocks(t.Context(), false)
			want(t, err, nil)
			if len(got) != store.MaxKnocksOfNetwork {
				t.Errorf("%d knocks", len(got))
			}
		}},
		{"a knock is gone when its value is adopted, and does not come back", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k := knock(t, s, "203.0.113.0/24", 1)
			key, _ := newKey(u.ID, "porch-cam")
			key.Origin = model.OriginAdopted
			refused := newKnock("203.0.113.0/24", 1)
			want(t, s.CreateAPIKey(t.Context(), key, refused.ValueHash, 20), nil)
			want(t, s.RememberKnock(t.Context(), refused), nil) // it was refused a moment before
			wantKnocks(t, s, k)
			key.ID, key.Name = model.NewID(base), "garage-pi"
			want(t, s.CreateAPIKey(t.Context(), key, k.ValueHash, 20), nil)
			wantKnocks(t, s)
		}},
		{"of many who adopt a knock at once one does", func(t *testing.T, s *store.Store) {
			users := []model.User{addUser(t, s), addUser(t, s)}
			k := knock(t, s, "203.0.113.0/24", 1)
			counts := testkit.AtOnce(t, 40, func(ctx context.Context, i int) error {
				key, _ := newKey(users[i%2].ID, fmt.Sprint("key-", i))
				key.Origin = model.OriginAdopted
				return s.CreateAPIKey(ctx, key, k.ValueHash, 20)
			}, model.ErrTaken)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
			wantKnocks(t, s)
		}},
		{"a knock goes two weeks after its last try", func(t *testing.T, s *store.Store) {
			gone, ignored := knock(t, s, "203.0.113.0/24", 900), knock(t, s, "203.0.113.0/24", 1)
			want(t, s.IgnoreKnock(t.Context(), ignored.ID), nil)
			stays := knockAt(t, s, "203.0.113.0/24", 1, base.Add(time.Second))
			want(t, s.Sweep(t.Context(), base.Add(14*24*time.Hour-time.Second), time.Hour), nil)
			wantKnocks(t, s, stays, gone)
			want(t, s.Sweep(t.Context(), base.Add(14*24*time.Hour), time.Hour), nil)
			wantKnocks(t, s, stays)
			got, err := s.Knocks(t.Context(), true)
			want(t, err, nil)
			if len(got) != 0 {
				t.Error("one that is ignored stays")
			}
		}},
		{"keys that were imported are not back until as many were adopted", func(t *testing.T, s *store.Store) {
			u, id := newUser("ann")
			key := func(id string) model.Identity {
				return model.Identity{ID: id, UserID: u.ID, Provider: model.ProviderAPIKey}
			}
			want(t, s.ImportUser(t.Context(), u, []model.Identity{key("one"), id, key("two"), key("two")}), nil)
			ids, err := s.Identities(t.Context(), u.ID)
			want(t, err, nil)
			if len(ids) != 1 {
				t.Errorf("a key is an identity: %+v", ids)
			}
			for i, left := range []int{2, 1, 0, 0} {
				if n, err := s.KeysNotBack(t.Context(), u.ID); err != nil || n != left {
					t.Errorf("%d adopted: %d not back, %v", i, n, err)
				}
				k, hash := newKey(u.ID, fmt.Sprint("key-", i))
				k.Origin = model.OriginAdopted
				want(t, s.CreateAPIKey(t.Context(), k, hash, 20), nil)
				addKey(t, s, u.ID, fmt.Sprint("new-", i))
			}
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			want(t, s.ImportUser(t.Context(), u, []model.Identity{id}), nil)
			if n, err := s.KeysNotBack(t.Context(), u.ID); err != nil || n != 0 {
				t.Errorf("%d keys of a user who was deleted, %v", n, err)
			}
		}},
	}
}

// newKnock returns a knock to remember, that was tried so often.
func newKnock(network string, tries int64) model.Knock {
	hash := randomHash()
	return model.Knock{
		ID: fmt.Sprintf("%x", hash[:12]), ValueHash: hash, FirstAt: base, LastAt: base, Tries: tries, Network: network,
		Address: "203.0.113.7", Agent: "undici",
		Device: model.Device{Name: "porch-cam", Platform: "linux", PlatformVersion: "6.1", SDK: "Node.js", SDKVersion: "12.6"},
	}
}

func knock(t *testing.T, s *store.Store, network string, tries int64) model.Knock {
	t.Helper()
	return knockAt(t, s, network, tries, base)
}

func knockAt(t *testing.T, s *store.Store, network string, tries int64, at time.Time) model.Knock {
	t.Helper()
	k := newKnock(network, tries)
	k.FirstAt, k.LastAt = at, at
	want(t, s.RememberKnock(t.Context(), k), nil)
	return k
}

// wantKnocks fails the test unless these are listed.
func wantKnocks(t *testing.T, s *store.Store, wanted ...model.Knock) {
	t.Helper()
	got, err := s.Knocks(t.Context(), false)
	want(t, err, nil)
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
	if n, err := s.CountKnocks(t.Context()); err != nil || n != int64(len(wanted)) {
		t.Errorf("%d are counted, %v", n, err)
	}
}
