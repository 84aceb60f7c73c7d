package model

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// OpenID is another provider, with OpenID Connect, at which people sign in for this server.
type OpenID struct {
	ID   string // as it is in addresses
	Name string // as people know it
}

// OpenIDAsk is what a browser takes along to a provider, and what it must come back with. All of it is random, made for one sign-in, and
// kept by that browser alone.
type OpenIDAsk struct {
	State, Nonce string
	Verifier     Secret // of PKCE: its hash goes along
	// Fresh has the provider ask the person to sign in there anew, so that it shows that it is they.
	Fresh bool
}

// Format keeps all of it out of every log and error.
func (a OpenIDAsk) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue gives package slog the same text.
func (a OpenIDAsk) LogValue() slog.Value { return slog.StringValue(redacted) }

// OpenIDReturn is what a browser comes back with from a provider, whose state was the one that it took along, and what it kept.
type OpenIDReturn struct {
	Code     Secret
	Verifier Secret
	Nonce    string
	// Issuer is who says that it answers, "" when the answer does not say.
	Issuer string
	// Error and Description are why there is no code, in the provider's words. They go to the log and nowhere else.
	Error, Description string
}

// Format keeps all of it out of every log and error.
func (r OpenIDReturn) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue gives package slog the same text.
func (r OpenIDReturn) LogValue() slog.Value { return slog.StringValue(redacted) }

// Arrived is what comes of a person's return from a provider: they are signed in, or there is an account with their address, or neither,
// which means that nobody here is connected to their account there and that none is created.
type Arrived struct {
	Account Account     // without a UserID when nobody is signed in
	Same    SameAddress // without a ticket when no account has their address
}

// SameAddress is an account that has the address of which a provider says that it is the person's. It is not theirs before they know its
// password: then who runs the provider would own every account.
type SameAddress struct {
	Email string // of the account, in its exact letters
	// Ticket stands for what the provider said, for the browser that came back and no other: it is for a cookie, not for a page.
	Ticket Secret
	Until  time.Time // when the ticket has expired
}

// Format keeps the ticket and the address out of every log and error.
func (s SameAddress) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue gives package slog the same text.
func (s SameAddress) LogValue() slog.Value { return slog.StringValue(redacted) }

// OpenIDTicket is what a provider said of somebody, who may be the owner of the account of that address.
type OpenIDTicket struct {
	Hash               [32]byte // of the ticket, which is not kept
	IdentityID, UserID string   // of the account
	Email              string   // with which its owner signs in; read with the ticket, and not kept in it
	Who                Proved
	ExpiresAt          time.Time
}

// Format keeps all of it out of every log and error.
func (t OpenIDTicket) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue gives package slog the same text.
func (t OpenIDTicket) LogValue() slog.Value { return slog.StringValue(redacted) }
