package authserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"unicode/utf8"

	"latchkey/internal/model"
)

// proof is whom a log-in turned out to be.
type proof struct {
	userID   string
	identity identity
	refusal  kind // when user or key go away before the session is there

	generation int64 // of the password that was checked
}

// login opens a session for whoever proves to be somebody.
func (s *Server) login(r *http.Request, _ principal) (answer, error) {
	provider := r.PathValue("provider")
	if !s.offers(provider) {
		return answer{}, refuse(kindUnknownProvider)
	}
	if r.URL.Query().Get("link") == "true" {
		return answer{}, refuse(kindLinking)
	}
	var in loginRequest
	read := decode
	if provider == model.ProviderAnonymous {
		read = decodeOptional
	}
	if err := read(r, &in); err != nil {
		return answer{}, err
	}
	p, err := s.prove(r, provider, in)
	if err != nil {
		return answer{}, err
	}
	out, err := s.openSession(r, p, in.Options.Device)
	return answer{status: http.StatusOK, body: out}, err
}

func (s *Server) offers(provider string) bool {
	switch provider {
	case model.ProviderEmailPassword, model.ProviderAPIKey:
		return true
	case model.ProviderAnonymous:
		return s.cfg.Anonymous
	default:
		return false
	}
}

// prove asks for a provider that offers said yes to.
func (s *Server) prove(r *http.Request, provider string, in loginRequest) (proof, error) {
	switch provider {
	case model.ProviderEmailPassword:
		return s.provePassword(r, in)
	case model.ProviderAPIKey:
		return s.proveKey(r, in)
	default:
		return s.proveNothing(r.Context())
	}
}

// provePassword answers an unknown e-mail as it answers a wrong password, after the same work, so that nobody learns who has
// an account here. That an account is off, or waits for its address to be confirmed, is for those who know its password.
func (s *Server) provePassword(r *http.Request, in loginRequest) (proof, error) {
	if in.Username == nil {
		return proof{}, refuse(kindMissingField, "username")
	}
	if in.Password == nil {
		return proof{}, refuse(kindMissingField, "password")
	}
	// Nobody has such a password or e-mail, whoever exists: no need to hash 64 KB, to ask the store or to count.
	if utf8.RuneCountInString(string(*in.Password)) > maxPassword || !validEmail(*in.Username) {
		return proof{}, refuse(kindWrongPassword).because(errors.New("e-mail or password no account can have"))
	}
	succeeded, err := s.guessing(r, *in.Username)
	if err != nil {
		return proof{}, err
	}
	id, err := s.store.IdentityBySubject(r.Context(), model.ProviderEmailPassword, *in.Username)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return proof{}, unavailable("read identity", err)
	}
	verdict, err := s.passwords.check(r.Context(), id.PasswordHash, *in.Password)
	if err != nil || verdict != passwordWrong {
		succeeded() // or nobody looked at it
	}
	if err == nil {
		err = s.judge(r, id, verdict)
	}
	if err != nil {
		return proof{}, err
	}
	if verdict == passwordOutdated {
		s.rehash(r.Context(), id, *in.Password)
	}
	return proof{id.UserID, identity{id.ID, id.Provider}, kindWrongPassword, id.Generation}, nil
}

// judge says whether a log-in may go on after its password was checked. What it tells the owner of the account is written down
// afterwards: by the time that it takes one could tell an account from none.
func (s *Server) judge(r *http.Request, id model.Identity, v verdict) error {
	var k kind
	var reason string
	switch {
	case id.ID == "":
		return refuse(kindWrongPassword).because(errors.New("no such account"))
	case v == passwordWrong:
		k, reason = kindWrongPassword, model.ReasonWrongPassword
	case id.UserDisabled:
		k, reason = kindUserDisabled, model.ReasonDisabled
	case id.Pending:
		k, reason = kindNotConfirmed, model.ReasonPending
	default:
		return nil
	}
	s.recordFailure(r, id.UserID, reason)
	return refuse(k).because(errors.New(reason), slog.String("user", id.UserID))
}

// rehash stores the password at today's cost. The log-in succeeds without it: the next one tries again.
func (s *Server) rehash(ctx context.Context, id model.Identity, password model.Secret) {
	hash, err := s.passwords.hash(ctx, password)
	if err == nil {
		err = s.store.ReplacePasswordHash(ctx, id.ID, id.PasswordHash, hash)
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "password kept at its old cost", "user", id.UserID, "reason", err)
	}
}

