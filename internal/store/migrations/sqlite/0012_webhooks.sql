-- Webhooks: addresses of programs that are sent what happens.

-- +goose Up

-- kinds are those of events, with a space before and after each. The secrets are sealed with the session keys; old_secret signs beside the
-- new one until old_until. off_reason says why nothing is sent from off_at on. full_at is since when nothing more is queued, as too much
-- waits. delivered_at and failed_at are of the last try that did and that did not do, failing_since is of the first of those that did not
-- do since the last one that did, and problem says what was wrong with the last. failed counts what was given up. Until busy_until one node
-- sends.
CREATE TABLE webhooks (
    id            TEXT    NOT NULL PRIMARY KEY,
    url           TEXT    NOT NULL UNIQUE,
    kinds         TEXT    NOT NULL,
    secret        BLOB    NOT NULL,
    old_secret    BLOB,
    old_until     INTEGER,
    created_at    INTEGER NOT NULL,
    off_at        INTEGER,
    off_reason    TEXT    NOT NULL DEFAULT '',
    full_at       INTEGER,
    delivered_at  INTEGER,
    failing_since INTEGER,
    failed_at     INTEGER,
    problem       TEXT    NOT NULL DEFAULT '',
    failed        INTEGER NOT NULL DEFAULT 0,
    busy_until    INTEGER
) STRICT, WITHOUT ROWID;

-- Events that wait to be sent. What is sent is made of the event, which never changes: one that is gone is not sent. next_at is 0 before
-- the first try, whatever the clock says.
CREATE TABLE webhook_outbox (
    webhook_id TEXT    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    user_id    TEXT    NOT NULL,
    event_id   TEXT    NOT NULL,
    next_at    INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    PRIMARY KEY (user_id, webhook_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_outbox_webhook_id ON webhook_outbox (webhook_id, next_at, event_id);

-- An event and what waits of it are saved together, by every program that writes events, also one of before there were webhooks.
-- +goose StatementBegin
CREATE TRIGGER events_wait_for_webhooks AFTER INSERT ON events WHEN EXISTS (SELECT 1 FROM webhooks)
BEGIN
    INSERT INTO webhook_outbox (webhook_id, user_id, event_id, next_at, tries)
    SELECT w.id, NEW.user_id, NEW.id, 0, 0 FROM webhooks AS w
    WHERE w.off_at IS NULL AND w.full_at IS NULL AND instr(w.kinds, ' ' || NEW.kind || ' ') > 0
    ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
