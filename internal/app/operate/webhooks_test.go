package operate

import (
	"context"
	"errors"
	"strings"
	"testing"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// receiver is what webhooks of these tests lead to. It refuses what a test wants.
type receiver struct{}

func (receiver) Check(address string) error {
	if strings.HasPrefix(address, "ftp:") {
		return errors.New("must begin with https://")
	}
	return nil
}

func (receiver) Post(_ context.Context, d accounts.Delivery) accounts.Answer {
	if strings.Contains(d.URL, "down") {
		return accounts.Answer{Problem: "timed out"}
	}
	return accounts.Answer{}
}

func TestWebhooksAreManagedByTheirIDs(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		for _, c := range []struct{ args, says string }{
			{"add ftp://ops.example.org", "the address must begin with https://"},
			{"add https://ops.example.org --kinds key-made,key-gone", `there are no events of the kind "key-gone"; the kinds are account-disabled, `},
			{"add", "URL is missing"},
			{"test 0a1b2c3d", `there is no webhook "0a1b2c3d" (see latchkey webhook list)`},
			{"rotate 0a1b2c3d", `there is no webhook "0a1b2c3d"`},
			{"off 0a1b2c3d", `there is no webhook "0a1b2c3d"`},
			{"delete 0a1b2c3d --yes", `there is no webhook "0a1b2c3d"`},
		} {
			if _, err := p.order(t, "", strings.Fields("webhook "+c.args)...); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.args, err)
			}
		}
		made := ordered[secretWebhook](t, p, "webhook", "add", "https://ops.example.org/latchkey?token=geheim")
		if w := made.Webhook; len(made.Secret) != 50 || !model.IsWebhookID(w.ID) || w.Place != "https://ops.example.org/latchkey?…" || len(w.Kinds) != len(model.UsualWebhookKinds()) {
			t.Errorf("%+v", made.Webhook)
		}
		if _, err := p.order(t, "", "webhook", "add", "https://ops.example.org/latchkey?token=geheim"); err == nil || err.Error() != "there already is a webhook with this address" {
			t.Error(err)
		}
		down := ordered[secretWebhook](t, p, "webhook", "add", "https://down.example.org", "--kinds", "key-made,key-made").Webhook
		if len(down.Kinds) != 1 {
			t.Errorf("%+v", down)
		}
		if _, err := p.order(t, "", "webhook", "test", down.ID); err == nil || err.Error() != "the test was not delivered to https://down.example.org: timed out" {
			t.Error(err)
		}
		if out := p.must(t, "", "webhook", "test", made.Webhook.ID); out != "Delivered to https://ops.example.org/latchkey?….\n" {
			t.Errorf("%q", out)
		}
		if again := ordered[secretWebhook](t, p, "webhook", "rotate", down.ID); again.Secret == made.Secret || again.Webhook.OldUntil.IsZero() {
			t.Errorf("%+v", again.Webhook)
		}
		off, was := ordered[changedWebhook](t, p, "webhook", "off", down.ID), ordered[changedWebhook](t, p, "webhook", "off", down.ID)
		if !off.Changed || was.Changed {
			t.Error(off.Changed, was.Changed)
		}
		if table := p.must(t, "", "webhook", "list"); !strings.Contains(table, down.ID+"  https://down.example.org\n          1 kind of event · nothing delivered yet · 0 waiting · off since ") ||
			!strings.HasSuffix(table, "\nWebhooks: 2 of 20\n") || strings.Contains(table, "geheim") {
			t.Errorf("%s", table)
		}
		if out := p.must(t, "", "webhook", "on", down.ID); !strings.HasPrefix(out, "The webhook "+down.ID+" is on.") {
			t.Errorf("%q", out)
		}
		if _, err := p.order(t, "", "webhook", "delete", down.ID); err == nil || !strings.Contains(err.Error(), "--yes") {
			t.Error(err)
		}
		if out := p.must(t, "", "webhook", "delete", down.ID, "--yes"); out != "Deleted the webhook to https://down.example.org.\n" {
			t.Errorf("%q", out)
		}
		if list := ordered[webhookList](t, p, "webhook", "list").Webhooks; len(list) != 1 {
			t.Errorf("%+v", list)
		}
	})
}
