-- A key's life: what it is called, whether its value was saved, when it expires, what takes its place.

-- +goose Up

-- From when on nothing can sign in with the key; NULL when it does not expire.
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;

-- What this dashboard knows of a key besides, wherever the key is: it need not be in api_keys, nor its owner in users. Of keys at another
-- server alone there are fingerprint, the first 8 bytes of the value's SHA-256, email, where to its owner is reminded, and listed_at, when the
-- key was last in a complete list, and name, as it is called there. expires_at is when to remind of; here api_keys.expires_at decides.
-- reminded is the last stage of which the owner was reminded, remind_at when the next is due, and expired says whether it is recorded that the
-- key has expired.
CREATE TABLE key_cards (
    user_id     TEXT    NOT NULL,
    key_id      TEXT    NOT NULL,
    label       TEXT    NOT NULL DEFAULT '',
    note        TEXT    NOT NULL DEFAULT '',
    fingerprint BLOB,
    email       TEXT    NOT NULL DEFAULT '',
    listed_at   INTEGER NOT NULL DEFAULT 0,
    expires_at  INTEGER,
    reminded    INTEGER NOT NULL DEFAULT 0,
    saved_at    INTEGER,
    saved_how   TEXT    NOT NULL DEFAULT '',
    leaked_at   INTEGER,
    name        TEXT    NOT NULL DEFAULT '',
    expired     INTEGER NOT NULL DEFAULT 0,
    remind_at   INTEGER,
    PRIMARY KEY (user_id, key_id)
) STRICT, WITHOUT ROWID;

-- Of which keys it is to be recorded that they have expired, and whom to remind. What is done leaves both.
CREATE INDEX key_cards_expires_at ON key_cards (expires_at) WHERE expires_at IS NOT NULL AND expired = 0;
CREATE INDEX key_cards_remind_at ON key_cards (remind_at) WHERE remind_at IS NOT NULL;

-- Which key takes the place of which. quiet is for how long the old key must not have been seen before it is turned off, in milliseconds,
-- and quiet_from since when that counts: since the new key is in use, and since this server can have seen the old one. It is NULL while
-- there is nothing to look at.
CREATE TABLE key_replacements (
    user_id     TEXT    NOT NULL,
    old_key     TEXT    NOT NULL,
    new_key     TEXT    NOT NULL,
    new_name    TEXT    NOT NULL,
    finish      TEXT    NOT NULL CHECK (finish IN ('evidence', 'now', 'person')),
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'both', 'parked', 'undone')),
    quiet       INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    new_used_at INTEGER,
    quiet_from  INTEGER,
    ended_at    INTEGER,
    PRIMARY KEY (user_id, old_key)
) STRICT, WITHOUT ROWID;

-- Which may be finished.
CREATE INDEX key_replacements_waiting ON key_replacements (quiet_from) WHERE state = 'waiting' AND quiet_from IS NOT NULL;

-- What a key takes the place of.
CREATE INDEX key_replacements_new ON key_replacements (user_id, new_key);

-- No foreign key can do this, since keys at another server have cards too. Neither can a statement of the program: one of the release
-- before deletes keys as well.
-- +goose StatementBegin
CREATE TRIGGER a_key_takes_its_card_along AFTER DELETE ON api_keys
BEGIN
    DELETE FROM key_cards WHERE user_id = OLD.user_id AND key_id = OLD.id;
    DELETE FROM key_replacements WHERE user_id = OLD.user_id AND old_key = OLD.id;
    UPDATE key_replacements SET state = 'undone', ended_at = CAST(unixepoch('subsec') * 1000 AS INTEGER)
        WHERE user_id = OLD.user_id AND new_key = OLD.id AND state IN ('waiting', 'both');
END;
-- +goose StatementEnd
