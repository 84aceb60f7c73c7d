package authserver

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// What goes out with a token or a value in it can be encoded, since that is what it is for, and is printed without.

// Format hides the tokens from every verb.
func (loginAnswer) Format(f fmt.State, _ rune) { hide(f) }

// LogValue hides the tokens from slog.
func (loginAnswer) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the token from every verb.
func (linkAnswer) Format(f fmt.State, _ rune) { hide(f) }

// LogValue hides the token from slog.
func (linkAnswer) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the token from every verb.
func (renewAnswer) Format(f fmt.State, _ rune) { hide(f) }

// LogValue hides the token from slog.
func (renewAnswer) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the token from every verb.
func (reissueAnswer) Format(f fmt.State, _ rune) { hide(f) }

// LogValue hides the token from slog.
func (reissueAnswer) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the value from every verb.
func (createdKey) Format(f fmt.State, _ rune) { hide(f) }

// LogValue hides the value from slog.
func (createdKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the body from every verb: package fmt does not ask what is in a field that is not exported.
func (a answer) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "answer %d", a.status) }

// LogValue hides the body from slog.
func (a answer) LogValue() slog.Value { return slog.IntValue(a.status) }

func hide(f fmt.State) { _, _ = f.Write([]byte(redacted)) }
