-- The whole schema, at the number that it has in the folder of SQLite; from here on the numbers are the same. What each table, column and
-- index is for is said there. Times are integer milliseconds UTC; ids are text that sorts in the order of creation.
--
-- COLLATE "C" has texts compared by their bytes, as SQLite does, whatever language the database is in; and no new version of a language's
-- rules can break an index.

-- +goose Up

CREATE TABLE users (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE identities (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id       TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider      TEXT COLLATE "C" NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT NOT NULL,
    pending       BOOLEAN NOT NULL DEFAULT FALSE,
    generation    BIGINT NOT NULL DEFAULT 0,
    spelling      TEXT COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (provider, subject)
);
CREATE INDEX identities_user_id ON identities (user_id, id);
CREATE INDEX identities_spelling ON identities (spelling, pending) WHERE provider = 'local-userpass';

CREATE TABLE api_keys (
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id         TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    value_hash BYTEA NOT NULL UNIQUE,
    disabled   BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, name)
);

CREATE TABLE auth_sessions (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id      TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id    TEXT COLLATE "C" NOT NULL,
    provider     TEXT COLLATE "C" NOT NULL,
    identity_id  TEXT COLLATE "C" NOT NULL,
    key_id       TEXT COLLATE "C",
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL DEFAULT 0,
    address      TEXT COLLATE "C" NOT NULL DEFAULT '',
    agent        TEXT COLLATE "C" NOT NULL DEFAULT '',
    device_name  TEXT COLLATE "C" NOT NULL DEFAULT '',
    platform     TEXT COLLATE "C" NOT NULL DEFAULT '',
    sdk          TEXT COLLATE "C" NOT NULL DEFAULT '',
    FOREIGN KEY (user_id, key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE
);
-- With the id, which SQLite's have by themselves: the oldest sessions of a key are read in order.
CREATE INDEX auth_sessions_user_id_key_id ON auth_sessions (user_id, key_id, id);
CREATE INDEX auth_sessions_expires_at ON auth_sessions (expires_at);

CREATE TABLE web_sessions (
    id_hash         BYTEA NOT NULL PRIMARY KEY,
    sealed          BYTEA NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    last_seen_at    BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    auth_session_id TEXT COLLATE "C" REFERENCES auth_sessions (id) ON DELETE CASCADE,
    user_id         TEXT COLLATE "C" NOT NULL DEFAULT '',
    address         TEXT COLLATE "C" NOT NULL DEFAULT '',
    agent           TEXT COLLATE "C" NOT NULL DEFAULT '',
    proved_at       BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX web_sessions_expires_at ON web_sessions (expires_at);
CREATE INDEX web_sessions_last_seen_at ON web_sessions (last_seen_at);
CREATE INDEX web_sessions_user_id ON web_sessions (user_id, created_at);
CREATE INDEX web_sessions_auth_session_id ON web_sessions (auth_session_id) WHERE auth_session_id IS NOT NULL;

CREATE TABLE device_grants (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    device_code_hash  BYTEA NOT NULL UNIQUE,
    user_code         TEXT COLLATE "C" NOT NULL UNIQUE,
    client_id         TEXT COLLATE "C" NOT NULL,
    sealing_key       BYTEA NOT NULL,
    device_name       TEXT COLLATE "C" NOT NULL,
    address           TEXT COLLATE "C" NOT NULL,
    agent             TEXT COLLATE "C" NOT NULL,
    created_at        BIGINT NOT NULL,
    expires_at        BIGINT NOT NULL,
    state             TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'approving', 'approved', 'delivered', 'denied')),
    user_id           TEXT COLLATE "C",
    session           BYTEA,
    key_id            TEXT COLLATE "C",
    key_name          TEXT COLLATE "C",
    sealed            BYTEA,
    approved_at       BIGINT,
    delivered_at      BIGINT,
    last_delivered_at BIGINT
);
CREATE INDEX device_grants_pending ON device_grants (expires_at) WHERE state = 'pending';
CREATE INDEX device_grants_approved ON device_grants (expires_at) WHERE state = 'approved' AND sealed IS NOT NULL;
CREATE INDEX device_grants_delivered_at ON device_grants (delivered_at) WHERE sealed IS NOT NULL;
CREATE INDEX device_grants_expires_at ON device_grants (expires_at);

