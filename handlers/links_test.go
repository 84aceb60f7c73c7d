package handlers_test

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"

	"latchkey/internal/model"
)

// Calls about an account, as callOf names them.
const (
	sendReset      = "POST reset/send"
	resetPassword  = "POST reset"
	confirmAddress = "POST confirm"
	sendConfirm    = "POST confirm/send"
)

func withMail(d *handlers.Deps) { d.ConfirmEmail, d.SendsLinks = true, true }

// saying answers with a status, an error code and a text.
func saying(status int, code, text string) happens {
	return says(status, `{"error":"`+text+`","error_code":"`+code+`"}`)
}

func TestWhoeverAsksForALinkIsToldTheSame(t *testing.T) {
	t.Parallel()
	for path, call := range map[string]string{"/forgot": sendReset, "/confirm/send": sendConfirm} {
		p := newProgram(t, elsewhere, withMail)
		var said []string
		for _, outcome := range []happens{
			says(http.StatusAccepted, ""), saying(404, "UserNotFound", "user not found"), saying(400, "UserAlreadyConfirmed", "already confirmed"),
		} {
			p.upstream.breaks(call, outcome)
			a := p.browser().post(path, url.Values{"email": {" " + email + " "}}).want(http.StatusOK)
			said = append(said, a.text("main"))
		}
		if said[0] != said[1] || said[0] != said[2] || !strings.Contains(said[0], "If ") || !strings.Contains(said[0], email+", an") && !strings.Contains(said[0], email+" is waiting") {
			t.Errorf("%s says %q", path, said)
		}
	}
}

func TestALinkThatCannotBeSentIsExplained(t *testing.T) {
	t.Parallel()
	for path, call := range map[string]string{"/forgot": sendReset, "/confirm/send": sendConfirm} {
		p := newProgram(t, elsewhere, withMail)
		b := p.browser()
		ask := func() answer { return b.post(path, url.Values{"email": {email}}) }
		b.post(path, url.Values{"email": {"nobody"}}).want(http.StatusUnprocessableEntity).says("#email-error", "Enter an email address")
		p.upstream.breaks(call, asksForTime(http.StatusTooManyRequests, "150"))
		a := ask().want(http.StatusTooManyRequests).says("#email-error", "Too many emails were requested. Try again at 12:03 UTC.")
		if got := a.header.Get("Retry-After"); got != "150" {
			t.Errorf("%s: Retry-After is %q", path, got)
		}
		p.upstream.breaks(call, saying(400, "BadRequest", "please use reset password via function"))
		ask().want(http.StatusUnprocessableEntity).lacks("form[action='/forgot']")
		p.upstream.breaks(call, says(http.StatusInternalServerError, ""))
		ask().want(http.StatusBadGateway)
	}
}

func TestWithoutMailNobodyIsAsked(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b := p.browser()
	b.get("/forgot").want(http.StatusOK).says("main", "This server can’t send email. Ask the administrator of this server for a reset link.").lacks("form[action='/forgot']")
	b.post("/forgot", url.Values{"email": {email}}).want(http.StatusUnprocessableEntity).says("main", "Ask the administrator of this server")
	b.get("/confirm").leadsTo("/login")
	if p.upstream.count(sendReset) > 0 {
		t.Error("the key service was asked")
	}
}

func TestOpeningALinkChangesNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, withMail)
	b := p.browser()
	for _, path := range []string{"/reset", "/confirm"} {
		a := b.get(path + "?token=abc%22%3E&tokenId=0123456789abcdef01234567").want(http.StatusOK)
		if a.attr("input[name=token]", "value") != `abc">` || a.attr("input[name=tokenId]", "value") != "0123456789abcdef01234567" {
			t.Errorf("%s: the form does not carry the link on", path)
		}
		b.get(path).want(http.StatusOK).lacks("input[name=token]")
	}
	if p.upstream.count(resetPassword)+p.upstream.count(confirmAddress) > 0 {
		t.Error("the key service was asked")
	}
}

