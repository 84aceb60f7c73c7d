package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/internal/model"
)

const passkeyColumns = `p.id, p.user_id, p.credential_id, p.public_key, p.rp_id, p.user_handle, p.sign_count, p.flags, p.aaguid, p.transports,
	p.name, p.created_at, p.last_used_at`

const (
	selectPasskeys = `SELECT ` + passkeyColumns + ` FROM passkeys AS p WHERE p.user_id = ? ORDER BY p.id`

	selectPasskeyByCredential = `
SELECT ` + passkeyColumns + `, u.disabled_at IS NOT NULL
FROM passkeys AS p JOIN users AS u ON u.id = p.user_id WHERE p.credential_id = ?`

	// selectHost is the next host for which there are passkeys, in the order of their names.
	selectHost = `SELECT rp_id FROM passkeys WHERE rp_id > ? ORDER BY rp_id LIMIT 1`

	countPasskeys = `SELECT count(*) FROM passkeys WHERE user_id = ?`

	// insertPasskey inserts nothing for a user whose other passkeys know them by another handle.
	insertPasskey = `
INSERT INTO passkeys (id, user_id, credential_id, public_key, rp_id, user_handle, sign_count, flags, aaguid, transports, name, created_at)
SELECT ?1, u.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
FROM users AS u WHERE u.id = ?2 AND u.disabled_at IS NULL
	AND NOT EXISTS (SELECT 1 FROM passkeys AS o WHERE o.user_id = ?2 AND o.user_handle <> ?6)
	AND NOT EXISTS (SELECT 1 FROM passkeys AS o WHERE o.credential_id = ?3)`

	selectPasskeyID = `SELECT 1 FROM passkeys WHERE credential_id = ?`

	updatePasskeyName = `UPDATE passkeys SET name = ?3 WHERE id = ?1 AND user_id = ?2`

	updatePasskeyUse = `UPDATE passkeys SET sign_count = ?3, flags = ?4, last_used_at = ?5 WHERE id = ?1 AND user_id = ?2`

	// deletePasskey leaves the last way to sign in: see wayIn.
	deletePasskey = `
DELETE FROM passkeys WHERE id = ?1 AND user_id = ?2 AND (
	EXISTS (SELECT 1 FROM passkeys AS p WHERE p.user_id = ?2 AND p.rp_id = ?3 AND p.id <> ?1)
	OR EXISTS (SELECT 1 FROM identities AS o WHERE o.user_id = ?2 AND ` + wayIn + `))`

	selectPasskeyOfUser = `SELECT 1 FROM passkeys WHERE id = ? AND user_id = ?`

	// removePassword asks for the passkeys that go on: one where a link can be sent, otherwise two.
	removePassword = `
UPDATE identities SET password_hash = '', generation = generation + 1 WHERE id = ?1 AND user_id = ?2 AND password_hash <> ''
	AND (SELECT count(*) FROM passkeys AS p WHERE p.user_id = ?2 AND p.rp_id = ?3) >= ?4`

	selectHasPassword = `SELECT 1 FROM identities WHERE id = ? AND user_id = ? AND password_hash <> ''`

	insertChallenge = `INSERT INTO passkey_challenges (id, user_id, purpose, data, expires_at) VALUES (?, ?, ?, ?, ?)`

	// roomForChallenges and roomForChallengesOf make room among all, and among those of one user, who is nobody while nobody is signed in:
	// those go first that end first.
	roomForChallenges = `
DELETE FROM passkey_challenges WHERE id IN (
	SELECT id FROM passkey_challenges WHERE expires_at > 0 ORDER BY expires_at DESC LIMIT ?2 OFFSET ?1)`

	roomForChallengesOf = `
DELETE FROM passkey_challenges WHERE id IN (
	SELECT id FROM passkey_challenges WHERE user_id = ?1 ORDER BY expires_at DESC LIMIT ?3 OFFSET ?2)`

	// goodChallenge leaves out one from the future: 300000 is model.ChallengeLifetime.
	goodChallenge = `id = ?1 AND user_id = ?2 AND purpose = ?3 AND expires_at > ?4 AND expires_at <= ?4 + 300000 + ` + fromFuture

	selectChallenge = `SELECT data FROM passkey_challenges WHERE ` + goodChallenge

	useChallenge = `DELETE FROM passkey_challenges WHERE ` + goodChallenge

	deleteChallenge = `DELETE FROM passkey_challenges WHERE id = ?`

	deleteChallengesOfUser = `DELETE FROM passkey_challenges WHERE user_id = ?`

	sweepChallenges = `
DELETE FROM passkey_challenges WHERE id IN (
	SELECT id FROM passkey_challenges WHERE expires_at <= ? LIMIT ?)`

	boundChallenges = `
UPDATE passkey_challenges SET expires_at = ?1 WHERE id IN (SELECT id FROM passkey_challenges WHERE expires_at > ?2 LIMIT ?3)`
)

