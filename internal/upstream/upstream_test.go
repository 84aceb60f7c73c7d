package upstream_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// is checks that a call was refused in that way, and that nothing was done by it.
func is(t *testing.T, err error, kind model.Kind) {
	t.Helper()
	isLost(t, err, kind, model.NotDone)
}

func waitOf(err error) time.Duration {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Wait
	}
	return 0
}

func TestAPersonWhoIsAskedToWaitIsNotSentOnBeforeThat(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, p := r.signedIn(email)
	_, other := r.signedIn("bob@example.org")
	key := r.newKey(p, "pump")
	r.way.breaks(createKey, says(429, "120"))
	_, err := p.CreateKey(t.Context(), model.CalledKey("lamp"))
	is(t, err, model.KindBusy)
	if waitOf(err) != 2*time.Minute {
		t.Errorf("the wait is %v", waitOf(err))
	}
	r.clock.Advance(30 * time.Second)
	sent := r.way.count(listKeys) + r.way.count(fetchKey) + r.way.count(turnOff) + r.way.count(deleteKey)
	for name, call := range map[string]func() error{
		"Keys":      func() error { _, err := p.Keys(t.Context()); return err },
		"Key":       func() error { _, err := p.Key(t.Context(), key.ID); return err },
		"CreateKey": func() error { _, err := p.CreateKey(t.Context(), model.CalledKey("lamp")); return err },
		"TurnKey":   func() error { _, err := p.TurnKey(t.Context(), key.ID, false); return err },
		"DeleteKey": func() error { _, err := p.DeleteKey(t.Context(), key.ID); return err },
	} {
		err := call()
		is(t, err, model.KindBusy)
		if waitOf(err) != 90*time.Second {
			t.Errorf("%s is to wait for %v", name, waitOf(err))
		}
	}
	if now := r.way.count(listKeys) + r.way.count(fetchKey) + r.way.count(turnOff) + r.way.count(deleteKey); now != sent {
		t.Errorf("%d calls are sent all the same", now-sent)
	}
	if _, err := other.Keys(t.Context()); err != nil {
		t.Errorf("somebody else has to wait too: %v", err)
	}
	r.clock.Advance(90 * time.Second)
	if _, err := p.Keys(t.Context()); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestAServerThatIsBusyWithoutAWordOfTimeIsAskedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, p := r.signedIn(email)
	r.way.breaks(listKeys, says(429, ""))
	for range 2 {
		_, err := p.Keys(t.Context())
		is(t, err, model.KindBusy)
		if waitOf(err) != 0 {
			t.Errorf("the wait is %v", waitOf(err))
		}
	}
	if sent := r.way.count(listKeys); sent < 2 {
		t.Errorf("it is asked %d times", sent)
	}
}

func TestThatUsageIsNotReportedIsRememberedForFiveMinutes(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{foreign: true})
	_, p := r.signedIn(email)
	_, other := r.signedIn("bob@example.org")
	look := func(p handlers.Person, asked int) {
		t.Helper()
		if keys, err := p.Keys(t.Context()); err != nil || keys.Usage != model.UsageNotReported {
			t.Errorf("the usage is %q, %v", keys.Usage, err)
		}
		if got := r.way.count(keyFacts); got != asked {
			t.Errorf("it is asked %d times, want %d", got, asked)
		}
	}
	look(p, 1)
	look(p, 1)
	look(other, 1)
	r.clock.Advance(5*time.Minute - time.Second)
	look(p, 1)
	r.clock.Advance(2 * time.Second)
	look(p, 2)
}

func TestUsageThatCannotBeReadKeepsNoKeyFromBeingShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts happens
		known model.Knowledge
	}{
		"it fails":           {says(500, ""), model.UsageNotKnown},
		"it breaks off":      {losesAnswers, model.UsageNotKnown},
		"it times out":       {timesOut, model.UsageNotKnown},
		"it is unauthorized": {says(401, ""), model.UsageNotReported},
		"it is forbidden":    {says(403, ""), model.UsageNotReported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{})
			_, p := r.signedIn(email)
			key := r.newKey(p, "pump")
			r.way.breaks(keyFacts, c.facts)
			for range 2 { // and is asked for again the next time
				asked := r.way.count(keyFacts)
				keys, err := p.Keys(t.Context())
				kept := model.KeyUsage{Known: c.known, Fingerprint: key.Usage.Fingerprint} // which was here when it was created
				if err != nil || len(keys.List) != 1 || keys.Usage != c.known || kept.Fingerprint == "" || keys.List[0].Usage != kept {
					t.Errorf("the keys are %+v, %v", keys, err)
				}
				if r.way.count(keyFacts) == asked {
					t.Error("usage is not asked for")
				}
			}
			if one, err := p.Key(t.Context(), key.ID); err != nil || one.Usage.Known != c.known {
				t.Errorf("the key is %+v, %v", one, err)
			}
		})
	}
}

func TestWhatAnotherServerHasNoCallForIsNotOffered(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]happens{
		"404": says(404, ""), "405": says(405, ""), "501": says(501, ""), "401": says(401, ""), "403": says(403, ""), "a page": says(200, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{})
			a, p := r.signedIn(email)
			for _, call := range []string{sessions, endOne, endOthers, proof, password} {
				r.way.breaks(call, answer)
			}
			before := len(r.written(a.UserID))
			_, err := p.Sessions(t.Context())
			is(t, err, model.KindNotOffered)
			if name != "a page" { // whatever answers to these with one has ended a session
				is(t, p.EndSession(t.Context(), "0123456789abcdef01234567"), model.KindNotOffered)
				is(t, p.EndOthers(t.Context()), model.KindNotOffered)
			}
			if name != "401" && name != "403" { // which are about the session
				is(t, p.ChangePassword(t.Context(), right, "a mule, a staple"), model.KindNotOffered)
			}
			if name != "a page" && len(r.written(a.UserID)) != before {
				t.Errorf("written down is %+v", r.written(a.UserID)[before:])
			}
			signIns := r.way.count(logIn)
			if err := p.CheckPassword(t.Context(), right); err != nil {
				t.Errorf("the right password: %v", err)
			}
			is(t, p.CheckPassword(t.Context(), wrong), model.KindWrongPassword)
			if r.way.count(logIn) != signIns+2 {
				t.Error("the password is not checked by signing in")
			}
		})
	}
}

func TestOneTurnIsWrittenDownOnceHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	a, p := r.signedIn(email)
	key := r.newKey(p, "pump")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := p.TurnKey(t.Context(), key.ID, false); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := r.happened(a); got != "made shown turned-off" {
		t.Errorf("written down: %s", got)
	}
	r.clock.Advance(11 * time.Second) // by which somebody may have turned it on with an app
	if _, err := p.TurnKey(t.Context(), key.ID, false); err != nil {
		t.Error(err)
	}
	if got := r.happened(a); got != "made shown turned-off turned-off" {
		t.Errorf("written down: %s", got)
	}
}

func TestAnActIsDoneAlthoughNothingCanBeWrittenDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	a, p := r.signedIn(email)
	r.events.broken.Store(true)
	r.notices.broken = true
	key := r.newKey(p, "pump")
	if got, err := p.TurnKey(t.Context(), key.ID, false); err != nil || !got.Disabled {
		t.Errorf("it is %+v, %v", got, err)
	}
	if _, err := p.DeleteKey(t.Context(), key.ID); err != nil {
		t.Error(err)
	}
	if got := r.happened(a); got != "" {
		t.Errorf("written down: %s", got)
	}
	for _, line := range []string{"key-made", "key-shown", "key-turned-off", "key-deleted", "notice not sent"} {
		if !strings.Contains(r.log.String(), line) {
			t.Errorf("the log has no %s", line)
		}
	}
}

func TestAPersonIsToldOfEachNewKeyAndOfNoOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	a, p := r.signedIn(email)
	r.newKey(p, "pump")
	_, err := p.CreateKey(t.Context(), model.CalledKey("pump"))
	is(t, err, model.KindNameTaken)
	_, err = p.CreateKey(t.Context(), model.CalledKey("p u m p"))
	is(t, err, model.KindBadName)
	from := here
	from.Pairing = "porch camera"
	if _, err := r.As(a, from).CreateKey(t.Context(), model.CalledKey("lamp")); err != nil {
		t.Fatal(err)
	}
	want := []string{email + " pump 12:00PM 192.0.2.7 ", email + " lamp 12:00PM 192.0.2.7 porch camera"}
	if !slices.Equal(r.notices.told, want) {
		t.Errorf("told is %q, want %q", r.notices.told, want)
	}
}

func TestATryIsCountedBeforeItIsSentAndGivenBackWhenItWasNoGuess(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, _ = r.signedIn(email) // the first try
	try := func(password model.Secret) error {
		_, err := r.SignIn(t.Context(), here, email, password)
		return err
	}
	counts := func(taken, givenBack int64) {
		t.Helper()
		if r.signIns.taken.Load() != taken || r.signIns.givenBack.Load() != givenBack {
			t.Errorf("%d are taken and %d given back, want %d and %d", r.signIns.taken.Load(), r.signIns.givenBack.Load(), taken, givenBack)
		}
	}
	counts(1, 1)
	is(t, try(wrong), model.KindWrongPassword)
	counts(2, 1)
	r.way.breaks(logIn, refusesConnections)
	is(t, try(right), model.KindUnreachable)
	counts(3, 2)
	r.way.breaks(logIn, losesRequests)
	isLost(t, try(right), model.KindBrokeOff, model.Unclear) // which may have been a guess
	counts(4, 2)
	r.way.breaks(logIn, nil)
	for range 2 { // an address has four of an account
		is(t, try(wrong), model.KindWrongPassword)
	}
	sent := r.way.count(logIn)
	err := try(right)
	is(t, err, model.KindTooManyTries)
	if waitOf(err) <= 0 || r.way.count(logIn) != sent {
		t.Errorf("the wait is %v, and it is sent", waitOf(err))
	}
}
