package authserver

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/accounts"
)

func TestAnOperatorsProgramActsWhileTheProofIsFresh(t *testing.T) {
	f := newFixture(t, func(cfg *Config, rules *accounts.Config) { cfg.StepUp = 5 * time.Minute })
	operator, owner := f.signUp("op@example.org"), f.signUp("<b>ada@example.org")
	key := f.createKey(owner, "porch-cam")
	user := adminUsersPath + "/" + owner.UserID
	f.do("GET", user, operator.RefreshToken, "").want(403).says("this kind of session may not do that", "")
	if _, _, err := f.accounts.MakeOperator(t.Context(), "op@example.org", true); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		adminUsersPath + "?q=" + url.QueryEscape("<b>a"): `"email":"\u003cb\u003eada@example.org"`,
		user:                    `"imported":false`,
		user + "/keys":          `"name":"porch-cam"`,
		user + "/sessions":      `"sessions":[{"_id":"`,
		user + "/events":        `"kind":"key-made"`,
		adminKnocksPath:         `{"knocks":[]}`,
		adminServerPath:         `{"keys":[]}`,
		adminPath + "/acts":     `{"acts":[]}`,
		adminUsersPath + "?q=z": `{"users":[]}`,
	} {
		if got := f.do("GET", path, operator.RefreshToken, "").want(200); !strings.Contains(string(got.body), want) || strings.Contains(string(got.body), key.Value) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	found := f.do("POST", adminPath+"/by_value", operator.RefreshToken, object("value", key.Value)).want(200)
	if !strings.Contains(string(found.body), owner.UserID) || strings.Contains(string(found.body), key.Value) {
		t.Errorf("whose it is: %s", found.body)
	}

	f.clock.Advance(6 * time.Minute)
	off := user + "/keys/" + key.ID + "/off"
	f.do("POST", off, operator.RefreshToken, "").want(403).says("show first that it is you: POST /proof", "ProofRequired")
	f.do("POST", proofPath, operator.RefreshToken, object("password", testPassword)).want(204)
	for _, changed := range []string{"true", "false"} {
		if got := f.do("POST", off, operator.RefreshToken, "").want(200); string(got.body) != `{"changed":`+changed+`}` {
			t.Errorf("turned off: %s", got.body)
		}
	}
	f.do("POST", user+"/keys/"+operator.UserID+"/off", operator.RefreshToken, "").want(404).says("API key not found", "APIKeyNotFound")
	f.do("POST", user+"/sign_out", operator.RefreshToken, "").want(200)
	f.do("POST", user+"/reset", operator.RefreshToken, "").want(400).says("this server sends no email: ask its administrator", "BadRequest")
	f.do("POST", adminUsersPath+"/"+operator.UserID+"/disable", operator.RefreshToken, "").want(409).says("operators cannot disable their own account", "")
	f.do("POST", user+"/disable", operator.RefreshToken, "").want(200)
	f.do("POST", user+"/enable", operator.RefreshToken, "").want(200)
	f.do("POST", adminServerPath, operator.RefreshToken, object("name", "backup")).want(201)
	f.do("POST", adminKnocksPath+"/abcdef/ignore", operator.RefreshToken, "").want(404).says("no refused device has this id", "KnockNotFound")
	f.do("DELETE", user+"/sessions/"+operator.UserID, operator.RefreshToken, "").want(200)
	f.do("GET", user+"x", operator.RefreshToken, "").want(404).says("this account is gone", "UserNotFound")
	if acts := f.do("GET", adminPath+"/acts", operator.RefreshToken, "").want(200); strings.Count(string(acts.body), `"operator":"op@example.org"`) != 6 {
		t.Errorf("acts: %s", acts.body)
	}

	if _, _, err := f.accounts.MakeOperator(t.Context(), "op@example.org", false); err != nil {
		t.Fatal(err)
	}
	for _, rt := range f.adminRoutes() {
		path := strings.NewReplacer("{id}", owner.UserID, "{key}", key.ID, "{session}", key.ID).Replace(rt.path)
		f.do(rt.method, path, operator.RefreshToken, "").want(403)
	}
}

// A value in an address is in the histories and logs of everything on the way: whose it is, is another call.
func TestPeopleAreNotSearchedByAValue(t *testing.T) {
	f := newFixture(t)
	operator, owner := f.signUp("op@example.org"), f.signUp("ada@example.org")
	if _, _, err := f.accounts.MakeOperator(t.Context(), "op@example.org", true); err != nil {
		t.Fatal(err)
	}
	value := f.createKey(owner, "porch-cam").Value
	for _, typed := range []string{value, "API_KEY=" + value, value[:50], value[:32] + "\n" + value[32:], "https://" + value + "@keys.example.com"} {
		path := adminUsersPath + "?q=" + url.QueryEscape(typed)
		refused := f.do("GET", path, operator.RefreshToken, "").want(400)
		if body := string(refused.body); !strings.Contains(body, "InvalidParameter") || strings.Contains(body, value[:20]) {
			t.Errorf("%.20s…: %s", typed, body)
		}
		f.do("GET", path, owner.RefreshToken, "").want(403).says("this kind of session may not do that", "") // who may not ask learns nothing of it
	}
	if strings.Contains(f.logs.String(), value[:20]) {
		t.Error("the value is in the log")
	}
	f.do("GET", adminUsersPath+"?q="+strings.Repeat("a", 60)+"@example.org", operator.RefreshToken, "").want(200)
}
