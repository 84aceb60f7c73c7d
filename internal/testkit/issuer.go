package testkit

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// signingKeys are two RSA keys, which take a while to find.
var signingKeys = sync.OnceValues(func() ([2]*rsa.PrivateKey, error) {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// Issuer signs tokens for people whom it has authenticated, and publishes the keys for it, as Google, Apple and many others do.
type Issuer struct {
	URL string // of the keys

	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc] // in place of the keys
	at     atomic.Int64                     // how often the key was changed
}

// NewIssuer serves an issuer until the test ends.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		if other := i.answer.Load(); other != nil {
			(*other)(w, r)
			return
		}
		_, _ = w.Write(i.KeySet(t))
	}))
	t.Cleanup(server.Close)
	i.URL = server.URL + "/jwks.json"
	return i
}

// Asked is how often the keys were asked for.
func (i *Issuer) Asked() int { return int(i.asked.Load()) }

// AnswerBy has something else than the keys answered, until it is nil.
func (i *Issuer) AnswerBy(handler http.HandlerFunc) {
	if handler == nil {
		i.answer.Store(nil)
		return
	}
	i.answer.Store(&handler)
}

// Rotate puts another key in place of the one that signs.
func (i *Issuer) Rotate() { i.at.Add(1) }

// KeyID names the key that signs.
func (i *Issuer) KeyID() string { return "key-" + strconv.FormatInt(i.at.Load(), 10) }

// Key is the key that signs.
func (i *Issuer) Key(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	keys, err := signingKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys[i.at.Load()%2]
}

// KeySet is what is published.
func (i *Issuer) KeySet(t testing.TB) []byte {
	t.Helper()
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: i.Key(t).Public(), KeyID: i.KeyID(), Algorithm: string(jose.RS256), Use: "sig"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Token is a token that says this.
func (i *Issuer) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	return SignToken(t, jose.RS256, i.Key(t), i.KeyID(), claims)
}

// Claims are those of a token that somebody may sign in with for the next hour; others are put over them.
func Claims(now time.Time, subject, audience string, others map[string]any) map[string]any {
	claims := map[string]any{"sub": subject, "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for name, value := range others {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// SignToken signs claims with any key. An empty kid is none.
func SignToken(t testing.TB, by jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: by, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
