package authserver

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProfileOfAPerson(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	got := f.do("GET", profilePath, owner.AccessToken, "").want(200).fields()
	id := f.mustVerify(owner.AccessToken, accessToken).Identity.ID
	want := map[string]any{
		"user_id":   owner.UserID,
		"domain_id": f.ids.domain,
		"identities": []any{map[string]any{
			"id": id, "provider_type": "local-userpass", "provider_id": f.ids.passwords,
			"provider_data": map[string]any{"email": "a@example.org"},
		}},
		"data": map[string]any{"email": "a@example.org"},
		"type": "normal",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProfileHasAnIdentityForEachKeyInOrder(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	keys := f.createKeys(owner, 3)
	var got profileAnswer
	f.do("GET", profilePath, owner.AccessToken, "").want(200).into(&got)
	if len(got.Identities) != 4 || got.Identities[0].ProviderType != "local-userpass" {
		t.Fatalf("identities %+v", got.Identities)
	}
	for i, k := range keys {
		want := wireIdentity{ID: k.ID, ProviderType: "api-key", ProviderID: f.ids.keys}
		if diff := cmp.Diff(want, got.Identities[i+1]); diff != "" {
			t.Errorf("key %d (-want +got):\n%s", i, diff)
		}
	}
	if _, named := got.Data["name"]; named {
		t.Error("a session of the person has the name of a key")
	}
}

func TestProfileOfAKeySessionIsThePersonsWithTheKeysName(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	pump, lamp := f.createKey(owner, "pump"), f.createKey(owner, "lamp")
	device := f.loginWithKey(pump.Value)
	var got profileAnswer
	f.do("GET", profilePath, device.AccessToken, "").want(200).into(&got)
	want := map[string]any{"email": "a@example.org", "name": "pump"}
	if diff := cmp.Diff(want, got.Data); diff != "" || got.UserID != owner.UserID || got.Type != "normal" {
		t.Errorf("%+v (-want +got):\n%s", got, diff)
	}
	// The key goes, its access token has half an hour left: the profile still answers, without a name.
	f.do("DELETE", keysPath+"/"+lamp.ID, owner.RefreshToken, "").want(204)
	f.do("DELETE", keysPath+"/"+pump.ID, owner.RefreshToken, "").want(204)
	got = profileAnswer{}
	f.do("GET", profilePath, device.AccessToken, "").want(200).into(&got)
	if diff := cmp.Diff(map[string]any{"email": "a@example.org"}, got.Data); diff != "" || len(got.Identities) != 1 {
		t.Errorf("%+v (-want +got):\n%s", got, diff)
	}
}

func TestProfileOfAnAnonymousUserHasEmptyData(t *testing.T) {
	f := newFixture(t)
	got := f.do("GET", profilePath, f.loginAnonymously().AccessToken, "").want(200).fields()
	if diff := cmp.Diff(map[string]any{}, got["data"]); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	id := got["identities"].([]any)[0].(map[string]any)
	if shape := regexp.MustCompile(`^[0-9a-f]{24}-[a-z]{24}$`); !shape.MatchString(id["id"].(string)) {
		t.Errorf("identity id %q", id["id"])
	}
	if id["provider_type"] != "anon-user" || id["provider_id"] != f.ids.anonymous || id["provider_data"] != nil {
		t.Errorf("identity %v", id)
	}
}

func TestDeletingTheAccountEndsEverythingAtOnce(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	key := f.createKey(owner, "pump")
	device := f.loginWithKey(key.Value)
	f.do("DELETE", deletePath, owner.AccessToken, "").want(204)

	f.do("DELETE", deletePath, owner.AccessToken, "").want(401).says("invalid session: failed to find refresh token", "InvalidSession")
	f.do("GET", profilePath, device.AccessToken, "").want(401).says("invalid session", "InvalidSession")
	for _, token := range []string{owner.RefreshToken, device.RefreshToken} {
		f.do("POST", sessionPath, token, "").want(401).says("invalid session: failed to find refresh token", "InvalidSession")
	}
	f.do("POST", loginPath("api-key"), "", object("key", key.Value)).want(401).says("unauthorized", "AuthError")
	f.do("POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", testPassword)).
		want(401).says("unauthorized", "InvalidPassword")
	if again := f.signUp("a@example.org"); again.UserID == owner.UserID {
		t.Error("a new account has the id of the deleted one")
	}
}

func TestAnonymousUsersMayDeleteThemselvesAndKeysMayNotDeletePeople(t *testing.T) {
	f := newFixture(t)
	c := f.newCast(1)
	f.do("DELETE", deletePath, c.anonymous.AccessToken, "").want(204)
	f.do("DELETE", deletePath, c.key.AccessToken, "").want(403)
	f.do("GET", profilePath, c.owner.AccessToken, "").want(200)
}
