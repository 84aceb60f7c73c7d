package onboard

import (
	"crypto/rand"
	"strings"
	"unicode"
)

// codeLetters are RFC 8628's twenty letters: no vowels, so that no words come out, and no digits that look like letters.
const (
	codeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	codeLength  = 8
)

// newUserCode returns eight letters, each as likely as any other.
func newUserCode() string {
	const fair = 256 - 256%len(codeLetters) // bytes from here on would make the first letters likelier
	code := make([]byte, 0, codeLength)
	var random [2 * codeLength]byte
	for {
		_, _ = rand.Read(random[:]) // never fails: it ends the program when the system has no randomness
		for _, b := range random {
			if int(b) >= fair {
				continue
			}
			if code = append(code, codeLetters[int(b)%len(codeLetters)]); len(code) == codeLength {
				return string(code)
			}
		}
	}
}

// NormalizeCode reads a user code as a person types or pastes it: in any case and width, with dashes and spaces of any kind anywhere,
// and with the quotation marks, brackets and the full stop of the sentence that it stood in.
// It says no to everything else, so that what cannot be a code is not counted as a wrong one.
func NormalizeCode(text string) (string, bool) {
	code := make([]byte, 0, codeLength)
	for _, r := range strings.TrimFunc(text, aroundIt) {
		if ignorable(r) {
			continue
		}
		const wide = 'Ａ' - 'A' // how far letters that are as wide as Chinese signs are from ours
		if 'Ａ' <= r && r <= 'Ｚ' || 'ａ' <= r && r <= 'ｚ' {
			r -= wide
		}
		if 'a' <= r && r <= 'z' { // not by package unicode: it takes letters of other alphabets for ours
			r -= 'a' - 'A'
		}
		letter := strings.IndexRune(codeLetters, r)
		if letter < 0 || len(code) == codeLength {
			return "", false
		}
		code = append(code, codeLetters[letter])
	}
	return string(code), len(code) == codeLength
}

// aroundIt says whether r is of the sentence that a code stood in, or nothing.
func aroundIt(r rune) bool { return unicode.IsPunct(r) || ignorable(r) }

// ignorable says whether r is a dash, a space, or a mark that nobody sees, which comes along when a text is copied.
func ignorable(r rune) bool {
	return strings.ContainsRune(takenForDashes, r) || unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf)
}

// takenForDashes are what people type or paste for a dash that Unicode does not call one: two minus signs, a bullet, lines that boxes
// are drawn with, and the long vowels that the key beside the zero types on a Japanese and a Korean keyboard.
const takenForDashes = "\u2212\u02d7\u2043\u2500\u2501\u30fc\uff70\u3161"

// ShowCode writes a user code as it is shown: WDJB-MJHT.
func ShowCode(code string) string {
	if len(code) != codeLength {
		return code
	}
	return code[:codeLength/2] + "-" + code[codeLength/2:]
}
