package authserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
)

func (f *fixture) serverKey(name string) (model.Key, model.Secret) {
	f.t.Helper()
	key, value, err := f.accounts.AddServerKey(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return key, value
}

func TestProfileOfAServerKeyIsNobodys(t *testing.T) {
	f := newFixture(t)
	f.createKey(f.signUp("a@example.org"), "gateway") // which has nothing to do with it
	key, value := f.serverKey("gateway")
	got := f.do("GET", profilePath, f.loginWithKey(value.Reveal()).AccessToken, "").want(200).fields()
	want := map[string]any{
		"user_id":    key.UserID,
		"domain_id":  f.ids.domain,
		"identities": []any{map[string]any{"id": key.ID, "provider_type": "api-key", "provider_id": f.ids.keys}},
		"data":       map[string]any{"name": "gateway"},
		"type":       "server",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAServerKeyMayDoWhatAKeyOfAPersonMayAndNoMore(t *testing.T) {
	f := newFixture(t)
	for n, rt := range f.routes {
		c := f.newCast(200_000 + n)
		key, value := f.serverKey(fmt.Sprintf("gateway-%d", n))
		session := f.loginWithKey(value.Reveal())
		if strings.HasSuffix(rt.path, "/{id}") { // its own
			c.keyID, c.sessionID = key.ID, f.mustVerify(session.RefreshToken, refreshToken).SessionID
		}
		got := f.knock(rt, c, "Bearer "+tokenFor(rt.rule, session, true), n)
		if want := stated[rt.method+" "+rt.path].key; got.status != want {
			t.Errorf("%s %s: %d, want %d: %s", rt.method, rt.path, got.status, want, got.body)
		}
	}
}

func TestAServerKeyThatIsOffIsRefusedAndItsSessionsAreOver(t *testing.T) {
	f := newFixture(t)
	key, value := f.serverKey("gateway")
	session := f.loginWithKey(value.Reveal())
	for _, on := range []bool{false, true} {
		if _, err := f.accounts.SetServerKey(t.Context(), "gateway", on); err != nil {
			t.Fatal(err)
		}
		f.do("POST", sessionPath, session.RefreshToken, "").want(401).says("invalid session: failed to find refresh token", "InvalidSession")
		_, exchanged := f.Exchange(t.Context(), model.Secret(session.AccessToken), testAudience.Name)
		if !model.Is(exchanged, model.KindSessionOver) {
			t.Errorf("its token is exchanged: %v", exchanged)
		}
		if !on {
			f.do("POST", loginPath("api-key"), "", object("key", value.Reveal())).want(401).says("unauthorized", "AuthError")
		}
	}
	session = f.loginWithKey(value.Reveal())
	if _, err := f.Exchange(t.Context(), model.Secret(session.AccessToken), testAudience.Name); err != nil {
		t.Errorf("its token is not exchanged: %v", err)
	}
	if _, err := f.accounts.DeleteServerKey(t.Context(), "gateway"); err != nil {
		t.Fatal(err)
	}
	f.do("GET", profilePath, session.AccessToken, "").want(401)
	f.do("POST", loginPath("api-key"), "", object("key", value.Reveal())).want(401).says("unauthorized", "AuthError")
	if events := f.eventsOf(key.UserID); len(events) > 0 {
		t.Errorf("left of it: %v", events)
	}
}

func TestWhatAServerKeyDoesIsWrittenDown(t *testing.T) {
	f := newFixture(t)
	key, value := f.serverKey("gateway")
	f.loginWithKey(value.Reveal())
	if _, err := f.accounts.SetServerKey(t.Context(), "gateway", false); err != nil {
		t.Fatal(err)
	}
	f.do("POST", loginPath("api-key"), "", object("key", value.Reveal())).want(401)
	want := []string{"key-made operator gateway", "key-first-used device gateway", "key-turned-off operator gateway", "key-refused device gateway off"}
	if got := told(f.eventsOf(key.UserID)); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
