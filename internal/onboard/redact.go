package onboard

import (
	"fmt"
	"log/slog"
)

// A grant is printed by its id and state: whoever reads its code in a log while it waits could have it shown to them.

// Format prints the same for every verb.
func (g Grant) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "pairing %s (%s)", g.ID, string(g.State))
}

// LogValue gives package slog the same text.
func (g Grant) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(g)) }

// Format leaves both codes out.
func (s Started) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "pairing for %s", s.ExpiresIn) }

// LogValue gives package slog the same text.
func (s Started) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }
