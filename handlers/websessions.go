package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"latchkey/client"
	"latchkey/internal/model"
)

// How long a web session lives without a request, and at most. How often its last request is written down: reading a page
// must not cost a write.
const (
	WebSessionIdle = 30 * time.Minute
	webSessionLife = 12 * time.Hour
	touchEvery     = time.Minute
)

func over(row model.WebSession, now time.Time) bool {
	return !now.Before(row.ExpiresAt) || now.Sub(row.LastSeenAt) >= WebSessionIdle
}

// ErrNoWebSession means that there is no such web session, or no longer.
var ErrNoWebSession = errors.New("no such web session")

// WebSessionRows keeps web sessions. A row that is not there is model.ErrNotFound.
type WebSessionRows interface {
	// CreateWebSession answers model.ErrNotFound when the auth session that it would hold has ended.
	CreateWebSession(ctx context.Context, row model.WebSession) error
	WebSession(ctx context.Context, idHash [32]byte) (model.WebSession, error)
	// UpdateWebSession changes the row whose Version is still the given one; otherwise it answers model.ErrConflict.
	UpdateWebSession(ctx context.Context, row model.WebSession) error
	// WebSessions are those of a user, oldest first, also those that are over.
	WebSessions(ctx context.Context, userID string) ([]model.WebSession, error)
	// DeleteWebSession ends a session, and with it the auth session that it holds. What happened is written down, unless it had ended
	// already.
	DeleteWebSession(ctx context.Context, idHash [32]byte, happened ...model.Event) error
}

// noSession gives the error of a row that is not there the name that the rest of the dashboard knows.
func noSession(err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return errors.Join(ErrNoWebSession, err)
	}
	return err
}

// Values of a gorilla session besides accountValue: the row as it is, and for a new one the auth session that it will hold.
const (
	rowValue         = "row"
	authSessionValue = "auth session"
)

// webSessions is a gorilla/sessions Store: the browser holds 32 random bytes and nothing else, a row holds the rest. The id
// is not signed, since there is nothing in it to forge.
type webSessions struct {
	rows   WebSessionRows
	ring   *keyRing
	cookie string
	https  bool
	now    func() time.Time
	log    *slog.Logger
	// reissue exchanges a token for one that the newest key signs; nil with an upstream, whose tokens are its own affair.
	reissue func(context.Context, account) (client.Secret, error)
}

var _ sessions.Store = (*webSessions)(nil)

func newWebSessions(rows WebSessionRows, ring *keyRing, https bool, now func() time.Time, log *slog.Logger) *webSessions {
	cookie := "latchkey"
	if https {
		cookie = "__Host-latchkey" // browsers take it only with Secure, Path=/ and no Domain: no other host can plant one
	}
	return &webSessions{rows: rows, ring: ring, cookie: cookie, https: https, now: now, log: log}
}

// Get gives the request's session, the same one however often it is asked.
func (s *webSessions) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session that the request's cookie names. A cookie that is cut, altered, expired or of another server names
// none: the session is then new and empty. The only error is that the rows could not be read.
func (s *webSessions) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.Options = &sessions.Options{
		Path: "/", MaxAge: int(webSessionLife / time.Second),
		HttpOnly: true, Secure: s.https, SameSite: http.SameSiteLaxMode,
	}
	session.IsNew = true
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil
	}
	id, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(id) != 32 {
		return session, nil
	}
	err = s.load(r.Context(), session, id)
	if errors.Is(err, ErrNoWebSession) || errors.Is(err, errSealed) {
		return session, nil
	}
	return session, err
}

func (s *webSessions) load(ctx context.Context, session *sessions.Session, id []byte) error {
	row, err := s.rows.WebSession(ctx, sha256.Sum256(id))
	if err != nil {
		return noSession(err)
	}
	now := s.now()
	if over(row, now) {
		return errors.Join(ErrNoWebSession, s.rows.DeleteWebSession(ctx, row.IDHash))
	}
	a, old, err := s.open(row)
	if err != nil {
		return err
	}
	if old || now.Sub(row.LastSeenAt) >= touchEvery {
		origin := originOf(ctx)
		row.LastSeenAt = now
		if old {
			a, row.Sealed = s.renewed(ctx, row, a)
		}
		row.UserID, row.Address, row.Agent = a.UserID, origin.Address, origin.Agent
		if err := s.remember(ctx, &row); err != nil {
			return err
		}
	}
	session.ID, session.IsNew = string(id), false
	session.Values[accountValue], session.Values[rowValue] = a, row
	return nil
}

