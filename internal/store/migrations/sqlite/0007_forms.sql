-- Which forms have created a key.

-- +goose Up

-- A form creates one key: the row is saved with the key, so that a form that is sent again is told from another, after a restart too.
-- users is not referred to: rows go within a day.
CREATE TABLE forms (
    user_id TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- The sweep.
CREATE INDEX forms_used_at ON forms (used_at);
