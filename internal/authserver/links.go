package authserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"latchkey/internal/model"
)

// linkLifetime is what App Services gave the links in its mails.
const linkLifetime = 30 * time.Minute

const (
	linkTokenBytes = 32
	maxLinkToken   = 256 // characters of a token that is looked at
)

// NewLink makes a link for an identity: what to keep of it, and the address to send. Whoever opens that can do what the purpose
// says, once and within the lifetime. Its parameters are named as App Services named them.
func NewLink(publicURL, purpose, identityID string, now time.Time, lifetime time.Duration) (l model.Link, address string) {
	token := hex.EncodeToString(randomBytes(linkTokenBytes))
	l = model.Link{
		ID: model.NewID(now), TokenHash: sha256.Sum256([]byte(token)),
		IdentityID: identityID, Purpose: purpose, CreatedAt: now, ExpiresAt: now.Add(lifetime),
	}
	query := url.Values{"token": {token}, "tokenId": {l.ID}}
	return l, publicURL + "/" + purpose + "?" + query.Encode()
}

// given is the link that a request names.
func (in linkRequest) given() (model.Link, error) {
	if !model.IsID(in.TokenID) || in.Token == "" || len(in.Token) > maxLinkToken {
		return model.Link{}, refuse(kindBadLinkData)
	}
	return model.Link{ID: in.TokenID, TokenHash: sha256.Sum256([]byte(in.Token))}, nil
}

// confirm lets the account log in whose owner has read the mail.
func (s *Server) confirm(r *http.Request, _ principal) (answer, error) {
	var in linkRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	link, err := in.given()
	if err != nil {
		return answer{}, err
	}
	err = s.store.ConfirmIdentity(r.Context(), link, s.cfg.Now(), func(id model.Identity) model.Event {
		return s.event(r, model.EventEmailConfirmed, principal{userID: id.UserID})
	})
	return answer{status: http.StatusOK}, linkError("confirm address", err)
}

// reset gives an account another password, whose owner has read the mail, and ends all of its sessions.
func (s *Server) reset(r *http.Request, _ principal) (answer, error) {
	var in resetRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	link, err := in.given()
	if err != nil {
		return answer{}, err
	}
	hash, err := s.hashFor(r, link, in.Password)
	if err != nil {
		return answer{}, err
	}
	var whose model.Identity
	err = s.store.ResetPassword(r.Context(), link, hash, s.cfg.Now(), func(id model.Identity) model.Event {
		whose = id
		return s.event(r, model.EventPasswordReset, principal{userID: id.UserID})
	})
	if err != nil {
		return answer{}, linkError("reset password", err)
	}
	s.tell(r, passwordNotice, whose.UserID, s.letters().PasswordReset)
	return answer{status: http.StatusOK}, nil
}

// hashFor hashes a password for whoever has a good link. Without one there is no hash to be had, which takes time and memory, and
// a password that will not do leaves the link good.
func (s *Server) hashFor(r *http.Request, link model.Link, password model.Secret) (string, error) {
	link.Purpose = model.LinkReset
	id, err := s.store.LinkedIdentity(r.Context(), link, s.cfg.Now())
	if err != nil {
		return "", linkError("find link", err)
	}
	if err := s.checkNewPassword(password, id.Subject); err != nil {
		return "", err
	}
	return s.passwords.hash(r.Context(), password)
}

func linkError(doing string, err error) error { return missing(kindLinkGone, doing, err) }

// sendConfirmation sends one more link to whoever has not used the first.
func (s *Server) sendConfirmation(r *http.Request, _ principal) (answer, error) {
	return s.sendLink(r, func(ctx context.Context, id model.Identity, _ Circumstances) error {
		if !id.Pending {
			return nil
		}
		return s.mailConfirmation(ctx, id)
	})
}

// sendReset sends a link with which to choose a new password.
func (s *Server) sendReset(r *http.Request, _ principal) (answer, error) {
	e := s.event(r, model.EventResetAsked, principal{})
	e.Actor = model.ActorUnknown
	return s.sendLink(r, func(ctx context.Context, id model.Identity, c Circumstances) error {
		if id.UserDisabled {
			return nil
		}
		e.UserID = id.UserID
		link, address := NewLink(s.cfg.PublicURL, model.LinkReset, id.ID, s.cfg.Now(), linkLifetime)
		return s.mailLink(ctx, link, s.letters().Reset(id.Subject, address, c), e)
	})
}

// sendLink answers alike for every address, and before anybody has looked whether there is such an account: neither the answer nor
// the time that it takes tells who has one.
func (s *Server) sendLink(r *http.Request, send func(context.Context, model.Identity, Circumstances) error) (answer, error) {
	var in addressRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	switch {
	case s.cfg.Mailer == nil:
		return answer{}, refuse(kindNoMail)
	case !mailable(in.Email) || !validEmail(in.Email):
		return answer{}, refuse(kindBadEmail)
	}
	if err := s.mailing(r, in.Email); err != nil {
		return answer{}, err
	}
	ctx, c := context.WithoutCancel(r.Context()), s.circumstances(r)
	begun := s.afterwards.try(func() {
		id, err := s.store.IdentityBySubject(ctx, model.ProviderEmailPassword, in.Email)
		if err == nil {
			err = send(ctx, id, c)
		}
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			s.cfg.Log.WarnContext(ctx, "mail not sent", "user", id.UserID, "reason", err)
		}
	})
	if !begun {
		return answer{}, refuse(kindBusy)
	}
	return answer{status: http.StatusAccepted}, nil
}

// mailing counts a mail that somebody asks for.
func (s *Server) mailing(r *http.Request, email string) error {
	o, _ := s.origin(r)
	return tooMany(s.mails.take(email, o.Address))
}

func (s *Server) mailConfirmation(ctx context.Context, id model.Identity) error {
	link, address := NewLink(s.cfg.PublicURL, model.LinkConfirm, id.ID, s.cfg.Now(), linkLifetime)
	return s.mailLink(ctx, link, s.letters().Confirm(id.Subject, address))
}

// mailLink saves a link before it sends it.
func (s *Server) mailLink(ctx context.Context, link model.Link, m Mail, happened ...model.Event) error {
	if err := s.store.CreateLink(ctx, link, happened...); err != nil {
		return err
	}
	return s.cfg.Mailer.Send(ctx, m)
}
