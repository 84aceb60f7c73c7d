package model

import (
	"fmt"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// Secret is a password, a token or a key's value. However it is printed, logged or encoded, it says nothing; only Reveal gives the
// text. Package fmt does not ask the methods of fields that are not exported: a struct that keeps a Secret in one has a Format of
// its own.
type Secret string

// Reveal returns the text. Every place where a secret leaves the program is a call of Reveal, and can be found by that name.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return redacted }

// Format hides the secret from every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// ValueIn finds the value of a key in what was pasted: a line of an .env file, or a whole one, whose line breaks the field has dropped.
// The script of the pages does the same.
func ValueIn(pasted Secret) Secret {
	text := pasted.Reveal()
	if i := strings.LastIndex(text, "KEY="); i >= 0 {
		text = text[i+len("KEY="):]
	}
	return Secret(strings.TrimSpace(strings.Trim(strings.TrimSpace(text), `"'`)))
}
