package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/handlers"
)

// forEverybody are the forms that are sent without an account, or whoever is signed in.
var forEverybody = []string{
	"/theme", "/language", "/login", "/register", "/forgot", "/reset", "/confirm", "/confirm/send", "/oauth/device_authorization", "/oauth/token",
	"/login/with/:id", "/login/with/:id/connect",
	"/login/passkey", "/login/passkey/options",
}

// twoTabs are a tab that shows somebody's pages, and a browser in which another person has signed in since. tag is what the pages of
// the first say of whose they are.
func twoTabs(t *testing.T) (p *program, ada, bob person, tag string, b *browser) {
	t.Helper()
	p = newProgram(t, ownersAdopt)
	ada, bob = p.person("ada@example.com"), p.person("bob@example.com")
	b = p.signIn(ada)
	tag = b.get("/keys").want(http.StatusOK).attr("meta[name=owner]", "content")
	b.post("/logout", url.Values{"owner": {tag}}).leadsTo("/login")
	b.post("/login", credentials(bob.email, password)).leadsTo("/keys")
	return p, ada, bob, tag, b
}

func TestNothingIsDoneForAPageOfSomebodyElse(t *testing.T) {
	t.Parallel()
	p, _, bob, tag, b := twoTabs(t)
	keys := p.seed(bob, "porch-cam", "heat-pump")
	p.turn(bob, keys[1], false)
	pairing := b.opens(p.pairing("porch-cam")).path
	other := p.signIn(bob) // whose session could be ended
	before, events := p.storedNames(bob), other.get("/activity").texts("li")
	tried, code := 0, p.pairing("x").userCode
	for _, route := range handlers.Routes(handlers.New(p.deps)) {
		path, isPost := strings.CutPrefix(route, "POST ")
		if !isPost || slices.Contains(forEverybody, path) {
			continue
		}
		tried++
		id := keys[0].ID
		if strings.HasSuffix(path, "/turn-on") {
			id = keys[1].ID
		}
		path = strings.Replace(strings.Replace(path, "/device/:id", pairing, 1), ":id", id, 1)
		form := url.Values{
			"name": {"another"}, "form_id": {newFormID(t)}, "code": {code}, "password": {password}, "current": {password},
			"new": {"another battery"}, "value": {"x"},
		}
		marked := url.Values{"owner": {tag}}
		for name, values := range form {
			marked[name] = values
		}
		for name, a := range map[string]answer{
			"form":   b.post(path, marked),
			"header": b.htmx().with("Latchkey-Owner", tag).post(path, form),
			"both":   b.htmx().with("Latchkey-Owner", tag).post(path, marked),
		} {
			if a.status != http.StatusConflict || len(a.cookies) != 0 {
				t.Errorf("POST %s, %s: %d, cookies %v", path, name, a.status, a.cookies)
			}
			const told = "This page was opened as ada@example.com. You are now signed in as bob@example.com, so nothing was done."
			a.says("main .card, .notice", told)
			if name != "form" && (a.header.Get("HX-Retarget") != "#notice" || strings.Contains(a.body, "<html")) {
				t.Errorf("POST %s, %s: no notice on the page that is there", path, name)
			}
		}
	}
	if tried < 12 {
		t.Errorf("%d forms were tried", tried)
	}
	if diff := cmp.Diff(before, p.storedNames(bob)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(events, other.get("/activity").want(http.StatusOK).texts("li")); diff != "" {
		t.Errorf("activity (-want +got):\n%s", diff)
	}
	b.get("/keys").want(http.StatusOK).says(".who", bob.email)
	b.get(pairing).want(http.StatusOK).says("h1", "Connect this device?")
}

func TestNothingIsShownInAPageOfSomebodyElse(t *testing.T) {
	t.Parallel()
	p, ada, bob, tag, b := twoTabs(t)
	key := p.seed(bob, "porch-cam")[0]
	adas, _, _ := strings.Cut(tag, ":")
	part := b.htmx().with("Latchkey-Owner", tag)
	for _, path := range []string{"/keys?q=p", "/keys/" + key.ID, "/keys/" + key.ID + "?place=row", "/keys/" + key.ID + "/delete?place=row", "/sessions"} {
		part.get(path).want(http.StatusConflict).isPart().keepsQuiet("porch-cam").says(".notice", "opened as "+ada.email)
	}
	for _, path := range []string{"/keys/arrival", "/keys/" + key.ID + "/arrival"} {
		b.get(path + "?state=x&owner=" + adas).want(http.StatusNoContent)
	}
	for _, file := range []string{"/activity.csv", "/activity.json"} {
		b.get(file+"?owner="+adas).want(http.StatusConflict).says("h1", "You are now signed in with another account").lacks("a[download]")
	}
	b.get("/keys").want(http.StatusOK).says("#keys", "porch-cam") // a page of its own, under the right name
}

func TestAPageGoesOnForWhoeverItWasOpenedBy(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person("jos\u00e9+x@example.com")
	b := p.signIn(who)
	tag := b.get("/keys").attr("form[action='/keys'] input[name=owner]", "value")
	if strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r > '~' }) || tag == "" {
		t.Fatalf("no header can hold %q", tag)
	}
	b.post("/logout", url.Values{"owner": {tag}}).leadsTo("/login")
	b = p.signIn(who)
	form := createForm(newFormID(t), "porch-cam")
	form.Set("owner", tag)
	b.htmx().with("Latchkey-Owner", tag).post("/keys", form).want(http.StatusOK).says("#once", "porch-cam is ready")
	p.clock.Advance(29 * time.Minute)
	b.get("/keys").want(http.StatusOK)
	p.clock.Advance(2 * time.Minute) // the question for the password is a page of the same person
	form = createForm(newFormID(t), "heat-pump")
	form.Set("owner", tag)
	asked := b.post("/keys", form).want(http.StatusForbidden)
	if n := asked.doc.Find("form[action='/keys'] input[name=owner]").Length(); n != 1 {
		t.Errorf("it says %d times whose page it is", n)
	}
	if href := b.get("/activity").attr("main .menu a", "href"); !strings.Contains(href, "owner="+who.id) || strings.Contains(href, "example") {
		t.Errorf("the file is at %s", href)
	}
	// A page from before an update says nothing, and programs never did.
	b.post("/keys/"+p.stored(who)[0].ID+"/turn-off", nil).leadsTo("/keys")
}
