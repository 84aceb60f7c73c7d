package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

func TestMakingAnAccountSignsInToIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b := p.browser()
	form := b.get("/register?next=%2Fkeys").want(http.StatusOK).says("h1", "Create your account")
	form.says("#password-hint", "At least 8 characters.")
	b.post("/register", credentials(email, password)).leadsTo("/keys")
	b.get("/keys").want(http.StatusOK).says(".who", email).says("#keys", "Give your first device a key")

	other := p.browser()
	other.post("/login", credentials(email, password)).leadsTo("/keys")
}

func TestMakingAnAccountReturnsToThePageThatWasAskedFor(t *testing.T) {
	t.Parallel()
	b := newProgram(t).browser()
	form := b.get("/register?next=%2Fkeys%2F0123456789abcdef01234567").want(http.StatusOK)
	values := credentials(email, password)
	values.Set("next", form.attr("input[name=next]", "value"))
	b.post("/register", values).leadsTo("/keys/0123456789abcdef01234567")
}

func TestAnAccountThatCannotBeIsRefusedBesideTheField(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b := p.browser()
	const badEmail, fewCharacters = "Enter an email address, like ana@example.com.", "Use at least 8 characters."
	for _, c := range []struct{ email, password, field, text string }{
		{"", password, "email", badEmail},
		{"ana", password, "email", badEmail},
		{"ana@", password, "email", badEmail},
		{"@example.com", password, "email", badEmail},
		{"ana example@example.com", password, "email", badEmail},
		{"ana@example.com, bob@example.com", password, "email", badEmail},
		{"Ana <ana@example.com>", password, "email", badEmail},
		{`"><script>alert(1)</script>`, password, "email", badEmail},
		{strings.Repeat("a", 117) + "@example.com", password, "email", "Use an address of at most 128 characters."},
		{email, "", "password", fewCharacters},
		{email, "sevench", "password", fewCharacters},
		{email, "🔑🔑🔑🔑🔑🔑🔑", "password", fewCharacters},
		{email, strings.Repeat("x", 129), "password", "Use at most 128 characters."},
	} {
		a := b.post("/register", credentials(c.email, c.password)).want(http.StatusUnprocessableEntity)
		a.says("#"+c.field+"-error", c.text)
		if a.attr("#"+c.field, "aria-invalid") != "true" || !a.has("#"+c.field+"[autofocus]") {
			t.Errorf("%q, %q: the field %s does not say that it is wrong", c.email, c.password, c.field)
		}
		if got := a.attr("#email", "value"); got != c.email {
			t.Errorf("the e-mail became %q, was %q", got, c.email)
		}
		if a.attr("#password", "value") != "" || c.password != "" && strings.Contains(a.body, c.password) {
			t.Errorf("the password %q is in the page", c.password)
		}
		if len(a.cookies) != 0 {
			t.Errorf("%q, %q: cookies %v", c.email, c.password, a.cookies)
		}
	}
	if got := p.upstream.count("*"); got != 0 {
		t.Errorf("%d requests to the key service for accounts that cannot be", got)
	}
}

func TestAPasswordIsCountedInCharactersNotInBytes(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.browser().post("/register", credentials(email, "schlüßel")).leadsTo("/keys")
	p.browser().post("/register", credentials("bob@example.com", strings.Repeat("ü", 128))).leadsTo("/keys")
}

func TestAnEmailThatHasAnAccountIsSentToTheLogIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.person(email)
	a := p.browser().post("/register", credentials(email, password)).want(http.StatusUnprocessableEntity)
	a.says("#email-error", "This address has an account already.")
	if !a.has(`a[href="/login?next=%2Fkeys"]`) {
		t.Error("there is no way to the log-in page")
	}
}

