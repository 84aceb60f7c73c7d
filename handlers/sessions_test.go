package handlers_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/model"
)

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	chrome  = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)

// signInWith is signIn with a browser that calls itself so.
func (p *program) signInWith(who person, agent string) *browser {
	p.t.Helper()
	b := p.browser().with("User-Agent", agent)
	b.post("/login", credentials(who.email, password)).leadsTo("/keys")
	return b
}

// rowID is how the page names the browser's session.
func (b *browser) rowID() string {
	b.t.Helper()
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		b.t.Fatal(err)
	}
	return hex.EncodeToString(row.IDHash[:])
}

// app logs the person in without a browser.
func (p *program) app(with client.Credentials) *client.Session {
	p.t.Helper()
	session, err := p.newClient(p.upstream).Login(p.t.Context(), with)
	if err != nil {
		p.t.Fatal(err)
	}
	return session
}

// ways are the two places where users can be.
var ways = map[string][]func(*handlers.Deps){"here": nil, "elsewhere": {elsewhere}}

func TestThePageListsWhereAPersonIsSignedIn(t *testing.T) {
	t.Parallel()
	for name, how := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, how...)
			who := p.person(email)
			laptop, phone := p.signInWith(who, firefox), p.signInWith(who, chrome)
			app := p.app(client.EmailPassword(email, password))
			key, err := app.APIKeys().Create(t.Context(), "porch-cam")
			if err != nil {
				t.Fatal(err)
			}
			p.app(client.UserAPIKey(key.Value.Reveal()))
			p.signedIn("bob@example.com")
			p.clock.Advance(5 * time.Minute)

			a := laptop.get("/sessions").want(http.StatusOK)
			got := a.texts("[aria-labelledby=browsers] li")
			if len(got) != 2 || !strings.HasPrefix(got[0], "Firefox on Linux This browserSigned in 5 minutes ago · 192.0.2.1") ||
				!strings.HasPrefix(got[1], "Chrome on AndroidLast seen 5 minutes ago · signed in 5 minutes ago · 192.0.2.1") {
				t.Errorf("browsers: %q", got)
			}
			if got := a.attr("[aria-labelledby=browsers] li:nth-child(2) form", "action"); got != "/sessions/"+phone.rowID()+"/end" {
				t.Errorf("ends %q", got)
			}
			if got := a.texts("[aria-labelledby=apps] li"); len(got) != 1 {
				t.Errorf("apps: %q", got)
			}
			if got := a.texts(`[aria-label="Devices with porch-cam"] li`); len(got) != 1 || a.attr(".sessions h2 a", "href") != "/keys/"+key.ID {
				t.Errorf("by the key: %q", got)
			}
		})
	}
}

func TestWhoeverIsEndedIsOutAtOnceAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	for name, how := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, how...)
			who := p.person(email)
			laptop, phone, tablet := p.signIn(who), p.signIn(who), p.signIn(who)
			row, err := phone.rowOf(phone.cookie("latchkey"))
			if err != nil {
				t.Fatal(err)
			}
			stream := phone.listens(p.serve(), phone.approves(p.pairing("Porch Pi"), "porch-pi").path+"/arrival?state=approved")
			path := "/sessions/" + phone.rowID() + "/end"
			laptop.post(path, nil).leadsTo("/sessions")
			laptop.get("/sessions").says("#status", "Session signed out.")
			phone.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
			p.clock.Advance(15 * time.Second) // after which it looks whether anybody is there
			stream.ends()
			tablet.get("/keys").want(http.StatusOK)
			laptop.post(path, nil).leadsTo("/sessions")
			laptop.get("/sessions").says("#status", "That session was signed out already.")
			if sessions, err := p.store.AuthSessions(t.Context(), who.id, p.clock.Now()); err != nil || len(sessions) != 2 {
				t.Errorf("%d auth sessions are left, want 2: %v", len(sessions), err)
			}
			if _, err := p.own.WebSession(t.Context(), row.IDHash); !errors.Is(err, model.ErrNotFound) {
				t.Error("the row is still there")
			}
			if got := p.ended(who); !slices.Equal(got, []string{"ended from another place"}) {
				t.Errorf("written down: %q", got)
			}
		})
	}
}

// ended is what is written down of sessions that ended, by browsers: an upstream has a list of its own.
func (p *program) ended(who person) []string {
	p.t.Helper()
	var details []string
	for _, e := range p.events(who, "session-ended") {
		if e.Actor == model.ActorBrowser {
			details = append(details, e.Detail)
		}
	}
	if !p.deps.Here { // here the two are one list, and both tell of it
		details = slices.DeleteFunc(details, func(detail string) bool { return detail == "signed out" })
	}
	return details
}

