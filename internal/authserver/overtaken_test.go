package authserver

import (
	"testing"

	"latchkey/internal/model"
)

// whileHashing has something happen once, while the next password is being hashed.
func (f *fixture) whileHashing(happens func()) {
	derive := f.derive
	f.derive = func(password, salt []byte, c model.PasswordCost) []byte {
		if now := happens; now != nil {
			happens = nil
			now()
		}
		return derive(password, salt, c)
	}
}

// A password is read, checked for as long as there is a queue, and then used. Whatever ends it meanwhile ends the sign-in too.
func TestASignInThatAChangeOfPasswordOvertakesOpensNothing(t *testing.T) {
	const email, other = "ana@example.org", "another battery"
	for name, overtake := range map[string]func(*fixture, *mailbox, loginAnswer){
		"changed by its owner": func(f *fixture, _ *mailbox, ana loginAnswer) {
			f.do("PUT", passwordPath, ana.RefreshToken, object("current_password", testPassword, "new_password", other)).want(204)
		},
		"reset by a link": func(f *fixture, box *mailbox, _ loginAnswer) {
			f.do("POST", appPath(resetRest), "", f.link(box.one(f), "password", other)).want(200)
		},
		"voided by an operator": func(f *fixture, _ *mailbox, _ loginAnswer) {
			id, err := f.store.IdentityBySubject(f.t.Context(), model.ProviderEmailPassword, email)
			if err == nil {
				err = f.store.ChangePassword(f.t.Context(), id, "", "")
			}
			if err != nil {
				f.t.Fatal(err)
			}
		},
		"set to what it was": func(f *fixture, box *mailbox, _ loginAnswer) {
			f.do("POST", appPath(resetRest), "", f.link(box.one(f), "password", testPassword)).want(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, box := newMailFixture(t)
			ana := f.confirmed(box, email)
			box.taken(f)
			f.do("POST", appPath(resetSendRest), "", object("email", email)).want(202)
			f.whileHashing(func() { overtake(f, box, ana) })
			f.do("POST", loginPath("local-userpass"), "", object("username", email, "password", testPassword)).want(401)
			left, err := f.store.AuthSessions(t.Context(), ana.UserID, f.clock.Now())
			for _, a := range left {
				if err != nil || f.sessionID(ana) != a.ID {
					t.Errorf("session %s is open, %v", a.ID, err)
				}
			}
		})
	}
}

// Storing the same password at today's cost is no change of it.
func TestASignInBesideAnotherThatStoresThePasswordAnewGoesOn(t *testing.T) {
	f := newFixture(t)
	f.register("ana@example.org", testPassword)
	f.rules.PasswordCost.Passes++
	f.restart(f.store)
	f.whileHashing(func() { f.login("ana@example.org", testPassword) })
	f.login("ana@example.org", testPassword)
}
