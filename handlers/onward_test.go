package handlers_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// goesOnTo signs in on the page that the browser is sent to and says where that leads.
func (b *browser) goesOnTo(who person, where string) {
	b.t.Helper()
	form := b.get("/login").want(http.StatusOK)
	b.post("/login", url.Values{"email": {who.email}, "password": {password}, "next": {form.attr("input[name=next]", "value")}}).leadsTo(where)
	if b.cookie("latchkey-next") != "" {
		b.t.Error("where they went is kept when they have arrived")
	}
}

func TestWhereAPersonWasGoingIsKnownAfterAMail(t *testing.T) {
	t.Parallel()
	const to = "/device?user_code=WDJB-MJHT"
	next := url.Values{"next": {to}}
	for name, way := range map[string]func(p *program, b *browser){
		"registered, and confirmed": func(p *program, b *browser) {
			b.post("/register", url.Values{"email": {"new@example.com"}, "password": {password}, "next": {to}}).want(http.StatusOK)
		},
		"signed in before confirming": func(p *program, b *browser) {
			p.upstream.breaks(logIn, saying(401, "AuthError", "confirmation required"))
			b.post("/login", url.Values{"email": {email}, "password": {password}, "next": {to}}).want(http.StatusUnprocessableEntity)
			p.upstream.heal()
		},
		"forgot the password": func(p *program, b *browser) {
			link := b.get("/login?"+next.Encode()).attr(`main a[href^="/forgot"]`, "href")
			form := b.get(link).want(http.StatusOK)
			if got := form.attr(`main a[href^="/login"]`, "href"); got != "/login?"+next.Encode() {
				t.Errorf("back to sign in leads to %s", got)
			}
			p.upstream.breaks(sendReset, says(http.StatusAccepted, ""))
			b.post("/forgot", url.Values{"email": {email}, "next": {form.attr("input[name=next]", "value")}}).want(http.StatusOK)
			b.post("/forgot", url.Values{"email": {email}}).want(http.StatusOK) // again, from the link that ran out
		},
	} {
		p := newProgram(t, elsewhere, withMail)
		who := p.person(email)
		b := p.browser()
		way(p, b)
		if b.cookie("latchkey-next") == "" {
			t.Errorf("%s: forgotten", name)
			continue
		}
		p.upstream.breaks(sendConfirm, says(http.StatusAccepted, ""))
		if a := b.post("/confirm/send", url.Values{"email": {email}}).want(http.StatusOK); len(a.cookies) != 1 {
			t.Errorf("%s: forgotten before another link is good: %v", name, a.cookies)
		}
		b.get("/confirm?token=a&tokenId=b").want(http.StatusOK)
		b.goesOnTo(who, to)
		b.post("/logout", nil)
		b.goesOnTo(who, "/keys")
	}
}

func TestWhereAPersonWasGoingIsKeptAsAShortLivedCookieOfOurs(t *testing.T) {
	t.Parallel()
	p := newProgram(t, https, withMail)
	b := p.browser()
	a := b.post("/forgot", url.Values{"email": {email}, "next": {"/sessions"}})
	if len(a.cookies) != 1 {
		t.Fatalf("cookies %v", a.cookies)
	}
	if c := a.cookies[0]; !strings.HasSuffix(c.Name, "latchkey-next") || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
		c.MaxAge != int(time.Hour.Seconds()) {
		t.Errorf("cookie %s", c.Raw)
	}
	for _, next := range []string{"", "/keys", "//evil.example", "https://evil.example/", "/logout", "/keys/" + strings.Repeat("x", 300), "/\\evil.example"} {
		if a := p.browser().post("/forgot", url.Values{"email": {email}, "next": {next}}); len(a.cookies) != 0 {
			t.Errorf("%q is kept: %v", next, a.cookies)
		}
	}
	// Reading a page keeps nothing: a link from elsewhere would otherwise say where somebody goes later.
	for _, path := range []string{"/forgot?next=/sessions", "/login?next=/sessions", "/register?next=/sessions"} {
		if a := p.browser().get(path); len(a.cookies) != 0 {
			t.Errorf("%s: %v", path, a.cookies)
		}
	}
	left, who := p.signedIn("bob@example.com") // nor is it there for the next person at this screen
	left.post("/forgot", url.Values{"email": {who.email}, "next": {"/sessions"}})
	left.post("/logout", nil).leadsTo("/login")
	if left.cookie("latchkey-next")+left.cookie("__Host-latchkey-next") != "" {
		t.Error("it outlives signing out")
	}
}

func TestAPlantedPlaceToGoToLeadsHome(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	encoded := func(next string) string { return base64.RawURLEncoding.EncodeToString([]byte(next)) }
	for _, value := range []string{
		"", "x", "/sessions", "https://evil.example", encoded("//evil.example"), encoded("https://evil.example/"), encoded("/logout"), encoded("/\\evil.example"),
		encoded("javascript:alert(1)"), encoded("/keys/" + strings.Repeat("x", 300)), encoded("/keys\r\nSet-Cookie: a=b"),
	} {
		b := p.browser()
		b.plant("latchkey-next", value)
		if got := b.get("/login").attr("input[name=next]", "value"); got != "/keys" {
			t.Errorf("%q leads to %q", value, got)
		}
	}
}

func TestEveryPageOnTheWayInKeepsWhereAPersonIsGoing(t *testing.T) {
	t.Parallel()
	const query = "?next=%2Fdevice%3Fuser_code%3DWDJB-MJHT"
	next := url.Values{"next": {"/device?user_code=WDJB-MJHT"}}
	p := newProgram(t, withMail)
	for _, path := range []string{"/login", "/register"} {
		p.browser().post("/theme", url.Values{"theme": {"dark"}, "return": {path + query}}).leadsTo(path + query)
	}
	signedIn, _ := p.signedIn(email) // meanwhile, in another tab
	// Also when the colours are chosen on it, or the link would be lost.
	for _, path := range []string{"/forgot" + query, "/reset?token=abc_1&tokenId=def-2", "/confirm?token=abc_1&tokenId=def-2"} {
		form := signedIn.get(path).want(http.StatusOK)
		signedIn.post("/theme", url.Values{"theme": {"dark"}, "return": {form.attr(".themes input[name=return]", "value")}}).leadsTo(path)
	}
	for _, bad := range []string{"/reset?token=a&tokenId=b&x=y", "/keys?token=a&tokenId=b", "/reset?token=//evil.example&tokenId=b", "/reset?token=a%0d&tokenId=b"} {
		p.browser().post("/theme", url.Values{"theme": {"dark"}, "return": {bad}}).leadsTo("/keys")
	}
	for _, bad := range []string{"/login?next=//evil.example", "/login?next=/device?user_code=WDJB-MJHT", "/keys" + query, "/login?next=%2F%2Fevil.example", "/login" + query + "&x=y"} {
		p.browser().post("/theme", url.Values{"theme": {"dark"}, "return": {bad}}).leadsTo("/keys")
	}
	signedIn.get("/login" + query).leadsTo("/device?user_code=WDJB-MJHT")
	signedIn.get("/login?next=/login").leadsTo("/keys")

	closed := newProgram(t, func(d *handlers.Deps) { d.Registration = false })
	if got := closed.browser().get("/register"+query).want(http.StatusForbidden).attr("main a.button", "href"); got != "/login"+query {
		t.Errorf("where accounts are made by the operator, signing in leads to %s", got)
	}
	broken := newProgram(t)
	broken.refuses["register"] = &model.Error{Kind: model.KindStorageDown}
	form := credentials("new@example.com", password)
	form["next"] = next["next"]
	if got := broken.browser().post("/register", form).want(http.StatusServiceUnavailable).attr("main a.button", "href"); got != "/register"+query {
		t.Errorf("trying again leads to %s", got)
	}
}

func TestACodeIsKeptWhenTheSessionEndsAtItsQuestion(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	o := b.opens(d)
	code := b.get(o.path).want(http.StatusOK).attr(".choice input[name=code]", "value")
	form := url.Values{"name": {"porch-cam"}, "code": {code}}
	to := "/device?user_code=" + d.userCode
	p.browser().post(o.path+"/approve", form).leadsTo("/login?next=" + url.QueryEscape(to))
	if got := p.browser().htmx().with("HX-Current-URL", publicURL+o.path).post(o.path+"/deny", form).header.Get("HX-Redirect"); got != "/login?next="+url.QueryEscape(to) {
		t.Errorf("htmx is sent to %q", got)
	}
	again := p.signIn(who) // and the old tab sends its form
	again.post(o.path+"/approve", form).leadsTo(to)
	again.get(to).want(http.StatusOK).says("h1", "Connect this device?").says("#status", "nothing was decided")
}