func TestNobodyEndsTheSessionOfAnother(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana, who := p.signedIn(email)
	bob, _ := p.signedIn("bob@example.com")
	row, err := ana.rowOf(ana.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{ana.rowID(), row.AuthSessionID, aKey, "nonsense"} {
		bob.post("/sessions/"+id+"/end", nil).leadsTo("/sessions")
		bob.get("/sessions").says("#status", "That session was signed out already.")
	}
	bob.post("/sessions/end-others", nil).leadsTo("/sessions")
	ana.get("/keys").want(http.StatusOK)
	if got := p.ended(who); len(got) != 0 {
		t.Errorf("written down: %q", got)
	}
}

func TestAllOthersEndAndThisBrowserStays(t *testing.T) {
	t.Parallel()
	for name, how := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, how...)
			who := p.person(email)
			laptop, phone, tablet := p.signIn(who), p.signIn(who), p.signIn(who)
			app := p.app(client.EmailPassword(email, password))
			bob, _ := p.signedIn("bob@example.com")
			a := laptop.htmx().post("/sessions/end-others", nil).want(http.StatusOK).isPart()
			if a.doc.Find("form").Length() != 1 || !strings.Contains(a.body, "Signed out everywhere else.") {
				t.Errorf("the answer is %s", a.body)
			}
			laptop.get("/keys").want(http.StatusOK)
			for _, b := range []*browser{phone, tablet} {
				b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
			}
			if err := app.Refresh(t.Context()); !client.IsUnauthorized(err) {
				t.Errorf("the app is still in: %v", err)
			}
			bob.get("/keys").want(http.StatusOK)
			laptop.post("/sessions/end-others", nil).leadsTo("/sessions")
			want := map[string][]string{
				"here": {"all others"}, "elsewhere": {"ended from another place", "ended from another place"}, // each browser; the apps are in the other server's list,
			}[name]
			got := p.ended(who)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("written down: %q", got)
			}
		})
	}
}

func TestADeviceIsSignedOutAndCanSignInAgainWithItsKey(t *testing.T) {
	t.Parallel()
	for name, how := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, how...)
			b, _ := p.signedIn(email)
			key, err := p.app(client.EmailPassword(email, password)).APIKeys().Create(t.Context(), "porch-cam")
			if err != nil {
				t.Fatal(err)
			}
			device := p.app(client.UserAPIKey(key.Value.Reveal()))
			b.post(b.get("/sessions").attr(`[aria-label="Devices with porch-cam"] form`, "action"), nil).leadsTo("/sessions")
			if err := device.Refresh(t.Context()); !client.IsUnauthorized(err) {
				t.Errorf("the device is still in: %v", err)
			}
			b.get("/sessions").says("#status", "Session signed out.").lacks(`[aria-label="Devices with porch-cam"]`)
			p.app(client.UserAPIKey(key.Value.Reveal()))
		})
	}
}

func TestGroupsWithNobodyInThemAreNotShown(t *testing.T) {
	t.Parallel()
	b, _ := newProgram(t).signedIn(email)
	a := b.get("/sessions").want(http.StatusOK)
	if got := a.texts(".sessions h2"); !slices.Equal(got, []string{"Browsers"}) || len(a.texts(".sessions li")) != 1 {
		t.Errorf("groups %q", got)
	}
	a.lacks(".everywhere")
	if a.attr(".sessions form", "action") != "/logout" {
		t.Error("the browser cannot be signed out where it is listed")
	}
	if got := a.texts("nav [aria-current]"); !slices.Equal(got, []string{"Account", "Sessions"}) {
		t.Errorf("it is said to be on %q", got)
	}
}

func TestAnAppIsEndedByItself(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	app, other := p.app(client.EmailPassword(email, password)), p.app(client.EmailPassword(email, password))
	b.htmx().post("/sessions/"+app.ID()+"/end", nil).want(http.StatusOK).isPart()
	if err := app.Refresh(t.Context()); !client.IsUnauthorized(err) {
		t.Errorf("the app is still in: %v", err)
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Errorf("the other app is out: %v", err)
	}
}