// How many challenges there may be: of all, of those who are not signed in yet, and of one user. One more ends the oldest of them: what
// strangers ask for takes no room of those who are signed in, and nobody is turned away. Several nodes can have a few more for a moment.
const (
	MaxChallenges           = 10_000
	MaxChallengesOfNobody   = 8_000
	MaxChallengesOfOneUser  = 5
	maxChallengesAtOnce     = 100
	maxPasskeyHostsListed   = 5
	passkeysForNoPassword   = 2
	passkeysBesideAnAddress = 1
)

// CreateChallenge keeps a challenge until it is used or has expired.
func (s *Store) CreateChallenge(ctx context.Context, c model.Challenge) error {
	of, most := ofNobody, MaxChallengesOfNobody
	if c.UserID != "" {
		of, most = ofUser(c.UserID), MaxChallengesOfOneUser
	}
	return doing("create challenge", s.write(ctx, of, func(t tx) error {
		if _, err := t.exec(insertChallenge, c.ID, c.UserID, c.Purpose, notNull(c.Data), c.ExpiresAt.UnixMilli()); err != nil {
			return err
		}
		if err := t.later(roomForChallengesOf, c.UserID, most, maxChallengesAtOnce); err != nil {
			return err
		}
		return t.later(roomForChallenges, MaxChallenges, maxChallengesAtOnce)
	}))
}

// Challenge is what a challenge was kept with, which goes on being good. One that was used, has expired by now, or is for something else or
// somebody else is ErrNotFound.
func (s *Store) Challenge(ctx context.Context, c model.Challenge, now time.Time) (data []byte, err error) {
	err = s.row(ctx, selectChallenge, challengeArgs(c, now), &data)
	return data, doing("find challenge", err)
}

// DropChallenge has a challenge be good no more. One that is not there is no error.
func (s *Store) DropChallenge(ctx context.Context, id string) error {
	return doing("drop challenge", s.write(ctx, ofNobody, func(t tx) error {
		_, err := t.exec(deleteChallenge, id)
		return err
	}))
}

func challengeArgs(c model.Challenge, now time.Time) []any {
	return []any{c.ID, c.UserID, c.Purpose, now.UnixMilli()}
}

// Passkeys are those of a user, in the order in which they were added.
func (s *Store) Passkeys(ctx context.Context, userID string) ([]model.Passkey, error) {
	var r passkeyRow
	found, err := list(ctx, s, 0, selectPasskeys, []any{userID}, r.columns(), r.get)
	return found, doing("list passkeys", err)
}

// PasskeyByCredential is the passkey that its authenticator calls so, and whether its user may not sign in; or ErrNotFound.
func (s *Store) PasskeyByCredential(ctx context.Context, credentialID []byte) (p model.Passkey, disabled bool, err error) {
	var r passkeyRow
	if err := s.row(ctx, selectPasskeyByCredential, []any{notNull(credentialID)}, append(r.columns(), &disabled)...); err != nil {
		return model.Passkey{}, false, doing("find passkey", err)
	}
	return r.get(), disabled, nil
}

