package onboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
	"latchkey/internal/testkit"
)

const (
	app     = "app-1"
	address = "192.0.2.7"
)

var (
	base    = time.Date(2026, time.November, 20, 12, 30, 0, 0, time.UTC)
	session = [32]byte{1}
	another = [32]byte{2}
)

// bench is a service over grants in memory, with a clock that only tests move.
type bench struct {
	*onboard.Service
	grants *faulty
	clock  *testkit.Clock
}

func newBench(tb testing.TB, change ...func(*onboard.Config)) *bench {
	tb.Helper()
	b := &bench{grants: &faulty{Grants: new(onboardtest.Memory)}, clock: testkit.NewClock(base)}
	config := onboard.Config{ClientID: app, Grants: b.grants, Now: b.clock.Now}
	for _, c := range change {
		c(&config)
	}
	b.Service = onboard.New(config)
	return b
}

// faulty are grants that fail as tests want.
type faulty struct {
	onboard.Grants
	// These are called instead, unless they are nil or return errGoOn.
	create, claim, finish, cancel, grant, find, begin, deny, deliver, sweep, look func() error
	claims                                                                        atomic.Int64
}

var (
	errGoOn  = errors.New("go on")
	errStore = errors.New("the store is away")
)

func fails() error { return errStore }

func fault(f func() error) error {
	if f == nil {
		return errGoOn
	}
	return f()
}

func (f *faulty) CreateGrant(ctx context.Context, g model.DeviceGrant, limit int) error {
	if err := fault(f.create); !errors.Is(err, errGoOn) {
		return err
	}
	return f.Grants.CreateGrant(ctx, g, limit)
}

func (f *faulty) Grant(ctx context.Context, id string) (model.DeviceGrant, error) {
	if err := fault(f.grant); !errors.Is(err, errGoOn) {
		return model.DeviceGrant{}, err
	}
	return f.Grants.Grant(ctx, id)
}

func (f *faulty) LookUpGrant(ctx context.Context, code, userID string, s [32]byte, now time.Time) (model.DeviceGrant, error) {
	if err := fault(f.look); !errors.Is(err, errGoOn) {
		return model.DeviceGrant{}, err
	}
	return f.Grants.LookUpGrant(ctx, code, userID, s, now)
}

func (f *faulty) ClaimGrant(ctx context.Context, code, userID string, s [32]byte, now time.Time) (model.DeviceGrant, error) {
	f.claims.Add(1)
	if err := fault(f.claim); !errors.Is(err, errGoOn) {
		return model.DeviceGrant{}, err
	}
	if err := ctx.Err(); err != nil {
		return model.DeviceGrant{}, err
	}
	return f.Grants.ClaimGrant(ctx, code, userID, s, now)
}

func (f *faulty) BeginApproval(ctx context.Context, id, userID string, s [32]byte, now time.Time) error {
	if err := fault(f.begin); !errors.Is(err, errGoOn) {
		return err
	}
	return f.Grants.BeginApproval(ctx, id, userID, s, now)
}

func (f *faulty) DenyGrant(ctx context.Context, id, userID string, s [32]byte, now time.Time) error {
	if err := fault(f.deny); !errors.Is(err, errGoOn) {
		return err
	}
	return f.Grants.DenyGrant(ctx, id, userID, s, now)
}

func (f *faulty) CancelApproval(ctx context.Context, id string) error {
	if err := fault(f.cancel); !errors.Is(err, errGoOn) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.Grants.CancelApproval(ctx, id)
}

func (f *faulty) FinishApproval(ctx context.Context, id, keyID, name string, sealed []byte, now time.Time) error {
	if err := fault(f.finish); !errors.Is(err, errGoOn) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.Grants.FinishApproval(ctx, id, keyID, name, sealed, now)
}

func (f *faulty) GrantByDeviceCode(ctx context.Context, hash [32]byte) (model.DeviceGrant, error) {
	if err := fault(f.find); !errors.Is(err, errGoOn) {
		return model.DeviceGrant{}, err
	}
	return f.Grants.GrantByDeviceCode(ctx, hash)
}

func (f *faulty) DeliverGrant(
	ctx context.Context, hash [32]byte, now, notBefore, lastBefore time.Time,
) (model.DeviceGrant, error) {
	if err := fault(f.deliver); !errors.Is(err, errGoOn) {
		return model.DeviceGrant{}, err
	}
	return f.Grants.DeliverGrant(ctx, hash, now, notBefore, lastBefore)
}

func (f *faulty) SweepGrants(ctx context.Context, now, sealedBefore, goneBefore time.Time) error {
	if err := fault(f.sweep); !errors.Is(err, errGoOn) {
		return err
	}
	return f.Grants.SweepGrants(ctx, now, sealedBefore, goneBefore)
}

// start begins a grant for a device with an address of its own.
func (b *bench) start(tb testing.TB) onboard.Started {
	tb.Helper()
	started, err := b.Start(tb.Context(), onboard.Request{ClientID: app, DeviceName: "porch-cam", Address: nextAddress()})
	want(tb, err, nil)
	return started
}

var addresses atomic.Int64

func nextAddress() string {
	n := addresses.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// shown begins a grant that ann is shown.
func (b *bench) shown(tb testing.TB) (onboard.Started, model.DeviceGrant) {
	tb.Helper()
	started := b.start(tb)
	g, err := b.Claim(tb.Context(), started.UserCode, "ann", session, address)
	want(tb, err, nil)
	return started, g
}

// approved begins a grant that ann approves.
func (b *bench) approved(tb testing.TB) (onboard.Started, model.DeviceGrant) {
	tb.Helper()
	started, g := b.shown(tb)
	g, err := b.Approve(tb.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(tb)})
	want(tb, err, nil)
	return started, g
}

var theKey = onboard.Key{ID: "65f0c0ffee", Name: "porch-cam", Value: "the-value-of-the-key"}

// maker creates keys by one function and takes them back by another.
type maker struct {
	create func(context.Context) (onboard.Key, error)
	undo   func(context.Context, onboard.Key)
}

func (m maker) CreateKey(ctx context.Context, _ string) (model.Created, error) {
	key, err := m.create(ctx)
	return model.Created{Key: model.Key{ID: key.ID, Name: key.Name}, Value: key.Value}, err
}

func (m maker) DeleteKey(ctx context.Context, key model.Key) {
	m.undo(ctx, onboard.Key{ID: key.ID, Name: key.Name}) // its value is not needed to delete it
}

