package onboardtest

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/testkit"
)

// base is when grants are created unless a test says otherwise, and lifetime how long they last.
var base = time.Date(2026, time.November, 20, 12, 30, 0, 123_000_000, time.UTC)

const (
	lifetime = 10 * time.Minute
	plenty   = 10_000
	tick     = time.Millisecond // the least difference that a store must tell apart
)

// contract is one sentence of the contract and its proof, which gets empty grants of its own.
type contract struct {
	name  string
	prove func(t *testing.T, grants onboard.Grants)
}

// Run proves the whole contract. open returns Grants without any in it and sees to their being closed at the end of the test.
func Run(t *testing.T, open func(t *testing.T) onboard.Grants) {
	for _, part := range []struct {
		name      string
		contracts []contract
	}{
		{"making", making()},
		{"looking up", lookingUp()},
		{"claiming", claiming()},
		{"deciding", deciding()},
		{"delivering", delivering()},
		{"sweeping", sweeping()},
		{"many at once", manyAtOnce()},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, c := range part.contracts {
				t.Run(c.name, func(t *testing.T) { c.prove(t, open(t)) })
			}
		})
	}
}

// person is a user in a web session.
type person struct {
	userID  string
	session [32]byte
}

func newPerson() person { return person{userID: "user-" + rand.Text(), session: random()} }

// elsewhere is the same user in another session.
func (p person) elsewhere() person { return person{userID: p.userID, session: random()} }

func random() (b [32]byte) {
	_, _ = rand.Read(b[:])
	return b
}

// newGrant returns a grant to create.
func newGrant() model.DeviceGrant {
	sealing := random()
	return model.DeviceGrant{
		ID: rand.Text(), DeviceCodeHash: random(), UserCode: newCode(), ClientID: "app-1", SealingKey: sealing[:],
		DeviceName: "porch-cam 📷", Address: "192.0.2.7", Agent: "curl/8", CreatedAt: base, ExpiresAt: base.Add(lifetime),
		State: model.Pending,
	}
}

func newCode() string { return rand.Text()[:8] } // other letters than real ones; grants take any

// pending creates a grant.
func pending(t *testing.T, grants onboard.Grants) model.DeviceGrant {
	t.Helper()
	g := newGrant()
	want(t, grants.CreateGrant(t.Context(), g, plenty), nil)
	return g
}

// claimed creates a grant that p is shown.
func claimed(t *testing.T, grants onboard.Grants, p person) model.DeviceGrant {
	t.Helper()
	g := pending(t, grants)
	g, err := grants.ClaimGrant(t.Context(), g.UserCode, p.userID, p.session, base)
	want(t, err, nil)
	return g
}

// approving creates a grant whose key is being created.
func approving(t *testing.T, grants onboard.Grants) model.DeviceGrant {
	t.Helper()
	p := newPerson()
	g := claimed(t, grants, p)
	want(t, grants.BeginApproval(t.Context(), g.ID, p.userID, p.session, base), nil)
	g.State = model.Approving
	return g
}

// approved creates a grant whose key waits for the device, since base.
func approved(t *testing.T, grants onboard.Grants) model.DeviceGrant {
	t.Helper()
	g := approving(t, grants)
	g.State, g.KeyID, g.KeyName, g.Sealed, g.ApprovedAt = model.Approved, "key-"+g.ID, "porch-cam", []byte{0, 1, 255}, base
	want(t, grants.FinishApproval(t.Context(), g.ID, g.KeyID, g.KeyName, g.Sealed, base), nil)
	return g
}

// delivered creates a grant whose key the device was given at a time.
func delivered(t *testing.T, grants onboard.Grants, at time.Time) model.DeviceGrant {
	t.Helper()
	g := approved(t, grants)
	want(t, deliver(t, grants, g, at), nil)
	g.State, g.DeliveredAt = model.Delivered, at
	return g
}

