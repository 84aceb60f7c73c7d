-- What each table and column is for is said in the folder of SQLite.

-- +goose Up

ALTER TABLE api_keys ADD COLUMN origin TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE identities ADD COLUMN data TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE unused_users (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE server_keys (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    name    TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE custom_data (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    data    TEXT COLLATE "C" NOT NULL
);

CREATE TABLE knocks (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value_hash       BYTEA NOT NULL UNIQUE,
    first_at         BIGINT NOT NULL,
    last_at          BIGINT NOT NULL,
    tries            BIGINT NOT NULL,
    network          TEXT COLLATE "C" NOT NULL,
    address          TEXT COLLATE "C" NOT NULL,
    device_name      TEXT COLLATE "C" NOT NULL,
    platform         TEXT COLLATE "C" NOT NULL,
    platform_version TEXT COLLATE "C" NOT NULL,
    sdk              TEXT COLLATE "C" NOT NULL,
    sdk_version      TEXT COLLATE "C" NOT NULL,
    agent            TEXT COLLATE "C" NOT NULL,
    hint_user        TEXT COLLATE "C" NOT NULL,
    ignored          BOOLEAN NOT NULL
);
CREATE INDEX knocks_network ON knocks (network, tries, last_at);
CREATE INDEX knocks_tries ON knocks (tries, last_at);
CREATE INDEX knocks_last_at ON knocks (last_at);

-- What is counted, and room made for, by one transaction at a time.
INSERT INTO locks (name) VALUES ('knocks'), ('server_keys');

CREATE TABLE imported_keys (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, key_id)
);
