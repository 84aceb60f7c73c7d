package store

import (
	"context"
	"errors"

	"latchkey/internal/model"
)

// MaxIdentities is how many ways to sign in a user has at most, keys aside: an issuer may call somebody whatever it likes.
const MaxIdentities = 20

const (
	insertUnusedUser = `INSERT INTO unused_users (user_id) VALUES (?)`

	// deleteUnusedUser is for a user who has a session or a key now.
	deleteUnusedUser = `DELETE FROM unused_users WHERE user_id = ?`

	// selectUnusedUser asks for sessions and keys too, which the table should not be wrong about: what is found is deleted. Nor is what
	// the operator knows of somebody lost.
	selectUnusedUser = `
SELECT 1 FROM unused_users WHERE user_id = ?1
	AND NOT EXISTS (SELECT 1 FROM auth_sessions WHERE user_id = ?1) AND NOT EXISTS (SELECT 1 FROM api_keys WHERE user_id = ?1)
	AND NOT EXISTS (SELECT 1 FROM custom_data WHERE user_id = ?1)`

	selectAuthSessionOfUser = `SELECT provider FROM auth_sessions WHERE id = ? AND user_id = ?`

	countIdentities = `
SELECT count(*), count(CASE WHEN provider = '` + model.ProviderEmailPassword + `' THEN 1 END) FROM identities WHERE user_id = ?`

	// moveIdentity gives it another id too, since identities are listed by id in the order in which they were linked. It moves nothing
	// of which the password was changed after it was checked.
	moveIdentity = `UPDATE identities SET id = ?, user_id = ? WHERE id = ? AND generation = ? AND pending = FALSE`

	updateAuthSessionIdentity = `UPDATE auth_sessions SET provider = ?, identity_id = ? WHERE id = ? AND user_id = ?`
)

// LinkIdentity gives the user of a session one more way to sign in, and says whether it is new to them. An anonymous session is one of
// that identity from then on, and the account no longer goes when it ends. The events are recorded if it is new.
//
// An identity that nobody has is added, unless it is an email address, whose password is in no account then. One of an account that was
// registered and never used is moved, and what is left of that account is deleted: so its password must have been checked, at the
// generation given. Any other is ErrConflict, ErrNotFound is that the session has ended, and ErrLimit that the user has another email
// address, or as many identities as allowed.
func (s *Store) LinkIdentity(ctx context.Context, sessionID string, id model.Identity, events ...model.Event) (linked bool, err error) {
	before, err := s.IdentityBySubject(ctx, id.Provider, id.Subject)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return false, err
	}
	// Both users are locked in the order of their ids, or two who link each other would wait for each other.
	first, second := id.UserID, before.UserID
	if second != "" && second < first {
		first, second = second, first
	}
	err = s.write(ctx, ofUser(first), func(t tx) error {
		if second != "" && second != first {
			if err := t.lock(ofUser(second)); err != nil {
				return err
			}
		}
		l := linking{tx: t, id: id, sessionID: sessionID}
		if err := l.link(before.UserID); err != nil {
			return err
		}
		if linked = l.linked; !linked {
			return nil
		}
		return recordEvents(t, events)
	})
	return linked && err == nil, doing("link identity", err)
}

// linking is a job that links an identity.
type linking struct {
	tx
	id        model.Identity // as it will be; the generation is the one that was checked
	sessionID string
	linked    bool
}

// link links the identity. Its owner was somebody, or nobody, before they were locked.
func (l *linking) link(owner string) error {
	var provider string
	if err := l.row(selectAuthSessionOfUser, []any{l.sessionID, l.id.UserID}, &provider); err != nil {
		return err
	}
	var found model.Identity
	switch err := identityBySubject(l, l.id, &found); {
	case errors.Is(err, model.ErrNotFound):
		if err := l.add(); err != nil {
			return err
		}
	case err != nil:
		return err
	case found.UserID == l.id.UserID:
		l.id.ID = found.ID
	case found.UserID != owner: // another was quicker
		return model.ErrConflict
	default:
		if err := l.move(found); err != nil {
			return err
		}
	}
	if provider != model.ProviderAnonymous {
		return nil
	}
	if _, err := l.exec(updateAuthSessionIdentity, l.id.Provider, l.id.ID, l.sessionID, l.id.UserID); err != nil {
		return err
	}
	_, err := l.exec(deleteAnonymousUser, l.id.UserID)
	return err
}

// add adds an identity that nobody has.
func (l *linking) add() error {
	if l.id.Provider == model.ProviderEmailPassword { // it was there a moment ago
		return model.ErrConflict
	}
	if err := l.room(); err != nil {
		return err
	}
	added, err := l.exec(insertIdentity, l.id.ID, l.id.UserID, l.id.Provider, l.id.Subject, "", l.id.CreatedAt.UnixMilli(), false,
		spellingOf(l.id), l.id.Data, l.id.Email)
	if err == nil && added == 0 { // another was quicker
		err = model.ErrConflict
	}
	l.linked = err == nil
	return err
}

// move takes an identity from an account that was never used, and deletes the account.
func (l *linking) move(found model.Identity) error {
	if err := l.row(selectUnusedUser, []any{found.UserID}, new(int)); err != nil {
		return conflict(err)
	}
	if found.UserDisabled {
		return model.ErrConflict
	}
	if err := l.room(); err != nil {
		return err
	}
	if _, err := l.exec(deleteAllLinks, found.ID); err != nil {
		return err
	}
	if err := l.execOne(moveIdentity, l.id.ID, l.id.UserID, found.ID, l.id.Generation); err != nil {
		return conflict(err)
	}
	l.linked = true
	return removeUser(l, found.UserID)
}

// room says whether the user may have the identity beside the others.
func (l *linking) room() error {
	var all, emails int
	if err := l.row(countIdentities, []any{l.id.UserID}, &all, &emails); err != nil {
		return err
	}
	if all >= MaxIdentities || emails > 0 && l.id.Provider == model.ProviderEmailPassword {
		return model.ErrLimit
	}
	return nil
}

// conflict is the absence of what has to be there.
func conflict(err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return model.ErrConflict
	}
	return err
}