// inEveryState creates a grant in each state, all of them shown to the same person.
func inEveryState(t *testing.T, grants onboard.Grants, p person) map[model.GrantState]model.DeviceGrant {
	t.Helper()
	all := map[model.GrantState]model.DeviceGrant{}
	for _, state := range []model.GrantState{
		model.Pending, model.Denied, model.Approving, model.Approved, model.Delivered,
	} {
		g := claimed(t, grants, p)
		switch state {
		case model.Denied:
			want(t, grants.DenyGrant(t.Context(), g.ID, p.userID, p.session, base), nil)
		case model.Approving, model.Approved, model.Delivered:
			want(t, grants.BeginApproval(t.Context(), g.ID, p.userID, p.session, base), nil)
		}
		switch state {
		case model.Approved, model.Delivered:
			g.KeyID, g.KeyName, g.Sealed, g.ApprovedAt = "key", "name", []byte("sealed"), base
			want(t, grants.FinishApproval(t.Context(), g.ID, g.KeyID, g.KeyName, g.Sealed, base), nil)
		}
		if state == model.Delivered {
			want(t, deliver(t, grants, g, base), nil)
			g.DeliveredAt = base
		}
		g.State = state
		wantGrant(t, grants, g)
		all[state] = g
	}
	return all
}

// deliver asks for the grant as a device does: again within a minute, four seconds after the last time.
func deliver(t *testing.T, grants onboard.Grants, g model.DeviceGrant, now time.Time) error {
	t.Helper()
	got, err := grants.DeliverGrant(t.Context(), g.DeviceCodeHash, now, now.Add(-time.Minute), now.Add(-4*time.Second))
	if err == nil && (got.ID != g.ID || got.State != model.Delivered || string(got.Sealed) != string(g.Sealed)) {
		t.Errorf("delivered %+v, want that of %+v", got, g)
	}
	return err
}

// proveFromFuture has a clock that was ahead when grants came this far set right.
func proveFromFuture(t *testing.T, grants onboard.Grants) {
	early, p := base.Add(-model.MaxAhead-tick), newPerson()
	_, err := grants.ClaimGrant(t.Context(), pending(t, grants).UserCode, p.userID, p.session, early)
	want(t, err, model.ErrNotFound)
	g := claimed(t, grants, p)
	want(t, grants.DenyGrant(t.Context(), g.ID, p.userID, p.session, early), model.ErrNotFound)
	want(t, grants.BeginApproval(t.Context(), g.ID, p.userID, p.session, early), model.ErrNotFound)
	want(t, grants.FinishApproval(t.Context(), approving(t, grants).ID, "k", "n", []byte("s"), early), model.ErrNotFound)
	want(t, deliver(t, grants, approved(t, grants), early), model.ErrNotFound)
	want(t, deliver(t, grants, delivered(t, grants, base), early), model.ErrNotFound)
	want(t, deliver(t, grants, approved(t, grants), base.Add(-model.MaxAhead)), nil)
}

// want fails the test unless err is the wanted kind of error, or nil when none is wanted.
func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error is %v, want %v", err, kind)
	}
}

// wantGrant compares a grant, found both ways, with what it should be.
func wantGrant(t *testing.T, grants onboard.Grants, g model.DeviceGrant) {
	t.Helper()
	byID, err := grants.Grant(t.Context(), g.ID)
	want(t, err, nil)
	byCode, err := grants.GrantByDeviceCode(t.Context(), g.DeviceCodeHash)
	want(t, err, nil)
	for _, got := range []model.DeviceGrant{byID, byCode} {
		if diff := diffGrants(g, got); diff != "" {
			t.Error(diff)
		}
	}
}

// diffGrants is empty when two grants are the same. No bytes count as nil.
func diffGrants(wanted, got model.DeviceGrant) string {
	for _, g := range []*model.DeviceGrant{&wanted, &got} {
		if len(g.Sealed) == 0 {
			g.Sealed = nil
		}
		if len(g.SealingKey) == 0 {
			g.SealingKey = nil
		}
	}
	return cmp.Diff(wanted, got)
}

