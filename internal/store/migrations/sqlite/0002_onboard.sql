-- Connecting devices: their requests for a key (RFC 8628), and what became of the keys in use.

-- +goose Up

-- What is NULL has not happened yet. users is not referred to: with an upstream, users live elsewhere. Rows hold a public key
-- and a sealed value: too wide to live in the tree of their key.
CREATE TABLE device_grants (
    id                TEXT    NOT NULL PRIMARY KEY,
    device_code_hash  BLOB    NOT NULL UNIQUE,
    user_code         TEXT    NOT NULL UNIQUE,
    client_id         TEXT    NOT NULL,
    sealing_key       BLOB    NOT NULL,
    device_name       TEXT    NOT NULL,
    address           TEXT    NOT NULL,
    agent             TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    state             TEXT    NOT NULL CHECK (state IN ('pending', 'approving', 'approved', 'delivered', 'denied')),
    user_id           TEXT,
    session           BLOB,
    key_id            TEXT,
    key_name          TEXT,
    sealed            BLOB,
    approved_at       INTEGER,
    delivered_at      INTEGER,
    last_delivered_at INTEGER
) STRICT;

-- How many wait for a person.
CREATE INDEX device_grants_pending ON device_grants (expires_at) WHERE state = 'pending';

-- The sweep: sealed values that nobody will fetch any more, those that were fetched, and whole rows.
CREATE INDEX device_grants_approved ON device_grants (expires_at) WHERE state = 'approved' AND sealed IS NOT NULL;
CREATE INDEX device_grants_delivered_at ON device_grants (delivered_at) WHERE sealed IS NOT NULL;
CREATE INDEX device_grants_expires_at ON device_grants (expires_at);

-- The first and the last log-in with a key, and the last that was refused. A key that nobody tried has no row.
CREATE TABLE key_uses (
    user_id          TEXT NOT NULL,
    key_id           TEXT NOT NULL,
    first_used_at    INTEGER,
    last_used_at     INTEGER,
    address          TEXT,
    device_name      TEXT,
    platform         TEXT,
    platform_version TEXT,
    sdk              TEXT,
    sdk_version      TEXT,
    refused_at       INTEGER,
    refused_address  TEXT,
    refused_reason   TEXT,
    PRIMARY KEY (user_id, key_id),
    FOREIGN KEY (user_id, key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What was before this moment nobody knows: a key without a use may have been used then.
CREATE TABLE key_use_recording (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    since INTEGER NOT NULL
) STRICT;

INSERT INTO key_use_recording (id, since) VALUES (1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
