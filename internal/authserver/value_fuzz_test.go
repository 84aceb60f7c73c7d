package authserver

import (
	"regexp"
	"strings"
	"testing"
)

// FuzzValue signs in with any text as a key. One text opens a session; every other is refused in the same words, and is
// repeated nowhere.
func FuzzValue(f *testing.F) {
	fix := newFixture(f)
	key := fix.createKey(fix.signUp("a@example.org"), "pump")
	other := unknownValue()
	for _, value := range []string{
		key.Value, other, "", " ", "key_" + key.Value, key.Value[:63], key.Value + "a", " " + key.Value, key.Value + "\n", strings.ToLower(key.Value),
		key.Value[:32] + "-" + key.Value[33:], strings.Repeat("\x00", 64), strings.Repeat("é", 32), strings.Repeat("０", 64), key.Value[:63] + "\xff", `"`, `\u0000`, "' OR 1=1 --",
		key.ID, key.Name, strings.Repeat("a", 1000),
	} {
		f.Add(value)
	}
	shape := regexp.MustCompile(`^[A-Za-z0-9]{64}$`)
	f.Fuzz(func(t *testing.T, value string) {
		if value == key.Value {
			fix.on(t).loginWithKey(value)
			return
		}
		reads := fix.store.Stats().Reads
		got := fix.on(t).do("POST", loginPath("api-key"), "", object("key", value))
		if looked := fix.store.Stats().Reads > reads; looked != shape.MatchString(value) {
			t.Errorf("%q was looked for: %v", value, looked)
		}
		got.want(401).says("unauthorized", "AuthError")
		if len(value) >= 12 && (strings.Contains(string(got.body), value) || strings.Contains(fix.logs.String(), value)) {
			t.Errorf("%q is repeated", value)
		}
		fix.logs.Reset()
	})
}
