package authserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

func TestSecretsPrintAsRedacted(t *testing.T) {
	s := model.Secret("canary")
	request := struct {
		In loginRequest
		S  *model.Secret
	}{loginRequest{Password: &s, Key: &s}, &s}
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	log.Info("x", "secret", s, "in", registerRequest{Password: s})
	text, err := json.Marshal(registerRequest{Email: "a", Password: s})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{
		fmt.Sprint(s), fmt.Sprintf("%s %q %v %+v %#v %x %d %T", s, s, s, s, s, s, s, s), s.String(), s.GoString(),
		fmt.Sprintf("%v %+v", request, request), logged.String(), string(text), fmt.Errorf("with %v", s).Error(),
	} {
		if strings.Contains(got, "canary") || strings.Contains(got, "63616e617279") {
			t.Errorf("printed %s", got)
		}
	}
}

func TestWhatGoesOutWithASecretIsPrintedWithout(t *testing.T) {
	const canary = "canary"
	for _, out := range []any{
		loginAnswer{canary, canary, "user", "device"}, &loginAnswer{AccessToken: canary}, renewAnswer{canary}, reissueAnswer{canary}, createdKey{wireKey{Name: "pump"}, canary},
		answer{status: 200, body: loginAnswer{AccessToken: canary}}, answer{body: canary}, accounts.Email{Subject: "Set a new password", Text: canary}, []any{createdKey{Value: canary}},
		map[string]any{"answer": renewAnswer{canary}}, struct{ In, Out any }{1, loginAnswer{RefreshToken: canary}},
	} {
		if printed := everyWayToPrint(out); strings.Contains(printed, canary) || strings.Contains(printed, "63616e617279") || strings.Contains(printed, "99 97 110") {
			t.Errorf("%T is printed as %s", out, printed)
		}
	}
}

// everyWayToPrint tries all verbs, as a value and as a pointer, and the text form of package slog.
func everyWayToPrint(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%e", "% x", "%T"} {
		fmt.Fprintf(&b, verb+" "+verb+" ", v, &v)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	b.WriteString(fmt.Sprint(v) + fmt.Sprintln(v) + fmt.Errorf("with %v", v).Error())
	return b.String()
}

func TestTheLogNeverHasACredential(t *testing.T) {
	const canary = "canary-password"
	f := newFixture(t)
	f.register("canary@example.org", canary)
	owner := f.login("canary@example.org", canary)
	key := f.createKey(owner, "pump")
	device := f.loginWithKey(key.Value)
	at := keysPath + "/" + key.ID

	f.do("POST", appPath(registerRest), "", object("email", "canary@example.org", "password", canary)).want(409)
	f.do("POST", loginPath("local-userpass"), "", object("username", "canary@example.org", "password", canary+"x")).want(401)
	f.do("POST", loginPath("local-userpass"), "", object("username", canary, "password", canary)).want(401)
	f.do("POST", loginPath("local-userpass"), "", `{"username":"x","password":"`+canary).want(400)
	f.do("POST", loginPath("api-key")+"?key="+key.Value, "", object("key", []string{key.Value})).want(400)
	f.do("POST", loginPath("api-key"), "", object("key", key.Value+"x")).want(401)
	f.do("POST", loginPath(canary), "", "{}").want(404)
	f.do("GET", at, device.RefreshToken, "").want(403)
	f.do("GET", at, owner.AccessToken, "").want(401)
	f.do("GET", profilePath, owner.RefreshToken, "").want(401)
	f.do("GET", keysPath, owner.RefreshToken+"x", "").want(401)
	f.do("GET", keysPath+"/"+key.Value, owner.RefreshToken, "").want(404)
	f.do("GET", "/"+key.Value, "", "").want(404)
	f.do("PUT", at+"/disable", owner.RefreshToken, "").want(204)
	f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401)
	f.do("POST", keysPath, owner.RefreshToken, object("name", canary+"/")).want(400)
	f.clock.Advance(refreshLifetime)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(401)
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(503)
	f.do("POST", loginPath("local-userpass"), "", object("username", "canary@example.org", "password", canary)).want(503)

	logs := f.logs.String()
	if strings.Count(logs, "\n") < 15 {
		t.Fatalf("hardly anything was logged: %s", logs)
	}
	for name, s := range map[string]string{
		"password or email": "canary", "value": key.Value,
		"access token": signature(owner.AccessToken), "refresh token": signature(owner.RefreshToken), "device's token": signature(device.RefreshToken),
		"claims": strings.Split(owner.RefreshToken, ".")[1],
	} {
		if strings.Contains(logs, s) {
			t.Errorf("the log has the %s", name)
		}
	}
}

func signature(token string) string { return token[strings.LastIndex(token, ".")+1:] }

// Nothing a client sent in secret comes back in an answer, the creation of a key aside.
func TestAnswersNeverRepeatACredential(t *testing.T) {
	const canary = "canary-password"
	f := newFixture(t)
	f.register("a@example.org", canary)
	owner := f.login("a@example.org", canary)
	key := f.createKey(owner, "pump")
	for _, got := range []reply{
		f.do("GET", keysPath, owner.RefreshToken, ""),
		f.do("GET", keysPath+"/"+key.ID, owner.RefreshToken, ""),
		f.do("GET", profilePath, owner.AccessToken, ""),
		f.do("POST", loginPath("api-key"), "", object("key", key.Value)),
		f.do("POST", loginPath("api-key"), "", object("key", key.Value+"x")),
		f.do("POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", canary+"x")),
		f.do("POST", appPath(registerRest), "", object("email", "a@example.org", "password", canary)),
		f.do("POST", loginPath("api-key"), "", `{"key":["`+key.Value+canary+`"]}`),
		f.do("POST", keysPath, owner.RefreshToken, object("name", "pump")),
	} {
		if body := string(got.body); strings.Contains(body, key.Value) || strings.Contains(body, canary) {
			t.Errorf("status %d: %s", got.status, body)
		}
	}
}
