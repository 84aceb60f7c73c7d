package authserver

import (
	"strings"
	"testing"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

func TestRegisterMakesAnAccountThatCanSignIn(t *testing.T) {
	f := newFixture(t)
	got := f.do("POST", appPath(registerRest), "", object("email", "a@example.org", "password", testPassword)).want(201)
	if len(got.body) != 0 {
		t.Errorf("body %q, want none", got.body)
	}
	if out := f.login("a@example.org", testPassword); !model.IsID(out.UserID) {
		t.Errorf("user id %q", out.UserID)
	}
}

func TestPasswordsAreStoredAsArgon2idAlone(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	id, err := f.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, "a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(id.PasswordHash, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Contains(id.PasswordHash, testPassword) {
		t.Errorf("stored %q", id.PasswordHash)
	}
}

func TestRegisterSaysWhatIsWrong(t *testing.T) {
	const range8 = "password must be between 8 and 128 characters"
	f := newFixture(t)
	f.register("taken@example.org", testPassword)
	for _, tt := range []struct {
		name, email, password string
		status                int
		text, code            string
	}{
		{"email in use", "taken@example.org", testPassword, 409, "name already in use", "AccountNameInUse"},
		{"no email", "", testPassword, 400, "email invalid", "BadRequest"},
		{"email of 129 characters", strings.Repeat("é", 129), testPassword, 400, "email invalid", "BadRequest"},
		{"email with a null byte", "a\x00b", testPassword, 400, "email invalid", "BadRequest"},
		{"no password", "a@example.org", "", 400, range8, "BadRequest"},
		{"password of 7 characters", "a@example.org", "ééééééé", 400, range8, "BadRequest"},
		{"password of 129 characters", "a@example.org", strings.Repeat("é", 129), 400, range8, "BadRequest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := f.on(t).do("POST", appPath(registerRest), "", object("email", tt.email, "password", tt.password))
			got.want(tt.status).says(tt.text, tt.code)
		})
	}
}

func TestNamesThatAreNoEmailAddressCanRegister(t *testing.T) {
	f := newFixture(t)
	for _, email := range []string{
		"x", "realm_tests_do_autoverify-1", "A@example.org", "a@example.org", " a@example.org", "a@example.org ",
		"用户@例子.公司", "'; DROP TABLE users; --", strings.Repeat("é", 128), "a\u202eb", "\"\\\n\t",
	} {
		first := f.signUp(email)
		if again := f.login(email, testPassword); again.UserID != first.UserID {
			t.Errorf("%q: two users", email)
		}
		var profile profileAnswer
		f.do("GET", profilePath, first.AccessToken, "").want(200).into(&profile)
		if profile.Data["email"] != email {
			t.Errorf("profile says %q, registered %q", profile.Data["email"], email)
		}
	}
}

func TestPasswordsCountInFull(t *testing.T) {
	f := newFixture(t)
	long := strings.Repeat("a", 127)
	f.register("a@example.org", long+"b")
	f.do("POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", long+"c")).want(401)
	f.login("a@example.org", long+"b")
	f.register("b@example.org", "eight\x00ch")
	f.do("POST", loginPath("local-userpass"), "", object("username", "b@example.org", "password", "eight")).want(401)
	f.login("b@example.org", "eight\x00ch")
}

func TestClosedRegistrationSaysWhomToAsk(t *testing.T) {
	f := newFixture(t, func(_ *Config, c *accounts.Config) { c.Registration = false })
	f.do("POST", appPath(registerRest), "", object("email", "a@example.org", "password", testPassword)).
		want(403).says("registration is closed: ask the administrator of this server for an account", "")
}
