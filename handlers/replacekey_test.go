package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/client"
)

// replaceForm is how the form asks for a replacement, as it is drawn.
func replaceForm(t testing.TB, name string) url.Values {
	t.Helper()
	return url.Values{"form_id": {newFormID(t)}, "name": {name}, "how": {"paste"}, "finish": {"evidence"}, "quiet": {"hour"}}
}

// replacing is a person whose key garage-pi, which has just been used, is being replaced by garage-pi-2, whose value is fresh.
func replacing(t *testing.T) (p *program, b *browser, who person, old client.APIKey, value, fresh string) {
	t.Helper()
	p = newProgram(t)
	b, who = p.signedIn(email)
	old, value = p.keyWithValue(who, "garage-pi")
	p.works("pi-4", value)
	p.clock.Advance(time.Minute)
	fresh = b.post("/keys/"+old.ID+"/replace", replaceForm(t, "garage-pi-2")).want(http.StatusOK).text("#value")
	return p, b, who, old, value, fresh
}

// passes is the look that the program has at replacements each minute.
func (p *program) passes() {
	p.t.Helper()
	if err := p.accounts.FinishReplacements(p.t.Context(), p.clock.Now()); err != nil {
		p.t.Fatal(err)
	}
}

// grows lets the time pass for which a password counts, without the session ending.
func (p *program) grows(b *browser) {
	p.t.Helper()
	p.clock.Advance(20 * time.Minute)
	b.get("/keys").want(http.StatusOK)
	p.clock.Advance(10*time.Minute + time.Second)
}

func TestAReplacementIsAskedForAndItsValueShownOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	at := "/keys/" + old.ID + "/replace"
	if got := b.get("/keys/"+old.ID).attr("main a[href$='/replace']", "href"); got != at {
		t.Errorf("the way to it is %s", got)
	}
	a := b.get(at).want(http.StatusOK).says("h1", "Replace garage-pi?").says("form.stack p", "The new key will be called garage-pi-2. 1 of 20 used; a replacement needs one more for a while")
	a.says("form .hint:contains(sleeps)", "A device that sleeps longer isn’t noticed")
	if a.attr("[name=finish][checked]", "value") != "evidence" || a.attr("[name=how][checked]", "value") != "paste" || a.text("select option[selected]")+a.text("select option") != "an hour" {
		t.Error("another choice is made than the one that is recommended")
	}
	b.htmx().get(at).want(http.StatusOK).isPart().says("h2", "Replace garage-pi?").says("form", "Create the replacement")

	form := url.Values{"finish": {"evidence"}, "quiet": {"day"}}
	for _, name := range []string{"form_id", "name"} {
		form.Set(name, a.attr("form.stack [name="+name+"]", "value"))
	}
	answer := b.post(at, form).want(http.StatusOK).says("#once h2", "garage-pi-2 is ready. Save its value now")
	answer.says("#once", "It replaces garage-pi, which keeps working until the new key is in use and the old one has been quiet for a day.")
	value := answer.text("#value")
	if !aValue.MatchString(value) || strings.Count(answer.body, value) != 1 || answer.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the value %q is in the answer %d times", value, strings.Count(answer.body, value))
	}
	answer.says("#key-"+old.ID+" .by", "→ garage-pi-2 · waiting for its first use")
	fresh := p.stored(who)[1].ID
	for _, path := range []string{"/keys", "/keys/" + old.ID, "/keys/" + fresh, at} {
		b.get(path).want(http.StatusOK).keepsQuiet(value).lacks("#value")
	}
	b.get("/keys/"+old.ID).says("#key h2", "Being replaced by garage-pi-2").says("#key ol", "garage-pi-2 was created 12:00 UTC").
		says("#key ol", "Waiting for its first use").says("#key ol", "garage-pi is turned off when it has been quiet for a day from then on")
	b.get("/keys/"+fresh).says("#key .facts", "Replacesgarage-pi")
	if got := b.post(at, form).want(http.StatusConflict).lacks("#value").text(".notice strong"); got != "Already created." {
		t.Errorf("the form sent again answers %q", got)
	}
	if got := p.storedNames(who); got != "garage-pi, garage-pi-2" {
		t.Errorf("the keys are %s", got)
	}
}

