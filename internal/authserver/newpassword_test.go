package authserver

import (
	"strings"
	"testing"
)

func TestAPasswordThatGuessingBeginsWithIsRefused(t *testing.T) {
	const common = "password is on the list that attackers try first"
	for _, c := range []struct{ name, password, says string }{
		{"too short", "seven77", "password must be between 8 and 128 characters"},
		{"too long", strings.Repeat("x", 129), "password must be between 8 and 128 characters"},
		{"common", "iloveyou", common},
		{"common, written in capitals", "ILoveYou", common},
		{"the first of the list that is long enough", "password", common},
		{"the address", "ana@example.org", "password must not be the email address"},
		{"the address, written otherwise", " Ana@Example.ORG", "password must not be the email address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.do("POST", appPath(registerRest), "", object("email", "ana@example.org", "password", c.password)).want(400).says(c.says, "BadRequest")
		})
	}
}
