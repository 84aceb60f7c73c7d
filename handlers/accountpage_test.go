package handlers_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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

func TestAWayToSignInIsRemovedFromTheAccountPage(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	phone, google := p.linked(who, model.ProviderGoogle, `{"email":"ana@gmail.example"}`)
	bob := p.person("bob@example.com")
	p.signIn(bob)
	_, foreign := p.linked(bob, model.ProviderApple, "")
	rows := "section:has(#ways-title) li"
	remove := "/account/ways/" + google.ID + "/remove"
	a := b.get("/account").want(http.StatusOK).says(rows+":has(form)", "Google: ana@gmail.example")
	if a.attr(rows+" form", "action") != remove || a.doc.Find(rows+" form").Length() != 1 {
		t.Error("the email address can be removed, or Google cannot")
	}

	// Whoever finds the browser open removes nothing.
	asked := b.post(remove, nil).want(http.StatusForbidden).says("main section > p", "Enter your password to remove this way to sign in.")
	if asked.attr("main form[method=post]", "action") != remove {
		t.Error("the question goes elsewhere")
	}
	b.post(remove, url.Values{"password": {"not this one"}}).want(http.StatusUnprocessableEntity)
	p.has(who, 2)
	b.post(remove, url.Values{"password": {password}}).leadsTo("/account")
	b.get("/account").want(http.StatusOK).says("#status", "Sign-in with Google was removed. What it opened is signed out.").lacks(rows + " form")
	if _, err := p.store.AuthSession(t.Context(), phone.ID); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("what it opened goes on: %v", err)
	}
	if got := p.happened(who, "identity-unlinked"); got != "identity-unlinked with Google" {
		t.Errorf("written down: %s", got)
	}

	ways, err := p.store.Identities(t.Context(), who.id)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"again": google.ID, "another's": foreign.ID, "the email address": ways[0].ID, "no id": "x"} {
		b.post("/account/ways/"+id+"/remove", nil).leadsTo("/account")
		if got := b.get("/account").text("#status"); !strings.HasPrefix(got, "Nothing changed: ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	p.has(who, 1)
	p.has(bob, 2)

	there := newProgram(t, elsewhere)
	there.signIn(there.person(email)).post(remove, nil).want(http.StatusNotFound)
}

// linked links a way to sign in to a person who is signed in, and opens a session with it.
func (p *program) linked(who person, provider, data string) (model.Session, model.Identity) {
	p.t.Helper()
	now := p.clock.Now()
	sessions, err := p.store.AuthSessions(p.t.Context(), who.id, now)
	if err != nil || len(sessions) == 0 {
		p.t.Fatalf("%s has %d sessions: %v", who.email, len(sessions), err)
	}
	id := model.Identity{ID: model.NewID(now), UserID: who.id, Provider: provider, Subject: "subject of " + who.id, Data: data, CreatedAt: now}
	if _, err := p.store.LinkIdentity(p.t.Context(), sessions[0].ID, id); err != nil {
		p.t.Fatal(err)
	}
	a := model.Session{
		ID: model.NewID(now), UserID: who.id, DeviceID: model.NewID(now), Provider: provider, IdentityID: id.ID, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	if err := p.store.CreateAuthSession(p.t.Context(), a, nil); err != nil {
		p.t.Fatal(err)
	}
	return a, id
}

// has holds how many ways to sign in somebody has.
func (p *program) has(who person, n int) {
	p.t.Helper()
	if ids, err := p.store.Identities(p.t.Context(), who.id); err != nil || len(ids) != n {
		p.t.Errorf("%s has %d ways to sign in, want %d: %v", who.email, len(ids), n, err)
	}
}
