package upstream_test

import (
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

func TestTheValueOfANewKeyIsGivenWhateverBecomesOfTheOldOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault happens
		look  happens
		off   bool // there
		state model.ReplacementState
	}{
		"it is off":                {nil, nil, true, model.ReplacementParked},
		"the answer is lost":       {losesAnswers, nil, true, model.ReplacementParked},
		"the request is lost":      {losesRequests, nil, false, model.ReplacementWaiting},
		"it is refused":            {says(429, "60"), nil, false, model.ReplacementWaiting},
		"nobody can look":          {losesAnswers, losesRequests, true, model.ReplacementWaiting},
		"nobody listens any more":  {refusesConnections, nil, false, model.ReplacementWaiting},
		"there is never an answer": {timesOut, nil, false, model.ReplacementWaiting},
		"something in front fails": {says(502, ""), nil, false, model.ReplacementWaiting},
		"it does not know either":  {isUnsure, nil, false, model.ReplacementWaiting},
		"the answer is a lie":      {says(200, ""), nil, false, model.ReplacementWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{})
			a, p := r.signedIn(email)
			old := r.newKey(p, "pump")
			r.way.breaks(turnOff, c.fault)
			r.way.breaks(fetchKey, c.look)
			created, err := p.ReplaceKey(t.Context(), old.ID, model.Replacing{Finish: model.FinishNow})
			if err != nil || created.Value == "" || created.NotKept || len(created.Keys.List) != 2 {
				t.Fatalf("created is %+v, %v", created, err)
			}
			if got := created.Keys.List[0].Replaced; got.State != c.state || got.NewID != created.Key.ID || got.Finish != model.FinishNow {
				t.Errorf("it is %+v", got)
			}
			want := "made shown made shown replaced"
			if c.state == model.ReplacementParked {
				want += " parked"
			}
			if got := r.happened(a); got != want {
				t.Errorf("written down: %s", got)
			}
			r.clock.Advance(2 * time.Minute)
			keys, err := p.Keys(t.Context()) // which knows
			if err != nil || keys.List[0].Disabled != c.off || (keys.List[0].Replaced.State == model.ReplacementParked) != c.off {
				t.Errorf("the old key is off: %v, and it is %s; %v", keys.List[0].Disabled, keys.List[0].Replaced.State, err)
			}
		})
	}
}

func TestACompleteListSaysWhichReplacementsAreOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(there *accounts.Person, old, by model.Key) error
		state   model.ReplacementState
		written string
	}{
		"the old key is off": {func(p *accounts.Person, old, _ model.Key) error { return p.SetKey(t.Context(), old.ID, false) }, model.ReplacementParked, ""},
		"the old key was deleted": {func(p *accounts.Person, old, _ model.Key) error {
			_, err := p.DeleteKey(t.Context(), old.ID)
			return err
		}, "", ""},
		"the new key is off":      {func(p *accounts.Person, _, by model.Key) error { return p.SetKey(t.Context(), by.ID, false) }, model.ReplacementUndone, " replacement-ended"},
		"the new key was deleted": {func(p *accounts.Person, _, by model.Key) error { _, err := p.DeleteKey(t.Context(), by.ID); return err }, model.ReplacementUndone, " replacement-ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{})
			a, p := r.signedIn(email)
			old := r.newKey(p, "pump")
			created, err := p.ReplaceKey(t.Context(), old.ID, model.Replacing{Finish: model.FinishByPerson})
			if err != nil {
				t.Fatal(err)
			}
			there, err := r.rules.SignIn(t.Context(), here, email, right)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.happens(r.rules.As(there, here), old, created.Key); err != nil {
				t.Fatal(err)
			}
			r.way.breaks(listKeys, losesRequests) // a read that fails says nothing
			if _, err := p.Keys(t.Context()); err == nil {
				t.Fatal("it did not fail")
			}
			r.way.breaks(listKeys, nil)
			for range 2 {
				keys, err := p.Keys(t.Context())
				if err != nil || keys.List[0].Replaced.State != c.state {
					t.Errorf("it is %q, %v", keys.List[0].Replaced.State, err)
				}
			}
			if got := r.happened(a); got != "made shown made shown replaced"+c.written {
				t.Errorf("written down: %s", got)
			}
		})
	}
}

func TestNobodyWaitsForDevicesThatOnlyTheOtherServerSees(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, p := r.signedIn(email)
	_, err := p.ReplaceKey(t.Context(), r.newKey(p, "pump").ID, model.Replacing{Finish: model.FinishOnEvidence})
	isLost(t, err, model.KindNotOffered, model.NotDone)
}
