package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/openid"
	"latchkey/internal/testkit"
)

// elsewhereAs is what comes of a browser's way to Acme, the one other provider: it says what the accounts make of a return, which has tests
// of its own there.
type elsewhereAs struct {
	asked   model.OpenIDAsk    // when a browser was last sent there
	back    model.OpenIDReturn // that the accounts were last given
	ticket  model.Secret
	arrived model.Arrived
	refuses error
	down    error
}

const acmeAt = "https://id.acme.example/authorize?client_id=latchkey&state="

// withAcme is a program at which people sign in with Acme too.
func withAcme(t *testing.T, change ...func(*handlers.Deps)) (*program, *elsewhereAs) {
	t.Helper()
	p := newProgram(t, change...)
	p.acme = &elsewhereAs{}
	return p, p.acme
}

func (h here) OpenID() []model.OpenID {
	if h.p.acme == nil {
		return h.Accounts.OpenID()
	}
	return []model.OpenID{{ID: "acme", Name: "Acme"}}
}

func (h here) BeginOpenID(ctx context.Context, id string, ask model.OpenIDAsk) (string, error) {
	if h.p.acme == nil {
		return h.Accounts.BeginOpenID(ctx, id, ask)
	}
	h.p.acme.asked = ask
	return acmeAt + ask.State, h.p.acme.down
}

func (h here) ReturnOpenID(ctx context.Context, from model.Origin, id string, back model.OpenIDReturn) (model.Arrived, error) {
	if h.p.acme == nil {
		return h.Accounts.ReturnOpenID(ctx, from, id, back)
	}
	h.p.acme.back = back
	return h.p.acme.arrived, h.p.acme.refuses
}

func (h here) ConnectOpenID(ctx context.Context, from model.Origin, ticket, password model.Secret) (model.Account, error) {
	if h.p.acme == nil {
		return h.Accounts.ConnectOpenID(ctx, from, ticket, password)
	}
	h.p.acme.ticket = ticket
	if h.p.acme.refuses != nil {
		return model.Account{}, h.p.acme.refuses
	}
	return h.SignIn(ctx, from, email, password)
}

func (h hooked) ConnectOpenID(ctx context.Context, id string, back model.OpenIDReturn) (model.Way, error) {
	if h.p.acme == nil {
		return h.Person.ConnectOpenID(ctx, id, back)
	}
	h.p.acme.back = back
	return model.Way{}, h.p.acme.refuses
}

func (h hooked) ConfirmOpenID(ctx context.Context, id string, back model.OpenIDReturn) error {
	if h.p.acme == nil {
		return h.Person.ConfirmOpenID(ctx, id, back)
	}
	h.p.acme.back = back
	return h.p.acme.refuses
}

// Ways are with Acme among them.
func (h hooked) Ways(ctx context.Context) ([]model.Way, error) {
	ways, err := h.Person.Ways(ctx)
	if h.p.acme != nil && h.p.connected {
		ways = append(ways, model.Way{
			ID: "6a00000000000000000000aa", Provider: "openid:acme", Name: "ada@acme.example", Removable: true,
			OpenID: model.OpenID{ID: "acme", Name: "Acme"}, Since: noon.AddDate(0, 0, -3),
		})
	}
	return ways, err
}

// errandCookie is what a browser keeps while it is at Acme.
func (b *browser) errandCookie() string {
	u, _ := url.Parse(b.p.deps.PublicURL + "/login/with/acme/return")
	for _, cookie := range b.jar.Cookies(u) {
		if cookie.Name == "latchkey-openid" {
			return cookie.Value
		}
	}
	return ""
}

// plantErrand makes the browser keep another one.
func (b *browser) plantErrand(value string) {
	u, _ := url.Parse(b.p.deps.PublicURL)
	b.jar.SetCookies(u, []*http.Cookie{{Name: "latchkey-openid", Value: value, Path: "/login/with"}})
}