// An upstream that is down, or has no list of its sessions, keeps nobody from ending a browser of ours.
func TestABrowserIsEndedWhateverTheUpstreamSays(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	who := p.person(email)
	laptop, phone, tablet := p.signIn(who), p.signIn(who), p.signIn(who)
	p.upstream.breaks("*", says(404, ""))
	laptop.get("/sessions").want(http.StatusOK).says("main", "The key service doesn’t list the apps you’re signed in with.")
	p.upstream.breaks("*", says(500, ""))
	laptop.get("/sessions").want(http.StatusOK).says("main", "The apps you’re signed in with could not be read")
	laptop.post("/sessions/"+phone.rowID()+"/end", nil).leadsTo("/sessions")
	laptop.get("/sessions").says("#status", "Signed out here. The key service could not be reached. Apps using this session may stay signed in.")
	phone.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
	if !strings.Contains(p.logs.String(), "auth session outlives its web session") {
		t.Error("the log says nothing")
	}
	p.upstream.breaks("*", says(404, ""))
	laptop.post("/sessions/end-others", nil).leadsTo("/sessions")
	tablet.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

const apps = "DELETE api/latchkey/v1/sessions"

// What an upstream was not asked, or not told, must not be said to have happened there.
func TestNothingIsSaidToHaveEndedThatGoesOn(t *testing.T) {
	t.Parallel()
	const (
		appsGoOn = "Your other browsers were signed out. Apps stay signed in: change your password at the key service."
		untold   = "Your other browsers were signed out here. The key service could not be reached, and apps stay signed in: change your password there."
		ended    = "Signed out everywhere else."
	)
	for _, c := range []struct {
		name           string
		apps, browsers happens
		says           string
	}{
		{"no such call", says(404, ""), nil, appsGoOn},
		{"a call that is not allowed", says(403, ""), nil, appsGoOn},
		{"a call that is refused", says(401, ""), nil, appsGoOn},
		{"no such call and no log-out", says(404, ""), says(500, ""), untold},
		{"all others at once, after a log-out that failed", nil, says(500, ""), ended},
		{"everything", nil, nil, ended},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			who := p.person(email)
			laptop, phone := p.signIn(who), p.signIn(who)
			app := p.app(client.EmailPassword(email, password))
			if c.apps != nil {
				p.upstream.breaks(apps, c.apps)
			}
			if c.browsers != nil {
				p.upstream.breaks(logOut, c.browsers)
			}
			laptop.post("/sessions/end-others", nil).leadsTo("/sessions")
			p.upstream.heal()
			if got := laptop.get("/sessions").text("#status"); got != c.says {
				t.Errorf("it says %q, want %q", got, c.says)
			}
			phone.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
			if out := client.IsUnauthorized(app.Refresh(t.Context())); out != (c.says == ended) {
				t.Errorf("the app is out: %v", out)
			}
		})
	}
}

func TestASignOutThatTheUpstreamWasNotToldOfSaysSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks(logOut, says(500, ""))
	b.post("/logout", nil).leadsTo("/login")
	b.get("/login").says("#status", "Signed out here. The key service could not be reached")
	p.upstream.heal()
	b.post("/login", credentials(email, password)).leadsTo("/keys")
	b.post("/logout", nil).leadsTo("/login")
	if got := b.get("/login").text("#status"); got != "" {
		t.Errorf("it says %q", got)
	}
}

func TestAnAppThatTheUpstreamCannotEndIsNotSaidToHaveEnded(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	app := p.app(client.EmailPassword(email, password))
	p.upstream.breaks(apps+"/"+app.ID(), says(404, ""))
	b.post("/sessions/"+app.ID()+"/end", nil).leadsTo("/sessions")
	b.get("/sessions").says("#status", "Not signed out: the key service can’t sign apps out.")
}

func TestSigningOutIsOneEventAndOneTransaction(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	b.post("/logout", nil).leadsTo("/login")
	if got := p.upstream.count(logOut); got != 0 {
		t.Errorf("%d calls to log out", got)
	}
	if sessions, err := p.store.AuthSessions(t.Context(), who.id, p.clock.Now()); err != nil || len(sessions) != 0 {
		t.Errorf("auth sessions %v: %v", sessions, err)
	}
	if got := p.ended(who); !slices.Equal(got, []string{"signed out"}) {
		t.Errorf("written down: %q", got)
	}
}

func TestABrowserEndsWithTheAuthSessionThatItHolds(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	if row.AuthSessionID == "" || row.UserID != who.id || row.Address != "192.0.2.1" || !row.ProvedAt.Equal(noon) {
		t.Errorf("the row is %+v", row)
	}
	if err := p.store.DeleteAuthSession(t.Context(), who.id, row.AuthSessionID); err != nil {
		t.Fatal(err)
	}
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

// The auth session can end between the log-in and the moment in which the browser's session is kept.
func TestASignInWhoseAuthSessionIsGoneAlreadyLeadsBackToTheLogInPage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	p.then["sign in"] = func() {
		sessions, _ := p.store.AuthSessions(t.Context(), who.id, p.clock.Now())
		for _, s := range sessions {
			_ = p.store.DeleteAuthSession(t.Context(), who.id, s.ID)
		}
	}
	a := p.browser().post("/login", credentials(email, password))
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login?ended=1") {
		t.Errorf("status %d, leads to %q", a.status, a.header.Get("Location"))
	}
}

func TestTheRowSaysWhereABrowserWasSeenLast(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	b := p.signInWith(who, firefox)
	p.clock.Advance(2 * time.Minute)
	b.with("User-Agent", chrome).get("/keys").want(http.StatusOK)
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	if row.Agent != chrome || !row.ProvedAt.Equal(noon) {
		t.Errorf("the row is %+v", row)
	}
}
