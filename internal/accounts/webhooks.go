package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/internal/model"
)

// Receivers are the programs to which webhooks lead.
type Receivers interface {
	// Check says in plain words why an address can be none of a webhook, before anything is sent there.
	Check(address string) error
	// Post sends one delivery, and returns when it is known what became of it, which takes seconds at most.
	Post(ctx context.Context, d Delivery) Answer
}

// Delivery is what is sent to a receiver, as Standard Webhooks has it. The body is sent as it is: these bytes are signed.
type Delivery struct {
	URL       string
	ID        string    // of the event, and the same whenever it is sent
	At        time.Time // of this try
	Signature string
	Body      []byte
}

// Format leaves out the address, which may have a secret in it.
func (d Delivery) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "delivery %s", d.ID) }

// Answer is what became of a delivery.
type Answer struct {
	Problem string // in plain words, none of which are the receiver's; "" is that it has arrived
	Gone    bool   // the receiver wants nothing more
}

// Webhooks are all webhooks, in the order of their ids.
func (a *Accounts) Webhooks(ctx context.Context) ([]model.Webhook, error) {
	hooks, err := a.store.Webhooks(ctx)
	if err != nil {
		return nil, unavailable("list webhooks", err)
	}
	return hooks, nil
}

// Webhook is one webhook, without how many events wait for it, or KindNotFound.
func (a *Accounts) Webhook(ctx context.Context, id string) (model.Webhook, error) {
	if !model.IsWebhookID(id) {
		return model.Webhook{}, refuse(model.KindNotFound)
	}
	w, err := a.store.Webhook(ctx, id)
	return w, missing(model.KindNotFound, "find webhook", err)
}

// AddWebhook has events of some kinds be sent to an address; of none, those of model.UsualWebhookKinds. Its answer is the only place where
// the secret ever is.
func (a *Accounts) AddWebhook(ctx context.Context, address string, kinds []model.EventKind) (w model.Webhook, secret model.Secret, err error) {
	if kinds, err = webhookKinds(kinds); err != nil {
		return w, "", err
	}
	if err := a.cfg.Receivers.Check(address); err != nil {
		return w, "", badWebhook("the address " + err.Error())
	}
	seal, err := a.webhookSeal()
	if err != nil {
		return w, "", err
	}
	now := a.cfg.Now()
	w = model.Webhook{ID: model.NewWebhookID(), URL: address, Kinds: kinds, CreatedAt: now}
	plain := newWebhookSecret()
	w.Sealed = seal.seal(plain, w.ID)
	err = a.store.AddWebhook(ctx, w, model.MaxWebhooks, a.onWebhook(model.ActWebhookAdded, w))
	err = a.settle(ctx, "", "add webhook", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.Webhook(ctx, w.ID)
		return there(err)
	})
	switch {
	case errors.Is(err, model.ErrConflict):
		return w, "", badWebhook("there already is a webhook with this address")
	case errors.Is(err, model.ErrLimit):
		return w, "", badWebhook(fmt.Sprintf("there can be at most %d webhooks: delete one to make room", model.MaxWebhooks))
	case err != nil:
		return w, "", unavailable("add webhook", err)
	}
	return w, writtenSecret(plain), nil
}

// RotateWebhook gives a webhook another secret, which is in this answer alone. The one before signs too for model.WebhookOverlap.
func (a *Accounts) RotateWebhook(ctx context.Context, id string) (w model.Webhook, secret model.Secret, err error) {
	seal, err := a.webhookSeal()
	if err != nil {
		return w, "", err
	}
	if w, err = a.Webhook(ctx, id); err != nil {
		return w, "", err
	}
	plain, until := newWebhookSecret(), a.cfg.Now().Add(model.WebhookOverlap)
	var old []byte
	if before, _, err := seal.open(w.Sealed, w.ID); err == nil {
		old = seal.seal(before, w.ID)
	} else { // nobody could sign with it
		until = time.Time{}
	}
	sealed := seal.seal(plain, w.ID)
	err = a.store.RotateWebhook(ctx, w, sealed, old, until, a.onWebhook(model.ActWebhookRotated, w))
	err = a.settle(ctx, "", "rotate webhook", err, func(ctx context.Context) (bool, error) {
		now, err := a.store.Webhook(ctx, id)
		return slices.Equal(now.Sealed, sealed), err
	})
	if errors.Is(err, model.ErrConflict) {
		return w, "", badWebhook("the webhook was changed at the same time: try again")
	}
	if err != nil {
		return w, "", unavailable("rotate webhook", err)
	}
	w.OldUntil = until
	return w, writtenSecret(plain), nil
}

// DeleteWebhook deletes a webhook with what waits for it, and gives it as it was.
func (a *Accounts) DeleteWebhook(ctx context.Context, id string) (model.Webhook, error) {
	w, err := a.Webhook(ctx, id)
	if err != nil {
		return w, err
	}
	err = a.store.DeleteWebhook(ctx, id, a.onWebhook(model.ActWebhookDeleted, w))
	err = a.settle(ctx, "", "delete webhook", err, func(ctx context.Context) (bool, error) {
		_, err := a.store.Webhook(ctx, id)
		return gone(err)
	})
	return w, missing(model.KindNotFound, "delete webhook", err)
}

// TurnWebhook turns a webhook on or off, and says whether it was not so already. Nothing is sent of what happened while one was off.
func (a *Accounts) TurnWebhook(ctx context.Context, id string, on bool) (w model.Webhook, changed bool, err error) {
	if w, err = a.Webhook(ctx, id); err != nil {
		return w, false, err
	}
	what, reason := model.ActWebhookOff, model.WebhookOffByHand
	if on {
		what, reason = model.ActWebhookOn, ""
	}
	changed, err = a.store.TurnWebhook(ctx, id, on, reason, a.onWebhook(what, w))
	err = a.settle(ctx, "", "turn webhook", err, func(ctx context.Context) (bool, error) {
		now, err := a.store.Webhook(ctx, id)
		changed = now.OffAt.IsZero() != w.OffAt.IsZero()
		return now.OffAt.IsZero() == on, err
	})
	return w, changed, missing(model.KindNotFound, "turn webhook", err)
}

// TestWebhook sends something to a webhook that tells of nothing, at once and beside what waits, and says what became of it.
func (a *Accounts) TestWebhook(ctx context.Context, id string) (w model.Webhook, answer Answer, err error) {
	seal, err := a.webhookSeal()
	if err != nil {
		return w, answer, err
	}
	if w, err = a.Webhook(ctx, id); err != nil {
		return w, answer, err
	}
	if err := a.cfg.Receivers.Check(w.URL); err != nil { // the settings may have changed
		return w, Answer{Problem: "the address " + err.Error()}, nil
	}
	now := a.cfg.Now()
	d, err := newDelivery(w, model.NewID(now), now, now, now, testBody(now), seal)
	if err != nil {
		return w, answer, badWebhook(errNoSecret.Error())
	}
	return w, a.cfg.Receivers.Post(ctx, d), nil
}

// onWebhook is an act on the command line, which is remembered among those of operators.
func (a *Accounts) onWebhook(what model.Act, w model.Webhook) model.OperatorAct {
	now := a.cfg.Now()
	return model.OperatorAct{ID: model.NewID(now), At: now, Act: what, Detail: w.Place()}
}

func badWebhook(reason string) *model.Error {
	return &model.Error{Kind: model.KindBadValue, Reason: reason}
}

// webhookKinds are kinds without repeats, or the usual ones. One that there is none of is refused.
func webhookKinds(kinds []model.EventKind) ([]model.EventKind, error) {
	if len(kinds) == 0 {
		kinds = model.UsualWebhookKinds()
	}
	for _, kind := range kinds {
		if model.WebhookType(kind) == "" {
			var all []string
			for _, known := range model.WebhookKinds() {
				all = append(all, string(known))
			}
			return nil, badWebhook(fmt.Sprintf("there are no events of the kind %q; the kinds are %s", string(kind), strings.Join(all, ", ")))
		}
	}
	kinds = slices.Clone(kinds)
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}
