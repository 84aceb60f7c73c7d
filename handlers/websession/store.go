// Package websession keeps who is signed in with which browser: the cookie, the row behind it, what is sealed in that, and which
// browsers are known.
package websession

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"latchkey/internal/model"
)

// How long a web session lives without a request, and at most. How often its last request is written down: reading a page
// must not cost a write.
const (
	Idle       = 30 * time.Minute
	Life       = 12 * time.Hour
	touchEvery = time.Minute
)

// Over says whether a session has ended by itself. So has one that was seen in the future, by a clock that was ahead: nobody can say for
// how long it has been idle. It is there again when it was the clock of now that was wrong.
func Over(row model.WebSession, now time.Time) bool {
	return !now.Before(row.ExpiresAt) || now.Sub(row.LastSeenAt) >= Idle || model.FromFuture(row.LastSeenAt, now) ||
		model.FromFuture(row.ExpiresAt, now.Add(Life))
}

// Proved says whether the person has confirmed their password within that time. In the future nobody has.
func Proved(row model.WebSession, within time.Duration, now time.Time) bool {
	return now.Sub(row.ProvedAt) <= within && !model.FromFuture(row.ProvedAt, now)
}

// ErrNone means that there is no such web session, or no longer.
var ErrNone = errors.New("no such web session")

// Rows keeps web sessions. A row that is not there is model.ErrNotFound.
type Rows interface {
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
	// Settled waits until no write is on its way any more whose outcome nobody knows.
	Settled(ctx context.Context) error
}

// none gives the error of a row that is not there the name that the rest of the dashboard knows.
func none(err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return errors.Join(ErrNone, err)
	}
	return err
}

// Values of a gorilla session: who is signed in, the row as it is, and what is different of it when an app opens it.
const (
	accountValue = "account"
	rowValue     = "row"
	handedValue  = "handed"
)

// Store is a gorilla/sessions Store: the browser holds 32 random bytes and nothing else, a row holds the rest. The id is not signed,
// since there is nothing in it to forge.
type Store struct {
	// Rows are where sessions are kept.
	Rows Rows
	// Cookie is the name of the cookie.
	Cookie string

	base   string // the cookie's name without what tells programs of one host apart
	ring   *keyRing
	https  bool
	origin func(context.Context) model.Origin
	now    func() time.Time
	log    *slog.Logger
}

var _ sessions.Store = (*Store)(nil)

// New returns a store. The keys seal what sessions hold; they have 32 bytes each, the newest first, or New panics. Origin says where
// the request of a context came from.
func New(
	rows Rows, keys [][]byte, https bool, origin func(context.Context) model.Origin, now func() time.Time, log *slog.Logger,
) *Store {
	cookie := "latchkey"
	if https {
		cookie = "__Host-latchkey" // browsers take it only with Secure, Path=/ and no Domain: no other host can plant one
	}
	return &Store{Rows: rows, Cookie: cookie, ring: newKeyRing(keys), https: https, origin: origin, now: now, log: log}
}

// ByItself is the context of a request that a page makes without a person: it does not prolong the session.
func ByItself(ctx context.Context) context.Context { return context.WithValue(ctx, byItself{}, true) }

type byItself struct{}

// Distinguish has the cookie's name end with what tells this program from others at its host, which browsers send the same cookies.
func (s *Store) Distinguish(instance string) { s.base, s.Cookie = s.Cookie, s.Cookie+instance }

// cookieIn is the cookie of that name that a request has. Where it has none under ours it may be under the one of before, when this
// program had another port or names had no port yet: what another program has set names nobody here.
func cookieIn(r *http.Request, name, base string) (*http.Cookie, error) {
	own, err := r.Cookie(name)
	if err == nil || base == "" {
		return own, err
	}
	for _, cookie := range r.Cookies() {
		port, ok := strings.CutPrefix(cookie.Name, base)
		if ok && (port == "" || port[0] == '-' && port != "-" && strings.Trim(port[1:], "0123456789") == "") {
			return cookie, nil
		}
	}
	return nil, err
}

// Current is who is signed in with the browser of a request, and the row that says so. Nobody is, when that is the zero row.
func (s *Store) Current(r *http.Request) (model.Account, model.WebSession, error) {
	session, err := s.Get(r, s.Cookie)
	if err != nil {
		return model.Account{}, model.WebSession{}, err
	}
	a, _ := session.Values[accountValue].(model.Account)
	row, _ := session.Values[rowValue].(model.WebSession)
	return a, row, nil
}

// Start signs somebody in under a new id; what the browser was signed in with before ends. It answers ErrNone when the session that
// it would hold has ended meanwhile.
func (s *Store) Start(w http.ResponseWriter, r *http.Request, a model.Account) error {
	session, err := s.Get(r, s.Cookie)
	if err != nil {
		return err
	}
	session.Values[accountValue] = a
	return session.Save(r, w)
}

// StartHanded is Start for an app that opens a browser. What the app proves of the person is good for as long as it says, however long it
// would be good otherwise.
func (s *Store) StartHanded(w http.ResponseWriter, r *http.Request, a model.Account, h model.Handed, stepUp time.Duration) error {
	session, err := s.Get(r, s.Cookie)
	if err != nil {
		return err
	}
	session.Values[handedValue] = handed{h, stepUp}
	session.Values[accountValue] = a
	return session.Save(r, w)
}

// handed is how an app has opened a browser, and for how long a proof is good.
type handed struct {
	model.Handed
	stepUp time.Duration
}

// change makes of the row of a browser that of one that an app has opened.
func (h handed) change(row *model.WebSession) {
	row.FromApp, row.ReturnTo = true, h.ReturnTo
	if h.Ends.Before(row.ExpiresAt) {
		row.ExpiresAt = h.Ends
	}
	row.ProvedAt = time.UnixMilli(0)
	if h.Proof > 0 {
		row.ProvedAt = row.CreatedAt.Add(min(0, h.Proof-h.stepUp))
	}
}

// End ends the browser's session, if it has one, and takes its cookie away.
func (s *Store) End(w http.ResponseWriter, r *http.Request) error {
	session, err := s.Get(r, s.Cookie)
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	return session.Save(r, w)
}

// Gone says that the row of the browser's session is gone already.
func (s *Store) Gone(r *http.Request) {
	if session, err := s.Get(r, s.Cookie); err == nil {
		session.ID = ""
	}
}

// Get gives the request's session, the same one however often it is asked.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session that the request's cookie names. A cookie that is cut, altered, expired or of another server names
// none: the session is then new and empty. The only error is that the rows could not be read.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	session.Options = &sessions.Options{
		Path: "/", MaxAge: int(Life / time.Second),
		HttpOnly: true, Secure: s.https, SameSite: http.SameSiteLaxMode,
	}
	session.IsNew = true
	cookie, err := cookieIn(r, name, s.base)
	if err != nil {
		return session, nil
	}
	id, err := base64.RawURLEncoding.Strict().DecodeString(cookie.Value) // or its last letter could be another
	if err != nil || len(id) != 32 || cookie.Quoted {
		return session, nil
	}
	err = s.load(r.Context(), session, id)
	if errors.Is(err, ErrNone) || errors.Is(err, errSealed) {
		return session, nil
	}
	return session, err
}

func (s *Store) load(ctx context.Context, session *sessions.Session, id []byte) error {
	row, err := s.Rows.WebSession(ctx, sha256.Sum256(id))
	if err != nil {
		return none(err)
	}
	now := s.now()
	if Over(row, now) {
		session.ID = string(id) // signing in or out takes the row along; reading does not, since it may be the clock that is wrong
		return ErrNone
	}
	a, old, err := s.open(row)
	if err != nil {
		return err
	}
	touch := now.Sub(row.LastSeenAt) >= touchEvery && ctx.Value(byItself{}) == nil
	if old || touch {
		row.UserID = a.UserID
		if old {
			row.Sealed = s.ring.seal(pack(a), row.IDHash[:])
		}
		if touch {
			origin := s.origin(ctx)
			row.LastSeenAt = now
			row.Address, row.Agent = origin.Address, origin.Agent
		}
		if err := s.remember(ctx, &row); err != nil {
			return err
		}
	}
	session.ID, session.IsNew = string(id), false
	session.Values[accountValue], session.Values[rowValue] = a, row
	return nil
}

// remember writes down what is new of a session. One that can be read but not written is as good: a full disk must not sign
// anybody out. It ends when it would have without this request.
func (s *Store) remember(ctx context.Context, row *model.WebSession) error {
	err := s.Rows.UpdateWebSession(ctx, *row)
	switch {
	case err == nil, errors.Is(err, model.ErrConflict): // another request that was first has written the same
		row.Version++
	case errors.Is(err, model.ErrNotFound):
		return none(err)
	default:
		s.log.WarnContext(ctx, "a web session could not be written", "cause", err)
	}
	return nil
}