func makeKey(context.Context) (onboard.Key, error) { return theKey, nil }

func neverMake(tb testing.TB) func(context.Context) (onboard.Key, error) {
	return func(context.Context) (onboard.Key, error) {
		tb.Error("a key was made")
		return theKey, nil
	}
}

func noUndo(tb testing.TB) func(context.Context, onboard.Key) {
	return func(context.Context, onboard.Key) { tb.Error("the key was unmade") }
}

func want(tb testing.TB, err, kind error) {
	tb.Helper()
	if !errors.Is(err, kind) {
		tb.Fatalf("error is %v, want %v", err, kind)
	}
}

func wantLimit(tb testing.TB, err error, wait time.Duration) {
	tb.Helper()
	var limit *onboard.LimitError
	if !errors.As(err, &limit) || limit.RetryAfter != wait {
		tb.Fatalf("error is %v, want a limit with a wait of %v", err, wait)
	}
}

// wantPoll polls and fails unless that gives the key, or the error.
func (b *bench) wantPoll(tb testing.TB, code model.Secret, kind error) {
	tb.Helper()
	d, err := b.Poll(tb.Context(), app, code)
	want(tb, err, kind)
	switch {
	case err != nil && d != (onboard.Delivery{}):
		tb.Fatal("something was delivered along with the error")
	case err == nil && (d.Key != theKey || d.UserID != "ann"):
		tb.Fatalf("delivered %+v", d)
	}
}

func (b *bench) wantState(tb testing.TB, id string, state model.GrantState) {
	tb.Helper()
	g, err := b.Shown(tb.Context(), id, "ann", session)
	want(tb, err, nil)
	if g.State != state {
		tb.Fatalf("the grant is %s, want %s", g.State, state)
	}
}

func TestADeviceIsConnected(t *testing.T) {
	b := newBench(t)
	started, err := b.Start(t.Context(), onboard.Request{
		ClientID: app, DeviceName: " porch-\u202ecam\n2 ", Address: "192.0.2.9", Agent: "curl/8",
	})
	want(t, err, nil)
	if len(started.UserCode) != 9 || started.UserCode[4] != '-' || started.ExpiresIn != 10*time.Minute ||
		started.Interval != 5*time.Second || len(started.DeviceCode) != 43 {
		t.Errorf("started %+v", started)
	}
	b.wantPoll(t, started.DeviceCode, onboard.ErrPending)

	b.clock.Advance(5 * time.Second)
	g, err := b.Claim(t.Context(), strings.ToLower(started.UserCode), "ann", session, address)
	want(t, err, nil)
	if onboard.ShowCode(g.UserCode) != started.UserCode || g.DeviceName != "porch-cam 2" || g.Address != "192.0.2.9" || g.Agent != "curl/8" ||
		!g.CreatedAt.Equal(base) || !g.ExpiresAt.Equal(base.Add(10*time.Minute)) || g.State != model.Pending {
		t.Errorf("shown %+v", g)
	}
	b.wantPoll(t, started.DeviceCode, onboard.ErrPending)

	g, err = b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)
	if g.State != model.Approved || g.KeyID != theKey.ID || g.KeyName != theKey.Name || !g.ApprovedAt.Equal(b.clock.Now()) {
		t.Errorf("approved %+v", g)
	}
	b.wantState(t, g.ID, model.Approved)
	b.wantPoll(t, started.DeviceCode, nil)
	b.wantState(t, g.ID, model.Delivered)
}

func TestNobodyButOurClientStarts(t *testing.T) {
	b := newBench(t)
	b.grants.create = func() error { t.Error("a grant was created"); return nil }
	for _, id := range []string{"", "app-2", "APP-1", "app-1 "} {
		_, err := b.Start(t.Context(), onboard.Request{ClientID: id, Address: address})
		want(t, err, onboard.ErrUnknownClient)
		_, err = b.Poll(t.Context(), id, "whatever")
		want(t, err, onboard.ErrUnknownClient)
	}
}

func TestNoTwoGrantsHaveAnythingInCommon(t *testing.T) {
	b := newBench(t)
	seen := map[string]bool{}
	for range 200 {
		started := b.start(t)
		g, err := b.Claim(t.Context(), started.UserCode, "ann", session, address)
		want(t, err, nil)
		for _, text := range []string{
			started.UserCode, started.DeviceCode.Reveal(), g.ID, string(g.DeviceCodeHash[:]), string(g.SealingKey),
		} {
			if seen[text] || text == "" {
				t.Fatalf("%q comes again", text)
			}
			seen[text] = true
		}
	}
}

func TestATakenUserCodeIsReplaced(t *testing.T) {
	b := newBench(t)
	tries := 0
	b.grants.create = func() error {
		if tries++; tries < 4 {
			return model.ErrConflict
		}
		return errGoOn
	}
	b.start(t)
	b.grants.create = func() error { return model.ErrConflict }
	_, err := b.Start(t.Context(), onboard.Request{ClientID: app, Address: address})
	want(t, err, model.ErrConflict)
}

func TestStartingIsLimited(t *testing.T) {
	b := newBench(t)
	start := func(address string) error {
		_, err := b.Start(t.Context(), onboard.Request{ClientID: app, Address: address})
		return err
	}
	for range 30 {
		want(t, start(address), nil)
	}
	wantLimit(t, start(address), 10*time.Minute)
	want(t, start("192.0.2.8"), nil)
	b.clock.Advance(10 * time.Minute)
	want(t, start(address), nil)
	b.grants.create = func() error { return model.ErrLimit }
	wantLimit(t, start(address), time.Minute)
	b.grants.create = func() error { t.Error("the store was asked again at once"); return errStore }
	wantLimit(t, start("192.0.2.8"), time.Minute)
	b.clock.Advance(time.Second)
	b.grants.create = fails
	want(t, start(address), errStore)
}

