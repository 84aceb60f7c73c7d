package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/model"
)

func TestAKeyWhoseValueLeakedIsOffAtOnceAndItsPageSaysWhatThatEnded(t *testing.T) {
	t.Parallel()
	p := newProgram(t, func(d *handlers.Deps) { d.StepUp = 5 * time.Minute }).records(noon.AddDate(-1, 0, 0))
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "garage-pi")
	if _, err := p.api.Login(t.Context(), client.UserAPIKey(value)); err != nil {
		t.Fatal(err)
	}
	p.clock.Advance(10 * time.Minute) // the password was confirmed too long ago for what asks for it
	at := "/keys/" + key.ID
	if got := b.get(at).attr(`form[action$="/leaked"]`, "action"); got != at+"/leaked" {
		t.Fatalf("the button leads to %q", got)
	}
	b.get(at + "/leaked").leadsTo(at)
	b.post(at+"/leaked", nil).leadsTo(at + "/leaked")
	a := b.get(at+"/leaked").want(http.StatusOK).says("h1", "garage-pi is off").
		says("main", "Its value is of no use to anyone now.").says(".facts", "Last used10 minutes ago from 127.0.0.1").
		says("main", "It had 1 sign-in, which ended then. Access handed out before ends by 12:40 UTC at the latest").
		says("main", "Don’t recognise its last use? Change your password.")
	if got := a.attr("a.primary", "href"); got != at+"/replace?finish=now" {
		t.Errorf("replacing it leads to %q", got)
	}
	if _, err := p.api.Login(t.Context(), client.UserAPIKey(value)); err == nil {
		t.Error("it is let in")
	}
	b.get("/keys").says("#key-"+key.ID, "You said its value leaked")
	b.get(at).says("#key .notice", "Reported as leaked just now. Nothing can sign in with it. Replace it").lacks(`form[action$="/leaked"]`)
	b.get("/activity?kind=keys").says("main", "Turned off garage-pi: its value leaked")
	events := len(p.eventsOf(who))
	if got := b.htmx().post(at+"/leaked", nil).want(http.StatusOK).header.Get("HX-Redirect"); got != at+"/leaked" {
		t.Errorf("a script is led to %q", got)
	}
	if got := len(p.eventsOf(who)); got != events {
		t.Errorf("said again, %d events were written", got-events)
	}
}

// A value may leak while another takes its place: that one needs no other.
func TestALeakedKeyThatIsReplacedLeadsToTheKeyThatTookItsPlace(t *testing.T) {
	t.Parallel()
	p, b, who, old, _, _ := replacing(t)
	at, fresh := "/keys/"+old.ID, p.stored(who)[1].ID
	b.post(at+"/leaked", nil).leadsTo(at + "/leaked")
	a := b.get(at+"/leaked").says("main", "garage-pi-2 has taken its place.")
	if got := a.attr("a.primary", "href"); got != "/keys/"+fresh {
		t.Errorf("it leads to %q", got)
	}
	b.get(at).says("#key .notice", "garage-pi-2 has taken its place.").lacks(`#key .notice a[href$="finish=now"]`)
	if _, err := p.store.DeleteAPIKey(t.Context(), who.id, fresh); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{at, at + "/leaked"} {
		if got := b.get(page).attr(`main a[href$="finish=now"]`, "href"); got != at+"/replace?finish=now" {
			t.Errorf("without the new key %s leads to %q", page, got)
		}
	}
}

