package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"latchkey/handlers"
	"latchkey/internal/model"
)

const changePassword = "PUT api/latchkey/v1/password"

func newPassword(current, replacement string) url.Values {
	return url.Values{"current": {current}, "new": {replacement}}
}

func TestAPasswordIsChangedOnTheAccountPage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana := p.person(email)
	b, other := p.signIn(ana), p.signIn(ana)
	form := b.get("/account").want(http.StatusOK).says("main", email)
	for selector, want := range map[string]string{
		"#current": "current-password", "#new": "new-password", "form[action='/account/password'] input[type=email]": "username",
	} {
		if got := form.attr(selector, "autocomplete"); got != want {
			t.Errorf("%s has autocomplete=%q, want %q", selector, got, want)
		}
	}
	b.post("/account/password", newPassword(password, "another battery")).leadsTo("/account")
	b.get("/account").want(http.StatusOK).says("#status", "Your password was changed, and everything else was signed out.")
	other.get("/account").leadsTo("/login?ended=1&next=%2Faccount")
	p.browser().post("/login", credentials(email, "another battery")).leadsTo("/keys")
}

func TestAPasswordThatIsNotChangedSaysWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                   string
		form                   url.Values
		refusal                error
		status                 int
		field, text, elsewhere string
	}{
		{"nothing", url.Values{}, nil, 422, "current", "Enter your current password.", "Use at least 8 characters."},
		{"a wrong one", newPassword("not this one", "another battery"), nil, 422, "current", "Wrong password.", ""},
		{"two wrong ones", newPassword("not this one", "sunshine1"), nil, 422, "current", "Wrong password.", "Choose another password: this one is on the list"},
		{"a wrong one and a short one", newPassword("not this one", "short"), nil, 422, "current", "Wrong password.", "Use at least 8 characters."},
		{"a short new one", newPassword(password, "short"), nil, 422, "new", "Use at least 8 characters.", ""},
		{"a common new one", newPassword(password, "sunshine1"), nil, 422, "new", "Choose another password: this one is on the list that attackers try first.", ""},
		{"too many tries", newPassword(password, "another battery"), &model.Error{Kind: model.KindTooManyTries}, 429, "current", "Too many attempts.", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			b := p.signIn(p.person(email))
			if c.refusal != nil {
				p.refuses["change password"] = c.refusal
			}
			a := b.post("/account/password", c.form).want(c.status).says("#"+c.field+"-error", c.text).says("main", c.elsewhere)
			if a.attr("#"+c.field, "aria-invalid") != "true" || a.attr("#current", "value")+a.attr("#new", "value") != "" {
				t.Error("the field is not marked, or holds what was typed")
			}
			if a.attr("nav a[aria-current]", "href") != "/account" {
				t.Error("the page is not marked as the one that it is")
			}
			p.browser().post("/login", credentials(email, password)).leadsTo("/keys")
		})
	}
}

func TestAKeyServiceThatCannotChangePasswordsIsNamed(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b := p.signIn(p.person(email))
	b.get("/account").want(http.StatusOK).says("main", "Your password is kept by the key service").lacks("#current")
	p.upstream.breaks(changePassword, says(404, ""))
	b.post("/account/password", newPassword(password, "another battery")).want(http.StatusUnprocessableEntity).says("main", "Your password is kept by the key service")
}

func TestAnAccountGoesWithTheRightPasswordAlone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*handlers.Deps){"here": func(*handlers.Deps) {}, "elsewhere": elsewhere} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, change)
			ana := p.person(email)
			p.seed(ana, "porch-cam", "garage")
			b, other := p.signIn(ana), p.signIn(ana)
			b.get("/account/delete").want(http.StatusOK).says("main", "Your 2 keys stop working: porch-cam, garage.")
			b.post("/account/delete", url.Values{}).want(http.StatusUnprocessableEntity).says("#password-error", "Enter your password.")
			b.post("/account/delete", url.Values{"password": {"not this one"}}).want(http.StatusUnprocessableEntity).says("#password-error", "Wrong password.")
			b.post("/account/delete?password="+url.QueryEscape(password), url.Values{}).want(http.StatusUnprocessableEntity) // an address proves nothing
			b.get("/keys").want(http.StatusOK)

			gone := b.post("/account/delete", url.Values{"password": {password}}).leadsTo("/login")
			if got := gone.header.Get("Clear-Site-Data"); got != `"cache", "storage"` {
				t.Errorf("the browser is told to clear %q", got)
			}
			b.get("/login").want(http.StatusOK).says("#status", "Your account was deleted.")
			other.get("/account").leadsTo("/login?ended=1&next=%2Faccount")
			p.browser().post("/login", credentials(email, password)).want(http.StatusUnprocessableEntity)
		})
	}
}

func TestTheAccountPageListsTheWaysToSignIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b := p.signIn(p.person(email))
	b.get("/account").want(http.StatusOK).says("section:has(#ways-title) li", "Email and password: "+email)
	there := newProgram(t, elsewhere)
	there.signIn(there.person(email)).get("/account").want(http.StatusOK).lacks("#ways-title")
}
