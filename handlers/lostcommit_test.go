package handlers_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// commits are all acts of pages that save something, by the calls whose commit is lost, and how one sees past the pages whether an act was
// done.
var commits = map[string]struct {
	calls []string
	act   func(s scene, b *browser) answer
	done  func(s scene, direct *store.Store, a answer) bool
}{
	"register": {
		calls: []string{"Register"},
		act: func(s scene, b *browser) answer {
			return b.p.browser().post("/register", url.Values{"email": {"new-" + s.who.email}, "password": {password}})
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			_, err := direct.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, "new-"+s.who.email)
			return err == nil
		},
	},
	"sign in": {
		calls: []string{"SignIn", "CreateWebSession"},
		act: func(s scene, b *browser) answer {
			return b.p.browser().post("/login", credentials(s.who.email, password))
		},
		done: func(s scene, direct *store.Store, a answer) bool {
			rows, err := direct.WebSessions(s.t.Context(), s.who.id)
			return err == nil && len(rows) == 3 && len(a.cookies) > 0
		},
	},
	"sign out": {
		calls: []string{"DeleteWebSession"},
		act:   func(_ scene, b *browser) answer { return b.post("/logout", nil) },
		done: func(s scene, direct *store.Store, _ answer) bool {
			rows, err := direct.WebSessions(s.t.Context(), s.who.id)
			return err == nil && len(rows) == 1
		},
	},
	"use a link": {
		calls: []string{"UseLink"},
		act: func(s scene, b *browser) answer {
			id, err := s.store.IdentityBySubject(s.t.Context(), model.ProviderEmailPassword, s.who.email)
			if err != nil {
				s.t.Fatal(err)
			}
			link := model.Link{
				ID: model.NewID(s.clock.Now()), TokenHash: sha256.Sum256([]byte("secret-token")), IdentityID: id.ID, Purpose: model.LinkReset,
				CreatedAt: s.clock.Now(), ExpiresAt: s.clock.Now().Add(time.Hour),
			}
			if err := s.store.CreateLink(s.t.Context(), link); err != nil {
				s.t.Fatal(err)
			}
			return b.p.browser().post("/reset", url.Values{"token": {"secret-token"}, "tokenId": {link.ID}, "password": {"another " + password}})
		},
		done: passwordChanged,
	},
	"create a key": {
		calls: []string{"CreateKey"},
		act:   func(s scene, b *browser) answer { return b.post("/keys", createForm(newFormID(s.t), "pump")) },
		done: func(s scene, direct *store.Store, a answer) bool {
			keys, err := direct.APIKeys(s.t.Context(), s.who.id)
			if a.status == http.StatusOK {
				found, err := direct.APIKeyByValueHash(s.t.Context(), sha256.Sum256([]byte(a.text("#value"))))
				return err == nil && found.Name == "pump" // its value is not lost
			}
			return err == nil && len(keys) == 2
		},
	},
	"turn a key off": {
		calls: []string{"TurnKey"},
		act: func(s scene, b *browser) answer {
			a := b.post("/keys/"+s.key+"/turn-off", url.Values{"name": {"porch-cam"}, "place": {"row"}})
			if a.status == http.StatusSeeOther {
				a = b.get("/keys")
			}
			if strings.Contains(a.text("body"), "Nothing changed: porch-cam is still on.") {
				a.status = http.StatusServiceUnavailable // as everything else that was not done
			}
			return a
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			key, err := direct.APIKey(s.t.Context(), s.who.id, s.key)
			return err == nil && key.Disabled
		},
	},
	"delete a key": {
		calls: []string{"DeleteKey"},
		act: func(s scene, b *browser) answer {
			return b.post("/keys/"+s.key+"/delete", url.Values{"place": {"row"}})
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			_, err := direct.APIKey(s.t.Context(), s.who.id, s.key)
			return err != nil
		},
	},
	"delete several keys": {
		calls: []string{"DeleteKey"},
		act: func(s scene, b *browser) answer {
			a := b.post("/keys/room", url.Values{"key": {s.key}, "name": {"porch-cam"}})
			if strings.Contains(a.text("[aria-label=Results]"), "Not deleted") {
				a.status = http.StatusServiceUnavailable // as everything else that was not done
			}
			return a
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			_, err := direct.APIKey(s.t.Context(), s.who.id, s.key)
			return err != nil
		},
	},
	"adopt a key": {
		calls: []string{"AdoptKey"},
		act: func(_ scene, b *browser) answer {
			return b.adopts("pump", testkit.OldValue())
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			keys, err := direct.APIKeys(s.t.Context(), s.who.id)
			return err == nil && len(keys) == 2
		},
	},
	"remove a way to sign in": {
		calls: []string{"RemoveWay"},
		act: func(s scene, b *browser) answer {
			_, way := s.linked(s.who, model.ProviderGoogle, "")
			return b.post("/account/ways/"+way.ID+"/remove", nil)
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			_, err := direct.IdentityBySubject(s.t.Context(), model.ProviderGoogle, "subject of "+s.who.id)
			return err != nil
		},
	},
	"end the session of a browser": {
		calls: []string{"DeleteWebSession"},
		act: func(s scene, b *browser) answer {
			rows, err := s.own.WebSessions(s.t.Context(), s.who.id)
			if err != nil || len(rows) != 2 {
				s.t.Fatal(rows, err)
			}
			return b.post(fmt.Sprintf("/sessions/%x/end", rows[0].IDHash), nil)
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			rows, err := direct.WebSessions(s.t.Context(), s.who.id)
			return err == nil && len(rows) == 1
		},
	},
	"end the session of an app": {
		calls: []string{"EndSession"},
		act: func(s scene, b *browser) answer {
			rows, err := s.own.WebSessions(s.t.Context(), s.who.id)
			if err != nil || len(rows) != 2 {
				s.t.Fatal(rows, err)
			}
			return b.post("/sessions/"+rows[0].AuthSessionID+"/end", nil) // as if it were
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			rows, err := direct.WebSessions(s.t.Context(), s.who.id)
			return err == nil && len(rows) == 1
		},
	},
	"end all other sessions": {
		calls: []string{"EndOthers"},
		act:   func(_ scene, b *browser) answer { return b.post("/sessions/end-others", nil) },
		done: func(s scene, direct *store.Store, _ answer) bool {
			rows, err := direct.WebSessions(s.t.Context(), s.who.id)
			return err == nil && len(rows) == 1
		},
	},
	"change the password": {
		calls: []string{"ChangePassword"},
		act: func(_ scene, b *browser) answer {
			return b.post("/account/password", url.Values{"current": {password}, "new": {"another " + password}})
		},
		done: passwordChanged,
	},
	"delete the account": {
		calls: []string{"CheckPassword", "DeleteAccount"},
		act:   func(_ scene, b *browser) answer { return b.post("/account/delete", url.Values{"password": {password}}) },
		done: func(s scene, direct *store.Store, _ answer) bool {
			_, err := direct.User(s.t.Context(), s.who.id)
			return err != nil
		},
	},
	"create a key after the password": {
		calls: []string{"CheckPassword", "UpdateWebSession"},
		act: func(s scene, b *browser) answer {
			s.clock.Advance(11 * time.Minute)
			form := createForm(newFormID(s.t), "pump")
			a := b.post("/keys", alsoPassword(form, password))
			if a.status == http.StatusNoContent { // to the dialog, whose script then sends the form as it was
				form.Del("password")
				a = b.post("/keys", form)
			}
			return a
		},
		done: func(s scene, direct *store.Store, _ answer) bool {
			keys, err := direct.APIKeys(s.t.Context(), s.who.id)
			return err == nil && len(keys) == 2
		},
	},
	"open a pairing": {
		calls: []string{"ClaimGrant"},
		act: func(s scene, b *browser) answer {
			return b.post("/device", url.Values{"code": {s.program.pairing("garage").userCode}})
		},
		done: func(s scene, direct *store.Store, a answer) bool {
			g, err := direct.Grant(s.t.Context(), strings.TrimPrefix(a.header.Get("Location")+a.header.Get("HX-Redirect"), "/device/"))
			return err == nil && g.UserID == s.who.id
		},
	},
	"deny a pairing": {
		calls: []string{"DenyGrant"},
		act:   func(s scene, b *browser) answer { return s.pairing.on(b).deny() },
		done: func(s scene, direct *store.Store, _ answer) bool {
			g, err := direct.Grant(s.t.Context(), strings.TrimPrefix(s.pairing.path, "/device/"))
			return err == nil && g.State == model.Denied
		},
	},
	"approve a pairing": {
		calls: []string{"BeginApproval", "CreateKey", "FinishApproval"},
		act:   func(s scene, b *browser) answer { return s.pairing.on(b).approve("pump") },
		done: func(s scene, direct *store.Store, _ answer) bool {
			g, err := direct.Grant(s.t.Context(), strings.TrimPrefix(s.pairing.path, "/device/"))
			keys, listed := direct.APIKeys(s.t.Context(), s.who.id)
			if err != nil || listed != nil || (g.State == model.Approved) != (len(keys) == 2) {
				s.t.Errorf("the pairing is %s, and there are %d keys", g.State, len(keys))
			}
			if g.State == model.Approved {
				s.device.asks().want(http.StatusOK)
			}
			return g.State == model.Approved
		},
	},
}

