package onboard

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"latchkey/internal/model"
)

// Between approval and pick-up the key's value is kept sealed to a key pair (HPKE, RFC 9180) that follows from the device code.
// The code itself is not kept, only its hash: so who reads the database, or all of the server's memory between two calls, can
// seal for the device and cannot open.

// errSealed says that a sealed value was not made for this device code and grant, or was altered since.
var errSealed = errors.New("not sealed for this device code and grant")

const (
	deviceCodeBytes  = 32
	deviceCodeLength = (deviceCodeBytes*8 + 5) / 6 // as base64 without padding
	// sealingLabel keeps the key pair apart from anything else that is made of a device code, its stored hash above all.
	sealingLabel = "latchkey: key pair of a device code, 1"
)

func newDeviceCode() model.Secret {
	var random [deviceCodeBytes]byte
	_, _ = rand.Read(random[:])
	return model.Secret(base64.RawURLEncoding.EncodeToString(random[:]))
}

func hashDeviceCode(code model.Secret) [32]byte { return sha256.Sum256([]byte(code.Reveal())) }

// keyPair follows from the device code alone.
func keyPair(code model.Secret) (hpke.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, []byte(code.Reveal()), nil, sealingLabel, 32)
	if err != nil {
		return nil, err
	}
	return kem().DeriveKeyPair(seed)
}

// sealedKey is the plain text. The name and the id are in it too, so that a device learns of one key and no mixture.
type sealedKey struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// seal makes what only the device that asked for g can have opened.
func seal(g model.DeviceGrant, key Key) ([]byte, error) {
	public, err := kem().NewPublicKey(g.SealingKey)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	plain, err := json.Marshal(sealedKey{ID: key.ID, Name: key.Name, Value: key.Value.Reveal()})
	if err != nil {
		return nil, err
	}
	return hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(g), plain)
}

// open reverses seal.
func open(g model.DeviceGrant, code model.Secret) (Key, error) {
	private, err := keyPair(code)
	if err != nil {
		return Key{}, err
	}
	plain, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), sealInfo(g), g.Sealed)
	if err != nil {
		return Key{}, errSealed
	}
	var key sealedKey
	if err := json.Unmarshal(plain, &key); err != nil {
		return Key{}, errSealed // and not err, which may quote
	}
	return Key{ID: key.ID, Name: key.Name, Value: model.Secret(key.Value)}, nil
}

// sealInfo binds what is sealed to its grant and client. Quoting keeps the two apart whatever they are.
func sealInfo(g model.DeviceGrant) []byte {
	return fmt.Appendf(nil, "latchkey: sealed key, 1 %q %q", g.ID, g.ClientID)
}

func kem() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }
