package authserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"latchkey/store"
)

const (
	maxEmail    = 128
	maxPassword = 128
)

// register makes an account. It confirms itself: there is nobody yet to send mail.
func (s *Server) register(r *http.Request, _ principal) (answer, error) {
	if !s.cfg.Registration {
		return answer{}, refuse(kindRegistrationClosed)
	}
	var in registerRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if !validEmail(in.Email) {
		return answer{}, refuse(kindBadEmail)
	}
	if n := utf8.RuneCountInString(string(in.Password)); n < s.cfg.MinPassword || n > maxPassword {
		return answer{}, refuse(kindBadPassword, s.cfg.MinPassword, maxPassword)
	}
	hash, err := s.passwords.hash(r.Context(), in.Password)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated}, s.createUser(r.Context(), in.Email, hash)
}

func (s *Server) createUser(ctx context.Context, email, hash string) error {
	now := s.cfg.Now()
	user := store.User{ID: store.NewID(now), CreatedAt: now}
	err := s.store.CreateUser(ctx, user, store.Identity{
		ID:           store.NewID(now),
		UserID:       user.ID,
		Provider:     store.ProviderEmailPassword,
		Subject:      email,
		PasswordHash: hash,
		CreatedAt:    now,
	})
	switch {
	case errors.Is(err, store.ErrConflict):
		return refuse(kindEmailTaken)
	case err != nil:
		return unavailable("create user", err)
	}
	return nil
}

// validEmail accepts any text of up to 128 characters: apps on App Services registered names without an @ too. A null byte is
// the exception, because PostgreSQL cannot store one.
func validEmail(email string) bool {
	return email != "" && utf8.RuneCountInString(email) <= maxEmail && !strings.Contains(email, "\x00")
}
