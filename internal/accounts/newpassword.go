package accounts

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"

	"latchkey/internal/model"
)

// commonPasswords are those that guessing begins with, one on a line: the 3,000 most common ones of at least 8 characters, and all
// shorter ones, from 6 characters on, that are as common. They are from @zxcvbn-ts/language-common 3.0.4, whose licence is beside
// the list.
//
//go:embed commonpasswords.txt
var commonPasswords string

// tooLong says whether no account can have the password, in whatever form of Unicode it was chosen.
func tooLong(password model.Secret) bool {
	return password.Length() > maxPassword && utf8.RuneCountInString(string(password)) > maxPassword
}

// checkNewPassword says whether an account may get a password: any characters will do, if there are enough of them and guessing
// does not begin with it.
func checkNewPassword(password model.Secret, email string, least int) error {
	var why string
	password = password.OneForm()
	switch n := utf8.RuneCountInString(string(password)); {
	case !utf8.ValidString(string(password)):
		why = "password must be valid UTF-8"
	case n < least || n > maxPassword:
		why = fmt.Sprintf("password must be between %d and %d characters", least, maxPassword)
	case canonical(string(password)) == canonical(email):
		why = "password must not be the email address"
	case isCommon(string(password)):
		why = "password is on the list that attackers try first"
	default:
		return nil
	}
	return &model.Error{Kind: model.KindBadPassword, Reason: why}
}

// isCommon looks through the whole list, which takes a few microseconds: it is done once for a password that is then hashed for
// thousands of them.
func isCommon(password string) bool {
	line := strings.ToLower(password) + "\n"
	if strings.Contains(password, "\n") {
		return false
	}
	return strings.HasPrefix(commonPasswords, line) || strings.Contains(commonPasswords, "\n"+line)
}
