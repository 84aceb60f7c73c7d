package authserver

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestAProgramReplacesAKeyWithOneThatIsThere(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	old, by := f.createKey(owner, "garage-pi"), f.createKey(owner, "garage-pi-2")
	at := strings.Replace(replacedPath, "{id}", old.ID, 1)
	f.do("GET", at, owner.RefreshToken, "").want(404)
	start := f.clock.Now()
	got := f.do("POST", at, owner.RefreshToken, `{"new_key":"`+by.ID+`","finish":"evidence","quiet":86400}`).want(201).fields()
	for field, want := range map[string]any{
		"new_key": by.ID, "new_name": "garage-pi-2", "finish": "evidence", "state": "waiting", "quiet": 86400.0, "started_at": start.Format("2006-01-02T15:04:05.000Z"),
	} {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	f.do("POST", at, owner.RefreshToken, `{"new_key":"`+by.ID+`","finish":"now"}`).want(409)
	f.clock.Advance(time.Minute)
	f.loginWithKey(by.Value)
	var facts struct {
		Keys []struct {
			ID  string          `json:"_id"`
			Raw json.RawMessage `json:"replacement"`
		} `json:"keys"`
	}
	f.do("GET", keyFactsPath, owner.RefreshToken, "").want(200).into(&facts)
	if len(facts.Keys) != 2 || !strings.Contains(string(facts.Keys[0].Raw), `"new_used_at"`) || facts.Keys[1].Raw != nil {
		t.Errorf("the facts are %+v", facts)
	}
	f.clock.Advance(24 * time.Hour)
	if err := f.accounts.FinishReplacements(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := f.do("GET", at, owner.RefreshToken, "").want(200).fields(); got["state"] != "parked" {
		t.Errorf("it is %v", got)
	}
	f.do("POST", appPath("/auth/providers/api-key/login"), "", object("key", old.Value)).want(401)
	for range 2 {
		f.do("DELETE", at, owner.RefreshToken, "").want(204)
		f.loginWithKey(old.Value)
	}
	// What programs do by the calls of the SDKs counts as well.
	f.do("POST", at, owner.RefreshToken, `{"new_key":"`+by.ID+`","finish":"person"}`).want(201)
	f.do("PUT", keysPath+"/"+by.ID+"/disable", owner.RefreshToken, "").want(204)
	if got := f.do("GET", at, owner.RefreshToken, "").want(200).fields(); got["state"] != "undone" {
		t.Errorf("it is %v", got)
	}
}

func TestAReplacementThatMakesNoSenseIsRefused(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	old, by := f.createKey(owner, "garage-pi"), f.createKey(owner, "garage-pi-2")
	at := strings.Replace(replacedPath, "{id}", old.ID, 1)
	for body, status := range map[string]int{
		`{}`:                          400,
		`{"new_key":"` + by.ID + `"}`: 400,
		`{"new_key":"` + by.ID + `","finish":"soon"}`:                                        400,
		`{"new_key":"` + by.ID + `","finish":"evidence","quiet":-1}`:                         400,
		`{"new_key":"` + by.ID + `","finish":"evidence","quiet":3599}`:                       400,
		`{"new_key":"` + by.ID + `","finish":"evidence","quiet":9223372036854775807}`:        400,
		`{"new_key":"` + by.ID + `","finish":"evidence","quiet":1.5}`:                        400,
		`{"new_key":"` + old.ID + `","finish":"now"}`:                                        400,
		`{"new_key":"nonsense","finish":"now"}`:                                              404,
		`{"new_key":"0123456789abcdef01234567","finish":"now"}`:                              404,
		`{"new_key":["` + by.ID + `"],"finish":"now"}`:                                       400,
		strings.Repeat("[", 1000):                                                            400,
		`{"new_key":"` + strings.Repeat("a", 100) + `","finish":"now","quiet":999999999999}`: 400,
	} {
		if got := f.do("POST", at, owner.RefreshToken, body); got.status != status {
			t.Errorf("%.100s: %d, want %d: %s", body, got.status, status, got.body)
		}
	}
	f.do("GET", at, owner.RefreshToken, "").want(http.StatusNotFound)
}

func TestAKeyWhoseValueLeakedIsNotBroughtBackByUndoingItsReplacement(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	old, by := f.createKey(owner, "garage-pi"), f.createKey(owner, "garage-pi-2")
	at := strings.Replace(replacedPath, "{id}", old.ID, 1)
	f.do("POST", at, owner.RefreshToken, `{"new_key":"`+by.ID+`","finish":"now"}`).want(201)
	if _, err := f.accounts.As(model.Account{UserID: owner.UserID, Provider: model.ProviderEmailPassword}, model.Origin{}).ReportLeak(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	f.do("DELETE", at, owner.RefreshToken, "").want(409).says("the value of this API key leaked: it stays off unless it is enabled", "")
	f.do("POST", appPath("/auth/providers/api-key/login"), "", object("key", old.Value)).want(401)
	f.do("PUT", keysPath+"/"+old.ID+"/enable", owner.RefreshToken, "").want(204)
	f.loginWithKey(old.Value)
}