// proveKey answers alike for a value that never was, one turned off and one deleted; only the log knows which, and the owner
// of one turned off.
func (s *Server) proveKey(r *http.Request, in loginRequest) (proof, error) {
	if in.Key == nil {
		return proof{}, refuse(kindMissingField, "key")
	}
	if !isValue(string(*in.Key)) {
		return proof{}, refuse(kindWrongKey).because(errors.New("not the shape of a key"))
	}
	key, err := s.store.APIKeyByValueHash(r.Context(), hashValue(string(*in.Key)))
	switch {
	case errors.Is(err, model.ErrNotFound):
		return proof{}, refuse(kindWrongKey).because(errors.New("no such key"))
	case err != nil:
		return proof{}, unavailable("read key", err)
	case key.Disabled:
		s.recordRefusal(r, key, model.ReasonKeyOff)
		return proof{}, refuse(kindWrongKey).because(errors.New("key is turned off"),
			slog.String("user", key.UserID), slog.String("key", key.ID))
	}
	return proof{userID: key.UserID, identity: identity{key.ID, model.ProviderAPIKey}, refusal: kindWrongKey}, nil
}

// proveNothing makes the anonymous user that the session will belong to.
func (s *Server) proveNothing(ctx context.Context) (proof, error) {
	now := s.cfg.Now()
	user := model.User{ID: model.NewID(now), CreatedAt: now}
	id := model.Identity{
		ID: anonymousID(model.NewID(now)), UserID: user.ID, Provider: model.ProviderAnonymous, CreatedAt: now,
	}
	id.Subject = id.ID
	if err := s.store.CreateUser(ctx, user, id); err != nil {
		return proof{}, unavailable("create anonymous user", err)
	}
	return proof{userID: user.ID, identity: identity{id.ID, id.Provider}, refusal: kindUnavailable}, nil
}

// openSession saves the session before it tells anybody of it. The store refuses when the key was turned off, the password
// changed or the user disabled or deleted a moment ago, so that no session outlives the decision.
func (s *Server) openSession(r *http.Request, p proof, d *device) (loginAnswer, error) {
	row, use := s.newSession(r, p, d)
	kind := model.EventSignedIn
	if row.KeyID != "" {
		kind = model.EventKeyFirstUsed // the store writes it down of the first use alone
	}
	happened := s.event(r, kind, principal{userID: p.userID, identity: p.identity})
	happened.KeyID = row.KeyID
	err := s.store.CreateAuthSession(r.Context(), row, use, happened)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return loginAnswer{}, s.noSession(r, p)
	case err != nil:
		return loginAnswer{}, unavailable("create session", err)
	}
	refresh, err := s.tokens.sign(s.refreshClaims(row))
	if err != nil {
		return loginAnswer{}, err
	}
	access, err := s.tokens.sign(s.accessClaims(principal{row.UserID, row.ID, row.DeviceID, p.identity, row.CreatedAt}))
	return loginAnswer{access, refresh, row.UserID, row.DeviceID}, err
}

// newSession is the session of whoever has proved to be somebody, and what to remember of a key that opens it.
func (s *Server) newSession(r *http.Request, p proof, d *device) (model.Session, *model.KeyUse) {
	now := s.cfg.Now()
	from, _ := s.origin(r)
	row := model.Session{
		ID:         model.NewID(now),
		UserID:     p.userID,
		DeviceID:   deviceID(d, model.NewID(now)),
		Provider:   p.identity.provider,
		IdentityID: p.identity.id,
		CreatedAt:  now,
		ExpiresAt:  now.Add(refreshLifetime),
		Address:    from.Address,
		Agent:      from.Agent,
		Generation: p.generation,
	}
	if d != nil {
		row.DeviceName, row.Platform, row.SDK = d.Name.tidy(), d.Platform.tidy(), d.sdk()
	}
	if row.Provider != model.ProviderAPIKey {
		return row, nil
	}
	row.KeyID = p.identity.id
	return row, s.keyUse(r, p.userID, d, now)
}

// noSession finds out what a log-in is told that the store refused. A right key tells whoever has it that the account is off.
func (s *Server) noSession(r *http.Request, p proof) error {
	user, err := s.store.User(r.Context(), p.userID)
	if err == nil && !user.DisabledAt.IsZero() {
		if p.identity.provider == model.ProviderAPIKey {
			s.recordRefusal(r, model.Key{ID: p.identity.id, UserID: p.userID}, model.ReasonDisabled)
		}
		return refuse(kindUserDisabled).because(errors.New(model.ReasonDisabled), slog.String("user", p.userID))
	}
	return refuse(p.refusal).because(errors.New("user, password or key went away during the log-in"), slog.String("user", p.userID))
}

// deviceID gives back the id a client had before. One that describes its device gets a fresh id, one that does not gets zeros,
// which Realm's core takes for "no device".
func deviceID(d *device, fresh string) string {
	switch {
	case d == nil:
		return noDevice
	case model.IsID(string(d.ID)) && d.ID != noDevice:
		return string(d.ID)
	default:
		return fresh
	}
}