func TestWhatADeviceSaysIsMadeLegible(t *testing.T) {
	for said, shown := range map[string]string{
		"porch-cam": "porch-cam", "": "", " \t ": "", "caf\u00e9 \u2615": "caf\u00e9 \u2615",
		"a\x00b\x1bc\x7f": "abc", "a\r\nb": "a  b", "\u202emac-hcrop": "mac-hcrop", "a\u200bb\u2066c\ufeff": "abc",
		"a\u2028b": "a b", "bad\xff": "bad", strings.Repeat("\u00e9", 100): strings.Repeat("\u00e9", 64),
		strings.Repeat("\u200b", 100) + "x":       "x",
		strings.Repeat("x", 63) + " y":            strings.Repeat("x", 63),
		strings.Repeat(" ", 100) + "x":            "x",
		"<script>alert(1)</script>":               "<script>alert(1)</script>", // for the page to escape
		strings.Repeat("x", 64) + "\u202e" + "yz": strings.Repeat("x", 64),
	} {
		b := newBench(t)
		started, err := b.Start(t.Context(), onboard.Request{ClientID: app, DeviceName: said, Agent: said, Address: address})
		want(t, err, nil)
		g, err := b.Claim(t.Context(), started.UserCode, "ann", session, address)
		want(t, err, nil)
		if g.DeviceName != shown || !strings.HasPrefix(g.Agent, shown) {
			t.Errorf("%q is shown as %q, and as an agent as %q", said, g.DeviceName, g.Agent)
		}
	}
}

func TestEveryWrongCodeIsWrongAlike(t *testing.T) {
	b := newBench(t)
	expired := b.start(t)
	b.clock.Advance(10 * time.Minute)
	somebodys, decided, approved := b.start(t), b.start(t), b.start(t)
	for _, s := range []onboard.Started{somebodys, decided, approved} {
		_, err := b.Claim(t.Context(), s.UserCode, "bob", another, "192.0.2.99")
		want(t, err, nil)
	}
	g, err := b.Claim(t.Context(), decided.UserCode, "bob", another, "192.0.2.99")
	want(t, err, nil)
	want(t, b.Deny(t.Context(), g.ID, "bob", another), nil)
	g, err = b.Claim(t.Context(), approved.UserCode, "bob", another, "192.0.2.99")
	want(t, err, nil)
	_, err = b.Approve(t.Context(), g.ID, "bob", another, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)

	fresh := b.start(t)
	for name, code := range map[string]string{
		"unknown": "BBBB-BBBB", "expired": expired.UserCode, "somebody else's": somebodys.UserCode,
		"denied": decided.UserCode, "approved": approved.UserCode,
	} {
		g, err := b.Claim(t.Context(), code, "ann", session, address)
		if fmt.Sprint(err) != onboard.ErrWrongCode.Error() || !errors.Is(err, onboard.ErrWrongCode) || g.ID != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = b.Claim(t.Context(), fresh.UserCode, "ann", session, address) // all five were counted
	wantLimit(t, err, 10*time.Minute)
	b.clock.Advance(10*time.Minute - 1)
	_, err = b.Claim(t.Context(), fresh.UserCode, "ann", session, address)
	wantLimit(t, err, 1)
	b.clock.Advance(1)
	_, err = b.Claim(t.Context(), b.start(t).UserCode, "ann", session, address)
	want(t, err, nil)
}

func TestWhatIsNoCodeIsNotCounted(t *testing.T) {
	b := newBench(t)
	for range 50 {
		_, err := b.Claim(t.Context(), "not a code", "ann", session, address)
		want(t, err, onboard.ErrMalformedCode)
	}
	if n := b.grants.claims.Load(); n != 0 {
		t.Errorf("%d look-ups", n)
	}
	_, err := b.Claim(t.Context(), b.start(t).UserCode, "ann", session, address)
	want(t, err, nil)
}

func TestOfManyGuessesAtOnceFiveAreLookedUp(t *testing.T) {
	for range 10 {
		b := newBench(t)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { _, _ = b.Claim(t.Context(), "BBBB-BBBB", "ann", session, nextAddress()) })
		}
		all.Wait()
		if n := b.grants.claims.Load(); n != 5 {
			t.Fatalf("%d look-ups", n)
		}
	}
}

func TestARightCodeDoesNotWipeOutWrongOnes(t *testing.T) {
	b := newBench(t)
	right := b.start(t)
	for range 4 {
		_, err := b.Claim(t.Context(), "BBBB-BBBB", "ann", session, address)
		want(t, err, onboard.ErrWrongCode)
	}
	for range 20 { // a reload shows the same grant, and counts as nothing
		_, err := b.Claim(t.Context(), right.UserCode, "ann", session, address)
		want(t, err, nil)
	}
	_, err := b.Claim(t.Context(), "BBBB-BBBB", "ann", session, address)
	want(t, err, onboard.ErrWrongCode)
	_, err = b.Claim(t.Context(), right.UserCode, "ann", session, address)
	wantLimit(t, err, 10*time.Minute)
}

func TestALookUpThatFailsIsNoWrongCode(t *testing.T) {
	b := newBench(t)
	right := b.start(t)
	b.grants.claim = fails
	for range 50 {
		_, err := b.Claim(t.Context(), right.UserCode, "ann", session, address)
		want(t, err, errStore)
	}
	b.grants.claim = nil
	_, err := b.Claim(t.Context(), right.UserCode, "ann", session, address)
	want(t, err, nil)
}

func TestACodeIsLookedUpAlthoughThePersonHasGone(t *testing.T) {
	b := newBench(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	started := b.start(t)
	g, err := b.Claim(gone, started.UserCode, "ann", session, address)
	want(t, err, nil)
	b.wantState(t, g.ID, model.Pending)
	for range 5 { // and so going away makes no wrong code cheaper
		_, err := b.Claim(gone, "BBBB-BBBB", "ann", session, address)
		want(t, err, onboard.ErrWrongCode)
	}
	_, err = b.Claim(gone, started.UserCode, "ann", session, address)
	wantLimit(t, err, 10*time.Minute)
}

func TestOnlyWhoWasShownAGrantSeesAndDecidesIt(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	unclaimed := b.start(t)
	for name, who := range map[string]struct {
		id, userID string
		session    [32]byte
	}{
		"another user": {g.ID, "bob", another}, "another user, same session": {g.ID, "bob", session},
		"another session": {g.ID, "ann", another}, "nobody": {g.ID, "", session}, "no session": {g.ID, "ann", [32]byte{}},
		"another grant": {"x", "ann", session}, "no grant": {"", "ann", session},
	} {
		_, err := b.Shown(t.Context(), who.id, who.userID, who.session)
		if !errors.Is(err, onboard.ErrNoGrant) {
			t.Errorf("%s is shown the grant: %v", name, err)
		}
		if err := b.Deny(t.Context(), who.id, who.userID, who.session); !errors.Is(err, onboard.ErrNoGrant) {
			t.Errorf("%s denies: %v", name, err)
		}
		_, err = b.Approve(t.Context(), who.id, who.userID, who.session, theKey.Name, maker{neverMake(t), noUndo(t)})
		if !errors.Is(err, onboard.ErrNoGrant) {
			t.Errorf("%s approves: %v", name, err)
		}
	}
	b.wantState(t, g.ID, model.Pending)

	// What nobody was shown is not nobody's to decide.
	for _, who := range []struct {
		userID  string
		session [32]byte
	}{{"", [32]byte{}}, {"ann", [32]byte{}}, {"", session}} {
		_, err := b.Claim(t.Context(), unclaimed.UserCode, who.userID, who.session, address)
		want(t, err, onboard.ErrWrongCode)
	}

	// The later session counts.
	_, err := b.Claim(t.Context(), started.UserCode, "ann", another, address)
	want(t, err, nil)
	_, err = b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{neverMake(t), noUndo(t)})
	want(t, err, onboard.ErrNoGrant)
	_, err = b.Approve(t.Context(), g.ID, "ann", another, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)
}