func making() []contract {
	return []contract{
		{"a grant is kept as it was created", func(t *testing.T, grants onboard.Grants) {
			g := pending(t, grants)
			pending(t, grants)
			wantGrant(t, grants, g)
			bare := newGrant()
			bare.DeviceName, bare.Address, bare.Agent = "", "", ""
			want(t, grants.CreateGrant(t.Context(), bare, plenty), nil)
			wantGrant(t, grants, bare)
		}},
		{"what is not there is not found", func(t *testing.T, grants onboard.Grants) {
			pending(t, grants)
			for _, id := range []string{"", "x", rand.Text()} {
				_, err := grants.Grant(t.Context(), id)
				want(t, err, model.ErrNotFound)
			}
			for _, hash := range [][32]byte{{}, random()} {
				_, err := grants.GrantByDeviceCode(t.Context(), hash)
				want(t, err, model.ErrNotFound)
				_, err = grants.DeliverGrant(t.Context(), hash, base, base, base)
				want(t, err, model.ErrNotFound)
			}
			want(t, grants.CancelApproval(t.Context(), "x"), model.ErrNotFound)
			want(t, grants.FinishApproval(t.Context(), "x", "k", "n", []byte("s"), base), model.ErrNotFound)
		}},
		{"a grant from the future is as good as one that has expired", proveFromFuture},
		{"a code is taken as long as its grant is kept", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			for _, g := range inEveryState(t, grants, p) {
				again := newGrant()
				again.UserCode = g.UserCode
				want(t, grants.CreateGrant(t.Context(), again, plenty), model.ErrConflict)
				again.CreatedAt, again.ExpiresAt = g.ExpiresAt, g.ExpiresAt.Add(lifetime)
				want(t, grants.CreateGrant(t.Context(), again, plenty), model.ErrConflict)
				_, err := grants.Grant(t.Context(), again.ID)
				want(t, err, model.ErrNotFound)
			}
			g := pending(t, grants)
			want(t, grants.SweepGrants(t.Context(), g.ExpiresAt, g.ExpiresAt, g.ExpiresAt), nil)
			again := newGrant()
			again.UserCode, again.CreatedAt, again.ExpiresAt = g.UserCode, g.ExpiresAt, g.ExpiresAt.Add(lifetime)
			want(t, grants.CreateGrant(t.Context(), again, plenty), nil)
			wantGrant(t, grants, again)
		}},
		{"only so many can be pending", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			inEveryState(t, grants, p) // one of them is pending
			claimed(t, grants, p)
			want(t, grants.CreateGrant(t.Context(), newGrant(), 2), model.ErrLimit)
			want(t, grants.CreateGrant(t.Context(), newGrant(), 3), nil)
			want(t, grants.CreateGrant(t.Context(), newGrant(), 3), model.ErrLimit)
			later := newGrant()
			later.CreatedAt, later.ExpiresAt = base.Add(lifetime-tick), base.Add(2*lifetime)
			want(t, grants.CreateGrant(t.Context(), later, 3), model.ErrLimit)
			later.CreatedAt = base.Add(lifetime) // the others have expired, swept or not
			want(t, grants.CreateGrant(t.Context(), later, 1), nil)
			wantGrant(t, grants, later)
		}},
	}
}