CREATE TABLE key_uses (
    user_id          TEXT COLLATE "C" NOT NULL,
    key_id           TEXT COLLATE "C" NOT NULL,
    first_used_at    BIGINT,
    last_used_at     BIGINT,
    address          TEXT COLLATE "C",
    device_name      TEXT COLLATE "C",
    platform         TEXT COLLATE "C",
    platform_version TEXT COLLATE "C",
    sdk              TEXT COLLATE "C",
    sdk_version      TEXT COLLATE "C",
    refused_at       BIGINT,
    refused_address  TEXT COLLATE "C",
    refused_reason   TEXT COLLATE "C",
    PRIMARY KEY (user_id, key_id),
    FOREIGN KEY (user_id, key_id) REFERENCES api_keys (user_id, id) ON DELETE CASCADE
);

CREATE TABLE key_use_recording (
    id    BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    since BIGINT NOT NULL
);
INSERT INTO key_use_recording (id, since) VALUES (1, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT));

CREATE TABLE account_links (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_hash  BYTEA NOT NULL,
    identity_id TEXT COLLATE "C" NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    purpose     TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('confirm', 'reset')),
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX account_links_identity_id ON account_links (identity_id, purpose);
CREATE INDEX account_links_expires_at ON account_links (expires_at);

CREATE TABLE events (
    user_id  TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    actor    TEXT COLLATE "C" NOT NULL,
    key_id   TEXT COLLATE "C" NOT NULL,
    key_name TEXT COLLATE "C" NOT NULL,
    detail   TEXT COLLATE "C" NOT NULL,
    address  TEXT COLLATE "C" NOT NULL,
    agent    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX events_at ON events (at);

-- +goose StatementBegin
CREATE FUNCTION an_event_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event is never changed';
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER events_stay_as_they_are BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION an_event_is_never_changed();

CREATE TABLE event_repeats (
    user_id  TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    again    BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, at, event_id)
);
CREATE INDEX event_repeats_at ON event_repeats (at);

CREATE TABLE anonymous_users (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    look_at BIGINT NOT NULL
);
CREATE INDEX anonymous_users_look_at ON anonymous_users (look_at);

CREATE INDEX device_grants_user_id ON device_grants (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE clock (
    id           BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    believed_at  BIGINT NOT NULL,
    sure         BIGINT NOT NULL,
    candidate_at BIGINT NOT NULL,
    ran          BIGINT NOT NULL
);

CREATE TABLE forms (
    user_id TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX forms_used_at ON forms (used_at);

-- From here on what there is for PostgreSQL alone.

-- What no row of the data stands for and only one transaction may do at a time: its row is locked.
CREATE TABLE locks (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
INSERT INTO locks (name) VALUES ('device_grants'), ('spellings');

-- What has been tried too often, on whichever node. It says nothing of who: key is a hash. A crash forgives, as a restart does where one
-- process counts: so the rows need no log.
CREATE UNLOGGED TABLE tries (
    key   BYTEA NOT NULL PRIMARY KEY,
    state BYTEA NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX tries_until ON tries (until);

-- Which programs share this database. A node that runs writes its row again and again.
CREATE TABLE nodes (
    name         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    run          TEXT COLLATE "C" NOT NULL,
    program      TEXT COLLATE "C" NOT NULL,
    schema       BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    refresh_keys TEXT COLLATE "C" NOT NULL,
    access_keys  TEXT COLLATE "C" NOT NULL,
    clock_off    BIGINT NOT NULL
);

-- The oldest schema that a program may have been written for which uses this one.
CREATE TABLE compatible (
    oldest BIGINT NOT NULL
);
INSERT INTO compatible (oldest) VALUES (7);