// knows says whom Acme's people are: an account of this program.
func (a *elsewhereAs) knows(p *program, who person) {
	session, err := p.accounts.SignIn(context.Background(), model.Origin{}, who.email, password)
	if err != nil {
		p.t.Fatal(err)
	}
	a.arrived = model.Arrived{Account: session}
}

// goesToAcme presses a button that leads there, and gives the way back.
func goesToAcme(b *browser, a *elsewhereAs, path string, form url.Values) (back string) {
	b.t.Helper()
	left := b.post(path, form).want(http.StatusOK).says("h1", "Taking you to Acme")
	if want := "0; url=" + acmeAt + a.asked.State; left.header.Get("Refresh") != want || a.asked.State == "" {
		b.t.Fatalf("it goes on to %q, want %q", left.header.Get("Refresh"), want)
	}
	left.keepsQuiet(string(a.asked.Verifier.Reveal()), a.asked.Nonce)
	return "/login/with/acme/return?" + url.Values{"state": {a.asked.State}, "code": {"code-of-acme"}, "iss": {"https://id.acme.example"}}.Encode()
}

func TestSomebodySignsInAtAnotherProviderAndGoesOnWhereTheyWereGoing(t *testing.T) {
	t.Parallel()
	p, acme := withAcme(t)
	ana := p.person(email)
	acme.knows(p, ana)
	b := p.browser()
	if button := b.get("/login?next=%2Factivity").want(http.StatusOK).text(`form[action="/login/with/acme"] button`); button != "Sign in with Acme" {
		t.Errorf("the button says %q", button)
	}
	back := goesToAcme(b, acme, "/login/with/acme", url.Values{"next": {"/activity"}})
	if acme.asked.Fresh || len(acme.asked.Nonce) < 22 || acme.asked.Verifier.Length() < 43 || len(acme.asked.State) < 22 {
		t.Errorf("Acme is asked with %d, %d and %d letters", len(acme.asked.State), len(acme.asked.Nonce), acme.asked.Verifier.Length())
	}
	arrived := b.get(back).leadsTo("/activity")
	if want := (model.OpenIDReturn{Code: "code-of-acme", Verifier: acme.asked.Verifier, Nonce: acme.asked.Nonce, Issuer: "https://id.acme.example"}); acme.back != want {
		t.Error("the accounts are given something else than what the browser kept and came back with")
	}
	if got := arrived.header.Get("Cache-Control") + " " + arrived.header.Get("Referrer-Policy"); got != "no-store strict-origin" {
		t.Errorf("the return is answered with %q", got)
	}
	b.get("/activity").want(http.StatusOK)
	logged := p.logs.String()
	for _, secret := range []string{"code-of-acme", acme.asked.State, acme.asked.Nonce, acme.asked.Verifier.Reveal()} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestAPlaceOutsideIsNoPlaceToGoOnTo(t *testing.T) {
	t.Parallel()
	p, acme := withAcme(t)
	acme.knows(p, p.person(email))
	for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "/static/app.css", "/keys/" + strings.Repeat("a", 300)} {
		b := p.browser()
		b.get(goesToAcme(b, acme, "/login/with/acme", url.Values{"next": {next}})).leadsTo("/keys")
		b.post("/logout", nil)
		acme.knows(p, person{email: email})
	}
}

