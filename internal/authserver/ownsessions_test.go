package authserver

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/store"
)

// sessions lists the sessions of the holder of a token, as the wire has them.
func (f *fixture) sessions(token string) []map[string]any {
	f.t.Helper()
	var out struct {
		Sessions []map[string]any `json:"sessions"`
	}
	f.do("GET", sessionsPath, token, "").want(200).into(&out)
	return out.Sessions
}

func (f *fixture) sessionID(a loginAnswer) string {
	f.t.Helper()
	return f.mustVerify(a.RefreshToken, refreshToken).SessionID
}

func TestSessionsSayWhereSomebodyIsSignedIn(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.signUp("b@example.org")
	key := f.createKey(owner, "pump")
	f.clock.Advance(time.Hour)
	r := newRequest("POST", loginPath("local-userpass"), `{"username":"a@example.org","password":"`+testPassword+`",
		"options":{"device":{"deviceName":"laptop","platform":"linux","sdkVersion":"2.0.1"}}}`)
	r.Header.Set("User-Agent", "app/1.0")
	f.send(r).want(200)
	device := f.loginWithKey(key.Value)
	got := f.sessions(owner.RefreshToken)
	if len(got) != 3 || got[0]["device_name"] != "laptop" || got[1]["current"] != true || got[2]["key_id"] != key.ID {
		t.Fatalf("listed %v", got)
	}
	want := map[string]any{
		"_id": got[0]["_id"], "current": false, "provider": "local-userpass",
		"created_at": "2016-03-01T13:00:00.000Z", "last_seen_at": "2016-03-01T13:00:00.000Z", "expires_at": "2016-04-30T13:00:00.000Z",
		"address": "192.0.2.1", "agent": "app/1.0", "device_name": "laptop", "platform": "linux", "sdk": "realm-web",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[1]["_id"] != f.sessionID(owner) || got[2]["_id"] != f.sessionID(device) || got[2]["provider"] != "api-key" {
		t.Errorf("listed %v", got)
	}
	f.clock.Advance(refreshLifetime - time.Hour)
	late := f.login("a@example.org", testPassword)
	if n := len(f.sessions(late.RefreshToken)); n != 3 { // the first has expired
		t.Errorf("%d sessions after the first has run out", n)
	}
}

func TestASessionIsSeenWhenItRenewsButNotWrittenDownEachTime(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	seen := func() time.Time {
		f.Drain()
		row, err := f.store.AuthSession(t.Context(), f.sessionID(owner))
		if err != nil {
			t.Fatal(err)
		}
		return row.LastSeenAt
	}
	begun := f.clock.Now()
	for _, tt := range []struct {
		after, want time.Duration // since the sign-in
	}{{time.Minute, 0}, {9 * time.Minute, 0}, {10 * time.Minute, 10 * time.Minute}, {19 * time.Minute, 10 * time.Minute}, {time.Hour, time.Hour}} {
		f.clock.Advance(begun.Add(tt.after).Sub(f.clock.Now()))
		f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
		if got := seen().Sub(begun); got != tt.want {
			t.Errorf("renewed after %v: seen at %v, want %v", tt.after, got, tt.want)
		}
	}
}

func TestEndingASessionEndsItAndNoOther(t *testing.T) {
	f := newFixture(t)
	owner, second := f.signUp("a@example.org"), f.login("a@example.org", testPassword)
	stranger := f.signUp("b@example.org")
	for _, id := range []string{f.sessionID(owner), model.NewID(f.clock.Now()), "x"} {
		f.do("DELETE", sessionsPath+"/"+id, stranger.RefreshToken, "").want(404).says("session not found", "SessionNotFound")
	}
	f.do("DELETE", sessionsPath+"/"+f.sessionID(second), owner.RefreshToken, "").want(204)
	f.do("POST", sessionPath, second.RefreshToken, "").want(401).says("invalid session: failed to find refresh token", "InvalidSession")
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
	f.do("DELETE", sessionsPath+"/"+f.sessionID(second), owner.RefreshToken, "").want(404)
	f.do("DELETE", sessionsPath+"/"+f.sessionID(owner), owner.RefreshToken, "").want(204) // one's own is a sign-out
	f.do("GET", keysPath, owner.RefreshToken, "").want(401)
	want := []string{"session-ended app  ended from another place", "session-ended app  signed out"}
	if diff := cmp.Diff(want, told(f.eventsOf(owner.UserID, model.EventSessionEnded))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEndingTheOthersLeavesTheOneThatAsks(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	others := []loginAnswer{f.login("a@example.org", testPassword), f.loginWithKey(key.Value)}
	stranger := f.signUp("b@example.org")
	f.do("DELETE", sessionsPath, owner.RefreshToken, "").want(204)
	for _, other := range others {
		f.do("POST", sessionPath, other.RefreshToken, "").want(401)
	}
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
	f.do("POST", sessionPath, stranger.RefreshToken, "").want(201)
	f.loginWithKey(key.Value) // which is another matter
}

// A device may sign in all day and never out. Its sessions push no person off the list, and the list stays short enough to be read.
func TestTheListOfSessionsHasAnEndAndPeopleComeFirst(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	keys := f.createKeys(owner, 4)
	for i := range 4 * store.MaxAuthSessions {
		key := keys[i/store.MaxAuthSessions]
		row := model.Session{
			ID: model.NewID(f.clock.Now()), UserID: owner.UserID, DeviceID: "000000000000000000000000", Provider: model.ProviderAPIKey, IdentityID: key.ID,
			KeyID: key.ID, CreatedAt: f.clock.Now(), ExpiresAt: f.clock.Now().Add(time.Hour), DeviceName: fmt.Sprint(i),
		}
		if err := f.store.CreateAuthSession(t.Context(), row, nil); err != nil {
			t.Fatal(err)
		}
	}
	var out struct {
		Sessions []map[string]any `json:"sessions"`
		More     bool             `json:"more"`
	}
	f.do("GET", sessionsPath, owner.RefreshToken, "").want(200).into(&out)
	got := out.Sessions
	if len(got) != accounts.MaxListed || got[0]["current"] != true || got[1]["device_name"] != "399" || !out.More {
		t.Errorf("%d sessions, first %v, then %v", len(got), got[0], got[1])
	}
}

// Another token for the same session lasts no longer than the first, and ends with it.
func TestATokenThatWasReissuedStandsForTheSameSession(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.clock.Advance(24 * time.Hour)
	var out reissueAnswer
	f.do("POST", reissuePath, owner.RefreshToken, "").want(201).into(&out)
	before, after := f.mustVerify(owner.RefreshToken, refreshToken), f.mustVerify(out.RefreshToken, refreshToken)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	f.do("GET", keysPath, owner.RefreshToken, "").want(200)
	f.do("DELETE", sessionPath, out.RefreshToken, "").want(204)
	for _, token := range []string{owner.RefreshToken, out.RefreshToken} {
		f.do("GET", keysPath, token, "").want(401)
		f.do("POST", reissuePath, token, "").want(401)
	}
}

func TestATokenIsReissuedUnderTheNewestSecret(t *testing.T) {
	f := newFixture(t)
	access, oldest, newest := newAccessKey(t), random(32), random(32)
	use := func(secrets ...[]byte) {
		var err error
		if f.tokens, err = NewTokens(accessKeys(access), secrets); err != nil {
			t.Fatal(err)
		}
	}
	use(oldest)
	owner := f.signUp("a@example.org")
	use(newest, oldest)
	var out reissueAnswer
	f.do("POST", reissuePath, owner.RefreshToken, "").want(201).into(&out)
	use(newest)
	f.do("GET", keysPath, owner.RefreshToken, "").want(401)
	f.do("GET", keysPath, out.RefreshToken, "").want(200)
}
