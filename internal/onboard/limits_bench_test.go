package onboard

import (
	"strconv"
	"testing"
)

func BenchmarkTakeATryOfACode(b *testing.B) {
	l := newLimits(newClock().Now, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		takeBack, err := l.tryCode(b.Context(), strconv.Itoa(i&1023), "192.0.2.1")
		if err != nil {
			b.Fatal(err)
		}
		takeBack()
	}
}