func lookingUp() []contract {
	lookUp := func(t *testing.T, grants onboard.Grants, g model.DeviceGrant, p person, now time.Time) error {
		t.Helper()
		got, err := grants.LookUpGrant(t.Context(), g.UserCode, p.userID, p.session, now)
		if err == nil {
			if diff := diffGrants(g, got); diff != "" {
				t.Error(diff)
			}
		}
		return err
	}
	return []contract{
		{"looking up gives a pending grant to anyone who asks, and changes nothing", func(t *testing.T, grants onboard.Grants) {
			g, neighbour := pending(t, grants), pending(t, grants)
			for range 2 {
				want(t, lookUp(t, grants, g, newPerson(), base), nil)
				wantGrant(t, grants, g)
			}
			wantGrant(t, grants, neighbour)
			_, err := grants.LookUpGrant(t.Context(), newCode(), newPerson().userID, random(), base)
			want(t, err, model.ErrNotFound)
		}},
		{"what a user has claimed only they can look up, in any of their sessions while it is pending", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			for state, g := range inEveryState(t, grants, p) {
				want(t, lookUp(t, grants, g, p, base), nil)
				elsewhere := error(model.ErrNotFound)
				if state == model.Pending {
					elsewhere = nil
				}
				want(t, lookUp(t, grants, g, p.elsewhere(), base), elsewhere)
				other := person{userID: newPerson().userID, session: p.session}
				want(t, lookUp(t, grants, g, other, base), model.ErrNotFound)
				wantGrant(t, grants, g)
			}
		}},
		{"what has expired is looked up only where it was claimed", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			g, never := claimed(t, grants, p), pending(t, grants)
			want(t, lookUp(t, grants, g, p, g.ExpiresAt), nil)
			want(t, lookUp(t, grants, g, p.elsewhere(), g.ExpiresAt), model.ErrNotFound)
			want(t, lookUp(t, grants, never, p, g.ExpiresAt), model.ErrNotFound)
			want(t, lookUp(t, grants, never, p, base.Add(-model.MaxAhead-tick)), model.ErrNotFound)
			want(t, lookUp(t, grants, never, p, g.ExpiresAt.Add(-tick)), nil)
		}},
	}
}

func claiming() []contract {
	return []contract{
		{"claiming writes down who was shown the grant, and gives it", func(t *testing.T, grants onboard.Grants) {
			g, neighbour, p := pending(t, grants), pending(t, grants), newPerson()
			got, err := grants.ClaimGrant(t.Context(), g.UserCode, p.userID, p.session, base)
			want(t, err, nil)
			g.UserID, g.Session = p.userID, p.session
			if diff := diffGrants(g, got); diff != "" {
				t.Error(diff)
			}
			wantGrant(t, grants, g)
			wantGrant(t, grants, neighbour)
		}},
		{"a code that no grant has claims nothing", func(t *testing.T, grants onboard.Grants) {
			g, p := pending(t, grants), newPerson()
			for _, code := range []string{"", newCode(), g.UserCode + "B", g.UserCode[:7], "%", "________"} {
				_, err := grants.ClaimGrant(t.Context(), code, p.userID, p.session, base)
				want(t, err, model.ErrNotFound)
			}
			wantGrant(t, grants, g)
		}},
		{"for another session of the same user the later one counts", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			g, later := claimed(t, grants, p), p.elsewhere()
			for _, who := range []person{p, later} {
				got, err := grants.ClaimGrant(t.Context(), g.UserCode, who.userID, who.session, base)
				want(t, err, nil)
				g.Session = who.session
				if diff := diffGrants(g, got); diff != "" {
					t.Error(diff)
				}
			}
			want(t, grants.DenyGrant(t.Context(), g.ID, p.userID, p.session, base), model.ErrNotFound)
			want(t, grants.DenyGrant(t.Context(), g.ID, later.userID, later.session, base), nil)
		}},
		{"what one user was shown is not another's to be had", func(t *testing.T, grants onboard.Grants) {
			p, other := newPerson(), newPerson()
			g := claimed(t, grants, p)
			for _, who := range []person{other, {userID: other.userID, session: p.session}} {
				_, err := grants.ClaimGrant(t.Context(), g.UserCode, who.userID, who.session, base)
				want(t, err, model.ErrNotFound)
			}
			wantGrant(t, grants, g)
		}},
		{"only what is pending can be claimed", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			for state, g := range inEveryState(t, grants, p) {
				later := p.elsewhere()
				_, err := grants.ClaimGrant(t.Context(), g.UserCode, later.userID, later.session, base)
				if state == model.Pending {
					want(t, err, nil)
					continue
				}
				want(t, err, model.ErrNotFound)
				wantGrant(t, grants, g)
			}
		}},
		{"what has expired cannot be claimed", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			g, never := claimed(t, grants, p), pending(t, grants)
			for _, late := range []model.DeviceGrant{g, never} {
				for _, now := range []time.Time{late.ExpiresAt, late.ExpiresAt.Add(time.Hour)} {
					_, err := grants.ClaimGrant(t.Context(), late.UserCode, p.userID, random(), now)
					want(t, err, model.ErrNotFound)
				}
				wantGrant(t, grants, late)
			}
			_, err := grants.ClaimGrant(t.Context(), g.UserCode, p.userID, p.session, g.ExpiresAt.Add(-tick))
			want(t, err, nil)
		}},
	}
}

