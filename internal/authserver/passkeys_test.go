package authserver

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/testkit"
)

// asked is what a program is given for the browser.
func (f *fixture) asked(path, token string) (options []byte, challenge string) {
	f.t.Helper()
	var out struct {
		Options   json.RawMessage
		Challenge string
	}
	if err := json.Unmarshal(f.do("POST", path, token, "").want(200).body, &out); err != nil || out.Challenge == "" {
		f.t.Fatal(err)
	}
	return out.Options, out.Challenge
}

func withPasskey(challenge string, answer []byte) string {
	return fmt.Sprintf(`{"challenge":%q,"name":"phone","passkey":%s}`, challenge, answer)
}

// addPasskey has a program add a passkey, and gives its id with the authenticator that has it.
func (f *fixture) addPasskey(token string) (id string, a *testkit.Authenticator) {
	f.t.Helper()
	a = testkit.NewAuthenticator(f.t, testURL)
	options, challenge := f.asked(passkeyOptionsPath, token)
	var out struct{ ID, Name, Host string }
	got := f.do("POST", passkeysPath, token, withPasskey(challenge, a.Create(f.t, options))).want(201)
	if err := json.Unmarshal(got.body, &out); err != nil || out.Name != "phone" || out.Host != "keys.example.org" {
		f.t.Errorf("%s, %v", got.body, err)
	}
	return out.ID, a
}

func TestAProgramAddsAPasskeySignsInWithItAndRemovesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ana := f.signUp("ana@example.org")
	id, a := f.addPasskey(ana.RefreshToken)

	options, challenge := f.asked(passkeyLoginPath+"/options", "")
	var in loginAnswer
	body := withPasskey(challenge, a.Sign(t, options))
	if err := json.Unmarshal(f.do("POST", passkeyLoginPath, "", body).want(200).body, &in); err != nil || in.UserID != ana.UserID {
		t.Fatalf("%+v, %v", in, err)
	}
	f.do("POST", passkeyLoginPath, "", body).want(401).says("That did not work. Try again.", "AuthError")
	f.do("POST", auth+"/session", in.RefreshToken, "").want(201)
	f.do("GET", auth+"/profile", in.AccessToken, "").want(200)
	f.do("POST", apiKeys, in.RefreshToken, object("name", "pump")).want(201)

	listed := string(f.do("GET", passkeysPath, in.RefreshToken, "").want(200).body)
	for _, part := range []string{`"id":"` + id + `"`, `"name":"phone"`, `"synced":false`, `"elsewhere":false`, `"last_used_at":"`} {
		if !strings.Contains(listed, part) {
			t.Errorf("%s does not have %s", listed, part)
		}
	}
	renamed := f.do("PATCH", passkeysPath+"/"+id, in.RefreshToken, object("name", " Work ")).want(200)
	if !strings.Contains(string(renamed.body), `"name":"Work"`) {
		t.Errorf("%s", renamed.body)
	}
	f.do("PATCH", passkeysPath+"/"+id, in.RefreshToken, object("name", strings.Repeat("x", 61))).want(422)
	f.do("PATCH", passkeysPath+"/"+id, in.RefreshToken, "{}").want(400)
	f.do("PATCH", passkeysPath+"/"+f.signUp("bob@example.org").UserID, in.RefreshToken, object("name", "x")).want(404).says("passkey not found", "PasskeyNotFound")

	// A proof is good for a while, and by whatever way it was given.
	f.clock.Advance(31 * time.Minute)
	var renewed struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(f.do("POST", auth+"/session", in.RefreshToken, "").want(201).body, &renewed); err != nil {
		t.Fatal(err)
	}
	f.do("DELETE", passkeysPath+"/"+id, in.RefreshToken, "").want(403).says("show first that it is you: POST /proof", "ProofRequired")
	f.do("POST", passkeyOptionsPath, in.RefreshToken, "").want(403)
	options, challenge = f.asked(proofPath+"/options", in.RefreshToken)
	a.UserNotVerified = true
	f.do("POST", proofPath, in.RefreshToken, withPasskey(challenge, a.Sign(t, options))).want(403).says("That did not work. Try again.", "AuthError")
	a.UserNotVerified = false
	options, challenge = f.asked(proofPath+"/options", in.RefreshToken)
	f.do("POST", proofPath, in.RefreshToken, withPasskey(challenge, a.Sign(t, options))).want(204)
	f.do("DELETE", passkeysPath+"/"+id, ana.RefreshToken, "").want(403)
	f.do("DELETE", passkeysPath+"/"+id, in.RefreshToken, "").want(204)
	f.do("POST", auth+"/session", in.RefreshToken, "").want(401)
	f.do("POST", proofPath, ana.RefreshToken, object("password", testPassword)).want(204)
	f.do("DELETE", passkeysPath+"/"+id, ana.RefreshToken, "").want(404)
	f.do("POST", proofPath+"/options", ana.RefreshToken, "").want(404)
}

func TestAPasskeyThatIsThereAlreadyIsSaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ana := f.signUp("ana@example.org")
	_, a := f.addPasskey(ana.RefreshToken)
	options, challenge := f.asked(passkeyOptionsPath, ana.RefreshToken)
	f.do("POST", passkeysPath, ana.RefreshToken, withPasskey(challenge, a.Create(t, options))).want(409).says("This passkey is registered already.", "")
	f.do("POST", passkeysPath, ana.RefreshToken, withPasskey(challenge, a.Create(t, options))).want(403)
	if _, _, err := f.accounts.Disable(t.Context(), "ana@example.org"); err != nil {
		t.Fatal(err)
	}
	options, challenge = f.asked(passkeyLoginPath+"/options", "")
	f.do("POST", passkeyLoginPath, "", withPasskey(challenge, a.Sign(t, options))).want(401).says("unauthorized", "UserDisabled")
}

func TestWrongPasskeysAreCountedByWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 50 {
		f.do("POST", passkeyLoginPath, "", `{"challenge":"x","passkey":{}}`).want(401)
	}
	f.do("POST", passkeyLoginPath, "", `{"challenge":"x","passkey":{}}`).want(429)
	f.clock.Advance(tryStretch)
	f.do("POST", passkeyLoginPath, "", `{"challenge":"x","passkey":{}}`).want(401)
}

func TestThereAreNoPasskeysWithoutHTTPS(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(_ *Config, rules *accounts.Config) { rules.PublicURL = "http://keys.example.org" })
	ana := f.signUp("ana@example.org")
	f.do("POST", passkeyLoginPath+"/options", "", "").want(404)
	f.do("POST", passkeyOptionsPath, ana.RefreshToken, "").want(404)
	f.do("POST", passkeyLoginPath, "", `{"challenge":"`+strings.Repeat("A", 43)+`","passkey":{}}`).want(404)
	f.do("GET", passkeysPath, ana.RefreshToken, "").want(200)
}
