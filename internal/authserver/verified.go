package authserver

import (
	"crypto/sha256"
	"sync"
)

// verifiedTokens is how many tokens each half of the memory holds: a megabyte in all.
const verifiedTokens = 2048

// verified remembers the claims of tokens whose signature was found good, by the SHA-256 of the whole token, since a client that is
// there now comes again in a moment: a page elsewhere asks for keys and usage. It says nothing about whether a token may be used: its type, app,
// and time, and the row of its session, are looked at with each call.
type verified struct {
	mu sync.Mutex
	// recent fills up and then becomes older, which is forgotten: what is used stays, and the whole is bounded.
	recent, older map[[32]byte]claims
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
	if c, known := v.recent[sum]; known {
		return c, true
	}
	c, known := v.older[sum]
	if known {
		v.add(sum, c)
	}
	return c, known
}

func (v *verified) keep(sum [32]byte, c claims) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.add(sum, c)
}

// add makes room first. The caller holds the lock.
func (v *verified) add(sum [32]byte, c claims) {
	if v.recent == nil || len(v.recent) >= verifiedTokens {
		v.recent, v.older = make(map[[32]byte]claims), v.recent
	}
	v.recent[sum] = c
}