func TestAReplacementGoesThroughItsStepsAndIsTakenBack(t *testing.T) {
	t.Parallel()
	p, b, who, old, value, fresh := replacing(t)
	at, row := "/keys/"+old.ID, "#key-"+old.ID
	if got := b.get("/keys").attr(row, "data-wait"); got != "replacement" {
		t.Errorf("the row waits for %q", got)
	}
	p.clock.Advance(8 * time.Minute)
	p.works("pi-4", fresh)
	a := b.get("/keys").says(row+" .by", "→ garage-pi-2 is in use · off after 13:09 UTC")
	if got := a.attr(row, "data-wait"); got != "replacement-used" {
		t.Errorf("the row waits for %q", got)
	}
	a = b.get(at).says("#key ol", "New value in use since 12:09 UTC (Linux · realm-web · 127.0.0.1)")
	a.says("#key ol", "garage-pi has been quiet since 12:00 UTC, and is turned off after 13:09 UTC if that stays so")
	if got := a.attr("#key", "data-arrival"); got != at+"/arrival?state=replacement-used" {
		t.Errorf("the page hears of changes at %q", got)
	}

	p.clock.Advance(59 * time.Minute)
	p.passes()
	b = p.signIn(who)
	b.get(at).says("#key ol", "if that stays so")
	p.clock.Advance(time.Minute)
	p.passes()
	b.get("/keys").says(row+" .use", "Off since 13:09 UTC Replaced by garage-pi-2").lacks(row + "[data-wait]")
	b.get(at).says("#key .notice", "garage-pi has been off since 13:09 UTC: replaced by garage-pi-2.").says("#key .notice", "Bring the old key back").says("#key .notice", "Delete it")
	if err := p.logsIn("pi-4", value); !client.IsUnauthorized(err) {
		t.Errorf("the old key: %v", err)
	}

	p.grows(b)
	b.post(at+"/replacement/end", page(old)).want(http.StatusForbidden).says("h1", "Confirm it’s you")
	form := page(old)
	form.Set("password", password)
	b.post(at+"/replacement/end", form).leadsTo(at)
	b.get(at).says("#status", "garage-pi is on again. Nothing replaces it any more.").lacks("#key h2", "#key .notice")
	p.works("pi-4", value)
	p.works("pi-4", fresh)
	b.get("/activity?key="+old.ID).says(".deed", "Brought back garage-pi")
}

func TestAnExpiredKeyThatIsBroughtBackIsNotSaidToWork(t *testing.T) {
	t.Parallel()
	p, b, who, old, _, _ := replacing(t)
	at := "/keys/" + old.ID
	b.post(at+"/expiry", url.Values{"expires": {"30"}}).leadsTo(at)
	b.post(at+"/turn-off", page(old)).leadsTo(at)
	p.clock.Advance(31 * 24 * time.Hour)
	b = p.signIn(who)
	b.get(at).says("#key .notice", "Bring the old key back")
	b.post(at+"/replacement/end", page(old)).leadsTo(at)
	b.get(at).says("#status", "garage-pi is on, but it has expired. Extend it.")
}

func TestBothKeysInUseWaitForTheirOwner(t *testing.T) {
	t.Parallel()
	p, b, who, old, value, fresh := replacing(t)
	at := "/keys/" + old.ID
	p.clock.Advance(time.Minute)
	p.works("pi-4", fresh)
	p.clock.Advance(time.Minute)
	p.works("pi-5", value)
	for range 2 { // before the program has looked, and after it
		b.get("/keys").says("#key-"+old.ID+" .by", "→ garage-pi-2 · both are in use")
		b.get(at).says("#key .notice strong", "garage-pi and garage-pi-2 are both in use.").says("#key .notice", "If that is one device, it has not taken the new value everywhere. If it is two, give the second a key of its own.").
			lacks("#key[data-arrival]")
		p.passes()
	}
	p.clock.Advance(8 * 24 * time.Hour)
	p.passes()
	b = p.signIn(who)
	p.works("pi-5", value) // nothing happens by itself
	p.grows(b)
	b.post(at+"/replacement/end", page(old)).leadsTo(at) // and leaving both on needs no password
	b.get(at).says("#status", "garage-pi stays on, and so does the new key.").lacks("#key .notice")
	p.works("pi-5", value)
	p.works("pi-4", fresh)
}

