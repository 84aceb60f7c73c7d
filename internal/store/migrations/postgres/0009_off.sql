-- What each column is for is said in the folder of SQLite.

-- +goose Up

ALTER TABLE api_keys ADD COLUMN off_at BIGINT;
ALTER TABLE api_keys ADD COLUMN off_sessions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN off_access_until BIGINT;

ALTER TABLE key_uses ADD COLUMN first_refused_at BIGINT;
