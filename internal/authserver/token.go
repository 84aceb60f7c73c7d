package authserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

const (
	accessLifetime  = accounts.AccessLifetime
	refreshLifetime = accounts.SessionLifetime

	// maxToken bounds what is handed to the parser; ours are under 1 KB, and under 4 KB with all the custom data that a user can have.
	maxToken = 4 << 10
	// refreshSecretSize is what HS256 can use in full.
	refreshSecretSize = 32
)

// tokenType is the typ claim. A token of one type is never taken for the other.
type tokenType string

const (
	accessToken  tokenType = "access"
	refreshToken tokenType = "refresh"
)

// claims are those of App Services. Realm's core casts exp and iat to integers unchecked, and user_data to an object, so the
// former are integers and the latter is absent where there is none.
type claims struct {
	Type      tokenType     `json:"typ"`
	Subject   string        `json:"sub"`
	Issued    int64         `json:"iat"`
	Expires   int64         `json:"exp"`
	NotBefore int64         `json:"nbf,omitempty"` // in none of this server
	Issuer    string        `json:"iss,omitempty"` // access: the session
	ID        string        `json:"jti,omitempty"` // access: tells apart two of the same second
	DeviceID  string        `json:"baas_device_id"`
	DomainID  string        `json:"baas_domain_id"`
	SessionID string        `json:"baas_id,omitempty"` // refresh: the session
	Identity  identityClaim `json:"baas_identity"`

	// UserData is the claim user_data of an access token, a JSON object or "". It is for apps: nobody reads it here, and so it is not
	// kept with tokens that were verified.
	UserData string `json:"-"`
}

// identityClaim says how the session was opened. App Services has it in refresh tokens alone; here access tokens carry it too,
// so that a call with one can tell a person from a device without reading the session.
type identityClaim struct {
	ID         string `json:"id"`
	Provider   string `json:"provider_type"`
	ProviderID string `json:"provider_id"`
}

// Tokens signs and verifies the tokens of a server.
type Tokens struct {
	access  signer
	refresh signer
	keys    map[string]verificationKey // by kid
	public  json.RawMessage            // the JWK set
	opened  *verified
}

// verificationKey ties a key to the one algorithm and type of token it is for, so that no header can have it used otherwise.
type verificationKey struct {
	algorithm jose.SignatureAlgorithm
	signs     tokenType
	key       any
}

// NewTokens takes the P-256 keys of access tokens and the 32-byte secrets of refresh tokens, newest first: the first of each signs, and
// all verify and are published, so that a new one does not log everybody out.
func NewTokens(access []*ecdsa.PrivateKey, refresh [][]byte) (*Tokens, error) {
	if len(access) == 0 {
		return nil, errors.New("there must be a key for access tokens")
	}
	if len(refresh) == 0 {
		return nil, errors.New("there must be a secret for refresh tokens")
	}
	t := &Tokens{keys: map[string]verificationKey{}, opened: newVerified()}
	if err := t.useAccessKeys(access); err != nil {
		return nil, err
	}
	for i, secret := range refresh {
		if len(secret) != refreshSecretSize {
			return nil, fmt.Errorf("refresh token secret %d has %d bytes, not %d", i+1, len(secret), refreshSecretSize)
		}
		t.keys[RefreshKeyName(secret)] = verificationKey{jose.HS256, refreshToken, secret}
	}
	t.refresh = signer{headerOf(jose.HS256, RefreshKeyName(refresh[0])), func(input []byte) ([]byte, error) {
		mac := hmac.New(sha256.New, refresh[0])
		mac.Write(input)
		return mac.Sum(nil), nil
	}}
	return t, nil
}