// The program, or another tab, may turn the old key off between the look at it and the act.
func TestAKeyThatIsTurnedOffWhileItsReplacementEndsIsNotBroughtBackWithoutAPassword(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, value := p.keyWithValue(who, "garage-pi")
	b.post("/keys/"+old.ID+"/replace", replaceForm(t, "garage-pi-2")).want(http.StatusOK)
	p.grows(b)
	p.loses(losing{"EndReplacement": func() error {
		p.turn(who, old, false)
		return nil
	}})
	b.post("/keys/"+old.ID+"/replacement/end", page(old)).want(http.StatusForbidden).says("h1", "Confirm it’s you")
	if err := p.logsIn("pi-4", value); !client.IsUnauthorized(err) {
		t.Errorf("the old key: %v", err)
	}
}

func TestAReplacementHasRoomOrSaysSoBeforeAnythingIsCreated(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(19)...)
	at, form := "/keys/"+keys[0].ID+"/replace", replaceForm(t, "key-01-2")
	b.get(at).want(http.StatusOK).says("main form", "19 of 20 used")
	p.keyWithValue(who, "one-more")
	for _, a := range []answer{b.get(at).want(http.StatusOK), b.htmx().get(at).want(http.StatusOK).isPart(), b.post(at, form).want(http.StatusConflict)} {
		a.says("p:contains(replacement)", "You have 20 of 20 keys, and a replacement needs one more for a while. Keys that are off count too.")
		a.lacks("[name=finish]")
		if got := a.attr(".actions .primary", "href"); got != "/keys/room" {
			t.Errorf("it leads to %q", got)
		}
	}
	if got := len(p.stored(who)); got != 20 {
		t.Errorf("there are %d keys", got)
	}
}

func TestAKeyThatIsOffIsReplacedNow(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	at := "/keys/" + old.ID + "/replace"
	drawn := b.get(at).says("main form", "When may the old key stop?")
	p.turn(who, old, false)
	form := replaceForm(t, drawn.attr("[name=name]", "value"))
	b.post(at, form).want(http.StatusConflict).says(".error", "The key was turned on or off meanwhile, so no key was created.")
	a := b.get(at).want(http.StatusOK).lacks("[type=radio][name=finish]").says("main form", "garage-pi is off already, and stays off.")
	if got := a.attr("[name=finish]", "value"); got != "now" {
		t.Errorf("it stops %q", got)
	}
	form.Set("finish", "now")
	b.post(at, form).want(http.StatusOK).says("#once", "It replaces garage-pi").says("#key-"+old.ID+" .use", "Replaced by garage-pi-2")
	if got := p.storedNames(who); got != "garage-pi (off), garage-pi-2" {
		t.Errorf("the keys are %s", got)
	}
}

func TestTheReplacementOfAKeyThatExpiresIsSaidNotTo(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	at := "/keys/" + old.ID
	b.get(at + "/replace").lacks("form .hint:contains(expires)")
	b.post(at+"/expiry", url.Values{"expires": {"90"}}).leadsTo(at)
	name := b.get(at+"/replace").says("main form", "The new key never expires, unless you set a day on its page.").attr("[name=name]", "value")
	b.post(at+"/replace", replaceForm(t, name)).want(http.StatusOK)
	if got, err := p.store.APIKey(t.Context(), who.id, p.stored(who)[1].ID); err != nil || !got.ExpiresAt.IsZero() {
		t.Errorf("it expires at %v, %v", got.ExpiresAt, err)
	}
}

func TestWhatCannotBeReplacedIsNot(t *testing.T) {
	t.Parallel()
	p, b, who, old, _, _ := replacing(t)
	at := "/keys/" + old.ID + "/replace"
	for _, a := range []answer{b.get(at).want(http.StatusOK), b.post(at, replaceForm(t, "garage-pi-3")).want(http.StatusConflict)} { // twice
		a.says(".question p", "garage-pi-2 is already replacing garage-pi.").lacks("[name=finish]", "#value")
	}
	other, _ := p.signedIn("bob@example.com")
	for _, path := range []string{at, "/keys/" + strings.Repeat("a", 24) + "/replace", "/keys/nonsense/replace"} {
		other.get(path).want(http.StatusNotFound)
		other.post(path, replaceForm(t, "garage-pi-3")).want(http.StatusNotFound)
		other.post(strings.TrimSuffix(path, "/replace")+"/replacement/end", page(old)).want(http.StatusNotFound)
	}
	b.post("/keys/"+old.ID+"/replacement/end", page(old)).leadsTo("/keys/" + old.ID)
	for name, change := range map[string]func(url.Values){
		"no form":       func(f url.Values) { f.Del("form_id") },
		"a bad name":    func(f url.Values) { f.Set("name", "<b>") },
		"no finish":     func(f url.Values) { f.Del("finish") },
		"another one":   func(f url.Values) { f.Set("finish", "never") },
		"another quiet": func(f url.Values) { f.Set("quiet", "second") },
	} {
		form := replaceForm(t, "garage-pi-3")
		change(form)
		b.post(at, form).want(http.StatusUnprocessableEntity).says(".error", "This form was incomplete, so no key was created.").lacks("#value")
		t.Log(name)
	}
	form := replaceForm(t, "garage-pi-2") // which is there by now
	form.Set("finish", "person")
	a := b.post(at, form).want(http.StatusUnprocessableEntity).says(".error", "You have a key named garage-pi-2 now, so no key was created.")
	if a.attr("[name=finish][checked]", "value") != "person" || a.attr("form.stack [name=name]", "value") != "garage-pi-3" {
		t.Error("what was chosen is gone, or the name is not another one")
	}
	if got := p.storedNames(who); got != "garage-pi, garage-pi-2" {
		t.Errorf("the keys are %s", got)
	}
}

