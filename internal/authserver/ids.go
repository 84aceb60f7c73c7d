package authserver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"latchkey/internal/model"
)

// noDevice is the device id of a log-in that said nothing about its device.
const noDevice = "000000000000000000000000"

// appIDs are the ids that App Services kept for an app and its log-in providers. Ours follow from the client app id, so they
// are the same after a restart, on every node and in a restored backup.
type appIDs struct {
	domain    string
	passwords string
	keys      string
	anonymous string
}

func idsOf(appID string) appIDs {
	return appIDs{
		domain:    derivedID(appID, "domain"),
		passwords: derivedID(appID, model.ProviderEmailPassword),
		keys:      derivedID(appID, model.ProviderAPIKey),
		anonymous: derivedID(appID, model.ProviderAnonymous),
	}
}

// provider is the id of a provider by its name on the wire.
func (a appIDs) provider(name string) string {
	switch name {
	case model.ProviderEmailPassword:
		return a.passwords
	case model.ProviderAPIKey:
		return a.keys
	default:
		return a.anonymous
	}
}

func derivedID(appID, of string) string {
	sum := sha256.Sum256([]byte(of + "\x00" + appID))
	return hex.EncodeToString(sum[:12])
}

// anonymousID gives an anonymous identity the id shape of App Services: an ordinary id, a hyphen, 24 lower-case letters.
func anonymousID(id string) string {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails: the program ends first
	for i, b := range random {
		random[i] = 'a' + b%26 // a little uneven, which does not matter: this is a name, not a secret
	}
	return id + "-" + string(random[:])
}
