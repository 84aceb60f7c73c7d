package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/model"
)

// row and page are what the switch of a key sends, by where it stands.
func row(key client.APIKey) url.Values { return url.Values{"place": {"row"}, "name": {key.Name}} }

func page(key client.APIKey) url.Values { return url.Values{"place": {"page"}, "name": {key.Name}} }

// cancellable is a request of a browser that can leave before the answer.
func cancellable(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, leave := context.WithCancel(r.Context())
	return r.WithContext(ctx), leave
}

func TestASwitchWithoutScriptLeadsBackWithAMessage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]

	b.post("/keys/"+key.ID+"/turn-off", row(key)).leadsTo("/keys")
	b.get("/keys").says("#status", "porch-cam is off. It can’t sign in.").says("#keys .state", "Off")
	if got := b.get("/keys").text("#status"); got != "" {
		t.Errorf("the message comes a second time: %q", got)
	}
	b.post("/keys/"+key.ID+"/turn-on", page(key)).leadsTo("/keys/" + key.ID)
	b.get("/keys/"+key.ID).says("#status", "porch-cam is on.").says("#key .state", "On")
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %s", got)
	}
}

func TestASwitchWithScriptIsAnsweredWithItsPlaceDrawnAnew(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]

	inRow := b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusOK).isPart()
	inRow.says("li#key-"+key.ID+" .state", "Off").says(`hx-partial[hx-target="#status"]`, "porch-cam is off. It can’t sign in.")
	inRow.lacks("#key")
	if got := inRow.attr("[role=switch]", "aria-checked"); got != "false" {
		t.Errorf("the switch is %s", got)
	}

	onPage := b.htmx().post("/keys/"+key.ID+"/turn-on", page(key)).want(http.StatusOK).isPart()
	onPage.says("section#key .state", "On").says(`hx-partial[hx-target="#status"]`, "porch-cam is on.").lacks("li.key")
	onPage.says(`hx-partial[hx-target="#recent"] li`, "Turned on porch-cam")
	if len(inRow.cookies)+len(onPage.cookies) != 0 {
		t.Error("a message waits for a page that is not coming")
	}
}

func TestTurningAKeyOffEndsItsLogInAndTurningItOnGivesTheSameValueBack(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	value := client.UserAPIKey(b.post("/keys", createForm(newFormID(t), "porch-cam")).text("#value"))
	id := p.stored(who)[0].ID
	b.post("/keys/"+id+"/turn-off", nil).leadsTo("/keys")
	if _, err := p.api.Login(t.Context(), value); !client.IsUnauthorized(err) {
		t.Errorf("a key that is off signs in: %v", err)
	}
	b.post("/keys/"+id+"/turn-on", nil).leadsTo("/keys")
	if _, err := p.api.Login(t.Context(), value); err != nil {
		t.Errorf("a key that is on again does not sign in: %v", err)
	}
}

func TestTurningTwiceIsTheSameAsOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for range 2 {
		b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusOK).says(".state", "Off")
	}
	for range 2 {
		b.htmx().post("/keys/"+key.ID+"/turn-on", row(key)).want(http.StatusOK).says(".state", "On")
	}
}

func TestASwitchThatAnotherTabTurnedBackShowsTheTruth(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks(turnOff, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		p.turn(who, key, true)
		return res, err
	})
	a := b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusOK).says(".state", "On")
	a.says(`hx-partial[hx-target="#status"]`, "porch-cam is on.")
}

func TestASwitchOfADeletedKeySaysThatItIsGone(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	if _, err := p.store.DeleteAPIKey(t.Context(), who.id, key.ID); err != nil {
		t.Fatal(err)
	}
	for _, act := range []string{"/turn-on", "/turn-off"} {
		inRow := b.htmx().post("/keys/"+key.ID+act, row(key)).want(http.StatusNotFound).isPart()
		inRow.says("li#key-"+key.ID+".gone", "This key was deleted in another place.").lacks("[role=switch]")
		inRow.says(`hx-partial[hx-target="#status"]`, "This key was deleted in another place.")
		if inRow.header.Get("HX-Retarget") != "" {
			t.Error("the row is not put in the row's place")
		}

		onPage := b.htmx().post("/keys/"+key.ID+act, page(key)).want(http.StatusNotFound).isPart()
		onPage.says(".notice.bad", "Key not found")
		if onPage.header.Get("HX-Retarget") != "#notice" {
			t.Error("the notice takes the key's place")
		}
		b.post("/keys/"+key.ID+act, row(key)).want(http.StatusNotFound).says("h1", "Key not found")
	}
}

