package client

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every secret looks like to a printer.
const redacted = "[redacted]"

// Secret is a value that must not end up in a log: a token, or the value of a
// key. It prints as "[redacted]" whatever the verb, the logger or the encoder;
// only [Secret.Reveal] gives the text.
//
// Package fmt cannot call methods on unexported struct fields, so a struct of
// your own that keeps a Secret in one should hold a *Secret instead.
type Secret string

// Reveal returns the text itself. Every place where a secret leaves the
// program is a call of Reveal, and can be found by that name.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]"; it serves the verb %#v.
func (Secret) GoString() string { return redacted }

// Format prints "[redacted]" for every verb, also those that look at the bytes,
// such as %x.
func (Secret) Format(f fmt.State, _ rune) { printRedacted(f, redacted) }

// LogValue returns "[redacted]" to package slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// printRedacted is the body of every Format method of this package. A
// fmt.State has no way to report a failed write, so there is none to handle.
func printRedacted(f fmt.State, text string) { _, _ = io.WriteString(f, text) }
