package model

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What is written on devices, in emails and in files must stay what it is. Not parallel: it counts allocations.
func TestTheWordsOfAValueAreTheSameForLife(t *testing.T) {
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(wordList))); got != "cb7002b17db9e58477c1e10873f852bf90c74e5bad956132c0fd386a620c2c26" {
		t.Errorf("the list of words has changed: its SHA-256 is %s", got)
	}
	for value, want := range map[Secret]string{
		"1yJ0oPzK5sV3dQbXwT8uHnRgLcAfMe7iZ2kB9xCvN4tYpWqGjDhSrEaUmOlF6yIz": "nectar-robin-4714",
		Secret(strings.Repeat("a", 64)):                                    "zucchini-linnet-fe7a",
	} {
		fingerprint := FingerprintOf(value)
		got := WordsOf(fingerprint)
		if got.String() != want || !strings.Contains(fingerprint, got.Digits) {
			t.Errorf("%s is %s, want %s", fingerprint, got, want)
		}
		if allocs := testing.AllocsPerRun(10, func() { _ = WordsOf(fingerprint) }); allocs > 0 {
			t.Errorf("they take %v allocations", allocs)
		}
	}
	if got := WordsOf("ffffffffff"); got.Beside("garage-pi") != "garage-pi ("+words[1023]+"-"+words[1023]+"-ffff)" {
		t.Errorf("the last words are %s", got)
	}
}

func TestAFingerprintThatIsNotKnownHasNoWords(t *testing.T) {
	t.Parallel()
	for _, fingerprint := range []string{"", "0123", "01234567é9", "-123456789abcdef", "012345678g"} {
		if got := WordsOf(fingerprint); got != (Words{}) || got.String() != "" || got.Beside("garage-pi") != "garage-pi" {
			t.Errorf("%q is %s", fingerprint, got)
		}
	}
}

func TestTheListOfWordsTellsThemApart(t *testing.T) {
	t.Parallel()
	if len(words) != 1024 || !slices.IsSorted(words) || wordList != strings.Join(words, "\n")+"\n" {
		t.Errorf("%d words, in order: %v", len(words), slices.IsSorted(words))
	}
	for i, word := range words {
		if len(word) < 4 || len(word) > 8 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" || strings.Trim(word, "abcdef") == "" {
			t.Errorf("%q has other letters than words have, or too few or many, or reads as digits", word)
		}
		for _, other := range words[:i] {
			if withinOneLetter(word, other) {
				t.Errorf("%s and %s are alike", other, word)
			}
		}
	}
}

// withinOneLetter says whether one letter more, less or another, or two that change places, makes one of the other.
func withinOneLetter(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a)+len(b) < 2 || len(a) == 1 && len(b) == 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}
