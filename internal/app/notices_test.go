package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/accounts"
)

// sentTo counts mails by their receivers.
type sentTo map[string]int

func (s sentTo) Send(_ context.Context, m accounts.Mail) error {
	s[m.To]++
	return nil
}

func TestNoticesOfKeysAtAnUpstreamAreCountedByWhoGetsThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	sent := sentTo{}
	n := newNotices(sent, "https://keys.example.org", func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for range 100 {
		if err := n.KeyMade(t.Context(), handlers.KeyMade{To: "mallory@example.org", Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.KeyMade(t.Context(), handlers.KeyMade{To: "ana@example.org", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if sent["mallory@example.org"] != 20 || sent["ana@example.org"] != 1 {
		t.Errorf("sent %v", sent)
	}
}