func TestAKeyDeletedBetweenActAndLookIsGoneToo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks(fetchKey, says(404, `{"error":"API key not found","error_code":"APIKeyNotFound"}`))
	b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusNotFound).says("li.gone", "deleted in another place")
}

// unclearActs is every way in which the answer to a switch can get lost.
var unclearActs = map[string]struct {
	fault  happens
	status int
}{
	"no answer in time":        {timesOut, 504},
	"the connection breaks":    {losesRequests, 502},
	"a failure of the gateway": {says(502, "<h1>secret-host</h1>"), 502},
}

func TestALostAnswerToASwitchIsMadeGoodByALook(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for name, c := range unclearActs {
		p.upstream.heal()
		p.turn(who, key, true)
		p.upstream.breaks(turnOff, c.fault) // and the request with it
		a := b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusOK).says(".state", "On")
		a.says(`hx-partial[hx-target="#status"]`, "Nothing changed: porch-cam is still on.")
		p.upstream.reset()
		p.upstream.breaks(turnOff, thenFails(c.fault))
		a = b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusOK).says(".state", "Off")
		a.says(`hx-partial[hx-target="#status"]`, "porch-cam is off.")
		if got := p.upstream.count(turnOff); got != 1 {
			t.Errorf("%s: the switch was sent %d times", name, got)
		}
	}
}

func TestAnActWithoutAnyAnswerIsShownAsNotKnown(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	const off = "We asked to turn porch-cam off and got no answer. It may be on or off."
	for name, c := range unclearActs {
		p.upstream.heal()
		p.upstream.breaks("*", c.fault)
		inRow := b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(c.status).isPart().keepsQuiet("secret-host")
		inRow.says("li .state", "Not known").says("li .error", off).says(`hx-partial[hx-target="#status"]`, off)
		if inRow.attr("li .error a", "href") != "/keys/"+key.ID || !inRow.has("[role=switch].unknown") {
			t.Errorf("%s: the row is guessed or cannot be checked", name)
		}
		if inRow.attr("form.toggle", "action") != "/keys/"+key.ID+"/turn-off" {
			t.Errorf("%s: the switch does not repeat what was asked", name)
		}
		if inRow.header.Get("HX-Retarget") != "" {
			t.Errorf("%s: the row is not put in the row's place", name)
		}
		onPage := b.htmx().post("/keys/"+key.ID+"/turn-off", page(key)).want(c.status).isPart()
		onPage.says("#key .state", "Not known").says("#key .error", off)

		on := b.htmx().post("/keys/"+key.ID+"/turn-on", row(key)).want(c.status)
		on.says("li .error", "We asked to turn porch-cam on and got no answer. It may be on or off.")

		plain := b.post("/keys/"+key.ID+"/turn-off", row(key)).want(c.status).says("h1", "It may be on or off").says("main", off)
		if plain.attr("main a.button", "href") != "/keys/"+key.ID || plain.text("main a.button") != "Check now" {
			t.Errorf("%s: the page leads to %q", name, plain.attr("main a.button", "href"))
		}
	}
	if !strings.Contains(p.logs.String(), "outcome of an act unknown") {
		t.Error("the log does not say so")
	}
}

func TestAnUnknownOutcomeTakesNoNameFromTheFormThatIsNone(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks("*", losesRequests)
	for _, name := range []string{"", "<script>", "Your account was closed, call 555"} {
		form := url.Values{"place": {"row"}, "name": {name}}
		a := b.htmx().post("/keys/"+key.ID+"/turn-off", form).want(http.StatusBadGateway).lacks("li", "script")
		a.says(".notice.bad", "The connection to the key service broke").keepsQuiet("call 555")
	}
}

func TestASwitchThatWasNotSentChangesNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for name, c := range map[string]struct {
		fault   happens
		status  int
		heading string
	}{
		"it is down": {refusesConnections, 502, "We can’t reach the key service"},
		"it is busy": {says(503, `{"error":"busy"}`), 503, "The key service is busy"},
	} {
		p.upstream.heal()
		p.upstream.breaks(turnOff, c.fault)
		part := b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(c.status).isPart()
		part.says(".notice.bad", c.heading).says(".notice", "Nothing was changed").lacks("li")
		if part.header.Get("HX-Retarget") != "#notice" || !strings.HasPrefix(part.header.Get("HX-Reswap"), "innerHTML") {
			t.Errorf("%s: the notice takes the row's place", name)
		}
		b.post("/keys/"+key.ID+"/turn-off", row(key)).want(c.status).says("h1", c.heading)
	}
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %s", got)
	}
}

func TestABrowserThatLeavesDoesNotCutAnActShort(t *testing.T) {
	t.Parallel()
	for act, c := range map[string]struct{ call, want string }{
		"turn-off": {turnOff, "porch-cam (off)"},
		"turn-on":  {turnOn, "porch-cam"},
		"delete":   {deleteKey, ""},
	} {
		t.Run(act, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)
			key := p.seed(who, "porch-cam")[0]
			p.turn(who, key, act == "turn-off")
			r, leave := cancellable(b.request(http.MethodPost, "/keys/"+key.ID+"/"+act, row(key)))
			p.upstream.breaks(c.call, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
				leave()
				return next.RoundTrip(r)
			})
			b.send(r)
			if got := p.storedNames(who); got != c.want {
				t.Errorf("the keys are %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnActMayTakeTimeButNotForEver(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	var bounded, endless atomic.Int32 // the look at what a key is used for runs beside the act
	p.upstream.breaks("*", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if _, ok := r.Context().Deadline(); ok {
			bounded.Add(1)
		} else {
			endless.Add(1)
		}
		return next.RoundTrip(r)
	})
	b.post("/keys/"+key.ID+"/turn-off", nil).leadsTo("/keys")
	if endless.Load() != 0 || bounded.Load() < 2 { // the act, and the look at what became of it
		t.Errorf("%d requests have a deadline, %d have none", bounded.Load(), endless.Load())
	}
}

func TestDeletingAsksOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]

	whole := b.get("/keys/"+key.ID+"/delete").want(http.StatusOK).says("h1", "Delete porch-cam?").says("title", "Delete porch-cam")
	if got := whole.attr(".actions a.button", "href"); got != "/keys/"+key.ID {
		t.Errorf("keeping it leads to %q", got)
	}
	for _, place := range []string{"row", "page"} {
		dialog := b.htmx().get("/keys/" + key.ID + "/delete?place=" + place).want(http.StatusOK).isPart()
		dialog.says("#dialog-title", "Delete porch-cam?").says("[data-close]", "Cancel")
		form := `form[action="/keys/` + key.ID + `/delete"]`
		if got := dialog.attr(form+" input[name=place]", "value"); got != place {
			t.Errorf("the form says that it is on %q", got)
		}
		if dialog.has(form+"[hx-post]") != (place == "row") {
			t.Errorf("on %s the answer goes to the wrong place", place)
		}
		dialog.says(form+" button", "Delete porch-cam").says(`form[action$="/turn-off"]`, "Turn off instead")
	}
	p.turn(who, key, false)
	b.get("/keys/" + key.ID + "/delete").want(http.StatusOK).lacks(`form[action$="/turn-off"]`)
	if got := p.storedNames(who); got != "porch-cam (off)" {
		t.Errorf("asking changed the keys to %s", got)
	}
}