func TestOneFormForAReplacementSentManyTimesAtOnceCreatesOneKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	form, statuses := replaceForm(t, "garage-pi-2"), make([]int, 12)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = b.post("/keys/"+old.ID+"/replace", form).status })
	}
	all.Wait()
	shown := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			shown++
		} else if status != http.StatusConflict {
			t.Errorf("status %d", status)
		}
	}
	if got := p.storedNames(who); shown != 1 || got != "garage-pi, garage-pi-2" {
		t.Errorf("the value was shown %d times, and the keys are %s", shown, got)
	}
}

func TestWhatWasChosenForAReplacementSurvivesTheQuestionForThePassword(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	p.grows(b)
	at, form := "/keys/"+old.ID+"/replace", replaceForm(t, "garage-pi-2")
	form.Set("finish", "person")
	for _, asking := range []*browser{b, b.htmx()} {
		a := asking.post(at, form).want(http.StatusForbidden).says("form[action$='/replace']", "Create the replacement").says("p:contains(password)", "Enter your password to create garage-pi-2.")
		for name := range form {
			if got := a.attr("form [name="+name+"]", "value"); got != form.Get(name) {
				t.Errorf("%s is %q then", name, got)
			}
		}
	}
	form.Set("password", password)
	b.post(at, form).want(http.StatusOK).says("#once", "which keeps working until you turn it off")
	b.get("/keys/"+old.ID).says("#key ol", "Waiting for you: turn garage-pi off when nothing needs it any more")
}

// What else is said of a lost answer is in unclear_test.go.
func TestAFormForAReplacementCanBeSentAgainWhenNothingWasSaved(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	calls := losing{"ReplaceKey": func() error { return errUndone }}
	p.loses(calls)
	at, form := "/keys/"+old.ID+"/replace", replaceForm(t, "garage-pi-2")
	b.post(at, form).want(http.StatusServiceUnavailable).lacks("#value")
	delete(calls, "ReplaceKey")
	b.post(at, form).want(http.StatusOK).says("#once h2", "garage-pi-2 is ready")
}

func TestAReplacedKeyTellsNothingOnceItWasTurnedOnInAnotherWay(t *testing.T) {
	t.Parallel()
	p, b, who, old, _, _ := replacing(t)
	at := "/keys/" + old.ID
	b.post(at+"/turn-off", page(old)).leadsTo(at) // which is what it waits for, by hand
	b.get(at).says("#key .notice", "replaced by garage-pi-2")
	b.post(at+"/turn-on", page(old)).leadsTo(at)
	b.get(at).lacks("#key .notice", "#key h2")
	if p.stored(who)[0].Disabled {
		t.Error("it is off")
	}
}

// A link can only choose what the form can.
func TestAddressesSayWhichKeyIsReplacedInOneSpelling(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who, id := p.person(email), strings.Repeat("a", 24)
	for next, want := range map[string]string{
		"/device?replaces=" + id + "&when=day":                                    "",
		"/device?user_code=WDJB-MJHT&replaces=" + id + "&when=now":                "",
		"/device/" + strings.Repeat("A", 26) + "?replaces=" + id + "&when=person": "",
		"/device?replaces=" + id + "&when=never":                                  "/keys",
		"/device?replaces=x&when=day":                                             "/keys",
		"/device?when=day&replaces=" + id:                                         "/keys",
		"/device?replaces=" + id + "&when=day&more=1":                             "/keys",
		"/keys?replaces=" + id + "&when=day":                                      "/keys",
		"//evil?replaces=" + id + "&when=day":                                     "/keys",
	} {
		if want == "" {
			want = next
		}
		form := credentials(who.email, password)
		form.Set("next", next)
		p.browser().post("/login", form).leadsTo(want)
	}
}

