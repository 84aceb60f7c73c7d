package storetest

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func keyUses() []contract {
	return []contract{
		{"a key that nobody tried has facts without times", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			wantFacts(t, s, u.ID)
			first, firstHash := addKey(t, s, u.ID, "phone")
			second, secondHash := addKey(t, s, u.ID, "lamp")
			addKey(t, s, addUser(t, s).ID, "not theirs")
			wantFacts(t, s, u.ID,
				facts{KeyID: first.ID, ValueHash: firstHash}, facts{KeyID: second.ID, ValueHash: secondHash})
		}},
		{"recording began when the store was made", func(t *testing.T, s *store.Store) {
			since := s.RecordingSince()
			if age := time.Since(since); age < -time.Millisecond || age > time.Minute || since.Location() != time.UTC {
				t.Errorf("recording since %v", since)
			}
		}},
		{"a use is kept as it was told, and the first keeps its time", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			other, otherHash := addKey(t, s, u.ID, "lamp")
			useKey(t, s, k, newKeyUse(base))
			last := model.KeyUse{At: base.Add(time.Hour), Address: "2001:db8::1"}
			useKey(t, s, k, &last)
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash, FirstUsed: base, LastUse: last},
				facts{KeyID: other.ID, ValueHash: otherHash})
			useKey(t, s, k, newKeyUse(base.Add(2*time.Hour)))
			wantFacts(t, s, u.ID,
				facts{KeyID: k.ID, ValueHash: hash, FirstUsed: base, LastUse: *newKeyUse(base.Add(2 * time.Hour))},
				facts{KeyID: other.ID, ValueHash: otherHash})
		}},
		{"a session may be opened without a trace", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			useKey(t, s, k, nil)
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash})
		}},
		{"a session that no key opened is no use of one", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, ""), newKeyUse(base)), nil)
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash})
		}},
		{"a session that was refused is no use", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, true), nil)
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, k.ID), newKeyUse(base)), model.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, false), nil)
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(other.ID, k.ID), newKeyUse(base)), model.ErrNotFound)
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash})
		}},
		{"turning a key off ends its sessions and keeps its use", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			useKey(t, s, k, newKeyUse(base))
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, true), nil)
			want(t, s.Sweep(t.Context(), base.Add(1000*time.Hour), time.Hour), nil)
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash, FirstUsed: base, LastUse: *newKeyUse(base)})
		}},
		{"a deleted key takes its use along", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			useKey(t, s, k, newKeyUse(base))
			want(t, deleteKey(t.Context(), s, u.ID, k.ID), nil)
			wantFacts(t, s, u.ID)
			again, hash := addKey(t, s, u.ID, "phone")
			wantFacts(t, s, u.ID, facts{KeyID: again.ID, ValueHash: hash})
			useKey(t, s, again, newKeyUse(base))
			want(t, s.DeleteUser(t.Context(), u.ID), nil)
			wantFacts(t, s, u.ID)
		}},
		{"of uses at once none is lost", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			testkit.AtOnce(t, 100, func(ctx context.Context, i int) error {
				return s.CreateAuthSession(ctx, newAuthSession(u.ID, k.ID), newKeyUse(base.Add(time.Duration(i)*time.Second)))
			})
			keys, err := s.Keys(t.Context(), u.ID)
			want(t, err, nil)
			if f := keys.List[0].Usage; f.FirstUsed.Before(base) || f.LastUse != *newKeyUse(f.LastUse.At) {
				t.Errorf("facts %+v", f)
			}
		}},
		{"a refusal stands beside the use", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			refused := model.KeyRefusal{At: base.Add(time.Minute), Address: "192.0.2.2", Reason: "off"}
			want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, refused), nil)
			facts := facts{KeyID: k.ID, ValueHash: hash, LastRefusal: refused}
			wantFacts(t, s, u.ID, facts)
			useKey(t, s, k, newKeyUse(base))
			facts.FirstUsed, facts.LastUse = base, *newKeyUse(base)
			wantFacts(t, s, u.ID, facts)
			facts.LastRefusal = model.KeyRefusal{At: base.Add(time.Hour), Reason: "else"}
			want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, facts.LastRefusal), nil)
			wantFacts(t, s, u.ID, facts)
		}},
		{"refusals are written once a minute, and the others cost no write", proveSeldomRefusals},
		{"a refusal of a key that is gone is nothing", func(t *testing.T, s *store.Store) {
			u, other := addUser(t, s), addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			for userID, keyID := range map[string]string{u.ID: model.NewID(base), other.ID: k.ID} {
				want(t, s.RecordRefusal(t.Context(), userID, keyID, model.KeyRefusal{At: base, Reason: "off"}), nil)
			}
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash})
			wantFacts(t, s, other.ID)
		}},
		{"keys with their usage are one read and no write", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			addKey(t, s, u.ID, "phone")
			wantCost(t, s, store.Stats{Reads: 1}, func() error {
				_, err := s.Keys(t.Context(), u.ID)
				return err
			})
		}},
	}
}

