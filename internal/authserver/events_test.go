package authserver

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// eventsOf gives what is recorded of a user, oldest first: all of it, or that of some kinds.
func (f *fixture) eventsOf(userID string, kinds ...model.EventKind) []model.Event {
	f.t.Helper()
	f.Drain()
	events, err := f.store.Events(f.t.Context(), userID, model.EventQuery{Kinds: kinds, Limit: 1000})
	if err != nil {
		f.t.Fatal(err)
	}
	for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
		events[i], events[j] = events[j], events[i]
	}
	return events
}

// told writes events as a table of a test does: kind, actor, name of the key, detail.
func told(events []model.Event) []string {
	lines := []string{}
	for _, e := range events {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %s %s %s", e.Kind, e.Actor, e.KeyName, e.Detail), " "))
	}
	return lines
}

func TestEachActIsWrittenDownOnceAndNothingElse(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	owner := f.login("a@example.org", testPassword)
	other := f.login("a@example.org", testPassword)
	stranger := f.signUp("b@example.org")
	key := f.createKey(owner, "pump")
	f.eventsOf(owner.UserID)
	for _, tt := range []struct {
		name         string
		method, path string
		token, body  string
		status       int
		want         []string
	}{
		{"a name that is taken", "POST", keysPath, owner.RefreshToken, object("name", "pump"), 409, nil},
		{"a name that cannot be", "POST", keysPath, owner.RefreshToken, object("name", "p u m p"), 400, nil},
		{"listing", "GET", keysPath, owner.RefreshToken, "", 200, nil},
		{"turning on what is on", "PUT", keysPath + "/" + key.ID + "/enable", owner.RefreshToken, "", 204, nil},
		{"first use", "POST", loginPath("api-key"), "", object("key", key.Value), 200, []string{"key-first-used device pump"}},
		{"second use", "POST", loginPath("api-key"), "", object("key", key.Value), 200, nil},
		{"turning off", "PUT", keysPath + "/" + key.ID + "/disable", owner.RefreshToken, "", 204, []string{"key-turned-off app pump"}},
		{"turning off what is off", "PUT", keysPath + "/" + key.ID + "/disable", owner.RefreshToken, "", 204, nil},
		{"use of what is off", "POST", loginPath("api-key"), "", object("key", key.Value), 401, []string{"key-refused device pump off"}},
		{"another within the minute", "POST", loginPath("api-key"), "", object("key", key.Value), 401, nil},
		{"turning on", "PUT", keysPath + "/" + key.ID + "/enable", owner.RefreshToken, "", 204, []string{"key-turned-on app pump"}},
		{"a stranger turning off", "PUT", keysPath + "/" + key.ID + "/disable", stranger.RefreshToken, "", 404, nil},
		{"a stranger deleting", "DELETE", keysPath + "/" + key.ID, stranger.RefreshToken, "", 404, nil},
		{"deleting", "DELETE", keysPath + "/" + key.ID, owner.RefreshToken, "", 204, []string{"key-deleted app pump"}},
		{"deleting what is gone", "DELETE", keysPath + "/" + key.ID, owner.RefreshToken, "", 404, nil},
		{"creating", "POST", keysPath, owner.RefreshToken, object("name", "lamp"), 201, []string{"key-made app lamp"}},
		{"a value that never was", "POST", loginPath("api-key"), "", object("key", unknownValue()), 401, nil},
		{"a wrong password", "POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", "wrong password"), 401,
			[]string{"sign-in-failed unknown  wrong password"}},
		{"an unknown account", "POST", loginPath("local-userpass"), "", object("username", "c@example.org", "password", "wrong password"), 401, nil},
		{"a password nobody has", "POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", strings.Repeat("x", 200)), 401, nil},
		{"signing in", "POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", testPassword), 200,
			[]string{"signed-in app"}},
		{"an account that is taken", "POST", appPath(registerRest), "", object("email", "a@example.org", "password", testPassword), 409, nil},
		{"renewing", "POST", sessionPath, owner.RefreshToken, "", 201, nil},
		{"signing out", "DELETE", sessionPath, other.RefreshToken, "", 204, []string{"session-ended app  signed out"}},
		{"signing out again", "DELETE", sessionPath, other.RefreshToken, "", 401, nil},
		{"ending the others", "DELETE", sessionsPath, owner.RefreshToken, "", 204, []string{"session-ended app  all others"}},
		{"ending others that there are not", "DELETE", sessionsPath, owner.RefreshToken, "", 204, nil},
		{"ending what is no session", "DELETE", sessionsPath + "/" + key.ID, owner.RefreshToken, "", 404, nil},
	} {
		f.clock.Advance(time.Second)
		before := len(f.eventsOf(owner.UserID))
		f.on(t).do(tt.method, tt.path, tt.token, tt.body).want(tt.status)
		got := told(f.eventsOf(owner.UserID)[before:])
		if diff := cmp.Diff(append([]string{}, tt.want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := told(f.eventsOf(stranger.UserID)); !cmp.Equal(got, []string{"account-made app", "signed-in app"}) {
		t.Errorf("of the stranger: %q", got)
	}
}

func TestAnEventSaysWhoWhenAndFromWhere(t *testing.T) {
	f := newFixture(t, func(c *Config, _ *accounts.Config) {
		c.ClientAddress = func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") } // of a proxy that is trusted
	})
	owner := f.signUp("a@example.org")
	session := f.mustVerify(owner.RefreshToken, refreshToken).SessionID
	from := func(r *http.Request) *http.Request {
		r.Header.Set("X-Forwarded-For", "203.0.113.7")
		r.Header.Set("User-Agent", "lamp/1.0\u202e\x07 "+strings.Repeat("x", 500))
		r.Header.Set("Authorization", "Bearer "+owner.RefreshToken)
		return r
	}
	f.clock.Advance(time.Hour)
	f.send(from(newRequest("POST", keysPath, object("name", "pump")))).want(201)
	approval := model.Origin{Address: "198.51.100.4", Agent: "Firefox", Pairing: "porch-cam"}
	if _, err := f.inBrowser(owner, approval).CreateKey(t.Context(), model.CalledKey("porch-cam")); err != nil {
		t.Fatal(err)
	}
	events := f.eventsOf(owner.UserID, model.EventKeyMade)
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	app, browser := events[0], events[1]
	if !app.At.Equal(f.clock.Now()) || app.Actor != model.ActorApp || app.Address != "203.0.113.7" || app.KeyName != "pump" ||
		app.KeyID == "" || !strings.HasPrefix(app.Agent, "lamp/1.0 x") || len(app.Agent) > 200 {
		t.Errorf("by an app: %+v", app)
	}
	if browser.Actor != model.ActorBrowser || browser.Address != "198.51.100.4" || browser.Agent != "Firefox" || browser.Detail != "porch-cam" {
		t.Errorf("by a browser: %+v", browser)
	}
	row, err := f.store.AuthSession(t.Context(), session)
	if err != nil || row.UserID != owner.UserID {
		t.Fatalf("%+v, %v", row, err)
	}
}

func TestFiftyTurnOffsAtOnceAreOneEvent(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	all := func(path string, statuses ...int) {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				method := "PUT"
				if path == "" {
					method = "DELETE"
				}
				if got := f.do(method, keysPath+"/"+key.ID+path, owner.RefreshToken, ""); got.status != statuses[0] && got.status != statuses[len(statuses)-1] {
					t.Errorf("status %d", got.status)
				}
			})
		}
		wg.Wait()
	}
	all("/disable", 204)
	all("/enable", 204)
	all("", 204, 404)
	want := []string{"key-made app pump", "key-turned-off app pump", "key-turned-on app pump", "key-deleted app pump"}
	got := told(f.eventsOf(owner.UserID, model.EventKeyMade, model.EventKeyTurnedOff, model.EventKeyTurnedOn, model.EventKeyDeleted))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFiftyFirstUsesAtOnceAreOneEvent(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { f.do("POST", loginPath("api-key"), "", object("key", key.Value)).is(200) })
	}
	wg.Wait()
	if got := told(f.eventsOf(owner.UserID, model.EventKeyFirstUsed)); !cmp.Equal(got, []string{"key-first-used device pump"}) {
		t.Errorf("%q", got)
	}
}