func TestAKeyAtAnotherServerIsReplacedNowOrByItsOwner(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(keyFacts, says(404, ""))
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	at, row := "/keys/"+old.ID, "#key-"+old.ID
	a := b.get(at+"/replace").want(http.StatusOK).lacks("[value=evidence]", "select")
	if got := a.attr("[name=finish][checked]", "value"); got != "person" {
		t.Errorf("%s is chosen", got)
	}
	form := replaceForm(t, "garage-pi-2")
	form.Set("finish", "person")
	b.post(at+"/replace", form).want(http.StatusOK).says("#once", "It replaces garage-pi, which keeps working until you turn it off.").
		says(row+" .by", "→ garage-pi-2 · waiting for you").lacks(row + "[data-wait]")
	b.get(at).says("#key ol", "The key service does not report when it is in use").says("#key ol", "Waiting for you: turn garage-pi off").lacks("#key[data-arrival]")
	b.post(at+"/turn-off", page(old)).leadsTo(at)
	b.get(at).says("#key .notice", "replaced by garage-pi-2").says("#key .notice", "Bring the old key back")
	b.post(at+"/replacement/end", page(old)).leadsTo(at)
	b.get(at).lacks("#key .notice").says("#key .state", "On")
}

// The choice goes along through the code, a wrong one and the question for the password.
func TestADeviceIsConnectedToTakeOverFromAKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	old, _ := p.keyWithValue(who, "garage-pi")
	at := "/keys/" + old.ID
	form := replaceForm(t, "garage-pi-2")
	form.Set("how", "pair")
	form.Set("quiet", "week")
	carried := "replaces=" + old.ID + "&when=week"
	p.grows(b)
	b.post(at+"/replace", form).leadsTo("/device?" + carried) // and asks for no password: nothing is created yet
	device := p.pairing("Garage Pi")
	fields := url.Values{"code": {"BBBB-BBBB"}, "replaces": {old.ID}, "when": {"week"}}
	a := b.get("/device?"+carried).says("#pairing p", "Its key will replace garage-pi.")
	for _, a := range []answer{a, b.post("/device", fields).want(http.StatusUnprocessableEntity)} {
		if a.attr("#pairing [name=replaces]", "value")+a.attr("#pairing [name=when]", "value") != old.ID+"week" {
			t.Error("the form has lost what is to be replaced")
		}
	}
	p.browser().get("/device?user_code=" + device.userCode + "&" + carried).leadsTo("/login?next=" + url.QueryEscape("/device?user_code="+device.userCode+"&"+carried))
	fields.Set("code", device.userCode)
	page := strings.TrimSuffix(b.post("/device", fields).want(http.StatusSeeOther).header.Get("Location"), "?"+carried)
	a = b.get(page+"?"+carried).says("#pairing .facts", "Replacesgarage-pi, which keeps working until the new key is in use and the old one has been quiet for a week")
	if got := a.attr("#name", "value"); got != "garage-pi-2" {
		t.Errorf("the key would be called %q", got)
	}
	fields.Set("name", "garage-pi-2")
	b.post(page+"/approve", fields).want(http.StatusForbidden).says("h1", "Confirm it’s you")
	fields.Set("password", password)
	b.post(page+"/approve", fields).leadsTo(page)
	if key := p.stored(who); len(key) != 2 || !strings.Contains(b.get(at).text("#key h2"), "Being replaced by garage-pi-2") {
		t.Errorf("the keys are %v", key)
	}
	other := p.pairing("Another Pi") // whose key can replace none any more
	fields.Set("code", other.userCode)
	page = strings.TrimSuffix(b.post("/device", fields).want(http.StatusSeeOther).header.Get("Location"), "?"+carried)
	b.get(page+"?"+carried).says("#pairing .facts", "no other key: garage-pi-2 is already replacing garage-pi").lacks("#pairing [name=replaces]")
	fields.Set("name", "another")
	b.post(page+"/approve", fields).want(http.StatusConflict).says(".notice", "The key to replace has changed meanwhile, so no key was created.")
	if got := p.storedNames(who); got != "garage-pi, garage-pi-2" {
		t.Errorf("the keys are %s", got)
	}
}
