package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"latchkey/internal/model"
)

const (
	keySetPath = "/.well-known/jwks.json"
	// discoveryPath is where receivers of tokens look up an issuer (OpenID Connect Discovery 1.0, section 4).
	discoveryPath = "/.well-known/openid-configuration"
	// exchangePath is answered by the dashboard, as all that is OAuth.
	exchangePath  = "/oauth/token"
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// serviceClaims are those of a token for another service. There is no typ among them, without which no token opens anything here.
type serviceClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
	KeyID    string `json:"latchkey_key,omitempty"`
}

// Exchange gives the holder of an access token of this server a token for another service, which the operator has named (RFC 8693). The
// session's row decides, as it does about a refresh token: when the key that opened it is turned off or the person signs out, there are
// no more. Every refusal is a *model.Error: KindSessionOver, with a reason, for a token that is not good here; KindNotFound for an
// audience that nobody has named; KindTooManyActs for a session that asks in a loop.
func (s *Server) Exchange(ctx context.Context, subject model.Secret, audience string) (model.ServiceToken, error) {
	opened, err := s.tokens.open(subject.Reveal())
	if err != nil {
		return model.ServiceToken{}, notExchanged("this is not an access token of this server", "", err)
	}
	c, err := opened.judge(accessToken, s.ids.domain, s.cfg.Now())
	if err != nil {
		return model.ServiceToken{}, notExchangedAs(err, opened)
	}
	if err := s.accounts.Exchanging(c.Subject, c.session()); err != nil {
		return model.ServiceToken{}, err
	}
	row, err := s.sessionOf(ctx, c)
	if err != nil {
		return model.ServiceToken{}, notExchangedAs(err, c)
	}
	named := slices.IndexFunc(s.cfg.Audiences, func(a model.Audience) bool { return a.Name == audience })
	if named < 0 {
		return model.ServiceToken{}, &model.Error{Kind: model.KindNotFound, UserID: c.Subject, Err: errors.New("unknown audience")}
	}
	return s.serviceToken(row, s.cfg.Audiences[named])
}

// serviceToken is good for no longer than its session.
func (s *Server) serviceToken(row model.Session, to model.Audience) (model.ServiceToken, error) {
	now := s.cfg.Now()
	end := now.Add(to.Lifetime)
	if row.ExpiresAt.Before(end) {
		end = row.ExpiresAt
	}
	payload, err := json.Marshal(serviceClaims{
		Issuer: s.cfg.PublicURL, Subject: row.UserID, Audience: to.Audience, Issued: now.Unix(), Expires: end.Unix(),
		ID: model.NewID(now), KeyID: row.KeyID,
	})
	if err != nil {
		return model.ServiceToken{}, fmt.Errorf("encode claims: %w", err)
	}
	if to.Claims != "" {
		payload = append(append(payload[:len(payload)-1], ","+to.Claims...), '}')
	}
	token, err := s.tokens.access.token(payload)
	if err != nil {
		return model.ServiceToken{}, fmt.Errorf("sign a token for another service: %w", err)
	}
	return model.ServiceToken{Value: model.Secret(token), Lifetime: time.Duration(end.Unix()-now.Unix()) * time.Second}, nil
}

// notExchanged says of a token why it buys no other.
func notExchanged(reason, userID string, cause error) *model.Error {
	return &model.Error{Kind: model.KindSessionOver, Doing: "exchange a token", Reason: reason, UserID: userID, Err: cause}
}

// notExchangedAs says it of a refusal of the client API. Whatever is no refusal of the token is passed on.
func notExchangedAs(err error, c claims) error {
	f, ok := errors.AsType[*failure](err)
	known := holderOf(c).userID
	switch {
	case model.Is(err, model.KindSessionOver):
		return notExchanged("the session of this token has ended", known, err)
	case !ok:
		return err
	case f.kind == kindNotAccessToken:
		return notExchanged("this is a refresh token: send the access token", known, err)
	case f.kind == kindExpiredToken:
		return notExchanged("this access token has expired", known, err)
	default:
		return notExchanged("this is not an access token of this server", known, err)
	}
}

// discovery describes the issuer of tokens for other services, for the services that verify them. It is found at every address by which this
// server is reached, and names the one issuer that stands in the tokens: a receiver that was given another address as the issuer's
// learns it while it is set up, and not by refusing every token. There is no endpoint in it that is not here: nobody is sent to this
// server to sign in to another.
func (s *Server) discovery(r *http.Request, _ principal) (answer, error) {
	if len(s.cfg.Audiences) == 0 {
		return answer{}, refuse(kindNotFound)
	}
	at := s.cfg.DeviceURL(r)
	return answer{status: http.StatusOK, public: true, body: discoveryAnswer{
		Issuer:        s.cfg.PublicURL,
		PublicKeys:    at + keySetPath,
		Exchange:      at + exchangePath,
		GrantTypes:    []string{exchangeGrant},
		ResponseTypes: []string{},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{"ES256"},
		ClientAuth:    []string{"none"},
	}}, nil
}

type discoveryAnswer struct {
	Issuer        string   `json:"issuer"`
	PublicKeys    string   `json:"jwks_uri"`
	Exchange      string   `json:"token_endpoint"`
	GrantTypes    []string `json:"grant_types_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	ClientAuth    []string `json:"token_endpoint_auth_methods_supported"`
}
