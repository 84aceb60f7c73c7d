package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

const appsPage = "https://app.example.org/settings"

// anApp is a program whose operator lets an app have people led back, and takes tokens of its issuer.
func anApp(t *testing.T) *program {
	t.Helper()
	p := newProgram(t)
	to, _ := model.ParseReturnURL(appsPage)
	p.accounts = accounts.New(accounts.Config{
		PublicURL: publicURL, ReturnURLs: []model.ReturnURL{to}, NewUsers: map[string]bool{model.ProviderCustomToken: true}, Registration: true,
		MinPassword: 8, PasswordCost: testkit.Cheap, Now: p.clock.Now, Log: p.deps.Log,
	}, p.store)
	p.start()
	return p
}

// inApp is somebody who is signed in with the app by their password.
func (p *program) inApp(who person) model.Account {
	p.t.Helper()
	a, err := p.accounts.SignIn(p.t.Context(), model.Origin{Actor: model.ActorApp}, who.email, password)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// inAppByToken is somebody who has no other way to sign in than the app's.
func (p *program) inAppByToken(subject string) model.Account {
	p.t.Helper()
	s, err := p.accounts.SignInWithToken(p.t.Context(), model.Origin{Actor: model.ActorApp}, model.Proved{
		Provider: model.ProviderCustomToken, Subject: subject, SignedInAt: p.clock.Now(),
	}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return model.Account{UserID: s.UserID, SessionID: s.ID, IdentityID: s.IdentityID, Provider: s.Provider}
}

// link is what the app gets for its person, as a path.
func (p *program) link(who model.Account, returnTo string) string {
	p.t.Helper()
	address, _, err := p.accounts.As(who, model.Origin{Actor: model.ActorApp}).HandOver(p.t.Context(), returnTo)
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimPrefix(address.Reveal(), publicURL)
}

// goesOn sends the form of the question.
func (b *browser) goesOn(question answer) answer {
	b.t.Helper()
	form := url.Values{}
	for _, field := range question.doc.Find(`form[action="/handover"] input`).EachIter() {
		form.Set(field.AttrOr("name", ""), field.AttrOr("value", ""))
	}
	return b.post("/handover", form)
}

// handedOver is a browser that the app has opened.
func (p *program) handedOver(who model.Account, returnTo string) *browser {
	p.t.Helper()
	b := p.browser()
	b.goesOn(b.get(p.link(who, returnTo)).want(http.StatusOK)).leadsTo("/keys")
	return b
}

const staleLink = "This link was used or is too old. Go back to the app and try again."

func TestAnAppOpensTheKeysPageForItsOwnPerson(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	ada := p.person(email)
	link := p.link(p.inApp(ada), appsPage+"?tab=keys")
	ticket := strings.TrimPrefix(link, "/handover?ticket=")
	b := p.browser()
	for _, previewer := range []*browser{p.browser(), p.browser().with("Sec-Purpose", "prefetch"), b} { // nothing is used up by looking
		previewer.send(previewer.request(http.MethodHead, link, nil)).want(http.StatusOK)
		a := previewer.get(link).want(http.StatusOK).says("h1", "app.example.org wants to open your keys").says("main", "Continue as "+email)
		if got := a.header.Get("Referrer-Policy"); got != "strict-origin" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("it goes on to say where it was: %q, %v", got, a.header)
		}
		if len(a.cookies) > 0 || strings.Contains(a.text("main"), "signed in here as") {
			t.Errorf("cookies %v: %s", a.cookies, a.text("main"))
		}
	}
	b.goesOn(b.get(link)).leadsTo("/keys")
	for _, page := range []string{"/keys", "/account", "/activity", "/sessions"} {
		a := b.get(page).want(http.StatusOK).says("main", "Opened from app.example.org")
		if got := a.attr(`a:contains("Back to app.example.org")`, "href"); got != appsPage+"?tab=keys" {
			t.Errorf("%s leads back to %q", page, got)
		}
	}
	b.get("/activity").says(".deed", "Signed in from app.example.org")
	b.get("/sessions").says(".sessions", "Opened from app.example.org. You’re signed out here when you sign out there.")
	b.get(link).want(http.StatusOK).says("main", staleLink).lacks(`form[action="/handover"]`)
	b.post("/handover", url.Values{"ticket": {ticket}}).want(http.StatusUnprocessableEntity).says("main", staleLink)
	if strings.Contains(p.logs.String(), ticket) {
		t.Error("the log has the ticket")
	}
	if b := p.signIn(ada); strings.Contains(b.get("/keys").text("main"), "Opened from") {
		t.Error("a browser that nobody opened says so")
	}
}

func TestALinkThatNamesNoWayBackShowsNone(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	link := p.link(p.inApp(p.person(email)), "")
	b := p.browser()
	question := b.get(link).says("h1", "An app wants to open your keys")
	b.goesOn(question).leadsTo("/keys")
	b.get("/keys").says("main", "Opened from an app").lacks(`a:contains("Back to")`)
}

func TestOfOneLinkSentTwiceAtOnceOneIsGood(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	link := p.link(p.inApp(p.person(email)), "")
	form := url.Values{"ticket": {strings.TrimPrefix(link, "/handover?ticket=")}}
	status := make(chan int)
	for range 8 {
		b := p.browser()
		go func() { status <- b.post("/handover", form).status }()
	}
	good := 0
	for range 8 {
		if <-status == http.StatusSeeOther {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d are signed in", good)
	}
}

func TestALinkIsGoodForAMinuteAndWhileTheAppIsSignedIn(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	ada := p.person(email)
	for name, spoil := range map[string]func(app model.Account){
		"late":                   func(model.Account) { p.clock.Advance(time.Minute) },
		"the app has signed out": p.signsOut,
	} {
		app := p.inApp(ada)
		b, link := p.browser(), p.link(app, "")
		question := b.get(link)
		spoil(app)
		b.goesOn(question).want(http.StatusUnprocessableEntity).says("main", staleLink)
		if !b.get(link).says("main", staleLink).has("main") || b.cookie("latchkey") != "" {
			t.Error(name)
		}
	}
	for _, none := range []string{"/handover", "/handover?ticket=", "/handover?ticket=x", "/handover?ticket=" + strings.Repeat("0", 64)} {
		p.browser().get(none).want(http.StatusOK).says("main", staleLink)
	}
	b := p.browser()
	b.get("/handover?ticket="+strings.Repeat("0", 64)+"&ticket=x").want(http.StatusOK).says("main", staleLink)
}

func (p *program) signsOut(app model.Account) {
	p.t.Helper()
	if err := p.accounts.As(app, model.Origin{Actor: model.ActorApp}).EndSession(p.t.Context(), app.SessionID); err != nil {
		p.t.Fatal(err)
	}
}

func TestAPageThatAnAppOpenedIsSignedOutWithTheApp(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	ada := p.person(email)
	app := p.inApp(ada)
	first, second, own := p.handedOver(app, appsPage), p.handedOver(app, ""), p.signIn(ada)
	first.post("/logout", nil).leadsTo("/login") // which signs out neither the app nor another page
	second.get("/keys").want(http.StatusOK)
	p.signsOut(app)
	second.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
	own.get("/keys").want(http.StatusOK)
	app = p.inApp(ada)
	third := p.handedOver(app, "")
	p.clock.Advance(20 * time.Minute)
	third.get("/keys").want(http.StatusOK)
	for range 12 * 3 {
		p.clock.Advance(20 * time.Minute)
		third.get("/keys")
	}
	third.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys") // twelve hours are over
}

func TestSigningTheAppOutFromItsPageSaysWhatComesOfIt(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	ada := p.person(email)
	for name, end := range map[string]func(b *browser, app model.Account) answer{
		"alone":           func(b *browser, app model.Account) answer { return b.post("/sessions/"+app.SessionID+"/end", nil) },
		"everywhere else": func(b *browser, _ model.Account) answer { return b.post("/sessions/end-others", nil) },
	} {
		app := p.inApp(ada)
		b := p.handedOver(app, "")
		b.get("/sessions").says(".everywhere", "You’re signed out here too")
		end(b, app).want(http.StatusSeeOther)
		b.get("/sessions").leadsTo("/login?ended=1&next=%2Fsessions")
		app = p.inApp(ada)
		b = p.handedOver(app, "")
		if got := end(b.htmx(), app).want(http.StatusOK).header.Get("HX-Redirect"); !strings.HasPrefix(got, "/login?ended=1") {
			t.Errorf("%s leads to %q", name, got)
		}
	}
	p.signIn(ada).get("/sessions").keepsQuiet("signed out here too", "Opened from")
}

func TestAnotherPersonIsToldWhomContinuingSignsOut(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	ada := p.inApp(p.person(email))
	b, bob := p.signedIn("bob@example.com")
	link := p.link(ada, appsPage)
	question := b.get(link).says("main", "You’re signed in here as bob@example.com. Continuing signs that account out in this browser.").says("main", "Continue as "+email)
	b.get(question.attr(`a:contains("Not me")`, "href")).want(http.StatusOK) // and is bob still
	b.goesOn(question).leadsTo("/keys")
	b.get("/account").says("main", email)
	if rows, err := p.store.WebSessions(t.Context(), bob.id); err != nil || len(rows) != 0 {
		t.Errorf("bob has %d browsers, %v", len(rows), err)
	}
	again := p.signIn(person{ada.UserID, email})
	again.get(p.link(ada, "")).want(http.StatusOK).keepsQuiet("signed in here as")
}

func TestAQuestionIsNotAnsweredForWhoeverSignsInMeanwhile(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	ada := p.inApp(p.person(email))
	b, _ := p.signedIn("bob@example.com")
	question := b.get(p.link(ada, ""))
	carol := p.person("carol@example.com")
	b.post("/login", url.Values{"email": {carol.email}, "password": {password}}).leadsTo("/keys")
	b.goesOn(question).want(http.StatusConflict)
	b.get("/account").says("main", carol.email)
}

// Otherwise a page of another site could sign its visitors in as somebody else, who then watches what they put there.
func TestNoOtherSiteAnswersTheQuestion(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	link := p.link(p.inApp(p.person(email)), "")
	b := p.browser().with("Sec-Fetch-Site", "cross-site")
	b.post("/handover", url.Values{"ticket": {strings.TrimPrefix(link, "/handover?ticket=")}}).want(http.StatusForbidden)
	b.get(link).want(http.StatusOK).says("main", "Continue as")
	p.browser().post(link, nil).want(http.StatusUnprocessableEntity) // a ticket in an address is no answer
	if got := b.get(link).header.Get("X-Frame-Options"); got != "DENY" {
		t.Errorf("framing is %q", got)
	}
}

func TestAPersonWithoutAnyProofCreatesKeysForFiveMinutesAfterTheAppsSignIn(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	app := p.inAppByToken("auth0|ada")
	p.clock.Advance(5 * time.Minute)
	b := p.handedOver(app, appsPage)
	b.get("/account").says("main", "auth0|ada")
	p.clock.Advance(5 * time.Minute)
	b.post("/keys", createForm(newFormID(t), "pump")).want(http.StatusOK)
	p.clock.Advance(time.Second)
	a := b.post("/keys", createForm(newFormID(t), "valve")).want(http.StatusForbidden).says("main", "To create valve, sign in to app.example.org again and come back.")
	if got := a.attr(`main .actions a:contains("Back to app.example.org")`, "href"); got != appsPage {
		t.Errorf("leads to %q", got)
	}
	b.htmx().post("/keys", createForm(newFormID(t), "valve")).want(http.StatusForbidden).isPart().says("p", "sign in to app.example.org again")
	b = p.handedOver(app, "") // the sign-in is too long ago now
	b.post("/keys", createForm(newFormID(t), "valve")).want(http.StatusForbidden).says("main", "To create valve, sign in to the app again and come back.")
	p.handedOver(p.inAppByToken("auth0|ada"), "").post("/keys", createForm(newFormID(t), "valve")).want(http.StatusOK)
}

func TestAPersonWithAPasswordConfirmsItInWhatAnAppOpened(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	b := p.handedOver(p.inApp(p.person(email)), "")
	form := createForm(newFormID(t), "pump")
	b.post("/keys", form).want(http.StatusForbidden).says("main", "Enter your password to create pump")
	b.post("/keys", alsoPassword(form, password)).want(http.StatusOK)
	p.clock.Advance(29 * time.Minute)
	b.post("/keys", createForm(newFormID(t), "valve")).want(http.StatusOK)
}

func TestElsewhereNoAppOpensThisDashboard(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.browser().get("/handover?ticket=x").want(http.StatusNotFound)
}

// What an app opens ends with the app's session. Whoever has that session alone must not leave with a way in that does not.
func TestWhoeverHasTheAppsSessionAloneNeitherAddsAPasskeyNorDeletesTheAccount(t *testing.T) {
	t.Parallel()
	p := anApp(t)
	app := p.inAppByToken("auth0|ada")
	p.clock.Advance(time.Hour)
	b := p.handedOver(app, appsPage)
	for _, path := range []string{"/account/passkeys/new", "/account/passkeys"} {
		b.post(path, nil).want(http.StatusForbidden).says("main", "sign in to app.example.org again and come back")
	}
	const ask = "To delete your account, sign in to app.example.org again and come back."
	b.get("/account/delete").want(http.StatusForbidden).says("main", ask).lacks("form[action='/account/delete']")
	b.post("/account/delete", nil).want(http.StatusForbidden).says("main", ask)
	b.get("/account").want(http.StatusOK).says("main", "auth0|ada")
	b = p.handedOver(p.inAppByToken("auth0|ada"), "") // who has just shown the app that it is they
	b.post("/account/passkeys/new", nil).want(http.StatusOK)
	b.get("/account/delete").want(http.StatusOK).has("form[action='/account/delete']")
}