// What an attacker can try with a return is to have another browser use it, or to use one again.
func TestAReturnIsGoodOnceForTheBrowserThatBegan(t *testing.T) {
	t.Parallel()
	p, acme := withAcme(t)
	acme.knows(p, p.person(email))
	b, other := p.browser(), p.browser()
	back := goesToAcme(b, acme, "/login/with/acme", nil)
	const text = "That sign-in was not finished."
	refused := func(b *browser, path string) {
		t.Helper()
		acme.back = model.OpenIDReturn{}
		a := b.get(path).want(http.StatusBadRequest).says(".notice", text).says(".notice", "Start again.")
		if !a.has(`form[action="/login/with/acme"]`) || acme.back.Code != "" {
			t.Errorf("%s: it cannot be begun again, or the accounts were asked", path)
		}
		if b.get("/keys").status == http.StatusOK {
			t.Errorf("%s signed somebody in", path)
		}
	}
	refused(other, back) // another browser, without a cookie
	mine := goesToAcme(other, acme, "/login/with/acme", nil)
	refused(other, back) // and with one of its own
	refused(b, mine)
	refused(b, "/login/with/acme/return?code=x")
	refused(b, "/login/with/acme/return?code=x&state=")
	cookie := b.errandCookie()
	b.plantErrand(cookie[:len(cookie)-2] + "AA")
	refused(b, back)
	b.plantErrand(cookie)
	p.clock.Advance(10*time.Minute + time.Second)
	refused(b, back)
	p.clock.Advance(-time.Hour)
	refused(b, back) // of a clock that was ahead
	p.clock.Advance(time.Hour - 2*time.Second)
	b.get(back).leadsTo("/keys")
	b.post("/logout", nil)
	refused(b, back)
}

func TestTheCookieOfAWayToAProviderIsNarrowAndSaysNothing(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"http://localhost:8080":    "latchkey-openid /login/with",
		"https://keys.example.org": "__Host-latchkey-openid /",
	} {
		p, acme := withAcme(t, func(d *handlers.Deps) { d.PublicURL = at })
		next := "/keys/" + strings.Repeat("a", 250)
		cookies := p.browser().post("/login/with/acme", url.Values{"next": {next}}).want(http.StatusOK).cookies
		i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return strings.Contains(c.Name, "openid") })
		if i < 0 {
			t.Fatalf("%s: %v", at, cookies)
		}
		c := cookies[i]
		if got := c.Name + " " + c.Path; got != want || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 600 ||
			c.Secure != strings.HasPrefix(at, "https") || len(c.Value) > 1024 || strings.Contains(c.Value, acme.asked.State) {
			t.Errorf("%s: %+v", at, c)
		}
	}
}

// Each row is one of what can come of a way to another provider.
func TestEveryOutcomeHasItsWords(t *testing.T) {
	t.Parallel()
	kind := func(kind model.Kind) error { return &model.Error{Kind: kind, Wait: time.Minute} }
	for name, c := range map[string]struct {
		down, refuses error
		arrived       model.Arrived
		status        int
		says          string
	}{
		"it is down as the browser goes":   {down: kind(model.KindNoIssuer), status: 502, says: "Acme does not answer. Try again, or sign in another way."},
		"it is down as it comes back":      {refuses: kind(model.KindNoIssuer), status: 502, says: "Acme does not answer. Try again, or sign in another way."},
		"what it says is not right":        {refuses: kind(model.KindWrongToken), status: 400, says: "That sign-in was not finished. Start again."},
		"disabled here":                    {refuses: kind(model.KindDisabled), status: 422, says: "This account is disabled. Ask the administrator of this server."},
		"too many tries":                   {refuses: kind(model.KindTooManyTries), status: 429, says: "Too many attempts. Try again at"},
		"too many accounts":                {refuses: kind(model.KindTooManyAccounts), status: 429, says: "Too many accounts were created from your network."},
		"nobody here":                      {status: 403, says: "Nobody here is connected to this Acme account. Ask the administrator of this server."},
		"the database is away":             {refuses: kind(model.KindStorageDown), status: 503, says: "This server can’t read or save anything right now"},
		"nobody knows whether it was done": {refuses: &model.Error{Kind: model.KindUnclear, Outcome: model.Unclear}, status: 500, says: "You weren’t signed in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, acme := withAcme(t)
			acme.down, acme.refuses, acme.arrived = c.down, c.refuses, c.arrived
			b := p.browser()
			a := b.post("/login/with/acme", url.Values{"next": {"/activity"}})
			if c.down == nil {
				a = b.get("/login/with/acme/return?" + url.Values{"state": {acme.asked.State}, "code": {"x"}}.Encode())
			}
			a.want(c.status).says("main", c.says)
			if c.status != 500 && c.status != 503 && a.attr(`form[action="/login/with/acme"] input[name=next]`, "value") != "/activity" {
				t.Error("where the person was going is forgotten")
			}
			b.get("/keys").leadsTo("/login?next=%2Fkeys")
			b.get("/login").want(http.StatusOK)
		})
	}
	p, acme := withAcme(t)
	b := p.browser()
	b.post("/login/with/acme", nil)
	b.get("/login/with/acme/return?"+url.Values{
		"state": {acme.asked.State}, "error": {"access_denied"}, "error_description": {"<b>no</b>"},
	}.Encode()).keepsQuiet("access_denied", "no</b>")
	if acme.back.Error != "access_denied" || acme.back.Description != "<b>no</b>" {
		t.Error("why there is no code reaches nobody who writes it down")
	}
	b.post("/login/with/other", nil).want(http.StatusNotFound)
	b.get("/login/with/other/return?code=x&state=x").want(http.StatusNotFound)
}

