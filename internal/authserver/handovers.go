package authserver

import (
	"net/http"
)

// handOver creates a link with which an app opens the keys page for its own person.
func (s *Server) handOver(r *http.Request, who principal) (answer, error) {
	var in handoverRequest
	if err := decodeOptional(r, &in); err != nil {
		return answer{}, err
	}
	address, expires, err := s.as(r, who).HandOver(r.Context(), in.Return)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: handoverAnswer{address.Reveal(), expires.UTC()}}, nil
}