func TestADeniedDeviceIsTold(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	want(t, b.Deny(t.Context(), g.ID, "ann", session), nil)
	want(t, b.Deny(t.Context(), g.ID, "ann", session), onboard.ErrDecided)
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{neverMake(t), noUndo(t)})
	want(t, err, onboard.ErrDecided)
	b.wantState(t, g.ID, model.Denied)
	for range 5 { // at once and as often as it asks
		b.wantPoll(t, started.DeviceCode, onboard.ErrDenied)
	}
}

func TestWhatIsApprovedStaysApproved(t *testing.T) {
	b := newBench(t)
	started, g := b.approved(t)
	for range 2 {
		want(t, b.Deny(t.Context(), g.ID, "ann", session), onboard.ErrDecided)
		_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{neverMake(t), noUndo(t)})
		want(t, err, onboard.ErrDecided)
	}
	b.wantPoll(t, started.DeviceCode, nil)
	want(t, b.Deny(t.Context(), g.ID, "ann", session), onboard.ErrDecided)
}

func TestOfManyDecisionsAtOnceOneIsTaken(t *testing.T) {
	for range 200 {
		b := newBench(t)
		started, g := b.shown(t)
		var made, taken atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				var err error
				if i%3 == 0 {
					err = b.Deny(t.Context(), g.ID, "ann", session)
				} else {
					_, err = b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{func(context.Context) (onboard.Key, error) {
						made.Add(1)
						return theKey, nil
					}, noUndo(t)})
				}
				switch {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, onboard.ErrDecided):
					t.Errorf("unexpected: %v", err)
				}
			})
		}
		all.Wait()
		if taken.Load() != 1 || made.Load() > 1 {
			t.Fatalf("%d decisions, %d keys", taken.Load(), made.Load())
		}
		if made.Load() == 1 {
			b.wantPoll(t, started.DeviceCode, nil)
		} else {
			b.wantPoll(t, started.DeviceCode, onboard.ErrDenied)
		}
	}
}

func TestOfAHundredPollsAtOnceOneHasTheKey(t *testing.T) {
	b := newBench(t)
	for range 200 {
		started, _ := b.approved(t)
		for _, when := range []string{"first", "again, after the interval"} {
			var delivered, waiting atomic.Int64
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					d, err := b.Poll(t.Context(), app, started.DeviceCode)
					switch {
					case err == nil && d.Key == theKey:
						delivered.Add(1)
					case errors.Is(err, onboard.ErrPending):
						waiting.Add(1)
					default:
						t.Errorf("unexpected: %v", err)
					}
				})
			}
			all.Wait()
			if delivered.Load() != 1 || waiting.Load() != 99 {
				t.Fatalf("%s: %d deliveries, %d told to wait", when, delivered.Load(), waiting.Load())
			}
			b.clock.Advance(5 * time.Second)
		}
		b.clock.Advance(time.Minute)
		b.wantPoll(t, started.DeviceCode, onboard.ErrInvalidGrant)
	}
}

func TestALostAnswerIsGivenAgain(t *testing.T) {
	b := newBench(t)
	started, _ := b.approved(t)
	b.clock.Set(time.Minute)
	for _, poll := range []struct {
		after time.Duration
		err   error
	}{
		{0, nil},
		{0, onboard.ErrPending}, // the second half of a doubled poll
		{4*time.Second - 1, onboard.ErrPending},
		{4 * time.Second, nil}, // the interval, or nearly
		{4 * time.Second, onboard.ErrPending},
		{8*time.Second - 1, onboard.ErrPending},
		{30 * time.Second, nil},
		{time.Minute - 1, nil},
		{time.Minute, onboard.ErrInvalidGrant},
		{time.Minute, onboard.ErrInvalidGrant},
		{time.Hour, onboard.ErrInvalidGrant},
	} {
		b.clock.Set(time.Minute + poll.after)
		_, err := b.Poll(t.Context(), app, started.DeviceCode)
		if !errors.Is(err, poll.err) {
			t.Errorf("after %v: %v, want %v", poll.after, err, poll.err)
		}
		const why = "the key was handed out a moment ago: ask again at the usual interval"
		if errors.Is(poll.err, onboard.ErrPending) && fmt.Sprint(err) != why {
			t.Errorf("after %v the device is not told why: %v", poll.after, err)
		}
		if poll.err == nil {
			want(t, b.Sweep(t.Context()), nil) // which takes nothing that may be needed
		}
	}
}

func TestALostAnswerIsGivenAgainForAMinute(t *testing.T) {
	for after, err := range map[time.Duration]error{time.Minute - time.Millisecond: nil, time.Minute: onboard.ErrInvalidGrant} {
		b := newBench(t)
		started, _ := b.approved(t)
		b.wantPoll(t, started.DeviceCode, nil)
		b.clock.Advance(after)
		b.wantPoll(t, started.DeviceCode, err)
	}
}

