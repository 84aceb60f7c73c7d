package authserver

import (
	"net"
	"net/http"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// maxAgent is how many characters are kept of what a program calls itself.
const maxAgent = 200

// from is where a request came from, and which kind of program makes it: one with a session of that provider.
func (s *Server) from(r *http.Request, provider string) model.Origin {
	o := model.Origin{Address: s.cfg.ClientAddress(r), Agent: deviceText(r.UserAgent()).tidyTo(maxAgent), Actor: model.ActorApp}
	if provider == model.ProviderAPIKey {
		o.Actor = model.ActorDevice
	}
	return o
}

// as is the person who makes a request.
func (s *Server) as(r *http.Request, who principal) *accounts.Person {
	return s.accounts.As(accountOf(who), s.from(r, who.identity.provider))
}

// confirmed is that person, whose program is trusted as one who has just confirmed the password.
func (s *Server) confirmed(r *http.Request, who principal) *accounts.Person {
	from := s.from(r, who.identity.provider)
	from.Confirmed = true
	return s.accounts.As(accountOf(who), from)
}

func accountOf(who principal) model.Account {
	return model.Account{UserID: who.userID, SessionID: who.sessionID, IdentityID: who.identity.id, Provider: who.identity.provider}
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
