package accounts

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
	for password := range strings.Lines(commonPasswords) {
		if checkNewPassword(model.Secret(strings.TrimSuffix(password, "\n")), "ana@example.org", 6) == nil {
			t.Errorf("%q is taken", password)
		}
	}
}

func TestANewPasswordIsMeasuredAsItIsHashed(t *testing.T) {
	for password, good := range map[model.Secret]bool{
		"Mari\u0301a123": true, "e\u0301e\u0301e\u0301e\u0301": false, // eight code points, four letters
		model.Secret(strings.Repeat("e\u0301", maxPassword)): true, model.Secret(strings.Repeat("e\u0301", maxPassword+1)): false,
		"\u212aingkong": false, // the sign of the unit Kelvin is a K by now
		"pa\xffssw0rd!": false,
	} {
		if err := checkNewPassword(password, "ana@example.org", 8); (err == nil) != good {
			t.Errorf("%+q: %v", password.Reveal(), err)
		}
	}
}

func TestAPasswordMayBeAnyTextThatIsNotCommon(t *testing.T) {
	for _, password := range []string{"eight888", "        ", "пароль-по-русски", "iloveyou iloveyou", "word\npassword\n", strings.Repeat("€", 128), strings.Repeat("e\u0301", 8)} {
		if err := checkNewPassword(model.Secret(password), "ana@example.org", 8); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
}
