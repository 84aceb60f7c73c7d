package websession

import "encoding/base64"

// Sealer seals what a browser keeps for us and must neither read nor change, for one purpose: a cookie of one is nothing to another.
type Sealer struct {
	ring    *keyRing
	purpose []byte
}

// NewSealer derives its keys from the secrets, of which the first seals and any opens.
func NewSealer(secrets [][]byte, purpose string) *Sealer {
	return &Sealer{newKeyRing(Derived(secrets, purpose)), []byte(purpose)}
}

// Seal gives what may be the value of a cookie.
func (s *Sealer) Seal(plain []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.ring.seal(plain, s.purpose))
}

// Open reverses Seal, and says whether it was one.
func (s *Sealer) Open(value string) ([]byte, bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil, false
	}
	plain, _, err := s.ring.open(sealed, s.purpose)
	return plain, err == nil
}
