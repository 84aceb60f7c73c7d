package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/internal/model"
	"latchkey/views"
)

const runningWebhooks = runningPath + "/webhooks"

// Hooks are the webhooks, which operators see.
type Hooks interface {
	// Webhooks are all of them, with how many events wait. Their secrets are sealed, and on no page.
	Webhooks(ctx context.Context) ([]model.Webhook, error)
}

// showWebhooks lists other programs that are sent what happens.
func (h *dashboard) showWebhooks(c echo.Context) error {
	ctx, cancel := readContext(c)
	defer cancel()
	o, err := h.operating(ctx, c)
	if err != nil {
		return err
	}
	hooks, err := o.Webhooks(ctx)
	if err != nil {
		return err
	}
	m, now := views.RunningWebhooks{Page: h.page(c, lang.T(ctx, "running.webhooks", "Webhooks"))}, h.Now()
	for _, w := range hooks {
		m.List = append(m.List, views.Webhook{
			ID: w.ID, Place: w.Place(), Kinds: len(w.Kinds), Waiting: int(w.Waiting), Failed: int(w.Failed), Full: !w.FullAt.IsZero(),
			Delivered: views.NewWhen(w.DeliveredAt, now), Failing: views.NewWhen(w.FailingSince, now), Off: views.NewWhen(w.OffAt, now),
			Problem: w.Problem, Reason: whyOff(ctx, w.OffReason),
		})
	}
	return render(c, http.StatusOK, views.RunningWebhooksPage(m), views.RunningWebhooksPage(m))
}

// whyOff is why a webhook is off, in the words of pages.
func whyOff(ctx context.Context, reason string) string {
	switch reason {
	case model.WebhookOffGone:
		return lang.T(ctx, "running.webhooks.off-gone", "The receiver answered 410 Gone.")
	case model.WebhookOffFailing:
		return lang.T(ctx, "running.webhooks.off-failing", "Nothing has been delivered for 5 days.")
	case model.WebhookOffByHand:
		return lang.T(ctx, "running.webhooks.off-by-hand", "An administrator turned it off.")
	default: // of a newer version, or none
		return reason
	}
}
