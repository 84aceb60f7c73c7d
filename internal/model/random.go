package model

import "crypto/rand"

// RandomBytes returns so many bytes that nobody can guess. It never fails: crypto/rand ends the program when the system has no randomness.
func RandomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