func passwordChanged(s scene, direct *store.Store, _ answer) bool {
	events, err := direct.Events(s.t.Context(), s.who.id, model.EventQuery{
		Kinds: []model.EventKind{model.EventPasswordChanged, model.EventPasswordReset}, Limit: 1,
	})
	return err == nil && len(events) == 1
}

// TestWhatPeopleAreToldOfALostCommitIsTrue loses the commits of the calls behind the pages, on a real server: the answer of each, and its
// request. What was saved must be answered as ever; what is told as not done must not be.
func TestWhatPeopleAreToldOfALostCommitIsTrue(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("96 lost commits; those of package accounts are run under the race detector")
	}
	at := pgtest.URL(t)
	proxy := pgtest.NewProxy(t, at)
	direct := testkit.StoreOn(t, at)
	lost := losing{}
	st := testkit.StoreOn(t, proxy.URL())
	p := newProgramOn(t, st, withGrants(losingGrants{st, lost}), ownersAdopt, func(d *handlers.Deps) { d.StepUp = 10 * time.Minute })
	p.loses(lost)
	cells := 0
	for name, c := range commits {
		for _, call := range c.calls {
			for i, cut := range []func(int){proxy.CutAtCommit, proxy.CutBeforeCommit} {
				cells++
				for _, script := range []bool{false, true} {
					saved := i == 0
					t.Run(fmt.Sprintf("%s, %s, saved %v, script %v", name, call, saved, script), func(t *testing.T) {
						s := p.scene(t, fmt.Sprintf("ana-%d-%v@example.com", cells, script))
						b := s.b
						if script {
							b = b.htmx()
						}
						met := false
						lost[call] = func() error {
							cut(1)
							met = true
							delete(lost, call)
							return nil
						}
						a := c.act(s, b)
						done := c.done(s, direct, a)
						switch {
						case !met:
							t.Error("there was no commit to lose")
						case a.status < http.StatusBadRequest && !done:
							t.Errorf("told is that it was done, and it was not: %d", a.status)
						case a.status == http.StatusServiceUnavailable && done, saved && a.status >= http.StatusBadRequest && call != "CheckPassword":
							t.Errorf("told is that it was not done, and done is %v: %d %s", done, a.status, a.text("h1, .notice"))
						case a.status == http.StatusInternalServerError && (call != "CreateWebSession" && call != "FinishApproval" || done):
							t.Errorf("told is that it is not known, and it could be: %s", a.text("h1, .notice"))
						}
						a.keepsQuiet("unexpected EOF", "commit", "secret-token", password)
					})
				}
			}
		}
	}
}

// scene is somebody with two browsers, a key and an open pairing.
func (p *program) scene(t *testing.T, email string) scene {
	t.Helper()
	p.t = t
	p.clock.Advance(time.Hour)
	b, who := p.signedIn(email)
	p.signIn(who)
	s := scene{program: p, b: b, who: who, key: p.seed(who, "porch-cam")[0].ID, device: p.pairing("porch-cam")}
	s.pairing = b.opens(s.device)
	return s
}
