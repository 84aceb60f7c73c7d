package handlers_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey/handlers"
	"latchkey/internal/model"
)

func https(d *handlers.Deps) { d.PublicURL = "https://keys.example.org" }

// rowOf gives the row that the browser's cookie stands for.
func (b *browser) rowOf(value string) (model.WebSession, error) {
	b.t.Helper()
	id, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.p.own.WebSession(b.t.Context(), sha(id))
}

func TestTheSessionCookieIsExactlyAsSpecified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change []func(*handlers.Deps)
		cookie string
		secure bool
	}{
		"http":  {nil, "latchkey", false},
		"https": {[]func(*handlers.Deps){https}, "__Host-latchkey", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, c.change...)
			p.person(email)
			a := p.browser().post("/login", credentials(email, password)).leadsTo("/keys")
			if len(a.cookies) != 2 || !strings.HasSuffix(a.cookies[1].Name, "-known") {
				t.Fatalf("cookies %v, want one, and that of the known browser", a.cookies)
			}
			got := a.cookies[0]
			if got.Name != c.cookie || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode {
				t.Errorf("cookie %s", got.Raw)
			}
			if got.Path != "/" || got.Domain != "" || got.MaxAge != 12*60*60 {
				t.Errorf("cookie %s", got.Raw)
			}
			if id, err := base64.RawURLEncoding.DecodeString(got.Value); err != nil || len(id) != 32 {
				t.Errorf("the value %q is not 32 bytes", got.Value)
			}
			if size := len(a.header.Get("Set-Cookie")); size >= 512 {
				t.Errorf("the cookie takes %d bytes", size)
			}
		})
	}
}

func TestACookieForHttpIsNothingOnHttps(t *testing.T) {
	t.Parallel()
	p := newProgram(t, https)
	b, _ := p.signedIn(email)
	other := p.browser()
	other.plant("latchkey", b.cookie("__Host-latchkey"))
	other.get("/keys").leadsTo("/login?next=%2Fkeys")
}

func TestARowKeepsNothingThatCanBeReadOrUsed(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	cookie := b.cookie("latchkey")
	row, err := b.rowOf(cookie)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := base64.RawURLEncoding.DecodeString(cookie)
	for what, text := range map[string]string{
		"the e-mail address": email, "the user": who.id, "a token": "eyJ", "the cookie": cookie, "the id": string(id),
	} {
		if strings.Contains(string(row.Sealed)+string(row.IDHash[:]), text) {
			t.Errorf("the row holds %s", what)
		}
	}
}

func TestSigningInGivesTheSessionANewIDAndEndsTheOldOne(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	bob := p.person("bob@example.com")
	before := b.cookie("latchkey")
	b.post("/login", credentials(bob.email, password)).leadsTo("/keys")
	after := b.cookie("latchkey")
	if after == before {
		t.Error("the id stays the same")
	}
	if _, err := b.rowOf(before); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the old row is still there: %v", err)
	}
	if got := p.upstream.count(logOut); got != 1 {
		t.Errorf("%d log-outs at the key service for the auth session that nobody can reach now", got)
	}
	b.get("/keys").says(".who", bob.email).keepsQuiet(email)
	thief := p.browser()
	thief.plant("latchkey", before)
	thief.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

func TestAnIDThatWasPlantedBeforeTheSignInIsWorthNothingAfterwards(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.person(email)
	planted := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	b := p.browser()
	b.plant("latchkey", planted)
	b.get("/login").want(http.StatusOK)
	b.post("/login", credentials(email, password)).leadsTo("/keys")
	if b.cookie("latchkey") == planted {
		t.Error("the planted id is kept")
	}
	thief := p.browser()
	thief.plant("latchkey", planted)
	thief.get("/keys").want(http.StatusSeeOther)
}

func TestMakingAnAccountGivesTheSessionANewIDToo(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	before := b.cookie("latchkey")
	b.post("/register", credentials("bob@example.com", password)).leadsTo("/keys")
	if b.cookie("latchkey") == before {
		t.Error("the id stays the same")
	}
	if _, err := b.rowOf(before); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the old row is still there: %v", err)
	}
	b.get("/keys").says(".who", "bob@example.com")
}

func TestARefusedLogInLeavesTheSessionAsItIs(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	before := b.cookie("latchkey")
	b.post("/login", credentials("bob@example.com", "wrong horse")).want(http.StatusUnprocessableEntity)
	if b.cookie("latchkey") != before || p.upstream.count(logOut) != 0 {
		t.Error("the session changed")
	}
	b.get("/keys").want(http.StatusOK).says(".who", email)
}

func TestOneBrowserSigningOutLeavesTheOthersSignedIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	phone, who := p.signedIn(email)
	laptop := p.signIn(who)
	phone.post("/logout", nil).leadsTo("/login")
	laptop.get("/keys").want(http.StatusOK).says(".who", email)
}

func TestSessionsThatCannotBeReadAreNotASignOut(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.rows.breaks(errors.New("disk secret-host is on fire"))
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, "/keys"}, {http.MethodGet, "/keys/0123456789abcdef01234567"}, {http.MethodGet, "/login"},
		{http.MethodGet, "/register"}, {http.MethodGet, "/logs"}, {http.MethodPost, "/keys"}, {http.MethodPost, "/login"}, {http.MethodPost, "/logout"},
	} {
		for _, asking := range []*browser{b, b.htmx()} {
			a := asking.send(asking.request(c.method, c.path, credentials(email, password))).want(http.StatusServiceUnavailable)
			a.says("h1, .notice", "We can’t tell who is signed in").says("main, .notice", "Nothing was changed.").keepsQuiet("secret-host")
			if got := a.header.Get("Retry-After"); got != "5" || len(a.cookies) != 0 {
				t.Errorf("%s %s: Retry-After %q, cookies %v", c.method, c.path, got, a.cookies)
			}
		}
	}
	if !strings.Contains(p.logs.String(), "secret-host is on fire") {
		t.Error("the log has no cause")
	}
	p.rows.breaks(nil)
	b.get("/keys").want(http.StatusOK).says(".who", email)
}

func TestASignInWhoseSessionCannotBeKeptIsNone(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.person(email)
	p.rows.breaks(errors.New("disk full"))
	a := p.browser().post("/login", credentials(email, password)).want(http.StatusServiceUnavailable).keepsQuiet("still signed in")
	if len(a.cookies) != 0 || a.header.Get("Retry-After") == "" {
		t.Errorf("cookies %v, Retry-After %q", a.cookies, a.header.Get("Retry-After"))
	}
}

func TestASessionThatEndsAtTheKeyServiceWhileTheStoreIsDownIsKept(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks("*", says(401, ""))
	p.rows.afterRead(func() { p.rows.breaks(errors.New("disk full")) })
	a := b.get("/keys").want(http.StatusServiceUnavailable)
	if len(a.cookies) != 0 {
		t.Errorf("cookies %v", a.cookies)
	}
}