func (p *program) eventsOf(who person) []model.Event {
	p.t.Helper()
	events, err := p.store.Events(p.t.Context(), who.id, model.EventQuery{Limit: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	return events
}

func TestAKeyThatWasOffIsMarkedAsLeakedAllTheSame(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.AddDate(-1, 0, 0))
	b, who := p.signedIn(email)
	key := p.seed(who, "garage-pi")[0]
	p.turn(who, key, false)
	at := "/keys/" + key.ID
	b.post(at+"/leaked", nil).leadsTo(at + "/leaked")
	b.get(at+"/leaked").want(http.StatusOK).says("main", "It was off already. Its value is of no use to anyone now.")
	b.get("/activity?kind=keys").says("main", "Reported that the value of garage-pi leaked: it was off already")
}

// The password is asked for first, as for every key that is turned on, and then the name.
func TestALeakedKeyIsTurnedOnByItsNameAlone(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "garage-pi")[0]
	at := "/keys/" + key.ID
	b.post(at+"/leaked", nil).leadsTo(at + "/leaked")
	for name, a := range map[string]answer{
		"a page":   b.post(at+"/turn-on", url.Values{"place": {"page"}}).want(http.StatusForbidden).says("h1", "Turn garage-pi on?"),
		"a dialog": b.htmx().post(at+"/turn-on", url.Values{"place": {"row"}}).want(http.StatusForbidden).isPart().says("#dialog-title", "Turn garage-pi on?"),
	} {
		if a.says("strong", "You said that this value leaked."); a.attr("#typed", "data-typed") != "garage-pi" {
			t.Errorf("%s asks for %q", name, a.attr("#typed", "data-typed"))
		}
	}
	for _, typed := range []string{"", "garage", "GARAGE-PI"} {
		b.post(at+"/turn-on", url.Values{"typed": {typed}, "name": {typed}}).want(http.StatusUnprocessableEntity).says("#typed-error", "It is still off.")
	}
	if got := p.storedNames(who); got != "garage-pi (off)" {
		t.Fatalf("the keys are %q", got)
	}
	b.post(at+"/turn-on", url.Values{"typed": {" garage-pi "}, "place": {"page"}}).leadsTo(at)
	b.get(at).says("#key .notice", "The key is on: anyone who has its value can sign in as you.").says("#status", "garage-pi is on.")
	if !b.get(at).has(`form[action$="/leaked"]`) {
		t.Error("it cannot be reported again")
	}
	b.get("/activity?kind=keys").says("main", "Turned on garage-pi, although its value leaked")
	b.get("/keys").says("#key-"+key.ID, "You said its value leaked")
}

func TestAValueThatWasFoundCanBeReported(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "garage-pi")
	a := b.post("/keys/which", url.Values{"value": {value}}).want(http.StatusOK)
	if a.attr("#verdict button[form=leak]", "class") != "danger" || a.attr("form#leak", "action") != "/keys/"+key.ID+"/leaked" || a.has("form#leak [name=value]") {
		t.Errorf("beside the find is %s, which is sent to %s", a.text("#verdict"), a.attr("form#leak", "action"))
	}
	b.post("/keys/"+key.ID+"/leaked", nil).want(http.StatusSeeOther)
	b.post("/keys/which", url.Values{"value": {value}}).want(http.StatusOK).says("#verdict", "which is off").lacks("#verdict button")
}

// The other server tells neither what used the key nor what ended with it.
func TestOfALeakAtAnotherServerItIsSaidWhatIsKnown(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(keyFacts, says(404, ""))
	b, who := p.signedIn(email)
	keys := p.seed(who, "garage-pi", "lamp", "pump")
	at := "/keys/" + keys[0].ID
	b.post(at+"/leaked", nil).leadsTo(at + "/leaked")
	b.get(at+"/leaked").want(http.StatusOK).says("main", "The key service said yes at 12:00 UTC. "+
		"It does not report whether what the key opened has ended.")
	b.get(at).says("#key", "Reported as leaked just now.")
	b.post(at+"/turn-on", nil).want(http.StatusForbidden).says("strong", "You said that this value leaked.")

	p.upstream.breaks(turnOff, losesRequests)
	p.upstream.breaks(fetchKey, after(1, losesRequests))
	b.post("/keys/"+keys[1].ID+"/leaked", nil).want(http.StatusBadGateway).says("h1", "The key may be on or off")
	p.upstream.heal()
	p.upstream.breaks(turnOff, losesRequests)
	b.post("/keys/"+keys[1].ID+"/leaked", nil).want(http.StatusBadGateway).says("h1", "The key is still on").says("main", "didn’t answer properly")
	b.with("Accept-Language", "de").post("/keys/"+keys[1].ID+"/leaked", nil).says("h1", "noch eingeschaltet").says("main", "hat nicht richtig geantwortet")
	p.upstream.heal()
	p.upstream.breaks(fetchKey, refusesConnections)
	b.post("/keys/"+keys[2].ID+"/leaked", nil).want(http.StatusBadGateway)
	if got := p.storedNames(who); !strings.Contains(got, "lamp, pump") {
		t.Errorf("the keys are %q", got)
	}
}
