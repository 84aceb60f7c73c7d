// Package authserver answers the App Services client API as a plain http.Handler, so that Realm SDKs already in the field can
// sign in, keep a session alive and manage user API keys here after only a change of their base URL.
//
// Every call is a row of the table in server.go. A handler reads its input, asks package accounts, which has the rules, and returns
// an answer or an error; what an error becomes on the wire is one table in errors.go.
//
// The protocol does not tell when a key was used. A sign-in with a key is remembered in the same commit that creates its session
// durable, and told by a call of our own beside the protocol's, whose key object keeps exactly its fields.
//
// Two kinds of token leave this package. Access tokens live 30 minutes and are signed ES256, so that anybody can verify them
// with the keys at /.well-known/jwks.json. Refresh tokens live 60 days, are signed HS256 under a secret of this server, and are
// worth nothing once their session row is gone.
package authserver