func (t *Tokens) useAccessKeys(keys []*ecdsa.PrivateKey) error {
	var set jose.JSONWebKeySet
	for _, key := range keys {
		name, err := AccessKeyName(key)
		if err != nil {
			return err
		}
		if _, twice := t.keys[name]; twice {
			continue
		}
		t.keys[name] = verificationKey{jose.ES256, accessToken, key.Public()}
		jwk := publicHalf(key)
		jwk.KeyID = name
		set.Keys = append(set.Keys, jwk)
	}
	var err error
	if t.public, err = json.Marshal(set); err != nil {
		return fmt.Errorf("encode public keys: %w", err)
	}
	t.access = signer{headerOf(jose.ES256, set.Keys[0].KeyID), func(input []byte) ([]byte, error) { return signES256(keys[0], input) }}
	return nil
}

func publicHalf(key *ecdsa.PrivateKey) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.ES256), Use: "sig"}
}

// AccessKeyName is the kid of a key of access tokens. It is made of the key alone, and so the same wherever that is loaded.
func AccessKeyName(key *ecdsa.PrivateKey) (string, error) {
	if key == nil || key.Curve != elliptic.P256() {
		return "", errors.New("access token key must be on the curve P-256")
	}
	jwk := publicHalf(key)
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint of access token key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(thumbprint), nil
}

// signer writes the compact serialization of RFC 7515 itself. go-jose, which reads every token, would write the same bytes
// (TestTokensAreThoseOfTheLibrary); but it encodes the header, which never changes, twice for each, and that takes as long as half a
// signature.
type signer struct {
	header string // encoded, with the dot after it
	sign   func(input []byte) ([]byte, error)
}

func headerOf(alg jose.SignatureAlgorithm, kid string) string {
	header := `{"alg":"` + string(alg) + `","kid":"` + kid + `","typ":"JWT"}` // neither needs escaping
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "."
}

func (s signer) token(payload []byte) (string, error) {
	const signatureSize = 64 // at most
	token := make([]byte, 0, len(s.header)+base64.RawURLEncoding.EncodedLen(len(payload))+1+base64.RawURLEncoding.EncodedLen(signatureSize))
	token = base64.RawURLEncoding.AppendEncode(append(token, s.header...), payload)
	signature, err := s.sign(token)
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)), nil
}

// signES256 is section 3.4 of RFC 7518: both numbers in full length, one after the other.
func signES256(key *ecdsa.PrivateKey, input []byte) ([]byte, error) {
	sum := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

// RefreshKeyName is the kid of a secret of refresh tokens. It gives nothing away that helps to guess it.
func RefreshKeyName(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("kid"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:12])
}