// Confirmed remembers that the person has just proved who they are. Another request may be writing the row at the same time.
func (s *Store) Confirmed(ctx context.Context, row model.WebSession) error {
	for {
		row.ProvedAt = s.now()
		err := s.Rows.UpdateWebSession(ctx, row)
		if !errors.Is(err, model.ErrConflict) {
			return none(s.settle(ctx, err, func(ctx context.Context) error {
				now, err := s.Rows.WebSession(ctx, row.IDHash)
				if err == nil && now.ProvedAt.UnixMilli() != row.ProvedAt.UnixMilli() {
					err = model.ErrNotFound
				}
				return err
			}))
		}
		if row, err = s.Rows.WebSession(ctx, row.IDHash); err != nil {
			return none(err)
		}
	}
}

// Account gives who is signed in by a row.
func (s *Store) Account(row model.WebSession) (model.Account, error) {
	a, _, err := s.open(row)
	return a, err
}

// open is Account, and says whether an old key sealed the row. What cannot be read is errSealed. A session here has no token, and its
// account is read with its row: the seal is over nothing, and says that a key of the ring wrote the row under this id.
func (s *Store) open(row model.WebSession) (a model.Account, old bool, err error) {
	plain, old, err := s.ring.open(row.Sealed, row.IDHash[:])
	if err != nil {
		return a, old, err
	}
	if row.AuthSessionID != "" {
		return model.Account{
			UserID: row.UserID, Email: row.Email, Name: row.Name, SessionID: row.AuthSessionID, IdentityID: row.IdentityID, Provider: row.Provider, Operator: row.Operator,
		}, old, nil
	}
	if a, err = unpack(plain); err != nil {
		return a, old, errSealed
	}
	return a, old, nil
}

// Check answers ErrNone when the session is over. It changes nothing: what asks by itself is no sign of a person.
func (s *Store) Check(ctx context.Context, idHash [32]byte) error {
	row, err := s.Rows.WebSession(ctx, idHash)
	if err == nil && Over(row, s.now()) {
		return ErrNone
	}
	return none(err)
}

// Save keeps a session under a new id, or ends it when its MaxAge is negative. Either way the row it had goes: an id from
// before a sign-in is worth nothing after it.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.ID != "" {
		if err := s.Delete(r.Context(), sha256.Sum256([]byte(session.ID))); err != nil {
			return err
		}
		session.ID = ""
	}
	if session.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(session.Name(), "", session.Options))
		return nil
	}
	a, ok := session.Values[accountValue].(model.Account)
	if !ok {
		return errors.New("a web session without an account")
	}
	id, now := model.RandomBytes(32), s.now()
	origin := s.origin(r.Context())
	row := model.WebSession{
		IDHash: sha256.Sum256(id), CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(Life),
		UserID: a.UserID, Address: origin.Address, Agent: origin.Agent, ProvedAt: now,
	}
	if a.Token == "" {
		row.AuthSessionID = a.SessionID
	}
	if !a.Ends.IsZero() && a.Ends.Before(row.ExpiresAt) {
		row.ExpiresAt = a.Ends
	}
	if a.Unproved {
		row.ProvedAt = time.UnixMilli(0)
	}
	if h, ok := session.Values[handedValue].(handed); ok {
		h.change(&row)
	}
	row.Sealed = s.ring.seal(pack(a), row.IDHash[:])
	err := s.Rows.CreateWebSession(r.Context(), row)
	err = s.settle(r.Context(), err, func(ctx context.Context) error {
		_, err := s.Rows.WebSession(ctx, row.IDHash)
		return err
	})
	if err != nil {
		return none(err)
	}
	session.ID = string(id)
	http.SetCookie(w, sessions.NewCookie(session.Name(), base64.RawURLEncoding.EncodeToString(id), session.Options))
	return nil
}

// lookTimeout bounds finding out what came of a write whose answer got lost.
const lookTimeout = 10 * time.Second

// Delete ends a session, and with it the auth session that it holds. When the answer gets lost it is ended once more: what has ended
// stays so, and then it has for certain.
func (s *Store) Delete(ctx context.Context, idHash [32]byte, happened ...model.Event) error {
	err := s.Rows.DeleteWebSession(ctx, idHash, happened...)
	if !errors.Is(err, model.ErrUnclear) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	if again := s.Rows.DeleteWebSession(ctx, idHash, happened...); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// settle looks whether what was written is there when its answer got lost. Where it is not, or nobody can look, the error stays: what
// the browser was not told of is no session of its.
func (s *Store) settle(ctx context.Context, err error, look func(context.Context) error) error {
	if !errors.Is(err, model.ErrUnclear) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	if s.Rows.Settled(ctx) == nil && look(ctx) == nil {
		return nil
	}
	return err
}
