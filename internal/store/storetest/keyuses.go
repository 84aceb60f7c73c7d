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
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff), nil)
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, k.ID), newKeyUse(base)), model.ErrNotFound)
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOn), nil)
			want(t, s.CreateAuthSession(t.Context(), newAuthSession(other.ID, k.ID), newKeyUse(base)), model.ErrNotFound)
			wantFacts(t, s, u.ID, facts{KeyID: k.ID, ValueHash: hash})
		}},
		{"turning a key off ends its sessions and keeps its use", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, hash := addKey(t, s, u.ID, "phone")
			useKey(t, s, k, newKeyUse(base))
			want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff), nil)
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
		{"what turning a key off ended is remembered until it is turned on", proveTurningOff},
		{"access goes on only of sessions that were in use", proveAccessUntil},
		{"the first refusal since a key was turned off is kept, however short a time ago the last was", proveFirstRefusal},
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

func proveTurningOff(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	other, _ := addKey(t, s, u.ID, "lamp")
	want(t, s.CreateAuthSession(t.Context(), newAuthSession(u.ID, ""), nil), nil)
	useKey(t, s, other, nil)
	for range 3 {
		useKey(t, s, k, nil)
	}
	over := newAuthSession(u.ID, k.ID)
	over.ExpiresAt = base.Add(time.Second)
	want(t, s.CreateAuthSession(t.Context(), over, nil), nil)
	turn, at := turnedOff, base.Add(time.Minute)
	turn.At = at
	cost := store.Stats{Writes: 1, Commits: 1}
	wantCost(t, s, cost, func() error { return s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turn) })
	off := model.KeyOff{At: at, Sessions: 3, AccessUntil: at.Add(30 * time.Minute)}
	wantOff(t, s, k, off)
	wantOff(t, s, other, model.KeyOff{})

	turn.At = at.Add(time.Hour) // it is off: nothing happens
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turn), nil)
	wantOff(t, s, k, off)
	want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, model.KeyRefusal{At: at.Add(time.Minute), Reason: "off"}), nil)
	off.FirstRefused = at.Add(time.Minute)
	wantOff(t, s, k, off)

	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOn), nil)
	wantOff(t, s, k, model.KeyOff{})
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turn), nil)
	wantOff(t, s, k, model.KeyOff{At: turn.At})
}

func proveAccessUntil(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	for seen, inUse := range map[time.Duration]bool{
		0: true, -40 * time.Minute: true, -40*time.Minute - time.Millisecond: false, -48 * time.Hour: false,
		3 * time.Hour: true, // the clock was set back since
	} {
		k, _ := addKey(t, s, u.ID, model.NewID(base))
		session := newAuthSession(u.ID, k.ID)
		want(t, s.CreateAuthSession(t.Context(), session, nil), nil)
		want(t, s.SawAuthSession(t.Context(), session.ID, base.Add(seen)), nil)
		off := model.KeyOff{At: base, Sessions: 1}
		if inUse {
			off.AccessUntil = base.Add(30 * time.Minute)
		}
		want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff), nil)
		wantOff(t, s, k, off)
	}
}

func proveFirstRefusal(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	k, _ := addKey(t, s, u.ID, "phone")
	refuse := func(after time.Duration) {
		t.Helper()
		r := model.KeyRefusal{At: base.Add(after), Reason: "off"}
		want(t, s.RecordRefusal(t.Context(), u.ID, k.ID, r, newEvent(u.ID, model.EventKeyRefused)), nil)
	}
	refuse(-time.Second) // while it is on: its account is disabled
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff), nil)
	wantOff(t, s, k, model.KeyOff{At: base})
	refuse(time.Second)
	refuse(2 * time.Second)
	refuse(time.Hour)
	wantOff(t, s, k, model.KeyOff{At: base, FirstRefused: base.Add(time.Second)})
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOn), nil)
	want(t, s.SetAPIKeyDisabled(t.Context(), u.ID, k.ID, turnedOff), nil)
	refuse(-time.Hour) // the clock was set back
	wantOff(t, s, k, model.KeyOff{At: base, FirstRefused: base.Add(-time.Hour)})
	written, err := s.Events(t.Context(), u.ID, model.EventQuery{Limit: 10})
	want(t, err, nil)
	if len(written) != 4 {
		t.Errorf("%d refusals are written down, want 4", len(written))
	}
}

func wantOff(t *testing.T, s *store.Store, k model.Key, off model.KeyOff) {
	t.Helper()
	got, err := s.APIKey(t.Context(), k.UserID, k.ID)
	want(t, err, nil)
	if diff := cmp.Diff(off, got.Usage.Off); diff != "" {
		t.Errorf("what ended (-want +got):\n%s", diff)
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

// turnedOff and turnedOn are how keys are turned off and on where it is all one when.
var turnedOff, turnedOn = store.Turn{Off: true, At: base, Access: 30 * time.Minute, Quiet: 40 * time.Minute}, store.Turn{At: base}

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
		key.Usage.Known, key.Usage.RecordingSince, key.Usage.Off = "", time.Time{}, model.KeyOff{}
		got[key.ID] = key.Usage
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}
