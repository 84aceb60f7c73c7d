package app

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// sentTo counts emails by their receivers.
type sentTo map[string]int

func (s sentTo) Send(_ context.Context, m accounts.Email) error {
	s[m.To]++
	return nil
}

func TestNoticesOfKeysAtAnUpstreamAreCountedByWhoGetsThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	sent := sentTo{}
	clock, log := func() time.Time { return now }, slog.New(slog.DiscardHandler)
	n := notices{sent, accounts.Letters{PublicURL: "https://keys.example.org"}, accounts.NewNotices(clock, nil), log}
	for range 100 {
		if err := n.KeyCreated(t.Context(), "mallory@example.org", "k", model.Words{}, now, model.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.KeyCreated(t.Context(), "ana@example.org", "k", model.Words{}, now, model.Origin{}); err != nil {
		t.Fatal(err)
	}
	if sent["mallory@example.org"] != 20 || sent["ana@example.org"] != 1 {
		t.Errorf("sent %v", sent)
	}
}

func TestMailsThatDoNotGetThroughForAnHourAreSaidWhereTheOperatorLooks(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(testkit.LongAgo)
	var log testkit.Log
	var given config.Config
	a, at := withAdmin(t, func(cfg *config.Config) {
		given.Data = cfg.Data
		cfg.SMTP, cfg.Now, cfg.LogTo, cfg.LogLevel = "smtp://127.0.0.1:1?from=keys@example.org", clock.Now, &log, "warn"
	})
	post(t, browser(t), a.URL()+"/register", account)
	for since := (time.Time{}); since.IsZero(); since, _ = a.mails.box.Trouble() {
		if t.Context().Err() != nil {
			t.Fatal("no mail was tried")
		}
		time.Sleep(time.Millisecond) // until it was
	}
	const says = "no email has been delivered for an hour"
	forgot := func() bool {
		return strings.Contains(get(t, browser(t), a.URL()+"/forgot").Body, "This server can’t send email right now.")
	}
	a.sweep(t.Context())
	if forgot() || strings.Contains(log.String(), says) {
		t.Error("a first failure counts as an hour of them")
	}
	clock.Advance(time.Hour + time.Second)
	for range 3 {
		a.sweep(t.Context())
	}
	if !forgot() || strings.Count(log.String(), says) != 1 {
		t.Errorf("pages say so: %t; the log: %s", forgot(), log.String())
	}
	if said := order(t, given, "", "user", "reset-password", "--mail", account.Get("email")); !strings.Contains(said, "email is not being delivered right now") || strings.Contains(said, "on its way") {
		t.Errorf("the command says: %s", said)
	}
	got := metricsOf(t, at)
	if seconds, err := strconv.ParseFloat(got["latchkey_mail_failing_seconds"], 64); err != nil || seconds < 3600 || got[`latchkey_warnings_active{kind="mail"}`] != "1" {
		t.Errorf("failing for %q seconds, %q", got["latchkey_mail_failing_seconds"], got[`latchkey_warnings_active{kind="mail"}`])
	}
}
