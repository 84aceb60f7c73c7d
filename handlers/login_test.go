package handlers_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/handlers"
	"latchkey/views"
)

func credentials(email, password string) url.Values {
	return url.Values{"email": {email}, "password": {password}}
}

func TestSigningInOpensTheKeysPage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	b := p.browser()
	b.get("/").leadsTo("/keys")
	b.get("/keys").leadsTo("/login?next=%2Fkeys")
	form := b.get("/login?next=%2Fkeys").want(http.StatusOK)
	if form.text("h1") != "Sign in" || form.text("title") != "Sign in · Latchkey" {
		t.Errorf("the page is %q, titled %q", form.text("h1"), form.text("title"))
	}
	b.post("/login", credentials(who.email, password)).leadsTo("/keys")
	b.get("/keys").want(http.StatusOK).says(".who", email).says("h1", "Keys")
}

func TestTheSignInPageSaysWhatItIsForAndLeadsOnward(t *testing.T) {
	t.Parallel()
	a := newProgram(t, withMail).browser().get("/login").want(http.StatusOK)
	a.says(".promise", "Give each of your devices its own key, and its own off switch.")
	if got := a.texts(".onward a"); !slices.Equal(got, []string{"Create an account", "Forgot password?"}) {
		t.Errorf("it leads to %q", got)
	}
	if a.attr("#password", "enterkeyhint") != "go" || a.attr(".peek button.script", "aria-pressed") != "false" {
		t.Error("the password cannot be looked at, or is not the last field")
	}
	newProgram(t).browser().get("/login").says(".onward", "Can’t sign in? Ask the administrator of this server.").lacks(`a[href^="/forgot"]`)
	a = newProgram(t, reachable).browser().get("/login").says(".onward", "Can’t sign in? Contact the administrator").says("title", "Sign in · Shed keys")
	if got := a.attr(".onward a[href^=mailto]", "href"); got != "mailto:ada@example.com" {
		t.Errorf("the administrator is at %q", got)
	}
}

// reachable is a server whose operator says what it is called and who runs it.
func reachable(d *handlers.Deps) {
	d.Site = views.Site{Name: "Shed keys", Contact: "mailto:ada@example.com", Version: "1.2"}
}

func TestWhoeverHasACodeIsToldThatItComesNext(t *testing.T) {
	t.Parallel()
	b := newProgram(t).browser()
	for path, title := range map[string]string{"/login": "Sign in to connect a device", "/register": "Create an account to connect a device"} {
		a := b.get(path+"?next=%2Fdevice%3Fuser_code%3DWDJB-MJHT").want(http.StatusOK).says("h1", title)
		a.says("title", title).says("main", "You’ll be asked about code WDJB-MJHT next.").lacks(".promise")
		b.get(path + "?next=%2Fdevice%3Fuser_code%3Dcall-555").keepsQuiet("555")
	}
}

func TestSpacesAroundAnEmailAreNotPartOfIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.person(email)
	b := p.browser()
	b.post("/login", credentials("  "+email+" ", password)).leadsTo("/keys")
	b.get("/keys").says(".who", email)
}

func TestAWrongPasswordAndAnUnknownEmailAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.person(email)
	wrong := p.browser().post("/login", credentials(email, "wrong horse")).want(http.StatusUnprocessableEntity)
	unknown := p.browser().post("/login", credentials("bob@example.com", "wrong horse")).want(http.StatusUnprocessableEntity)
	wrong.says("#password-error", "Wrong email or password.")
	if diff := cmp.Diff(wrong.body, strings.ReplaceAll(unknown.body, "bob@example.com", email)); diff != "" {
		t.Errorf("the answers tell who has an account (-wrong password +unknown e-mail):\n%s", diff)
	}
	if len(wrong.cookies)+len(unknown.cookies) != 0 {
		t.Error("a refused log-in sets a cookie")
	}
}

func TestARefusedLogInKeepsTheEmailAndNeverThePassword(t *testing.T) {
	t.Parallel()
	a := newProgram(t).browser().post("/login", url.Values{
		"email": {email}, "password": {"wr0ng-and-secret"}, "next": {"/keys/0123456789abcdef01234567"},
	}).want(http.StatusUnprocessableEntity).keepsQuiet("wr0ng-and-secret")
	if got := a.attr("#email", "value"); got != email {
		t.Errorf("the e-mail is %q", got)
	}
	if got := a.attr("#password", "value"); got != "" {
		t.Errorf("the password is %q", got)
	}
	if a.attr("#password", "aria-describedby") != "password-error" || a.attr("#password", "aria-invalid") != "true" || !a.has("#password[autofocus]") {
		t.Error("the field does not say that it is wrong")
	}
	if got := a.attr("input[name=next]", "value"); got != "/keys/0123456789abcdef01234567" {
		t.Errorf("the page to return to is %q", got)
	}
}

func TestWhoeverIsSignedInIsSentPastTheFormsForSigningIn(t *testing.T) {
	t.Parallel()
	b, _ := newProgram(t).signedIn(email)
	for _, path := range []string{"/login", "/register"} {
		b.get(path).leadsTo("/keys")
		if got := b.htmx().get(path).want(http.StatusOK).header.Get("HX-Redirect"); got != "/keys" {
			t.Errorf("%s leads htmx to %q", path, got)
		}
	}
}

