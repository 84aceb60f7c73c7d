package model

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Session is what a refresh token stands for: a user signed in on a device.
type Session struct {
	ID, UserID, DeviceID string
	Provider             string
	IdentityID           string
	KeyID                string // the key that opened it; empty when something else did
	CreatedAt, ExpiresAt time.Time
	LastSeenAt           time.Time // of a sign-in or a renewal, now and then
	Address, Agent       string    // where it was opened from, and what the program there called itself

	DeviceName, Platform, SDK string // what it said of itself

	ProvedAt time.Time // when the person last showed that it is they: as the session was opened, or later; zero when they have not

	CustomData string // of its user, a JSON object or "", for access tokens; read with the session, and not kept in it

	Generation int64  // of the identity when its password was checked; asked for while the session is created, and not kept
	Language   string // in which the page was that opened it, a tag, for its user to be remembered; "" without a page
}

// Device is what a program says about itself and the machine it runs on when it signs in. Its texts are for people to read, of which
// nothing depends.
type Device struct {
	ID string // that it was given when it signed in before, or ""

	Name, Platform, PlatformVersion, SDK, SDKVersion string
}

// How a session ended, as the owner of the account reads it.
const (
	EndedSignedOut = "signed out"
	EndedSignedIn  = "signed in anew"
	EndedElsewhere = "ended from another place"
	EndedOthers    = "all others"
)

// WebSession is a browser that is signed in. It belongs to no row of users: with an upstream, users live elsewhere.
type WebSession struct {
	IDHash                           [32]byte // SHA-256 of the id in the cookie
	Sealed                           []byte   // the account when it is elsewhere, encrypted by the dashboard
	Version                          int64    // counts the updates
	CreatedAt, LastSeenAt, ExpiresAt time.Time

	UserID         string
	AuthSessionID  string // the session that it holds here; "" with an upstream. It ends with it
	Email, Name    string // model.Account's, and by which identity that was opened; read with the row, and not kept in it
	IdentityID     string
	Provider       string    // how that session was opened
	Operator       bool      // its user is one; read with the row, and not kept in it
	Address, Agent string    // where it was last seen, and what the browser called itself
	ProvedAt       time.Time // when the person last confirmed their password; the zero time is 1970
	FromApp        bool      // an app has opened it, with whose session it ends
	ReturnTo       string    // where that leads back to; "" is nowhere
}

// Format leaves out what the row is found by and what is sealed in it.
func (s WebSession) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "web session of "+s.UserID) }

// LogValue gives package slog the same text.
func (s WebSession) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }
