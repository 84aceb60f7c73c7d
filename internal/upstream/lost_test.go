package upstream_test

import (
	"strings"
	"testing"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// here is where the people of the tests are.
var here = model.Origin{Address: "192.0.2.7", Agent: "a browser", Actor: model.ActorBrowser}

const (
	email              = "ana@example.org"
	right model.Secret = "correct horse battery"
	wrong model.Secret = "tr0ub4dor and three"
)

// signedIn is a new account, and its person in their first session.
func (r *rig) signedIn(email string) (model.Account, handlers.Person) {
	r.t.Helper()
	if err := r.Register(r.t.Context(), here, email, right); err != nil {
		r.t.Fatal(err)
	}
	a, err := r.SignIn(r.t.Context(), here, email, right)
	if err != nil {
		r.t.Fatal(err)
	}
	return a, r.As(a, here)
}

func (r *rig) newKey(p handlers.Person, name string) model.Key {
	r.t.Helper()
	created, err := p.CreateKey(r.t.Context(), model.CalledKey(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return created.Key
}

// happened is the kinds of what was recorded of an account's keys, the oldest first.
func (r *rig) happened(a model.Account) string {
	r.t.Helper()
	var kinds []string
	for _, e := range r.written(a.UserID) {
		if e.KeyID != "" {
			kinds = append(kinds, strings.TrimPrefix(string(e.Kind), "key-"))
		}
	}
	return strings.Join(kinds, " ")
}

// isLost checks an error whose outcome is not "not done".
func isLost(t *testing.T, err error, kind model.Kind, outcome model.Outcome) {
	t.Helper()
	if !model.Is(err, kind) || model.OutcomeOf(err) != outcome {
		t.Errorf("%v is of kind %d, outcome %d, want %d, %d", err, model.KindOf(err), model.OutcomeOf(err), kind, outcome)
	}
}

func TestACreateWhoseAnswerIsLostIsLookedForInTheList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		create, list happens
		kind         model.Kind
		outcome      model.Outcome
		found        int
		read         bool
	}{
		"the answer is lost":        {losesAnswers, nil, model.KindBrokeOff, model.Unclear, 1, true},
		"the request is lost":       {losesRequests, nil, model.KindBrokeOff, model.Unclear, 0, true},
		"there is no answer":        {timesOut, nil, model.KindTimedOut, model.Unclear, 0, true},
		"it makes no sense":         {says(200, ""), nil, model.KindBadAnswer, model.Unclear, 0, true},
		"something in front fails":  {says(502, ""), nil, model.KindBadAnswer, model.Unclear, 0, true},
		"it does not know either":   {isUnsure, nil, model.KindUnclear, model.Unclear, 0, true},
		"nobody listens":            {refusesConnections, nil, model.KindUnreachable, model.NotDone, 0, true},
		"it has too much to do":     {says(429, "60"), nil, model.KindBusy, model.NotDone, 0, true},
		"nobody can look":           {losesAnswers, after(1, losesRequests), model.KindBrokeOff, model.Unclear, 0, false},
		"nothing was there to read": {nil, refusesConnections, model.KindUnreachable, model.NotDone, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{})
			a, p := r.signedIn(email)
			r.newKey(p, "lamp")
			before := r.way.count(createKey)
			r.way.breaks(createKey, c.create)
			r.way.breaks(listKeys, c.list)
			created, err := p.CreateKey(t.Context(), model.CalledKey("pump"))
			isLost(t, err, c.kind, c.outcome)
			if created.Value != "" || len(created.Found) != c.found || (created.Unread == nil) != c.read {
				t.Errorf("it is %+v, found %+v, unread %v", created.Key, created.Found, created.Unread)
			}
			if c.found == 1 && created.Found[0].Name != "pump" {
				t.Errorf("found is %+v", created.Found)
			}
			if sent := r.way.count(createKey) - before; sent > 1 {
				t.Errorf("sent %d times", sent)
			}
			if got := r.happened(a); got != "made shown" {
				t.Errorf("written down: %s", got)
			}
		})
	}
}

func TestALostCreateFindsOnlyWhatWasNotThereBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	_, p := r.signedIn(email)
	r.newKey(p, "pump")
	r.way.breaks(createKey, losesAnswers)
	created, err := p.CreateKey(t.Context(), model.CalledKey("pump")) // which the other server refuses, and nobody hears of it
	isLost(t, err, model.KindBrokeOff, model.Unclear)
	if len(created.Found) != 0 || len(created.Keys.List) != 1 {
		t.Errorf("found is %+v among %+v", created.Found, created.Keys.List)
	}
	from := here
	from.Pairing = "porch camera"
	lists := r.way.count(listKeys)
	if _, err = r.As(accountOf(r), from).CreateKey(t.Context(), model.CalledKey("lamp")); model.OutcomeOf(err) != model.Unclear || r.way.count(listKeys) != lists {
		t.Errorf("a key for a device: %v, %d lists", err, r.way.count(listKeys)-lists)
	}
}

// accountOf is another session of the same person.
func accountOf(r *rig) model.Account {
	r.t.Helper()
	a, err := r.SignIn(r.t.Context(), here, email, right)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func TestATurnWhoseAnswerIsLostIsLookedAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		turn, fetch happens
		kind        model.Kind // of no error when the outcome is
		outcome     model.Outcome
		given       bool
		events      string
	}{
		"the answer is lost":      {losesAnswers, nil, model.KindInternal, model.NotDone, true, "turned-off"},
		"the request is lost":     {losesRequests, nil, model.KindBrokeOff, model.FoundUndone, true, ""},
		"there is no answer":      {timesOut, nil, model.KindTimedOut, model.FoundUndone, true, ""},
		"nobody can look":         {losesAnswers, losesRequests, model.KindBrokeOff, model.Unclear, false, ""},
		"nobody can look at it":   {nil, says(500, ""), model.KindBadAnswer, model.Unclear, false, ""},
		"it is gone by then":      {nil, says(404, ""), model.KindNotFound, model.NotDone, false, ""},
		"nobody listens":          {refusesConnections, nil, model.KindUnreachable, model.NotDone, false, ""},
		"the session has ended":   {says(403, ""), nil, model.KindForbidden, model.NotDone, false, ""},
		"nothing can be saved":    {says(503, "5"), nil, model.KindBusy, model.NotDone, false, ""},
		"something in front says": {says(503, ""), nil, model.KindBadAnswer, model.FoundUndone, true, ""},
		"it does not know either": {isUnsure, nil, model.KindUnclear, model.FoundUndone, true, ""},
		"nobody knows":            {isUnsure, says(500, ""), model.KindBadAnswer, model.Unclear, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{})
			a, p := r.signedIn(email)
			key := r.newKey(p, "pump")
			r.way.breaks(turnOff, c.turn)
			r.way.breaks(fetchKey, c.fetch)
			got, err := p.TurnKey(t.Context(), key.ID, false)
			if c.events != "" {
				if err != nil || !got.Disabled {
					t.Errorf("it is %+v, %v", got, err)
				}
			} else {
				isLost(t, err, c.kind, c.outcome)
			}
			if (got.ID == key.ID) != c.given {
				t.Errorf("given is %+v", got)
			}
			if got := strings.TrimSpace(strings.TrimPrefix(r.happened(a), "made shown")); got != c.events {
				t.Errorf("written down: %q", got)
			}
		})
	}
}

func TestADeleteWhoseAnswerIsLostIsLookedAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remove, fetch happens
		kind          model.Kind
		outcome       model.Outcome
		given         bool
		events        string
	}{
		"the answer is lost":   {losesAnswers, nil, model.KindInternal, model.NotDone, true, "deleted"},
		"the request is lost":  {losesRequests, nil, model.KindBrokeOff, model.FoundUndone, true, ""},
		"there is no answer":   {timesOut, nil, model.KindTimedOut, model.FoundUndone, true, ""},
		"nobody can look":      {losesAnswers, after(1, losesRequests), model.KindBrokeOff, model.Unclear, true, ""},
		"nobody can look once": {nil, losesRequests, model.KindBrokeOff, model.NotDone, false, ""},
		"nobody listens":       {refusesConnections, nil, model.KindUnreachable, model.NotDone, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{})
			a, p := r.signedIn(email)
			key := r.newKey(p, "pump")
			r.way.breaks(deleteKey, c.remove)
			r.way.breaks(fetchKey, c.fetch)
			got, err := p.DeleteKey(t.Context(), key.ID)
			if c.events != "" {
				if err != nil {
					t.Error(err)
				}
			} else {
				isLost(t, err, c.kind, c.outcome)
			}
			if (got.ID == key.ID && got.Name == "pump") != c.given {
				t.Errorf("given is %+v", got)
			}
			if got := strings.TrimSpace(strings.TrimPrefix(r.happened(a), "made shown")); got != c.events {
				t.Errorf("written down: %q", got)
			}
		})
	}
}

func TestAKeyThatSomebodyElseDeletesMeanwhileIsTheirsToWriteDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	a, p := r.signedIn(email)
	key := r.newKey(p, "pump")
	r.way.breaks(deleteKey, says(404, ""))
	if got, err := p.DeleteKey(t.Context(), key.ID); err != nil || got.Name != "pump" {
		t.Errorf("it is %+v, %v", got, err)
	}
	if got := r.happened(a); got != "made shown" {
		t.Errorf("written down: %s", got)
	}
}
