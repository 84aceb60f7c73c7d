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
	"latchkey/internal/testkit"
)

func ownersAdopt(d *handlers.Deps) { d.OwnersAdopt = true }

// adopts sends the form of a page that is open.
func (b *browser) adopts(name, value string) answer {
	b.t.Helper()
	return b.post("/keys/adopt", url.Values{"name": {name}, "key": {value}, "form_id": {newFormID(b.t)}})
}

func TestAnOwnerAdoptsAKeyAndItsPageSaysSoForGood(t *testing.T) {
	t.Parallel()
	p := newProgram(t, ownersAdopt)
	p.recordingSince = noon.Add(-time.Hour)
	b, who := p.signedIn(email)
	value := testkit.OldValue()
	if _, err := p.api.Login(t.Context(), client.UserAPIKey(value)); err == nil {
		t.Fatal("nobody has adopted it")
	}
	b.get("/keys").want(http.StatusOK).says(".first", "I have a key from App Services")
	form := b.get("/keys/adopt").want(http.StatusOK).says("h1", "Adopt a key that a device already has").says(".question", "0 of 20 keys used. An adopted key takes one.")
	if form.attr("#adopt-value", "type") != "password" || form.attr("#adopt-value", "autocomplete") != "off" || form.attr("form.stack", "action") != "/keys/adopt" {
		t.Errorf("the form is %s", form.text("form.stack"))
	}
	sent := url.Values{"name": {"garage-pi"}, "key": {" API_KEY='" + value + "' "}, "form_id": {form.attr("input[name=form_id]", "value")}}
	b.post("/keys/adopt", sent)
	key := p.stored(who)[0]
	b.post("/keys/adopt", sent).leadsTo("/keys/" + key.ID) // a double click
	page := b.get("/keys/"+key.ID).want(http.StatusOK).says("#status", "garage-pi was adopted. It is waiting for the device’s first sign-in.")
	const forGood = "Adopted: this value was created elsewhere, on a day nobody here knows. Replace it when you can reach the device."
	page.says("#key", forGood).says("#key", "Waiting for first use").keepsSecret(p, value)

	if session, err := p.api.Login(t.Context(), client.UserAPIKey(value)); err != nil || session.UserID() != who.id {
		t.Errorf("the device is %v, %v", session, err)
	}
	b.get("/keys/"+key.ID).says("#key", forGood).keepsSecret(p, value)
	b.htmx().post("/keys/"+key.ID+"/turn-off", url.Values{"place": {"page"}}).says("#key", forGood)
	b.get("/activity").says("main", "Adopted garage-pi").keepsSecret(p, value)
	if got := p.happened(who, "key-adopted"); got != "key-adopted browser" {
		t.Errorf("written down: %s", got)
	}
	b.get("/keys").says("#keys", "I have a key from App Services").says("#quota", "1 of 20")
	b.get("/keys/new").says("main", "I have a key from App Services")
}

func TestAValueThatIsNotAdoptedIsInNoAnswer(t *testing.T) {
	t.Parallel()
	p := newProgram(t, ownersAdopt)
	b, who := p.signedIn(email)
	stranger, _ := p.signedIn("bob@example.com")
	mine, theirs, fresh := testkit.OldValue(), testkit.OldValue(), testkit.OldValue()
	b.adopts("garage-pi", mine).want(http.StatusSeeOther)
	stranger.adopts("lamp", theirs).want(http.StatusSeeOther)
	weak := strings.Repeat("secret12", 8)
	for name, tc := range map[string]struct {
		name, value string
		status      int
		value0      string // what is said of the value, and of the name
		name0       string
	}{
		"nothing":             {"", "", 422, "Paste the value.", "Give the key a name."},
		"a character short":   {"pump", fresh[1:], 422, "A value has 64 letters and digits; this has 63.", ""},
		"made up":             {"pump", weak, 422, "This does not look like a value that was created at random.", ""},
		"printed somewhere":   {"pump", "TpqAKQgvhZE4r6AOzpVydJ9a3tB1BLMr" + "gDzLlBLbihKNDzSJWTAHMVbsMoIOpnM6", 422, "This value is printed in public documentation, so anybody could use it: create a new key.", ""},
		"one's own":           {"pump", mine, 409, "You have this key: garage-pi.", ""},
		"somebody's":          {"pump", theirs, 409, "This value cannot be adopted. Ask the administrator of this server.", ""},
		"a bad name":          {"my pump", fresh, 422, "", "Names can have letters, digits, - and _ only."},
		"a name that is used": {"garage-pi", fresh, 422, "", "You already have a key with this name."},
		"the wrong field":     {fresh, mine[:5], 422, "A value has 64 letters and digits; this has 5.", ""},
		"in both fields":      {fresh, fresh, 422, "", "That looks like a value, and names are shown on pages."},
	} {
		a := b.adopts(tc.name, tc.value).want(tc.status)
		if tc.value0 != "" {
			a.says("#adopt-value-error", tc.value0)
		}
		if tc.name0 != "" {
			a.says("#name-error", tc.name0)
		}
		if (tc.value0 != "") != a.has("#adopt-value-error") || (tc.name0 != "") != a.has("#name-error") {
			t.Errorf("%s: %s", name, a.text(".question"))
		}
		for _, value := range []string{mine, theirs, fresh, weak} {
			a.keepsSecret(p, value)
		}
		if a.attr("#adopt-value", "value") != "" {
			t.Errorf("%s: the field is filled in", name)
		}
		if want := map[bool]string{true: tc.name}[tc.name != fresh]; a.attr("#name", "value") != want {
			t.Errorf("%s: the name is %q", name, a.attr("#name", "value"))
		}
	}
	if got := b.adopts("pump", mine).attr("#adopt-value-error a", "href"); got != "/keys/"+p.stored(who)[0].ID {
		t.Errorf("one's own key is at %q", got)
	}
	if got := p.storedNames(who); got != "garage-pi" {
		t.Errorf("the keys are %s", got)
	}
	for range 30 {
		b.adopts("pump", mine)
	}
	if a := b.adopts("pump", mine).want(http.StatusTooManyRequests).says("#adopt-value-error", "Too many attempts."); a.header.Get("Retry-After") == "" {
		t.Error("it does not say when to come back")
	}
	p.clock.Advance(10 * time.Minute)
	p.seed(who, numbered(19)...)
	b.adopts("one-more", testkit.OldValue()).leadsTo("/keys/room")
	b.get("/keys/room").says("#status", "one-more was not adopted: you have 20 of 20 keys.")
	b.get("/keys/adopt").leadsTo("/keys/room")
	b.with("Accept-Language", "de").adopts("pump", fresh[1:]).says("#adopt-value-error", "Ein Wert hat 64 Buchstaben und Ziffern; dieser hat 63.").
		says("h1", "Einen Schlüssel übernehmen, den ein Gerät schon hat")
}

