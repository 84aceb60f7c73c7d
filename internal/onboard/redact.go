package onboard

import (
	"fmt"
	"log/slog"
)

// Format leaves both codes out.
func (s Started) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "pairing for %s", s.ExpiresIn) }

// LogValue gives package slog the same text.
func (s Started) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }
