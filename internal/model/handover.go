package model

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Handover is a link with which an app opens the keys page for its own person, without its ticket.
type Handover struct {
	UserID    string
	SessionID string // that asked for it
	ReturnTo  string // where it leads back to; "" is nowhere
	ExpiresAt time.Time
	ProvedAt  time.Time // when the person had shown, for that session, that it is they; zero when that was too long ago

	// Read with it: whose session that is, how it was opened, and when it ends.
	Email, Name          string
	IdentityID, Provider string
	SessionEnds          time.Time
}

// Account is who is signed in by it.
func (h Handover) Account() Account {
	return Account{UserID: h.UserID, Email: h.Email, Name: h.Name, IdentityID: h.IdentityID, Provider: h.Provider}
}

// Format keeps the email address out of every log and error.
func (h Handover) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "handover of "+h.UserID) }

// LogValue gives package slog the same text.
func (h Handover) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(h)) }

// Handed is how an app has opened a browser.
type Handed struct {
	ReturnTo string        // where it leads back to; "" is nowhere
	Ends     time.Time     // when the session ends that it holds
	Proof    time.Duration // for how long the person need not confirm that it is they; 0 when they have to
}