// The name keeps a person from a slip. A program, or a page that does not ask for it, deletes as ever.
func TestTheNameOfAKeyInUseHasToBeTypedWhereItIsAskedFor(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	key, value := p.keyWithValue(who, "porch-cam")
	p.works("porch-cam", value)
	p.clock.Advance(7*24*time.Hour - time.Minute)
	b := p.signIn(who)
	at := "/keys/" + key.ID + "/delete"
	asked := b.get(at).want(http.StatusOK).says("main", "Last used 6 days ago by Linux, realm-web, 127.0.0.1.").says("#typed", "")
	form := url.Values{"name": {asked.attr("form[action$=delete] [name=name]", "value")}, "typed": {"porch cam"}}
	b.post(at, form).want(http.StatusUnprocessableEntity).says("#typed-error", "That isn’t the name of this key. Nothing was deleted.")
	part := b.htmx().post(at, form).want(http.StatusUnprocessableEntity).isPart().says("#typed-error", "isn’t the name")
	if part.header.Get("HX-Retarget") != "#dialog" {
		t.Error("the question is not asked where it was")
	}
	if got := p.storedNames(who); got != "porch-cam" {
		t.Fatalf("the keys are %q", got)
	}
	form.Set("typed", " porch-cam ")
	b.post(at, form).leadsTo("/keys")

	key, value = p.keyWithValue(who, "heat-pump")
	p.works("heat-pump", value)
	b.post("/keys/"+key.ID+"/delete", nil).leadsTo("/keys")
	key, value = p.keyWithValue(who, "garage-pi")
	p.works("garage-pi", value)
	p.clock.Advance(7 * 24 * time.Hour)
	p.signIn(who).get("/keys/" + key.ID + "/delete").want(http.StatusOK).lacks("#typed")
}

func TestAKeysPageHasWhatWasDoneWithItLatelyAndWhenItWasTurnedOff(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, other := p.seed(who, "porch-cam")[0], about(aKey, "heat-pump")
	at, mine := "/keys/"+key.ID, about(key.ID, "porch-cam")
	for range 3 {
		p.writes(who, "key-shown", mine)
		p.writes(who, "key-shown", other)
	}
	b.post(at+"/turn-off", page(key)).leadsTo(at)
	p.clock.Advance(10 * time.Minute)
	a := b.get(at).says("#key .notice", "Turned off 10 minutes ago.")
	a.says("#recent li", "Turned off porch-cam")
	if got := len(a.texts("#recent li")); got != 2 { // what is alike is one line
		t.Errorf("%d lines", got)
	}
	for i := range 25 { // devices that do not know, for hours
		p.writes(who, "key-refused", mine, by(model.ActorDevice), detail("off"), func(e *model.Event) { e.Address = fmt.Sprint("192.0.2.", i) })
	}
	a = b.get(at).says("#key .notice", "Turned off 35 minutes ago.")
	if got := len(a.texts("#recent li")); got != 5 {
		t.Errorf("%d lines, want the newest five", got)
	}
}

func TestAKeysPageIsThereWhenItsActivityCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, func(d *handlers.Deps) { d.Events = noEvents{} })
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	b.get("/keys/"+key.ID).want(http.StatusOK).says("h1", "porch-cam").says("#recent", "We can’t read this key’s activity right now.").keepsQuiet("secret-host")
}

func TestDeletingWithoutScriptLeadsBackToTheList(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, "porch-cam", "heat-pump")
	form := b.get("/keys/" + keys[0].ID + "/delete")
	b.post(form.attr("form:has(button.danger)", "action"), url.Values{"place": {form.attr("input[name=place]", "value")}}).leadsTo("/keys")
	b.get("/keys").says("#status", "porch-cam was deleted.").says("#quota", "1 of 20")
	if got := p.storedNames(who); got != "heat-pump" {
		t.Errorf("the keys are %s", got)
	}
	b.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusOK) // the name is free again
}

func TestDeletingInTheListDrawsTheListAnew(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(20)...)
	a := b.htmx().post("/keys/"+keys[4].ID+"/delete", url.Values{"place": {"row"}}).want(http.StatusOK).isPart()
	want := append(numbered(4), numbered(20)[5:]...)
	slices.Reverse(want)
	if diff := cmp.Diff(want, a.texts("#keys .name")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	a.says(`hx-partial[hx-target="#quota"]`, "19 of 20").says(`hx-partial[hx-target="#status"]`, "key-05 was deleted.")
	if len(a.cookies) != 0 {
		t.Error("a message waits for a page that is not coming")
	}
}

