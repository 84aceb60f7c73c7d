package accounts

import (
	"strconv"
	"testing"
	"time"
)

func BenchmarkTakeATryOfAPassword(b *testing.B) {
	l, c := newTestLimits()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Advance(time.Minute / 500)
		succeeded, wait := l.try(Attempt{Account: strconv.Itoa(i & 1023), Address: "192.0.2.1"})
		if wait > 0 {
			b.Fatal(wait)
		}
		succeeded()
	}
}

func BenchmarkTakeAnEmail(b *testing.B) {
	_, c := newTestLimits()
	l := newEmailLimits(c.Now, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Advance(emailStretch)
		if wait := l.ask(strconv.Itoa(i&1023), "192.0.2.1"); wait > 0 {
			b.Fatal(wait)
		}
	}
}
