package handlers_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

func TestWhoeverSignsInInAnotherSpellingIsShownTheAddressThatIsStored(t *testing.T) {
	p := newProgram(t)
	const stored = "Ana.María@München.Example"
	who := p.person(stored)
	for _, typed := range []string{
		"ana.maría@münchen.example", "ANA.MARI\u0301A@MÜNCHEN.EXAMPLE", " Ana.María@xn--Mnchen-3ya.example", "\u200eAna.María@München.Example",
		"Ａna.María＠München．Example", stored,
	} {
		b := p.browser()
		b.post("/login", credentials(typed, password)).leadsTo("/keys")
		b.get("/keys").want(http.StatusOK).says(".who", stored)
		p.guessAt(typed, 10)
		p.browser().post("/login", credentials(stored, password)).want(http.StatusTooManyRequests)
		for _, again := range []string{typed, stored, strings.ToLower(stored)} { // it is known with the account, not with a spelling
			b.post("/logout", nil)
			b.post("/login", credentials(again, password)).leadsTo("/keys")
		}
		p.clock.Advance(time.Hour) // the guesses are forgotten
		p.start()
	}
	api := p.newClient(p.upstream.next)
	if _, err := api.Login(t.Context(), client.EmailPassword(strings.ToLower(who.email), password)); !client.IsUnauthorized(err) {
		t.Errorf("the API takes another spelling: %v", err)
	}
}

func TestAnAccountBesideAnotherDoesNotGuessAtIt(t *testing.T) {
	for _, sibling := range []string{strings.ToUpper(email), " " + email, email + "\u00a0", "\u200b" + email, "ａna@example.com"} {
		p := newProgram(t)
		p.person(email)
		b, _ := p.signedIn(sibling)
		b.post("/logout", nil)
		p.guessAt(email, 10)
		for _, typed := range []string{email, " " + email + "  ", "aNA@example.com"} {
			if got := b.post("/login", wrongLogIn(typed)); got.status != http.StatusTooManyRequests {
				t.Errorf("%+q guesses at %+q: %d", sibling, typed, got.status)
			}
		}
		b.post("/login", credentials(sibling, password)).leadsTo("/keys")
	}
}

func TestAPersonIsNotGivenASecondAccountInAnotherSpelling(t *testing.T) {
	p := newProgram(t)
	const taken = "This address has an account already. Sign in instead, below."
	p.browser().post("/register", credentials(" Bob＠Example．com\u200e", password)).leadsTo("/keys")
	for _, typed := range []string{"bob@example.com", "BOB@EXAMPLE.COM", "Bob@Example.com", "bob@ex\u00adample.com"} {
		p.browser().post("/register", credentials(typed, password)).want(http.StatusUnprocessableEntity).says("#email-error", taken)
	}
	b := p.browser()
	b.post("/login", credentials("bob@example.com", password)).leadsTo("/keys")
	b.get("/keys").says(".who", "Bob@Example.com")
	api := p.newClient(p.upstream.next)
	if err := api.Register(t.Context(), "bob@example.com", password); err != nil {
		t.Errorf("a program cannot have it: %v", err)
	}
	b.post("/login", credentials("Bob@Example.com", password)).leadsTo("/keys")
	p.browser().post("/login", credentials("BOB@example.com", password)).want(http.StatusUnprocessableEntity) // one of two
}

func TestAnAddressThatNobodyCanReadIsNoAddress(t *testing.T) {
	p := newProgram(t)
	for _, typed := range []string{"a b@example.com", "ana", "ana@", "@example.com", "ana\u2028b@example.com", `"a b"@example.com`, "Ana <ana@example.com>", "\u200e", "ana\u3000b@example.com"} {
		p.browser().post("/register", credentials(typed, password)).want(http.StatusUnprocessableEntity).says("#email-error", "Enter an email address, like ana@example.com.")
	}
}

// The last digit of base64 has bits to spare, and net/http takes the quotes off a value.
func TestACookieIsGoodInOneSpellingAlone(t *testing.T) {
	p := newProgram(t)
	b, _ := p.signedIn(email)
	b.post("/logout", nil)
	b.post("/login", credentials(email, password)).leadsTo("/keys")
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	others := func(value string) (all []string) {
		last := strings.IndexByte(digits, value[len(value)-1])
		for i := range 64 {
			if i != last {
				all = append(all, value[:len(value)-1]+digits[i:i+1])
			}
		}
		return append(all, `"`+value+`"`, value+"=", strings.ToUpper(value), strings.ToLower(value), value+"A", url.QueryEscape(value+" "))
	}
	p.guessAt(email, 10)
	good, known := b.cookie("latchkey"), b.cookie("latchkey-known")
	if raw, err := base64.RawURLEncoding.DecodeString(good); err != nil || len(raw) != 32 {
		t.Fatalf("the cookie is %q", good)
	}
	out := p.browser()
	for _, value := range others(good) {
		r := out.request(http.MethodGet, "/keys", nil)
		r.Header.Set("Cookie", "latchkey="+value)
		if got := out.send(r); got.status != http.StatusSeeOther {
			t.Errorf("the session opens with ...%s: %d", value[40:], got.status)
		}
	}
	for _, value := range others(known) {
		r := out.request(http.MethodPost, "/login", wrongLogIn(email))
		r.Header.Set("Cookie", "latchkey-known="+value)
		if got := out.send(r); got.status != http.StatusTooManyRequests {
			t.Errorf("the browser is known with ...%s: %d", value[60:], got.status)
		}
	}
}

func TestAPasswordWithAnAccentFitsOnEveryComputer(t *testing.T) {
	p := newProgram(t)
	const composed, parted = "Mar\u00eda123", "Mari\u0301a123"
	p.browser().post("/register", credentials(email, parted[:len(parted)-1])).want(http.StatusUnprocessableEntity).
		says("#password-error", "Use at least 8 characters.") // it has eight, if an accent is counted by itself
	p.browser().post("/register", credentials(email, parted)).leadsTo("/keys")
	for _, typed := range []string{composed, parted} {
		p.browser().post("/login", credentials(email, typed)).leadsTo("/keys")
	}
	api := p.newClient(p.upstream.next)
	if _, err := api.Login(t.Context(), client.EmailPassword(email, composed)); err != nil {
		t.Errorf("the API: %v", err)
	}
}