// The question for the password carries along what was typed, but no value: a page that holds one can be saved.
func TestThePasswordIsAskedForBeforeAValueIsPastedOrInsteadOfIt(t *testing.T) {
	t.Parallel()
	p, b, who := late(t, ownersAdopt)
	value := testkit.OldValue()
	b.get("/keys/adopt").want(http.StatusOK).says("h1", "Confirm it’s you").says("main", "Enter your password to adopt a key.")
	asked := b.adopts("garage-pi", value).want(http.StatusForbidden).says("main", "Enter your password to adopt garage-pi.").says("main", "paste the value again")
	if asked.has("input[name=key]") || asked.attr("input[name=name]", "value") != "garage-pi" {
		t.Errorf("the form holds %s", asked.body)
	}
	asked.keepsSecret(p, value)
	wrong := alsoPassword(url.Values{"name": {"garage-pi"}, "key": {value}}, "wrong horse")
	b.post("/keys/adopt", wrong).want(http.StatusUnprocessableEntity).keepsSecret(p, value)
	b.post("/keys/adopt", alsoPassword(url.Values{"name": {"garage-pi"}}, password)).leadsTo("/keys/adopt?name=garage-pi")
	if form := b.get("/keys/adopt?name=garage-pi").want(http.StatusOK); form.attr("#name", "value") != "garage-pi" || !form.has("#adopt-value") {
		t.Errorf("the form is %s", form.text("main"))
	}
	if got := p.stored(who); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
	b.adopts("garage-pi", value)
	if got := p.storedNames(who); got != "garage-pi" {
		t.Errorf("the keys are %s", got)
	}
}

func TestWhereOnlyTheOperatorAdoptsThereIsNoPageAndNoLink(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][]func(*handlers.Deps){"here": nil, "elsewhere": {elsewhere}} {
		p := newProgram(t, how...)
		b, who := p.signedIn(email)
		b.get("/keys/adopt").want(http.StatusNotFound)
		b.adopts("garage-pi", testkit.OldValue()).want(http.StatusNotFound)
		p.seed(who, "pump")
		for _, page := range []string{"/keys", "/keys/new"} {
			if a := b.get(page).want(http.StatusOK); a.has("a[href='/keys/adopt']") {
				t.Errorf("%s: %s offers it", name, page)
			}
		}
	}
}

func TestAProgramAdoptsAKeyForItsOwnerByACall(t *testing.T) {
	t.Parallel()
	p := newProgram(t, ownersAdopt)
	who := p.person(email)
	session, err := p.api.Login(t.Context(), client.EmailPassword(who.email, password))
	if err != nil {
		t.Fatal(err)
	}
	value := testkit.OldValue()
	key, err := session.APIKeys().Adopt(t.Context(), "garage-pi", client.Secret(value))
	if err != nil || key.Name != "garage-pi" || key.Disabled || !model.IsID(key.ID) {
		t.Errorf("%+v, %v", key, err)
	}
	if device, err := p.api.Login(t.Context(), client.UserAPIKey(value)); err != nil || device.UserID() != who.id {
		t.Errorf("%v, %v", device, err)
	}
	if _, err := session.APIKeys().Adopt(t.Context(), "other", client.Secret(value)); !client.IsValueInUse(err) {
		t.Errorf("again: %v", err)
	}
	if _, err := session.APIKeys().Adopt(t.Context(), "other", client.Secret(value[1:])); err == nil || client.IsValueInUse(err) || strings.Contains(err.Error(), value[1:]) {
		t.Errorf("a character short: %v", err)
	}
}