// A device comes and goes all day: of its sign-ins the first is recorded, and its sign-outs never are.
func TestADeviceThatComesAndGoesFillsNoList(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	before := len(f.eventsOf(owner.UserID))
	for range 5 {
		f.do("DELETE", sessionPath, f.loginWithKey(key.Value).RefreshToken, "").want(204)
	}
	if got := told(f.eventsOf(owner.UserID)[before:]); !cmp.Equal(got, []string{"key-first-used device pump"}) {
		t.Errorf("%q", got)
	}
}

// Identifying one's own key on the page leaves no trace; identifying another's does.
func TestATrialOfAKeyIsAnEventOnlyForAnotherOwner(t *testing.T) {
	f := newFixture(t)
	owner, other := f.signUp("a@example.org"), f.signUp("b@example.org")
	for _, tt := range []struct {
		who  loginAnswer
		want int
	}{{owner, 0}, {other, 2}} {
		key := f.createKey(owner, "key-"+tt.who.UserID)
		f.triedOn(key.Value, tt.who, "192.0.2.9")
		f.do("PUT", keysPath+"/"+key.ID+"/disable", owner.RefreshToken, "").want(204)
		f.triedOff(key.Value, tt.who, "192.0.2.9")
		f.Drain()
		events, err := f.store.Events(t.Context(), owner.UserID, model.EventQuery{
			Kinds: []model.EventKind{model.EventKeyFirstUsed, model.EventKeyRefused}, KeyID: key.ID, Limit: 10,
		})
		if err != nil || len(events) != tt.want {
			t.Errorf("tried by %s: %q, %v", tt.who.UserID, told(events), err)
		}
	}
}

func TestWhatCannotBeSavedDidNotHappen(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	_ = f.store.Close()
	f.do("POST", keysPath, owner.RefreshToken, object("name", "pump")).want(503)
	f.do("DELETE", sessionsPath, owner.RefreshToken, "").want(503)
	f.do("GET", sessionsPath, owner.RefreshToken, "").want(503)
}
