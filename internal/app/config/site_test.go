package config

import (
	"strings"
	"testing"
)

func TestAServerIsCalledWhatItsOperatorSaysAndLatchkeyOtherwise(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                        "Latchkey",
		"  ":                      "Latchkey",
		" Keys of the house ":     "Keys of the house",
		"鍵":                       "鍵",
		"می\u200cخواهم":           "می\u200cخواهم",
		"👩\u200d🔧 keys":           "👩\u200d🔧 keys",
		strings.Repeat("ü", 60):   strings.Repeat("ü", 60),
		`<b>"Ada & Bob's" \ keys`: `<b>"Ada & Bob's" \ keys`,
	} {
		c := Defaults()
		c.Name = given
		if s, err := c.Parse(); err != nil || s.Name != want {
			t.Errorf("%q: %q, %v", given, s.Name, err)
		}
	}
}

func TestAContactIsAnEmailAddressOrASecurePage(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                                     "",
		"mailto:ada@example.org":               "mailto:ada@example.org",
		"MailTo:ada@example.org":               "mailto:ada@example.org",
		"mailto:ada%40example.org":             "mailto:ada%40example.org",
		"mailto:ada@example.org?subject=Keys":  "mailto:ada@example.org?subject=Keys",
		"https://example.org/help?from=keys#2": "https://example.org/help?from=keys#2",
		"HTTPS://bücher.example/hilfe":         "https://bücher.example/hilfe",
	} {
		c := Defaults()
		c.Contact = given
		if s, err := c.Parse(); err != nil || s.Contact != want {
			t.Errorf("%q: %q, %v", given, s.Contact, err)
		}
	}
}