// decisions are the two steps that a person can take.
func decisions(grants onboard.Grants) map[model.GrantState]func(context.Context, string, string, [32]byte, time.Time) error {
	return map[model.GrantState]func(context.Context, string, string, [32]byte, time.Time) error{
		model.Denied: grants.DenyGrant, model.Approving: grants.BeginApproval,
	}
}

func deciding() []contract {
	return []contract{
		{"who was shown a pending grant decides", func(t *testing.T, grants onboard.Grants) {
			for state, decide := range decisions(grants) {
				p := newPerson()
				g, neighbour := claimed(t, grants, p), claimed(t, grants, p)
				want(t, decide(t.Context(), g.ID, p.userID, p.session, g.ExpiresAt.Add(-tick)), nil)
				g.State = state
				wantGrant(t, grants, g)
				wantGrant(t, grants, neighbour)
			}
		}},
		{"nobody else decides", func(t *testing.T, grants onboard.Grants) {
			for _, decide := range decisions(grants) {
				p, other := newPerson(), newPerson()
				g, never := claimed(t, grants, p), pending(t, grants)
				for _, who := range []person{
					other, p.elsewhere(), {userID: other.userID, session: p.session}, {userID: p.userID}, {session: p.session}, {},
				} {
					want(t, decide(t.Context(), g.ID, who.userID, who.session, base), model.ErrNotFound)
				}
				want(t, decide(t.Context(), never.ID, p.userID, p.session, base), model.ErrNotFound)
				want(t, decide(t.Context(), "x", p.userID, p.session, base), model.ErrNotFound)
				wantGrant(t, grants, g)
				wantGrant(t, grants, never)
			}
		}},
		{"nothing is decided twice", func(t *testing.T, grants onboard.Grants) {
			p := newPerson()
			for state, g := range inEveryState(t, grants, p) {
				if state == model.Pending {
					continue
				}
				for _, decide := range decisions(grants) {
					want(t, decide(t.Context(), g.ID, p.userID, p.session, base), model.ErrNotFound)
				}
				wantGrant(t, grants, g)
			}
		}},
		{"nothing is decided after it has expired", func(t *testing.T, grants onboard.Grants) {
			for _, decide := range decisions(grants) {
				p := newPerson()
				g := claimed(t, grants, p)
				for _, now := range []time.Time{g.ExpiresAt, g.ExpiresAt.Add(time.Hour)} {
					want(t, decide(t.Context(), g.ID, p.userID, p.session, now), model.ErrNotFound)
				}
				wantGrant(t, grants, g)
			}
		}},
		{"an approval that is cancelled can be begun again, or denied", func(t *testing.T, grants onboard.Grants) {
			for state, decide := range decisions(grants) {
				g, neighbour := approving(t, grants), approving(t, grants)
				want(t, grants.CancelApproval(t.Context(), g.ID), nil)
				g.State = model.Pending
				wantGrant(t, grants, g)
				wantGrant(t, grants, neighbour)
				want(t, decide(t.Context(), g.ID, g.UserID, g.Session, base), nil)
				g.State = state
				wantGrant(t, grants, g)
			}
		}},
		{"only an approval under way can be cancelled or finished", func(t *testing.T, grants onboard.Grants) {
			for state, g := range inEveryState(t, grants, newPerson()) {
				if state == model.Approving {
					continue
				}
				want(t, grants.CancelApproval(t.Context(), g.ID), model.ErrNotFound)
				want(t, grants.FinishApproval(t.Context(), g.ID, "other", "o", []byte("o"), base), model.ErrNotFound)
				wantGrant(t, grants, g)
			}
		}},
		{"an approval that is finished keeps the key for the device", func(t *testing.T, grants onboard.Grants) {
			g, neighbour := approving(t, grants), approving(t, grants)
			at := g.ExpiresAt.Add(-tick)
			sealed := make([]byte, 1000)
			_, _ = rand.Read(sealed)
			want(t, grants.FinishApproval(t.Context(), g.ID, "key-1", "porch-cam 📷", sealed, at), nil)
			g.State, g.KeyID, g.KeyName, g.Sealed, g.ApprovedAt = model.Approved, "key-1", "porch-cam 📷", sealed, at
			wantGrant(t, grants, g)
			wantGrant(t, grants, neighbour)
		}},
		{"an approval is not finished after the grant has expired", func(t *testing.T, grants onboard.Grants) {
			g := approving(t, grants)
			want(t, grants.FinishApproval(t.Context(), g.ID, "k", "n", []byte("s"), g.ExpiresAt), model.ErrNotFound)
			wantGrant(t, grants, g)
		}},
	}
}

