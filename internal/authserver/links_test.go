package authserver

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestWithMailAnAccountIsConfirmedBeforeAnybodySignsIn(t *testing.T) {
	f, box := newMailFixture(t)
	f.register("ana@example.org", testPassword)
	logIn := object("username", "ana@example.org", "password", testPassword)
	f.do("POST", loginPath("local-userpass"), "", logIn).want(401).says("unauthorized", "AuthError")
	// Only a client that knows the password learns that there is an account.
	f.do("POST", loginPath("local-userpass"), "", object("username", "ana@example.org", "password", "not this one")).
		want(401).says("unauthorized", "InvalidPassword")
	letter := box.one(f)
	if letter.To != "ana@example.org" || letter.Subject != "Latchkey: Confirm your email address" {
		t.Errorf("mail to %q about %q", letter.To, letter.Subject)
	}
	f.do("POST", appPath(confirmRest), "", f.link(letter)).want(200)
	session := f.login("ana@example.org", testPassword)
	if got := f.kinds(session.UserID); !strings.Contains(got, "email-confirmed") {
		t.Errorf("written down: %s", got)
	}
	f.do("POST", appPath(confirmRest), "", f.link(letter)).want(400).says("userpass token is expired or invalid", "UserpassTokenInvalid")
}

func TestALinkIsGoodOnceForHalfAnHourAndForItsPurpose(t *testing.T) {
	f, box := newMailFixture(t)
	f.confirmed(box, "ana@example.org")
	ask := func() string {
		f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
		return f.link(box.one(f), "password", "another battery")
	}
	late := ask()
	f.clock.Advance(linkLifetime)
	f.do("POST", appPath(resetRest), "", late).want(400).says("userpass token is expired or invalid", "UserpassTokenInvalid")

	inTime := ask()
	f.clock.Advance(linkLifetime - time.Millisecond)
	f.do("POST", appPath(confirmRest), "", inTime).want(400).says("userpass token is expired or invalid", "UserpassTokenInvalid")
	f.do("POST", appPath(resetRest), "", inTime).want(200)
	f.do("POST", appPath(resetRest), "", inTime).want(400).says("userpass token is expired or invalid", "UserpassTokenInvalid")
	f.login("ana@example.org", "another battery")
}

// The first link that is used takes the others along: they may be lying in a mailbox that somebody else reads.
func TestAUsedLinkTakesTheOthersAlong(t *testing.T) {
	f, box := newMailFixture(t)
	f.confirmed(box, "ana@example.org")
	var links []string
	for range 2 {
		f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
		links = append(links, f.link(box.one(f), "password", "another battery"))
		f.clock.Advance(accountGap)
	}
	f.do("POST", appPath(resetRest), "", links[1]).want(200)
	f.do("POST", appPath(resetRest), "", links[0]).want(400)
}

func TestAResetEndsEverySessionAndLeavesTheKeys(t *testing.T) {
	f, box := newMailFixture(t)
	ana := f.confirmed(box, "ana@example.org")
	key := f.createKey(ana, "porch-cam")
	device := f.loginWithKey(key.Value)
	box.taken(f)
	f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
	link := box.one(f)

	short := f.do("POST", appPath(resetRest), "", f.link(link, "password", "short")).want(400)
	short.says("password must be between 8 and 128 characters", "BadRequest") // and the link is still good
	f.do("POST", sessionPath, ana.RefreshToken, "").want(201)
	f.do("POST", appPath(resetRest), "", f.link(link, "password", "another battery")).want(200)

	f.do("POST", sessionPath, ana.RefreshToken, "").want(401)
	f.do("POST", sessionPath, device.RefreshToken, "").want(401)
	f.loginWithKey(key.Value)
	f.do("POST", loginPath("local-userpass"), "", object("username", "ana@example.org", "password", testPassword)).want(401)
	f.login("ana@example.org", "another battery")
	if subjects := box.subjects(f); len(subjects) != 1 || subjects[0] != "Latchkey: Password reset" {
		t.Errorf("mails about %q", subjects)
	}
	if got := f.kinds(ana.UserID); !strings.Contains(got, "password-reset password-reset-asked") {
		t.Errorf("written down: %s", got)
	}
}

// Whoever read the email has confirmed the address too: otherwise somebody who registers with the address of another would keep
// them out for ever.
func TestAResetConfirmsTheAddress(t *testing.T) {
	f, box := newMailFixture(t)
	f.register("ana@example.org", "chosen by somebody else")
	box.taken(f)
	f.clock.Advance(accountGap)
	f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
	f.do("POST", appPath(resetRest), "", f.link(box.one(f), "password", testPassword)).want(200)
	f.login("ana@example.org", testPassword)
	f.do("POST", loginPath("local-userpass"), "", object("username", "ana@example.org", "password", "chosen by somebody else")).want(401)
}

