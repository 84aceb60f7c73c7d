package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func wrongLogIn(who string) url.Values {
	return url.Values{"email": {who}, "password": {"wrong password"}, "next": {"/keys/which"}}
}

// guessAt uses up the tries of an account from browsers that nobody knows, each somewhere else.
func (p *program) guessAt(email string, times int) {
	p.t.Helper()
	for i := range times {
		p.browserAt(fmt.Sprintf("203.%d.113.9", i)).post("/login", wrongLogIn(email))
	}
}

func TestTooManyTriesAreToldWhenToComeBackAndKeepTheForm(t *testing.T) {
	p := newProgram(t)
	p.person(email)
	b := p.browser()
	for range 5 {
		b.post("/login", wrongLogIn(email)).want(http.StatusUnprocessableEntity)
	}
	got := b.post("/login", wrongLogIn(email)).want(http.StatusTooManyRequests)
	got.says("#password-error", "Too many attempts. Try again at 12:02 UTC.").keepsQuiet("wrong password")
	if got.header.Get("Retry-After") != "120" || got.attr("#email", "value") != email || got.attr("[name=next]", "value") != "/keys/which" {
		t.Errorf("Retry-After %q, e-mail %q, next %q", got.header.Get("Retry-After"), got.attr("#email", "value"), got.attr("[name=next]", "value"))
	}
	elsewhere := p.browserAt("203.0.113.9") // the owner is not held up by who guesses from one place
	elsewhere.post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
	p.clock.Advance(2 * time.Minute)
	b.post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
}

func TestTheTimeToComeBackIsSaidByTheClock(t *testing.T) {
	p := newProgram(t)
	p.person(email)
	for i := range 50 {
		p.browser().post("/login", wrongLogIn(fmt.Sprintf("p%d@example.com", i))).want(http.StatusUnprocessableEntity)
	}
	got := p.browser().post("/login", wrongLogIn(email)).want(http.StatusTooManyRequests)
	got.says("#password-error", "Too many attempts. Try again at 12:10 UTC.")
}

func TestAnAccountThatDoesNotExistIsLimitedInTheSameWords(t *testing.T) {
	p := newProgram(t)
	p.person(email)
	for _, who := range []string{email, "nobody@example.com"} {
		p.guessAt(who, 10)
	}
	known, unknown := p.browser().post("/login", wrongLogIn(email)), p.browser().post("/login", wrongLogIn("nobody@example.com"))
	known.want(http.StatusTooManyRequests)
	if unknown.status != known.status || strings.ReplaceAll(unknown.body, "nobody@example.com", email) != known.body {
		t.Error("the two differ")
	}
}

func TestThePageAndTheAPIShareOneCount(t *testing.T) {
	p := newProgram(t)
	p.person(email)
	api := p.newClient(p.upstream.next)
	for i := range 10 {
		if i%2 == 0 {
			p.browser().post("/login", wrongLogIn(strings.ToUpper(email)+" ")).want(http.StatusUnprocessableEntity)
		} else if _, err := api.Login(t.Context(), client.EmailPassword(email, "wrong password")); !client.IsUnauthorized(err) {
			t.Fatal(err)
		}
	}
	p.browser().post("/login", wrongLogIn(email)).want(http.StatusTooManyRequests)
	if _, err := api.Login(t.Context(), client.EmailPassword(email, password)); !client.IsLimited(err) {
		t.Errorf("the API: %v", err)
	}
}

func TestABrowserThatWasSignedInGetsInDuringAnAttack(t *testing.T) {
	for _, publicURL := range []string{publicURL, "https://keys.example.org"} {
		p := newProgram(t, func(d *handlers.Deps) { d.PublicURL = publicURL })
		b, who := p.signedIn(email)
		b.post("/logout", nil)
		p.guessAt(email, 20)
		p.browser().post("/login", url.Values{"email": {email}, "password": {password}}).want(http.StatusTooManyRequests)
		b.post("/login", url.Values{"email": {" " + email + " "}, "password": {"wrong password"}}).want(http.StatusUnprocessableEntity)
		b.post("/login", url.Values{"email": {who.email}, "password": {password}}).leadsTo("/keys")
		for range 9 {
			b.post("/login", wrongLogIn(email)).want(http.StatusUnprocessableEntity)
		}
		b.post("/login", wrongLogIn(email)).want(http.StatusTooManyRequests) // it has tries of its own, and not without end
	}
}

// knownCookie is what an answer sets for a known browser, nil when it sets nothing.
func knownCookie(a answer) *http.Cookie {
	for _, cookie := range a.cookies {
		if strings.HasSuffix(cookie.Name, "latchkey-known") {
			return cookie
		}
	}
	return nil
}

