package config

import (
	"flag"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// markedPassword stands for a password that an operator wrote into the URL of a setting.
const markedPassword = "marked-f3a9c51e"

// hasPassword matches a text that a person would read as one with that password in it.
var hasPassword = regexp.MustCompile(`:([^@/][^@]*)?` + markedPassword + `[^@]*@`)

// takesURL has the settings in which a password may be written.
var takesURL = map[string]bool{"public-url": true, "upstream": true, "smtp": true, "also-host": true, "database": true, "contact": true}

// FuzzLoad gives one setting any value, by flag and by variable: both have one outcome, and a complaint is a line that names the
// setting and keeps passwords to itself.
func FuzzLoad(f *testing.F) {
	names := settingNames()
	for i := range names {
		for _, value := range []string{
			"", "0", "1", "-1", "64", "99999999999999999999", "1s", "10m", "1e3", "on", "off", "open", "true", "text", "debug", " ", "\x00", "a\nb", "\xff", "--addr",
			":8080", "127.0.0.1:0", "[::1]:80", "[::1%lo]:80", "::", "10.0.0.0/8, 2001:db8::/32", "10.0.0.0/99", ",", "/var/lib/latchkey", "my-app", strings.Repeat("x", 10_000),
			"https://keys.example.org", "HTTPS://KEYS.EXAMPLE.ORG:443/", "http://127.0.0.1:8081/base", "https://[::1]", "https://a\\b", "https://%", "https://x:0", "//x", "javascript:alert(1)",
			"https://user:PW@keys.example.org", "https://user:PW@keys.example.org:port", "user:PW@keys.example.org", "https://us er:PW@h", "https://u:PW%@h", "https://u:PW@h@i", "https:PW@h", "mailto:ada@example.org", "mailto:u:PW@h", "https://example.org/help?from=app", "://u:PW@h",
			"postgres://u:PW@db.example.org/db?sslmode=require", "postgres://u:PW/@h", "postgres://u:PW@a,b:5432/db",
		} {
			f.Add(byte(i), value) //nolint:gosec // there are not 256 settings
		}
	}
	f.Fuzz(func(t *testing.T, which byte, value string) {
		name := names[int(which)%len(names)]
		value = strings.ReplaceAll(value, "PW", markedPassword)
		byFlag, flagErr := load([]string{"--" + name + "=" + value}, nil)
		wantComplaint(t, name, value, flagErr)
		if inFile(value) == "" { // an empty variable is no variable
			return
		}
		if meant := inFile(value); meant != value { // what a file leaves around a value counts in a variable alone
			byFlag, flagErr = load([]string{"--" + name + "=" + meant}, nil)
		}
		byVariable, variableErr := load(nil, []string{Variable(name) + "=" + value})
		wantComplaint(t, name, value, variableErr)
		if (flagErr == nil) != (variableErr == nil) {
			t.Fatalf("by flag: %v, by variable: %v", flagErr, variableErr)
		}
		if diff := cmp.Diff(byFlag, byVariable, theSettings); flagErr == nil && diff != "" {
			t.Error(diff)
		}
	})
}

func settingNames() []string {
	var names []string
	(&Config{}).Flags().VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	slices.Sort(names)
	return names
}

// wantComplaint checks what is said of a setting that cannot be.
func wantComplaint(t *testing.T, name, value string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	if !strings.Contains(text, "-"+name) && !strings.Contains(text, Variable(name)) {
		t.Errorf("--%s=%q: the setting is not named in %q", name, value, text)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '\x7f' }) {
		t.Errorf("--%s=%q: the complaint is more than one line of text: %q", name, value, text)
	}
	if takesURL[name] && hasPassword.MatchString(value) && strings.Contains(text, markedPassword) {
		t.Errorf("--%s=%q: the password is in %q", name, value, text)
	}
}
