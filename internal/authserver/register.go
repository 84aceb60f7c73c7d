package authserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"latchkey/internal/model"
)

const (
	maxEmail    = 128
	maxPassword = 128
)

// register makes an account. Without a mailer it confirms itself: there is nobody to send a mail.
func (s *Server) register(r *http.Request, _ principal) (answer, error) {
	if !s.cfg.Registration {
		return answer{}, refuse(kindRegistrationClosed)
	}
	var in registerRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if !validEmail(in.Email) || s.cfg.Mailer != nil && !mailable(in.Email) {
		return answer{}, refuse(kindBadEmail)
	}
	if err := s.checkNewPassword(in.Password, in.Email); err != nil {
		return answer{}, err
	}
	if err := s.registering(r); err != nil {
		return answer{}, err
	}
	if s.cfg.Mailer != nil {
		if err := s.mailing(r, in.Email); err != nil {
			return answer{}, err
		}
	}
	hash, err := s.passwords.hash(r.Context(), in.Password)
	if err != nil {
		return answer{}, err
	}
	id, err := s.createUser(r, in.Email, hash)
	if err != nil {
		return answer{}, err
	}
	if id.Pending {
		s.later(r, "link to confirm an address not sent", id.UserID, func(ctx context.Context) error { return s.mailConfirmation(ctx, id) })
	}
	return answer{status: http.StatusCreated}, nil
}

func (s *Server) createUser(r *http.Request, email, hash string) (model.Identity, error) {
	now := s.cfg.Now()
	user := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{
		ID:           model.NewID(now),
		UserID:       user.ID,
		Provider:     model.ProviderEmailPassword,
		Subject:      email,
		PasswordHash: hash,
		CreatedAt:    now,
		Pending:      s.cfg.Mailer != nil,
	}
	err := s.store.CreateUser(r.Context(), user, id, s.event(r, model.EventAccountMade, principal{userID: user.ID}))
	switch {
	case errors.Is(err, model.ErrConflict):
		return id, refuse(kindEmailTaken)
	case err != nil:
		return id, unavailable("create user", err)
	}
	return id, nil
}

// validEmail accepts any text of up to 128 characters: apps on App Services registered names without an @ too. A null byte is
// the exception, because PostgreSQL cannot store one.
func validEmail(email string) bool {
	return email != "" && utf8.RuneCountInString(email) <= maxEmail && !strings.Contains(email, "\x00")
}
