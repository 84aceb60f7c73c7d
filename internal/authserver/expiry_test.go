package authserver

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func (f *fixture) setExpiry(owner loginAnswer, keyID, at string) reply {
	f.t.Helper()
	return f.do("PUT", strings.Replace(expiryPath, "{id}", keyID, 1), owner.RefreshToken, `{"expires_at":`+at+`}`)
}

// in is a time so long from now, as JSON.
func (f *fixture) in(d time.Duration) string {
	return `"` + f.clock.Now().Add(d).UTC().Format(time.RFC3339) + `"`
}

func TestADeviceWithAnExpiredKeyReadsWhatAnyRefusedOneReads(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	expired, off := f.createKey(owner, "expired"), f.createKey(owner, "off")
	f.setExpiry(owner, expired.ID, f.in(time.Hour)).want(204)
	f.do("PUT", keysPath+"/"+off.ID+"/disable", owner.RefreshToken, "").want(204)
	f.clock.Advance(time.Hour)
	login := func(value string) reply {
		return f.do("POST", loginPath("api-key"), "", object("key", value)).want(401).says("unauthorized", "AuthError")
	}
	nobodys := login(unknownValue())
	for name, value := range map[string]string{"expired": expired.Value, "off": off.Value} {
		got := login(value)
		// The one thing that differs in any two answers is the id of the request, in the link.
		same := bytes.ReplaceAll(got.body, []byte(got.header.Get(requestIDHeader)), []byte(nobodys.header.Get(requestIDHeader)))
		if !bytes.Equal(same, nobodys.body) {
			t.Errorf("with a key that is %s it is %s, and with nobody's %s", name, got.body, nobodys.body)
		}
	}
	f.do("PUT", keysPath+"/"+expired.ID+"/enable", owner.RefreshToken, "").want(204) // which does not help
	login(expired.Value)
	f.Drain()
	facts := f.do("GET", keyFactsPath, owner.RefreshToken, "").want(200)
	if body := string(facts.body); strings.Count(body, `"reason":"expired"`) != 1 || strings.Count(body, `"expires_at":"`) != 1 {
		t.Errorf("the owner reads %s", body)
	}
	f.setExpiry(owner, expired.ID, "null").want(204)
	f.loginWithKey(expired.Value)
}

func TestNothingThatAKeyHasOpenedOutlivesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	early := f.loginWithKey(key.Value)
	f.setExpiry(owner, key.ID, f.in(20*time.Minute)).want(204)
	end := f.clock.Now().Add(20 * time.Minute)
	late := f.loginWithKey(key.Value)
	f.clock.Advance(15 * time.Minute)
	var renewed renewAnswer
	f.do("POST", sessionPath, early.RefreshToken, "").want(201).into(&renewed)
	for name, token := range map[string]string{"after it was set": late.AccessToken, "renewed": renewed.AccessToken} {
		if c := f.mustVerify(token, accessToken); c.Expires != end.Unix() {
			t.Errorf("access %s ends at %v, want %v", name, time.Unix(c.Expires, 0), end)
		}
		got, err := f.Exchange(t.Context(), model.Secret(token), testAudience.Name)
		if err != nil || got.Lifetime > 5*time.Minute {
			t.Errorf("a token for another service %s lasts %v, %v", name, got.Lifetime, err)
		}
	}
	f.clock.Advance(5 * time.Minute)
	for name, session := range map[string]loginAnswer{"early": early, "late": late} {
		f.do("POST", sessionPath, session.RefreshToken, "").want(401).says("invalid session", "InvalidSession")
		if _, err := f.Exchange(t.Context(), model.Secret(early.AccessToken), testAudience.Name); err == nil {
			t.Errorf("the %s session still buys tokens for other services", name)
		}
	}
	f.do("GET", profilePath, late.AccessToken, "").want(401)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
}

// A device must not be signed out on a day that was put off. It has nothing but its first refresh token then.
func TestASessionGoesOnWhenTheExpiryOfItsKeyIsPutOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	f.setExpiry(owner, key.ID, f.in(time.Hour)).want(204)
	device := f.loginWithKey(key.Value)
	f.clock.Advance(30 * time.Minute)
	f.setExpiry(owner, key.ID, f.in(40*24*time.Hour)).want(204)
	f.clock.Advance(39 * 24 * time.Hour)
	f.do("POST", sessionPath, device.RefreshToken, "").want(201)
	f.clock.Advance(24*time.Hour + time.Second)
	f.do("POST", sessionPath, device.RefreshToken, "").want(401)
}

func TestWhatIsNoTimeToExpireAtIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	for at, says := range map[string]string{
		f.in(0): "that day is over", f.in(-time.Hour): "that day is over", f.in(3654 * 24 * time.Hour): "", f.in(3656 * 24 * time.Hour): "a key can expire in ten years at most",
		`"9999-12-31T23:59:59Z"`: "a key can expire in ten years at most", `"10000-01-01T00:00:00Z"`: "bad request body", `"0001-01-01T00:00:00Z"`: "bad request body",
		`"2016-03-01"`: "bad request body", `1488326400`: "bad request body", `{}`: "bad request body", `""`: "bad request body",
	} {
		got := f.setExpiry(owner, key.ID, at)
		if says == "" {
			got.want(204)
			continue
		}
		if got.want(400); says != "bad request body" && !strings.Contains(string(got.body), says) {
			t.Errorf("%s: %s", at, got.body)
		}
	}
	f.do("PUT", strings.Replace(expiryPath, "{id}", key.ID, 1), owner.RefreshToken, "{}").want(400)
	if facts := string(f.do("GET", keyFactsPath, owner.RefreshToken, "").want(200).body); !strings.Contains(facts, `"expires_at":"`) {
		t.Error(facts)
	}
}
