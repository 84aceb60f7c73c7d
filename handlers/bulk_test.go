package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/internal/model"
)

// bulk is the form of the list in which keys are selected.
func bulk(act string, keys ...client.APIKey) url.Values {
	form := url.Values{"act": {act}}
	for _, key := range keys {
		form.Add("key", key.ID)
	}
	return form
}

// selected are the names of the keys whose boxes are ticked.
func (a answer) selected() string {
	return strings.Join(a.doc.Find("#keys input:checked").Map(func(_ int, s *goquery.Selection) string {
		return squeeze(s.Parent().Find(".name").Text())
	}), ", ")
}

func TestSeveralKeysAreTurnedOffAndAReloadShowsTheList(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(20)...)
	p.turn(who, keys[4], false)
	form := bulk("off", keys...)
	form.Set("show", "off")
	form.Set("sort", "name")
	b.post("/keys/bulk", form).leadsTo("/keys?select=1&show=off&sort=name")
	a := b.get("/keys?select=1&show=off&sort=name").want(http.StatusOK).says("#status", "Turned off 19 of 20.").says("#keys", "key-05 Was off already")
	if got := a.texts("#keys ul.keys .name"); cmp.Diff(numbered(20), got) != "" || a.selected() != "" {
		t.Errorf("the list has %q, selected are %q", got, a.selected())
	}
	b.get("/keys?select=1").want(http.StatusOK).lacks("[aria-label=Results]").says("#status", "")
	if got := len(p.events(who, "key-turned-off")); got != 19 {
		t.Errorf("%d events", got)
	}

	part := b.htmx().post("/keys/bulk", bulk("on", keys[:2]...)).want(http.StatusOK).isPart()
	part.says("[hx-target='#status']", "Turned on 2 of 2.").lacks("[aria-label=Results]")
	if len(part.cookies) != 0 || part.has("[hx-target='#undo'] form") {
		t.Errorf("it leaves %v, and a way back for one key", part.cookies)
	}
	if got := len(p.events(who, "key-turned-on")); got != 2 {
		t.Errorf("%d events", got)
	}
}

// What is not known stays selected, and of what comes after it nothing is tried: nobody would answer.
func TestAConnectionThatIsCutAfterTheThirdKeyLeavesTheOthersUntried(t *testing.T) {
	t.Parallel()
	for _, script := range []bool{false, true} {
		t.Run(fmt.Sprint("script ", script), func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)
			keys := p.seed(who, numbered(6)...)
			p.upstream.breaks(turnOff, after(3, losesRequests))
			p.upstream.breaks(fetchKey, after(3, losesRequests))
			var a answer
			if script {
				a = b.htmx().post("/keys/bulk", bulk("off", keys...)).want(http.StatusOK)
			} else {
				b.post("/keys/bulk", bulk("off", keys...)).leadsTo("/keys?select=1")
				a = b.get("/keys?select=1").want(http.StatusOK)
			}
			want := []string{
				"key-04 No answer. It may be on or off. Check", "key-05 Not tried", "key-06 Not tried", "key-01, key-02, key-03 Turned off",
			}
			if diff := cmp.Diff(want, a.texts("[aria-label=Results] li")); diff != "" {
				t.Errorf("it says (-want +got):\n%s", diff)
			}
			if got := a.attr("[aria-label=Results] a", "href"); got != "/keys/"+keys[3].ID {
				t.Errorf("looking leads to %q", got)
			}
			if got := a.selected(); got != "key-06, key-05, key-04" { // the newest is listed first
				t.Errorf("selected are %q", got)
			}
			if got := p.storedNames(who); got != "key-01 (off), key-02 (off), key-03 (off), key-04, key-05, key-06" {
				t.Errorf("the keys are %s", got)
			}
			if got := p.upstream.count(turnOff); got != 4 {
				t.Errorf("%d were asked for", got)
			}
		})
	}
}

