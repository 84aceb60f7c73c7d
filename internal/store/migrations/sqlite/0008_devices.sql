-- Devices, apps and people that come back from App Services.

-- +goose Up

-- Where a key's value comes from: '' from here, 'adopted' from wherever the device was set up.
ALTER TABLE api_keys ADD COLUMN origin TEXT NOT NULL DEFAULT '';

-- What the claims of an identity's last token say of its owner, a JSON object of at most 2 KB; '' when they say nothing.
ALTER TABLE identities ADD COLUMN data TEXT NOT NULL DEFAULT '';

-- Accounts that were registered and have had neither a session nor a key yet: all that they are is the identity, which may be linked to
-- another account.
CREATE TABLE unused_users (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Keys that belong to no person. Each has a user of its own, who has no identity and no other key.
CREATE TABLE server_keys (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    name    TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- What an app knows of a user, which it can read and not write: a JSON object of at most 2 KB.
CREATE TABLE custom_data (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    data    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Devices that were refused because nobody has the value of their key. network is the part of the address that is counted by; hint_user is
-- whom a token of App Services named that came from the address, which nobody can check. One that is ignored is counted and not listed.
CREATE TABLE knocks (
    id               TEXT    NOT NULL PRIMARY KEY,
    value_hash       BLOB    NOT NULL UNIQUE,
    first_at         INTEGER NOT NULL,
    last_at          INTEGER NOT NULL,
    tries            INTEGER NOT NULL,
    network          TEXT    NOT NULL,
    address          TEXT    NOT NULL,
    device_name      TEXT    NOT NULL,
    platform         TEXT    NOT NULL,
    platform_version TEXT    NOT NULL,
    sdk              TEXT    NOT NULL,
    sdk_version      TEXT    NOT NULL,
    agent            TEXT    NOT NULL,
    hint_user        TEXT    NOT NULL,
    ignored          INTEGER NOT NULL CHECK (ignored IN (0, 1))
) STRICT, WITHOUT ROWID;

-- How many there are of a network, and which of them makes room.
CREATE INDEX knocks_network ON knocks (network, tries, last_at);

-- Which of all makes room.
CREATE INDEX knocks_tries ON knocks (tries, last_at);

-- The sweep.
CREATE INDEX knocks_last_at ON knocks (last_at);

-- The ids that App Services gave to the keys of users who were imported. Those keys have no value here: what is counted is how many are not
-- back yet.
CREATE TABLE imported_keys (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id  TEXT NOT NULL,
    PRIMARY KEY (user_id, key_id)
) STRICT, WITHOUT ROWID;