func TestAUsedDeviceCodeCostsTheStoreNoWrites(t *testing.T) {
	b := newBench(t)
	started, _ := b.approved(t)
	b.wantPoll(t, started.DeviceCode, nil)
	writes := 0
	b.grants.deliver = func() error { writes++; return errGoOn }
	hammer := func(after time.Duration, kind error, atMost int) {
		t.Helper()
		writes = 0
		b.clock.Set(after)
		for range 50 {
			b.wantPoll(t, started.DeviceCode, kind)
		}
		if writes > atMost {
			t.Errorf("after %v: %d writes for 50 polls", after, writes)
		}
	}
	hammer(0, onboard.ErrPending, 0)
	hammer(4*time.Second-1, onboard.ErrPending, 0)
	b.clock.Set(4 * time.Second)
	b.wantPoll(t, started.DeviceCode, nil)
	hammer(4*time.Second, onboard.ErrPending, 1) // the second half of a doubled poll
	hammer(7*time.Second, onboard.ErrPending, 0)
	b.clock.Set(8 * time.Second)
	b.wantPoll(t, started.DeviceCode, nil)
	hammer(time.Minute, onboard.ErrInvalidGrant, 0)
	hammer(time.Hour, onboard.ErrInvalidGrant, 0)
}

func TestAKeyThatWasForgottenIsNotToBeHad(t *testing.T) {
	b := newBench(t)
	started, _ := b.approved(t)
	b.wantPoll(t, started.DeviceCode, nil)
	b.clock.Set(time.Minute)
	want(t, b.Sweep(t.Context()), nil)
	b.grants.deliver = func() error { t.Error("the store was asked for it"); return errGoOn }
	b.clock.Set(30 * time.Second) // the clock was put back
	b.wantPoll(t, started.DeviceCode, onboard.ErrInvalidGrant)
}

func TestALostAnswerIsGivenAgainAfterTheEnd(t *testing.T) {
	b := newBench(t)
	started, _ := b.approved(t)
	b.clock.Set(10*time.Minute - 1)
	b.wantPoll(t, started.DeviceCode, nil)
	b.clock.Advance(30 * time.Second)
	want(t, b.Sweep(t.Context()), nil)
	b.wantPoll(t, started.DeviceCode, nil)
	b.clock.Advance(30 * time.Second)
	b.wantPoll(t, started.DeviceCode, onboard.ErrInvalidGrant)
}

func TestPollsThatComeInPairsAreNeverTooFast(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	for range 20 { // as golang.org/x/oauth2 does it, over a network that delays now one, now the other
		b.clock.Advance(4200 * time.Millisecond)
		b.wantPoll(t, started.DeviceCode, onboard.ErrPending)
		b.clock.Advance(700 * time.Millisecond)
		b.wantPoll(t, started.DeviceCode, onboard.ErrPending)
	}
	b.clock.Advance(100 * time.Millisecond)
	for range 3 {
		b.wantPoll(t, started.DeviceCode, onboard.ErrSlowDown)
	}
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{func(context.Context) (onboard.Key, error) {
		b.wantPoll(t, started.DeviceCode, onboard.ErrSlowDown) // nothing is decided yet
		return theKey, nil
	}, noUndo(t)})
	want(t, err, nil)
	b.wantPoll(t, started.DeviceCode, nil) // at once, whichever was too fast
}

func TestAnotherIntervalIsJudgedInProportion(t *testing.T) {
	b := newBench(t, func(c *onboard.Config) { c.Interval, c.Lifetime = time.Second, 30*time.Second })
	started := b.start(t)
	if started.Interval != time.Second || started.ExpiresIn != 30*time.Second {
		t.Errorf("started %+v", started)
	}
	b.wantPoll(t, started.DeviceCode, onboard.ErrPending)
	b.wantPoll(t, started.DeviceCode, onboard.ErrPending)
	b.wantPoll(t, started.DeviceCode, onboard.ErrSlowDown)
	b.clock.Advance(800 * time.Millisecond)
	b.wantPoll(t, started.DeviceCode, onboard.ErrPending)
	b.clock.Set(30 * time.Second)
	b.wantPoll(t, started.DeviceCode, onboard.ErrExpired)
}

func TestOnlyTheDeviceCodeOfTheClientFetches(t *testing.T) {
	b := newBench(t)
	started, _ := b.approved(t)
	code := started.DeviceCode.Reveal()
	other := onboard.New(onboard.Config{ClientID: "app-2", Grants: b.grants, Now: b.clock.Now})
	_, err := other.Poll(t.Context(), "app-2", started.DeviceCode)
	want(t, err, onboard.ErrInvalidGrant)
	_, err = other.Poll(t.Context(), app, started.DeviceCode)
	want(t, err, onboard.ErrUnknownClient)
	for _, wrong := range []string{
		"", "x", code[:42], code + "A", code + "=", strings.ToUpper(code), strings.Repeat("A", 43), " " + code[:42],
		strings.Repeat("A", 1<<20),
	} {
		b.wantPoll(t, model.Secret(wrong), onboard.ErrInvalidGrant)
	}
	g, err := b.grants.GrantByDeviceCode(t.Context(), hash(started.DeviceCode))
	want(t, err, nil)
	b.wantPoll(t, model.Secret(g.DeviceCodeHash[:]), onboard.ErrInvalidGrant)
	b.wantPoll(t, started.DeviceCode, nil) // none of that has used it up
}

func TestNothingHappensAfterTheEnd(t *testing.T) {
	const end = 10 * time.Minute
	for _, after := range []time.Duration{0, time.Minute, time.Hour - 1} {
		b := newBench(t)
		pending, shown := b.shown(t)
		denied, g := b.shown(t)
		want(t, b.Deny(t.Context(), g.ID, "ann", session), nil)
		approved, approvedGrant := b.approved(t)
		b.clock.Set(end + after)
		for range 2 {
			_, err := b.Claim(t.Context(), pending.UserCode, "ann", session, address)
			want(t, err, onboard.ErrWrongCode)
			want(t, b.Deny(t.Context(), shown.ID, "ann", session), onboard.ErrExpired)
			_, err = b.Approve(t.Context(), shown.ID, "ann", session, theKey.Name, maker{neverMake(t), noUndo(t)})
			want(t, err, onboard.ErrExpired)
			b.wantPoll(t, pending.DeviceCode, onboard.ErrExpired)
			b.wantPoll(t, approved.DeviceCode, onboard.ErrExpired)
			b.wantPoll(t, denied.DeviceCode, onboard.ErrDenied)
			b.wantState(t, shown.ID, model.Pending)
			b.wantState(t, approvedGrant.ID, model.Approved)
			want(t, b.Sweep(t.Context()), nil) // changes none of that
		}
		g, err := b.Shown(t.Context(), approvedGrant.ID, "ann", session)
		want(t, err, nil)
		if len(g.Sealed) != 0 || g.KeyID != theKey.ID || !g.Expired(b.clock.Now()) {
			t.Errorf("what nobody fetched is %+v", g)
		}
		b.clock.Set(end + time.Hour)
		want(t, b.Sweep(t.Context()), nil)
		for _, gone := range []onboard.Started{pending, denied, approved} {
			b.wantPoll(t, gone.DeviceCode, onboard.ErrInvalidGrant)
		}
		_, err = b.Shown(t.Context(), shown.ID, "ann", session)
		want(t, err, onboard.ErrNoGrant)
	}
}

