-- What turning a key off ended.

-- +goose Up

-- When the key was turned off, how many sessions it had then, which ended, and by when the access ends that was handed out before; NULL
-- when none of them was in use. Turning it on clears all three. A key that was turned off before there was this column has no off_at.
ALTER TABLE api_keys ADD COLUMN off_at INTEGER;
ALTER TABLE api_keys ADD COLUMN off_sessions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN off_access_until INTEGER;

-- When the key was first refused since it was turned off.
ALTER TABLE key_uses ADD COLUMN first_refused_at INTEGER;
