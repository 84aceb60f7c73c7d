package model

import (
	"fmt"
	"log/slog"
	"time"
)

// GrantState is how far a device grant has come.
type GrantState string

// The states of a grant. It goes from pending to denied, or over approving and approved to delivered; approving falls back to
// pending when no key could be created. What has expired keeps its state.
const (
	Pending   GrantState = "pending"   // nobody has decided
	Approving GrantState = "approving" // the key is being created
	Approved  GrantState = "approved"  // the key waits, sealed, for the device
	Delivered GrantState = "delivered" // the device has been given the key
	Denied    GrantState = "denied"
)

// DeviceGrant is one device's request for a key (RFC 8628, section 3.1) and what came of it. Its user belongs to no row of users:
// with an upstream, users live elsewhere.
type DeviceGrant struct {
	// ID names the grant in addresses of pages. It is no secret: UserID and Session decide who may act on a grant.
	ID string
	// DeviceCodeHash is the SHA-256 of the device code, which is not kept.
	DeviceCodeHash [32]byte
	// UserCode is the eight letters that the person types, without the dash. No two grants that are kept have the same.
	UserCode string
	// ClientID is the client that asked, and the only one that may fetch.
	ClientID string
	// SealingKey is a public key (HPKE, RFC 9180) whose private half follows from the device code.
	SealingKey []byte
	// DeviceName is what the device says it is; Address and Agent are what we saw when it asked.
	DeviceName, Address, Agent string
	CreatedAt, ExpiresAt       time.Time

	State GrantState
	// UserID and Session are who has claimed the grant, and in which web session (its hash); only they may decide.
	UserID  string
	Session [32]byte
	// KeyID and KeyName are the key created for the device, once approved.
	KeyID, KeyName string
	// Sealed is the key's value for the device alone; nil before the approval. It is gone soon after the delivery, and when the grant
	// expires.
	Sealed                  []byte
	ApprovedAt, DeliveredAt time.Time // zero until then; DeliveredAt is the first time
}

// Expired says whether the grant's time is over. So it is when it begins in the future: a clock that was ahead would have it last for as
// long as that was, too.
func (g DeviceGrant) Expired(now time.Time) bool {
	return !g.ExpiresAt.After(now) || FromFuture(g.CreatedAt, now)
}

// Format prints a grant by its id and state: anyone who reads its code in a log while it waits could have it shown to them.
func (g DeviceGrant) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "pairing %s (%s)", g.ID, string(g.State))
}

// LogValue gives package slog the same text.
func (g DeviceGrant) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(g)) }
