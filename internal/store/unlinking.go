package store

import (
	"context"

	"latchkey/internal/model"
)

// signedByOthers has the providers whose tokens others sign, as SQL lists them, and openID is like the names of those with OpenID Connect.
// A user's identities of them can be unlinked.
const (
	openID         = `'` + model.OpenIDPrefix + `%'`
	signedByOthers = `'` + model.ProviderCustomToken + `', '` + model.ProviderGoogle + `', '` + model.ProviderApple + `'`
)

// wayIn is that the user of an identity o can sign in with it: what works once, such as an anonymous identity, does not count, nor an
// address that nobody has confirmed or that has no password.
const wayIn = `o.pending = FALSE AND (
	o.provider = '` + model.ProviderEmailPassword + `' AND o.password_hash <> '' OR o.provider IN (` + signedByOthers + `) OR o.provider LIKE ` + openID + `)`

const (
	// unlinkIdentity leaves the last way to sign in: another identity, or a passkey of this host.
	unlinkIdentity = `
DELETE FROM identities WHERE id = ?1 AND user_id = ?2 AND (provider IN (` + signedByOthers + `) OR provider LIKE ` + openID + `) AND (
	EXISTS (SELECT 1 FROM identities AS o WHERE o.user_id = ?2 AND o.id <> ?1 AND ` + wayIn + `)
	OR EXISTS (SELECT 1 FROM passkeys AS p WHERE p.user_id = ?2 AND p.rp_id = ?3))`

	selectIdentityOfUser = `SELECT provider FROM identities WHERE id = ? AND user_id = ?`

	deleteSessionsOfIdentity = `DELETE FROM auth_sessions WHERE user_id = ? AND identity_id = ?`
)

// UnlinkIdentity takes a way to sign in from a user, and ends the auth sessions that it opened, with those of browsers that hold them.
// Somebody else's is ErrNotFound, as one that never was. ErrConflict is that it must stay: it is an email address or works once, or
// the user has no other way to sign in, of which passkeys of the host are one. The events are recorded with it.
func (s *Store) UnlinkIdentity(ctx context.Context, userID, identityID, host string, events ...model.Event) error {
	return doing("unlink identity", s.write(ctx, ofUser(userID), func(t tx) error {
		switch deleted, err := t.exec(unlinkIdentity, identityID, userID, host); {
		case err != nil:
			return err
		case deleted == 0:
			var provider string
			if err := t.row(selectIdentityOfUser, []any{identityID, userID}, &provider); err != nil {
				return err
			}
			return model.ErrConflict
		}
		if _, err := t.exec(deleteSessionsOfIdentity, userID, identityID); err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}
