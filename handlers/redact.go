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
