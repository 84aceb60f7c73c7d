package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/internal/model"
)

// grantColumns are the columns of a grant in the order of grantRow.columns.
const grantColumns = `id, device_code_hash, user_code, client_id, sealing_key, device_name, address, agent,
	created_at, expires_at, state, user_id, session, key_id, key_name, sealed, approved_at, delivered_at`

// Every change is one statement that asks for all it depends on, and so of two callers who want to decide the same grant, one
// does.
const (
	insertGrant = `
INSERT INTO device_grants (id, device_code_hash, user_code, client_id, sealing_key, device_name, address, agent,
	created_at, expires_at, state)
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending'
WHERE (SELECT count(*) FROM device_grants WHERE state = 'pending' AND expires_at > ?) < ?
ON CONFLICT (user_code) DO NOTHING`

	// selectUserCode tells why insertGrant added nothing.
	selectUserCode = `SELECT 1 FROM device_grants WHERE user_code = ?`

	selectGrant = `SELECT ` + grantColumns + ` FROM device_grants WHERE id = ?`

	selectGrantByDeviceCode = `SELECT ` + grantColumns + ` FROM device_grants WHERE device_code_hash = ?`

	// selectShownGrant finds what claimGrant would, and what is this session's already.
	selectShownGrant = `
SELECT ` + grantColumns + ` FROM device_grants
WHERE user_code = ?3 AND (user_id = ?1 AND session = ?2 OR
	state = 'pending' AND expires_at > ?4 AND created_at <= ?4 + ` + fromFuture + ` AND (user_id IS NULL OR user_id = ?1))`

	claimGrant = `
UPDATE device_grants SET user_id = ?1, session = ?2
WHERE user_code = ?3 AND state = 'pending' AND expires_at > ?4 AND created_at <= ?4 + ` + fromFuture + ` AND (user_id IS NULL OR user_id = ?1)
RETURNING ` + grantColumns

	decideGrant = `
UPDATE device_grants SET state = ?1
WHERE id = ?2 AND state = 'pending' AND user_id = ?3 AND session = ?4 AND expires_at > ?5 AND created_at <= ?5 + ` + fromFuture

	cancelApproval = `UPDATE device_grants SET state = 'pending' WHERE id = ? AND state = 'approving'`

	finishApproval = `
UPDATE device_grants SET state = 'approved', key_id = ?1, key_name = ?2, sealed = ?3, approved_at = ?5
WHERE id = ?4 AND state = 'approving' AND expires_at > ?5 AND created_at <= ?5 + ` + fromFuture

	deliverGrant = `
UPDATE device_grants SET state = 'delivered', delivered_at = coalesce(delivered_at, ?1), last_delivered_at = ?1
WHERE device_code_hash = ?2 AND sealed IS NOT NULL AND (
	state = 'approved' AND expires_at > ?1 AND created_at <= ?1 + ` + fromFuture + ` OR
	state = 'delivered' AND delivered_at > ?3 AND delivered_at <= ?1 + ` + fromFuture + ` AND last_delivered_at <= ?4)
RETURNING ` + grantColumns

	// forgetUserOfGrants leaves nothing of a user who is deleted. That somebody was shown what is still pending is kept: nobody else can
	// open it with the code that was theirs.
	forgetUserOfGrants = `
UPDATE device_grants SET user_id = '', session = NULL, key_name = '', device_name = '', address = '', agent = ''
WHERE user_id = ?`

	sweepUndelivered = `
UPDATE device_grants SET sealed = NULL WHERE id IN (
	SELECT id FROM device_grants WHERE state = 'approved' AND sealed IS NOT NULL AND expires_at <= ? LIMIT ?)`

	sweepDelivered = `
UPDATE device_grants SET sealed = NULL WHERE id IN (
	SELECT id FROM device_grants WHERE sealed IS NOT NULL AND delivered_at <= ? LIMIT ?)`

	sweepGrants = `
DELETE FROM device_grants WHERE id IN (
	SELECT id FROM device_grants WHERE expires_at <= ? LIMIT ?)`
)

// CreateGrant adds a pending grant; what it says of its state and its decision is not looked at. It answers ErrConflict when a
// kept grant has the user code, and ErrLimit when limit pending grants have not expired at g.CreatedAt.
func (s *Store) CreateGrant(ctx context.Context, g model.DeviceGrant, limit int) error {
	err := s.write(ctx, ofGrants, func(t tx) error {
		created := g.CreatedAt.UnixMilli()
		added, err := t.exec(insertGrant, g.ID, g.DeviceCodeHash[:], g.UserCode, g.ClientID, notNull(g.SealingKey),
			g.DeviceName, g.Address, g.Agent, created, g.ExpiresAt.UnixMilli(), created, limit)
		if err != nil || added == 1 {
			return err
		}
		var taken int
		err = t.row(selectUserCode, []any{g.UserCode}, &taken)
		switch {
		case errors.Is(err, model.ErrNotFound):
			return model.ErrLimit
		case err != nil:
			return err
		default:
			return model.ErrConflict
		}
	})
	return doing("create device grant", err)
}

// Grant returns a grant, also one that has expired and was not swept yet.
func (s *Store) Grant(ctx context.Context, id string) (model.DeviceGrant, error) {
	var r grantRow
	err := s.row(ctx, selectGrant, []any{id}, r.columns()...)
	return r.grant("find device grant", err)
}

// GrantByDeviceCode finds the grant with the given SHA-256 of its device code.
func (s *Store) GrantByDeviceCode(ctx context.Context, hash [32]byte) (model.DeviceGrant, error) {
	var r grantRow
	err := s.row(ctx, selectGrantByDeviceCode, []any{hash[:]}, r.columns()...)
	return r.grant("find device grant", err)
}

