package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/internal/model"
)

// identityColumns are the columns of an identity i and its user u in the order of scanIdentity.
const identityColumns = `i.id, i.user_id, i.provider, i.subject, i.password_hash, i.created_at, i.pending, i.generation, i.data, i.email, u.disabled_at IS NOT NULL,
	coalesce((SELECT c.data FROM custom_data AS c WHERE c.user_id = i.user_id), '') AS d, u.language`

const (
	// selectNobody touches the database and finds nothing.
	selectNobody = `SELECT 1 FROM users WHERE id = ''`

	insertUser = `INSERT INTO users (id, created_at, disabled_at) VALUES (?, ?, ?)`

	selectUser = `SELECT created_at, disabled_at FROM users WHERE id = ?`

	selectUsers = `
SELECT u.id, u.created_at, u.disabled_at FROM users AS u
WHERE u.id > ? AND NOT EXISTS (SELECT 1 FROM server_keys AS s WHERE s.user_id = u.id) ORDER BY u.id LIMIT ?`

	// updateUserDisabled changes nothing when the user is as asked for.
	updateUserDisabled = `UPDATE users SET disabled_at = CAST(?1 AS BIGINT) WHERE id = ?2 AND (disabled_at IS NULL) <> (CAST(?1 AS BIGINT) IS NULL)`

	// updateLanguage changes nothing when the language is the one that is kept.
	updateLanguage = `UPDATE users SET language = ?1 WHERE id = ?2 AND language <> ?1`

	deleteAuthSessionsOfUser = `DELETE FROM auth_sessions WHERE user_id = ? AND id <> ?`

	// deleteUser takes along what refers to the user, as the schema says. forgetUser is the rest.
	deleteUser = `DELETE FROM users WHERE id = ?`

	insertIdentity = `
INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at, pending, spelling, data, email)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (provider, subject) DO NOTHING`

	// insertLoneIdentity inserts nothing beside an address that people cannot tell from it. One that nobody has confirmed keeps nobody
	// out: anybody may have registered it.
	insertLoneIdentity = `
INSERT INTO identities (id, user_id, provider, subject, password_hash, created_at, pending, spelling, data, email)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
WHERE NOT EXISTS (SELECT 1 FROM identities WHERE provider = '` + model.ProviderEmailPassword + `' AND spelling = ?8 AND pending = FALSE)
ON CONFLICT (provider, subject) DO NOTHING`

	// selectIdentitiesBySpelling has those first whose address is confirmed.
	selectIdentitiesBySpelling = `
SELECT ` + identityColumns + `
FROM identities AS i JOIN users AS u ON u.id = i.user_id
WHERE i.provider = '` + model.ProviderEmailPassword + `' AND i.spelling = ? ORDER BY i.pending LIMIT ?`

	selectIdentityBySubject = `
SELECT ` + identityColumns + `
FROM identities AS i JOIN users AS u ON u.id = i.user_id WHERE i.provider = ? AND i.subject = ?`

	// selectMeant has the identity of exactly that subject alone, where there is one whose address is confirmed.
	selectMeant = `
SELECT ` + identityColumns + `
FROM identities AS i JOIN users AS u ON u.id = i.user_id
WHERE i.provider = '` + model.ProviderEmailPassword + `' AND i.spelling = ?1 AND (i.subject = ?2 OR NOT EXISTS (
	SELECT 1 FROM identities WHERE provider = '` + model.ProviderEmailPassword + `' AND subject = ?2 AND pending = FALSE))
ORDER BY i.pending LIMIT ?3`

	selectIdentities = `
SELECT ` + identityColumns + `
FROM identities AS i JOIN users AS u ON u.id = i.user_id WHERE i.user_id = ? ORDER BY i.id`

	updateIdentityData = `UPDATE identities SET data = ?, email = ? WHERE id = ?`

	updatePasswordHash = `UPDATE identities SET password_hash = ? WHERE id = ? AND password_hash = ?`

	// replacePending leaves an earlier registration of the address with nothing.
	replacePending = `UPDATE identities SET password_hash = ?, generation = generation + 1 WHERE id = ? AND pending = TRUE`

	deleteAllLinks = `DELETE FROM account_links WHERE identity_id = ?`

	// changePasswordHash leaves no sign-in that is on its way anything to open a session with. Where there was no password and is none,
	// nothing is on its way, and it can be told later that there never was one.
	changePasswordHash = `
UPDATE identities SET password_hash = ?1, generation = generation + CASE WHEN ?1 = '' AND ?3 = '' THEN 0 ELSE 1 END
WHERE id = ?2 AND password_hash = ?3`
)