// sign encodes claims under the key of their type.
func (t *Tokens) sign(c claims) (string, error) {
	by := t.access
	if c.Type == refreshToken {
		by = t.refresh
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	if c.UserData != "" { // as it is kept: encoding/json would write some letters as six
		payload = append(append(append(payload[:len(payload)-1], `,"user_data":`...), c.UserData...), '}')
	}
	token, err := by.token(payload)
	if err != nil {
		return "", fmt.Errorf("sign %s token: %w", c.Type, err)
	}
	return token, nil
}

// judge returns the claims of a token that this server signed when they are for this app, of the type wanted, and have not expired. Of
// one that has it returns them with the error.
func (c claims) judge(want tokenType, domainID string, now time.Time) (claims, error) {
	switch {
	case c.Type != want && want == refreshToken:
		return claims{}, refuse(kindNotRefreshToken)
	case c.Type != want:
		return claims{}, refuse(kindNotAccessToken)
	case c.DomainID != domainID:
		return claims{}, refuse(kindBadToken).because(errors.New("token of another app"))
	case now.Unix() >= c.Expires:
		return c, refuse(kindExpiredToken)
	case !c.timely(now):
		return claims{}, refuse(kindExpiredToken).because(errors.New("token of another time"))
	case !model.IsID(c.Subject) || !model.IsID(c.session()):
		return claims{}, refuse(kindBadToken).because(errors.New("token without user or session"))
	}
	return c, nil
}

// timely says whether a server whose clock is right may have made a token that has not expired. An access token from the future is
// refused, and its session asks for another; of a refresh token, with which that would end, the row of its session decides.
func (c claims) timely(now time.Time) bool {
	life := accessLifetime
	if c.Type == refreshToken {
		life = refreshLifetime
	}
	return c.NotBefore <= now.Unix() &&
		c.Issued > 0 && c.Issued < c.Expires && c.Expires-c.Issued <= int64(life/time.Second) &&
		(c.Type == refreshToken || !c.fromFuture(now))
}

func (c claims) fromFuture(now time.Time) bool { return model.FromFuture(time.Unix(c.Issued, 0), now) }

// open gives the claims of a token that this server signed, whatever they say. Keys are found by kid among our own; jku, jwk
// and x5u in a header are not looked at. Its errors never quote the token.
func (t *Tokens) open(raw string) (claims, error) {
	if len(raw) > maxToken {
		return claims{}, errors.New("token too long")
	}
	return t.opened.open(raw, t.checkSignature)
}

func (t *Tokens) checkSignature(raw string) (claims, error) {
	if strings.ContainsAny(raw, "\r\n") { // base64 decoding would skip them
		return claims{}, errors.New("not a token")
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256, jose.HS256})
	if err != nil {
		return claims{}, errors.New("not a token")
	}
	// The last digit of base64 has bits that decoding ignores. A token has one spelling.
	if plain, err := signed.CompactSerialize(); err != nil || plain != raw {
		return claims{}, errors.New("token differs from what was signed")
	}
	header := signed.Signatures[0].Protected
	key, known := t.keys[header.KeyID]
	if !known || header.Algorithm != string(key.algorithm) {
		return claims{}, errors.New("token names no key of this server")
	}
	payload, err := signed.Verify(key.key)
	if err != nil {
		return claims{}, errors.New("wrong signature")
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil || c.Type != key.signs {
		return claims{}, errors.New("claims of another server")
	}
	return c, nil
}

// session is the id of the session, which each type of token keeps in its own claim.
func (c claims) session() string {
	if c.Type == accessToken {
		return c.Issuer
	}
	return c.SessionID
}

func (s *Server) accessClaims(who principal) claims {
	now := s.cfg.Now()
	end := now.Add(accessLifetime)
	if !who.ends.IsZero() && who.ends.Before(end) { // nobody looks at the session while the token is good
		end = who.ends
	}
	return claims{
		Type:     accessToken,
		Subject:  who.userID,
		Issued:   now.Unix(),
		Expires:  end.Unix(),
		Issuer:   who.sessionID,
		ID:       model.NewID(now),
		DeviceID: who.deviceID,
		DomainID: s.ids.domain,
		Identity: s.claimOf(who.identity),
		UserData: who.customData,
	}
}

// issued is when a session began. One that a clock opened which was ahead has had its end set since, and begins as long before that.
func issued(row model.Session) time.Time { return row.ExpiresAt.Add(-refreshLifetime) }

// refreshClaims are as if no key ever expired: the session ends with its key, as its row says, and goes on when that is put off, for which
// nobody can give the device another token.
func (s *Server) refreshClaims(row model.Session) claims {
	if row.KeyID != "" && !model.FromFuture(row.CreatedAt, s.cfg.Now()) {
		row.ExpiresAt = row.CreatedAt.Add(refreshLifetime)
	}
	return claims{
		Type:      refreshToken,
		Subject:   row.UserID,
		Issued:    issued(row).Unix(),
		Expires:   row.ExpiresAt.Unix(),
		DeviceID:  row.DeviceID,
		DomainID:  s.ids.domain,
		SessionID: row.ID,
		Identity:  s.claimOf(identity{row.IdentityID, row.Provider}),
	}
}

func (s *Server) claimOf(id identity) identityClaim {
	return identityClaim{ID: id.id, Provider: id.provider, ProviderID: s.ids.provider(id.provider)}
}