// LookUpGrant returns the pending grant with the code that ClaimGrant would give to this user, and in any state one that this
// user has claimed in this session. It changes nothing, and answers ErrNotFound where ClaimGrant does.
func (s *Store) LookUpGrant(
	ctx context.Context, userCode, userID string, session [32]byte, now time.Time,
) (model.DeviceGrant, error) {
	var r grantRow
	err := s.row(ctx, selectShownGrant, []any{userID, session[:], userCode, now.UnixMilli()}, r.columns()...)
	return r.grant("look up device grant", err)
}

// ClaimGrant records who is shown the pending grant with the code, and in which session, and returns it. It answers
// ErrNotFound when there is none, or when another user was shown it before.
func (s *Store) ClaimGrant(
	ctx context.Context, userCode, userID string, session [32]byte, now time.Time,
) (model.DeviceGrant, error) {
	return s.changeGrant(ctx, "claim device grant", claimGrant, userID, session[:], userCode, now.UnixMilli())
}

// DenyGrant turns a pending grant of this user and session to denied, or answers ErrNotFound.
func (s *Store) DenyGrant(ctx context.Context, id, userID string, session [32]byte, now time.Time) error {
	return s.execGrant(ctx, "deny device grant", decideGrant, "denied", id, userID, session[:], now.UnixMilli())
}

// BeginApproval turns a pending grant of this user and session to approving, or answers ErrNotFound.
func (s *Store) BeginApproval(ctx context.Context, id, userID string, session [32]byte, now time.Time) error {
	return s.execGrant(ctx, "begin approval", decideGrant, "approving", id, userID, session[:], now.UnixMilli())
}

// CancelApproval turns an approving grant back to pending, or answers ErrNotFound.
func (s *Store) CancelApproval(ctx context.Context, id string) error {
	return s.execGrant(ctx, "cancel approval", cancelApproval, id)
}

// FinishApproval turns an approving grant to approved and keeps the sealed value, or answers ErrNotFound.
func (s *Store) FinishApproval(ctx context.Context, id, keyID, keyName string, sealed []byte, now time.Time) error {
	return s.execGrant(ctx, "finish approval", finishApproval, keyID, keyName, notNull(sealed), id, now.UnixMilli())
}

// DeliverGrant turns an approved grant to delivered and returns it, sealed value and all. One that was delivered first after
// notBefore, and last at lastBefore or earlier, is given once more. Otherwise the answer is ErrNotFound.
func (s *Store) DeliverGrant(
	ctx context.Context, deviceCodeHash [32]byte, now, notBefore, lastBefore time.Time,
) (model.DeviceGrant, error) {
	return s.changeGrant(ctx, "deliver device grant", deliverGrant,
		now.UnixMilli(), deviceCodeHash[:], notBefore.UnixMilli(), lastBefore.UnixMilli())
}

// SweepGrants forgets the sealed values of grants that expired by now undelivered or were delivered by sealedBefore, and
// removes the grants that expired by goneBefore.
func (s *Store) SweepGrants(ctx context.Context, now, sealedBefore, goneBefore time.Time) error {
	return doing("sweep device grants", errors.Join(
		s.sweep(ctx, sweepUndelivered, now),
		s.sweep(ctx, sweepDelivered, sealedBefore),
		s.sweep(ctx, sweepGrants, goneBefore),
	))
}

// execGrant runs one statement that must change a grant.
func (s *Store) execGrant(ctx context.Context, what, text string, args ...any) error {
	return doing(what, s.write(ctx, ofNobody, func(t tx) error { return t.execOne(text, args...) }))
}

// changeGrant runs one statement that must change a grant and returns what it has become.
func (s *Store) changeGrant(ctx context.Context, what, text string, args ...any) (model.DeviceGrant, error) {
	var r grantRow
	err := s.write(ctx, ofNobody, func(t tx) error { return t.row(text, args, r.columns()...) })
	return r.grant(what, err)
}

// grantRow is a row of device_grants while it is read.
type grantRow struct {
	g                       model.DeviceGrant
	hash, session           []byte
	created, expires        int64
	userID, keyID, keyName  sql.NullString
	approvedAt, deliveredAt sql.NullInt64
}

// columns are the places to scan the grantColumns into.
func (r *grantRow) columns() []any {
	g := &r.g
	return []any{
		&g.ID, &r.hash, &g.UserCode, &g.ClientID, &g.SealingKey, &g.DeviceName, &g.Address, &g.Agent, &r.created, &r.expires,
		&g.State, &r.userID, &r.session, &r.keyID, &r.keyName, &g.Sealed, &r.approvedAt, &r.deliveredAt,
	}
}

// grant returns what was read, unless reading it failed.
func (r *grantRow) grant(what string, err error) (model.DeviceGrant, error) {
	if err != nil {
		return model.DeviceGrant{}, doing(what, err)
	}
	g := r.g
	copy(g.DeviceCodeHash[:], r.hash)
	copy(g.Session[:], r.session)
	g.CreatedAt, g.ExpiresAt = fromMillis(r.created), fromMillis(r.expires)
	g.UserID, g.KeyID, g.KeyName = r.userID.String, r.keyID.String, r.keyName.String
	g.ApprovedAt, g.DeliveredAt = fromNullMillis(r.approvedAt), fromNullMillis(r.deliveredAt)
	return g, nil
}

// fromNullMillis gives what has not happened the zero time.
func fromNullMillis(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return fromMillis(ms.Int64)
}