func TestEverythingHappensBeforeTheEnd(t *testing.T) {
	b := newBench(t)
	started, denied := b.start(t), b.start(t)
	b.clock.Set(10*time.Minute - 1)
	want(t, b.Sweep(t.Context()), nil)
	g, err := b.Claim(t.Context(), denied.UserCode, "ann", session, address)
	want(t, err, nil)
	want(t, b.Deny(t.Context(), g.ID, "ann", session), nil)
	g, err = b.Claim(t.Context(), started.UserCode, "ann", session, address)
	want(t, err, nil)
	_, err = b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)
	want(t, b.Sweep(t.Context()), nil)
	b.wantPoll(t, started.DeviceCode, nil)
}

func TestAGrantThatCannotHaveAKeyIsPendingAgain(t *testing.T) {
	errFull := errors.New("20 of 20 keys")
	b := newBench(t)
	started, g := b.shown(t)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := b.Approve(ctx, g.ID, "ann", session, theKey.Name, maker{func(context.Context) (onboard.Key, error) {
			b.wantState(t, g.ID, model.Approving)
			want(t, b.Deny(t.Context(), g.ID, "ann", session), onboard.ErrDecided)
			cancel() // the person has closed the page
			return onboard.Key{}, errFull
		}, noUndo(t)})
		want(t, err, errFull)
		b.wantState(t, g.ID, model.Pending)
	}
	b.wantPoll(t, started.DeviceCode, onboard.ErrPending)
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)
	b.wantPoll(t, started.DeviceCode, nil)
}

func TestAGrantThatCannotBePutBackExpires(t *testing.T) {
	errFull := errors.New("20 of 20 keys")
	b := newBench(t)
	started, g := b.shown(t)
	b.grants.cancel = fails
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{func(context.Context) (onboard.Key, error) { return onboard.Key{}, errFull }, noUndo(t)})
	want(t, err, errFull)
	want(t, err, errStore)
	b.wantPoll(t, started.DeviceCode, onboard.ErrPending)
	b.clock.Set(10 * time.Minute)
	b.wantPoll(t, started.DeviceCode, onboard.ErrExpired)
}

func TestAKeyThatIsMadeIsKeptAlthoughThePersonHasGone(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := b.Approve(ctx, g.ID, "ann", session, theKey.Name, maker{func(context.Context) (onboard.Key, error) {
		cancel()
		return theKey, nil
	}, noUndo(t)})
	want(t, err, nil)
	b.wantPoll(t, started.DeviceCode, nil)
}

func TestAKeyThatCannotBeKeptIsUnmade(t *testing.T) {
	for name, try := range map[string]struct {
		break_ func(*bench)
		cause  error
		after  model.GrantState
	}{
		"the store is away": {func(b *bench) { b.grants.finish = fails }, errStore, model.Pending},
		"the store stays away": {func(b *bench) {
			b.grants.finish, b.grants.cancel = fails, fails
		}, errStore, model.Approving},
		"the store cannot even say": {func(b *bench) {
			b.grants.finish, b.grants.cancel, b.grants.grant = fails, fails, fails
		}, errStore, model.Approving},
		"the grant has expired": {func(b *bench) { b.clock.Set(10 * time.Minute) }, onboard.ErrExpired, model.Pending},
		"the grant is gone": {func(b *bench) {
			b.clock.Set(10*time.Minute + time.Hour)
			want(t, b.Sweep(t.Context()), nil)
		}, onboard.ErrExpired, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			started, g := b.shown(t)
			var undone []onboard.Key
			ctx, cancel := context.WithCancel(t.Context())
			_, err := b.Approve(ctx, g.ID, "ann", session, theKey.Name, maker{func(context.Context) (onboard.Key, error) {
				try.break_(b)
				cancel()
				return theKey, nil
			}, func(ctx context.Context, key onboard.Key) {
				deadline, ok := ctx.Deadline()
				if ctx.Err() != nil || !ok || time.Until(deadline) < 5*time.Second {
					t.Errorf("no time to unmake the key: %v", ctx.Err())
				}
				undone = append(undone, key)
			}})
			want(t, err, onboard.ErrNotKept)
			want(t, err, try.cause)
			if len(undone) != 1 || undone[0].ID != theKey.ID {
				t.Errorf("unmade %v", undone)
			}
			b.grants.finish, b.grants.cancel, b.grants.grant = nil, nil, nil
			if try.after == "" {
				_, err := b.Shown(t.Context(), g.ID, "ann", session)
				want(t, err, onboard.ErrNoGrant)
				return
			}
			b.wantState(t, g.ID, try.after)
			if _, err := b.Poll(t.Context(), app, started.DeviceCode); err == nil {
				t.Error("the device is given a key that is no more")
			}
		})
	}
}

// A store may fail to say that it did what was asked.
func TestAKeyThatWasKeptAfterAllIsNotUnmade(t *testing.T) {
	for _, fetched := range []bool{false, true} {
		b := newBench(t)
		started, g := b.shown(t)
		memory := b.grants.Grants
		b.grants.Grants = afterwards{memory, func() {
			if fetched {
				b.wantPoll(t, started.DeviceCode, nil)
			}
		}}
		got, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
		want(t, err, nil)
		if got.State != model.Approved || got.KeyID != theKey.ID {
			t.Errorf("approved %+v", got)
		}
		b.grants.Grants = memory
		b.clock.Advance(5 * time.Second)
		b.wantPoll(t, started.DeviceCode, nil)
	}
}

