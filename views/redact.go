package views

import (
	"fmt"
	"io"
	"log/slog"
)

// Format prints whose value it is and not the value, whatever the verb. Pages draw the field itself.
func (o Once) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "new key "+o.ID) }

// LogValue gives package slog the same text.
func (o Once) LogValue() slog.Value { return slog.StringValue("new key " + o.ID) }

// MarshalText gives encoders the same text.
func (o Once) MarshalText() ([]byte, error) { return []byte("new key " + o.ID), nil }

// Format prints which link it is and not what opens it.
func (l Link) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "link %q", l.TokenID) }

// LogValue gives package slog the same text.
func (l Link) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }
