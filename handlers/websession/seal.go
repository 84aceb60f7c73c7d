package websession

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
)

// errSealed says that a web session's contents were not sealed by any of our keys, or were altered since.
var errSealed = errors.New("sealed under no key of ours")

const sealKeyIDLength = 4

// keyRing seals what a web session holds with AES-256-GCM, bound to the session's row. The first key seals, any opens, so that a new
// key can be put in front without signing anybody out.
type keyRing struct{ keys []sealKey }

type sealKey struct {
	id   [sealKeyIDLength]byte
	aead cipher.AEAD
}

func newKeyRing(secrets [][]byte) *keyRing {
	if len(secrets) == 0 {
		panic("websession: no session key")
	}
	ring := &keyRing{}
	for _, secret := range secrets {
		if len(secret) != 32 {
			panic(fmt.Sprintf("websession: a session key has %d bytes, not 32", len(secret)))
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			panic(err) // the length is right
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(append([]byte("latchkey seal key id\x00"), secret...))
		ring.keys = append(ring.keys, sealKey{id: [sealKeyIDLength]byte(sum[:sealKeyIDLength]), aead: aead})
	}
	return ring
}

// seal binds the plain text to row, so that one session's contents cannot be moved to another.
func (r *keyRing) seal(plain, row []byte) []byte {
	key := r.keys[0]
	return key.aead.Seal(key.id[:], nil, plain, append(key.id[:], row...)) //nolint:gosec // this AEAD makes its own nonce
}

// open reverses seal. old says that a newer key exists.
func (r *keyRing) open(sealed, row []byte) (plain []byte, old bool, err error) {
	if len(sealed) < sealKeyIDLength {
		return nil, false, errSealed
	}
	id := [sealKeyIDLength]byte(sealed[:sealKeyIDLength])
	for i, key := range r.keys {
		if key.id != id {
			continue
		}
		plain, err := key.aead.Open(nil, nil, sealed[sealKeyIDLength:], append(id[:], row...))
		if err != nil {
			return nil, false, errSealed
		}
		return plain, i > 0, nil
	}
	return nil, false, errSealed
}
