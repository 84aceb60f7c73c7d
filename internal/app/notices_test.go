package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
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
	clock, log := func() time.Time { return now }, slog.New(slog.DiscardHandler)
	n := notices{sent, accounts.Letters{PublicURL: "https://keys.example.org"}, accounts.NewNotices(clock), log}
	for range 100 {
		if err := n.KeyCreated(t.Context(), "mallory@example.org", "k", now, model.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.KeyCreated(t.Context(), "ana@example.org", "k", now, model.Origin{}); err != nil {
		t.Fatal(err)
	}
	if sent["mallory@example.org"] != 20 || sent["ana@example.org"] != 1 {
		t.Errorf("sent %v", sent)
	}
}
