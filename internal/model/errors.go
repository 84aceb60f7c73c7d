package model

import "errors"

// The refusals of whatever keeps things. They come wrapped with what was being done; match them with errors.Is.
var (
	// ErrNotFound means that there is no such row, that it belongs to somebody else, or that it is not in the state asked for.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that a name or a code is taken, or that another writer changed the row first.
	ErrConflict = errors.New("conflict")
	// ErrLimit means that there are as many rows of that kind as allowed.
	ErrLimit = errors.New("limit reached")
)
