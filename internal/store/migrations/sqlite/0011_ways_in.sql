-- Ways in: other providers, passkeys, links from apps; and operators in the browser.

-- +goose Up

-- Users who look after the accounts of others.
CREATE TABLE operators (
    user_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The address that a provider says somebody has, to show and to write to. Nobody is found by it.
ALTER TABLE identities ADD COLUMN email TEXT NOT NULL DEFAULT '';

-- When the person last showed that it is they: as the session was opened, or later. 0: never.
ALTER TABLE auth_sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;

-- What operators did and looked up in the browser. It is beside the activity of people, who can take that along.
CREATE TABLE operator_acts (
    id          TEXT    NOT NULL PRIMARY KEY,
    at          INTEGER NOT NULL,
    operator_id TEXT    NOT NULL,
    act         TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,
    key_id      TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    agent       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX operator_acts_at ON operator_acts (at);

-- +goose StatementBegin
CREATE TRIGGER operator_acts_stay_as_they_are BEFORE UPDATE ON operator_acts
BEGIN
    SELECT RAISE(ABORT, 'an act is never changed');
END;
-- +goose StatementEnd

-- user_handle is what an authenticator knows the person by: random, and the same for all passkeys of a user. rp_id is the host that they
-- were made for. flags and sign_count are as the authenticator last gave them.
CREATE TABLE passkeys (
    id            TEXT    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id BLOB    NOT NULL UNIQUE,
    public_key    BLOB    NOT NULL,
    rp_id         TEXT    NOT NULL,
    user_handle   BLOB    NOT NULL,
    sign_count    INTEGER NOT NULL,
    flags         INTEGER NOT NULL,
    aaguid        BLOB    NOT NULL,
    transports    TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX passkeys_user_id ON passkeys (user_id, id);
CREATE INDEX passkeys_rp_id ON passkeys (rp_id);

-- Each is good once. user_id is '' when nobody is signed in yet.
CREATE TABLE passkey_challenges (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    data       BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);
CREATE INDEX passkey_challenges_user_id ON passkey_challenges (user_id, expires_at);

-- What a provider said of somebody, for the owner of the account of that address to confirm by its password; each is good once.
CREATE TABLE openid_tickets (
    ticket_hash BLOB    NOT NULL PRIMARY KEY,
    identity_id TEXT    NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    provider    TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    email       TEXT    NOT NULL,
    data        TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX openid_tickets_identity_id ON openid_tickets (identity_id, expires_at);
CREATE INDEX openid_tickets_expires_at ON openid_tickets (expires_at);

-- Links by which an app opens the keys page for its own user; each is good once. session_id is the session that asked, and proved_at says
-- when the person had shown, for it, that it is they: 0, or a few minutes before. opened_id is the session that the link has opened, from
-- when on expires_at is that session's. return_to is where it leads back to, or ''. Neither refers to sessions by a key of the schema, which
-- would look here whenever a session of a device ends: the trigger does it for others.
CREATE TABLE handovers (
    ticket_hash BLOB    NOT NULL PRIMARY KEY,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id  TEXT    NOT NULL,
    opened_id   TEXT,
    proved_at   INTEGER NOT NULL,
    return_to   TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX handovers_user_id ON handovers (user_id, expires_at);
CREATE INDEX handovers_session_id ON handovers (session_id);
CREATE INDEX handovers_opened_id ON handovers (opened_id);
CREATE INDEX handovers_expires_at ON handovers (expires_at);

-- What a link has opened ends with the session that asked for it.
-- +goose StatementBegin
CREATE TRIGGER a_session_takes_what_it_opened_along AFTER DELETE ON auth_sessions WHEN OLD.key_id IS NULL
BEGIN
    DELETE FROM auth_sessions WHERE id IN (SELECT opened_id FROM handovers WHERE session_id = OLD.id);
    DELETE FROM handovers WHERE session_id = OLD.id;
    DELETE FROM handovers WHERE opened_id = OLD.id;
END;
-- +goose StatementEnd

-- Where a browser that an app has opened leads back to: '' is nowhere. NULL: its person signed in here.
ALTER TABLE web_sessions ADD COLUMN return_to TEXT;