// forgetUser are the statements that take away what is known of a user in the tables that do not refer to users, since users may be
// elsewhere.
func forgetUser() []string {
	return []string{
		deleteEventsOfUser, deleteRepeatsOfUser, deleteWebSessionsOfUser, deleteAnonymousUser, deleteFormsOfUser, forgetUserOfGrants, forgetHints,
		deleteChallengesOfUser, deleteQueuedOfUser,
	}
}

// CreateUser adds a user together with the first identity, or neither: ErrConflict when the identity's provider and subject
// belong to somebody already. The events are recorded with it. An account without credentials goes with a sweep once its
// sessions are over, which it should have soon.
func (s *Store) CreateUser(ctx context.Context, u model.User, id model.Identity, events ...model.Event) error {
	return doing("create user", s.write(ctx, ofUser(u.ID), func(t tx) error {
		if err := addUser(t, insertIdentity, u, []model.Identity{id}, events); err != nil || id.Provider != model.ProviderAnonymous {
			return err
		}
		_, err := t.exec(insertAnonymousUser, u.ID, u.CreatedAt.Add(anonymousGrace).UnixMilli())
		return err
	}))
}

// CreateLoneUser is CreateUser for an email address. ErrConflict is also that somebody has confirmed an address in which people see no
// difference from it.
func (s *Store) CreateLoneUser(ctx context.Context, u model.User, id model.Identity, events ...model.Event) error {
	return doing("create user", s.write(ctx, ofSpellings, func(t tx) error {
		return addUser(t, insertLoneIdentity, u, []model.Identity{id}, events)
	}))
}

// RegisterUser adds a user as CreateUser does, whose first identity nobody has confirmed. One that is there already and was never
// confirmed either is registered again: it keeps its ids and gets the new password, and no link that was created for it before is good
// any more, in one transaction. So a person who registers another's address has no password that fits once its owner has registered
// and confirmed it. Lone says that ErrConflict is also what CreateLoneUser answers it for. Happened tells, of the identity that is there
// afterwards, what to record.
func (s *Store) RegisterUser(
	ctx context.Context, u model.User, id model.Identity, lone bool, events func(model.Identity) model.Event,
) (registered model.Identity, err error) {
	id.Pending = true
	insert := insertIdentity
	if lone {
		insert = insertLoneIdentity
	}
	err = s.write(ctx, ofSpellings, func(t tx) error { // for there is no row yet of another who registers the same
		err := identityBySubject(t, id, &registered)
		switch {
		case errors.Is(err, model.ErrNotFound):
			registered = id
			return addUser(t, insert, u, []model.Identity{id}, []model.Event{events(id)})
		case err != nil:
			return err
		}
		if err := t.lock(ofUser(registered.UserID)); err != nil {
			return err
		}
		switch err := identityBySubject(t, id, &registered); { // as it is now that nobody changes it
		case err != nil:
			return err
		case !registered.Pending:
			return model.ErrConflict
		}
		registered.PasswordHash = id.PasswordHash
		registered.Generation++
		if err := t.execOne(replacePending, id.PasswordHash, registered.ID); err != nil {
			return err
		}
		if err := keepLanguage(t, registered.UserID, u.Language); err != nil {
			return err
		}
		if _, err := t.exec(deleteAllLinks, registered.ID); err != nil {
			return err
		}
		return recordEvents(t, []model.Event{events(registered)})
	})
	if err != nil {
		return model.Identity{}, doing("register user", err)
	}
	return registered, nil
}

func identityBySubject(t tx, id model.Identity, found *model.Identity) error {
	var created int64
	err := t.row(selectIdentityBySubject, []any{id.Provider, id.Subject}, scanIdentity(found, &created)...)
	found.CreatedAt = fromMillis(created)
	return err
}

// ImportUser adds a user, who may be disabled, with all their identities, or nothing: ErrConflict when there is a user of that
// id, or when the provider and subject of an identity belong to somebody. One of a key is the id that the key had: nobody has its value.
func (s *Store) ImportUser(ctx context.Context, u model.User, ids []model.Identity, events ...model.Event) error {
	return doing("create user", s.write(ctx, ofUser(u.ID), func(t tx) error { return addUser(t, insertIdentity, u, ids, events) }))
}