// Nothing was done and nothing would be: the page says so as after any act, and what was selected is selected still.
func TestAKeyServiceThatIsDownIsNotAskedForEachKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(3)...)
	p.upstream.breaks(turnOff, refusesConnections)
	a := b.htmx().post("/keys/bulk", bulk("off", keys...)).want(http.StatusBadGateway).lacks("#keys")
	if got := a.header.Get("HX-Retarget"); got != "#notice" {
		t.Errorf("it goes to %q", got)
	}
	p.upstream.heal()
	p.upstream.breaks(turnOff, after(1, says(http.StatusInternalServerError, "")))
	a = b.htmx().post("/keys/bulk", bulk("off", keys...)).want(http.StatusOK).says("[hx-target='#status']", "Turned off 1 of 3.")
	if got := a.texts("[aria-label=Results] li"); len(got) != 3 || !strings.HasPrefix(got[0], "key-02 Not turned off: ") || !strings.HasPrefix(got[1], "key-03 Not turned off: ") {
		t.Errorf("it says %q", got) // another key may fare better than one
	}
}

func TestAnActWhoseCommitIsLostIsToldOfTheKeyThatItWasAbout(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(3)...)
	n := 0
	p.loses(losing{"TurnKey": func() error {
		if n++; n == 2 {
			return &model.Error{Kind: model.KindUnclear, Outcome: model.Unclear}
		}
		return nil
	}})
	a := b.htmx().post("/keys/bulk", bulk("off", keys...)).want(http.StatusOK).says("[hx-target='#status']", "Turned off 1 of 3.")
	if diff := cmp.Diff([]string{"key-02 No answer. It may be on or off. Check", "key-03 Not tried", "key-01 Turned off"}, a.texts("[aria-label=Results] li")); diff != "" {
		t.Errorf("it says (-want +got):\n%s", diff)
	}
}

func TestWhatIsSentForSeveralKeysMayBeAnything(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	_, bob := p.signedIn("bob@example.com")
	keys, others := p.seed(who, numbered(3)...), p.seed(bob, "bobs")
	for _, b := range []*browser{b, b.htmx()} {
		b.post("/keys/bulk", bulk("off")).want(http.StatusUnprocessableEntity).says("#bulk .error", "Select at least one key.")
		a := b.post("/keys/bulk", bulk("rename", keys[0])).want(http.StatusUnprocessableEntity).says("#bulk .error", "Choose what to do: turn off, turn on or delete.")
		if a.selected() != "key-01" {
			t.Errorf("selected are %q", a.selected())
		}
	}
	form := bulk("off", keys[0], keys[0], others[0], client.APIKey{ID: "x"}, client.APIKey{ID: ""}, client.APIKey{ID: "../" + keys[1].ID})
	for range 50 {
		form.Add("key", model.NewID(noon))
	}
	b.post("/keys/bulk", form).leadsTo("/keys?select=1")
	b.get("/keys?select=1").says("#status", "Turned off 1 of 21.").says("[aria-label=Results]", "Was deleted already, in another place").keepsQuiet("bobs")
	b.post("/keys/bulk?act=delete&sure=1&key="+keys[1].ID, bulk("off")).want(http.StatusUnprocessableEntity) // an address asks for nothing
	mixed := bulk("off", keys[1])
	mixed.Set("owner", bob.id+":bob%40example.com")
	b.post("/keys/bulk", mixed).want(http.StatusConflict)
	if got := p.storedNames(who) + ", " + p.storedNames(bob); got != "key-01 (off), key-02, key-03, bobs" {
		t.Errorf("the keys are %s", got)
	}
	b.get("/keys/bulk").leadsTo("/keys?select=1")
}

func TestTurningSeveralOnAsksForThePasswordAndKeepsWhatWasSelected(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	keys := p.seed(who, numbered(16)...)
	for _, key := range keys {
		p.turn(who, key, false)
	}
	form := bulk("on", keys...)
	form.Set("q", "key")
	asked := b.post("/keys/bulk", form).want(http.StatusForbidden).says("main section > p", "Enter your password to turn on these keys.")
	again := url.Values{"password": {password}}
	asked.doc.Find("main form input[type=hidden]").Each(func(_ int, s *goquery.Selection) { again.Add(s.AttrOr("name", ""), s.AttrOr("value", "")) })
	if diff := cmp.Diff(form["key"], again["key"]); diff != "" {
		t.Errorf("carried along are (-want +got):\n%s", diff)
	}
	if back := asked.attr(".actions a", "href"); b.get(back).want(http.StatusOK).selected() == "" || !strings.Contains(back, "q=key") {
		t.Errorf("Cancel leads to %s, where nothing is selected", back)
	}
	dialog := b.htmx().post("/keys/bulk", form).want(http.StatusForbidden).isPart()
	if dialog.header.Get("HX-Retarget") != "#dialog" || dialog.doc.Find("form[data-proof][hx-post='/keys/bulk'] input[name=key]").Length() != len(keys) {
		t.Errorf("the dialog is %s", dialog.body)
	}
	for _, act := range []string{"off", "delete"} { // which take away, and never ask
		b.post("/keys/bulk", bulk(act, keys[0])).lacks("#password")
	}
	twoActs := bulk("off", keys[0])
	twoActs.Add("act", "on")
	b.post("/keys/bulk", twoActs)
	if got := p.happened(who, "key-turned-on"); got != "" {
		t.Fatalf("turned on without the password: %s", got)
	}
	b.post("/keys/bulk", again).leadsTo("/keys?q=key&select=1")
	b.get("/keys?q=key&select=1").says("#status", "Turned on 16 of 16.")
}

