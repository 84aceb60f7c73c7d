-- The first schema. Times are integer milliseconds UTC; ids are text that sorts in the order of creation.
--
-- Rows are small and always found by their whole key, so most tables are their own primary key index (WITHOUT ROWID): one
-- tree to descend and one page less to write. Every further index below says which statement would scan without it.

-- +goose Up

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE identities (
    id            TEXT    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider      TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    UNIQUE (provider, subject)
) STRICT, WITHOUT ROWID;

-- A user's identities in the order they were linked, and the cascade from users.
CREATE INDEX identities_user_id ON identities (user_id, id);

-- The key (user_id, id) makes the list of a user's keys one range, read in the order of creation.
CREATE TABLE api_keys (
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    value_hash BLOB    NOT NULL UNIQUE,
    disabled   INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, name)
) STRICT, WITHOUT ROWID;

-- The second foreign key is the promise that no session outlives the key that opened it.
CREATE TABLE auth_sessions (
    id          TEXT    NOT NULL PRIMARY KEY,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id   TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    identity_id TEXT    NOT NULL,
    key_id      TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    FOREIGN KEY (user_id, key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The sessions of one key (turning it off), and the cascades from users and api_keys.
CREATE INDEX auth_sessions_user_id_key_id ON auth_sessions (user_id, key_id);

-- The sweep.
CREATE INDEX auth_sessions_expires_at ON auth_sessions (expires_at);

-- Rows hold a sealed token of about a kilobyte: too wide to live in the tree of their key.
CREATE TABLE web_sessions (
    id_hash      BLOB    NOT NULL PRIMARY KEY,
    sealed       BLOB    NOT NULL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

-- The sweep looks from both sides: past the end, and unused for too long.
CREATE INDEX web_sessions_expires_at ON web_sessions (expires_at);
CREATE INDEX web_sessions_last_seen_at ON web_sessions (last_seen_at);