func TestAnEmailAskedForAgainWithinTheMinuteIsTheOneThatIsOnItsWay(t *testing.T) {
	f, box := newMailFixture(t)
	f.register("ana@example.org", testPassword)
	for _, rest := range []string{confirmSendRest, resetSendRest} {
		for _, email := range []string{"ana@example.org", "ANA@example.org", "nobody@example.org", "nobody@example.org"} {
			f.do("POST", appPath(rest), "", object("email", email)).want(202)
		}
	}
	if mails := box.taken(f); len(mails) != 1 {
		t.Errorf("%d mails", len(mails))
	}
	for _, email := range []string{"ana@example.org", "nobody@example.org"} {
		for range siteShareOfEmails - 1 {
			f.clock.Advance(accountGap)
			f.do("POST", appPath(confirmSendRest), "", object("email", email)).want(202)
		}
		for range 2 { // whatever minute it is
			if wait := f.do("POST", appPath(resetSendRest), "", object("email", email)).want(429).header.Get("Retry-After"); len(wait) != 4 {
				t.Errorf("Retry-After is %q", wait)
			}
			f.clock.Advance(accountGap)
		}
	}
	if mails := box.taken(f); len(mails) != siteShareOfEmails-1 {
		t.Errorf("%d mails", len(mails))
	}
}

func TestWithoutMailThereAreNoLinks(t *testing.T) {
	f := newFixture(t)
	f.signUp("ana@example.org") // which confirms itself
	for _, email := range []string{"ana@example.org", "nobody@example.org"} {
		f.do("POST", appPath(resetSendRest), "", object("email", email)).want(400).says("this server sends no email: ask its administrator", "BadRequest")
		f.do("POST", appPath(confirmSendRest), "", object("email", email)).want(400).says("already confirmed", "UserAlreadyConfirmed")
	}
}

func TestAnAccountThatIsOffGetsNoLink(t *testing.T) {
	f, box := newMailFixture(t)
	ana := f.confirmed(box, "ana@example.org")
	if err := f.store.DisableUser(t.Context(), ana.UserID, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
	if mails := box.taken(f); len(mails) > 0 {
		t.Errorf("sent %v", mails)
	}
}

func TestALinkThatIsNoneIsRefusedBeforeAnythingIsHashed(t *testing.T) {
	f, box := newMailFixture(t)
	f.confirmed(box, "ana@example.org")
	f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
	var good struct{ Token, TokenID string }
	if err := json.Unmarshal([]byte(f.link(box.one(f))), &good); err != nil {
		t.Fatal(err)
	}
	f.derive = func([]byte, []byte, model.PasswordCost) []byte { t.Error("a password was hashed"); return nil }
	for _, c := range []struct{ name, token, id, code string }{
		{"no token", "", good.TokenID, "BadRequest"},
		{"no id", good.Token, "", "BadRequest"},
		{"an id that is none", good.Token, "../" + good.TokenID[3:], "BadRequest"},
		{"a token that never ends", strings.Repeat("a", 10_000), good.TokenID, "BadRequest"},
		{"another token", strings.Repeat("0", 64), good.TokenID, "UserpassTokenInvalid"},
		{"the first half", good.Token[:32], good.TokenID, "UserpassTokenInvalid"},
		{"another id", good.Token, model.NewID(f.clock.Now()), "UserpassTokenInvalid"},
	} {
		for _, rest := range []string{resetRest, confirmRest} {
			body := object("token", c.token, "tokenId", c.id, "password", "another battery")
			var e errorBody
			f.do("POST", appPath(rest), "", body).want(http.StatusBadRequest).into(&e)
			if e.Code != c.code {
				t.Errorf("%s with %s: %+v", rest, c.name, e)
			}
		}
	}
}

// What is in a link is in no log.
func TestALinkIsInNoLog(t *testing.T) {
	f, box := newMailFixture(t)
	f.confirmed(box, "ana@example.org")
	f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
	letter := box.one(f)
	f.do("POST", appPath(resetRest), "", f.link(letter, "password", "short")).want(400)
	f.do("POST", appPath(resetRest), "", f.link(letter, "password", "another battery")).want(200)
	f.do("POST", appPath(resetRest), "", f.link(letter, "password", "another battery")).want(400)
	var link struct{ Token string }
	if err := json.Unmarshal([]byte(f.link(letter)), &link); err != nil {
		t.Fatal(err)
	}
	f.Drain()
	if logs := f.logs.String(); strings.Contains(logs, link.Token) || strings.Contains(logs, "battery") || strings.Contains(logs, "ana@") {
		t.Errorf("logged %s", logs)
	}
	if len(link.Token) != 64 {
		t.Errorf("%q", link.Token)
	}
}
