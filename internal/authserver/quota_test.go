package authserver

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"latchkey/internal/accounts"
)

func TestKeysMadeAndTurnedOnAreCountedByUserAndTurningOffNeverWaits(t *testing.T) {
	f := newFixture(t)
	ana, bob := f.signUp("ana@example.org"), f.signUp("bob@example.org")
	key := f.createKey(ana, "porch-cam")
	for range actsAtOnce - 1 {
		f.do("PUT", keysPath+"/"+key.ID+"/disable", ana.RefreshToken, "").want(204)
		f.do("PUT", keysPath+"/"+key.ID+"/enable", ana.RefreshToken, "").want(204)
	}
	for _, refused := range []reply{
		f.do("PUT", keysPath+"/"+key.ID+"/enable", ana.RefreshToken, ""),
		f.do("POST", keysPath, ana.RefreshToken, object("name", "another")),
	} {
		refused.want(http.StatusTooManyRequests)
		if got := refused.header.Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After %q", got)
		}
	}
	f.do("GET", keysPath, ana.RefreshToken, "").want(200)
	f.do("PUT", keysPath+"/"+key.ID+"/disable", ana.RefreshToken, "").want(204)
	f.do("DELETE", keysPath+"/"+key.ID, ana.RefreshToken, "").want(204)
	f.createKey(bob, "porch-cam")
	f.clock.Advance(actPause)
	f.createKey(ana, "another")
	f.do("POST", keysPath, ana.RefreshToken, object("name", "one more")).want(400)
	f.do("POST", keysPath, ana.RefreshToken, object("name", "one-more")).want(http.StatusTooManyRequests)
}

// registerFrom creates an account from an address.
func (f *fixture) registerFrom(address, email string) reply {
	req := newRequest(http.MethodPost, appPath(registerRest), object("email", email, "password", testPassword))
	req.RemoteAddr = net.JoinHostPort(address, "1")
	return f.send(req)
}

func TestAccountsAreCountedByTheAddressThatMakesThem(t *testing.T) {
	f := newFixture(t)
	for i := range registrationsAtOnce {
		f.registerFrom("2001:db8::"+strconv.Itoa(i), strconv.Itoa(i)+"@example.org").want(201)
	}
	f.registerFrom("2001:db8::abcd", "").want(400) // what cannot be an account is not counted
	refused := f.registerFrom("2001:db8::abcd", "one@more.example.org").want(http.StatusTooManyRequests)
	if got := refused.header.Get("Retry-After"); got != "36" {
		t.Errorf("Retry-After %q", got)
	}
	f.registerFrom("2001:db8:0:1::1", "one@more.example.org").want(201)
	f.clock.Advance(registrationPause)
	f.registerFrom("2001:db8::abcd", "two@more.example.org").want(201)
	f.registerFrom("2001:db8::abcd", "three@more.example.org").want(http.StatusTooManyRequests)
}

func TestAnonymousAccountsAreCountedByTheAddressThatMakesThem(t *testing.T) {
	f := newFixture(t)
	anonymously := func(address string) reply {
		req := newRequest(http.MethodPost, loginPath("anon-user"), "")
		req.RemoteAddr = net.JoinHostPort(address, "1")
		return f.send(req)
	}
	for i := range registrationsAtOnce {
		anonymously("2001:db8::" + strconv.Itoa(i)).want(200)
	}
	refused := anonymously("2001:db8::abcd").want(http.StatusTooManyRequests)
	refused.says("too many attempts: wait a little before the next one", "")
	if got := refused.header.Get("Retry-After"); got != "36" {
		t.Errorf("Retry-After %q", got)
	}
	anonymously("2001:db8:0:1::1").want(200)
}

// stuck is a way to send emails on which nothing moves, and which has so many places.
type stuck struct {
	mailbox
	places int
}

func (s *stuck) Send(ctx context.Context, m accounts.Email) error {
	s.mu.Lock()
	full := len(s.mails) >= s.places
	s.mu.Unlock()
	if full {
		return context.DeadlineExceeded
	}
	return s.mailbox.Send(ctx, m)
}

func TestWhoeverMakesKeysInALoopLeavesTheMailsOfOthersTheirRoom(t *testing.T) {
	box := &stuck{places: 1000}
	f := newFixture(t, func(_ *Config, cfg *accounts.Config) { cfg.Mailer = box })
	t.Cleanup(f.Drain)
	mallory := f.confirmed(&box.mailbox, "mallory@example.org")
	f.register("ana@example.org", testPassword)
	box.taken(f)
	made := 0
	for range 1000 {
		got := f.do("POST", keysPath, mallory.RefreshToken, object("name", "key"))
		if got.status == http.StatusTooManyRequests {
			break
		}
		var key newKey
		got.want(201).into(&key)
		f.do("DELETE", keysPath+"/"+key.ID, mallory.RefreshToken, "")
		made++
	}
	f.Drain()
	f.clock.Advance(accountGap)
	f.do("POST", appPath(resetSendRest), "", object("email", "ana@example.org")).want(202)
	f.clock.Advance(accountGap)
	f.do("PUT", passwordPath, mallory.RefreshToken, object("current_password", testPassword, "new_password", "another battery")).want(204)
	f.Drain()
	subjects := map[string]int{}
	for _, letter := range box.mails {
		subjects[letter.Subject]++
		if letter.Notice != (letter.Subject != "Latchkey: Reset your password") {
			t.Errorf("%q is a notice: %v", letter.Subject, letter.Notice)
		}
	}
	if made != actsAtOnce || subjects["Latchkey: New key: key"] != noticesAtOnce ||
		subjects["Latchkey: Reset your password"] != 1 || subjects["Latchkey: Password changed"] != 1 {
		t.Errorf("after %d keys: mails %v", made, subjects)
	}
	if log := f.logs.String(); !strings.Contains(log, "notice email skipped") || strings.Contains(log, "mallory@") {
		t.Error("the log does not say what was left out")
	}
}