func TestTheCookieOfAKnownBrowserIsSmallAndComesOfSigningInAlone(t *testing.T) {
	for publicURL, name := range map[string]string{publicURL: "latchkey-known", "https://keys.example.org": "__Host-latchkey-known"} {
		p := newProgram(t, func(d *handlers.Deps) { d.PublicURL = publicURL })
		b := p.browser()
		for i := range 5 {
			who := p.person(fmt.Sprintf("%d-%s@example.com", i, strings.Repeat("x", 90)))
			if knownCookie(b.post("/login", wrongLogIn(who.email))) != nil {
				t.Error("a refused browser is known")
			}
			cookie := knownCookie(b.post("/login", url.Values{"email": {who.email}, "password": {password}}).leadsTo("/keys"))
			if cookie == nil {
				t.Fatal("no cookie")
			}
			https := strings.HasPrefix(publicURL, "https://")
			if cookie.Name != name || !cookie.HttpOnly || cookie.Secure != https || cookie.SameSite != http.SameSiteLaxMode ||
				cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 400*24*60*60 || len(cookie.Raw) > 512 {
				t.Errorf("%d bytes: %s", len(cookie.Raw), cookie.Raw)
			}
			if n := len(strings.Split(cookie.Value, ".")); n != min(i+1, 3) {
				t.Errorf("known with %d accounts after %d sign-ins", n, i+1)
			}
			if strings.Contains(cookie.Value, who.id) {
				t.Error("the cookie says who it was")
			}
			if knownCookie(b.get("/keys")) != nil {
				t.Error("reading a page sets it")
			}
			b.post("/logout", nil)
		}
	}
}

func TestACookieThatProvesNothingOpensNoWayPastTheLimits(t *testing.T) {
	p := newProgram(t)
	mine, _ := p.signedIn("eve@example.com")
	p.person(email)
	theirs := mine.cookie("latchkey-known")
	p.guessAt(email, 10)
	for name, value := range map[string]string{
		"of another account": theirs, "made up": strings.Repeat("A", 64), "cut short": theirs[:40], "altered": "B" + theirs[1:],
		"nothing": "", "dots": strings.Repeat(".", 200), "long": strings.Repeat(theirs+".", 40), "no base64": "%%%",
	} {
		b := p.browser()
		b.plant("latchkey-known", value)
		if got := b.post("/login", wrongLogIn(email)); got.status != http.StatusTooManyRequests {
			t.Errorf("%s: %d", name, got.status)
		}
	}
}

// E-mails are told apart by their exact letters, so the same address in others is an account that anybody may have made.
func TestABrowserThatIsKnownInOtherLettersIsUnknown(t *testing.T) {
	for _, how := range []func(*handlers.Deps){func(*handlers.Deps) {}, elsewhere} {
		p := newProgram(t, how)
		p.signIns = counting{accounts.NewLimits(p.clock.Now, nil)}
		p.start()
		p.person(email)
		var theirs []*browser
		for _, spelling := range []string{strings.ToUpper(email), "Ana" + strings.TrimPrefix(email, "ana")} {
			b, _ := p.signedIn(spelling)
			theirs = append(theirs, b, p.browser())
			theirs[len(theirs)-1].plant("latchkey-known", b.cookie("latchkey-known"))
		}
		p.guessAt(email, 10)
		for i, b := range theirs {
			if got := b.post("/login", wrongLogIn(email)); got.status != http.StatusTooManyRequests {
				t.Errorf("browser %d: status %d for a guess at %s", i, got.status, email)
			}
		}
		if got := theirs[0].post("/login", url.Values{"email": {strings.ToUpper(email)}, "password": {password}}); got.status != http.StatusSeeOther {
			t.Errorf("status %d for the account that it is known with", got.status)
		}
	}
}

func TestAKnownBrowserStaysKnownWhenTheKeysRotate(t *testing.T) {
	p := newProgram(t)
	b, _ := p.signedIn(email)
	old := p.deps.SessionKeys[0]
	newer := []byte(strings.Repeat("n", 32))
	p.deps.SessionKeys = [][]byte{newer, old}
	p.start()
	p.guessAt(email, 10)
	b.post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys") // which proves it with the new key
	p.deps.SessionKeys = [][]byte{newer}
	p.start()
	b.post("/login", wrongLogIn(email)).want(http.StatusUnprocessableEntity)
	p.deps.SessionKeys = [][]byte{[]byte(strings.Repeat("x", 32))}
	p.start()
	b.post("/login", wrongLogIn(email)).want(http.StatusTooManyRequests)
}

// counting is what package app gives the dashboard with an upstream.
type counting struct{ *accounts.Limits }

