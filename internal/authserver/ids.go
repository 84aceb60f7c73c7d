package authserver

import (
	"crypto/sha256"
	"encoding/hex"

	"latchkey/internal/model"
)

// appIDs are the ids that App Services kept for an app and its sign-in providers. Ours follow from the client app id, so they
// are the same after a restart, on every node and in a restored backup.
type appIDs struct {
	domain    string
	passwords string
	keys      string
	anonymous string
	custom    string
	google    string
	apple     string
}

func idsOf(appID string) appIDs {
	return appIDs{
		domain:    derivedID(appID, "domain"),
		passwords: derivedID(appID, model.ProviderEmailPassword),
		keys:      derivedID(appID, model.ProviderAPIKey),
		anonymous: derivedID(appID, model.ProviderAnonymous),
		custom:    derivedID(appID, model.ProviderCustomToken),
		google:    derivedID(appID, model.ProviderGoogle),
		apple:     derivedID(appID, model.ProviderApple),
	}
}

// provider is the id of a provider by its name on the wire.
func (a appIDs) provider(name string) string {
	switch name {
	case model.ProviderEmailPassword:
		return a.passwords
	case model.ProviderAPIKey:
		return a.keys
	case model.ProviderCustomToken:
		return a.custom
	case model.ProviderGoogle:
		return a.google
	case model.ProviderApple:
		return a.apple
	default:
		return a.anonymous
	}
}

func derivedID(appID, of string) string {
	sum := sha256.Sum256([]byte(of + "\x00" + appID))
	return hex.EncodeToString(sum[:12])
}
