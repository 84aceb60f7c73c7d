-- What each column is for is said in the folder of SQLite.

-- +goose Up

CREATE TABLE webhooks (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url           TEXT COLLATE "C" NOT NULL UNIQUE,
    kinds         TEXT COLLATE "C" NOT NULL,
    secret        BYTEA NOT NULL,
    old_secret    BYTEA,
    old_until     BIGINT,
    created_at    BIGINT NOT NULL,
    off_at        BIGINT,
    off_reason    TEXT COLLATE "C" NOT NULL DEFAULT '',
    full_at       BIGINT,
    delivered_at  BIGINT,
    failing_since BIGINT,
    failed_at     BIGINT,
    problem       TEXT COLLATE "C" NOT NULL DEFAULT '',
    failed        BIGINT NOT NULL DEFAULT 0,
    busy_until    BIGINT
);

INSERT INTO locks (name) VALUES ('webhooks');

CREATE TABLE webhook_outbox (
    webhook_id TEXT COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    user_id    TEXT COLLATE "C" NOT NULL,
    event_id   TEXT COLLATE "C" NOT NULL,
    next_at    BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    PRIMARY KEY (user_id, webhook_id, event_id)
);

CREATE INDEX webhook_outbox_webhook_id ON webhook_outbox (webhook_id, next_at, event_id);

-- +goose StatementBegin
CREATE FUNCTION events_wait_for_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_outbox (webhook_id, user_id, event_id, next_at, tries)
    SELECT w.id, NEW.user_id, NEW.id, 0, 0 FROM webhooks AS w
    WHERE w.off_at IS NULL AND w.full_at IS NULL AND strpos(w.kinds, ' ' || NEW.kind || ' ') > 0
    FOR KEY SHARE OF w -- one that is being deleted is waited for and left out, and what happens to a user is saved all the same
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER events_wait_for_webhooks AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_wait_for_webhooks();
