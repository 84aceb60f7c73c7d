package accounts

import (
	"math"
	"strings"
	"testing"
)

func TestValuesHaveTheShapeOfAppServices(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		v := newValue()
		if !isValue(v) || seen[v] {
			t.Fatalf("value %q", v)
		}
		seen[v] = true
	}
}

// Without rejection the first 8 characters would come 25 % more often, far outside what chance does to 640,000 characters.
func TestEveryCharacterOfAValueIsEquallyLikely(t *testing.T) {
	const values = 10_000
	counts := map[rune]int{}
	for range values {
		for _, c := range newValue() {
			counts[c]++
		}
	}
	if len(counts) != len(valueAlphabet) {
		t.Fatalf("%d different characters", len(counts))
	}
	mean := float64(values*valueLength) / float64(len(valueAlphabet))
	for c, n := range counts {
		if sigmas := math.Abs(float64(n)-mean) / math.Sqrt(mean); sigmas > 6 {
			t.Errorf("%c comes %d times, %.1f standard deviations from %.0f", c, n, sigmas, mean)
		}
	}
}

func TestOtherShapesAreNoValues(t *testing.T) {
	good := newValue()
	for _, v := range []string{"", good[:63], good + "a", good[:63] + "-", good[:63] + " ", good[:62] + "é", strings.Repeat("\x00", 64)} {
		if isValue(v) {
			t.Errorf("%q passes for a value", v)
		}
	}
}
