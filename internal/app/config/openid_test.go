package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/openid"
	"latchkey/internal/testkit"
)

// anOpenID is a right provider in JSON, with changes.
func anOpenID(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`{"id": "acme", "name": "Acme", "issuer": "https://id.example.org/realms/acme",
		"client_id": "latchkey", "client_secret_file": "secret"}`)
}

func listed(more string, providers ...string) string {
	return `{` + more + ` "openid": [` + strings.Join(providers, ", ") + `]}`
}

const customToken = `"custom-token": {"algorithm": "RS256", "jwks": "https://id.example.org/jwks", "issuer": "https://id.example.org/realms/acme"},`

func TestOtherProvidersAreInAListOfTheFile(t *testing.T) {
	t.Parallel()
	got, err := providers(t, listed(customToken+`"oauth2-google": {"client_ids": ["123"]},`,
		anOpenID(), anOpenID(`"acme", "name": "Acme"`, `"work", "name": "Work", "new_users": false, "provider": "custom-token"`),
		anOpenID(`"acme", "name": "Acme"`, `"google", "name": "Google", "provider": "oauth2-google"`, "https://id.example.org/realms/acme", "https://accounts.google.com"),
		anOpenID(`"acme", "name": "Acme"`, `"here", "name": "Here"`, "https://id.example.org/realms/acme", "http://127.0.0.1:9000")))
	if err != nil {
		t.Fatal(err)
	}
	secret := model.Secret(strings.Repeat("s", 32))
	one := func(id, name, issuer, identities string, newUsers bool) OpenID {
		return OpenID{openid.Provider{
			OpenID: model.OpenID{ID: id, Name: name}, Issuer: issuer, ClientID: "latchkey", Secret: secret, Identities: identities,
		}, newUsers}
	}
	const acme = "https://id.example.org/realms/acme"
	want := []OpenID{
		one("acme", "Acme", acme, "openid:acme", true), one("work", "Work", acme, "custom-token", false),
		one("google", "Google", "https://accounts.google.com", "oauth2-google", true), one("here", "Here", "http://127.0.0.1:9000", "openid:here", true),
	}
	if diff := cmp.Diff(want, got.OpenID); diff != "" || len(got.SecretFiles) != 4 {
		t.Error(diff, got.SecretFiles)
	}
	if got, err := providers(t, listed("", anOpenID()), "--registration", "closed"); err != nil || got.OpenID[0].NewUsers {
		t.Errorf("with registration closed: %+v, %v", got.OpenID, err)
	}
}

func TestAProviderThatCannotBeSetUpIsRefusedInASentence(t *testing.T) {
	t.Parallel()
	for says, file := range map[string]string{
		"must be a list of 1 to 5 providers":           listed(""),
		"must be a list of 1 to 5":                     `{"openid": {"id": "acme"}}`,
		"list of 1 to 5 providers":                     listed("", strings.Split(strings.Repeat(anOpenID()+"|", 6), "|")[:6]...),
		`number 1: id is "Acme", and must be`:          listed("", anOpenID(`"acme"`, `"Acme"`)),
		`id is "a/b", and must be`:                     listed("", anOpenID(`"acme"`, `"a/b"`)),
		`number 2: id is "acme", as that of another`:   listed("", anOpenID(), anOpenID()),
		`name is "", and must be`:                      listed("", anOpenID(`"Acme"`, `""`)),
		`name is "Ac\u202eme", and must be`:            listed("", anOpenID(`"Acme"`, `"Ac\u202eme"`)),
		`name is "ACME", as that of another`:           listed("", anOpenID(), anOpenID(`"acme", "name": "Acme"`, `"b", "name": "ACME"`)),
		"issuer is \"http://id.example.org\", and":     listed("", anOpenID("https://id.example.org/realms/acme", "http://id.example.org")),
		`issuer is "https://id.example.org/?a=b", and`: listed("", anOpenID("https://id.example.org/realms/acme", "https://id.example.org/?a=b")),
		"https://user:xxxxx@id.example.org":            listed("", anOpenID("https://id.example.org/realms/acme", "https://user:hunter2@id.example.org")),
		"client_id must be":                            listed("", anOpenID(`"latchkey"`, `""`)),
		"client_secret_file is missing":                listed("", anOpenID(`"secret"`, `""`)),
		"the file of client_secret_file: cannot be":    listed("", anOpenID(`"secret"`, `"hunter2"`)),
		"has \"client_secret\": a secret does not belong in this file, which names the file of one in client_secret_file": listed("", anOpenID(`"client_secret_file"`, `"client_secret"`)),
		`has the field "scopes", which is not known`:              listed("", anOpenID(`"client_id"`, `"scopes": [], "client_id"`)),
		`new_users must not be a JSON string`:                     listed("", anOpenID(`"client_id"`, `"new_users": "true", "client_id"`)),
		`provider is "github", and must be`:                       listed("", anOpenID(`"client_id"`, `"provider": "github", "client_id"`)),
		"provider is custom-token, which this file does not":      listed("", anOpenID(`"client_id"`, `"provider": "custom-token", "client_id"`)),
		"provider is oauth2-google, which this file does not":     listed(customToken, anOpenID(`"client_id"`, `"provider": "oauth2-google", "client_id"`)),
		`custom-token, whose issuer is "https://id.example.org/r`: listed(customToken, anOpenID("realms/acme", "other", `"client_id"`, `"provider": "custom-token", "client_id"`)),
		"custom-token, which has no issuer: give it \"https://id": listed(strings.Replace(customToken, `, "issuer": "https://id.example.org/realms/acme"`, "", 1), anOpenID(`"client_id"`, `"provider": "custom-token", "client_id"`)),
		"provider is custom-token, as that of another":            listed(customToken, anOpenID(`"client_id"`, `"provider": "custom-token", "client_id"`), anOpenID(`"acme", "name": "Acme"`, `"b", "name": "B", "provider": "custom-token"`)),
	} {
		_, err := providers(t, file)
		testkit.WantSentence(t, err, "--providers", says)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("it shows a secret: %v", err)
		}
	}
}

func TestPasswordsAreOnlyOffWherePeopleHaveAnotherWayIn(t *testing.T) {
	t.Parallel()
	_, err := load([]string{"--passwords", "off"}, nil)
	testkit.WantSentence(t, err, "--passwords", `"off"`, "takes a provider in the list openid")
	c, err := Load([]string{"--passwords", "off", "--providers", writeProviders(t, listed("", anOpenID()))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Parse(); err != nil || s.Passwords || s.SessionTime.Hours() != 720 {
		t.Errorf("%v, %v, %v", s.Passwords, s.SessionTime, err)
	}
}
