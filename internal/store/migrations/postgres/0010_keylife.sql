-- What each column is for is said in the folder of SQLite.

-- +goose Up

ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;

CREATE TABLE key_cards (
    user_id     TEXT COLLATE "C" NOT NULL,
    key_id      TEXT COLLATE "C" NOT NULL,
    label       TEXT COLLATE "C" NOT NULL DEFAULT '',
    note        TEXT COLLATE "C" NOT NULL DEFAULT '',
    fingerprint BYTEA,
    email       TEXT COLLATE "C" NOT NULL DEFAULT '',
    listed_at   BIGINT NOT NULL DEFAULT 0,
    expires_at  BIGINT,
    reminded    BIGINT NOT NULL DEFAULT 0,
    saved_at    BIGINT,
    saved_how   TEXT COLLATE "C" NOT NULL DEFAULT '',
    leaked_at   BIGINT,
    name        TEXT COLLATE "C" NOT NULL DEFAULT '',
    expired     BIGINT NOT NULL DEFAULT 0,
    remind_at   BIGINT,
    PRIMARY KEY (user_id, key_id)
);

CREATE INDEX key_cards_expires_at ON key_cards (expires_at) WHERE expires_at IS NOT NULL AND expired = 0;

CREATE INDEX key_cards_remind_at ON key_cards (remind_at) WHERE remind_at IS NOT NULL;

CREATE TABLE key_replacements (
    user_id     TEXT COLLATE "C" NOT NULL,
    old_key     TEXT COLLATE "C" NOT NULL,
    new_key     TEXT COLLATE "C" NOT NULL,
    new_name    TEXT COLLATE "C" NOT NULL,
    finish      TEXT COLLATE "C" NOT NULL CHECK (finish IN ('evidence', 'now', 'person')),
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'both', 'parked', 'undone')),
    quiet       BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    new_used_at BIGINT,
    quiet_from  BIGINT,
    ended_at    BIGINT,
    PRIMARY KEY (user_id, old_key)
);

CREATE INDEX key_replacements_waiting ON key_replacements (quiet_from) WHERE state = 'waiting' AND quiet_from IS NOT NULL;

CREATE INDEX key_replacements_new ON key_replacements (user_id, new_key);

-- +goose StatementBegin
CREATE FUNCTION a_key_takes_its_card_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM key_cards WHERE user_id = OLD.user_id AND key_id = OLD.id;
    DELETE FROM key_replacements WHERE user_id = OLD.user_id AND old_key = OLD.id;
    UPDATE key_replacements SET state = 'undone', ended_at = (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT
        WHERE user_id = OLD.user_id AND new_key = OLD.id AND state IN ('waiting', 'both');
    RETURN NULL;
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER a_key_takes_its_card_along AFTER DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION a_key_takes_its_card_along();
