package store

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

const (
	// maxTickets is how many tickets wait at once to connect something to one account. One more takes the place of the oldest.
	maxTickets = 5

	// TicketLifetime is how long a ticket is good for.
	TicketLifetime = 10 * time.Minute

	insertTicket = `
INSERT INTO openid_tickets (ticket_hash, identity_id, provider, subject, email, data, expires_at)
SELECT ?, id, ?, ?, ?, ?, ? FROM identities WHERE id = ? AND pending = FALSE`

	deleteOldTickets = `
DELETE FROM openid_tickets WHERE ticket_hash IN (
	SELECT ticket_hash FROM openid_tickets WHERE identity_id = ? ORDER BY expires_at DESC LIMIT 100 OFFSET ?)`

	// selectTicket leaves out what a clock has dated that was ahead: it would be good for as long as that was.
	selectTicket = `
SELECT t.provider, t.subject, t.email, t.data, t.identity_id, i.user_id, i.subject
FROM openid_tickets AS t JOIN identities AS i ON i.id = t.identity_id
WHERE t.ticket_hash = ?1 AND t.expires_at > ?2 AND t.expires_at <= ?3`

	deleteTicket = `DELETE FROM openid_tickets WHERE ticket_hash = ?`

	selectGeneration = `SELECT 1 FROM identities WHERE id = ? AND user_id = ? AND generation = ?`

	sweepTickets = `
DELETE FROM openid_tickets WHERE ticket_hash IN (
	SELECT ticket_hash FROM openid_tickets WHERE expires_at <= ? LIMIT ?)`
)

// KeepTicket keeps what a provider said of somebody who is to be connected to an account, or answers ErrNotFound when that is gone.
func (s *Store) KeepTicket(ctx context.Context, t model.OpenIDTicket) error {
	return doing("keep ticket", s.write(ctx, ofUser(t.UserID), func(w tx) error {
		err := w.execOne(insertTicket, t.Hash[:], t.Who.Provider, t.Who.Subject, t.Who.Email, t.Who.Data, t.ExpiresAt.UnixMilli(), t.IdentityID)
		if err != nil {
			return err
		}
		_, err = w.exec(deleteOldTickets, t.IdentityID, maxTickets)
		return err
	}))
}

// Ticket is what was kept, with the account's address and user, as long as it is good; otherwise the answer is ErrNotFound.
func (s *Store) Ticket(ctx context.Context, hash [32]byte, now time.Time) (model.OpenIDTicket, error) {
	t := model.OpenIDTicket{Hash: hash}
	err := s.row(ctx, selectTicket, []any{hash[:], now.UnixMilli(), now.Add(TicketLifetime + model.MaxAhead).UnixMilli()},
		&t.Who.Provider, &t.Who.Subject, &t.Who.Email, &t.Who.Data, &t.IdentityID, &t.UserID, &t.Email)
	if err != nil {
		return model.OpenIDTicket{}, doing("find ticket", err)
	}
	return t, nil
}

// UseTicket uses a ticket up and gives its user what it stands for as one more way to sign in, which is the identity that it answers. One
// that the user has already stays as it is. It answers ErrNotFound when the ticket was used, or the password was changed since the
// generation given, ErrConflict when the identity is somebody else's, and ErrLimit when the user has as many as allowed. The events are
// recorded if it is new.
func (s *Store) UseTicket(
	ctx context.Context, t model.OpenIDTicket, id model.Identity, generation int64, events ...model.Event,
) (model.Identity, error) {
	err := s.write(ctx, ofUser(t.UserID), func(w tx) error {
		if err := w.row(selectGeneration, []any{t.IdentityID, t.UserID, generation}, new(int)); err != nil {
			return err
		}
		if err := w.execOne(deleteTicket, t.Hash[:]); err != nil {
			return err
		}
		var found model.Identity
		switch err := identityBySubject(w, id, &found); {
		case err == nil && found.UserID == t.UserID:
			id = found
			return nil
		case err == nil:
			return model.ErrConflict
		case !errors.Is(err, model.ErrNotFound):
			return err
		}
		l := linking{tx: w, id: id}
		if err := l.add(); err != nil {
			return err
		}
		return recordEvents(w, events)
	})
	return id, doing("connect identity", err)
}