func proveSeldomRefusals(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, hash := addKey(t, s, u.ID, "phone")
	for _, refusal := range []struct {
		at      time.Duration
		written bool
	}{
		{0, true}, {0, false}, {time.Second, false}, {59_999 * time.Millisecond, false}, {time.Minute, true},
		{119 * time.Second, false}, {time.Hour, true},
		{time.Hour - time.Second, false}, {0, true}, // the clock was set back
	} {
		r := model.KeyRefusal{At: base.Add(refusal.at), Address: "192.0.2.2", Reason: "off"}
		cost := store.Stats{Reads: 1}
		if refusal.written {
			cost = store.Stats{Reads: 1, Writes: 1, Commits: 1}
		}
		wantCost(t, s, cost, func() error { return s.RecordRefusal(t.Context(), u.ID, k.ID, r) })
		if refusal.written {
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash, LastRefusal: r})
		}
	}
	// All at once read that the last was long ago; the statement lets one of them write.
	testkit.AtOnce(t, 50, func(ctx context.Context, i int) error {
		return s.RecordRefusal(ctx, u.ID, k.ID, model.KeyRefusal{At: base.Add(5 * time.Hour), Address: string(rune('a' + i))})
	})
	keys, err := s.Keys(t.Context(), u.ID)
	want(t, err, nil)
	winner := keys.List[0].Usage.LastRefusal
	late := model.KeyRefusal{At: base.Add(5*time.Hour + time.Second), Address: "late"}
	want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, late), nil)
	wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash, LastRefusal: winner})
}

// newKeyUse is a sign-in by a device that says all about itself.
func newKeyUse(at time.Time) *model.KeyUse {
	return &model.KeyUse{
		At: at, Address: "192.0.2.1", DeviceName: "porch-cam", Platform: "Linux", PlatformVersion: "6.1",
		SDK: "realm-web", SDKVersion: "2.0.1",
	}
}

// useKey opens a session with a key.
func useKey(t *testing.T, s *store.Store, k model.Key, use *model.KeyUse) {
	t.Helper()
	want(t, s.CreateAuthSession(t.Context(), newAuthSession(k.UserID, k.ID), use), nil)
}

// facts are what a test wants to be known of the use of a key.
type facts struct {
	KeyID       string
	ValueHash   [32]byte
	FirstUsed   time.Time
	LastUse     model.KeyUse
	LastRefusal model.KeyRefusal
}

func wantFacts(t *testing.T, s *store.Store, userID string, all ...facts) {
	t.Helper()
	wanted := map[string]model.KeyUsage{}
	for _, f := range all {
		wanted[f.KeyID] = model.KeyUsage{Fingerprint: hex.EncodeToString(f.ValueHash[:8]), FirstUsed: f.FirstUsed, LastUse: f.LastUse, LastRefusal: f.LastRefusal}
	}
	keys, err := s.Keys(t.Context(), userID)
	want(t, err, nil)
	got := map[string]model.KeyUsage{}
	for _, key := range keys.List {
		if key.Usage.Known != model.UsageKnown || key.Usage.RecordingSince != s.RecordingSince() {
			t.Errorf("usage is %q since %v", key.Usage.Known, key.Usage.RecordingSince)
		}
		key.Usage.Known, key.Usage.RecordingSince = "", time.Time{}
		got[key.ID] = key.Usage
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}
