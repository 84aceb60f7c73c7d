// Package onboardtest is the contract of onboard.Grants, written as tests, with a plain implementation in memory that keeps it,
// and what else the tests of onboarding share.
package onboardtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

// Memory keeps grants in memory. The zero value is empty and ready.
type Memory struct {
	mu   sync.Mutex
	rows []*row
}

type row struct {
	model.DeviceGrant
	lastDelivered time.Time
}

var _ onboard.Grants = (*Memory)(nil)

// CreateGrant implements onboard.Grants.
func (m *Memory) CreateGrant(_ context.Context, g model.DeviceGrant, limit int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting := 0
	for _, r := range m.rows {
		if r.UserCode == g.UserCode {
			return model.ErrConflict
		}
		if r.State == model.Pending && r.ExpiresAt.After(g.CreatedAt) {
			waiting++
		}
	}
	if waiting >= limit {
		return model.ErrLimit
	}
	g.State = model.Pending
	m.rows = append(m.rows, &row{DeviceGrant: g})
	return nil
}

// Grant implements onboard.Grants.
func (m *Memory) Grant(_ context.Context, id string) (model.DeviceGrant, error) {
	return m.step(func(r *row) bool { return r.ID == id }, nil)
}

// GrantByDeviceCode implements onboard.Grants.
func (m *Memory) GrantByDeviceCode(_ context.Context, hash [32]byte) (model.DeviceGrant, error) {
	return m.step(func(r *row) bool { return r.DeviceCodeHash == hash }, nil)
}

// LookUpGrant implements onboard.Grants.
func (m *Memory) LookUpGrant(
	_ context.Context, userCode, userID string, session [32]byte, now time.Time,
) (model.DeviceGrant, error) {
	return m.step(func(r *row) bool {
		mine := r.UserID == userID && r.Session == session
		open := r.State == model.Pending && !r.Expired(now) && (r.UserID == "" || r.UserID == userID)
		return r.UserCode == userCode && (mine || open)
	}, nil)
}

// ClaimGrant implements onboard.Grants.
func (m *Memory) ClaimGrant(
	_ context.Context, userCode, userID string, session [32]byte, now time.Time,
) (model.DeviceGrant, error) {
	return m.step(func(r *row) bool {
		return r.UserCode == userCode && r.State == model.Pending && !r.Expired(now) && (r.UserID == "" || r.UserID == userID)
	}, func(r *row) { r.UserID, r.Session = userID, session })
}

// DenyGrant implements onboard.Grants.
func (m *Memory) DenyGrant(_ context.Context, id, userID string, session [32]byte, now time.Time) error {
	return m.decide(id, userID, session, now, model.Denied)
}

// BeginApproval implements onboard.Grants.
func (m *Memory) BeginApproval(_ context.Context, id, userID string, session [32]byte, now time.Time) error {
	return m.decide(id, userID, session, now, model.Approving)
}

func (m *Memory) decide(id, userID string, session [32]byte, now time.Time, state model.GrantState) error {
	_, err := m.step(func(r *row) bool {
		return r.ID == id && r.State == model.Pending && !r.Expired(now) && r.UserID == userID && r.Session == session
	}, func(r *row) { r.State = state })
	return err
}

// CancelApproval implements onboard.Grants.
func (m *Memory) CancelApproval(_ context.Context, id string) error {
	_, err := m.step(func(r *row) bool { return r.ID == id && r.State == model.Approving },
		func(r *row) { r.State = model.Pending })
	return err
}

// FinishApproval implements onboard.Grants.
func (m *Memory) FinishApproval(_ context.Context, id, keyID, keyName string, sealed []byte, now time.Time) error {
	_, err := m.step(func(r *row) bool { return r.ID == id && r.State == model.Approving && !r.Expired(now) },
		func(r *row) {
			r.State, r.KeyID, r.KeyName, r.Sealed, r.ApprovedAt = model.Approved, keyID, keyName, slices.Clone(sealed), now
		})
	return err
}

// DeliverGrant implements onboard.Grants.
func (m *Memory) DeliverGrant(
	_ context.Context, deviceCodeHash [32]byte, now, notBefore, lastBefore time.Time,
) (model.DeviceGrant, error) {
	return m.step(func(r *row) bool {
		if r.DeviceCodeHash != deviceCodeHash || len(r.Sealed) == 0 {
			return false
		}
		first := r.State == model.Approved && !r.Expired(now)
		again := r.State == model.Delivered && r.DeliveredAt.After(notBefore) && !model.FromFuture(r.DeliveredAt, now) && !r.lastDelivered.After(lastBefore)
		return first || again
	}, func(r *row) {
		if r.State == model.Approved {
			r.State, r.DeliveredAt = model.Delivered, now
		}
		r.lastDelivered = now
	})
}

// SweepGrants implements onboard.Grants.
func (m *Memory) SweepGrants(_ context.Context, now, sealedBefore, goneBefore time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = slices.DeleteFunc(m.rows, func(r *row) bool { return !r.ExpiresAt.After(goneBefore) })
	for _, r := range m.rows {
		if r.State == model.Delivered && !r.DeliveredAt.After(sealedBefore) || r.State != model.Delivered && !r.ExpiresAt.After(now) {
			r.Sealed = nil
		}
	}
	return nil
}

// step changes the grant that fits, if there is one, and gives it.
func (m *Memory) step(fits func(*row) bool, change func(*row)) (model.DeviceGrant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.rows, fits)
	if i < 0 {
		return model.DeviceGrant{}, model.ErrNotFound
	}
	if change != nil {
		change(m.rows[i])
	}
	g := m.rows[i].DeviceGrant
	g.SealingKey, g.Sealed = slices.Clone(g.SealingKey), slices.Clone(g.Sealed)
	return g, nil
}
