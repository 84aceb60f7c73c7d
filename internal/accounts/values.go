package accounts

import (
	"crypto/rand"
	"crypto/sha256"

	"latchkey/internal/model"
)

const (
	// valueLength and valueAlphabet are the shape App Services gave its keys, so devices that check it accept ours.
	valueLength   = model.ValueLength
	valueAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// newValue creates a key's value: 64 characters, each of the 62 equally likely.
func newValue() string {
	// Bytes from the last, incomplete run of the alphabet are thrown away: keeping them would favour its first characters.
	const fair = 256 - 256%len(valueAlphabet)
	value := make([]byte, 0, valueLength)
	var random [valueLength + 16]byte
	for {
		_, _ = rand.Read(random[:]) // never fails: the program ends first
		for _, b := range random {
			if int(b) >= fair {
				continue
			}
			value = append(value, valueAlphabet[int(b)%len(valueAlphabet)])
			if len(value) == valueLength {
				return string(value)
			}
		}
	}
}

// isValue reports whether s has the shape of a value. The shape is public, so refusing others early tells nobody anything.
func isValue(s string) bool {
	if len(s) != valueLength {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// hashValue is what the store keeps and looks up. A fast hash is enough: a value holds 381 random bits, and looking up by hash
// leaves no comparison whose time depends on the secret.
func hashValue(value string) [sha256.Size]byte { return sha256.Sum256([]byte(value)) }
