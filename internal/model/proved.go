package model

import "time"

// Proved is what a signed token proves of somebody: who they are at the provider that authenticated them.
type Proved struct {
	Provider string
	Subject  string // what the provider calls them
	Email    string // that it says they have, and has seen to it that it is theirs; "" otherwise
	// SignedInAt is when the person signed in there, zero when the provider does not say. Of a token that an app brings, and that does not say
	// it, it is when that was issued.
	SignedInAt time.Time
	Data       string // what it says of them beside that, as far as anybody asked: a JSON object, or ""
}
