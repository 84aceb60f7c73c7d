-- What strangers cause is bounded, and what is known of an account goes with it.

-- +goose Up

-- Which events stand for what happened again: a refusal that a stranger brings about without end is one row with a count. The counts
-- are beside the events because events stay as they are.
CREATE TABLE event_repeats (
    user_id  TEXT    NOT NULL,
    at       INTEGER NOT NULL, -- that of the event
    event_id TEXT    NOT NULL,
    again    INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, at, event_id)
) STRICT, WITHOUT ROWID;

-- The sweep.
CREATE INDEX event_repeats_at ON event_repeats (at);

-- Accounts without credentials, and when to look next whether their sessions are all over: nobody can sign in to them again. Those
-- that were imported are not among them.
CREATE TABLE anonymous_users (
    user_id TEXT    NOT NULL PRIMARY KEY,
    look_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The sweep.
CREATE INDEX anonymous_users_look_at ON anonymous_users (look_at);

INSERT INTO anonymous_users (user_id, look_at)
SELECT u.id, u.created_at FROM users AS u
WHERE EXISTS (SELECT 1 FROM identities AS i WHERE i.user_id = u.id AND i.provider = 'anon-user')
    AND NOT EXISTS (SELECT 1 FROM identities AS i WHERE i.user_id = u.id AND i.provider <> 'anon-user')
    AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.user_id = u.id AND e.actor = 'operator');

-- A user who is deleted is forgotten in the pairings that they were shown.
CREATE INDEX device_grants_user_id ON device_grants (user_id) WHERE user_id IS NOT NULL;