func TestClosedRegistrationIsExplainedAndMakesNoAccount(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, func(d *handlers.Deps) { d.Registration = false })
	b := p.browser()
	for _, a := range []answer{
		b.get("/register"),
		b.htmx().get("/register"),
		b.post("/register", credentials(email, password)),
		b.post("/register", url.Values{}),
	} {
		a.want(http.StatusForbidden).says("h1", "Sign-up is closed here").lacks("input[type=password]")
	}
	b.get("/login").want(http.StatusOK).lacks(`a[href^="/register"]`)
	if got := p.upstream.count("*"); got != 0 {
		t.Errorf("%d requests to the key service", got)
	}
}

func TestAKeyServiceThatRefusesNewAccountsIsExplained(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(register, says(403, ""))
	p.browser().post("/register", credentials(email, password)).
		want(http.StatusForbidden).says("h1", "Sign-up is closed here")
}

func TestAKeyServiceWithAStricterRuleIsQuotedBesideThePassword(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(register, says(400, `{"error":"password needs a <b>digit</b>","error_code":"BadRequest"}`))
	a := p.browser().post("/register", credentials(email, password)).want(http.StatusUnprocessableEntity)
	a.says("#password-error", "The key service doesn’t accept this password: password needs a <b>digit</b>.").lacks("#password-error b")
	if got := a.attr("#email", "value"); got != email {
		t.Errorf("the e-mail is %q", got)
	}
}

func TestAnAccountThatTheKeyServiceDoesNotConfirmIsNoSignIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	for name, c := range map[string]struct {
		fault  happens
		status int
	}{
		"it is down":            {refusesConnections, http.StatusBadGateway},
		"it is slow":            {timesOut, http.StatusGatewayTimeout},
		"the connection breaks": {losesRequests, http.StatusBadGateway},
		"it is busy":            {says(429, ""), http.StatusServiceUnavailable},
		"it fails":              {says(500, "<h1>secret-host</h1>"), http.StatusBadGateway},
	} {
		p.upstream.heal()
		p.upstream.breaks(register, c.fault)
		a := p.browser().post("/register", credentials(email, password)).want(c.status).keepsQuiet("secret-host", password, "still signed in")
		if len(a.cookies) != 0 {
			t.Errorf("%s: cookies %v", name, a.cookies)
		}
	}
	if got := p.upstream.count(logIn); got != 0 {
		t.Errorf("%d log-ins to accounts that may not be there", got)
	}
}

func TestAnAccountWhoseFirstLogInFailsIsThereForTheNext(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b := p.browser()
	p.upstream.breaks(logIn, timesOut)
	a := b.post("/register", credentials(email, password)).want(http.StatusGatewayTimeout).keepsQuiet("still signed in")
	if len(a.cookies) != 0 {
		t.Errorf("cookies %v", a.cookies)
	}
	p.upstream.heal()
	b.post("/login", credentials(email, password)).leadsTo("/keys")
}

func TestAnAccountThatMustBeConfirmedFirstIsSaidToBeMade(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(logIn, says(401, `{"error":"unauthorized","error_code":"AuthError"}`))
	a := p.browser().post("/register", credentials(email, password)).want(http.StatusOK).says("h1", "Sign in")
	if got := a.text(".notice"); !strings.Contains(got, "Your account was created.") {
		t.Errorf("it says %q", got)
	}
	if got := a.attr("#email", "value"); got != email {
		t.Errorf("the e-mail is %q", got)
	}
}

func TestANetworkThatMadeTooManyAccountsIsToldSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.refuses["register"] = &model.Error{Kind: model.KindTooManyAccounts, Wait: 100 * time.Second}
	a := p.browser().post("/register", credentials(email, password)).want(http.StatusTooManyRequests)
	a.says("#email-error", "Too many accounts were created from your network. Try again at 12:02 UTC.")
	if got := a.attr("#email", "value"); got != email || a.header.Get("Retry-After") != "100" {
		t.Errorf("the e-mail is %q, Retry-After %q", got, a.header.Get("Retry-After"))
	}
}
