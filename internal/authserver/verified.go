package authserver

import (
	"crypto/sha256"
	"sync"

	"latchkey/internal/limits"
)

// verifiedTokens is how many tokens each half of the memory holds: a megabyte in all.
const verifiedTokens = 2048

// verified remembers the claims of tokens whose signature was found good, by the SHA-256 of the whole token, since a client that is
// there now comes again in a moment: a page elsewhere asks for keys and usage. It says nothing about whether a token may be used: its type, app,
// and time, and the row of its session, are looked at with each call.
type verified struct {
	mu     sync.Mutex
	tokens limits.Lately[[32]byte, claims]
}

func newVerified() *verified {
	return &verified{tokens: limits.Lately[[32]byte, claims]{Most: verifiedTokens}}
}

// open gives the claims of a token, which verify finds out for one that is not known.
func (v *verified) open(raw string, verify func(string) (claims, error)) (claims, error) {
	sum := sha256.Sum256([]byte(raw))
	if c, known := v.find(sum); known {
		return c, nil
	}
	c, err := verify(raw)
	if err == nil {
		v.keep(sum, c)
	}
	return c, err
}

func (v *verified) find(sum [32]byte) (claims, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tokens.Find(sum)
}

func (v *verified) keep(sum [32]byte, c claims) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens.Add(sum, c)
}
