package authserver

import (
	"net/http"
	"strings"
)

// location tells a client where to go on. SDKs ask before their first call and go wherever it says, so an address
// that only works inside would make them leave a reverse proxy.
func (s *Server) location(r *http.Request, _ principal) (answer, error) {
	at := s.cfg.DeviceURL(r)
	return answer{status: http.StatusOK, body: locationAnswer{
		DeploymentModel: "LOCAL",
		Location:        "self-hosted",
		Hostname:        at,
		WSHostname:      "ws" + strings.TrimPrefix(at, "http"), // http becomes ws, https wss
	}}, nil
}

// publicKeys lets anybody verify an access token.
func (s *Server) publicKeys(*http.Request, principal) (answer, error) {
	return answer{status: http.StatusOK, body: s.tokens.public, public: true}, nil
}
