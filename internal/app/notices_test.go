package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/accounts"
)

func TestNoticesOfKeysAtAnUpstreamAreCountedByWhoGetsThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	sent := make(chan string, 1000)
	box := newOutbox(func(_ context.Context, m accounts.Mail) error { sent <- m.To; return nil }, slog.New(slog.DiscardHandler))
	n := mailing{box}.notices(Config{Upstream: "https://up.example.org", Now: func() time.Time { return now }}, "https://keys.example.org")
	for range 100 {
		if err := n.KeyMade(t.Context(), handlers.KeyMade{To: "mallory@example.org", Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.KeyMade(t.Context(), handlers.KeyMade{To: "ana@example.org", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	box.drain()
	close(sent)
	got := map[string]int{}
	for to := range sent {
		got[to]++
	}
	if got["mallory@example.org"] != 20 || got["ana@example.org"] != 1 {
		t.Errorf("sent %v", got)
	}
}
