package authserver

import (
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey/internal/model"
)

func TestTheListOfCommonPasswordsIsAsLongAsPromised(t *testing.T) {
	list := strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")
	long := 0
	for _, password := range list {
		if n := utf8.RuneCountInString(password); n < 6 || password != strings.ToLower(password) || strings.TrimSpace(password) != password {
			t.Errorf("%q is in the list", password)
		} else if n >= 8 {
			long++
		}
	}
	if long != 3000 {
		t.Errorf("%d of %d have 8 characters or more, want 3,000", long, len(list))
	}
}

func TestEveryCommonPasswordIsRefused(t *testing.T) {
	f := newFixture(t, func(cfg *Config) { cfg.MinPassword = 6 })
	for password := range strings.Lines(commonPasswords) {
		if f.checkNewPassword(model.Secret(strings.TrimSuffix(password, "\n")), "ana@example.org") == nil {
			t.Errorf("%q is taken", password)
		}
	}
}

func TestAPasswordThatGuessingBeginsWithIsRefused(t *testing.T) {
	const common = "password is one of the most common ones, with which guessing begins"
	for _, c := range []struct{ name, password, says string }{
		{"too short", "seven77", "password must be between 8 and 128 characters"},
		{"too long", strings.Repeat("x", 129), "password must be between 8 and 128 characters"},
		{"common", "iloveyou", common},
		{"common, written in capitals", "ILoveYou", common},
		{"the first of the list that is long enough", "password", common},
		{"the address", "ana@example.org", "password must not be the e-mail address"},
		{"the address, written otherwise", " Ana@Example.ORG", "password must not be the e-mail address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.do("POST", appPath(registerRest), "", object("email", "ana@example.org", "password", c.password)).want(400).says(c.says, "BadRequest")
		})
	}
}

func TestAPasswordMayBeAnyTextThatIsNotCommon(t *testing.T) {
	f := newFixture(t)
	for _, password := range []string{"eight888", "        ", "пароль-по-русски", "iloveyou iloveyou", "word\npassword\n", strings.Repeat("€", 128), "e\u0301e\u0301e\u0301e\u0301"} {
		if err := f.checkNewPassword(model.Secret(password), "ana@example.org"); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
}
