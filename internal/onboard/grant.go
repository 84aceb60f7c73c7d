// Package onboard connects devices: device grants by short codes (RFC 8628), and what a device is handed so that it can log
// in. It does no input or output of its own: grants are kept behind Grants, and keys are made by its caller.
package onboard

import (
	"context"
	"errors"
	"time"
)

// State is how far a device grant has come.
type State string

// The states of a grant. It goes from pending to denied, or over approving and approved to delivered; approving falls back to
// pending when no key could be made. What has expired keeps its state.
const (
	Pending   State = "pending"   // nobody has decided
	Approving State = "approving" // the key is being made
	Approved  State = "approved"  // the key waits, sealed, for the device
	Delivered State = "delivered" // the device has been given the key
	Denied    State = "denied"
)

// Grant is one device's request for a key (RFC 8628, section 3.1) and what came of it.
type Grant struct {
	// ID names the grant in addresses of pages. It is no secret: whoever may act on a grant is decided by UserID and Session.
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

	State State
	// UserID and Session are who was shown the grant, and in which web session (its hash); only they may decide.
	UserID  string
	Session [32]byte
	// KeyID and KeyName are the key made for the device, once approved.
	KeyID, KeyName string
	// Sealed is the key's value for the device alone. It is gone soon after the delivery, and when the grant expires.
	Sealed                  []byte
	ApprovedAt, DeliveredAt time.Time // zero until then; DeliveredAt is the first time
}

// Errors of Grants.
var (
	// ErrNoGrant means that there is no such grant, or none in the state and of the person that the call asks for.
	ErrNoGrant = errors.New("no such device grant")
	// ErrCodeTaken means that another grant has the user code.
	ErrCodeTaken = errors.New("user code taken")
	// ErrTooMany means that too many grants wait for a person.
	ErrTooMany = errors.New("too many device grants")
)

// Grants keeps device grants. Every change is one atomic step that happens or answers ErrNoGrant: of two callers who want to
// decide the same grant, one does. A grant whose ExpiresAt is not after now has expired and changes no more, except that what
// was delivered may be delivered again.
type Grants interface {
	// CreateGrant adds a pending grant. It answers ErrCodeTaken when a kept grant has the user code, and ErrTooMany when
	// there are limit pending grants that have not expired.
	CreateGrant(ctx context.Context, g Grant, limit int) error
	// Grant finds a grant by its ID, GrantByDeviceCode by the hash of its device code; expired ones too.
	Grant(ctx context.Context, id string) (Grant, error)
	GrantByDeviceCode(ctx context.Context, hash [32]byte) (Grant, error)
	// ClaimGrant writes down who is shown the pending grant with the code, and gives it. A grant that another user was
	// shown is not theirs any more to be had; for another session of the same user, the later one counts.
	ClaimGrant(ctx context.Context, userCode, userID string, session [32]byte, now time.Time) (Grant, error)
	// DenyGrant turns a pending grant of this user and session to denied.
	DenyGrant(ctx context.Context, id, userID string, session [32]byte, now time.Time) error
	// BeginApproval turns a pending grant of this user and session to approving, CancelApproval back to pending.
	BeginApproval(ctx context.Context, id, userID string, session [32]byte, now time.Time) error
	CancelApproval(ctx context.Context, id string) error
	// FinishApproval turns an approving grant to approved and keeps the sealed value.
	FinishApproval(ctx context.Context, id, keyID, keyName string, sealed []byte, now time.Time) error
	// DeliverGrant turns an approved grant to delivered and gives it, Sealed included. What was delivered first after
	// notBefore, and last at lastBefore or earlier, is given once more. ErrNoGrant otherwise, and when Sealed was forgotten.
	DeliverGrant(ctx context.Context, deviceCodeHash [32]byte, now, notBefore, lastBefore time.Time) (Grant, error)
	// SweepGrants forgets the sealed values of grants that expired by now undelivered or were delivered by sealedBefore, and
	// the grants that expired by goneBefore.
	SweepGrants(ctx context.Context, now, sealedBefore, goneBefore time.Time) error
}
