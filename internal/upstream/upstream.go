package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

// Config is what a Service works with.
type Config struct {
	Client *client.Client
	// SignIns counts tries of passwords: the other server sees one address for everybody.
	SignIns SignIns
	// Asked counts the accounts and emails that the other server is asked for, for the same reason.
	Asked Asked
	// Events keeps what was done.
	Events Events
	// Cards keeps what is known of keys.
	Cards Cards
	// Notices tells people by email what was done; nil when nobody is to be told.
	Notices Notices
	Now     func() time.Time
	Log     *slog.Logger
}

// SignIns counts tries of passwords.
type SignIns interface {
	// Take counts a try, or says how long to wait for one. Succeeded gives that one try back, and is nil when there is none.
	// An error means that it cannot be counted.
	Take(ctx context.Context, account, address, knownBrowser string) (succeeded func(), wait time.Duration, err error)
}

// Asked counts what people ask the other server for, by their addresses. Each says how long to wait, which counts for nothing. An error
// means that it cannot be counted.
type Asked interface {
	Account(ctx context.Context, address string) (wait time.Duration, err error)
	Email(ctx context.Context, address string) (wait time.Duration, err error)
}

// Events keeps what happened to accounts.
type Events interface {
	RecordEvent(ctx context.Context, e model.Event) error
	Events(ctx context.Context, userID string, q model.EventQuery) ([]model.Event, error)
}

// Notices tells people what was done.
type Notices interface {
	// KeyCreated tells the owner of an email address of a key. It is given to a device when from has a Pairing.
	KeyCreated(ctx context.Context, email, key string, words model.Words, at time.Time, from model.Origin) error
	// KeyLeaked tells of a key whose value leaked: it was turned off, or was off already, or was turned on all the same.
	KeyLeaked(ctx context.Context, email, key string, words model.Words, news Leaked, at time.Time, from model.Origin) error
}

// Leaked is what happened to a key whose value leaked.
type Leaked int

// What can have happened to it.
const (
	LeakedTurnedOff Leaked = iota
	LeakedWasOff
	LeakedTurnedOn
)

// Service is the accounts and keys of another server.
type Service struct {
	client     *client.Client
	signIns    SignIns
	asked      Asked
	events     Events
	cards      Cards
	notices    Notices
	retryAfter *retryAfter
	now        func() time.Time
	log        *slog.Logger

	turning    sync.Mutex   // while it is recorded that a key was turned on or off
	unreported atomic.Int64 // until when the other server is not asked for usage, which it does not keep; Unix nanoseconds
}

// New returns the service at another server.
func New(c Config) *Service {
	return &Service{
		client: c.Client, signIns: c.SignIns, asked: c.Asked, events: c.Events, cards: c.Cards, notices: c.Notices,
		retryAfter: newRetryAfter(c.Now), now: c.Now, log: c.Log,
	}
}

// Register creates an account. What the other server says against it is taken to be about the password: its email address was
// looked at before.
func (s *Service) Register(ctx context.Context, from model.Origin, email string, password model.Secret) error {
	wait, err := s.asked.Account(ctx, from.Address)
	if err = counted(model.KindTooManyAccounts, wait, err); err != nil {
		return err
	}
	err = s.client.Register(ctx, email, password.Reveal())
	var said *client.Error
	switch {
	case client.IsAccountInUse(err):
		return refused(model.KindEmailTaken, err)
	case client.IsForbidden(err):
		return refused(model.KindRegistrationClosed, err)
	case errors.As(err, &said) && said.Status == http.StatusBadRequest:
		return refused(model.KindBadPassword, err)
	default:
		return failed(err)
	}
}

// Named is what was typed, without the spaces around it: only the other server knows which accounts it has.
func (s *Service) Named(_ context.Context, typed string) (string, error) {
	return strings.TrimSpace(typed), nil
}

// SignIn opens a session there.
func (s *Service) SignIn(ctx context.Context, from model.Origin, email string, password model.Secret) (model.Account, error) {
	session, err := s.signIn(ctx, from, email, password)
	if err != nil {
		return model.Account{}, err
	}
	a := model.Account{
		UserID: session.UserID(), Email: email, SessionID: session.ID(), Token: model.Secret(session.RefreshToken().Reveal()),
	}
	s.record(ctx, model.Event{UserID: a.UserID, Kind: model.EventSignedIn}, from)
	return a, nil
}

// signIn is how every password is tried.
func (s *Service) signIn(ctx context.Context, from model.Origin, email string, password model.Secret) (*client.Session, error) {
	if email == "" || password == "" { // the client leaves out what is empty
		return nil, &model.Error{Kind: model.KindWrongPassword, Doing: "sign in with nothing"}
	}
	succeeded, wait, err := s.signIns.Take(ctx, email, from.Address, from.KnownBrowser)
	if err = counted(model.KindTooManyTries, wait, err); err != nil {
		return nil, err
	}
	session, err := s.client.Login(ctx, client.EmailPassword(email, password.Reveal()))
	if err == nil || client.NeverSent(err) {
		succeeded()
	}
	switch {
	case client.IsLimited(err):
		return nil, refused(model.KindTooManyTries, err)
	case client.IsUnconfirmed(err):
		return nil, refused(model.KindUnconfirmed, err)
	case client.IsUserDisabled(err):
		return nil, refused(model.KindDisabled, err)
	case client.IsUnauthorized(err):
		return nil, refused(model.KindWrongPassword, err)
	case client.IsForbidden(err), client.IsNotFound(err):
		return nil, refused(model.KindRefuses, err)
	case err != nil:
		return nil, failed(err)
	}
	return session, nil
}

// SendLink has the other server send a link. That it has nobody to send it to is not passed on.
func (s *Service) SendLink(ctx context.Context, from model.Origin, purpose, email string) error {
	wait, err := s.asked.Email(ctx, from.Address)
	if err = counted(model.KindTooManyEmails, wait, err); err != nil {
		return err
	}
	send := s.client.SendResetPassword
	if purpose == model.LinkConfirm {
		send = s.client.ResendConfirmation
	}
	err = send(ctx, email)
	var said *client.Error
	switch {
	case err == nil, client.IsNobodyToMail(err):
		return nil
	case client.IsLimited(err):
		return refused(model.KindTooManyEmails, err)
	case errors.As(err, &said) && said.Status/100 == 4: // it answered, and is not in trouble
		return refused(model.KindNoEmail, err)
	default:
		return failed(err)
	}
}

// LinkOwner knows nothing of the link: only the other server could tell.
func (s *Service) LinkOwner(context.Context, model.GivenLink) (email string, first bool, err error) {
	return "", false, nil
}

// UseLink does there what a link is for. The other server does not say whose it was.
func (s *Service) UseLink(ctx context.Context, _ model.Origin, link model.GivenLink, password model.Secret) (email string, err error) {
	token := client.Secret(link.Token.Reveal())
	if link.Purpose == model.LinkConfirm {
		err = s.client.ConfirmEmail(ctx, token, link.ID)
	} else {
		err = s.client.ResetPassword(ctx, token, link.ID, password.Reveal())
	}
	switch {
	case client.IsBadLink(err):
		return "", refused(model.KindBadLink, err)
	case client.IsRefusedPassword(err):
		return "", refused(model.KindBadPassword, err)
	default:
		return "", failed(err)
	}
}

// eventTimeout bounds writing down what was done.
const eventTimeout = 15 * time.Second

// record records what was done there. If that fails, only the log says so: the act is done.
func (s *Service) record(ctx context.Context, e model.Event, from model.Origin) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	if err := s.events.RecordEvent(ctx, s.dated(e, from)); err != nil {
		s.log.ErrorContext(ctx, "event not recorded", "kind", e.Kind, "user", e.UserID, "cause", err)
	}
}

// dated is an event that happens now, brought about from there unless it says otherwise.
func (s *Service) dated(e model.Event, from model.Origin) model.Event {
	e.At, e.Address, e.Agent, e.Elsewhere = s.now(), from.Address, from.Agent, true
	if e.Actor == "" {
		e.Actor = model.ActorBrowser
	}
	return e
}
