package authserver

import (
	"net/http"
	"strings"
)

// location sends a client to PublicURL. SDKs ask before their first call and go wherever they are told, so an address that
// only works inside would make them leave a reverse proxy.
func (s *Server) location(*http.Request, principal) (answer, error) {
	return answer{status: http.StatusOK, body: locationAnswer{
		DeploymentModel: "LOCAL",
		Location:        "self-hosted",
		Hostname:        s.cfg.PublicURL,
		WSHostname:      "ws" + strings.TrimPrefix(s.cfg.PublicURL, "http"), // http becomes ws, https wss
	}}, nil
}

// publicKeys lets anybody verify an access token.
func (s *Server) publicKeys(*http.Request, principal) (answer, error) {
	return answer{status: http.StatusOK, body: s.tokens.public, public: true}, nil
}