func addUser(t tx, insert string, u model.User, ids []model.Identity, events []model.Event) error {
	switch _, err := selectedUser(t, u.ID); {
	case err == nil:
		return model.ErrConflict
	case !errors.Is(err, model.ErrNotFound):
		return err
	}
	switch _, err := t.exec(insertUser, u.ID, u.CreatedAt.UnixMilli(), nullMillis(u.DisabledAt)); {
	case errors.Is(err, errDuplicate): // another was quicker
		return model.ErrConflict
	case err != nil:
		return err
	}
	if err := keepLanguage(t, u.ID, u.Language); err != nil {
		return err
	}
	for _, id := range ids {
		if id.Provider == model.ProviderAPIKey {
			if err := t.later(insertImportedKey, u.ID, id.ID); err != nil {
				return err
			}
			continue
		}
		added, err := t.exec(insert,
			id.ID, u.ID, id.Provider, id.Subject, id.PasswordHash, id.CreatedAt.UnixMilli(), id.Pending, spellingOf(id), id.Data, id.Email)
		if err == nil && added == 0 {
			err = model.ErrConflict
		}
		if err != nil {
			return err
		}
	}
	if u.Unused {
		if err := t.later(insertUnusedUser, u.ID); err != nil {
			return err
		}
	}
	return recordEvents(t, events)
}

// User returns a user, or ErrNotFound.
func (s *Store) User(ctx context.Context, id string) (model.User, error) {
	var created int64
	var disabled sql.NullInt64
	if err := s.row(ctx, selectUser, []any{id}, &created, &disabled); err != nil {
		return model.User{}, doing("find user", err)
	}
	return model.User{ID: id, CreatedAt: fromMillis(created), DisabledAt: fromNullMillis(disabled)}, nil
}

// selectedUser tells when a user was created, or that there is none.
func selectedUser(t tx, id string) (created int64, err error) {
	err = t.row(selectUser, []any{id}, &created, new(sql.NullInt64))
	return created, err
}

// Users returns up to limit users in the order of their ids, those behind the id after. The users of server keys are not among them.
func (s *Store) Users(ctx context.Context, after string, limit int) ([]model.User, error) {
	var u model.User
	var created int64
	var disabled sql.NullInt64
	users, err := list(ctx, s, 0, selectUsers, []any{after, limit}, []any{&u.ID, &created, &disabled}, func() model.User {
		u.CreatedAt, u.DisabledAt = fromMillis(created), fromNullMillis(disabled)
		return u
	})
	return users, doing("list users", err)
}

// DisableUser keeps a user from signing in and ends all their sessions, those of browsers included, in one transaction. One who
// is disabled stays so, and nothing happened.
func (s *Store) DisableUser(ctx context.Context, userID string, now time.Time, events ...model.Event) error {
	return doing("disable user", s.setUserDisabled(ctx, userID, true, now, events))
}

// EnableUser lets a user sign in again. One who may stays so, and nothing happened.
func (s *Store) EnableUser(ctx context.Context, userID string, now time.Time, events ...model.Event) error {
	return doing("enable user", s.setUserDisabled(ctx, userID, false, now, events))
}

func (s *Store) setUserDisabled(ctx context.Context, userID string, disabled bool, now time.Time, events []model.Event) error {
	var at any
	if disabled {
		at = now.UnixMilli()
	}
	return s.write(ctx, ofUser(userID), func(t tx) error {
		if disabled {
			if err := t.lock(ofOperators); err != nil { // on the command line too: operators are counted
				return err
			}
			if byOperator(events) {
				if err := notTheLast(t, userID); err != nil {
					return err
				}
			}
		}
		changed, err := t.exec(updateUserDisabled, at, userID)
		switch {
		case err != nil:
			return err
		case changed == 0:
			_, err := selectedUser(t, userID)
			return err
		case disabled:
			if _, err := t.exec(deleteAuthSessionsOfUser, userID, ""); err != nil {
				return err
			}
		default: // their devices were kept out until now
			if err := t.later(restartQuiet, now.UnixMilli(), userID); err != nil {
				return err
			}
		}
		return recordEvents(t, events)
	})
}

// IdentityBySubject finds who signs in as subject, or ErrNotFound.
func (s *Store) IdentityBySubject(ctx context.Context, provider, subject string) (model.Identity, error) {
	var id model.Identity
	var created int64
	err := s.row(ctx, selectIdentityBySubject, []any{provider, subject}, scanIdentity(&id, &created)...)
	if err != nil {
		return model.Identity{}, doing("find identity", err)
	}
	id.CreatedAt = fromMillis(created)
	return id, nil
}

// IdentitiesBySpelling finds up to limit people whose email addresses nobody can tell from this one or each other, itself included,
// those first whose address is confirmed.
func (s *Store) IdentitiesBySpelling(ctx context.Context, email string, limit int) ([]model.Identity, error) {
	ids, err := s.identities(ctx, selectIdentitiesBySpelling, model.OneSpelling(email), limit)
	return ids, doing("find identities", err)
}