// renewed is what a row holds, sealed under the newest key. The embedded server signs tokens under the same ring, so a token goes
// along: then the old key can be taken out without signing anybody out who was here since. When that fails the row stays as it is,
// for the next request.
func (s *webSessions) renewed(ctx context.Context, row model.WebSession, a account) (account, []byte) {
	if s.reissue != nil {
		token, err := s.reissue(ctx, a)
		if err != nil {
			return a, row.Sealed
		}
		a.token = token
	}
	plain, err := a.pack()
	if err != nil {
		return a, row.Sealed
	}
	return a, s.ring.seal(plain, row.IDHash[:])
}

// remember writes down what is new of a session. One that can be read but not written is as good: a full disk must not sign
// anybody out. It ends when it would have without this request.
func (s *webSessions) remember(ctx context.Context, row *model.WebSession) error {
	err := s.rows.UpdateWebSession(ctx, *row)
	switch {
	case err == nil, errors.Is(err, model.ErrConflict): // another request that was first has written the same
		row.Version++
	case errors.Is(err, model.ErrNotFound):
		return noSession(err)
	default:
		s.log.WarnContext(ctx, "a web session could not be written", "cause", err)
	}
	return nil
}

// proved remembers that the person has just proved who they are. Another request may be writing the row at the same time.
func (s *webSessions) proved(ctx context.Context, row model.WebSession) error {
	for {
		row.ProvedAt = s.now()
		err := s.rows.UpdateWebSession(ctx, row)
		if !errors.Is(err, model.ErrConflict) {
			return noSession(err)
		}
		if row, err = s.rows.WebSession(ctx, row.IDHash); err != nil {
			return noSession(err)
		}
	}
}

// open gives what a row holds, and says whether an old key sealed it. What cannot be read is errSealed.
func (s *webSessions) open(row model.WebSession) (a account, old bool, err error) {
	plain, old, err := s.ring.open(row.Sealed, row.IDHash[:])
	if err != nil {
		return a, old, err
	}
	if a, err = unpackAccount(plain); err != nil {
		return a, old, errSealed
	}
	return a, old, nil
}

// check answers ErrNoWebSession when the session is over. It changes nothing: what asks by itself is no sign of a person.
func (s *webSessions) check(ctx context.Context, idHash [32]byte) error {
	row, err := s.rows.WebSession(ctx, idHash)
	if err == nil && over(row, s.now()) {
		return ErrNoWebSession
	}
	return noSession(err)
}

// Save keeps a session under a new id, or ends it when its MaxAge is negative. Either way the row it had goes: an id from
// before a sign-in is worth nothing after it.
func (s *webSessions) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.ID != "" {
		if err := s.rows.DeleteWebSession(r.Context(), sha256.Sum256([]byte(session.ID))); err != nil {
			return err
		}
		session.ID = ""
	}
	if session.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(session.Name(), "", session.Options))
		return nil
	}
	a, ok := session.Values[accountValue].(account)
	if !ok {
		return errors.New("a web session without an account")
	}
	plain, err := a.pack()
	if err != nil {
		return err
	}
	id, now := randomBytes(32), s.now()
	origin := originOf(r.Context())
	row := model.WebSession{
		IDHash: sha256.Sum256(id), CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(webSessionLife),
		UserID: a.UserID, Address: origin.Address, Agent: origin.Agent, ProvedAt: now,
	}
	row.AuthSessionID, _ = session.Values[authSessionValue].(string)
	row.Sealed = s.ring.seal(plain, row.IDHash[:])
	if err := s.rows.CreateWebSession(r.Context(), row); err != nil {
		return noSession(err)
	}
	session.ID = string(id)
	http.SetCookie(w, sessions.NewCookie(session.Name(), base64.RawURLEncoding.EncodeToString(id), session.Options))
	return nil
}