func TestTheSameAddressIsConnectedByThePasswordOfItsAccount(t *testing.T) {
	t.Parallel()
	p, acme := withAcme(t)
	p.person(email)
	acme.arrived.Same = model.SameAddress{Email: email, Ticket: "ticket-of-acme", Until: noon.Add(10 * time.Minute)}
	b := p.browser()
	b.get(goesToAcme(b, acme, "/login/with/acme", url.Values{"next": {"/activity"}})).leadsTo("/login/with/acme/connect").keepsQuiet("ticket-of-acme")
	asked := b.get("/login/with/acme/connect").want(http.StatusOK).keepsQuiet("ticket-of-acme")
	asked.says("h1", "There is an account with this address").says("main", "Acme says that you are ana@example.com.")
	asked.says("main", "Enter that account’s password once to connect Acme to it.").says("button.primary", "Connect and sign in")
	asked.says("main", "Never chose one? Ask the administrator of this server.")
	if asked.text(".actions a") != "Not now" || asked.attr(".actions a", "href") != "/login?next=%2Factivity" {
		t.Errorf("%q leads to %q", asked.text(".actions a"), asked.attr(".actions a", "href"))
	}
	p.browser().get("/login/with/acme/connect").want(http.StatusBadRequest).keepsQuiet(email)
	p.browser().post("/login/with/acme/connect", url.Values{"password": {password}}).want(http.StatusBadRequest)
	b.post("/login/with/acme/connect", nil).want(http.StatusUnprocessableEntity).says(".error", "Enter the password.")
	acme.refuses = &model.Error{Kind: model.KindWrongPassword}
	b.post("/login/with/acme/connect", url.Values{"password": {"wrong horse"}}).want(http.StatusUnprocessableEntity).says(".error", "Wrong password.").keepsQuiet("wrong horse")
	acme.refuses = &model.Error{Kind: model.KindTooManyTries, Wait: time.Minute}
	b.post("/login/with/acme/connect", url.Values{"password": {password}}).want(http.StatusTooManyRequests).says(".error", "Too many attempts.")
	acme.refuses = nil
	b.post("/login/with/acme/connect", url.Values{"password": {password}}).leadsTo("/activity")
	if acme.ticket != "ticket-of-acme" {
		t.Error("the accounts are given another ticket")
	}
	b.get("/activity").want(http.StatusOK)
	b.get("/login/with/acme/connect").want(http.StatusBadRequest) // the question is over
}

