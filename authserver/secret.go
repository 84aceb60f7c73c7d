package authserver

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// secret is a password or a key's value on its way in. However it is printed, it says nothing.
type secret string

// String hides the secret.
func (secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (secret) GoString() string { return redacted }

// Format hides the secret from every verb.
func (secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the secret from slog.
func (secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret from encoders.
func (secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
