package authserver

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// newHandoverFixture lets apps have people led back to one place.
func newHandoverFixture(t testing.TB) *fixture {
	t.Helper()
	return newFixture(t, func(_ *Config, rules *accounts.Config) {
		to, ok := model.ParseReturnURL("https://app.example.org/settings")
		if !ok {
			t.Fatal("no such address")
		}
		rules.ReturnURLs = []model.ReturnURL{to}
	})
}

func TestAnAppGetsALinkToTheKeysPageOfItsOwnPerson(t *testing.T) {
	f := newHandoverFixture(t)
	session := f.signUp("ada@example.org")
	for _, body := range []string{"", "{}", `{"return":""}`, `{"return":"https://app.example.org/settings?tab=keys"}`} {
		var link struct {
			URL     string    `json:"url"`
			Expires time.Time `json:"expires_at"`
		}
		f.do("POST", handoverPath, session.AccessToken, body).want(201).into(&link)
		u, err := url.Parse(link.URL)
		if err != nil || !strings.HasPrefix(link.URL, f.cfg.PublicURL+"/handover?ticket=") || len(u.Query().Get("ticket")) != 64 ||
			!link.Expires.Equal(f.clock.Now().Add(time.Minute)) {
			t.Errorf("%s: %+v, %v", body, link, err)
		}
		h, err := f.accounts.Handover(t.Context(), model.Secret(u.Query().Get("ticket")))
		var asked struct{ Return string }
		_ = json.Unmarshal([]byte(body), &asked)
		if err != nil || h.UserID != session.UserID || h.ReturnTo != asked.Return {
			t.Errorf("%s: %+v, %v", body, h, err)
		}
	}
	for _, body := range []string{"null", "[]", "x", `{"return":1}`, `{"return":"x"`} {
		f.do("POST", handoverPath, session.AccessToken, body).want(400)
	}
	for _, elsewhere := range []string{"https://evil.example/", "https://app.example.org/settingsx", "https://app.example.org/settings/../x", "javascript:alert(1)", "/keys"} {
		f.do("POST", handoverPath, session.AccessToken, object("return", elsewhere)).want(400).
			says("'return' begins with none of the addresses that this server may lead people back to", "InvalidParameter")
	}
	f.do("DELETE", sessionPath, session.RefreshToken, "").want(204)
	f.do("POST", handoverPath, session.AccessToken, "").want(401) // which is good for half an hour everywhere else
}

func TestAnAppThatAsksForLinksInALoopIsToldToWait(t *testing.T) {
	f := newHandoverFixture(t)
	session, other := f.signUp("ada@example.org"), f.signUp("bob@example.org")
	for range 10 {
		f.do("POST", handoverPath, session.AccessToken, "").want(201)
	}
	if got := f.do("POST", handoverPath, session.AccessToken, "").want(429); got.header.Get("Retry-After") != "6" {
		t.Errorf("come back in %q", got.header.Get("Retry-After"))
	}
	f.do("POST", handoverPath, f.login("ada@example.org", testPassword).AccessToken, "").want(429) // their apps count together
	f.do("POST", handoverPath, other.AccessToken, "").want(201)
	f.clock.Advance(time.Minute)
	f.do("POST", handoverPath, session.AccessToken, "").want(201)
}
