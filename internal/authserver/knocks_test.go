package authserver

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/internal/accounts"
)

// oldValue is one that App Services may have created.
const oldValue = "q7Hc2LwXz9RkT4vBn8YdJ3mPf6sGa1ZeU5oWhCxKiQtVrNbEyMuDgFjSlApO0I2k"

func withKnocks(_ *Config, rules *accounts.Config) { rules.Knocks = true }

// Not a byte tells a device that was heard of from one that was not, and either from one whose key is off.
func TestARefusedDeviceReadsTheSameWhateverIsRememberedOfIt(t *testing.T) {
	f := newFixture(t, withKnocks)
	ana := f.signUp("ana@example.org")
	off := f.createKey(ana, "pump")
	f.do("PUT", keysPath+"/"+off.ID+"/disable", ana.RefreshToken, "").want(204)
	device := `"options":{"device":{"deviceName":"porch-cam","platform":"linux","sdk":"Node.js","sdkVersion":"12.6"}}`
	var answers []string
	for _, value := range []string{oldValue, oldValue, off.Value, unknownValue(), "x"} {
		req := newRequest("POST", loginPath("api-key"), `{"key":"`+value+`",`+device+`}`)
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, req)
		id := rec.Header().Get(requestIDHeader)
		var header strings.Builder
		if err := rec.Header().Write(&header); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, strings.ReplaceAll(header.String()+rec.Body.String(), id, "ID"))
	}
	for _, answer := range answers {
		if answer != answers[0] || !strings.Contains(answer, `"unauthorized"`) {
			t.Errorf("%s\nand not %s", answer, answers[0])
		}
	}
	f.Drain()
	knocks, err := f.accounts.Knocks(t.Context(), false)
	if err != nil || len(knocks) != 1 || knocks[0].Device.Name != "porch-cam" || knocks[0].Address != "192.0.2.1" || knocks[0].HintUser != "" {
		t.Errorf("%+v, %v", knocks, err)
	}
	if logs := f.logs.String(); strings.Contains(logs, oldValue) {
		t.Error("the value is in the log")
	}
}

// jwt is a token that nobody here has signed.
func jwt(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode(random(32))
}

func TestAnOldTokenHintsAtAUserAndIsRefusedAsAnyOther(t *testing.T) {
	const hs256 = `{"alg":"HS256","typ":"JWT"}`
	for name, c := range map[string]struct {
		token func(user string) string
		path  string
		hints bool
	}{
		"refresh":           {func(u string) string { return jwt(hs256, `{"typ":"refresh","sub":"`+u+`","baas_data":null}`) }, sessionPath, true},
		"access":            {func(u string) string { return jwt(hs256, `{"typ":"access","sub":"`+u+`","exp":1}`) }, sessionPath, true},
		"padded":            {func(u string) string { return padded(jwt(hs256, `{"typ":"refresh","sub":"`+u+`"}`)) }, sessionPath, true},
		"of another call":   {func(u string) string { return jwt(hs256, `{"typ":"access","sub":"`+u+`"}`) }, profilePath, false},
		"another algorithm": {func(u string) string { return jwt(`{"alg":"RS256"}`, `{"typ":"refresh","sub":"`+u+`"}`) }, sessionPath, false},
		"no signature": {func(u string) string {
			return strings.TrimRight(jwt(hs256, `{"typ":"refresh","sub":"`+u+`"}`)[:70], ".")
		}, sessionPath, false},
		"no type":       {func(u string) string { return jwt(hs256, `{"sub":"`+u+`"}`) }, sessionPath, false},
		"a longer name": {func(u string) string { return jwt(hs256, `{"typ":"refresh","sub":"`+u+`0"}`) }, sessionPath, false},
		"not JSON":      {func(string) string { return jwt(hs256, "x") }, sessionPath, false},
		"too long": {func(u string) string {
			return jwt(hs256, `{"typ":"refresh","sub":"`+u+`","x":"`+strings.Repeat("x", maxToken)+`"}`)
		}, sessionPath, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, withKnocks)
			ana := f.signUp("ana@example.org")
			method := "POST"
			if c.path == profilePath {
				method = "GET"
			}
			f.do(method, c.path, c.token(ana.UserID), "").want(401).says("unauthorized", "InvalidSession")
			f.do("POST", loginPath("api-key"), "", object("key", oldValue)).want(401).says("unauthorized", "AuthError")
			f.Drain()
			knocks, err := f.accounts.Knocks(t.Context(), false)
			if err != nil || len(knocks) != 1 {
				t.Fatalf("%+v, %v", knocks, err)
			}
			if got := knocks[0].HintUser; c.hints != (got == ana.UserID) || !c.hints && got != "" {
				t.Errorf("hints at %q", got)
			}
			f.do("GET", profilePath, ana.AccessToken, "").want(200)
		})
	}
}

// padded writes a token in the other alphabet of base64, with padding.
func padded(token string) string {
	parts := strings.Split(token, ".")
	for i, part := range parts {
		part = strings.NewReplacer("-", "+", "_", "/").Replace(part)
		parts[i] = part + strings.Repeat("=", (4-len(part)%4)%4)
	}
	return strings.Join(parts, ".")
}
