package authserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey/internal/model"
)

// principal is who makes a request, and with what kind of session: a key can do less than the person who made it.
type principal struct {
	userID, sessionID, deviceID string
	identity                    identity
	seen                        time.Time // when the session was last heard of, if it was read
	customData                  string    // of the user, if the session was read
	ends                        time.Time // the session, if it was read
	proved                      time.Time // when the person last showed that it is they, if the session was read; zero when they have not
}

// identity says how a session was opened.
type identity struct{ id, provider string }

// openedBy is a set of ways to open a session. The empty set refuses everybody.
type openedBy uint8

const (
	byPassword openedBy = 1 << iota // or a passkey, or another provider, in the browser: as one who has a password
	byKey
	byNobody // anonymously
	byToken  // of a provider that signs them: their own or Google's or Apple's

	byPerson   = byPassword | byToken
	byAnything = byPerson | byKey | byNobody
)

// has reports whether sessions of a provider are in the set; those of a provider it does not know never are.
func (o openedBy) has(provider string) bool {
	switch provider {
	case model.ProviderAPIKey:
		return o&byKey != 0
	case model.ProviderAnonymous:
		return o&byNobody != 0
	case model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple:
		return o&byToken != 0
	default:
		return model.ByPerson(provider) && o&byPassword != 0
	}
}

// accessRule is what a call asks of its caller. Its zero value lets nobody in.
type accessRule struct {
	open    bool // no token wanted
	token   tokenType
	live    bool // the session must not have ended; always so with a refresh token, whose session row is read anyway
	session openedBy
	refusal kind // for the wrong kind of session
	proved  bool // a moment ago the person showed that it is they, as a session that was left open does not; with a refresh token
}

// The access rules of the route table. The SDKs send the refresh token on session and key calls and the access token elsewhere.
var (
	anybody      = accessRule{open: true}
	holdsRefresh = accessRule{token: refreshToken, session: byAnything, refusal: kindForbidden}
	holdsAccess  = accessRule{token: accessToken, session: byAnything, refusal: kindForbidden}
	managesKeys  = accessRule{token: refreshToken, session: byPerson, refusal: kindKeysForbidden}
	hasPassword  = accessRule{token: refreshToken, session: byPassword, refusal: kindForbidden}
	hasProved    = accessRule{token: refreshToken, session: byPerson, refusal: kindKeysForbidden, proved: true}
	// A key is meant to be handed to a device, and losing a device must not mean losing the account. Access tokens outlive a
	// sign-out by up to half an hour; that is too long for the one call that cannot be undone.
	mayDeleteSelf = accessRule{token: accessToken, live: true, session: byPerson | byNobody, refusal: kindDeleteForbidden}
	// As with deleting: what is linked stays a way into the account.
	mayLink = accessRule{token: accessToken, live: true, session: byPerson | byNobody, refusal: kindLinkForbidden}
	// As with managing keys, by the token that an app has at hand. What is opened ends with the session, which must not have ended before.
	handsOver = accessRule{token: accessToken, live: true, session: byPerson, refusal: kindKeysForbidden}
	// Whether the person is an operator is read behind it, for each call.
	operates = accessRule{token: refreshToken, session: byPerson, refusal: kindForbidden}
)

// admit finds out who is calling and whether the access rule lets them in. Beside a refusal it says whose token it was, if it was one
// of this server, and no more.
func (s *Server) admit(r *http.Request, d accessRule) (principal, error) {
	if d.open {
		return principal{}, nil
	}
	raw, err := bearer(r.Header)
	if err != nil {
		return principal{}, err
	}
	opened, err := s.tokens.open(raw)
	if err != nil {
		s.hint(r, raw)
		return principal{}, refuse(kindBadToken).because(err)
	}
	c, err := opened.judge(d.token, s.ids.domain, s.cfg.Now())
	if err != nil {
		return holderOf(opened), s.unlessDoubtful(err, c, time.Unix(c.Expires, 0))
	}
	who := principal{
		userID: c.Subject, sessionID: c.Issuer, deviceID: c.DeviceID, identity: identity{c.Identity.ID, c.Identity.Provider},
	}
	if d.token == refreshToken || d.live {
		row, err := s.sessionOf(r.Context(), c)
		if err != nil {
			return principal{userID: c.Subject}, err
		}
		who = principalOf(row)
	}
	if !d.session.has(who.identity.provider) {
		return principal{userID: c.Subject}, refuse(d.refusal)
	}
	if d.proved && !s.provedLately(who.proved) {
		return principal{userID: c.Subject}, refuse(kindNotProved)
	}
	return who, nil
}

// provedLately says whether a proof is recent enough. In the future there was none.
func (s *Server) provedLately(at time.Time) bool {
	now := s.cfg.Now()
	return !at.IsZero() && now.Sub(at) <= s.cfg.StepUp && !model.FromFuture(at, now)
}

// holderOf says whose a token is that is not good here or not any more. This server has signed it.
func holderOf(c claims) principal {
	if !model.IsID(c.Subject) {
		return principal{}
	}
	return principal{userID: c.Subject}
}

// sessionOf reads the session a token names. The row decides, not the token: it goes when the person signs out, when
// the account goes, and when the key that opened the session is turned off.
func (s *Server) sessionOf(ctx context.Context, c claims) (model.Session, error) {
	row, err := s.accounts.Session(ctx, c.session())
	now := s.cfg.Now()
	switch {
	case err != nil:
		return model.Session{}, err
	case row.UserID != c.Subject:
		return model.Session{}, refuse(kindBadToken).because(errors.New("token and session row name different users"))
	case s.accounts.Ended(row.ExpiresAt):
		return model.Session{}, s.unlessDoubtful(refuse(kindExpiredToken), c, row.ExpiresAt)
	case c.fromFuture(now) && c.Issued != row.CreatedAt.Unix() && c.Issued != issued(row).Unix():
		return model.Session{}, refuse(kindExpiredToken).because(errors.New("token from the future, but its session is not"))
	}
	return row, nil
}

// unlessDoubtful has a program come back that would be told that its session has ended, when it may be the clock that is wrong: SDKs
// throw a session away on any 401, and some have nothing else. Access tokens are renewed anyway.
func (s *Server) unlessDoubtful(err error, c claims, end time.Time) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || f.kind != kindExpiredToken || c.Type != refreshToken || !s.accounts.Doubts(end) {
		return err
	}
	doubtful := refuse(kindDoubtfulClock)
	doubtful.wait = time.Minute
	return doubtful
}

func principalOf(row model.Session) principal {
	return principal{row.UserID, row.ID, row.DeviceID, identity{row.IdentityID, row.Provider}, row.LastSeenAt, row.CustomData, row.ExpiresAt, row.ProvedAt}
}

// bearer takes the token out of the Authorization header. The texts are those of App Services; SDK tests compare the second.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", refuse(kindNoToken)
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", refuse(kindNoBearer)
	}
	return token, nil
}