func TestWhatComesOfALinkIsSaid(t *testing.T) {
	t.Parallel()
	link := url.Values{"token": {"abc"}, "tokenId": {"0123456789abcdef01234567"}, "password": {password}}
	for _, c := range []struct {
		name, path, call string
		outcome          happens
		status           int
		says             string // "": leads to the log-in page
	}{
		{"a new password", "/reset", resetPassword, says(200, ""), 303, ""},
		{"a link that is used up", "/reset", resetPassword, saying(400, "UserpassTokenInvalid", "userpass token is expired or invalid"), 422, "This link doesn’t work."},
		{"a link that is none", "/reset", resetPassword, saying(400, "BadRequest", "invalid token data"), 422, "This link doesn’t work."},
		{"a password that will not do", "/reset", resetPassword, saying(400, "BadRequest", "password is too common"), 422, "The key service doesn’t accept this password: password is too common."},
		{"a reset that is unclear", "/reset", resetPassword, says(500, ""), 502, "The key service gave an answer we can’t use"},
		{"an address", "/confirm", confirmAddress, says(200, ""), 303, ""},
		{"an address, too late", "/confirm", confirmAddress, saying(400, "UserpassTokenInvalid", "userpass token is expired or invalid"), 422, "This link doesn’t work."},
		{"an address, unclear", "/confirm", confirmAddress, says(500, ""), 502, "The key service gave an answer we can’t use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere, withMail)
			p.upstream.breaks(c.call, c.outcome)
			a := p.browser().post(c.path, link)
			if c.says == "" {
				a.leadsTo("/login")
				return
			}
			a.want(c.status).says("main", c.says).keepsQuiet(password)
		})
	}
}

func TestAShortNewPasswordIsNotEvenSent(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, withMail)
	a := p.browser().post("/reset", url.Values{"token": {"abc"}, "tokenId": {"x"}, "password": {"short"}})
	a.want(http.StatusUnprocessableEntity).says("#password-error", "Use at least 8 characters.")
	if a.attr("input[name=token]", "value") != "abc" || p.upstream.count(resetPassword) > 0 {
		t.Error("the link was not kept, or the password was sent")
	}
}

func TestWhoHasNotConfirmedTheAddressIsToldSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, withMail)
	p.upstream.breaks(logIn, saying(401, "AuthError", "unauthorized"))
	a := p.browser().post("/login", credentials(email, password)).want(http.StatusUnprocessableEntity)
	a.says("main", "Before you can sign in, open the link in the email to "+email).keepsQuiet(password)
	if a.attr("form[action='/confirm/send'] input[name=email]", "value") != email {
		t.Error("another link cannot be had")
	}
	b := p.browser()
	b.post("/register", credentials("new@example.com", password)).want(http.StatusOK).says("main", "Your account was created. Open the link in the email to new@example.com")
	if b.cookie("latchkey") != "" {
		t.Error("signed in all the same")
	}
}

func TestPagesPromiseNoMailsThatDoNotLeave(t *testing.T) {
	t.Parallel()
	stuck := true
	p := newProgram(t, elsewhere, withMail, func(d *handlers.Deps) { d.MailStuck = func() bool { return stuck } })
	b := p.browser()
	form := url.Values{"email": {email}}
	pages := map[string]func() answer{
		"forgot":       func() answer { return b.get("/forgot") },
		"link asked":   func() answer { return b.post("/forgot", form) },
		"confirm sent": func() answer { return b.post("/confirm/send", form) },
		"register":     func() answer { return b.get("/register") },
	}
	promises := []string{"on its way", "We’ll email you", "Open the link", "open the link", "Nothing after"}
	for name, page := range pages {
		if name != "register" {
			p.upstream.breaks(sendReset, says(http.StatusAccepted, ""))
			p.upstream.breaks(sendConfirm, says(http.StatusAccepted, ""))
		}
		said := page().want(http.StatusOK).text("main")
		if !strings.Contains(said, "This server can’t send email right now. The administrator has been notified.") {
			t.Errorf("%s: %s", name, said)
		}
		for _, promise := range promises {
			if strings.Contains(said, promise) {
				t.Errorf("%s promises a mail: %s", name, said)
			}
		}
	}
	stuck = false
	for name, page := range pages {
		if said := page().want(http.StatusOK).text("main"); strings.Contains(said, "can’t send email") {
			t.Errorf("%s, when all is well: %s", name, said)
		}
	}
}

// linkFor puts a link for an account into the store, as an email has it.
func (p *program) linkFor(email, purpose string) url.Values {
	p.t.Helper()
	id, err := p.store.IdentityBySubject(p.t.Context(), model.ProviderEmailPassword, email)
	if err != nil {
		p.t.Fatal(err)
	}
	now, token := p.clock.Now(), rand.Text()
	link := model.Link{
		ID: model.NewID(now), TokenHash: sha256.Sum256([]byte(token)), IdentityID: id.ID, Purpose: purpose, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	if err := p.store.CreateLink(p.t.Context(), link); err != nil {
		p.t.Fatal(err)
	}
	return url.Values{"token": {token}, "tokenId": {link.ID}, "password": {"another battery"}}
}

func TestWhoeverConfirmsAnAddressSaysItsPasswordAndIsSignedIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, withMail)
	b := p.browser()
	b.post("/register", credentials(email, password)).want(http.StatusOK).says("h1", "Confirm your email address")
	link := p.linkFor(email, model.LinkConfirm)
	page := b.get("/confirm?token=" + link.Get("token") + "&tokenId=" + link.Get("tokenId")).want(http.StatusOK)
	if !page.has("form[action='/confirm'] input[name=password][type=password]") {
		t.Error("the password is not asked for")
	}
	link.Set("password", "somebody else's battery")
	wrong := b.post("/confirm", link).want(http.StatusUnprocessableEntity).says("#password-error", "That isn’t the password the account was created with.")
	if wrong.attr("form[action='/confirm'] input[name=token]", "value") != link.Get("token") {
		t.Error("the link is gone from the form")
	}
	link.Del("password")
	b.post("/confirm", link).want(http.StatusUnprocessableEntity)
	link.Set("password", password)
	b.post("/confirm", link).leadsTo("/keys")
	b.get("/keys").want(http.StatusOK).says("header", email)
	b.post("/confirm", link).want(http.StatusUnprocessableEntity)
}

