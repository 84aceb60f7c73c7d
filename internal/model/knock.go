package model

import "time"

// Knock is a device that was refused because nobody has the value of its key. Nobody knows whose it is: what it says of itself, and whom it
// hints at, anybody could say.
type Knock struct {
	ID              string
	ValueHash       [32]byte // SHA-256 of the value
	FirstAt, LastAt time.Time
	Tries           int64  // those of one minute are one
	Network         string // that it was seen in first, and counts in
	Address, Agent  string // of the last try
	Device          Device
	HintUser        string // whom a token named that came from the address, which nobody can check; "": nobody
	Ignored         bool   // is not listed, until the operator asks for it
}
