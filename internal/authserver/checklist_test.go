package authserver

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/model"
)

// TestWhatAServerMust goes through what published SDKs insist on, one line each; the other tests have the details.
func TestWhatAServerMust(t *testing.T) {
	f := newFixture(t)
	c := f.newCast(1)
	at := keysPath + "/" + c.keyID

	t.Run("exact application/json, and no Content-Type on empty bodies", func(t *testing.T) {
		for _, got := range []reply{
			f.do("GET", appPath("/location"), "", ""),
			f.do("GET", "/nowhere", "", ""),
			f.do("PATCH", keysPath, "", ""),
			f.do("GET", keysPath, "x", ""),
			f.do("PUT", at+"/enable", c.owner.RefreshToken, ""),
			f.do("POST", appPath(registerRest), "", object("email", "b@example.org", "password", testPassword)),
			f.do("OPTIONS", keysPath, "", ""),
		} {
			types := got.header["Content-Type"]
			if len(got.body) == 0 && types != nil || len(got.body) > 0 && (len(types) != 1 || types[0] != "application/json") {
				t.Errorf("status %d, %d bytes: Content-Type %q", got.status, len(got.body), types)
			}
		}
	})

	t.Run("location with hostname and ws_hostname, served at host root", func(t *testing.T) {
		got := f.on(t).do("GET", "/api/client/v2.0/app/"+testApp+"/location", "", "").want(200).fields()
		if got["hostname"] != testURL || got["ws_hostname"] != "wss://keys.example.org" {
			t.Errorf("location %v", got)
		}
	})

	t.Run("both tokens JWT-shaped with integer exp and iat and without user_data null", func(t *testing.T) {
		for _, raw := range []string{c.owner.AccessToken, c.owner.RefreshToken, c.key.AccessToken, c.anonymous.RefreshToken} {
			claims := part(t, raw, 1)
			for _, name := range []string{"exp", "iat"} {
				if v, ok := claims[name].(float64); !ok || v != float64(int64(v)) {
					t.Errorf("%s is %v", name, claims[name])
				}
			}
			if _, there := claims["user_data"]; there {
				t.Error("user_data is there")
			}
		}
	})

	t.Run("login answers with device_id", func(t *testing.T) {
		for _, s := range []loginAnswer{c.owner, c.key, c.anonymous} {
			if !model.IsID(s.DeviceID) {
				t.Errorf("device_id %q", s.DeviceID)
			}
		}
	})

	t.Run("profile with type, data and identities", func(t *testing.T) {
		for _, s := range []loginAnswer{c.owner, c.key, c.anonymous} {
			got := f.on(t).do("GET", profilePath, s.AccessToken, "").want(200).fields()
			_, hasData := got["data"].(map[string]any)
			ids, hasIDs := got["identities"].([]any)
			if got["type"] != "normal" || !hasData || !hasIDs || len(ids) == 0 || got["user_id"] != s.UserID {
				t.Errorf("profile %v", got)
			}
		}
	})

	t.Run("auth calls without an app id", func(t *testing.T) {
		for _, pattern := range f.Routes() {
			beforeLogin := strings.Contains(pattern, "/auth/providers/") || strings.HasSuffix(pattern, "/location") || strings.HasSuffix(pattern, "/functions/call")
			if strings.Contains(pattern, "{app}") && !beforeLogin {
				t.Errorf("%s has an app in its path", pattern)
			}
		}
	})

	t.Run("the refresh token on key calls", func(t *testing.T) {
		f.on(t).do("GET", keysPath, c.owner.RefreshToken, "").want(200)
		f.on(t).do("GET", keysPath, c.owner.AccessToken, "").want(401).says("invalid refresh token: incorrect token type", "InvalidSession")
	})

	t.Run("404 APIKeyNotFound for foreign, missing and malformed ids", func(t *testing.T) {
		for _, id := range []string{c.keyID, "0123456789abcdef01234567", "1"} {
			f.on(t).do("GET", keysPath+"/"+id, c.stranger.RefreshToken, "").want(404).says("API key not found", "APIKeyNotFound")
		}
	})

	t.Run("409 for duplicate names", func(t *testing.T) {
		f.on(t).do("POST", keysPath, c.owner.RefreshToken, object("name", "probe")).want(409)
	})

	t.Run("403 for anonymous and key sessions", func(t *testing.T) {
		for _, s := range []loginAnswer{c.anonymous, c.key} {
			f.on(t).do("POST", keysPath, s.RefreshToken, object("name", "mine")).want(403)
			f.on(t).do("GET", at, s.RefreshToken, "").want(403)
			f.on(t).do("GET", keysPath+"/1", s.RefreshToken, "").want(403)
		}
	})

	t.Run("key only on create", func(t *testing.T) {
		if got := f.on(t).do("POST", keysPath, c.owner.RefreshToken, object("name", "fresh")).want(201); !bytes.Contains(got.body, []byte(`"key":`)) {
			t.Error("create has no key")
		}
		for _, path := range []string{keysPath, at} {
			if got := f.on(t).do("GET", path, c.owner.RefreshToken, "").want(200); bytes.Contains(got.body, []byte(`"key"`)) {
				t.Errorf("%s: %s", path, got.body)
			}
		}
	})

	t.Run("the phrase that realm-web looks for after deleting the account", func(t *testing.T) {
		gone := f.on(t).newCast(2)
		f.on(t).do("DELETE", deletePath, gone.owner.AccessToken, "").want(204)
		got := f.on(t).do("DELETE", sessionPath, gone.owner.RefreshToken, "").want(401)
		if !bytes.Contains(got.body, []byte("failed to find refresh token")) {
			t.Errorf("%s", got.body)
		}
	})

	t.Run("constant answers for wrong, disabled and deleted keys", func(t *testing.T) {
		off, deleted := f.on(t).createKey(c.owner, "off"), f.on(t).createKey(c.owner, "deleted")
		f.on(t).do("PUT", keysPath+"/"+off.ID+"/disable", c.owner.RefreshToken, "").want(204)
		f.on(t).do("DELETE", keysPath+"/"+deleted.ID, c.owner.RefreshToken, "").want(204)
		for _, value := range []string{unknownValue(), off.Value, deleted.Value, "malformed"} {
			f.on(t).do("POST", loginPath("api-key"), "", object("key", value)).want(401).says("unauthorized", "AuthError")
		}
	})
}