func TestSeveralKeysAreDeletedAfterAQuestionThatNamesEach(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(4)...)
	form := bulk("delete", keys[0], keys[2])
	for _, browser := range []*browser{b, b.htmx()} {
		a := browser.post("/keys/bulk", form).want(http.StatusOK).says("h1, #dialog-title", "Delete 2 keys?").says("button.danger", "Delete 2 keys")
		if got := a.texts(".rows li"); len(got) != 2 || !strings.HasPrefix(got[0], "key-01") || !strings.Contains(got[0], "created 1 Apr") || !a.has(".rows .words") {
			t.Errorf("it names %q", got)
		}
		a.lacks("#typed")
	}
	if got := len(p.stored(who)); got != 4 {
		t.Fatalf("%d keys after the question", got)
	}
	form.Set("sure", "1")
	form["name"] = []string{"key-01", "key-03"}
	b.post("/keys/bulk", form).leadsTo("/keys?select=1")
	b.get("/keys?select=1").says("#status", "Deleted 2 of 2.").lacks("[aria-label=Results]")
	b.htmx().post("/keys/bulk", form).says("[aria-label=Results] li", "key-01, key-03 Was deleted already, in another place")
	if got := p.storedNames(who); got != "key-02, key-04" {
		t.Errorf("the keys are %s", got)
	}
}

func TestAKeyThatIsInUseIsDeletedWithOthersOnlyByTyping(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		used  []string
		typed string
	}{"one": {[]string{"porch-cam"}, "porch-cam"}, "two": {[]string{"porch-cam", "garage"}, "delete 3 keys"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			who := p.person(email)
			form := bulk("delete", p.seed(who, "idle")...)
			for _, name := range []string{"porch-cam", "garage"} {
				key, value := p.keyWithValue(who, name)
				form.Add("key", key.ID)
				if strings.Contains(strings.Join(c.used, " "), name) {
					if _, err := p.api.Login(t.Context(), client.UserAPIKey(value)); err != nil {
						t.Fatal(err)
					}
				}
			}
			p.clock.Advance(6*24*time.Hour + 23*time.Hour)
			b := p.signIn(who)
			a := b.htmx().post("/keys/bulk", form).want(http.StatusOK)
			if got := a.attr("#typed", "data-typed"); got != c.typed || a.text("button.primary[value=off]") != "Turn off instead" || !a.has("button.danger[aria-disabled=true]") {
				t.Errorf("to be typed is %q, and the main button %q", got, a.text("button.primary"))
			}
			form.Set("sure", "1")
			for _, typed := range []string{"", "idle", "Porch-cam"} {
				form.Set("typed", typed)
				b.post("/keys/bulk", form).want(http.StatusUnprocessableEntity).says("#typed-error", "Nothing was deleted.")
			}
			b.htmx().post("/keys/room", form).want(http.StatusUnprocessableEntity).says("#typed-error", "Nothing was deleted.")
			if got := len(p.stored(who)); got != 3 {
				t.Fatalf("%d keys", got)
			}
			form.Set("typed", c.typed+" ")
			b.post("/keys/bulk", form).leadsTo("/keys?select=1")
			if got := len(p.stored(who)); got != 0 {
				t.Errorf("%d keys", got)
			}
		})
	}
}