func TestSomebodySignedInConnectsAProviderAndSeesIt(t *testing.T) {
	t.Parallel()
	p, acme := withAcme(t)
	b, _ := p.signedIn(email)
	if button := b.get("/account").text(`form[action="/account/openid/acme/connect"] button`); button != "Connect Acme" {
		t.Errorf("the button says %q", button)
	}
	back := goesToAcme(b, acme, "/account/openid/acme/connect", nil)
	b.get(back).leadsTo("/account")
	p.connected = true
	page := b.get("/account").says("#status", "Connected. You can sign in with it from now on.").lacks(`form[action="/account/openid/acme/connect"]`)
	page.says(".ways li:last-child", "Acme: ada@acme.example, connected 29 Apr").says(".ways li:last-child button", "Disconnect")
	page.says("main", "Signing out here doesn’t sign you out of Acme.")

	for kind, want := range map[model.Kind]string{
		model.KindIdentityTaken: "That Acme account is connected to another account here.",
		model.KindIdentityLimit: "You’re connected to Acme already, with another account there. Disconnect that one first.",
	} {
		acme.refuses = &model.Error{Kind: kind}
		refused := b.get(goesToAcme(b, acme, "/account/openid/acme/connect", nil)).want(http.StatusConflict).says("main", want)
		if refused.attr("main .card a", "href") != "/account" {
			t.Error("no way back")
		}
	}
	acme.refuses = nil
	p.clock.Advance(29 * time.Minute)
	b.get("/keys")
	p.clock.Advance(2 * time.Minute)
	b.post("/account/openid/acme/connect", nil).want(http.StatusForbidden).says("h1", "Confirm it’s you")
}

func TestAProviderConfirmsThatItIsThePersonWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	acme := &elsewhereAs{}
	p.acme = acme
	b.post("/keys", newKeyForm("porch-cam")).want(http.StatusForbidden)
	confirm := url.Values{"back": {"/keys/new?name=porch-cam"}}
	for kind, want := range map[model.Kind]string{
		model.KindCannotTell:   "Acme cannot tell us that you just signed in. Add a passkey to create keys.",
		model.KindSomebodyElse: "That isn’t the Acme account that you are connected to. Sign in to that one there.",
	} {
		acme.refuses = &model.Error{Kind: kind}
		told := b.get(goesToAcme(b, acme, "/confirm/with/acme", confirm)).want(http.StatusForbidden).says("main", want)
		if kind == model.KindCannotTell && told.attr("main .card a", "href") != "/account" {
			t.Error("nothing leads to where passkeys are added")
		}
		b.post("/keys", newKeyForm("porch-cam")).want(http.StatusForbidden)
	}
	acme.refuses = nil

	back := goesToAcme(b, acme, "/confirm/with/acme", confirm)
	if !acme.asked.Fresh {
		t.Error("Acme is not asked to have the person sign in anew")
	}
	other := p.signIn(who) // another session of theirs
	other.plantErrand(b.errandCookie())
	other.get(back).want(http.StatusBadRequest)
	b.get(back).leadsTo("/keys/new?name=porch-cam")
	b.get("/keys/new?name=porch-cam").says("#status", "You’ve confirmed that it’s you. Go on where you left off.")
	b.post("/keys", newKeyForm("porch-cam")).want(http.StatusOK).says("#once", "porch-cam")

	// The dialog's form is sent by htmx, which goes on itself: the page around it may be any, and its policy is as it was.
	sent := b.htmx().post("/confirm/with/acme", confirm).want(http.StatusOK)
	if got := sent.header.Get("HX-Redirect"); got != acmeAt+acme.asked.State || sent.body != "" {
		t.Errorf("htmx goes on to %q", got)
	}
	b.post("/logout", nil)
	b.get("/login/with/acme/return?code=x&state=" + acme.asked.State).leadsTo("/login?next=%2Fkeys%2Fnew%3Fname%3Dporch-cam")
}

