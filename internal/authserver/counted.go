package authserver

import (
	"net/http"

	"latchkey/internal/limits"
)

// guessing counts that somebody is about to try a password of an account. Everything that checks one begins with it, and calls
// succeeded when the password was right, or was not looked at after all.
func (s *Server) guessing(r *http.Request, account string) (succeeded func(), err error) {
	o, _ := s.origin(r)
	return s.counted(Attempt{Account: account, Address: o.Address, KnownDevice: o.KnownBrowser})
}

func (s *Server) counted(a Attempt) (succeeded func(), err error) {
	succeeded, wait := s.cfg.Limits.Take(a)
	return succeeded, tooMany(wait)
}

// acting counts a key that is made or turned on. Each is written down and kept for long.
func (s *Server) acting(who principal) error {
	return tooMany(s.acts.Take(who.userID))
}

// registering counts an account that somebody wants to make, before its password takes time and memory.
func (s *Server) registering(r *http.Request) error {
	o, _ := s.origin(r)
	return tooMany(s.registrations.Take(limits.Network(o.Address)))
}
