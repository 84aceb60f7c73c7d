// Package client talks to the App Services client API: the HTTP API with which
// the Realm SDKs for .NET, Java, Kotlin, Web and Node.js log users in and
// manage their API keys. It is the counterpart of those SDKs for Go, as far as
// users and keys go, and needs the standard library only.
//
// A user API key lets a device or a service act for a person. The person makes
// one per device, hands its value over once, and can turn it off or delete it
// when the device is lost. This program does both sides:
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//		"log"
//
//		"latchkey/client"
//	)
//
//	func main() {
//		ctx := context.Background()
//		c, err := client.New("http://localhost:8080", "latchkey-local")
//		if err != nil {
//			log.Fatal(err)
//		}
//
//		// A person signs in and creates a key.
//		person, err := c.Login(ctx, client.EmailPassword("ada@example.com", "correct horse"))
//		if err != nil {
//			log.Fatal(err)
//		}
//		key, err := person.APIKeys().Create(ctx, "greenhouse-sensor")
//		if client.IsNameInUse(err) {
//			log.Fatal("there is a greenhouse-sensor already")
//		}
//		if err != nil {
//			log.Fatal(err)
//		}
//
//		// The device signs in with the key's value and is the same user.
//		device, err := c.Login(ctx, client.UserAPIKey(key.Value.Reveal()))
//		if err != nil {
//			log.Fatal(err)
//		}
//		fmt.Println(device.UserID() == person.UserID()) // true
//	}
//
// # Clients and sessions
//
// A [Client] stands for one app on one server. Its first call asks the server
// for the app's location, which names the host for all others; that answer is
// kept, and [WithBaseHostOnly] refuses another host than the one asked. A
// [Session] is a signed-in user. Both are safe for concurrent use.
//
// A session is kept over a restart by its [Session.RefreshToken] alone, see
// [Client.Resume]. Access tokens are renewed when a call finds its own refused:
// one renewal for all calls that run into it together, and one replay of each
// call. When a refresh token is refused, the server is asked whether the session
// lives, at most once a minute: if it does the call is sent once more, and a
// second refusal means that the session is over.
//
// What only asks is also sent once more, after a short pause, when the connection
// failed before any answer. Nothing else is ever sent twice: no sign-in and nothing
// that changes a key. Redirects are not followed, and no answer is read beyond one
// megabyte. Pass a context to bound a call in time; without
// [WithHTTPClient] none takes longer than ten seconds per request.
//
// # Linking
//
// An app may sign in with [Anonymous] before it asks who its user is.
// [Session.Link] adds an email address, or the token of an issuer, to that user:
// the id stays, and what belongs to it.
//
// # When keys were used
//
// The protocol does not tell whether a key was ever used. Latchkey's own server
// does, see [APIKeys.Facts]; of other servers [IsNotReported] tells that they do
// not.
//
// # Tokens for other services
//
// A service that took the data over does not take the tokens of this session, and
// should not be given them. [Session.TokenFor] gets it one of its own, from a
// Latchkey server whose operator has named the service.
//
// # Errors
//
// In the error of every call, errors.As finds an [*Error]. It has the HTTP status
// and what the server said, whatever the answer looked like.
// Ask IsNotFound and its siblings for the kinds that programs tell apart. After
// a failed [APIKeys.Create], [NeverSent] tells whether a key can have been created
// all the same.
//
// The published protocol does not tell how a server refuses the twenty-first
// key. [IsKeyLimit] recognises what Latchkey's server answers to a create:
// status 400 with the code BadRequest. Another server may answer otherwise; then
// the error is still an [*Error], but IsKeyLimit is false.
//
// # Secrets
//
// Tokens and values are of type [Secret], which prints as "[redacted]" wherever
// it turns up; so do [Credentials] and sessions. No error has a secret in it,
// not even when the server echoed the request.
package client
