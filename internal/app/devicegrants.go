package app

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/onboard"
	"latchkey/internal/store"
)

// deviceGrants lets package onboard keep its grants in the store without either knowing the other.
type deviceGrants struct{ store *store.Store }

var _ onboard.Grants = deviceGrants{}

func (d deviceGrants) CreateGrant(ctx context.Context, g onboard.Grant, limit int) error {
	return grantError(d.store.CreateGrant(ctx, storedGrant(g), limit))
}

func (d deviceGrants) Grant(ctx context.Context, id string) (onboard.Grant, error) {
	return grantOf(d.store.Grant(ctx, id))
}

func (d deviceGrants) GrantByDeviceCode(ctx context.Context, hash [32]byte) (onboard.Grant, error) {
	return grantOf(d.store.GrantByDeviceCode(ctx, hash))
}

func (d deviceGrants) ClaimGrant(
	ctx context.Context, userCode, userID string, session [32]byte, now time.Time,
) (onboard.Grant, error) {
	return grantOf(d.store.ClaimGrant(ctx, userCode, userID, session, now))
}

func (d deviceGrants) DenyGrant(ctx context.Context, id, userID string, session [32]byte, now time.Time) error {
	return grantError(d.store.DenyGrant(ctx, id, userID, session, now))
}

func (d deviceGrants) BeginApproval(ctx context.Context, id, userID string, session [32]byte, now time.Time) error {
	return grantError(d.store.BeginApproval(ctx, id, userID, session, now))
}

func (d deviceGrants) CancelApproval(ctx context.Context, id string) error {
	return grantError(d.store.CancelApproval(ctx, id))
}

func (d deviceGrants) FinishApproval(
	ctx context.Context, id, keyID, keyName string, sealed []byte, now time.Time,
) error {
	return grantError(d.store.FinishApproval(ctx, id, keyID, keyName, sealed, now))
}

func (d deviceGrants) DeliverGrant(
	ctx context.Context, deviceCodeHash [32]byte, now, notBefore, lastBefore time.Time,
) (onboard.Grant, error) {
	return grantOf(d.store.DeliverGrant(ctx, deviceCodeHash, now, notBefore, lastBefore))
}

func (d deviceGrants) SweepGrants(ctx context.Context, now, sealedBefore, goneBefore time.Time) error {
	return d.store.SweepGrants(ctx, now, sealedBefore, goneBefore)
}

// grantError gives the store's refusals the names that package onboard knows.
func grantError(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errors.Join(onboard.ErrNoGrant, err)
	case errors.Is(err, store.ErrConflict):
		return errors.Join(onboard.ErrCodeTaken, err)
	case errors.Is(err, store.ErrLimit):
		return errors.Join(onboard.ErrTooMany, err)
	default:
		return err
	}
}

func grantOf(g store.DeviceGrant, err error) (onboard.Grant, error) {
	return onboard.Grant{
		ID: g.ID, DeviceCodeHash: g.DeviceCodeHash, UserCode: g.UserCode, ClientID: g.ClientID, SealingKey: g.SealingKey,
		DeviceName: g.DeviceName, Address: g.Address, Agent: g.Agent, CreatedAt: g.CreatedAt, ExpiresAt: g.ExpiresAt,
		State: onboard.State(g.State), UserID: g.UserID, Session: g.Session, KeyID: g.KeyID, KeyName: g.KeyName,
		Sealed: g.Sealed, ApprovedAt: g.ApprovedAt, DeliveredAt: g.DeliveredAt,
	}, grantError(err)
}

func storedGrant(g onboard.Grant) store.DeviceGrant {
	return store.DeviceGrant{
		ID: g.ID, DeviceCodeHash: g.DeviceCodeHash, UserCode: g.UserCode, ClientID: g.ClientID, SealingKey: g.SealingKey,
		DeviceName: g.DeviceName, Address: g.Address, Agent: g.Agent, CreatedAt: g.CreatedAt, ExpiresAt: g.ExpiresAt,
		State: string(g.State), UserID: g.UserID, Session: g.Session, KeyID: g.KeyID, KeyName: g.KeyName,
		Sealed: g.Sealed, ApprovedAt: g.ApprovedAt, DeliveredAt: g.DeliveredAt,
	}
}
