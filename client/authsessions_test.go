package client_test

import (
	"encoding/base64"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

const (
	sessionsCall = "/api/latchkey/v1/sessions"
	sessionID    = "65f1c0de00000000000000e1"
)

func TestASessionTellsItsIDAsFarAsItsTokenDoes(t *testing.T) {
	c, err := client.New("http://127.0.0.1:1", appID)
	if err != nil {
		t.Fatal(err)
	}
	payload := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for name, tc := range map[string]struct{ token, want string }{
		"a token of the server":         {"x." + payload(`{"typ":"refresh","baas_id":"`+sessionID+`"}`) + ".y", sessionID},
		"no id":                         {"x." + payload(`{"typ":"refresh"}`) + ".y", ""},
		"an id that is none":            {"x." + payload(`{"baas_id":"../keys"}`) + ".y", ""},
		"an id of another type":         {"x." + payload(`{"baas_id":7}`) + ".y", ""},
		"no JSON":                       {"x." + payload(`hello`) + ".y", ""},
		"no base64":                     {"x.*.y", ""},
		"two parts":                     {"x." + payload(`{"baas_id":"`+sessionID+`"}`), ""},
		"a token that is not of a kind": {refresh, ""},
		"nothing":                       {"", ""},
	} {
		if got := c.Resume(userID, client.Secret(tc.token)).ID(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestAuthSessionsAreListed(t *testing.T) {
	f := startFake(t)
	f.on("GET "+sessionsCall, http.StatusOK, `{"more":true,"else":1,"sessions":[
		{"_id":"`+sessionID+`","current":true,"provider":"local-userpass","created_at":"2026-11-01T00:00:00.000Z",
		 "last_seen_at":"2026-11-01T01:00:00.000Z","expires_at":"2026-12-31T00:00:00.000Z","address":"192.0.2.7","agent":"Firefox\u202e","more":2},
		{"_id":{"$oid":"`+keyID+`"},"provider":"api-key","key_id":"`+keyID+`","created_at":"2026-11-01T00:00:00.000Z",
		 "device_name":"porch-cam\u001b[31m","platform":"linux","sdk":"realm-web"},
		{"_id":"`+userID+`","provider":null,"key_id":"../..","created_at":null}]}`)
	got, more, err := f.login(t).AuthSessions(t.Context())
	begun := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	want := []client.AuthSession{
		{ID: sessionID, Current: true, Provider: "local-userpass", CreatedAt: begun, LastSeen: begun.Add(time.Hour),
			ExpiresAt: begun.Add(60 * 24 * time.Hour), Address: "192.0.2.7", Agent: "Firefox"},
		{ID: keyID, Provider: "api-key", KeyID: keyID, CreatedAt: begun, DeviceName: "porch-cam[31m", Platform: "linux", SDK: "realm-web"},
		{ID: userID},
	}
	if err != nil || !more || !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, more is %v, %v; want\n%+v", got, more, err, want)
	}
	f.only(t).check(t, exchange{call: "GET " + sessionsCall, authorization: "Bearer " + refresh})
}

func TestEndingSessionsSaysWhich(t *testing.T) {
	f := startFake(t)
	f.on("DELETE "+sessionsCall, http.StatusNoContent, "")
	if err := f.login(t).EndOtherAuthSessions(t.Context()); err != nil {
		t.Error(err)
	}
	f.only(t).check(t, exchange{call: "DELETE " + sessionsCall, authorization: "Bearer " + refresh})

	f = startFake(t)
	f.on("DELETE "+sessionsCall+"/"+sessionID, http.StatusNoContent, "")
	if err := f.login(t).EndAuthSession(t.Context(), sessionID); err != nil {
		t.Error(err)
	}
	f.only(t).check(t, exchange{call: "DELETE " + sessionsCall + "/" + sessionID, authorization: "Bearer " + refresh})
}

func TestAnIDThatNoSessionHasIsNotSent(t *testing.T) {
	c, err := client.New("http://127.0.0.1:1", appID)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "..", "x/../../keys", strings.Repeat("g", 24)} {
		err := c.Resume(userID, refresh).EndAuthSession(t.Context(), id)
		if !client.IsNotFound(err) || client.IsNotReported(err) || !client.NeverSent(err) || id != "" && strings.Contains(err.Error(), "/"+id) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// A page must be able to say that the server does not list sessions, and must not say it of a session that has ended.
func TestASessionThatIsGoneIsToldFromAServerThatKnowsNoSuchCall(t *testing.T) {
	for name, tc := range map[string]struct {
		status      int
		body        string
		notReported bool
	}{
		"no such call":             {404, `{"error":"there is nothing at this address"}`, true},
		"no such call, as a page":  {404, `<html>`, true},
		"another method":           {405, ``, true},
		"a redirect":               {302, ``, true},
		"a page":                   {200, `<html>`, true},
		"a session that is gone":   {404, `{"error":"session not found","error_code":"SessionNotFound"}`, false},
		"a session that may not":   {403, `{"error":"no"}`, false},
		"a failure":                {500, ``, false},
		"a server that is limited": {429, ``, false},
	} {
		f := startFake(t)
		session := f.login(t)
		for call, ask := range map[string]func() error{
			"GET " + sessionsCall:                      func() error { _, _, err := session.AuthSessions(t.Context()); return err },
			"DELETE " + sessionsCall:                   func() error { return session.EndOtherAuthSessions(t.Context()) },
			"DELETE " + sessionsCall + "/" + sessionID: func() error { return session.EndAuthSession(t.Context(), sessionID) },
		} {
			f.on(call, tc.status, tc.body)
			if err := ask(); err == nil || client.IsNotReported(err) != tc.notReported {
				t.Errorf("%s of %s: %v, not reported is %v", name, call, err, client.IsNotReported(err))
			}
		}
	}
}

func TestAListOfSessionsThatIsNoneIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"no list": `{}`, "null": `{"sessions":null}`, "a list of other things": `{"sessions":[1]}`, "an id that is none": `{"sessions":[{"_id":"x"}]}`,
	} {
		f := startFake(t)
		f.on("GET "+sessionsCall, http.StatusOK, body)
		if got, _, err := f.login(t).AuthSessions(t.Context()); err == nil || got != nil || !client.IsNotReported(err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestThatAUserIsTurnedOffIsTold(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error":"unauthorized","error_code":"UserDisabled"}`: true, `{"error":"unauthorized","error_code":"InvalidPassword"}`: false, ``: false,
	} {
		f := startFake(t)
		f.on("POST "+appRoot+"/auth/providers/local-userpass/login", http.StatusUnauthorized, body)
		c, err := client.New(f.URL, appID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Login(t.Context(), client.EmailPassword("a@example.org", "x"))
		if client.IsUserDisabled(err) != want || !client.IsUnauthorized(err) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestAReissuedSessionIsTheSameWithAnotherToken(t *testing.T) {
	const call = "POST /api/latchkey/v1/refresh_token"
	f := startFake(t)
	f.on(call, http.StatusCreated, `{"refresh_token":"another.token.of-it"}`)
	session := f.login(t)
	got, err := session.Reissue(t.Context())
	if err != nil || got.UserID() != userID || got.DeviceID() != device || got.RefreshToken() != "another.token.of-it" || session.RefreshToken() != refresh {
		t.Errorf("got %v, %v", got, err)
	}
	f.only(t).check(t, exchange{call: call, authorization: "Bearer " + refresh})
	for name, tc := range map[string]struct {
		status      int
		body        string
		notReported bool
	}{
		"no such call": {404, ``, true}, "no token": {201, `{}`, true}, "a token that cannot be": {201, `{"refresh_token":"a b"}`, true},
		"a failure": {500, ``, false},
	} {
		f.on(call, tc.status, tc.body)
		if got, err := session.Reissue(t.Context()); got != nil || client.IsNotReported(err) != tc.notReported || err == nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
