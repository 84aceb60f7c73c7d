package authserver

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func (f *fixture) disable(userID string) {
	f.t.Helper()
	if err := f.store.DisableUser(f.t.Context(), userID, f.clock.Now()); err != nil {
		f.t.Fatal(err)
	}
}

func TestADisabledUserIsOutAtOnceAndEverywhere(t *testing.T) {
	f := newFixture(t)
	owner, other := f.signUp("a@example.org"), f.signUp("b@example.org")
	key := f.createKey(owner, "pump")
	device := f.loginWithKey(key.Value)
	f.disable(owner.UserID)
	for name, token := range map[string]string{"the person": owner.RefreshToken, "the device": device.RefreshToken} {
		got := f.do("POST", sessionPath, token, "").want(401)
		if got.says("invalid session: failed to find refresh token", "InvalidSession"); t.Failed() {
			t.Errorf("for %s", name)
		}
		f.do("GET", keysPath, token, "").want(401)
	}
	f.do("POST", sessionPath, other.RefreshToken, "").want(201)
}

// That an account is off is for those who could get into it. Everybody else is told what they are told of any account.
func TestOnlyWhoeverKnowsThePasswordOrTheKeyLearnsThatAnAccountIsOff(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	on, off := f.createKey(owner, "on"), f.createKey(owner, "off")
	f.do("PUT", keysPath+"/"+off.ID+"/disable", owner.RefreshToken, "").want(204)
	f.disable(owner.UserID)
	before := len(f.eventsOf(owner.UserID))
	done := f.recordWork()
	for _, tt := range []struct {
		name, provider, body, code, event string
		hashes                            int
	}{
		{"wrong password", "local-userpass", object("username", "a@example.org", "password", "wrong password"), "InvalidPassword",
			"sign-in-failed unknown  wrong password", 1},
		{"right password", "local-userpass", object("username", "a@example.org", "password", testPassword), "UserDisabled",
			"sign-in-failed unknown  account is off", 1},
		{"unknown email", "local-userpass", object("username", "b@example.org", "password", testPassword), "InvalidPassword", "", 1},
		{"key that is on", "api-key", object("key", on.Value), "UserDisabled", "key-refused device on account is off", 0},
		{"key that is off", "api-key", object("key", off.Value), "AuthError", "key-refused device off off", 0},
		{"key that never was", "api-key", object("key", unknownValue()), "AuthError", "", 0},
	} {
		f.on(t).do("POST", loginPath(tt.provider), "", tt.body).want(401).says("unauthorized", tt.code)
		events := f.eventsOf(owner.UserID)
		if got := strings.Join(told(events[before:]), "; "); got != tt.event {
			t.Errorf("%s: written down is %q, want %q", tt.name, got, tt.event)
		}
		if n := len(done.take()); n != tt.hashes {
			t.Errorf("%s: %d hashes", tt.name, n)
		}
		before = len(events)
	}
	if err := f.store.EnableUser(t.Context(), owner.UserID, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.login("a@example.org", testPassword)
	f.loginWithKey(on.Value)
}

func TestAnAddressThatIsNotConfirmedDoesNotSignIn(t *testing.T) {
	f := newFixture(t)
	user := testkit.Person(t, f.store, "p@example.org", f.clock.Now(), func(i *model.Identity) { i.Pending = true })
	f.do("POST", loginPath("local-userpass"), "", object("username", "p@example.org", "password", "wrong password")).
		want(401).says("unauthorized", "InvalidPassword")
	f.do("POST", loginPath("local-userpass"), "", object("username", "p@example.org", "password", testPassword)).
		want(401).says("unauthorized", "AuthError")
	want := []string{"sign-in-failed unknown  wrong password", "sign-in-failed unknown  address not confirmed"}
	if diff := cmp.Diff(want, told(f.eventsOf(user))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What starts after the answer that a key is off must not succeed, however many use it at that moment.
func TestNothingThatStartsAfterAKeyWasTurnedOffGetsIn(t *testing.T) {
	for name, turnOff := range map[string]func(f *fixture, owner loginAnswer, keyID string){
		"the key turned off": func(f *fixture, owner loginAnswer, keyID string) {
			f.do("PUT", keysPath+"/"+keyID+"/disable", owner.RefreshToken, "").want(204)
		},
		"the key deleted": func(f *fixture, owner loginAnswer, keyID string) {
			f.do("DELETE", keysPath+"/"+keyID, owner.RefreshToken, "").want(204)
		},
		"the user disabled": func(f *fixture, owner loginAnswer, _ string) { f.disable(owner.UserID) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			owner := f.signUp("a@example.org")
			key := f.createKey(owner, "pump")
			var off atomic.Bool
			var after atomic.Int64
			warm := make(chan struct{}, 64)
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() {
					session := f.loginWithKey(key.Value)
					warm <- struct{}{}
					for late := false; !late; {
						late = off.Load()
						renewed := f.do("POST", sessionPath, session.RefreshToken, "").status == 201
						again := f.do("POST", loginPath("api-key"), "", object("key", key.Value)).status == 200
						if late && (renewed || again) {
							after.Add(1)
						}
					}
				})
			}
			for range 64 {
				<-warm
			}
			turnOff(f.on(t), owner, key.ID)
			off.Store(true)
			wg.Wait()
			if after.Load() != 0 {
				t.Errorf("%d got in afterwards", after.Load())
			}
		})
	}
}