func (c counting) Take(ctx context.Context, account, address, known string) (succeeded func(), wait time.Duration, err error) {
	return c.Limits.Take(ctx, accounts.Attempt{Account: account, Address: address, KnownBrowser: known})
}

func TestWithAnUpstreamTheDashboardCounts(t *testing.T) {
	p := newProgram(t, elsewhere)
	p.signIns = counting{accounts.NewLimits(p.clock.Now, nil)}
	p.start()
	b, who := p.signedIn(email)
	for range 9 {
		b.post("/login", url.Values{"email": {who.email}, "password": {password}}).leadsTo("/keys")
	}
	p.upstream.reset()
	p.guessAt(email, 10)
	if n := p.upstream.count(logIn); n != 10 {
		t.Errorf("%d calls for 10 tries", n)
	}
	got := p.browser().post("/login", wrongLogIn(email)).want(http.StatusTooManyRequests)
	got.says("#password-error", "Too many attempts.")
	if n := p.upstream.count(logIn); n != 10 {
		t.Errorf("the upstream was asked %d times", n)
	}
	b.post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
}

func TestAnAccountThatIsOffIsToldToWhoeverKnowsThePassword(t *testing.T) {
	p := newProgram(t)
	who := p.person(email)
	if err := p.store.DisableUser(t.Context(), who.id, p.clock.Now()); err != nil {
		t.Fatal(err)
	}
	p.browser().post("/login", wrongLogIn(email)).want(http.StatusUnprocessableEntity).
		says("#password-error", "Wrong email or password.")
	p.browser().post("/login", url.Values{"email": {email}, "password": {password}}).want(http.StatusUnprocessableEntity).
		says("#password-error", "This account is disabled. Ask the administrator of this server.")
}

// --- Browsers end with the auth session that they hold ---------------------------------------------------------------------

// heldBy is the auth session that the only browser of a person holds.
func (p *program) heldBy(who person) string {
	p.t.Helper()
	rows, err := p.own.WebSessions(p.t.Context(), who.id)
	if err != nil || len(rows) != 1 || rows[0].AuthSessionID == "" {
		p.t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows[0].AuthSessionID
}

func TestWhateverEndsTheAuthSessionEndsTheBrowserAtOnce(t *testing.T) {
	for name, end := range map[string]func(p *program, who person, elsewhere *client.Session) error{
		"ended by the API": func(p *program, who person, elsewhere *client.Session) error {
			return elsewhere.EndAuthSession(p.t.Context(), p.heldBy(who))
		},
		"all others ended by the API": func(p *program, _ person, elsewhere *client.Session) error {
			return elsewhere.EndOtherAuthSessions(p.t.Context())
		},
		"the user disabled": func(p *program, who person, _ *client.Session) error {
			return p.store.DisableUser(p.t.Context(), who.id, p.clock.Now())
		},
		"the password changed": func(p *program, who person, elsewhere *client.Session) error {
			id, err := p.store.IdentityBySubject(p.t.Context(), model.ProviderEmailPassword, who.email)
			if err != nil {
				return err
			}
			return p.store.ChangePassword(p.t.Context(), id, testkit.PasswordHash+"x", elsewhere.ID())
		},
		"the account deleted": func(p *program, _ person, elsewhere *client.Session) error {
			return elsewhere.DeleteUser(p.t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			b, who := p.signedIn(email)
			other, _ := p.signedIn("bob@example.com")
			api := p.newClient(p.upstream.next)
			elsewhere, err := api.Login(t.Context(), client.EmailPassword(email, password))
			if err != nil {
				t.Fatal(err)
			}
			b.get("/keys").want(http.StatusOK)
			if err := end(p, who, elsewhere); err != nil {
				t.Fatal(err)
			}
			p.upstream.reset()
			b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
			if n := p.upstream.count("*"); n != 0 {
				t.Errorf("the key service was asked %d times", n)
			}
			other.get("/keys").want(http.StatusOK)
		})
	}
}

func TestSigningOutEndsTheAuthSessionInTheSameTransaction(t *testing.T) {
	p := newProgram(t)
	b, who := p.signedIn(email)
	held := p.heldBy(who)
	p.upstream.reset()
	b.post("/logout", nil).leadsTo("/login")
	if _, err := p.store.AuthSession(t.Context(), held); err == nil {
		t.Error("the auth session outlives the browser")
	}
	if n := p.upstream.count("*"); n != 0 {
		t.Errorf("the key service was asked too, %d times", n)
	}
	events, err := p.deps.Events.Events(t.Context(), who.id, model.EventQuery{Kinds: []model.EventKind{model.EventSessionEnded}, Limit: 9})
	if err != nil || len(events) != 1 || events[0].Actor != model.ActorBrowser || events[0].Detail != "signed out" {
		t.Errorf("%+v, %v", events, err)
	}
}