func TestTheFiltersOfTheListFollowWhatIsCreatedAndDeleted(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(7)...)
	p.turn(who, keys[6], false)
	const filters = `hx-partial[hx-target="#finder"] .chip`

	a := b.htmx().post("/keys/"+keys[4].ID+"/delete", url.Values{"place": {"row"}, "show": {"off"}, "q": {"key"}}).want(http.StatusOK)
	if diff := cmp.Diff([]string{"All 6", "On 5", "Off 1", "Unused 0"}, a.texts(filters)); diff != "" {
		t.Errorf("after a deletion (-want +got):\n%s", diff)
	}
	if got := a.texts("#keys .name"); !slices.Equal(got, []string{"key-07"}) || a.text(filters+`[aria-current="page"]`) != "Off 1" || a.attr("#q", "value") != "key" {
		t.Errorf("the list is not narrowed down any more: %v", got)
	}

	a = b.htmx().post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusOK)
	if diff := cmp.Diff([]string{"All 7", "On 6", "Off 1", "Unused 0"}, a.texts(filters)); diff != "" {
		t.Errorf("after a create (-want +got):\n%s", diff)
	}
	if got := a.text(filters + `[aria-current="page"]`); got != "All 7" || a.attr("#q", "value") != "" {
		t.Errorf("all keys are listed, and %q is chosen", got)
	}
}

func TestDeletingOnTheKeysOwnPageLeadsToTheList(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	a := b.htmx().post("/keys/"+key.ID+"/delete", url.Values{"place": {"page"}}).want(http.StatusOK)
	if got := a.header.Get("HX-Redirect"); got != "/keys" {
		t.Errorf("leads to %q", got)
	}
	b.get("/keys").says("#status", "porch-cam was deleted.")
}

func TestDeletingAKeyThatIsGoneIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	const gone, words = "0123456789abcdef01234567", "That key was deleted already, in another place."
	b.post("/keys/"+gone+"/delete", nil).leadsTo("/keys")
	b.get("/keys").says("#status", words)
	part := b.htmx().post("/keys/"+gone+"/delete", url.Values{"place": {"row"}}).want(http.StatusOK)
	part.says(`hx-partial[hx-target="#status"]`, words).says("#keys", "Give your first device a key")
}

func TestALostAnswerToADeleteIsMadeGoodByALook(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	for name, c := range unclearActs {
		p.upstream.heal()
		p.upstream.reset()
		key := p.seed(who, "porch-cam")[0]
		p.upstream.breaks(deleteKey, c.fault)
		b.post("/keys/"+key.ID+"/delete", nil).want(c.status).keepsQuiet("secret-host")
		if got := p.storedNames(who); got != "porch-cam" {
			t.Errorf("%s: the keys are %q", name, got)
		}
		p.upstream.breaks(deleteKey, thenFails(c.fault))
		b.post("/keys/"+key.ID+"/delete", nil).leadsTo("/keys")
		b.get("/keys").says("#status", "porch-cam was deleted.")
		if got := p.upstream.count(deleteKey); got != 2 {
			t.Errorf("%s: two forms sent %d deletes", name, got)
		}
	}
}

func TestADeleteThatWasNotSentSaysSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks(fetchKey, refusesConnections)
	b.post("/keys/"+key.ID+"/delete", nil).want(http.StatusBadGateway).says("main", "Nothing was changed")
	p.upstream.heal()
	p.upstream.breaks(deleteKey, says(503, `{"error":"busy"}`))
	b.post("/keys/"+key.ID+"/delete", nil).want(http.StatusServiceUnavailable).says("main", "Nothing was changed")
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %s", got)
	}
}

func TestADeletedKeyIsSaidToBeDeletedAlsoWhenTheListCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks(listKeys, says(500, ""))
	a := b.htmx().post("/keys/"+key.ID+"/delete", url.Values{"place": {"row"}}).want(http.StatusOK).isPart()
	a.says(`hx-partial[hx-target="#status"]`, "porch-cam was deleted.").says("#keys .notice", "We couldn’t read your keys.").lacks(".first")
}

func TestADeleteAfterWhichTheSessionIsOverLeadsToTheLogIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks(listKeys, says(401, ""))
	a := b.htmx().post("/keys/"+key.ID+"/delete", url.Values{"place": {"row"}}).want(http.StatusOK)
	if got := a.header.Get("HX-Redirect"); got != "/login?ended=service&next=%2Fkeys" {
		t.Errorf("leads to %q", got)
	}
}
