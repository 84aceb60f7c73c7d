package onboard_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
)

func hash(code model.Secret) [32]byte { return sha256.Sum256([]byte(code.Reveal())) }

// BenchmarkPollPending is what every device that waits asks every five seconds.
func BenchmarkPollPending(b *testing.B) {
	s := newBench(b)
	started := s.start(b)
	s.wantPoll(b, started.DeviceCode, onboard.ErrPending)
	b.ReportAllocs()
	for b.Loop() {
		_, err := s.Poll(b.Context(), app, started.DeviceCode)
		if !errors.Is(err, onboard.ErrPending) && !errors.Is(err, onboard.ErrSlowDown) {
			b.Fatal(err)
		}
	}
}

// BenchmarkPollDelivering is a delivery, the opening of what was sealed included.
func BenchmarkPollDelivering(b *testing.B) {
	s := newBench(b)
	started, _ := s.approved(b)
	b.ReportAllocs()
	for b.Loop() {
		if s.clock.Now().Sub(base) > 50*time.Second {
			b.StopTimer()
			s = newBench(b)
			started, _ = s.approved(b)
			b.StartTimer()
		}
		if _, err := s.Poll(b.Context(), app, started.DeviceCode); err != nil {
			b.Fatal(err)
		}
		s.clock.Advance(4 * time.Second)
	}
}
