package e2e

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/internal/app/config"
)

// A session can end in mid-page. Whatever the next act is, it leads to the log-in page, which comes as a page and never into
// one, and from there back to where the person was.
func TestWhenTheSessionHasEndedEveryActLeadsToTheLogInPageAndBack(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, numbered(6)...)
	list, one := "/keys", "/keys/"+ana.find(t, "key-01").ID
	page := program.open(t, signedIn(ana))
	toggle := func() { page.press(page.toggle("key-01")) }
	create := func() { page.fill("Name of the device or service", "porch-cam"); page.press(page.button("Create key")) }
	for _, story := range []struct {
		from, back string
		act        func()
	}{
		{list, list, toggle},
		{one, one, toggle},
		{list, list + "?name=porch-cam", create}, // what was typed is kept
		{list, list, func() { page.fill("Search keys", "porch") }},
		{list, list, func() { page.press(page.menu("key-01", "Delete…")) }},
		{one, one, func() { page.press(page.link("Delete…")) }},
		{one, one, func() { _, err := page.Reload(); page.must(err) }},
	} {
		page.visit(story.from)
		page.must(page.context.ClearCookies())
		story.act()
		page.isAskedToSignIn("/login?next=" + url.QueryEscape(story.back))
		page.signsInAgain()
		page.isAt(story.back)
	}
	if keys := ana.list(t); len(keys) != 6 || keys[0].Disabled {
		t.Error("an act without a session was carried out:", keys)
	}
}

// isAskedToSignIn waits for the log-in page, and that it is one and nothing else.
func (p *page) isAskedToSignIn(path string) {
	p.t.Helper()
	p.isAt(path)
	p.must(expect.Locator(p.GetByRole("heading")).ToHaveText([]string{"Sign in"}))
	p.must(expect.Locator(p.GetByRole("main")).ToHaveCount(1))
	p.must(expect.Locator(p.GetByRole("banner")).ToHaveCount(1))
}

func (p *page) signsInAgain() {
	p.t.Helper()
	p.fill("E-mail", "ana@example.com")
	p.fill("Password", password)
	p.press(p.button("Sign in"))
	p.sees(p.button("Sign out"))
}

func TestSigningOutInOneTabEndsTheOther(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	ana.keys(t, "porch-cam")
	page := program.open(t, signedIn(ana))
	other := page.newTab("/keys")
	other.press(other.button("Sign out"))
	other.isAt("/login")

	page.front()
	page.press(page.toggle("porch-cam"))
	page.isAskedToSignIn("/login?next=%2Fkeys")
	if ana.find(t, "porch-cam").Disabled {
		t.Error("a person who signed out turned a key off")
	}
}

// The server that has the keys can end a session without the dashboard knowing: somebody signs this browser out elsewhere.
func TestWhenTheKeyServiceHasEndedTheSessionThePersonIsToldSo(t *testing.T) {
	t.Parallel()
	upstream, tap := startTapped(t, "127.0.0.1")
	ana := upstream.person(t)
	ana.keys(t, "porch-cam")
	program := startProgram(t, func(cfg *config.Config) { cfg.Upstream = upstream.url })
	page := program.open(t, signedIn(ana))
	for _, from := range []string{"/keys", "/keys/" + ana.find(t, "porch-cam").ID} {
		page.visit(from)
		token := tap.lastToken(t)
		if err := upstream.client.Resume(ana.session.UserID(), token).Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		page.press(page.toggle("porch-cam"))
		page.isAskedToSignIn("/login?ended=service&next=" + url.QueryEscape(from))
		page.sees(page.role("group", "The key service has ended your session. Sign in to go on."))
		page.signsInAgain()
		page.isAt(from)
		page.isOn("porch-cam", true)
	}
}

// lastToken is the refresh token of the dashboard's latest request for keys.
func (tap *wiretap) lastToken(t *testing.T) client.Secret {
	t.Helper()
	var token string
	for _, x := range tap.all() {
		if strings.HasPrefix(x.what, "GET /api/client/v2.0/auth/api_keys") {
			token = strings.TrimPrefix(x.asked.Get("Authorization"), "Bearer ")
		}
	}
	if token == "" {
		t.Fatal("the dashboard asked for no keys")
	}
	return client.Secret(token)
}