func delivering() []contract {
	return []contract{
		{"what is approved is delivered and what else is not", func(t *testing.T, grants onboard.Grants) {
			for state, g := range inEveryState(t, grants, newPerson()) {
				switch err := deliver(t, grants, g, base.Add(time.Second)); state {
				case model.Approved:
					want(t, err, nil)
					g.State, g.DeliveredAt = model.Delivered, base.Add(time.Second)
				default:
					want(t, err, model.ErrNotFound)
				}
				wantGrant(t, grants, g)
			}
		}},
		{"the delivery gives the whole grant", func(t *testing.T, grants onboard.Grants) {
			g, neighbour := approved(t, grants), approved(t, grants)
			at := g.ExpiresAt.Add(-tick)
			got, err := grants.DeliverGrant(t.Context(), g.DeviceCodeHash, at, at, at)
			want(t, err, nil)
			g.State, g.DeliveredAt = model.Delivered, at
			if diff := diffGrants(g, got); diff != "" {
				t.Error(diff)
			}
			wantGrant(t, grants, g)
			wantGrant(t, grants, neighbour)
		}},
		{"what has expired is not delivered", func(t *testing.T, grants onboard.Grants) {
			g := approved(t, grants)
			want(t, deliver(t, grants, g, g.ExpiresAt), model.ErrNotFound)
			wantGrant(t, grants, g)
		}},
		{"what was delivered is delivered again a while after the last time", func(t *testing.T, grants onboard.Grants) {
			first := base.Add(time.Second)
			g := delivered(t, grants, first)
			for _, again := range []struct {
				after time.Duration // the first
				err   error
			}{
				{0, model.ErrNotFound},
				{4*time.Second - tick, model.ErrNotFound},
				{4 * time.Second, nil},
				{8*time.Second - tick, model.ErrNotFound}, // counts from the last
				{8 * time.Second, nil},
				{8 * time.Second, model.ErrNotFound},
				{time.Minute - tick, nil}, // counts from the first
				{time.Minute, model.ErrNotFound},
				{time.Hour, model.ErrNotFound},
			} {
				if err := deliver(t, grants, g, first.Add(again.after)); !errors.Is(err, again.err) {
					t.Errorf("after %v: %v, want %v", again.after, err, again.err)
				}
				wantGrant(t, grants, g) // and says when it was first
			}
		}},
		{"what was delivered is not delivered again for ever", func(t *testing.T, grants onboard.Grants) {
			inTime, late := delivered(t, grants, base.Add(time.Second)), delivered(t, grants, base.Add(time.Second))
			want(t, deliver(t, grants, inTime, inTime.DeliveredAt.Add(time.Minute-tick)), nil)
			want(t, deliver(t, grants, late, late.DeliveredAt.Add(time.Minute)), model.ErrNotFound)
		}},
		{"what was delivered in time is delivered again after it has expired", func(t *testing.T, grants onboard.Grants) {
			g := delivered(t, grants, base.Add(lifetime-tick))
			want(t, deliver(t, grants, g, g.ExpiresAt.Add(30*time.Second)), nil)
		}},
	}
}