// IdentitiesMeant is the identity that has confirmed exactly that email address or, if there is none, what IdentitiesBySpelling gives.
func (s *Store) IdentitiesMeant(ctx context.Context, email string, limit int) ([]model.Identity, error) {
	ids, err := s.identities(ctx, selectMeant, model.OneSpelling(email), email, limit)
	return ids, doing("find identities", err)
}

// Identities returns the identities of a user in the order in which they were linked. It answers ErrNotFound when there is no such user,
// and for the user of a server key: all others have one.
func (s *Store) Identities(ctx context.Context, userID string) ([]model.Identity, error) {
	ids, err := s.identities(ctx, selectIdentities, userID)
	if err == nil && len(ids) == 0 {
		err = model.ErrNotFound
	}
	return ids, doing("list identities", err)
}

func (s *Store) identities(ctx context.Context, query string, args ...any) ([]model.Identity, error) {
	var id model.Identity
	var created int64
	return list(ctx, s, 0, query, args, scanIdentity(&id, &created), func() model.Identity {
		id.CreatedAt = fromMillis(created)
		return id
	})
}

// scanIdentity are the places to scan the identityColumns into.
func scanIdentity(id *model.Identity, created *int64) []any {
	return []any{
		&id.ID, &id.UserID, &id.Provider, &id.Subject, &id.PasswordHash, created, &id.Pending, &id.Generation, &id.Data, &id.Email,
		&id.UserDisabled, &id.CustomData, &id.Language,
	}
}

// KeepLanguage remembers in which language a person uses the pages. One who is gone is no error.
func (s *Store) KeepLanguage(ctx context.Context, userID, language string) error {
	return doing("keep language", s.write(ctx, ofUser(userID), func(t tx) error { return keepLanguage(t, userID, language) }))
}

// keepLanguage remembers a language, if it is known.
func keepLanguage(t tx, userID, language string) error {
	if language == "" {
		return nil
	}
	return t.later(updateLanguage, language, userID)
}

// ReplaceIdentityData stores what an issuer says of the owner of an identity now, and their address. One that is gone takes it along.
func (s *Store) ReplaceIdentityData(ctx context.Context, id model.Identity, data, email string) error {
	err := s.write(ctx, ofUser(id.UserID), func(t tx) error {
		_, err := t.exec(updateIdentityData, data, email, id.ID)
		return err
	})
	return doing("replace identity data", err)
}

// ReplacePasswordHash stores the new hash of a password that was just checked against the old one. When the stored hash is no
// longer the old one, the password was changed in the meantime, and nothing happens.
func (s *Store) ReplacePasswordHash(ctx context.Context, identityID, old, replacement string) error {
	err := s.write(ctx, ofNobody, func(t tx) error {
		_, err := t.exec(updatePasswordHash, replacement, identityID, old)
		return err
	})
	return doing("replace password hash", err)
}

// ChangePassword replaces the hash of a password that was just checked and ends all sessions of the user but the one to keep,
// which may be "", and all links that would set a password, in one transaction. It answers ErrConflict when the stored hash is no
// longer the old one.
func (s *Store) ChangePassword(ctx context.Context, id model.Identity, replacement, keepSession string, events ...model.Event) error {
	err := s.write(ctx, ofUser(id.UserID), func(t tx) error {
		changed, err := t.exec(changePasswordHash, replacement, id.ID, id.PasswordHash)
		if err == nil && changed == 0 {
			err = model.ErrConflict
		}
		if err != nil {
			return err
		}
		return afterNewPassword(t, id, keepSession, events)
	})
	return doing("change password", err)
}

// afterNewPassword ends what the old password had opened.
func afterNewPassword(t tx, id model.Identity, keepSession string, events []model.Event) error {
	if _, err := t.exec(deleteAuthSessionsOfUser, id.UserID, keepSession); err != nil {
		return err
	}
	if _, err := t.exec(deleteLinks, id.ID, model.LinkReset); err != nil {
		return err
	}
	return recordEvents(t, events)
}

// DeleteUser removes a user with all identities, keys, sessions and events, or answers ErrNotFound. The pairings that they were shown
// stay until they expire, and say nothing of them any more.
func (s *Store) DeleteUser(ctx context.Context, userID string) error {
	return doing("delete user", s.write(ctx, ofUser(userID), func(t tx) error { return removeUser(t, userID) }))
}

func removeUser(t tx, userID string) error {
	if err := t.execOne(deleteUser, userID); err != nil {
		return err
	}
	for _, text := range forgetUser() {
		if _, err := t.exec(text, userID); err != nil {
			return err
		}
	}
	return nil
}
