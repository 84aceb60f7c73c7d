package accounts

import (
	"crypto/sha256"
	"encoding/hex"
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
		return badValue("this value is printed in public documentation, so anybody could use it: create a new key")
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

// published are the SHA-256 of values that are printed in public documentation: that of App Services on signing in with a key over HTTP, that
// of its Data API, and the tests of Realm Core (test/object-store/util/unit_test_transport.cpp).
var published = map[[sha256.Size]byte]bool{
	sum("37924280ff963257c3ff07aa63883f1e798bec96ba8b1a8f6c64ae9c00c9fed8"): true, // hScMWZ…
	sum("a97bbd6e0381af70c0902c3f7740fda22412ab10b8294f5d2f834c8d8941b716"): true, // TpqAKQ…
	sum("55d56cf5f3f7faa3080fca1c9fb4f3103e9d4c78a60e6ee5b510aa48fbdfea04"): true, // lVRPQV…
}

func sum(digits string) (s [sha256.Size]byte) {
	if n, err := hex.Decode(s[:], []byte(digits)); err != nil || n != len(s) {
		panic("accounts: not a SHA-256: " + digits)
	}
	return s
}
