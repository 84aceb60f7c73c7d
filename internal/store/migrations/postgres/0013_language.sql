-- What each column is for is said in the folder of SQLite.

-- +goose Up

ALTER TABLE users ADD COLUMN language TEXT COLLATE "C" NOT NULL DEFAULT '';