func TestSigningInReturnsToThePageThatWasAskedFor(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	key := p.seed(who, "porch-cam")[0]
	b := p.browser()
	form := b.get(b.get("/keys/" + key.ID).header.Get("Location")).want(http.StatusOK)
	form.lacks(".notice") // nothing has ended
	values := credentials(email, password)
	values.Set("next", form.attr("input[name=next]", "value"))
	place := b.post("/login", values).leadsTo("/keys/" + key.ID).header.Get("Location")
	b.get(place).want(http.StatusOK).says("h1", "porch-cam")
}

func TestSigningInNeverLeadsToAnotherSite(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.person(email)
	const elsewhere = "//evil.example/keys"
	form := p.browser().get("/login?next=" + url.QueryEscape(elsewhere)).want(http.StatusOK).keepsQuiet("evil.example")
	if got := form.attr("input[name=next]", "value"); got != "/keys" {
		t.Errorf("the form returns to %q", got)
	}
	values := credentials(email, password)
	values.Set("next", elsewhere)
	p.browser().post("/login", values).leadsTo("/keys").keepsQuiet("evil.example")
}

func TestALogInThatTheKeyServiceDoesNotAnswerIsExplained(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.person(email)
	for name, c := range map[string]struct {
		fault   happens
		status  int
		heading string
	}{
		"it is down":                {refusesConnections, http.StatusBadGateway, "We can’t reach the key service"},
		"it is slow":                {timesOut, http.StatusGatewayTimeout, "The key service didn’t answer in time"},
		"the connection breaks":     {losesAnswers, http.StatusBadGateway, "The connection to the key service broke"},
		"it answers with a page":    {says(500, "<h1>nginx secret-host</h1>"), http.StatusBadGateway, "The key service gave an answer we can’t use"},
		"it is busy":                {says(503, `{"error":"busy"}`), http.StatusServiceUnavailable, "The key service is busy"},
		"it forbids, empty":         {says(403, ""), http.StatusBadGateway, "The key service refuses all sign-ins"},
		"it has no such provider":   {says(404, `{"error":"authentication provider not found"}`), http.StatusBadGateway, "The key service refuses all sign-ins"},
		"it answers without tokens": {says(200, `{"user_id":"0123456789abcdef01234567"}`), http.StatusBadGateway, "The key service gave an answer we can’t use"},
	} {
		p.upstream.heal()
		p.upstream.breaks(logIn, c.fault)
		a := p.browser().post("/login", credentials(email, password)).want(c.status)
		a.says("h1", c.heading).keepsQuiet("secret-host", password)
		if strings.Contains(a.text("main"), "still signed in") {
			t.Errorf("%s: nobody was signed in, and the page says %q", name, a.text("main"))
		}
		if !a.has("main code") || !a.has("main a.button[href]") {
			t.Errorf("%s: the page has no reference or no way on: %s", name, a.text("main"))
		}
		if len(a.cookies) != 0 {
			t.Errorf("%s: cookies %v", name, a.cookies)
		}
	}
}

func TestSigningOutEndsTheWebSessionAndTheAuthSession(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	stolen := b.cookie("latchkey")
	a := b.post("/logout", nil).leadsTo("/login")
	if len(a.cookies) != 1 || a.cookies[0].MaxAge != -1 || a.cookies[0].Value != "" {
		t.Errorf("cookies %v", a.cookies)
	}
	if got := p.upstream.count(logOut); got != 1 {
		t.Errorf("%d log-outs at the key service", got)
	}
	thief := p.browser()
	thief.plant("latchkey", stolen)
	thief.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

func TestSigningOutByScriptLoadsTheLogInPageAnew(t *testing.T) {
	t.Parallel()
	b, _ := newProgram(t).signedIn(email)
	a := b.htmx().post("/logout", nil).want(http.StatusOK)
	if got := a.header.Get("HX-Redirect"); got != "/login" || a.body != "" {
		t.Errorf("leads to %q with %q", got, a.body)
	}
}

func TestSigningOutWorksWhenTheKeyServiceIsDown(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks("*", refusesConnections)
	b.post("/logout", nil).leadsTo("/login")
	b.get("/keys").leadsTo("/login?next=%2Fkeys")
	if !strings.Contains(p.logs.String(), "auth session outlives its web session") {
		t.Error("the log does not say that the auth session goes on")
	}
}

func TestSigningOutTwiceIsNoError(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.browser().post("/logout", nil).leadsTo("/login")
	if got := p.upstream.count("*"); got != 0 {
		t.Errorf("%d requests to the key service for somebody who is not signed in", got)
	}
}

func TestASignOutThatCannotBeKeptSaysSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.rows.afterRead(func() { p.rows.breaks(errors.New("disk full")) })
	a := b.post("/logout", nil).want(http.StatusServiceUnavailable)
	if len(a.cookies) != 0 {
		t.Errorf("cookies %v", a.cookies)
	}
}
