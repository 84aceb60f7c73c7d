package model

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Account is somebody who is signed in, in one session.
type Account struct {
	UserID string
	// Email is the address with which they sign in by password, "" when they have no password.
	Email string
	// Name is what they are called where they have no such address.
	Name string
	// SessionID names their session here, and IdentityID the identity that it was opened with; both are "" when the account is
	// elsewhere.
	SessionID, IdentityID string
	// Provider is how that session was opened; "" when the account is elsewhere.
	Provider string
	// Token is the refresh token of their session elsewhere; "" here.
	Token Secret
	// Operator says that they were an operator when this was read: whether there is anything to lead to. What they may do is asked anew.
	Operator bool
	// Ends is when the session that they have just opened ends at the latest; zero: later than any browser's. Unproved says that they may
	// not have shown just now that it is they, as with a provider at which they were signed in already.
	Ends     time.Time
	Unproved bool
}

// Called is what pages call them.
func (a Account) Called() string { return cmp.Or(a.Email, a.Name) }

// Format keeps the token and the email address out of every log and error.
func (a Account) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.UserID) }

// LogValue gives package slog the same text.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.UserID) }

// GivenLink is what somebody has in their hands who was sent a link.
type GivenLink struct {
	Purpose string // LinkConfirm or LinkReset
	ID      string
	Token   Secret
}

// Created is what came of creating a key from a page.
type Created struct {
	Key   Key
	Value Secret // in this one answer and nowhere else
	// Keys are all keys as they were read last; Unread is why they could not be.
	Keys   Keys
	Unread error
	// NotKept says that the label, the note or the expiry of the key could not be saved, or which key it takes the place of.
	NotKept bool
	// Found are the keys that may be the one: of its name, and not there before. They are looked for when the answer got lost.
	Found []Key
}

// Format keeps the value out of every log and error.
func (c Created) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "new key "+c.Key.ID) }

// LogValue gives package slog the same text.
func (c Created) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Sessions are where a person is signed in with programs other than the dashboard, and with keys.
type Sessions struct {
	List []Session
	More bool // there are some that are not listed
}
