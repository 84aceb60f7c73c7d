package handlers

import (
	"fmt"
	"io"
	"log/slog"
)

// Format keeps the session keys to itself, whatever the verb.
func (Deps) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "the dashboard's parts") }

// LogValue gives package slog the same text.
func (d Deps) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(d)) }

// Format leaves out what the row is found by and what is sealed in it.
func (r WebSessionRow) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "web session of "+r.UserID)
}

// LogValue gives package slog the same text.
func (r WebSessionRow) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }
