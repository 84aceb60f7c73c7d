package accounts

import (
	"net/url"
	"strings"
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// A session can end in mid-page. Whatever the next act is, it leads to the log-in page, which comes as a page and never into
// one, and from there back to where the person was.
func TestWhenTheSessionHasEndedEveryActLeadsToTheLogInPageAndBack(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, story.Numbered(6)...)
	list, one := "/keys", "/keys/"+ana.Find(t, "key-01").ID
	page := program.Open(t, story.SignedIn(ana))
	toggle := func() { page.Press(page.Toggle("key-01")) }
	create := func() { page.Fill("Name", "porch-cam"); page.Press(page.Button("Create key")) }
	for _, end := range []struct {
		from, back string
		act        func()
	}{
		{list, list, toggle},
		{one, one, toggle},
		{list + "/new", list + "/new?name=porch-cam", create}, // what was typed is kept
		{list, list, func() { page.Fill("Search keys", "porch") }},
		{list, list, func() { page.Press(page.Menu("key-01", "Delete…")) }},
		{one, one, func() { page.Press(page.Link("Delete key…")) }},
		{one, one, func() { _, err := page.Reload(); page.Must(err) }},
	} {
		page.Visit(end.from)
		page.Must(page.Context.ClearCookies())
		end.act()
		isAskedToSignIn(page, "/login?next="+url.QueryEscape(end.back))
		page.SignsInAgain()
		page.IsAt(end.back)
	}
	if keys := ana.List(t); len(keys) != 6 || keys[0].Disabled {
		t.Error("an act without a session was carried out:", keys)
	}
}

// isAskedToSignIn waits for the log-in page, and that it is one and nothing else.
func isAskedToSignIn(p *story.Page, path string) {
	p.T.Helper()
	p.IsAt(path)
	p.Must(p.Expect().Locator(p.GetByRole("heading")).ToHaveText([]string{"Sign in"}))
	p.Must(p.Expect().Locator(p.GetByRole("main")).ToHaveCount(1))
	p.Must(p.Expect().Locator(p.GetByRole("banner")).ToHaveCount(0))
}

func TestSigningOutInOneTabEndsTheOther(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	ana.Keys(t, "porch-cam")
	page := program.Open(t, story.SignedIn(ana))
	other := page.NewTab("/keys")
	other.SignOut()
	other.IsAt("/login")

	page.Front()
	page.Press(page.Toggle("porch-cam"))
	isAskedToSignIn(page, "/login?next=%2Fkeys")
	if ana.Find(t, "porch-cam").Disabled {
		t.Error("a person who signed out turned a key off")
	}
}

// The server that has the keys can end a session without the dashboard knowing: somebody signs this browser out elsewhere.
func TestWhenTheKeyServiceHasEndedTheSessionThePersonIsToldSo(t *testing.T) {
	t.Parallel()
	upstream, tap := story.StartTapped(t, "127.0.0.1")
	ana := upstream.Person(t)
	ana.Keys(t, "porch-cam")
	program := story.StartProgram(t, func(cfg *config.Config) { cfg.Upstream = upstream.URL })
	page := program.Open(t, story.SignedIn(ana))
	for _, from := range []string{"/keys", "/keys/" + ana.Find(t, "porch-cam").ID} {
		page.Visit(from)
		token := lastToken(t, tap)
		if err := upstream.Client.Resume(ana.Session.UserID(), token).Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		page.Press(page.Toggle("porch-cam"))
		isAskedToSignIn(page, "/login?ended=service&next="+url.QueryEscape(from))
		page.Sees(page.Role("group", "The key service ended your session. Sign in to continue."))
		page.SignsInAgain()
		page.IsAt(from)
		page.IsOn("porch-cam", true)
	}
}

// lastToken is the refresh token of the dashboard's latest request for keys.
func lastToken(t *testing.T, tap *story.Wiretap) client.Secret {
	t.Helper()
	var token string
	for _, x := range tap.All() {
		if strings.HasPrefix(x.What, "GET /api/client/v2.0/auth/api_keys") {
			token = strings.TrimPrefix(x.Asked.Get("Authorization"), "Bearer ")
		}
	}
	if token == "" {
		t.Fatal("the dashboard asked for no keys")
	}
	return client.Secret(token)
}
