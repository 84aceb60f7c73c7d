package authserver

import (
	"net/http"

	"latchkey/internal/model"
)

// createKey creates a key. Its answer is the only place where the value ever is.
func (s *Server) createKey(r *http.Request, who principal) (answer, error) {
	var in createKeyRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if in.Name == "" {
		return answer{}, refuse(kindNoName)
	}
	key, value, err := s.as(r, who).NewKey(r.Context(), in.Name)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: createdKey{wireKeyOf(key), value.Reveal()}}, nil
}

// adoptKey takes over a value that was created elsewhere. Its answer is the key without it.
func (s *Server) adoptKey(r *http.Request, who principal) (answer, error) {
	var in adoptKeyRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	switch {
	case in.Name == "":
		return answer{}, refuse(kindNoName)
	case in.Key == nil:
		return answer{}, refuse(kindMissingField, "key")
	}
	key, err := s.as(r, who).AdoptKey(r.Context(), in.Name, *in.Key)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: wireKeyOf(key)}, nil
}

// listKeys lists keys in the order of their creation, which SDK tests rely on.
func (s *Server) listKeys(r *http.Request, who principal) (answer, error) {
	keys, err := s.as(r, who).PlainKeys(r.Context())
	if err != nil {
		return answer{}, err
	}
	out := make([]wireKey, len(keys)) // never nil: an empty list is [] on the wire
	for i, k := range keys {
		out[i] = wireKeyOf(k)
	}
	return answer{status: http.StatusOK, body: out}, nil
}

func (s *Server) fetchKey(r *http.Request, who principal) (answer, error) {
	key, err := s.as(r, who).Key(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusOK, body: wireKeyOf(key)}, err
}

func (s *Server) deleteKey(r *http.Request, who principal) (answer, error) {
	_, err := s.as(r, who).DeleteKey(r.Context(), r.PathValue("id"))
	return answer{status: http.StatusNoContent}, err
}

func (s *Server) enableKey(r *http.Request, who principal) (answer, error) {
	err := s.as(r, who).SetKey(r.Context(), r.PathValue("id"), true)
	return answer{status: http.StatusNoContent}, err
}

func (s *Server) disableKey(r *http.Request, who principal) (answer, error) {
	err := s.as(r, who).SetKey(r.Context(), r.PathValue("id"), false)
	return answer{status: http.StatusNoContent}, err
}

func wireKeyOf(k model.Key) wireKey { return wireKey{ID: k.ID, Name: k.Name, Disabled: k.Disabled} }
