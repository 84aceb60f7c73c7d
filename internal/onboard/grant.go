// Package onboard connects devices: device grants by short codes (RFC 8628), and what a device is handed so that it can log
// in. It does no input or output of its own: grants are kept behind Grants, and keys are created by its caller.
package onboard

import (
	"context"
	"time"

	"latchkey/internal/model"
)

// Grants keeps device grants. Every change is one atomic step that happens or answers model.ErrNotFound: of two callers who want to
// decide the same grant, one does. A grant whose ExpiresAt is not after now has expired and changes no more, except that what
// was delivered may be delivered again.
type Grants interface {
	// CreateGrant adds a pending grant. It answers model.ErrConflict when a kept grant has the user code, and model.ErrLimit when
	// there are limit pending grants that have not expired.
	CreateGrant(ctx context.Context, g model.DeviceGrant, limit int) error
	// Grant finds a grant by its ID, GrantByDeviceCode by the hash of its device code; expired ones too.
	Grant(ctx context.Context, id string) (model.DeviceGrant, error)
	GrantByDeviceCode(ctx context.Context, hash [32]byte) (model.DeviceGrant, error)
	// LookUpGrant gives the pending grant with the code that ClaimGrant would give to this user, and in any state, expired too,
	// the one that this user has claimed in this session. It changes nothing.
	LookUpGrant(ctx context.Context, userCode, userID string, session [32]byte, now time.Time) (model.DeviceGrant, error)
	// ClaimGrant records who decides on the pending grant with the code, and gives it. A grant that another user has
	// claimed cannot be claimed any more; for another session of the same user, the later one counts.
	ClaimGrant(ctx context.Context, userCode, userID string, session [32]byte, now time.Time) (model.DeviceGrant, error)
	// DenyGrant turns a pending grant of this user and session to denied.
	DenyGrant(ctx context.Context, id, userID string, session [32]byte, now time.Time) error
	// BeginApproval turns a pending grant of this user and session to approving, CancelApproval back to pending.
	BeginApproval(ctx context.Context, id, userID string, session [32]byte, now time.Time) error
	CancelApproval(ctx context.Context, id string) error
	// FinishApproval turns an approving grant to approved and keeps the sealed value.
	FinishApproval(ctx context.Context, id, keyID, keyName string, sealed []byte, now time.Time) error
	// DeliverGrant turns an approved grant to delivered and gives it, Sealed included. What was delivered first after
	// notBefore, and last at lastBefore or earlier, is given once more. model.ErrNotFound otherwise, and when Sealed was forgotten.
	DeliverGrant(ctx context.Context, deviceCodeHash [32]byte, now, notBefore, lastBefore time.Time) (model.DeviceGrant, error)
	// SweepGrants forgets the sealed values of grants that expired by now undelivered or were delivered by sealedBefore, and
	// the grants that expired by goneBefore.
	SweepGrants(ctx context.Context, now, sealedBefore, goneBefore time.Time) error
}