func TestWithoutPasswordsNoPageIsAboutOne(t *testing.T) {
	t.Parallel()
	p, acme := withAcme(t, func(d *handlers.Deps) { d.PasswordsOff, d.SendsLinks = true, true })
	acme.knows(p, p.person(email))
	b := p.browser()
	for _, path := range []string{"/register", "/forgot", "/reset", "/reset?token=x&tokenId=y", "/confirm"} {
		b.get(path).want(http.StatusNotFound)
		b.post(path, credentials(email, password)).want(http.StatusNotFound)
	}
	b.post("/login", credentials(email, password)).want(http.StatusMethodNotAllowed)
	page := b.get("/login").want(http.StatusOK).lacks("input[type=password]", "input[type=email]", ".or")
	pages := []answer{page, b.get("/help"), b.get("/no-such-page")}
	b.get(goesToAcme(b, acme, "/login/with/acme", nil)).leadsTo("/keys")
	p.connected = true
	for _, path := range []string{"/keys", "/account", "/help", "/activity", "/sessions"} {
		pages = append(pages, b.get(path).want(http.StatusOK))
	}
	for _, page := range pages {
		page.lacks(`a[href^="/register"]`, `a[href^="/forgot"]`, `a[href^="/reset"]`, `form[action="/account/password"]`)
	}
	b.get("/help").says("#limits", "Creating or turning on a key asks you to confirm that it’s you, again after 30 minutes.")
}

func TestAccountSaysWhoseItIsToDecideHowPeopleSignIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	b.get("/account").says("main", "How you sign in is decided by localhost:8080.").lacks(`form[action*="openid"]`)
	b.post("/login/with/acme", nil).want(http.StatusNotFound)
	b.post("/account/openid/acme/connect", nil).want(http.StatusNotFound)
	b.post("/confirm/with/acme", nil).want(http.StatusNotFound)
}

// withProvider is a program at which people sign in at a real provider, as package app wires it.
func withProvider(t *testing.T, newUsers bool) (*program, *testkit.Provider) {
	t.Helper()
	p := newProgram(t)
	provider, acme := testkit.NewProvider(t, p.clock.Now), model.OpenID{ID: "acme", Name: "Acme"}
	p.accounts = accounts.New(accounts.Config{
		PublicURL: publicURL, MinPassword: 8, PasswordCost: testkit.Cheap, Limits: p.limits(), Now: p.clock.Now, Log: p.deps.Log,
		OpenID: []accounts.OpenIDProvider{{OpenID: acme, Identities: "openid:acme", NewUsers: newUsers}},
		OpenIDFlows: openid.New(publicURL, p.clock.Now, openid.Provider{
			OpenID: acme, Issuer: provider.URL, ClientID: provider.ClientID, Secret: provider.ClientSecret, Identities: "openid:acme",
		}),
	}, p.store)
	p.start()
	return p, provider
}

// visits presses a button that leads to the provider, goes there, and comes back.
func (b *browser) visits(provider *testkit.Provider, path string, form url.Values) answer {
	b.t.Helper()
	left := b.post(path, form).want(http.StatusOK)
	address, _ := strings.CutPrefix(left.header.Get("Refresh"), "0; url=")
	return b.get(provider.Visit(b.t, address).RequestURI())
}

