-- Languages.

-- +goose Up

-- In which language the person last used the pages, which emails to them are in: a tag of BCP 47. '': that is not known.
ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT '';