func TestWhoeverWasInvitedIsWelcomedAndSignedIn(t *testing.T) {
	t.Parallel()
	for name, another := range map[string]bool{"by the first link": false, "by a link that the operator gave out later": true} {
		p := newProgram(t)
		_, given, err := p.accounts.Add(t.Context(), email, "")
		if err == nil && another {
			_, given, err = p.accounts.ResetPassword(t.Context(), email, false, false)
		}
		if err != nil {
			t.Fatal(err)
		}
		link, err := url.Parse(given.Address.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		b := p.browser()
		a := b.get(link.RequestURI()).want(http.StatusOK).says("h1", "Welcome").says("title", "Welcome").says("main", "Choose a password for "+email+".")
		if a.attr("form[action='/reset'] input[autocomplete=username]", "value") != email || strings.Contains(a.text("main"), "signed out") {
			t.Errorf("%s: %s", name, a.text("main"))
		}
		form := link.Query()
		form.Set("password", "short")
		b.post("/reset", form).want(http.StatusUnprocessableEntity).says("h1", "Welcome").says("#password-error", "Use at least 8 characters.")
		form.Set("password", password)
		b.post("/reset", form).leadsTo("/keys")
		b.get("/keys").want(http.StatusOK).says(".who", email).lacks(".notice:not(.local)")
		p.browser().get(link.RequestURI()).want(http.StatusOK).says("main", "This link doesn’t work.").lacks("#password")

		reset := p.linkFor(email, model.LinkReset) // now there is something to lose
		p.browser().get("/reset?token="+reset.Get("token")+"&tokenId="+reset.Get("tokenId")).
			says("h1", "Choose a new password").says("main", "Every browser and app that uses your account will be signed out. Keys keep working.")
	}
}

// While an account is guessed at, the mailbox is the way back in for its owner, wherever they are.
func TestWhoeverChoseAPasswordWithALinkGetsInWhileOthersGuess(t *testing.T) {
	t.Parallel()
	p := newProgram(t, withMail)
	p.person(email)
	p.guessAt(email, 20)
	owner := p.browser()
	owner.post("/reset", p.linkFor(email, model.LinkReset)).leadsTo("/login")
	right := url.Values{"email": {email}, "password": {"another battery"}}
	p.browser().post("/login", right).want(http.StatusTooManyRequests)
	owner.post("/login", right).leadsTo("/keys")
}

// Nobody is taken for an owner who used no link of that account, in its exact letters.
func TestALinkMakesABrowserKnownToItsOwnAccountAlone(t *testing.T) {
	t.Parallel()
	p := newProgram(t, withMail)
	p.person(email)
	for name, theirs := range map[string]string{
		"another": "mallory@example.com", "in other letters": strings.ToUpper(email), "with spaces around it": " " + email + " ",
	} {
		p.person(theirs)
		b := p.browser()
		b.post("/reset", p.linkFor(theirs, model.LinkReset)).leadsTo("/login")
		p.guessAt(email, 20)
		if got := b.post("/login", wrongLogIn(email)); got.status != http.StatusTooManyRequests {
			t.Errorf("an account that is %s: %d for a guess", name, got.status)
		}
	}
	for name, link := range map[string]url.Values{
		"a link that is none":    {"token": {"abc"}, "tokenId": {"0123456789abcdef01234567"}, "password": {"another battery"}},
		"a link to confirm with": p.linkFor(email, model.LinkConfirm),
	} {
		for _, path := range []string{"/reset", "/confirm"} {
			if knownCookie(p.browser().post(path, link)) != nil {
				t.Errorf("%s makes a browser known at %s", name, path)
			}
		}
	}
	there := newProgram(t, elsewhere, withMail) // which does not say whose it was
	there.upstream.breaks(resetPassword, says(200, ""))
	if knownCookie(there.browser().post("/reset", url.Values{"token": {"abc"}, "tokenId": {"0123456789abcdef01234567"}, "password": {password}}).leadsTo("/login")) != nil {
		t.Error("a browser is known with an account that nobody named")
	}
}
