package store

import (
	"context"
	"strings"
	"time"

	"latchkey/internal/model"
)

// MaxAuthSessions is how many sessions each key of a user has at most, and how many the user has that no key opened.
const MaxAuthSessions = 100

// maxEndedAtOnce is how many sessions at most make room for a new one.
const maxEndedAtOnce = 100

// maxListed is more than a user has with as many keys as the program allows.
const maxListed = 25 * MaxAuthSessions

// authSessionColumns are the columns of a session in the order of sessionColumns.
const authSessionColumns = `id, user_id, device_id, provider, identity_id, coalesce(key_id, ''), created_at, expires_at,
	last_seen_at, address, agent, device_name, platform, sdk, proved_at`

const (
	// insertAuthSession asks for the generation while inserting: a password that is changed between being checked and being used
	// opens nothing. Neither does an identity that is unlinked then, which one with a password cannot be, nor a passkey that is removed.
	insertAuthSession = `
INSERT INTO auth_sessions (id, user_id, device_id, provider, identity_id, created_at, expires_at,
	last_seen_at, address, agent, device_name, platform, sdk, proved_at)
SELECT ?1, u.id, ?2, ?3, ?4, ?5, ?6, ?5, ?7, ?8, ?9, ?10, ?11, ?14
FROM users AS u WHERE u.id = ?12 AND u.disabled_at IS NULL
	AND NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.id = ?4 AND i.generation <> ?13)
	AND (?3 NOT IN (` + signedByOthers + `) AND ?3 NOT LIKE ` + openID + ` OR EXISTS (SELECT 1 FROM identities AS i WHERE i.id = ?4))
	AND (?3 <> '` + model.ProviderPasskey + `' OR EXISTS (SELECT 1 FROM passkeys AS p WHERE p.id = ?4 AND p.user_id = u.id))`

	// insertAuthSessionByKey asks for the key, its switch and its expiry while inserting: a key that is turned off between being looked
	// up and being used opens nothing. What it opens ends with the key.
	insertAuthSessionByKey = `
INSERT INTO auth_sessions (id, user_id, device_id, provider, identity_id, created_at, expires_at,
	last_seen_at, address, agent, device_name, platform, sdk, key_id)
SELECT ?1, k.user_id, ?2, ?3, ?4, ?5, CASE WHEN k.expires_at < ?6 THEN k.expires_at ELSE ?6 END, ?5, ?7, ?8, ?9, ?10, ?11, k.id
FROM users AS u JOIN api_keys AS k ON k.user_id = u.id
WHERE u.id = ?12 AND u.disabled_at IS NULL AND k.id = ?13 AND k.disabled = FALSE AND (k.expires_at IS NULL OR k.expires_at > ?5)`

	selectAuthSession = `
SELECT ` + authSessionColumns + `, coalesce((SELECT c.data FROM custom_data AS c WHERE c.user_id = a.user_id), '') AS d
FROM auth_sessions AS a WHERE id = ?`

	selectAuthSessions = `
SELECT ` + authSessionColumns + `, ''
FROM auth_sessions
WHERE user_id = ? AND expires_at > ? ORDER BY key_id NULLS FIRST LIMIT ?`

	// deleteOldOfKey and deleteOldOfUser take no more than a few at once, also where many were opened before there was a limit. What
	// was just opened stays, whatever the clock said when the others were. They are two because no one text finds both by an index.
	deleteOldOfKey  = deleteOld + `key_id = ?5 AND` + deleteOldBeyond
	deleteOldOfUser = deleteOld + `key_id IS NULL AND` + deleteOldBeyond
	deleteOld       = `
DELETE FROM auth_sessions WHERE id IN (
	SELECT id FROM auth_sessions WHERE user_id = ?1 AND `
	deleteOldBeyond = ` id <> ?2 ORDER BY id DESC LIMIT ?4 OFFSET ?3)`

	// deleteOldestOfKey makes room where deleteOldOfKey is known to find one: it need not count for that.
	deleteOldestOfKey = `
DELETE FROM auth_sessions WHERE id = (
	SELECT id FROM auth_sessions WHERE user_id = ?1 AND key_id = ?3 AND id <> ?2 ORDER BY id LIMIT 1)`

	selectAuthSessionID = `SELECT 1 FROM auth_sessions WHERE id = ?`

	updateProvedAt = `UPDATE auth_sessions SET proved_at = ? WHERE id = ? AND user_id = ?`

	updateLastSeen = `UPDATE auth_sessions SET last_seen_at = ? WHERE id = ?`

	deleteAuthSession = `DELETE FROM auth_sessions WHERE id = ? AND user_id = ?`

	sweepAuthSessions = `
DELETE FROM auth_sessions WHERE id IN (
	SELECT id FROM auth_sessions WHERE expires_at <= ? LIMIT ?)`
)