func TestTheListIsSortedAndTheAddressKeepsHow(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, "zebra", "Apple", "melon", "k4", "k5", "k6")
	p.turn(who, keys[1], false)
	for sort, want := range map[string]string{
		"": "k6, k5, k4, melon, zebra, Apple", "name": "Apple, k4, k5, k6, melon, zebra", "created": "k6, k5, k4, melon, Apple, zebra", "nonsense": "k6, k5, k4, melon, zebra, Apple",
	} {
		a := b.get("/keys?sort=" + sort)
		if got := strings.Join(a.texts("#keys .name"), ", "); got != want {
			t.Errorf("sorted by %q: %s", sort, got)
		}
		wantLink := "/keys?show=on&sort=" + sort
		if sort == "" || sort == "nonsense" {
			wantLink = "/keys?show=on"
		}
		if got := a.attr("#filters a:nth-child(2)", "href"); got != wantLink {
			t.Errorf("sorted by %q the filter leads to %s", sort, got)
		}
	}
}

// The usual list has none of this, and the panel with a new value is only ever above that one.
func TestOnlyTheListForSelectingHasBoxes(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, numbered(6)...)
	b.get("/keys").lacks("#keys input[type=checkbox]", "#bulk").says("button[name=select]", "Select")
	a := b.get("/keys?select=all").lacks("#keys [role=switch]", "#keys .menu", "button[name=select]", "[data-arrival]")
	if got := a.doc.Find("#keys input[form=bulk]:checked").Length(); got != 6 {
		t.Errorf("%d are selected", got)
	}
	b.htmx().post("/keys", newKeyForm("porch-cam")).says("#once", "porch-cam").lacks("#bulk", "#keys input[type=checkbox]")
}

func TestPlantedResultsShowNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	b.post("/keys/bulk", bulk("off", key))
	real := b.cookie("latchkey-results")
	if want := "off|" + who.id + "|" + key.ID + ":d:0:porch-cam"; real != want {
		t.Fatalf("kept is %q", real)
	}
	for _, planted := range []string{
		"off", "off|", "off|" + who.id, "x" + real, strings.Replace(real, who.id, "0123456789abcdef01234567", 1), strings.Replace(real, ":d:", ":z:", 1),
		strings.Replace(real, ":d:", "::", 1), strings.Replace(real, ":0:", ":x:", 1), strings.Replace(real, "porch-cam", "<b>", 1), strings.Replace(real, key.ID, "x", 1),
		strings.Replace(real, "porch-cam", strings.Repeat("x", 65), 1), real + strings.Repeat("|"+key.ID+":d:0:a", 60), real + ":x",
	} {
		r := b.request(http.MethodGet, "/keys?select=1", nil)
		r.Header.Set("Cookie", "latchkey="+b.cookie("latchkey")+"; latchkey-results="+planted)
		if a := b.send(r).want(http.StatusOK); a.text("#status") != "" || a.has("[aria-label=Results]") {
			t.Errorf("%q says %q", planted, a.text("#status"))
		}
	}
}

// Browsers drop a cookie of more than 4 kB, and some proxies an answer whose header is longer.
func TestResultsOfAsManyKeysAsThereCanBeFitInACookie(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	var names []string
	for i := range 20 {
		names = append(names, strings.Repeat("x", 62)+fmt.Sprintf("%02d", i))
	}
	form := bulk("off", p.seed(who, names...)...)
	for range 30 {
		form.Add("key", model.NewID(noon))
	}
	form["name"] = make([]string, 50)
	for i := range form["name"] {
		form["name"][i] = strings.Repeat("y", 64)
	}
	b.post("/keys/bulk", form).leadsTo("/keys?select=1")
	if got := len("__Host-latchkey-results-65535" + b.cookie("latchkey-results")); got > 2200 {
		t.Errorf("the cookie has %d bytes", got)
	}
	b.get("/keys?select=1").says("#status", "Turned off 20 of 40.")
}

// Turning on changes nothing about a key that has expired, and says so.
func TestAKeyThatHasExpiredIsNotTurnedOnWithOthers(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, "expired", "off")
	if err := p.store.SetExpiry(t.Context(), who.id, keys[0].ID, model.Expiry{At: noon.Add(time.Minute), Now: noon}); err != nil {
		t.Fatal(err)
	}
	p.turn(who, keys[1], false)
	p.clock.Advance(2 * time.Minute)
	b.get("/keys?select=1").says("#key-"+keys[0].ID+" .state", "Expired")
	a := b.htmx().post("/keys/bulk", bulk("on", keys...)).want(http.StatusOK)
	if diff := cmp.Diff([]string{"expired Not turned on: it has expired. Extend it", "off Turned on"}, a.texts("[aria-label=Results] li")); diff != "" {
		t.Errorf("it says (-want +got):\n%s", diff)
	}
}
