package e2e

import (
	"net/http"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

// guests are people with as many keys as the states need.
type guests struct{ none, few, many, full *person }

func (p *program) guests(t *testing.T, upstream *gateway) guests {
	t.Helper()
	c, err := client.New(upstream.url, "latchkey-local", client.WithHTTPClient(p.http))
	if err != nil {
		t.Fatal(err)
	}
	p.client = c
	g := guests{
		none: p.personNamed(t, "none@example.com"), few: p.personNamed(t, "few@example.com"),
		many: p.personNamed(t, "many@example.com"), full: p.personNamed(t, "full@example.com"),
	}
	made := g.few.keys(t, "porch-cam", "garage")
	if err := g.few.session.APIKeys().Disable(t.Context(), made[1].ID); err != nil {
		t.Fatal(err)
	}
	g.many.keys(t, numbered(7)...)
	g.full.keys(t, numbered(client.MaxKeys)...)
	return g
}

// state is something that a page can show: who sees it, where, and what they do first.
type state struct {
	name   string
	who    *person
	path   string
	reach  func(p *page, upstream *gateway)
	status int // announced, when it is an error
}

// statesOutside are those of people who are not signed in. No state rests on another.
func statesOutside(guests) []state {
	return []state{
		{name: "log-in", path: "/login"},
		{name: "log-in with a wrong password", path: "/login", status: http.StatusUnprocessableEntity, reach: func(p *page, _ *gateway) {
			p.fill("E-mail", "few@example.com")
			p.fill("Password", "wrong")
			p.press(p.button("Sign in"))
			p.sees(p.GetByText("The e-mail address or the password is wrong."))
		}},
		{name: "session ended", path: "/login?ended=1&next=%2Fkeys", reach: func(p *page, _ *gateway) {
			p.sees(p.GetByText("Your session has ended. Sign in to go on."))
		}},
		{name: "registration", path: "/register"},
		{name: "registration of nonsense", path: "/register", status: http.StatusUnprocessableEntity, reach: func(p *page, _ *gateway) {
			p.fill("E-mail", "nonsense")
			p.press(p.button("Create account"))
			p.sees(p.GetByText("Use at least 8 characters."))
		}},
		{name: "no such page", path: "/no-such-page", status: http.StatusNotFound},
		{name: "a reference to the log", path: "/logs?co_id=6b00a2000000000000000000"},
	}
}

func statesOfTheList(g guests) []state {
	create := func(p *page, _ *gateway) {
		p.fill("Name of the device or service", "attic")
		p.press(p.button("Create key"))
		p.sees(p.heading("Save this key now"))
	}
	return []state{
		{name: "first visit", who: g.none, path: "/keys", reach: func(p *page, _ *gateway) { p.sees(p.heading("No keys yet")) }},
		{name: "two keys", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) { p.sees(p.row("garage")) }},
		{name: "a search field", who: g.many, path: "/keys", reach: func(p *page, _ *gateway) { p.sees(p.field("Search keys")) }},
		{name: "a search without hits", who: g.many, path: "/keys?q=attic", reach: func(p *page, _ *gateway) {
			p.sees(p.GetByText("No key’s name contains “attic”."))
		}},
		{name: "every key in use", who: g.full, path: "/keys", reach: func(p *page, _ *gateway) {
			p.sees(p.heading("All 20 keys are in use"))
		}},
		{name: "a new value, masked", who: g.few, path: "/keys", reach: create},
		{name: "a new value, shown", who: g.none, path: "/keys", reach: func(p *page, g *gateway) {
			create(p, g)
			p.press(p.button("Show"))
		}},
		{name: "leaving without the value", who: g.many, path: "/keys", reach: func(p *page, g *gateway) {
			create(p, g)
			p.press(p.link("key-01"))
			p.sees(p.dialog())
		}},
		{name: "an open menu", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) { p.sees(p.menu("porch-cam", "Open")) }},
		{name: "the question before a deletion", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) {
			p.press(p.menu("porch-cam", "Delete…"))
			p.sees(p.dialog())
		}},
		{name: "the question as a page", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) {
			p.visit("/keys/" + p.keyID("porch-cam") + "/delete")
			p.sees(p.heading("Delete porch-cam?"))
		}},
		{name: "the page of a key that is on", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) {
			p.press(p.link("porch-cam"))
			p.sees(p.heading("How a device signs in with it"))
		}},
		{name: "the page of a key that is off", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) {
			p.press(p.link("garage"))
			p.sees(p.GetByText("It cannot sign in."))
		}},
		{name: "a key turned off a moment ago", who: g.many, path: "/keys", reach: func(p *page, _ *gateway) {
			p.press(p.toggle("key-02"))
			p.says("key-02 is off. It can no longer sign in.")
		}},
	}
}