func sweeping() []contract {
	return []contract{
		{"what nobody fetched is forgotten when it expires", func(t *testing.T, grants onboard.Grants) {
			g := approved(t, grants)
			sweep(t, grants, g.ExpiresAt.Add(-tick))
			wantGrant(t, grants, g)
			sweep(t, grants, g.ExpiresAt)
			g.Sealed = nil
			wantGrant(t, grants, g)
		}},
		{"what was fetched is forgotten soon after", func(t *testing.T, grants onboard.Grants) {
			g := delivered(t, grants, base.Add(time.Second))
			sweep(t, grants, g.DeliveredAt.Add(time.Minute-tick))
			wantGrant(t, grants, g)
			sweep(t, grants, g.DeliveredAt.Add(time.Minute))
			g.Sealed = nil
			wantGrant(t, grants, g)
		}},
		{"what was fetched is not forgotten by having expired", func(t *testing.T, grants onboard.Grants) {
			g := delivered(t, grants, base.Add(lifetime-tick))
			sweep(t, grants, g.ExpiresAt)
			wantGrant(t, grants, g)
			want(t, deliver(t, grants, g, g.ExpiresAt.Add(30*time.Second)), nil)
		}},
		{"what is forgotten is not delivered, not even by a clock that is behind", func(t *testing.T, grants onboard.Grants) {
			fetched, unfetched := delivered(t, grants, base.Add(time.Second)), approved(t, grants)
			sweep(t, grants, fetched.ExpiresAt)
			want(t, deliver(t, grants, fetched, base.Add(10*time.Second)), model.ErrNotFound)
			want(t, deliver(t, grants, unfetched, base.Add(10*time.Second)), model.ErrNotFound)
		}},
		{"a grant is gone an hour after it has expired, whatever its state", func(t *testing.T, grants onboard.Grants) {
			all := inEveryState(t, grants, newPerson())
			all["never claimed"] = pending(t, grants)
			stays := newGrant()
			stays.ExpiresAt = stays.ExpiresAt.Add(tick)
			want(t, grants.CreateGrant(t.Context(), stays, plenty), nil)
			end := base.Add(lifetime + time.Hour)
			sweep(t, grants, end.Add(-tick))
			for _, g := range all {
				g.Sealed = nil
				wantGrant(t, grants, g)
			}
			sweep(t, grants, end)
			for _, g := range all {
				_, err := grants.Grant(t.Context(), g.ID)
				want(t, err, model.ErrNotFound)
				_, err = grants.GrantByDeviceCode(t.Context(), g.DeviceCodeHash)
				want(t, err, model.ErrNotFound)
			}
			wantGrant(t, grants, stays)
		}},
		{"a sweep takes more than one batch", func(t *testing.T, grants onboard.Grants) {
			var all []model.DeviceGrant
			for i := range 1000 {
				if i%10 == 0 {
					all = append(all, approved(t, grants))
				}
				all = append(all, pending(t, grants))
			}
			sweep(t, grants, base.Add(lifetime+time.Hour))
			for _, g := range all {
				_, err := grants.Grant(t.Context(), g.ID)
				want(t, err, model.ErrNotFound)
			}
		}},
	}
}

