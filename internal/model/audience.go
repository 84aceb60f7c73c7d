package model

import "time"

// Audience is a service elsewhere that takes tokens of this server.
type Audience struct {
	Name     string        // by which programs ask for it
	Audience string        // the aud of its tokens
	Lifetime time.Duration // of each of them
	// Claims are the further members of every token: JSON as it stands between the braces of an object, or nothing.
	Claims string
}

// ServiceToken is a token for another service, and for how long it is good.
type ServiceToken struct {
	Value    Secret
	Lifetime time.Duration
}
