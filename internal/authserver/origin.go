package authserver

import (
	"context"
	"net"
	"net/http"

	"latchkey/internal/model"
)

// maxAgent is how many characters are kept of what a program calls itself.
const maxAgent = 200

type originKey struct{}

// WithOrigin returns a context that says where its requests came from.
func WithOrigin(ctx context.Context, o model.Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// origin is where a request came from, and whether the dashboard said so.
func (s *Server) origin(r *http.Request) (o model.Origin, dashboard bool) {
	if o, ok := r.Context().Value(originKey{}).(model.Origin); ok {
		return o, true
	}
	return model.Origin{Address: s.cfg.ClientAddress(r), Agent: deviceText(r.UserAgent()).tidyTo(maxAgent)}, false
}

// event is something that a request did to an account, as who says it is doing it.
func (s *Server) event(r *http.Request, kind model.EventKind, who principal) model.Event {
	o, dashboard := s.origin(r)
	e := model.Event{
		UserID: who.userID, At: s.cfg.Now(), Kind: kind, Actor: model.ActorApp, Address: o.Address, Agent: o.Agent,
	}
	switch {
	case dashboard:
		e.Actor = model.ActorBrowser
	case who.identity.provider == model.ProviderAPIKey:
		e.Actor = model.ActorDevice
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
