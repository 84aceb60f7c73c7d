package authserver

import (
	"context"
	"net"
	"net/http"

	"latchkey/internal/store"
)

// maxAgent is how many characters are kept of what a program calls itself.
const maxAgent = 200

// Origin is where a request came from that reached the server through a caller in the same process: the dashboard, which a
// browser speaks to. It does not travel over a connection, so nobody outside can claim to be one.
type Origin struct {
	// Address and Agent are the browser's.
	Address, Agent string
	// KnownDevice names the browser to the limits of log-ins, when it has proved to have been signed in before with the very account, in
	// its exact spelling, that it wants to sign in with; otherwise it is "".
	KnownDevice string
	// Pairing is the name of the device that a key is made for, "" when a person makes it for themselves.
	Pairing string
	// TrialOf is the user who wants to see whether a key works, "" when a log-in is meant. With a key of theirs it leaves no trace. Any
	// other key is used, or refused, from the address: its owner must see that somebody else has it.
	TrialOf string
}

type originKey struct{}

// WithOrigin returns a context that says where its requests came from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// origin is where a request came from, and whether the dashboard said so.
func (s *Server) origin(r *http.Request) (o Origin, dashboard bool) {
	if o, ok := r.Context().Value(originKey{}).(Origin); ok {
		return o, true
	}
	return Origin{Address: s.cfg.ClientAddress(r), Agent: deviceText(r.UserAgent()).tidyTo(maxAgent)}, false
}

// event is something that a request did to an account, as who says it is doing it.
func (s *Server) event(r *http.Request, kind store.EventKind, who principal) store.Event {
	o, dashboard := s.origin(r)
	e := store.Event{
		UserID: who.userID, At: s.cfg.Now(), Kind: kind, Actor: store.ActorApp, Address: o.Address, Agent: o.Agent,
	}
	switch {
	case dashboard:
		e.Actor = store.ActorBrowser
	case who.identity.provider == store.ProviderAPIKey:
		e.Actor = store.ActorDevice
	}
	return e
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