// sweep sweeps as the service does.
func sweep(t *testing.T, grants onboard.Grants, now time.Time) {
	t.Helper()
	want(t, grants.SweepGrants(t.Context(), now, now.Add(-time.Minute), now.Add(-time.Hour)), nil)
}

func manyAtOnce() []contract {
	return []contract{
		{"of many who want one code one gets it", func(t *testing.T, grants onboard.Grants) {
			code := newCode()
			counts := testkit.AtOnce(t, 50, func(ctx context.Context, _ int) error {
				g := newGrant()
				g.UserCode = code
				return grants.CreateGrant(ctx, g, plenty)
			}, model.ErrConflict)
			wantOnce(t, counts)
		}},
		{"the limit holds however many come at once", func(t *testing.T, grants onboard.Grants) {
			counts := testkit.AtOnce(t, 50, func(ctx context.Context, _ int) error {
				return grants.CreateGrant(ctx, newGrant(), 10)
			}, model.ErrLimit)
			if counts[nil] != 10 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"of many users who type one code one has it", func(t *testing.T, grants onboard.Grants) {
			g := pending(t, grants)
			counts := testkit.AtOnce(t, 50, func(ctx context.Context, _ int) error {
				p := newPerson()
				_, err := grants.ClaimGrant(ctx, g.UserCode, p.userID, p.session, base)
				return err
			}, model.ErrNotFound)
			wantOnce(t, counts)
		}},
		{"of many decisions one is taken", func(t *testing.T, grants onboard.Grants) {
			for range 5 {
				p := newPerson()
				g := claimed(t, grants, p)
				counts := testkit.AtOnce(t, 50, func(ctx context.Context, i int) error {
					if i%2 == 0 {
						return grants.DenyGrant(ctx, g.ID, p.userID, p.session, base)
					}
					return grants.BeginApproval(ctx, g.ID, p.userID, p.session, base)
				}, model.ErrNotFound)
				wantOnce(t, counts)
			}
		}},
		{"an approval is finished or cancelled", func(t *testing.T, grants onboard.Grants) {
			for range 5 {
				g := approving(t, grants)
				counts := testkit.AtOnce(t, 20, func(ctx context.Context, i int) error {
					if i%2 == 0 {
						return grants.CancelApproval(ctx, g.ID)
					}
					return grants.FinishApproval(ctx, g.ID, "key", "name", []byte("sealed"), base)
				}, model.ErrNotFound)
				wantOnce(t, counts)
				got, err := grants.Grant(t.Context(), g.ID)
				want(t, err, nil)
				if (got.State == model.Approved) != (got.KeyID == "key" && len(got.Sealed) > 0) {
					t.Errorf("half a step: %+v", got)
				}
			}
		}},
		{"of 100 polls at once one has the key", func(t *testing.T, grants onboard.Grants) {
			for range 5 {
				g := approved(t, grants)
				counts := testkit.AtOnce(t, 100, func(_ context.Context, _ int) error { return deliver(t, grants, g, base) },
					model.ErrNotFound)
				wantOnce(t, counts)
				again := testkit.AtOnce(t, 100, func(_ context.Context, _ int) error {
					return deliver(t, grants, g, base.Add(5*time.Second))
				}, model.ErrNotFound)
				wantOnce(t, again)
			}
		}},
		{"a delivery is whole while sweeps are under way", func(t *testing.T, grants onboard.Grants) {
			g := approved(t, grants)
			end := g.ExpiresAt
			testkit.AtOnce(t, 50, func(ctx context.Context, i int) error {
				if i%2 == 0 {
					return grants.SweepGrants(ctx, end, end.Add(-time.Minute), end.Add(-time.Hour))
				}
				return deliver(t, grants, g, end.Add(-tick))
			}, model.ErrNotFound)
		}},
	}
}

func wantOnce(t *testing.T, counts testkit.Outcomes) {
	t.Helper()
	if counts[nil] != 1 {
		t.Errorf("outcomes %v, want one that worked", counts)
	}
}
