package authserver

import (
	"errors"
	"net/http"

	"latchkey/internal/model"
)

const (
	// maxKeys is how many keys a user can have, those turned off included.
	maxKeys = 20
	// maxName is how many characters a key's name can have.
	maxName = 64
)

// createKey makes a key. Its answer is the only place where the value ever is.
func (s *Server) createKey(r *http.Request, who principal) (answer, error) {
	var in createKeyRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if err := checkName(in.Name); err != nil {
		return answer{}, err
	}
	if err := s.acting(who); err != nil {
		return answer{}, err
	}
	now := s.cfg.Now()
	key := model.Key{ID: model.NewID(now), UserID: who.userID, Name: in.Name, CreatedAt: now}
	value := newValue()
	err := s.store.CreateAPIKey(r.Context(), key, hashValue(value), maxKeys, s.keyEvent(r, model.EventKeyMade, who, key.ID))
	switch {
	case errors.Is(err, model.ErrLimit):
		return answer{}, refuse(kindKeyLimit, maxKeys)
	case errors.Is(err, model.ErrConflict):
		return answer{}, refuse(kindNameTaken)
	case errors.Is(err, model.ErrNotFound):
		return answer{}, refuse(kindSessionGone)
	case err != nil:
		return answer{}, unavailable("create key", err)
	}
	s.tellOfKey(r, who, key.Name)
	return answer{status: http.StatusCreated, body: createdKey{wireKeyOf(key), value}}, nil
}

// listKeys lists keys in the order of their creation, which SDK tests rely on.
func (s *Server) listKeys(r *http.Request, who principal) (answer, error) {
	keys, err := s.store.APIKeys(r.Context(), who.userID)
	if err != nil {
		return answer{}, unavailable("read keys", err)
	}
	out := make([]wireKey, len(keys)) // never nil: an empty list is [] on the wire
	for i, k := range keys {
		out[i] = wireKeyOf(k)
	}
	return answer{status: http.StatusOK, body: out}, nil
}

func (s *Server) fetchKey(r *http.Request, who principal) (answer, error) {
	id := r.PathValue("id")
	if !model.IsID(id) {
		return answer{}, refuse(kindKeyNotFound)
	}
	key, err := s.store.APIKey(r.Context(), who.userID, id)
	return answer{status: http.StatusOK, body: wireKeyOf(key)}, keyFailure("read key", err)
}

func (s *Server) deleteKey(r *http.Request, who principal) (answer, error) {
	id := r.PathValue("id")
	if !model.IsID(id) {
		return answer{}, refuse(kindKeyNotFound)
	}
	err := s.store.DeleteAPIKey(r.Context(), who.userID, id, s.keyEvent(r, model.EventKeyDeleted, who, id))
	return answer{status: http.StatusNoContent}, keyFailure("delete key", err)
}

func (s *Server) enableKey(r *http.Request, who principal) (answer, error) {
	return s.setDisabled(r, who, false)
}

// disableKey ends the sessions that the key opened, too: the store does both at once.
func (s *Server) disableKey(r *http.Request, who principal) (answer, error) {
	return s.setDisabled(r, who, true)
}

func (s *Server) setDisabled(r *http.Request, who principal, disabled bool) (answer, error) {
	id := r.PathValue("id")
	if !model.IsID(id) {
		return answer{}, refuse(kindKeyNotFound)
	}
	kind := model.EventKeyTurnedOff
	if !disabled {
		kind = model.EventKeyTurnedOn
		if err := s.acting(who); err != nil {
			return answer{}, err
		}
	}
	err := s.store.SetAPIKeyDisabled(r.Context(), who.userID, id, disabled, s.keyEvent(r, kind, who, id))
	return answer{status: http.StatusNoContent}, keyFailure("switch key", err)
}

// keyEvent is something that happened to a key. A key made for a device says for which.
func (s *Server) keyEvent(r *http.Request, kind model.EventKind, who principal, id string) model.Event {
	e := s.event(r, kind, who)
	e.KeyID = id
	if o, _ := s.origin(r); kind == model.EventKeyMade {
		e.Detail = o.Pairing
	}
	return e
}

// keyFailure answers alike for an id that never was, one that is gone and one of somebody else.
func keyFailure(doing string, err error) error { return missing(kindKeyNotFound, doing, err) }

// checkName applies the rule of App Services for names.
func checkName(name string) error {
	if name == "" {
		return refuse(kindNoName)
	}
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '_' && c != '-' {
			return refuse(kindBadName)
		}
	}
	if len(name) > maxName {
		return refuse(kindLongName, maxName)
	}
	return nil
}

func wireKeyOf(k model.Key) wireKey { return wireKey{ID: k.ID, Name: k.Name, Disabled: k.Disabled} }