// CreateAuthSession adds a session, seen now. It answers ErrNotFound when the user is gone or disabled, when the password was
// changed since Generation, when the identity was unlinked and, with a KeyID, when that key is not the user's, is off or has expired. Beyond
// MaxAuthSessions of the same key, or of none, the oldest by creation ends: by when it was last seen would be fairer, and would take
// an index written at every sighting. Of a key that opens the session the use is remembered in the same transaction, unless it is
// nil, and the events are recorded when it is the first; without a key it is recorded always.
func (s *Store) CreateAuthSession(ctx context.Context, a model.Session, use *model.KeyUse, events ...model.Event) error {
	return doing("create auth session", s.write(ctx, ofUser(a.UserID), func(t tx) error { return openSession(t, a, use, events) }))
}

func openSession(t tx, a model.Session, use *model.KeyUse, events []model.Event) error {
	args := []any{
		a.ID, a.DeviceID, a.Provider, a.IdentityID, a.CreatedAt.UnixMilli(), a.ExpiresAt.UnixMilli(),
		a.Address, a.Agent, a.DeviceName, a.Platform, a.SDK, a.UserID,
	}
	makeRoom, made := roomForSession(t, a)
	if a.KeyID == "" {
		if err := t.execOne(insertAuthSession, append(args, a.Generation, millisOrZero(a.ProvedAt))...); err != nil {
			return err
		}
		if err := t.later(deleteUnusedUser, a.UserID); err != nil {
			return err
		}
		if err := keepLanguage(t, a.UserID, a.Language); err != nil {
			return err
		}
		if _, err := oneByOne(t, []step{makeRoom}); err != nil {
			return err
		}
		made()
		return recordEvents(t, events)
	}
	steps := [3]step{must(insertAuthSessionByKey, append(args, a.KeyID)...), makeRoom}
	of := steps[:2]
	if use != nil {
		of = append(of, must(updateKeyUse, useArgs(a, use)...))
	}
	stopped, err := t.last(of...)
	if err != nil {
		return err
	}
	if stopped == 0 {
		return model.ErrNotFound
	}
	made()
	if stopped == all {
		return nil
	}
	if _, err := t.exec(insertKeyUse, useArgs(a, use)...); err != nil { // its first
		return err
	}
	if err := t.later(sawNewKey, a.UserID, a.KeyID, use.At.UnixMilli()); err != nil {
		return err
	}
	return recordEvents(t, events)
}

// opener is what opened sessions: a key of a user.
type opener struct{ userID, keyID string }

// openers are those that are known to have MaxAuthSessions, no fewer and no more. A device that signs in often is one of them, and to
// count a hundred sessions is most of what its sign-in costs here. The set is forgotten whenever a statement may have ended a session:
// not to know is a count more, to be wrong would be a session too few or too many. Only a DELETE ends sessions, itself or through
// what refers to its rows, as TestOnlyADeleteEndsSessions holds; and nobody but the writer writes. Sessions that no key opened are not in
// it: one of these can take others along, which it has opened by a link.
type openers map[opener]struct{}

// maxOpeners bounds what is remembered.
const maxOpeners = 4096

func (o openers) add(one opener) {
	if len(o) >= maxOpeners {
		clear(o)
	}
	o[one] = struct{}{}
}

// mayEndSessions tells of a statement whether it may have ended sessions of which roomForSession does not know.
func mayEndSessions(text string) bool {
	switch text {
	case deleteOldestOfKey, deleteOldOfKey, deleteUnusedUser:
		return false
	case deleteOldOfUser, deleteOldBesideAsker, deleteOldHandovers: // at most sessions that no key opened
		return false
	}
	return strings.HasPrefix(strings.TrimSpace(text), "DELETE")
}

