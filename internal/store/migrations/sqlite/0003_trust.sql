-- What people are told of their account: what happened, where they are signed in. And accounts that may not log in.

-- +goose Up

-- NULL: may log in.
ALTER TABLE users ADD COLUMN disabled_at INTEGER;

-- 1: must first follow the link in a mail.
ALTER TABLE identities ADD COLUMN pending INTEGER NOT NULL DEFAULT 0 CHECK (pending IN (0, 1));

-- How often the password was changed: a log-in that was checked against an older one opens nothing.
ALTER TABLE identities ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;

ALTER TABLE auth_sessions ADD COLUMN last_seen_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE auth_sessions ADD COLUMN address      TEXT    NOT NULL DEFAULT '';
ALTER TABLE auth_sessions ADD COLUMN agent        TEXT    NOT NULL DEFAULT '';
ALTER TABLE auth_sessions ADD COLUMN device_name  TEXT    NOT NULL DEFAULT '';
ALTER TABLE auth_sessions ADD COLUMN platform     TEXT    NOT NULL DEFAULT '';
ALTER TABLE auth_sessions ADD COLUMN sdk          TEXT    NOT NULL DEFAULT '';
UPDATE auth_sessions SET last_seen_at = created_at;

-- A browser signed in here ends with the auth session that it holds, whatever ends that. It holds none that we know of when
-- users live elsewhere; users is not referred to for the same reason.
ALTER TABLE web_sessions ADD COLUMN auth_session_id TEXT REFERENCES auth_sessions (id) ON DELETE CASCADE;
ALTER TABLE web_sessions ADD COLUMN user_id   TEXT    NOT NULL DEFAULT '';
ALTER TABLE web_sessions ADD COLUMN address   TEXT    NOT NULL DEFAULT '';
ALTER TABLE web_sessions ADD COLUMN agent     TEXT    NOT NULL DEFAULT '';
ALTER TABLE web_sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;

-- A person's list, and which of their sessions is the oldest.
CREATE INDEX web_sessions_user_id ON web_sessions (user_id, created_at);

-- The cascade from auth_sessions.
CREATE INDEX web_sessions_auth_session_id ON web_sessions (auth_session_id) WHERE auth_session_id IS NOT NULL;

-- Links that were sent by mail: to confirm an address, or to choose a new password.
CREATE TABLE account_links (
    id          TEXT    NOT NULL PRIMARY KEY,
    token_hash  BLOB    NOT NULL,
    identity_id TEXT    NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    purpose     TEXT    NOT NULL CHECK (purpose IN ('confirm', 'reset')),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A used link takes the others along, and the cascade from identities.
CREATE INDEX account_links_identity_id ON account_links (identity_id, purpose);

-- The sweep.
CREATE INDEX account_links_expires_at ON account_links (expires_at);

-- What happened to an account, in the order in which it did. key_name is what the key was called then: keys are deleted.
CREATE TABLE events (
    user_id  TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    key_id   TEXT    NOT NULL,
    key_name TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    address  TEXT    NOT NULL,
    agent    TEXT    NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- The sweep.
CREATE INDEX events_at ON events (at);

-- Nobody rewrites what happened, not even by a mistake of ours.
-- +goose StatementBegin
CREATE TRIGGER events_stay_as_they_are BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;
-- +goose StatementEnd
