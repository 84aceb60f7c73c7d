package accounts

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"latchkey/internal/model"
)

const (
	// leastDifferent and mostRepeated are what hardly any random value fails: less than one in a million does.
	leastDifferent = 25
	mostRepeated   = 12

	// longestBlock is how long a part of a value may be that the whole value repeats.
	longestBlock = 32
)

// adoptable says why no key can have a value that was created elsewhere, nil when one can. A value that somebody made up, or that is
// printed in documentation, is known to more than the device.
func adoptable(value string) error {
	switch {
	case len(value) != valueLength:
		return badValue(fmt.Sprintf("a value has %d letters and digits; this has %d", valueLength, len([]rune(value))))
	case !isValue(value):
		return badValue("a value has letters from A to Z and digits alone")
	case published[sha256.Sum256([]byte(value))]:
		return badValue("this value is printed in public documentation: anybody could use it")
	case !looksRandom(value):
		return badValue("this does not look like a value that was created at random")
	}
	return nil
}

func badValue(reason string) error { return &model.Error{Kind: model.KindBadValue, Reason: reason} }

// looksRandom says whether a value has the shape that chance would give it.
func looksRandom(value string) bool {
	different := 0
	for _, c := range valueAlphabet {
		switch n := strings.Count(value, string(c)); {
		case n > mostRepeated:
			return false
		case n > 0:
			different++
		}
	}
	if different < leastDifferent {
		return false
	}
	for block := 1; block <= longestBlock; block++ {
		if value[block:] == value[:len(value)-block] {
			return false
		}
	}
	return true
}

// published are the SHA-256 of values that are printed in public documentation.
var published = map[[sha256.Size]byte]bool{}