// roomForSession ends what there is no room for beside a session. What it did is remembered by made.
func roomForSession(t tx, a model.Session) (makeRoom step, made func()) {
	var ended int64
	full, by := t.full(), opener{a.UserID, a.KeyID}
	if a.KeyID == "" {
		return step{text: deleteOldOfUser, args: []any{a.UserID, a.ID, MaxAuthSessions - 1, maxEndedAtOnce}}, func() {}
	}
	if _, known := full[by]; known {
		makeRoom = step{text: deleteOldestOfKey, args: []any{a.UserID, a.ID, a.KeyID}, changed: &ended}
		return makeRoom, func() {
			if ended == 0 {
				delete(full, by)
			}
		}
	}
	makeRoom = step{text: deleteOldOfKey, args: []any{a.UserID, a.ID, MaxAuthSessions - 1, maxEndedAtOnce, a.KeyID}, changed: &ended}
	return makeRoom, func() {
		if full != nil && ended > 0 && ended < maxEndedAtOnce {
			full.add(by)
		}
	}
}

// AuthSession returns a session with the custom data of its user, also one that has expired and was not swept yet.
func (s *Store) AuthSession(ctx context.Context, id string) (model.Session, error) {
	var a model.Session
	var times [4]int64
	if err := s.row(ctx, selectAuthSession, []any{id}, sessionColumns(&a, &times)...); err != nil {
		return model.Session{}, doing("find auth session", err)
	}
	setTimes(&a, times)
	return a, nil
}

// AuthSessions returns the sessions of a user that have not expired by now, those that no key opened first. Of very many it returns
// some.
func (s *Store) AuthSessions(ctx context.Context, userID string, now time.Time) ([]model.Session, error) {
	var a model.Session
	var times [4]int64
	sessions, err := list(ctx, s, 0, selectAuthSessions, []any{userID, now.UnixMilli(), maxListed}, sessionColumns(&a, &times),
		func() model.Session {
			setTimes(&a, times)
			return a
		})
	return sessions, doing("list auth sessions", err)
}

// sessionColumns are the places to scan a row of authSessionColumns into, and the custom data of the user.
func sessionColumns(a *model.Session, times *[4]int64) []any {
	return []any{
		&a.ID, &a.UserID, &a.DeviceID, &a.Provider, &a.IdentityID, &a.KeyID, &times[0], &times[1],
		&times[2], &a.Address, &a.Agent, &a.DeviceName, &a.Platform, &a.SDK, &times[3], &a.CustomData,
	}
}

func setTimes(a *model.Session, times [4]int64) {
	a.CreatedAt, a.ExpiresAt, a.LastSeenAt, a.ProvedAt = fromMillis(times[0]), fromMillis(times[1]), fromMillis(times[2]), fromMillisOrZero(times[3])
}

// SawAuthSession remembers when a session was last heard of. One that has ended is no error.
func (s *Store) SawAuthSession(ctx context.Context, id string, now time.Time) error {
	err := s.write(ctx, ofNobody, func(t tx) error {
		_, err := t.exec(updateLastSeen, now.UnixMilli(), id)
		return err
	})
	return doing("record the last use of a session", err)
}

// ConfirmAuthSession remembers that the person of a session showed at a time that it is they, and records the events with it. It answers
// ErrNotFound when the session has ended or is somebody else's.
func (s *Store) ConfirmAuthSession(ctx context.Context, userID, id string, at time.Time, events ...model.Event) error {
	return doing("confirm auth session", s.write(ctx, ofUser(userID), func(t tx) error {
		if err := t.execOne(updateProvedAt, at.UnixMilli(), id, userID); err != nil {
			return err
		}
		return recordEvents(t, events)
	}))
}

// DeleteAuthSession ends a session of a user, and with it that of the browser that holds it. It answers ErrNotFound when it has ended
// already or is somebody else's.
func (s *Store) DeleteAuthSession(ctx context.Context, userID, id string, events ...model.Event) error {
	err := s.write(ctx, ofUser(userID), func(t tx) error {
		if err := t.execOne(deleteAuthSession, id, userID); err != nil {
			return err
		}
		if _, err := t.exec(lookAtAnonymous, userID); err != nil {
			return err
		}
		return recordEvents(t, events)
	})
	return doing("delete auth session", err)
}

// DeleteOtherAuthSessions ends all sessions of a user but one, and with them those of the browsers that hold them, and returns how
// many ended. The events are recorded unless there is none.
func (s *Store) DeleteOtherAuthSessions(ctx context.Context, userID, keep string, events ...model.Event) (ended int, err error) {
	err = s.write(ctx, ofUser(userID), func(t tx) error {
		n, err := t.exec(deleteAuthSessionsOfUser, userID, keep)
		if ended = int(n); err != nil || n == 0 {
			return err
		}
		return recordEvents(t, events)
	})
	return ended, doing("delete other auth sessions", err)
}
