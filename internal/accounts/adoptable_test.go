package accounts

import (
	"strings"
	"testing"

	"latchkey/internal/model"
)

func TestAValueThatIsNotRandomIsNotAdopted(t *testing.T) {
	const some = "q7Hc2LwXz9RkT4vBn8YdJ3mPf6sGa1ZeU5oWhCxKiQtVrNbEyMuDgFjSlApO0I2k"
	for range 1000 {
		if err := adoptable(newValue()); err != nil {
			t.Fatalf("a value from here: %v", err)
		}
	}
	for name, value := range map[string]string{
		"empty":                "",
		"a character short":    some[1:],
		"a character too many": some + "x",
		"a line within":        some[:63] + "\n",
		"a letter of another":  some[:62] + "ä",
		"one letter":           strings.Repeat("a", 64),
		"a short word":         strings.Repeat("secret12", 8),
		"half twice":           some[:32] + some[:32],
		"a block not in step":  strings.Repeat(some[:31], 3)[:64],
		"few letters":          strings.Repeat("abcdefghijklmnopqrstuvwx", 3)[:64],
		"one letter too often": some[:51] + strings.Repeat("q", 13),
	} {
		if err := adoptable(value); !model.Is(err, model.KindBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, printed := range [][2]string{ // in halves, so that nobody finds them here
		{"hScMWZyOKnjQMbfDPMJ1qHgtdGT2raQX", "dVDDvlC2SzKEBKlHKV8FK9SPCSTnODPg"},
		{"TpqAKQgvhZE4r6AOzpVydJ9a3tB1BLMr", "gDzLlBLbihKNDzSJWTAHMVbsMoIOpnM6"},
		{"lVRPQVYBJSIbGos2ZZn0mGaIq1SIOsGa", "Z5lrcp8bxlR5jg4OGuGwQq1GkektNQ3i"},
	} {
		if err := adoptable(printed[0] + printed[1]); !model.Is(err, model.KindBadValue) || !strings.Contains(err.Error(), "public documentation") {
			t.Errorf("%s…: %v", printed[0][:6], err)
		}
	}
	if err := adoptable(some); err != nil {
		t.Errorf("a value from elsewhere: %v", err)
	}
}
