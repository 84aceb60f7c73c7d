package app

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/app/config"
	"latchkey/internal/app/hooks"
)

const (
	// webhookPace is the pause between two looks for what is to be sent, webhooklessPace while there is no webhook at all.
	webhookPace     = time.Second
	webhooklessPace = 5 * time.Second
)

// receivers are where webhooks may lead.
func receivers(cfg config.Settings) accounts.Receivers {
	return hooks.New(hooks.Config{Networks: cfg.HookNetworks})
}

// webhookKeys gives what seals the secrets of webhooks to a command that no running program carries out. It generates none: nobody else
// would have them.
func webhookKeys(cfg config.Settings, dir dataDir) func() ([][]byte, error) {
	return func() ([][]byte, error) {
		ring, err := keyRingOr(cfg, dir, func() ([]byte, error) {
			return nil, errors.New("it is not there: webhooks need the session keys of the server, by --data or " + config.SessionKeysVariable)
		})
		return ring.hooks, err
	}
}

// newWebhookSender gives what sends events to webhooks, those of accounts at another server too: they are recorded here.
func (a *App) newWebhookSender(cfg config.Settings, ring keyRing) *accounts.WebhookSender {
	return &accounts.WebhookSender{
		Store: a.store, Keys: ring.hooks, Receivers: receivers(cfg), Mailer: a.mails.mailer(),
		Letters: a.letters(cfg),
		Now:     func() time.Time { return a.now().Add(-a.nodes.clockOff()) },
		Certain: a.certainly, Counted: a.admin.countWebhook, Log: a.log,
	}
}

// certainly is a time that has certainly come, zero while none is known.
func (a *App) certainly() time.Time {
	by := a.certain.Load()
	if by == 0 {
		return time.Time{}
	}
	return time.UnixMilli(by)
}

// sendWebhooks sends events to webhooks until the context ends.
func (a *App) sendWebhooks(ctx context.Context) {
	defer a.webhooks.Wait()
	if err := a.webhooks.Reseal(ctx); err != nil && ctx.Err() == nil {
		a.log.Warn("the secrets of webhooks were not sealed anew", "cause", err)
	}
	some := true
	repeat(ctx, func() time.Duration {
		if some {
			return webhookPace
		}
		return webhooklessPace
	}, func(ctx context.Context) {
		var err error
		if some, err = a.webhooks.Pass(ctx); err != nil && ctx.Err() == nil {
			some = false // there is time until the database is back
			a.log.Debug("webhooks not looked for", "cause", err)
		}
	})
}

// lookAfterWebhooks keeps what waits for webhooks within bounds.
func (a *App) lookAfterWebhooks(ctx context.Context, now time.Time) {
	full, room, err := a.store.LookAfterWebhooks(ctx, now)
	if err != nil && ctx.Err() == nil {
		a.log.Error("look after webhooks", "cause", err)
	}
	for _, w := range full {
		a.log.Error("so many events wait for a webhook that no more are queued for it", "webhook", w.ID, "waiting", w.Waiting, "problem", w.Problem)
	}
	for _, w := range room {
		a.log.Warn("events are queued for a webhook again, and those since it was full are never sent", "webhook", w.ID, "full_since", w.FullAt)
	}
}