// realm-web renews and repeats on 401 without end, so a renewed token must never be refused where the renewal was not.
func TestWhateverCanRenewCanUseTheTokenItGets(t *testing.T) {
	f := newFixture(t)
	c := f.newCast(1)
	for _, s := range []loginAnswer{c.owner, c.key, c.anonymous, c.stranger} {
		var renewed renewAnswer
		f.do("POST", sessionPath, s.RefreshToken, "").want(201).into(&renewed)
		f.do("GET", profilePath, renewed.AccessToken, "").want(200)
	}
	f.do("PUT", keysPath+"/"+c.keyID+"/disable", c.owner.RefreshToken, "").want(204)
	f.do("POST", sessionPath, c.key.RefreshToken, "").want(401)
	f.do("DELETE", deletePath, c.owner.AccessToken, "").want(204)
	f.do("POST", sessionPath, c.owner.RefreshToken, "").want(401)
}

// Meant for the race detector: all calls at once, of several users, on one server.
func TestManyCallersDoNotMeet(t *testing.T) {
	f := newFixture(t)
	var wg sync.WaitGroup
	casts := []cast{f.newCast(1), f.newCast(2), f.newCast(3)}
	for _, c := range casts {
		for range 4 {
			wg.Go(func() {
				for range 5 {
					f.do("GET", keysPath, c.owner.RefreshToken, "").is(http.StatusOK)
					f.do("GET", keysPath, c.key.RefreshToken, "").is(http.StatusForbidden)
					f.do("GET", keysPath+"/"+c.keyID, c.stranger.RefreshToken, "").is(http.StatusNotFound)
					f.do("GET", profilePath, c.owner.AccessToken, "").is(http.StatusOK)
					f.do("POST", loginPath("api-key"), "", object("key", unknownValue())).is(http.StatusUnauthorized)
					f.do("POST", loginPath("local-userpass"), "", object("username", c.email, "password", testPassword)).is(http.StatusOK)
				}
			})
		}
	}
	wg.Wait()
}

// is is want for goroutines other than the test's own, which may not end the test.
func (r reply) is(status int) {
	r.t.Helper()
	if r.status != status {
		r.t.Errorf("status %d, want %d: %s", r.status, status, r.body)
	}
	r.obeysRules()
}
