package websession

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"latchkey/internal/model"
)

const (
	knownLife     = 400 * 24 * time.Hour // the most that browsers keep
	maxKnown      = 3                    // accounts that a browser is known with
	knownNonce    = 16
	knownEntry    = knownNonce + sha256.Size
	knownDivision = "."
)

// KnownBrowsers recognizes a browser that was signed in with an account before, so that whoever guesses that account's password
// from elsewhere does not lock its owner out. A cookie proves it, by a code of ours over the account and a number of the
// browser's own; it opens nothing, and outlives signing out.
type KnownBrowsers struct {
	keys   [][]byte // the first makes codes, any checks them
	cookie string
	base   string // its name without what tells programs of one host apart
	https  bool
}

func NewKnownBrowsers(secrets [][]byte, https bool) *KnownBrowsers {
	k := &KnownBrowsers{cookie: "latchkey-known", https: https}
	if https {
		k.cookie = "__Host-latchkey-known"
	}
	k.keys = Derived(secrets, "latchkey known device")
	return k
}

// Derived are keys of 32 bytes for one purpose, one from each of the secrets and in their order: what is proved by one says nothing of
// another.
func Derived(secrets [][]byte, purpose string) [][]byte {
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, purpose, sha256.Size)
		if err != nil {
			panic(err) // the length is right
		}
		keys[i] = key
	}
	return keys
}

// Distinguish is that of Store.
func (k *KnownBrowsers) Distinguish(instance string) { k.base, k.cookie = k.cookie, k.cookie+instance }

// Name is what the browser is called in the limits of an account's sign-ins, "" when it is not known with it.
func (k *KnownBrowsers) Name(r *http.Request, email string) string {
	for _, entry := range k.entries(r) {
		if k.proves(entry, email) {
			return hex.EncodeToString(entry[:knownNonce])
		}
	}
	return ""
}

// Remember makes the browser known with an account that it has just been signed in with, or given a new password with a link. It keeps the number that it had, or
// somebody could get new tries by signing in again.
func (k *KnownBrowsers) Remember(w http.ResponseWriter, r *http.Request, email string) {
	nonce := model.RandomBytes(knownNonce)
	var others [][]byte
	for _, entry := range k.entries(r) {
		if k.proves(entry, email) {
			nonce = entry[:knownNonce]
		} else {
			others = append(others, entry)
		}
	}
	values := []string{encodeKnown(append(nonce[:knownNonce:knownNonce], code(k.keys[0], nonce, email)...))}
	for _, entry := range others[:min(len(others), maxKnown-1)] {
		values = append(values, encodeKnown(entry))
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure as the public URL allows: on plain http it would not come back
		Name: k.cookie, Value: strings.Join(values, knownDivision), Path: "/", MaxAge: int(knownLife / time.Second),
		HttpOnly: true, Secure: k.https, SameSite: http.SameSiteLaxMode,
	})
}

// entries are what the cookie says, whether or not it is true. What is no entry is left out.
func (k *KnownBrowsers) entries(r *http.Request) [][]byte {
	cookie, err := cookieIn(r, k.cookie, k.base)
	if err != nil || cookie.Quoted { // which no browser does to a value of ours
		return nil
	}
	var entries [][]byte
	for _, value := range strings.SplitN(cookie.Value, knownDivision, maxKnown+1) {
		entry, err := base64.RawURLEncoding.Strict().DecodeString(value)
		if err == nil && len(entry) == knownEntry && len(entries) < maxKnown {
			entries = append(entries, entry)
		}
	}
	return entries
}

func (k *KnownBrowsers) proves(entry []byte, email string) bool {
	for _, key := range k.keys {
		if hmac.Equal(entry[knownNonce:], code(key, entry[:knownNonce], email)) {
			return true
		}
	}
	return false
}

// code binds a browser's number to an account in its exact spelling, spaces around it included: in another one, anybody may make an
// account of their own.
func code(key, nonce []byte, email string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(nonce)
	mac.Write([]byte(email))
	return mac.Sum(nil)
}

func encodeKnown(entry []byte) string { return base64.RawURLEncoding.EncodeToString(entry) }
