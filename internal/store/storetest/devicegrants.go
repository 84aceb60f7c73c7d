package storetest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/store"
)

// plenty is more grants than a test makes.
const plenty = 10_000

var (
	ann, ben         = "ann", "ben"
	laptop, phone    = [32]byte{1}, [32]byte{2}
	grantsLast       = 10 * time.Minute
	never, noRepeats = base.Add(1000 * time.Hour), base.Add(-1000 * time.Hour)
)

func deviceGrants() []contract {
	return []contract{
		{"a grant is kept as it was created, and waits", func(t *testing.T, s *store.Store) {
			empty := store.DeviceGrant{ID: "empty", State: "pending", CreatedAt: base, ExpiresAt: base}
			for _, g := range []store.DeviceGrant{newGrant(), empty} {
				want(t, s.CreateGrant(t.Context(), g, plenty), nil)
				wantGrant(t, s, g)
			}
			_, err := s.Grant(t.Context(), "another")
			want(t, err, store.ErrNotFound)
			_, err = s.GrantByDeviceCode(t.Context(), randomHash())
			want(t, err, store.ErrNotFound)
		}},
		{"nothing is decided about a grant that is created", func(t *testing.T, s *store.Store) {
			g := newGrant()
			decided := g
			decided.State, decided.UserID, decided.Session, decided.KeyID, decided.KeyName = "approved", ann, laptop, "id", "name"
			decided.Sealed, decided.ApprovedAt, decided.DeliveredAt = []byte("x"), base, base
			want(t, s.CreateGrant(t.Context(), decided, plenty), nil)
			wantGrant(t, s, g)
		}},
		{"a user code that a kept grant has is a conflict", func(t *testing.T, s *store.Store) {
			g, same := newGrant(), newGrant()
			same.UserCode = g.UserCode
			want(t, s.CreateGrant(t.Context(), g, plenty), nil)
			want(t, s.CreateGrant(t.Context(), same, plenty), store.ErrConflict)
			same.CreatedAt = g.ExpiresAt.Add(time.Minute) // the other has expired and is still kept
			want(t, s.CreateGrant(t.Context(), same, plenty), store.ErrConflict)
			want(t, s.SweepGrants(t.Context(), same.CreatedAt, same.CreatedAt, same.CreatedAt), nil)
			want(t, s.CreateGrant(t.Context(), same, plenty), nil)
		}},
		{"no more than the limit wait at a time", proveGrantLimit},
		{"a grant is shown to one user, who may come again from elsewhere", func(t *testing.T, s *store.Store) {
			g := addGrant(t, s)
			wantClaim(t, s, g, ann, laptop)
			wantClaim(t, s, g, ann, phone)
			_, err := s.ClaimGrant(t.Context(), g.UserCode, ben, laptop, base)
			want(t, err, store.ErrNotFound)
			_, err = s.ClaimGrant(t.Context(), "another", ann, laptop, base)
			want(t, err, store.ErrNotFound)
			g.UserID, g.Session = ann, phone
			wantGrant(t, s, g)
		}},
		{"only who was shown a grant decides it, where it was shown last", proveOnlyTheShownDecide},
		{"what has expired is not decided any more", func(t *testing.T, s *store.Store) {
			g := addGrant(t, s)
			late := g.ExpiresAt
			_, err := s.ClaimGrant(t.Context(), g.UserCode, ann, laptop, late)
			want(t, err, store.ErrNotFound)
			g = wantClaim(t, s, g, ann, laptop)
			want(t, s.DenyGrant(t.Context(), g.ID, ann, laptop, late), store.ErrNotFound)
			want(t, s.BeginApproval(t.Context(), g.ID, ann, laptop, late), store.ErrNotFound)
			wantGrant(t, s, g)
			want(t, s.BeginApproval(t.Context(), g.ID, ann, laptop, late.Add(-time.Millisecond)), nil)
			want(t, s.FinishApproval(t.Context(), g.ID, "id", "name", []byte("x"), late), store.ErrNotFound)
			want(t, s.FinishApproval(t.Context(), g.ID, "id", "name", []byte("x"), late.Add(-time.Millisecond)), nil)
			_, err = s.DeliverGrant(t.Context(), g.DeviceCodeHash, late, noRepeats, never)
			want(t, err, store.ErrNotFound)
		}},
		{"an approval that comes to nothing can be begun again, or denied", func(t *testing.T, s *store.Store) {
			g := wantClaim(t, s, addGrant(t, s), ann, laptop)
			want(t, s.CancelApproval(t.Context(), g.ID), store.ErrNotFound)
			for range 2 {
				want(t, s.BeginApproval(t.Context(), g.ID, ann, laptop, base), nil)
				want(t, s.BeginApproval(t.Context(), g.ID, ann, laptop, base), store.ErrNotFound)
				want(t, s.DenyGrant(t.Context(), g.ID, ann, laptop, base), store.ErrNotFound)
				_, err := s.ClaimGrant(t.Context(), g.UserCode, ann, laptop, base)
				want(t, err, store.ErrNotFound)
				want(t, s.CancelApproval(t.Context(), g.ID), nil)
				wantGrant(t, s, g)
			}
			want(t, s.FinishApproval(t.Context(), g.ID, "id", "name", []byte("x"), base), store.ErrNotFound)
			want(t, s.DenyGrant(t.Context(), g.ID, ann, laptop, base), nil)
			want(t, s.BeginApproval(t.Context(), g.ID, ann, laptop, base), store.ErrNotFound)
			g.State = "denied"
			wantGrant(t, s, g)
		}},
		{"an approved grant is delivered", func(t *testing.T, s *store.Store) {
			g := addGrant(t, s)
			_, err := s.DeliverGrant(t.Context(), g.DeviceCodeHash, base, noRepeats, never)
			want(t, err, store.ErrNotFound)
			g = approve(t, s, g)
			wantGrant(t, s, g)
			want(t, s.CancelApproval(t.Context(), g.ID), store.ErrNotFound)
			want(t, s.DenyGrant(t.Context(), g.ID, ann, laptop, base), store.ErrNotFound)
			at := base.Add(time.Minute)
			got, err := s.DeliverGrant(t.Context(), g.DeviceCodeHash, at, at, at)
			want(t, err, nil)
			g.State, g.DeliveredAt = "delivered", at
			if diff := cmp.Diff(g, got); diff != "" {
				t.Error(diff)
			}
			wantGrant(t, s, g)
		}},
		{"a delivery is repeated for a while, and not too soon", proveRepeatedDelivery},
		{"a sweep forgets sealed values and then the grants", proveGrantSweep},
		{"a sweep takes more than one batch", func(t *testing.T, s *store.Store) {
			grants := make([]store.DeviceGrant, 1000)
			atOnce(t, len(grants), func(ctx context.Context, i int) error {
				grants[i] = newGrant()
				return s.CreateGrant(ctx, grants[i], plenty)
			})
			want(t, s.SweepGrants(t.Context(), never, never, never), nil)
			for _, g := range grants {
				_, err := s.Grant(t.Context(), g.ID)
				want(t, err, store.ErrNotFound)
			}
		}},
		{"every change is one commit", func(t *testing.T, s *store.Store) {
			g := newGrant()
			for _, change := range []func() error{
				func() error { return s.CreateGrant(t.Context(), g, plenty) },
				func() error { _, err := s.ClaimGrant(t.Context(), g.UserCode, ann, laptop, base); return err },
				func() error { return s.BeginApproval(t.Context(), g.ID, ann, laptop, base) },
				func() error { return s.CancelApproval(t.Context(), g.ID) },
				func() error { return s.BeginApproval(t.Context(), g.ID, ann, laptop, base) },
				func() error { return s.FinishApproval(t.Context(), g.ID, "id", "name", nil, base) },
				func() error { _, err := s.DeliverGrant(t.Context(), g.DeviceCodeHash, base, base, base); return err },
			} {
				wantCost(t, s, store.Stats{Writes: 1, Commits: 1}, change)
			}
		}},
		{"of approving and denying at once one happens", func(t *testing.T, s *store.Store) {
			for range 20 {
				g := wantClaim(t, s, addGrant(t, s), ann, laptop)
				counts := atOnce(t, 20, func(ctx context.Context, i int) error {
					if i%2 == 0 {
						return s.DenyGrant(ctx, g.ID, ann, laptop, base)
					}
					return s.BeginApproval(ctx, g.ID, ann, laptop, base)
				}, store.ErrNotFound)
				if counts[nil] != 1 {
					t.Errorf("outcomes %v", counts)
				}
			}
		}},
		{"of users who are shown a grant at once one has it", func(t *testing.T, s *store.Store) {
			g := addGrant(t, s)
			counts := atOnce(t, 50, func(ctx context.Context, i int) error {
				_, err := s.ClaimGrant(ctx, g.UserCode, fmt.Sprintf("user-%d", i), laptop, base)
				return err
			}, store.ErrNotFound)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"of 100 deliveries at once one happens", func(t *testing.T, s *store.Store) {
			g := approve(t, s, addGrant(t, s))
			var values sync.Map
			counts := atOnce(t, 100, func(ctx context.Context, i int) error {
				got, err := s.DeliverGrant(ctx, g.DeviceCodeHash, base, base.Add(-time.Minute), base.Add(-4*time.Second))
				if err == nil {
					values.Store(i, got.Sealed)
				}
				return err
			}, store.ErrNotFound)
			if counts[nil] != 1 {
				t.Errorf("outcomes %v", counts)
			}
			values.Range(func(_, sealed any) bool {
				if !bytes.Equal(sealed.([]byte), g.Sealed) {
					t.Errorf("delivered %q", sealed)
				}
				return true
			})
		}},
	}
}

func proveGrantLimit(t *testing.T, s *store.Store) {
	counts := atOnce(t, 50, func(ctx context.Context, _ int) error { return s.CreateGrant(ctx, newGrant(), 3) }, store.ErrLimit)
	if counts[nil] != 3 {
		t.Errorf("outcomes %v", counts)
	}
	decided := newGrant()
	want(t, s.CreateGrant(t.Context(), decided, 4), nil)
	want(t, s.CreateGrant(t.Context(), newGrant(), 4), store.ErrLimit)
	decided = wantClaim(t, s, decided, ann, laptop)
	want(t, s.CreateGrant(t.Context(), newGrant(), 4), store.ErrLimit) // shown, and nobody has decided
	want(t, s.DenyGrant(t.Context(), decided.ID, ann, laptop, base), nil)
	later := newGrant()
	later.ExpiresAt = later.ExpiresAt.Add(time.Second)
	want(t, s.CreateGrant(t.Context(), later, 4), nil)
	later = newGrant()
	later.CreatedAt = base.Add(grantsLast) // three of the four have expired
	later.ExpiresAt = later.CreatedAt.Add(grantsLast)
	want(t, s.CreateGrant(t.Context(), later, 1), store.ErrLimit)
	want(t, s.CreateGrant(t.Context(), later, 2), nil)
}

func proveOnlyTheShownDecide(t *testing.T, s *store.Store) {
	g := addGrant(t, s)
	refused := func(userID string, session [32]byte) {
		t.Helper()
		want(t, s.DenyGrant(t.Context(), g.ID, userID, session, base), store.ErrNotFound)
		want(t, s.BeginApproval(t.Context(), g.ID, userID, session, base), store.ErrNotFound)
	}
	refused(ann, laptop)
	refused("", [32]byte{}) // as nobody, before anybody was shown it
	wantClaim(t, s, g, ann, laptop)
	refused(ann, phone)
	refused(ben, laptop)
	refused("", laptop)
	wantClaim(t, s, g, ann, phone)
	refused(ann, laptop)
	want(t, s.DenyGrant(t.Context(), "another", ann, phone, base), store.ErrNotFound)
	want(t, s.DenyGrant(t.Context(), g.ID, ann, phone, base), nil)
}

func proveRepeatedDelivery(t *testing.T, s *store.Store) {
	g := approve(t, s, addGrant(t, s))
	deliver := func(after time.Duration) error {
		now := base.Add(after)
		got, err := s.DeliverGrant(t.Context(), g.DeviceCodeHash, now, now.Add(-time.Minute), now.Add(-4*time.Second))
		if err == nil && (!bytes.Equal(got.Sealed, g.Sealed) || !got.DeliveredAt.Equal(base) || got.State != "delivered") {
			t.Errorf("after %v: %+v", after, got)
		}
		return err
	}
	want(t, deliver(0), nil)
	want(t, deliver(0), store.ErrNotFound)
	want(t, deliver(4*time.Second-time.Millisecond), store.ErrNotFound)
	want(t, deliver(4*time.Second), nil)
	want(t, deliver(7*time.Second), store.ErrNotFound) // four seconds after the first, three after the last
	want(t, deliver(time.Minute-time.Millisecond), nil)
	want(t, deliver(time.Minute), store.ErrNotFound)
	want(t, deliver(time.Hour), store.ErrNotFound)

	// The device may come for its repetition after the grant's time.
	late := approve(t, s, addGrant(t, s))
	at := late.ExpiresAt.Add(-time.Millisecond)
	_, err := s.DeliverGrant(t.Context(), late.DeviceCodeHash, at, at, at)
	want(t, err, nil)
	_, err = s.DeliverGrant(t.Context(), late.DeviceCodeHash, at.Add(5*time.Second), at.Add(-time.Minute), at)
	want(t, err, nil)
}

func proveGrantSweep(t *testing.T, s *store.Store) {
	waits, fetched, fetchedLate, undelivered := addGrant(t, s), addGrant(t, s), addGrant(t, s), addGrant(t, s)
	deliver := func(g store.DeviceGrant, at time.Time) store.DeviceGrant {
		got, err := s.DeliverGrant(t.Context(), approve(t, s, g).DeviceCodeHash, at, at, at)
		want(t, err, nil)
		return got
	}
	fetched, fetchedLate = deliver(fetched, base), deliver(fetchedLate, base.Add(time.Millisecond))
	undelivered = approve(t, s, undelivered)

	want(t, s.SweepGrants(t.Context(), base.Add(grantsLast-time.Millisecond), base, base), nil)
	fetched.Sealed = nil
	for _, g := range []store.DeviceGrant{waits, fetched, fetchedLate, undelivered} {
		wantGrant(t, s, g)
	}
	_, err := s.DeliverGrant(t.Context(), fetched.DeviceCodeHash, base, base.Add(-time.Minute), never)
	want(t, err, store.ErrNotFound)

	want(t, s.SweepGrants(t.Context(), base.Add(grantsLast), base.Add(time.Minute), base.Add(grantsLast-time.Millisecond)), nil)
	fetchedLate.Sealed, undelivered.Sealed = nil, nil
	for _, g := range []store.DeviceGrant{waits, fetched, fetchedLate, undelivered} {
		wantGrant(t, s, g)
	}

	kept := newGrant()
	kept.ExpiresAt = base.Add(grantsLast + time.Millisecond)
	want(t, s.CreateGrant(t.Context(), kept, plenty), nil)
	want(t, s.SweepGrants(t.Context(), never, never, base.Add(grantsLast)), nil)
	for _, g := range []store.DeviceGrant{waits, fetched, fetchedLate, undelivered} {
		_, err := s.Grant(t.Context(), g.ID)
		want(t, err, store.ErrNotFound)
	}
	wantGrant(t, s, kept)
}

// newGrant returns a grant to create. It lasts for ten minutes.
func newGrant() store.DeviceGrant {
	id := store.NewID(base)
	return store.DeviceGrant{
		ID: id, DeviceCodeHash: randomHash(), UserCode: "code-" + id, ClientID: "latchkey-local",
		SealingKey: []byte("public key"), DeviceName: "porch-cam", Address: "192.0.2.1", Agent: "curl/8.5.0",
		CreatedAt: base, ExpiresAt: base.Add(grantsLast), State: "pending",
	}
}

func addGrant(t *testing.T, s *store.Store) store.DeviceGrant {
	t.Helper()
	g := newGrant()
	want(t, s.CreateGrant(t.Context(), g, plenty), nil)
	return g
}

// wantClaim shows a grant to a user and returns what it has become.
func wantClaim(t *testing.T, s *store.Store, g store.DeviceGrant, userID string, session [32]byte) store.DeviceGrant {
	t.Helper()
	got, err := s.ClaimGrant(t.Context(), g.UserCode, userID, session, base)
	want(t, err, nil)
	g.UserID, g.Session = userID, session
	if diff := cmp.Diff(g, got); diff != "" {
		t.Error(diff)
	}
	return g
}

// approve has ann approve a grant and returns what it has become.
func approve(t *testing.T, s *store.Store, g store.DeviceGrant) store.DeviceGrant {
	t.Helper()
	g = wantClaim(t, s, g, ann, laptop)
	want(t, s.BeginApproval(t.Context(), g.ID, ann, laptop, base), nil)
	g.State, g.KeyID, g.KeyName = "approved", store.NewID(base), "porch-cam-2"
	g.Sealed, g.ApprovedAt = []byte("sealed value"), base
	want(t, s.FinishApproval(t.Context(), g.ID, g.KeyID, g.KeyName, g.Sealed, g.ApprovedAt), nil)
	return g
}

// wantGrant finds a grant in both ways.
func wantGrant(t *testing.T, s *store.Store, g store.DeviceGrant) {
	t.Helper()
	byID, err := s.Grant(t.Context(), g.ID)
	want(t, err, nil)
	byCode, err := s.GrantByDeviceCode(t.Context(), g.DeviceCodeHash)
	want(t, err, nil)
	for _, got := range []store.DeviceGrant{byID, byCode} {
		if diff := cmp.Diff(g, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