// PasskeyHosts are the hosts for which passkeys were created, apart from one. Of very many it is some.
func (s *Store) PasskeyHosts(ctx context.Context, besides string) (hosts []string, err error) {
	for host := ""; len(hosts) < maxPasskeyHostsListed; {
		switch err := s.row(ctx, selectHost, []any{host}, &host); {
		case errors.Is(err, model.ErrNotFound):
			return hosts, nil
		case err != nil:
			return nil, doing("list hosts of passkeys", err)
		case host != besides:
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}

// AddPasskey uses a challenge up, as Challenge finds it when the passkey is created, and keeps a passkey. ErrLimit is that the user has model.MaxPasskeys, ErrConflict
// that somebody has this one, ErrNotFound that the challenge is not good, the user is gone or disabled, or is known to their other passkeys
// by another handle. The events are recorded with it.
func (s *Store) AddPasskey(ctx context.Context, c model.Challenge, p model.Passkey, events ...model.Event) error {
	return doing("add passkey", s.write(ctx, ofUser(p.UserID), func(t tx) error {
		if err := t.execOne(useChallenge, challengeArgs(c, p.CreatedAt)...); err != nil {
			return err
		}
		switch err := t.row(selectPasskeyID, []any{p.CredentialID}, new(int)); {
		case err == nil:
			return model.ErrConflict
		case !errors.Is(err, model.ErrNotFound):
			return err
		}
		var has int
		switch err := t.row(countPasskeys, []any{p.UserID}, &has); {
		case err != nil:
			return err
		case has >= model.MaxPasskeys:
			return model.ErrLimit
		}
		err := t.execOne(insertPasskey, p.ID, p.UserID, p.CredentialID, p.PublicKey, p.RPID, p.UserHandle, p.SignCount, p.Flags,
			notNull(p.AAGUID), p.Transports, p.Name, p.CreatedAt.UnixMilli())
		if errors.Is(err, errDuplicate) { // another user was quicker
			err = model.ErrConflict
		}
		if err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}

// SignInWithPasskey uses a challenge up, remembers the last use of a passkey, as p has it, and opens a session, as CreateAuthSession does. ErrNotFound is also that the challenge is not good, and that the passkey is gone. The events are recorded with it.
func (s *Store) SignInWithPasskey(ctx context.Context, c model.Challenge, p model.Passkey, a model.Session, events ...model.Event) error {
	return doing("sign in with a passkey", s.write(ctx, ofUser(p.UserID), func(t tx) error {
		if err := usePasskey(t, c, p); err != nil {
			return err
		}
		return openSession(t, a, nil, events)
	}))
}

// ConfirmWithPasskey uses a challenge up and remembers the use of a passkey, as SignInWithPasskey does, and when the person of a session
// showed with it that it is they, as ConfirmAuthSession does. The events are recorded with it.
func (s *Store) ConfirmWithPasskey(ctx context.Context, c model.Challenge, p model.Passkey, sessionID string, events ...model.Event) error {
	return doing("confirm with a passkey", s.write(ctx, ofUser(p.UserID), func(t tx) error {
		if err := usePasskey(t, c, p); err != nil {
			return err
		}
		if err := t.execOne(updateProvedAt, p.LastUsedAt.UnixMilli(), sessionID, p.UserID); err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}

func usePasskey(t tx, c model.Challenge, p model.Passkey) error {
	if err := t.execOne(useChallenge, challengeArgs(c, p.LastUsedAt)...); err != nil {
		return err
	}
	return t.execOne(updatePasskeyUse, p.ID, p.UserID, p.SignCount, p.Flags, p.LastUsedAt.UnixMilli())
}

// RenamePasskey calls a passkey of a user something else, or answers ErrNotFound.
func (s *Store) RenamePasskey(ctx context.Context, userID, id, name string) error {
	return doing("rename passkey", s.write(ctx, ofUser(userID), func(t tx) error { return t.execOne(updatePasskeyName, id, userID, name) }))
}

// RemovePasskey takes a passkey from a user of a server at a host, and ends the sessions that it opened. ErrConflict is that it must stay:
// the user has no other way to sign in. The events are recorded with it.
func (s *Store) RemovePasskey(ctx context.Context, userID, id, host string, events ...model.Event) error {
	return doing("remove passkey", s.write(ctx, ofUser(userID), func(t tx) error {
		switch deleted, err := t.exec(deletePasskey, id, userID, host); {
		case err != nil:
			return err
		case deleted == 0:
			if err := t.row(selectPasskeyOfUser, []any{id, userID}, new(int)); err != nil {
				return err
			}
			return model.ErrConflict
		}
		if _, err := t.exec(deleteSessionsOfIdentity, userID, id); err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}

// RemovePassword leaves an identity without a password, and ends all sessions of the user but the one to keep and all links that would set
// a password. It takes two passkeys of the host, or one when a link can be sent to them: ErrConflict otherwise. ErrNotFound is that there is
// no password. The events are recorded with it.
func (s *Store) RemovePassword(ctx context.Context, id model.Identity, host string, reachable bool, keepSession string, events ...model.Event) error {
	least := passkeysForNoPassword
	if reachable {
		least = passkeysBesideAnAddress
	}
	return doing("remove password", s.write(ctx, ofUser(id.UserID), func(t tx) error {
		switch changed, err := t.exec(removePassword, id.ID, id.UserID, host, least); {
		case err != nil:
			return err
		case changed == 0:
			if err := t.row(selectHasPassword, []any{id.ID, id.UserID}, new(int)); err != nil {
				return err
			}
			return model.ErrConflict
		}
		return afterNewPassword(t, id, keepSession, events)
	}))
}

// passkeyRow is a row of passkeys while it is read.
type passkeyRow struct {
	p       model.Passkey
	created int64
	used    sql.NullInt64

	credential, public, handle, aaguid []byte
}

func (r *passkeyRow) columns() []any {
	return []any{
		&r.p.ID, &r.p.UserID, &r.credential, &r.public, &r.p.RPID, &r.handle, &r.p.SignCount, &r.p.Flags, &r.aaguid, &r.p.Transports,
		&r.p.Name, &r.created, &r.used,
	}
}

func (r *passkeyRow) get() model.Passkey {
	p := r.p
	p.CredentialID, p.PublicKey, p.UserHandle, p.AAGUID = r.credential, r.public, r.handle, r.aaguid
	r.credential, r.public, r.handle, r.aaguid = nil, nil, nil, nil // of the next row there are others
	p.CreatedAt, p.LastUsedAt = fromMillis(r.created), fromNullMillis(r.used)
	return p
}