// Who somebody is, and what is not believed, from one end to the other.
func TestWhatAProviderSaysDecidesWhereItsPeopleArrive(t *testing.T) {
	t.Parallel()
	ada := testkit.ProviderPerson{Subject: "ada-at-acme", Email: email, Verified: true}
	unverified := ada
	unverified.Verified = false
	const connect = "/login/with/acme/connect"
	for name, c := range map[string]struct {
		closed bool
		who    testkit.ProviderPerson
		fault  testkit.ProviderFault
		status int
		says   string // or where it leads
	}{
		"an address that has an account":                 {who: ada, status: 303, says: connect},
		"the same where there are no new users":          {who: ada, closed: true, status: 303, says: connect},
		"an address that is not verified":                {who: unverified, status: 303, says: "/activity"},
		"one that is not, where there are no new users":  {who: unverified, closed: true, status: 403, says: "Nobody here is connected to this Acme account."},
		"verified as a text":                             {who: ada, fault: testkit.TokenVerifiedAsText, closed: true, status: 403, says: "Nobody here is connected to this Acme account."},
		"a token for another client":                     {who: ada, fault: testkit.TokenOtherAudience, status: 400, says: "That sign-in was not finished. Start again."},
		"several audiences and nothing says who asked":   {who: ada, fault: testkit.TokenSeveralNoParty, status: 400, says: "That sign-in was not finished. Start again."},
		"another nonce":                                  {who: ada, fault: testkit.TokenOtherNonce, status: 400, says: "That sign-in was not finished. Start again."},
		"not signed":                                     {who: ada, fault: testkit.TokenUnsigned, status: 400, says: "That sign-in was not finished. Start again."},
		"an error in place of a code":                    {who: ada, fault: testkit.ProviderRefuses, status: 400, says: "That sign-in was not finished. Start again."},
		"the answer of another issuer":                   {who: ada, fault: testkit.AnswerOfOtherIssuer, status: 400, says: "That sign-in was not finished. Start again."},
		"a provider that goes down while they are there": {who: ada, fault: testkit.ProviderTokensDown, status: 502, says: "Acme does not answer. Try again, or sign in another way."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, provider := withProvider(t, !c.closed)
			p.person(email)
			provider.SignIn(c.who)
			provider.Has(c.fault)
			b := p.browser()
			a := b.visits(provider, "/login/with/acme", url.Values{"next": {"/activity"}}).want(c.status).keepsQuiet("loudly")
			if c.status == http.StatusSeeOther {
				a.leadsTo(c.says)
				return
			}
			a.says("main .notice", c.says)
			b.get("/keys").leadsTo("/login?next=%2Fkeys")
		})
	}
}

func TestAProviderConnectedOnceSignsInAndConfirms(t *testing.T) {
	t.Parallel()
	p, provider := withProvider(t, false)
	who := p.person(email)
	provider.SignIn(testkit.ProviderPerson{Subject: "ada-at-acme", Email: email, Verified: true, SignedInAt: noon.Add(-time.Hour)})
	b := p.browser()
	b.visits(provider, "/login/with/acme", nil).leadsTo("/login/with/acme/connect")
	b.post("/login/with/acme/connect", url.Values{"password": {"wrong horse"}}).want(http.StatusUnprocessableEntity)
	b.post("/login/with/acme/connect", url.Values{"password": {password}}).leadsTo("/keys")
	b.get("/account").says(".ways", "Acme: "+email+", connected 2 May")
	b.post("/logout", nil)
	provider.Rotate()
	b.visits(provider, "/login/with/acme", nil).leadsTo("/keys") // with other keys, and no question

	// She was signed in there long ago, which shows nothing.
	b.post("/keys", newKeyForm("porch-cam")).want(http.StatusForbidden)
	provider.Has(testkit.TokenOldTime)
	b.visits(provider, "/confirm/with/acme", nil).want(http.StatusForbidden).says("main", "Acme cannot tell us that you just signed in.")
	provider.Has()
	b.visits(provider, "/confirm/with/acme", url.Values{"back": {"/keys/new?name=porch-cam"}}).leadsTo("/keys/new?name=porch-cam")
	b.post("/keys", newKeyForm("porch-cam")).want(http.StatusOK).says("#once", "porch-cam")

	provider.SignIn(testkit.ProviderPerson{Subject: "eve-at-acme"})
	b.visits(provider, "/confirm/with/acme", nil).want(http.StatusForbidden).says("main", "That isn’t the Acme account that you are connected to.")
	other, _ := p.signedIn("bob@example.com")
	provider.SignIn(testkit.ProviderPerson{Subject: "ada-at-acme"})
	other.visits(provider, "/account/openid/acme/connect", nil).want(http.StatusConflict).says("main", "connected to another account here")
	if err := p.store.DisableUser(t.Context(), who.id, p.clock.Now()); err != nil {
		t.Fatal(err)
	}
	p.browser().visits(provider, "/login/with/acme", nil).want(http.StatusUnprocessableEntity).says(".notice", "This account is disabled.")
}
