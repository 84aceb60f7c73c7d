package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// late gives somebody who is signed in, whose proof of who they are is too old by now.
func late(t *testing.T, change ...func(*handlers.Deps)) (*program, *browser, person) {
	t.Helper()
	p := newProgram(t, change...)
	b, who := p.signedIn(email)
	p.clock.Advance(20 * time.Minute)
	b.get("/keys").want(http.StatusOK) // it is not idle
	p.clock.Advance(10*time.Minute + time.Second)
	return p, b, who
}

// alsoPassword is the form as the question for the password sends it.
func alsoPassword(form url.Values, text string) url.Values {
	both := url.Values{"password": {text}}
	for name, values := range form {
		both[name] = values
	}
	return both
}

func newKeyForm(name string) url.Values {
	return url.Values{"name": {name}, "form_id": {strings.Repeat("A", 22)}}
}

func TestAKeyIsMadeWithoutAWordForAsLongAsTheProofIsGood(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.clock.Advance(29 * time.Minute)
	b.get("/keys")
	p.clock.Advance(time.Minute)
	b.post("/keys", newKeyForm("porch-cam")).want(http.StatusOK).says("#once", "porch-cam")
}

func TestAfterThatThePasswordIsAskedForAndWhatWasTypedIsKept(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][]func(*handlers.Deps){"here": nil, "elsewhere": {elsewhere}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, b, who := late(t, how...)
			form := newKeyForm("porch-cam")
			form.Set("q", `a "quoted" <word>`)
			asked := b.post("/keys", form).want(http.StatusForbidden).says("h1", "Confirm it’s you")
			asked.says("main section > p", "Enter your password to create porch-cam. You won’t be asked again for 30 minutes.").says("main", "Signed in as "+email)
			if got := asked.attr("main form[method=post]", "action"); got != "/keys" {
				t.Errorf("the form goes to %q", got)
			}
			for field, want := range map[string]string{"name": "porch-cam", "form_id": form.Get("form_id"), "q": form.Get("q")} {
				if got := asked.attr("input[type=hidden][name="+field+"]", "value"); got != want {
					t.Errorf("%s is %q, want %q", field, got, want)
				}
			}
			wrong := b.post("/keys", alsoPassword(form, "wrong horse")).want(http.StatusUnprocessableEntity)
			wrong.says(".error", "Wrong password.").keepsQuiet("wrong horse")
			b.post("/keys", alsoPassword(form, "")).want(http.StatusUnprocessableEntity).says(".error", "Enter your password.")
			if keys := p.stored(who); len(keys) != 0 {
				t.Fatalf("made without a proof: %v", keys)
			}
			made := b.post("/keys", alsoPassword(form, password)).want(http.StatusOK).says("#once", "porch-cam").keepsQuiet(password)
			if made.text("#value") == "" {
				t.Error("the answer has no value")
			}
			b.post("/keys", url.Values{"name": {"garage"}, "form_id": {strings.Repeat("B", 21) + "A"}}).want(http.StatusOK)
			if got := p.storedNames(who); got != "porch-cam, garage" {
				t.Errorf("the keys are %q", got)
			}
			if got := p.happened(who, "password-confirmed", "sign-in-failed"); got != "password-confirmed browser, sign-in-failed wrong password" {
				t.Errorf("written down: %s", got)
			}
		})
	}
}

func TestTheQuestionComesAsADialogWhereThereIsScript(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	key := p.seed(who, "porch-cam")[0]
	p.turn(who, key, false)
	a := b.htmx().post("/keys/"+key.ID+"/turn-on", url.Values{"place": {"row"}, "name": {"porch-cam"}}).want(http.StatusForbidden).isPart()
	if a.header.Get("HX-Retarget") != "#dialog" || a.header.Get("HX-Reswap") != "innerHTML" {
		t.Errorf("goes to %q", a.header.Get("HX-Retarget"))
	}
	if a.attr("form", "action") != "/keys/"+key.ID+"/turn-on" || a.attr("form[data-proof]", "hx-post") != "/keys/"+key.ID+"/turn-on" || !a.has("#password[autofocus]") || !a.has("[data-close]") {
		t.Errorf("the dialog is %s", a.body)
	}
	if !a.has("input[name=script]") {
		t.Error("the answer to the form does not know of the script")
	}
	b.post("/keys/"+key.ID+"/turn-on", alsoPassword(url.Values{"place": {"row"}, "script": {"1"}}, password)).leadsTo("/keys")
	if p.storedNames(who) != "porch-cam" {
		t.Error("the key is still off")
	}
}

// The act is done by the form that the browser sends afterwards: a value is then in a page as a whole, and in no part.
func TestAPasswordInTheDialogIsCheckedAndNothingIsDoneYet(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	form := newKeyForm("porch-cam")
	form.Set("script", "1")
	wrong := b.htmx().post("/keys", alsoPassword(form, "wrong horse")).want(http.StatusUnprocessableEntity).isPart()
	wrong.says("#password-error", "Wrong password.").says("h2", "Confirm it’s you").keepsQuiet("wrong horse")
	if wrong.header.Get("HX-Retarget") != "#dialog" || wrong.attr("form[data-proof] input[name=name]", "value") != "porch-cam" {
		t.Errorf("it is no dialog, or has lost the form: %s", wrong.body)
	}
	for range 2 { // also when it is good already
		b.htmx().post("/keys", alsoPassword(form, password)).want(http.StatusNoContent)
	}
	if keys := p.stored(who); len(keys) != 0 {
		t.Fatalf("created by the check: %v", keys)
	}
	created := b.post("/keys", form).want(http.StatusOK).says("#once", "porch-cam")
	if !created.has("html") {
		t.Error("the value is in no page of its own")
	}
}