func statesOfDevices(g guests) []state {
	question := func(p *page, _ *gateway) grant {
		grant := p.program.grant(p.t, "Greenhouse Pi")
		p.enterCode(grant.UserCode)
		return grant
	}
	decide := func(answer, heading string) func(*page, *gateway) {
		return func(p *page, upstream *gateway) {
			question(p, upstream)
			p.press(p.button(answer))
			p.sees(p.heading(heading))
		}
	}
	return []state{
		{name: "the page for codes", who: g.few, path: "/device", reach: func(p *page, _ *gateway) {
			p.press(p.GetByText("The device has nothing but curl"))
			p.press(p.GetByText("Open this page on a phone"))
		}},
		{name: "a code that was given", who: g.few, path: "/device?user_code=BBBB-BBBB", reach: func(p *page, _ *gateway) {
			p.sees(p.GetByText("Check that the device shows the same code."))
		}},
		{name: "a wrong code", who: g.few, path: "/device", status: http.StatusUnprocessableEntity, reach: func(p *page, _ *gateway) {
			p.fill("Code on the device", "BBBB-BBBB")
			p.press(p.button("Continue"))
			p.sees(p.GetByText("No device waits with this code."))
		}},
		{name: "the question", who: g.few, path: "/device", reach: func(p *page, upstream *gateway) { question(p, upstream) }},
		{name: "the question with a bad name", who: g.few, path: "/device", status: http.StatusUnprocessableEntity, reach: func(p *page, upstream *gateway) {
			question(p, upstream)
			p.fill("Name of its key", "porch cam")
			p.press(p.button("Approve"))
			p.sees(p.GetByText("That name has characters we cannot use."))
		}},
		{name: "the question when every key is in use", who: g.full, path: "/device", reach: func(p *page, upstream *gateway) {
			question(p, upstream)
			p.sees(p.heading(allInUse))
		}},
		{name: "denied", who: g.few, path: "/device", reach: decide("Deny", "Denied")},
		{name: "approved", who: g.none, path: "/device", reach: decide("Approve", "Waiting for the device")},
		{name: "fetched", who: g.many, path: "/device", reach: func(p *page, upstream *gateway) {
			grant := question(p, upstream)
			p.press(p.button("Approve"))
			p.sees(p.heading("Waiting for the device"))
			if got, _ := p.program.poll(p.t.Context(), grant); got.AccessToken == "" {
				p.t.Fatal("no key:", got.Error)
			}
			p.comesToSee(p.heading("The device has its key"))
		}},
		{name: "which key is this", who: g.few, path: "/keys/which"},
		{name: "a value of nobody's", who: g.few, path: "/keys/which", reach: func(p *page, _ *gateway) {
			p.fill("Value", "nobody's")
			p.sees(p.GetByText("This is none of the keys below."))
		}},
		{name: "lines to paste beside a new value", who: g.few, path: "/keys", reach: func(p *page, _ *gateway) {
			p.createKey("attic")
			p.press(p.GetByText("Put it into a program"))
			p.press(p.field("Write the key into the code"))
		}},
	}
}

func statesOfTrouble(g guests) []state {
	name := func(typed, complaint string) func(*page, *gateway) {
		return func(p *page, _ *gateway) {
			p.fill("Name of the device or service", typed)
			p.press(p.button("Create key"))
			p.sees(p.GetByText(complaint))
		}
	}
	return []state{
		{name: "a bad name", who: g.few, path: "/keys", status: http.StatusUnprocessableEntity,
			reach: name("porch cam", "That name has characters we cannot use.")},
		{name: "a name in use", who: g.few, path: "/keys", status: http.StatusUnprocessableEntity,
			reach: name("garage", "You already have a key with this name.")},
		{name: "no such key", who: g.few, path: "/keys/6b00a2000000000000000000", status: http.StatusNotFound},
		{name: "keys that cannot be read", who: g.few, path: "/login", status: http.StatusBadGateway, reach: func(p *page, upstream *gateway) {
			upstream.breaks(losesRequest)
			p.visit("/keys")
			p.sees(p.GetByText("We could not read your keys."))
		}},
		{name: "a person who may not manage keys", who: g.few, path: "/login", status: http.StatusForbidden, reach: func(p *page, upstream *gateway) {
			upstream.breaks(says(403, ""))
			p.visit("/keys")
			p.sees(p.heading("Keys cannot be managed from here"))
		}},
		{name: "a creation whose answer got lost", who: g.few, path: "/keys", status: http.StatusBadGateway, reach: func(p *page, upstream *gateway) {
			upstream.breaks(only(losesAnswer, http.MethodPost))
			name("lost", "lost was created, but its value was lost.")(p, upstream)
		}},
		{name: "a switch of which nothing is known", who: g.few, path: "/keys", status: http.StatusBadGateway, reach: func(p *page, upstream *gateway) {
			upstream.breaks(losesRequest)
			p.press(p.toggle("porch-cam"))
			p.sees(p.link("Check now"))
		}},
		{name: "a key that was deleted in another place", who: g.many, path: "/keys", status: http.StatusNotFound, reach: func(p *page, _ *gateway) {
			if err := g.many.session.APIKeys().Delete(p.t.Context(), p.keyID("key-07")); err != nil {
				p.t.Fatal(err)
			}
			p.press(p.toggle("key-07"))
			p.sees(p.GetByText("This key was deleted in another place. It can no longer sign anything in."))
		}},
	}
}

// Animations are off, since axe would measure colours on their way to others.
func TestEveryStateOfEveryPageIsAccessibleInEveryLook(t *testing.T) {
	t.Parallel()
	for name, some := range map[string]func(guests) []state{
		"outside": statesOutside, "the list": statesOfTheList, "devices": statesOfDevices, "trouble": statesOfTrouble,
		"the account": statesOfTheAccount,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, upstream := startWithUpstream(t)
			guests := program.guests(t, upstream)
			browsers := map[*person]*page{nil: program.open(t, reducedMotion)}
			for _, s := range some(guests) {
				if browsers[s.who] == nil {
					browsers[s.who] = program.open(t, reducedMotion, signedIn(s.who))
				}
				browsers[s.who].inState(s, upstream).isAccessibleInEveryLook(s.name)
			}
		})
	}
}

// inState opens a tab that shows the state.
func (p *page) inState(s state, upstream *gateway) *page {
	p.t.Helper()
	if s.status != 0 {
		p.expects(s.status)
	}
	tab := p.newTab(s.path)
	if s.reach != nil {
		s.reach(tab, upstream)
	}
	upstream.recovers()
	return tab
}

// isAccessibleInEveryLook runs axe on a tab in light and dark, wide and narrow, and closes it.
func (p *page) isAccessibleInEveryLook(state string) {
	p.t.Helper()
	for _, colours := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
		for _, width := range []int{1100, 390} {
			p.must(p.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: colours}))
			p.must(p.SetViewportSize(width, 844))
			p.axe()
			if p.t.Failed() {
				p.t.Fatalf("in the state %q, %s, %d pixels wide", state, *colours, width)
			}
		}
	}
	p.must(p.Close())
}
