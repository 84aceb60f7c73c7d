-- What time it is as far as is believed: nothing is deleted because of one reading of a clock.

-- +goose Up

-- sure is for how many milliseconds the program has run with what is believed. candidate_at is 0 as long as the machine's clock goes
-- with that; otherwise it is what the clock shows instead, and ran is for how long the program has run with it.
CREATE TABLE clock (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    believed_at  INTEGER NOT NULL,
    sure         INTEGER NOT NULL,
    candidate_at INTEGER NOT NULL,
    ran          INTEGER NOT NULL
) STRICT;

-- A file from before has been used until its newest row was written. The clock may be wrong while this runs, ahead or behind: the
-- earlier of the two is safe.
INSERT INTO clock (id, believed_at, sure, candidate_at, ran)
SELECT 1, min(newest, CAST(unixepoch('subsec') * 1000 AS INTEGER)), 2592000000, 0, 0 FROM (
    SELECT max(at) AS newest FROM (
        SELECT max(at) AS at FROM events
        UNION ALL SELECT max(created_at) FROM users
        UNION ALL SELECT max(created_at) FROM auth_sessions
        UNION ALL SELECT max(last_seen_at) FROM web_sessions
        UNION ALL SELECT max(created_at) FROM device_grants))
WHERE newest IS NOT NULL;
