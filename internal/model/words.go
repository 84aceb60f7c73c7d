package model

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strconv"
	"strings"
)

// wordList is for life: words that somebody has written on a device must not become others. A test holds its digest.
//
//go:embed words.txt
var wordList string

var words = strings.Fields(wordList)

// wordsFrom is how many hexadecimal digits of a fingerprint the words are made of: ten bits for each word, and two bytes as they are, so
// that they can be found in the fingerprint.
const wordsFrom = 10

// Words are a fingerprint that can be said aloud, such as amber-falcon-17f3. They tell the keys of a person apart and prove nothing. Those
// of a fingerprint that is not known are the zero Words.
type Words struct{ First, Second, Digits string }

// String joins the words as they are written everywhere; it is "" for none.
func (w Words) String() string {
	if w == (Words{}) {
		return ""
	}
	return w.First + "-" + w.Second + "-" + w.Digits
}

// Beside puts the words behind the name of the key: "garage-pi (amber-falcon-17f3)".
func (w Words) Beside(name string) string {
	if w == (Words{}) {
		return name
	}
	return name + " (" + w.String() + ")"
}

// FingerprintOf is the first 16 hexadecimal digits of the value's SHA-256.
func FingerprintOf(value Secret) string {
	return FingerprintOfHash(sha256.Sum256([]byte(value.Reveal())))
}

// FingerprintOfHash is that of a value whose SHA-256 is at hand.
func FingerprintOfHash(hash [sha256.Size]byte) string { return hex.EncodeToString(hash[:8]) }

// WordsOf gives the words of a fingerprint. It allocates nothing: a page has twenty.
func WordsOf(fingerprint string) Words {
	if len(fingerprint) < wordsFrom {
		return Words{}
	}
	bits, err := strconv.ParseUint(fingerprint[:wordsFrom], 16, 64)
	if err != nil {
		return Words{}
	}
	return Words{words[bits>>30], words[bits>>20&0x3ff], fingerprint[wordsFrom-4 : wordsFrom]}
}

// Words are those of the key's value, as far as its fingerprint is known.
func (u KeyUsage) Words() Words { return WordsOf(u.Fingerprint) }