func TestTurningOffAndDeletingNeverAsk(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	keys := p.seed(who, "porch-cam", "garage")
	b.post("/keys/"+keys[0].ID+"/turn-off", nil).leadsTo("/keys")
	b.post("/keys/"+keys[1].ID+"/delete", nil).leadsTo("/keys")
	if got := p.storedNames(who); got != "porch-cam (off)" {
		t.Errorf("the keys are %q", got)
	}
}

func TestADeviceIsApprovedAfterTheQuestionAndDeniedWithoutIt(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	yes, no := b.opens(p.pairing("Porch Pi")), b.opens(p.pairing("Garage Pi"))
	b.post(no.path+"/deny", nil).leadsTo(no.path)
	form := url.Values{"name": {"porch-pi"}}
	asked := b.post(yes.path+"/approve", form).want(http.StatusForbidden).says("button.primary", "Approve")
	if got := asked.attr(".actions a", "href"); got != yes.path {
		t.Errorf("Cancel leads to %q", got)
	}
	b.post(yes.path+"/approve", alsoPassword(form, password)).leadsTo(yes.path)
	if got := p.storedNames(who); got != "porch-pi" {
		t.Errorf("the keys are %q", got)
	}
}

func TestAPasswordInAnAddressProvesNothing(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	b.post("/keys?password="+url.QueryEscape(password), newKeyForm("porch-cam")).want(http.StatusForbidden)
	if len(p.stored(who)) != 0 {
		t.Error("a key was made")
	}
}

func TestTooManyWrongPasswordsAreToldToWait(t *testing.T) {
	t.Parallel()
	p, b, who := late(t, elsewhere)
	p.upstream.breaks("*", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/proof") {
			res, err := says(429, `{"error":"too many"}`)(next, r)
			res.Header.Set("Retry-After", "90")
			return res, err
		}
		return next.RoundTrip(r)
	})
	a := b.post("/keys", alsoPassword(newKeyForm("porch-cam"), password)).want(http.StatusTooManyRequests)
	a.says(".error", "Too many attempts. Try again at 12:32 UTC.")
	if a.header.Get("Retry-After") != "90" || len(p.stored(who)) != 0 {
		t.Errorf("Retry-After %q, keys %v", a.header.Get("Retry-After"), p.stored(who))
	}
}

// A key service that knows no such call is asked to log the person in, which leaves no session behind.
func TestAnUpstreamWithoutACallForItIsAskedByALogIn(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]happens{"not found": says(404, ""), "forbidden": says(403, ""), "unauthorized": says(401, "")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, b, who := late(t)
			p.upstream.breaks("*", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/proof") {
					return answer(next, r)
				}
				return next.RoundTrip(r)
			})
			before, err := p.store.AuthSessions(t.Context(), who.id, p.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			b.post("/keys", alsoPassword(newKeyForm("porch-cam"), "wrong horse")).want(http.StatusUnprocessableEntity)
			b.post("/keys", alsoPassword(newKeyForm("porch-cam"), password)).want(http.StatusOK)
			after, err := p.store.AuthSessions(t.Context(), who.id, p.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			if len(after) != len(before) {
				t.Errorf("%d auth sessions, want %d", len(after), len(before))
			}
		})
	}
}

func TestASessionFromBeforeThereWereProofsIsAsked(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	row.ProvedAt = time.Unix(0, 0)
	if err := p.own.UpdateWebSession(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	b.post("/keys", newKeyForm("porch-cam")).want(http.StatusForbidden)
}

func TestAProofOfASessionThatEndsMeanwhileIsNone(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	p.then["check password"] = func() { _ = p.own.DeleteWebSession(t.Context(), row.IDHash) }
	b.post("/keys", alsoPassword(newKeyForm("porch-cam"), password)).leadsTo("/login?ended=1&next=%2Fkeys%2Fnew%3Fname%3Dporch-cam")
	if len(p.stored(who)) != 0 {
		t.Error("a key was made")
	}
}

// happened lists the events of these kinds, or all, newest first, each as its kind with its detail or else its actor. Equal
// neighbours are said once.
func (p *program) happened(who person, kinds ...string) string {
	p.t.Helper()
	var said []string
	for _, e := range p.events(who, kinds...) {
		text := string(e.Kind) + " " + e.Detail
		if e.Detail == "" {
			text = string(e.Kind) + " " + string(e.Actor)
		}
		said = append(said, text)
	}
	return strings.Join(slices.Compact(said), ", ")
}

func (p *program) events(who person, kinds ...string) []model.Event {
	p.t.Helper()
	return eventsIn(p.t, p.deps.Events, who, kinds...)
}

func eventsIn(t testing.TB, list handlers.Events, who person, kinds ...string) []model.Event {
	t.Helper()
	q := model.EventQuery{Limit: 1000}
	for _, kind := range kinds {
		q.Kinds = append(q.Kinds, model.EventKind(kind))
	}
	events, err := list.Events(context.Background(), who.id, q)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