// loses does a step and then loses its answer or, with before, loses it before it is done. It does so the first times alone.
func loses(before bool, times int, step func() error) func() error {
	return func() error {
		if times--; times < 0 {
			return errGoOn
		}
		if !before {
			if err := step(); err != nil {
				return err
			}
		}
		return fmt.Errorf("commit: %w", model.ErrUnclear)
	}
}

func TestADecisionWhoseAnswerIsLostIsTakenOnce(t *testing.T) {
	for _, before := range []bool{false, true} {
		b := newBench(t)
		started, g := b.shown(t)
		memory := b.grants.Grants
		b.grants.deny = loses(before, 1, func() error { return memory.DenyGrant(t.Context(), g.ID, "ann", session, b.clock.Now()) })
		want(t, b.Deny(t.Context(), g.ID, "ann", session), nil)
		b.wantPoll(t, started.DeviceCode, onboard.ErrDenied)

		started, g = b.shown(t)
		b.grants.begin = loses(before, 1, func() error { return memory.BeginApproval(t.Context(), g.ID, "ann", session, b.clock.Now()) })
		_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
		want(t, err, nil)
		b.wantPoll(t, started.DeviceCode, nil)
	}
}

func TestADecisionOfWhichNothingCanBeLearntIsUnclear(t *testing.T) {
	b := newBench(t)
	_, g := b.shown(t)
	never := func() error { return nil }
	b.grants.deny, b.grants.begin = loses(true, 9, never), loses(true, 9, never)
	want(t, b.Deny(t.Context(), g.ID, "ann", session), model.ErrUnclear)
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{neverMake(t), noUndo(t)})
	want(t, err, model.ErrUnclear)
	b.grants.deny = func() error {
		b.grants.grant = fails
		return model.ErrUnclear
	}
	err = b.Deny(t.Context(), g.ID, "ann", session)
	want(t, err, model.ErrUnclear)
	want(t, err, errStore)
}

func TestACodeWhoseLookUpIsLostIsLookedUpAgain(t *testing.T) {
	for _, before := range []bool{false, true} {
		b := newBench(t)
		started := b.start(t)
		memory := b.grants.Grants
		code, _ := onboard.NormalizeCode(started.UserCode)
		b.grants.claim = loses(before, 1, func() error {
			_, err := memory.ClaimGrant(t.Context(), code, "ann", session, b.clock.Now())
			return err
		})
		g, err := b.Claim(t.Context(), started.UserCode, "ann", session, address)
		want(t, err, nil)
		b.wantState(t, g.ID, model.Pending)
	}
}

func TestWhatCameOfAnApprovalWhoseAnswerIsLostIsFoundOut(t *testing.T) {
	for name, try := range map[string]struct {
		saved         bool // and then its answer is lost
		cancel, grant func() error
		kind          error
		undone        bool
	}{
		"it was saved":                        {saved: true},
		"it was lost":                         {kind: onboard.ErrNotKept, undone: true},
		"it was lost, as is the cancellation": {cancel: loses(true, 1, nil), kind: onboard.ErrNotKept, undone: true},
		"it was saved, and nobody can look":   {saved: true, cancel: fails, grant: fails, kind: onboard.ErrUnclear},
		"it was lost, and nobody can cancel":  {cancel: fails, kind: onboard.ErrUnclear},
		"it was saved, and nobody can cancel": {saved: true, cancel: fails},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			started, g := b.shown(t)
			b.grants.Grants = losing{b.grants.Grants, try.saved}
			unmade := 0
			_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{func(context.Context) (onboard.Key, error) {
				b.grants.cancel, b.grants.grant = try.cancel, try.grant
				return theKey, nil
			}, func(context.Context, onboard.Key) { unmade++ }})
			want(t, err, try.kind)
			if (unmade == 1) != try.undone {
				t.Errorf("the key was unmade %d times", unmade)
			}
			b.grants.cancel, b.grants.grant = nil, nil
			if try.saved {
				b.wantPoll(t, started.DeviceCode, nil)
			} else if _, err := b.Poll(t.Context(), app, started.DeviceCode); err == nil {
				t.Error("the device is given a key that was not kept")
			}
		})
	}
}

// losing loses the answer to the end of an approval, which it has saved or not.
type losing struct {
	onboard.Grants
	saved bool
}

func (l losing) FinishApproval(ctx context.Context, id, keyID, name string, sealed []byte, now time.Time) error {
	if l.saved {
		if err := l.Grants.FinishApproval(ctx, id, keyID, name, sealed, now); err != nil {
			return err
		}
	}
	return fmt.Errorf("commit: %w", model.ErrUnclear)
}

// What came of the approval is not known, and meanwhile the person has approved once more: the key that the device will have is
// the second.
func TestOfTwoKeysTheOneThatIsNotKeptIsUnmade(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	lost := onboard.Key{ID: "lost", Name: "porch-cam", Value: "the-value-that-is-lost"}
	b.grants.finish = fails
	b.grants.cancel = func() error {
		b.grants.finish, b.grants.cancel = nil, nil
		want(t, b.grants.CancelApproval(t.Context(), g.ID), nil)
		_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
		want(t, err, nil)
		return errStore
	}
	var undone []onboard.Key
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{
		func(context.Context) (onboard.Key, error) { return lost, nil },
		func(_ context.Context, key onboard.Key) { undone = append(undone, key) },
	})
	want(t, err, onboard.ErrNotKept)
	if len(undone) != 1 || undone[0].ID != lost.ID {
		t.Errorf("unmade %v", undone)
	}
	b.wantPoll(t, started.DeviceCode, nil)
}

// afterwards finishes an approval and then fails.
type afterwards struct {
	onboard.Grants
	and func()
}

func (a afterwards) FinishApproval(ctx context.Context, id, keyID, name string, sealed []byte, now time.Time) error {
	if err := a.Grants.FinishApproval(ctx, id, keyID, name, sealed, now); err != nil {
		return err
	}
	a.and()
	return errStore
}

func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		_, g := b.shown(t)
		b.grants.Grants = hanging{b.grants.Grants}
		begun := time.Now()
		undone := false
		_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, func(ctx context.Context, _ onboard.Key) {
			if err := ctx.Err(); err != nil {
				t.Errorf("no time to unmake the key: %v", err)
			}
			undone = true
		}})
		want(t, err, onboard.ErrNotKept)
		want(t, err, context.DeadlineExceeded)
		if took := time.Since(begun); !undone || took > 30*time.Second {
			t.Errorf("given up after %v, key unmade: %v", took, undone)
		}
	})
}

