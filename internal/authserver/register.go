package authserver

import (
	"net/http"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// register creates an account.
func (s *Server) register(r *http.Request, _ principal) (answer, error) {
	if !s.accounts.RegistrationOpen() {
		return answer{}, refuse(kindRegistrationClosed)
	}
	var in registerRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	err := s.accounts.Register(r.Context(), s.from(r, ""), in.Email, in.Password)
	return answer{status: http.StatusCreated}, err
}

// confirm lets the account sign in whose owner has read the email.
func (s *Server) confirm(r *http.Request, _ principal) (answer, error) {
	var in linkRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	return s.useLink(r, in.given(model.LinkConfirm), "")
}

// reset gives an account another password, whose owner has read the email, and ends all of its sessions.
func (s *Server) reset(r *http.Request, _ principal) (answer, error) {
	var in resetRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	return s.useLink(r, in.given(model.LinkReset), in.Password)
}

func (s *Server) useLink(r *http.Request, link model.GivenLink, password model.Secret) (answer, error) {
	if !accounts.IsLink(link) {
		return answer{}, refuse(kindBadLinkData)
	}
	_, err := s.accounts.UseLink(r.Context(), s.from(r, ""), link, password)
	return answer{status: http.StatusOK}, err
}

// given is the link that a request names.
func (in linkRequest) given(purpose string) model.GivenLink {
	return model.GivenLink{Purpose: purpose, ID: in.TokenID, Token: in.Token}
}

// sendConfirmation sends another link when the first was not used. Without emails every account that there is has confirmed itself, and
// nobody learns which there are.
func (s *Server) sendConfirmation(r *http.Request, _ principal) (answer, error) {
	a, err := s.sendLink(r, model.LinkConfirm)
	return a, inWords(err, model.KindNoEmail, kindAlreadyConfirmed)
}

// sendReset sends a link with which to choose a new password.
func (s *Server) sendReset(r *http.Request, _ principal) (answer, error) {
	return s.sendLink(r, model.LinkReset)
}

func (s *Server) sendLink(r *http.Request, purpose string) (answer, error) {
	var in addressRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	err := s.accounts.SendLink(r.Context(), s.from(r, ""), purpose, in.Email)
	return answer{status: http.StatusAccepted}, err
}
