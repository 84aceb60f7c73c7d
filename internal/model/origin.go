package model

// Origin is where a request came from.
type Origin struct {
	// Address and Agent are the browser's or the program's: where it is, and what it calls itself.
	Address, Agent string
	// Actor is who asks: a browser, an app or a device.
	Actor Actor
	// Language is the tag of the language in which pages answer; "" for what is no page.
	Language string
	// KnownBrowser names the browser to the limits of sign-ins, when it has proved to have been signed in before with the very account,
	// in its exact spelling, that it wants to sign in with; otherwise it is "".
	KnownBrowser string
	// Pairing is the name of the device that a key is created for, "" when a person creates it for themselves.
	Pairing string
	// Form is the id of the form with which a key is created, "" without one: it creates one key and no other.
	Form string
	// Confirmed says that the person confirmed their password a moment ago, or that the act of a program counts as much.
	Confirmed bool
	// Named is what the person typed as the name of the key that they turn on, which takes that when they had reported that its value leaked.
	Named string
	// Gone is closed when the client no longer waits for the answer; nil when that is not known. What has begun goes on, but
	// for what only waits for its turn.
	Gone <-chan struct{}
}
