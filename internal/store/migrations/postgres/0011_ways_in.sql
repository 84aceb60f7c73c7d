-- What each column is for is said in the folder of SQLite.

-- +goose Up

CREATE TABLE operators (
    user_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
);

INSERT INTO locks (name) VALUES ('operators');

ALTER TABLE identities ADD COLUMN email TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE auth_sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE operator_acts (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    operator_id TEXT COLLATE "C" NOT NULL,
    act         TEXT COLLATE "C" NOT NULL,
    user_id     TEXT COLLATE "C" NOT NULL,
    key_id      TEXT COLLATE "C" NOT NULL,
    detail      TEXT COLLATE "C" NOT NULL,
    address     TEXT COLLATE "C" NOT NULL,
    agent       TEXT COLLATE "C" NOT NULL
);

CREATE INDEX operator_acts_at ON operator_acts (at);

-- +goose StatementBegin
CREATE FUNCTION an_act_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an act is never changed';
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER operator_acts_stay_as_they_are BEFORE UPDATE ON operator_acts FOR EACH ROW EXECUTE FUNCTION an_act_is_never_changed();

CREATE TABLE passkeys (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id       TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id BYTEA NOT NULL UNIQUE,
    public_key    BYTEA NOT NULL,
    rp_id         TEXT COLLATE "C" NOT NULL,
    user_handle   BYTEA NOT NULL,
    sign_count    BIGINT NOT NULL,
    flags         BIGINT NOT NULL,
    aaguid        BYTEA NOT NULL,
    transports    TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT
);

CREATE INDEX passkeys_user_id ON passkeys (user_id, id);
CREATE INDEX passkeys_rp_id ON passkeys (rp_id);

CREATE TABLE passkey_challenges (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL,
    purpose    TEXT COLLATE "C" NOT NULL,
    data       BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);
CREATE INDEX passkey_challenges_user_id ON passkey_challenges (user_id, expires_at);

CREATE TABLE openid_tickets (
    ticket_hash BYTEA NOT NULL PRIMARY KEY,
    identity_id TEXT COLLATE "C" NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
    provider    TEXT COLLATE "C" NOT NULL,
    subject     TEXT COLLATE "C" NOT NULL,
    email       TEXT COLLATE "C" NOT NULL,
    data        TEXT COLLATE "C" NOT NULL,
    expires_at  BIGINT NOT NULL
);

CREATE INDEX openid_tickets_identity_id ON openid_tickets (identity_id, expires_at);
CREATE INDEX openid_tickets_expires_at ON openid_tickets (expires_at);

CREATE TABLE handovers (
    ticket_hash BYTEA NOT NULL PRIMARY KEY,
    user_id     TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id  TEXT COLLATE "C" NOT NULL,
    opened_id   TEXT COLLATE "C",
    proved_at   BIGINT NOT NULL,
    return_to   TEXT COLLATE "C" NOT NULL,
    expires_at  BIGINT NOT NULL
);

CREATE INDEX handovers_user_id ON handovers (user_id, expires_at);
CREATE INDEX handovers_session_id ON handovers (session_id);
CREATE INDEX handovers_opened_id ON handovers (opened_id);
CREATE INDEX handovers_expires_at ON handovers (expires_at);

-- +goose StatementBegin
CREATE FUNCTION a_session_takes_what_it_opened_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM auth_sessions WHERE id IN (SELECT opened_id FROM handovers WHERE session_id = OLD.id);
    DELETE FROM handovers WHERE session_id = OLD.id;
    DELETE FROM handovers WHERE opened_id = OLD.id;
    RETURN NULL;
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER a_session_takes_what_it_opened_along AFTER DELETE ON auth_sessions FOR EACH ROW WHEN (OLD.key_id IS NULL)
    EXECUTE FUNCTION a_session_takes_what_it_opened_along();

ALTER TABLE web_sessions ADD COLUMN return_to TEXT COLLATE "C";