// hanging finishes and cancels no approval before its caller loses patience.
type hanging struct{ onboard.Grants }

func (hanging) FinishApproval(ctx context.Context, _, _, _ string, _ []byte, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hanging) CancelApproval(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAStoreThatFailsIsNotTakenForAnAnswer(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	b.grants.begin = fails
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{neverMake(t), noUndo(t)})
	want(t, err, errStore)
	b.grants.grant = fails
	_, err = b.Shown(t.Context(), g.ID, "ann", session)
	want(t, err, errStore)
	want(t, b.Deny(t.Context(), g.ID, "ann", session), errStore)
	b.grants.sweep = fails
	want(t, b.Sweep(t.Context()), errStore)
	b.grants.grant, b.grants.begin = nil, nil
	_, err = b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)
	b.grants.find = fails
	b.wantPoll(t, started.DeviceCode, errStore)
	b.grants.find, b.grants.deliver = nil, fails
	b.wantPoll(t, started.DeviceCode, errStore)
	b.grants.deliver = nil
	b.wantPoll(t, started.DeviceCode, nil)
}

func TestASealedKeyThatWasAlteredIsNotDelivered(t *testing.T) {
	b := newBench(t)
	started, g := b.shown(t)
	b.grants.Grants = altering{b.grants.Grants}
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)
	d, err := b.Poll(t.Context(), app, started.DeviceCode)
	if err == nil || d != (onboard.Delivery{}) || errors.Is(err, onboard.ErrInvalidGrant) {
		t.Errorf("delivered %v, %v", d, err)
	}
}

// altering keeps other bytes than it is given.
type altering struct{ onboard.Grants }

func (a altering) FinishApproval(ctx context.Context, id, keyID, name string, sealed []byte, now time.Time) error {
	sealed[len(sealed)-1] ^= 1
	return a.Grants.FinishApproval(ctx, id, keyID, name, sealed, now)
}

func TestTheClockIsTheRealOneUnlessAnotherIsGiven(t *testing.T) {
	b := newBench(t, func(c *onboard.Config) { c.Now = nil })
	_, g := b.shown(t)
	if age := time.Since(g.CreatedAt); age < 0 || age > time.Minute {
		t.Errorf("the grant was made at %v", g.CreatedAt)
	}
}

func TestALimitSaysHowLongToWait(t *testing.T) {
	err := &onboard.LimitError{RetryAfter: 90*time.Second + time.Nanosecond}
	if text := err.Error(); text != "too many tries; the next is allowed in 1m30s" {
		t.Error(text)
	}
}

// An approval that was in the way and has failed is no decision.
func TestADecisionIsTriedAgainWhenTheOtherWasTakenBack(t *testing.T) {
	b := newBench(t)
	_, g := b.shown(t)
	tries := 0
	b.grants.begin = func() error {
		if tries++; tries < 3 {
			return model.ErrNotFound
		}
		return errGoOn
	}
	_, err := b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{makeKey, noUndo(t)})
	want(t, err, nil)
	_, g = b.shown(t)
	b.grants.begin = func() error { return model.ErrNotFound }
	_, err = b.Approve(t.Context(), g.ID, "ann", session, theKey.Name, maker{neverMake(t), noUndo(t)})
	want(t, err, onboard.ErrDecided)
}

func TestWhatIsKeptGivesNothingAway(t *testing.T) {
	b := newBench(t)
	started, g := b.approved(t)
	for _, state := range []model.GrantState{model.Approved, model.Delivered} {
		b.wantState(t, g.ID, state)
		kept, err := b.grants.Grant(t.Context(), g.ID)
		want(t, err, nil)
		text := fmt.Sprintf("%s %q %v %x", kept.Sealed, kept.SealingKey, kept, kept)
		for _, secret := range []string{theKey.Value.Reveal(), started.DeviceCode.Reveal()} {
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("the %s grant has the secret in it", state)
			}
		}
		if state == model.Approved {
			b.wantPoll(t, started.DeviceCode, nil)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	b := newBench(t)
	started, _ := b.approved(t)
	waiting := b.start(t)
	b.wantPoll(t, waiting.DeviceCode, onboard.ErrPending)
	_, pollErr := b.Poll(t.Context(), "app-2", started.DeviceCode)
	delivery, err := b.Poll(t.Context(), app, started.DeviceCode)
	want(t, err, nil)
	g, err := b.grants.GrantByDeviceCode(t.Context(), hash(started.DeviceCode))
	want(t, err, nil)
	_, claimErr := b.Claim(t.Context(), started.UserCode, "bob", another, address)
	secrets := []string{theKey.Value.Reveal(), started.DeviceCode.Reveal(), waiting.DeviceCode.Reveal()}
	for _, v := range []any{
		b, b.Service, *b.Service, started, &started, waiting, delivery, &delivery, delivery.Key, g, &g, pollErr, claimErr,
		[]any{started}, map[string]onboard.Delivery{"d": delivery},
	} {
		texts := []string{fmt.Sprint(v)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		if j, err := json.Marshal(v); err == nil {
			texts = append(texts, string(j))
		}
		for _, text := range texts {
			for _, secret := range secrets {
				for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprint([]byte(secret))} {
					if strings.Contains(text, strings.Trim(form, "[]")) {
						t.Errorf("%T prints a secret: %s", v, text)
					}
				}
			}
		}
	}
}

func TestADeviceCodeIsGoodInOneSpellingAlone(t *testing.T) {
	b := newBench(t)
	started, err := b.Start(t.Context(), onboard.Request{ClientID: app, Address: address})
	if err != nil {
		t.Fatal(err)
	}
	code := started.DeviceCode.Reveal()
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	others := []string{code + "=", " " + code, code + "\n", strings.ToUpper(code), strings.ToLower(code), code[:len(code)-1], "\ufeff" + code}
	for i := range digits { // the last one has bits to spare in base64
		if other := code[:len(code)-1] + digits[i:i+1]; other != code {
			others = append(others, other)
		}
	}
	for _, other := range others {
		if _, err := b.Poll(t.Context(), app, model.Secret(other)); !errors.Is(err, onboard.ErrInvalidGrant) {
			t.Errorf("%q: %v", other, err)
		}
	}
	if _, err := b.Poll(t.Context(), app, started.DeviceCode); !errors.Is(err, onboard.ErrPending) {
		t.Errorf("the code itself: %v", err)
	}
}
