package app

import (
	"context"
	"fmt"
	"io"

	victoria "github.com/VictoriaMetrics/metrics"
)

// webhookCounts are about all webhooks of the database, whichever node sends.
type webhookCounts struct{ waiting, failing, off int64 }

// webhookCounts are nil while they cannot be read.
func (a *App) webhookCounts() *webhookCounts {
	hooks, err := a.store.Webhooks(context.Background())
	if err != nil {
		return nil
	}
	var counts webhookCounts
	for _, w := range hooks {
		switch {
		case !w.OffAt.IsZero():
			counts.off++
		case !w.FailingSince.IsZero():
			counts.failing++
			counts.waiting += w.Waiting
		default:
			counts.waiting += w.Waiting
		}
	}
	return &counts
}

func (c *webhookCounts) write(w io.Writer) {
	if c == nil {
		return
	}
	victoria.WriteGaugeFloat64(w, "latchkey_webhook_events_waiting", float64(c.waiting))
	victoria.WriteGaugeFloat64(w, "latchkey_webhooks_failing", float64(c.failing))
	victoria.WriteGaugeFloat64(w, "latchkey_webhooks_off", float64(c.off))
}

// countWebhook counts a try to deliver an event.
func (d *admin) countWebhook(outcome string) {
	if d == nil {
		return
	}
	d.metrics.mu.Lock()
	defer d.metrics.mu.Unlock()
	d.metrics.set.GetOrCreateCounter(fmt.Sprintf(`latchkey_webhook_tries_total{outcome=%q}`, outcome)).Inc()
}
