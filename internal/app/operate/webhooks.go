package operate

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"latchkey/internal/model"
)

const (
	pathAddWebhook    = "/webhooks/add"
	pathListWebhooks  = "/webhooks/list"
	pathTestWebhook   = "/webhooks/test"
	pathRotateWebhook = "/webhooks/rotate"
	pathSwitchWebhook = "/webhooks/switch"
	pathFindWebhook   = "/webhooks/find"
	pathDeleteWebhook = "/webhooks/delete"
)

func withKinds(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.kinds, "kinds", "", "`KINDS` of events to send, such as key-made,key-turned-off, separated by commas; without it, those that change which keys work")
}

// webhookCommands are those about programs that are sent what happens.
func webhookCommands() []command {
	sealed := []string{"webhook-networks"}
	return []command{
		{
			name: "webhook add", argument: "URL", does: "send events to another program, signed as Standard Webhooks has it", run: addWebhook,
			more: "It prints the secret with which the receiver checks signatures, which is not shown again. Events name a user and a key by\n" +
				"id, and the key by name: no value, email or address. See docs/webhooks.md. There can be at most 20 webhooks.",
			flags: []commandFlag{withKinds}, settings: sealed,
		},
		{
			name: "webhook list", does: "list all webhooks, what waits for them and what is wrong", run: listWebhooks,
			more: "What an address has behind a question mark is not shown.",
		},
		{
			name: "webhook test", argument: "ID", does: "send an event of the type webhook.test now and say what became of it", run: testWebhook, settings: sealed,
			more: "It is sent beside what waits, once, also to a webhook that is off.",
		},
		{
			name: "webhook rotate", argument: "ID", does: "give a webhook a new secret; the old one signs too for 24 hours", run: rotateWebhook, settings: sealed,
		},
		{
			name: "webhook off", argument: "ID", does: "send nothing to a webhook until it is turned on again", run: turnWebhookOff,
			more: "What waits is discarded, and what happens meanwhile is never sent.",
		},
		{name: "webhook on", argument: "ID", does: "turn a webhook on again", run: turnWebhookOn},
		{
			name: "webhook delete", argument: "ID", does: "delete a webhook with what waits for it", run: deleteWebhook,
			more:  "On a terminal, it asks for confirmation. Elsewhere, pass --yes.",
			flags: []commandFlag{withYes},
		},
	}
}

func (o *operator) handleWebhooks(mux *http.ServeMux) {
	mux.Handle("POST "+pathAddWebhook, operation(o.log, o.addWebhook))
	mux.Handle("POST "+pathListWebhooks, operation(o.log, o.listWebhooks))
	mux.Handle("POST "+pathFindWebhook, operation(o.log, o.findWebhook))
	mux.Handle("POST "+pathTestWebhook, operation(o.log, o.testWebhook))
	mux.Handle("POST "+pathRotateWebhook, operation(o.log, o.rotateWebhook))
	mux.Handle("POST "+pathSwitchWebhook, operation(o.log, o.switchWebhook))
	mux.Handle("POST "+pathDeleteWebhook, operation(o.log, o.deleteWebhook))
}

// listedWebhook is a webhook as operators see one.
type listedWebhook struct {
	ID           string            `json:"_id"`
	Place        string            `json:"url"` // without its query
	Kinds        []model.EventKind `json:"kinds"`
	CreatedAt    time.Time         `json:"created_at"`
	DeliveredAt  time.Time         `json:"last_delivered_at,omitzero"`
	Waiting      int64             `json:"waiting"`
	Failed       int64             `json:"given_up"`
	FailingSince time.Time         `json:"failing_since,omitzero"`
	Problem      string            `json:"problem,omitempty"`
	FullAt       time.Time         `json:"full_since,omitzero"`
	OffAt        time.Time         `json:"off_since,omitzero"`
	OffReason    string            `json:"off_reason,omitempty"`
	OldUntil     time.Time         `json:"old_secret_until,omitzero"`
}

func listedHook(w model.Webhook) listedWebhook {
	return listedWebhook{
		ID: w.ID, Place: w.Place(), Kinds: w.Kinds, CreatedAt: w.CreatedAt, DeliveredAt: w.DeliveredAt, Waiting: w.Waiting, Failed: w.Failed,
		FailingSince: w.FailingSince, Problem: w.Problem, FullAt: w.FullAt, OffAt: w.OffAt, OffReason: w.OffReason, OldUntil: w.OldUntil,
	}
}

// newWebhook is what to add.
type newWebhook struct {
	URL   passedOn          `json:"url"`
	Kinds []model.EventKind `json:"kinds,omitempty"`
}

// namedWebhook is the webhook that a command is about, and whether it is to be on.
type namedWebhook struct {
	ID string `json:"id"`
	On bool   `json:"on,omitempty"`
}

// secretWebhook is a webhook with its secret.
type secretWebhook struct {
	Webhook listedWebhook `json:"webhook"`
	Secret  passedOn      `json:"secret"`
}

type webhookList struct {
	Webhooks []listedWebhook `json:"webhooks"`
}

type changedWebhook struct {
	Webhook listedWebhook `json:"webhook"`
	Changed bool          `json:"changed"`
}

type testedWebhook struct {
	Webhook listedWebhook `json:"webhook"`
	Problem string        `json:"problem,omitempty"`
}

func (o *operator) addWebhook(ctx context.Context, in newWebhook) (secretWebhook, error) {
	w, secret, err := o.accounts.AddWebhook(ctx, string(in.URL), in.Kinds)
	if err == nil {
		o.log.Info("webhook added", "webhook", w.ID)
	}
	return secretWebhook{listedHook(w), passedOn(secret.Reveal())}, aboutSecretOfWebhook("", err)
}

func (o *operator) listWebhooks(ctx context.Context, _ nothing) (out webhookList, err error) {
	hooks, err := o.accounts.Webhooks(ctx)
	out.Webhooks = make([]listedWebhook, len(hooks))
	for i, w := range hooks {
		out.Webhooks[i] = listedHook(w)
	}
	return out, aboutWebhook("", err)
}

func (o *operator) findWebhook(ctx context.Context, in namedWebhook) (listedWebhook, error) {
	w, err := o.accounts.Webhook(ctx, in.ID)
	return listedHook(w), aboutWebhook(in.ID, err)
}

func (o *operator) testWebhook(ctx context.Context, in namedWebhook) (testedWebhook, error) {
	w, answer, err := o.accounts.TestWebhook(ctx, in.ID)
	return testedWebhook{listedHook(w), answer.Problem}, aboutWebhook(in.ID, err)
}

func (o *operator) rotateWebhook(ctx context.Context, in namedWebhook) (secretWebhook, error) {
	w, secret, err := o.accounts.RotateWebhook(ctx, in.ID)
	if err == nil {
		o.log.Info("webhook has a new secret", "webhook", w.ID)
	}
	return secretWebhook{listedHook(w), passedOn(secret.Reveal())}, aboutSecretOfWebhook(in.ID, err)
}

func (o *operator) switchWebhook(ctx context.Context, in namedWebhook) (changedWebhook, error) {
	w, changed, err := o.accounts.TurnWebhook(ctx, in.ID, in.On)
	return changedWebhook{listedHook(w), changed}, aboutWebhook(in.ID, err)
}

func (o *operator) deleteWebhook(ctx context.Context, in namedWebhook) (listedWebhook, error) {
	w, err := o.accounts.DeleteWebhook(ctx, in.ID)
	if err == nil {
		o.log.Info("webhook deleted", "webhook", w.ID)
	}
	return listedHook(w), aboutWebhook(in.ID, err)
}

// aboutWebhook puts a refusal into words for operators.
func aboutWebhook(id string, err error) error {
	e, ok := errors.AsType[*model.Error](err)
	switch {
	case !ok:
		return err
	case e.Kind == model.KindNotFound:
		return fmt.Errorf("there is no webhook %q (see latchkey webhook list)", id)
	case e.Kind == model.KindUnclear:
		return notKnown(err, "webhook list")
	default:
		return aboutUser(id, err)
	}
}

// aboutSecretOfWebhook is aboutWebhook where a secret was drawn, which is lost when nobody knows whether it was saved.
func aboutSecretOfWebhook(id string, err error) error {
	if !model.Is(err, model.KindUnclear) {
		return aboutWebhook(id, err)
	}
	if id != "" {
		return fmt.Errorf("it is not known whether this was done (%w): run it again to get a secret that you know", errors.Unwrap(err))
	}
	return fmt.Errorf("it is not known whether this was done (%w): check with latchkey webhook list; "+
		"if a new webhook is there, run latchkey webhook rotate to get its secret", errors.Unwrap(err))
}

func addWebhook(ctx context.Context, c call) error {
	in := newWebhook{URL: passedOn(c.argument)}
	for kind := range strings.SplitSeq(c.kinds, ",") {
		if kind = strings.TrimSpace(kind); kind != "" {
			in.Kinds = append(in.Kinds, model.EventKind(kind))
		}
	}
	var made secretWebhook
	if err := c.line.call(ctx, pathAddWebhook, in, &made); err != nil {
		return err
	}
	return made.unwritten(c.print(made, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Added the webhook %s: %s to %s. This is its secret, with which the receiver checks signatures. It is not shown again:\n\n  %s\n\n"+
			"Try it with latchkey webhook test %s.\n", made.Webhook.ID, made.Webhook.kinds(), legible(made.Webhook.Place), string(made.Secret), made.Webhook.ID)
		return err
	}))
}

// unwritten says what to do about a secret that could not be written: nobody has it.
func (s secretWebhook) unwritten(err error) error {
	if err != nil {
		return fmt.Errorf("the secret of the webhook %s could not be written and is lost (%w): run latchkey webhook rotate %s", s.Webhook.ID, err, s.Webhook.ID)
	}
	return nil
}

func (l listedWebhook) kinds() string {
	if len(l.Kinds) == 1 {
		return "1 kind of event"
	}
	return fmt.Sprintf("%d kinds of events", len(l.Kinds))
}

func listWebhooks(ctx context.Context, c call) error {
	var list webhookList
	if err := c.line.call(ctx, pathListWebhooks, nothing{}, &list); err != nil {
		return err
	}
	return c.print(list, list.write)
}

func (l webhookList) write(w io.Writer) error {
	var text strings.Builder
	for _, h := range l.Webhooks {
		fmt.Fprintf(&text, "%s  %s\n          %s\n", h.ID, legible(h.Place), strings.Join(h.facts(), " · "))
	}
	fmt.Fprintf(&text, "Webhooks: %d of %d\n", len(l.Webhooks), model.MaxWebhooks)
	_, err := io.WriteString(w, text.String())
	return err
}

// facts are what is to be said of a webhook.
func (l listedWebhook) facts() []string {
	delivered := "nothing delivered yet"
	if !l.DeliveredAt.IsZero() {
		delivered = "last delivered " + inUTC(l.DeliveredAt)
	}
	facts := []string{l.kinds(), delivered, fmt.Sprintf("%d waiting", l.Waiting)}
	if l.Failed > 0 {
		facts = append(facts, fmt.Sprintf("%d given up", l.Failed))
	}
	if !l.FullAt.IsZero() {
		facts = append(facts, "no more is queued since "+inUTC(l.FullAt)+", because too much waits")
	}
	switch {
	case !l.OffAt.IsZero():
		facts = append(facts, "off since "+inUTC(l.OffAt)+": "+cmp.Or(l.OffReason, "no reason given"))
	case !l.FailingSince.IsZero():
		facts = append(facts, "failing since "+inUTC(l.FailingSince)+": "+l.Problem)
	}
	return facts
}

func testWebhook(ctx context.Context, c call) error {
	var done testedWebhook
	if err := c.line.call(ctx, pathTestWebhook, namedWebhook{ID: c.argument}, &done); err != nil {
		return err
	}
	if done.Problem != "" {
		return fmt.Errorf("the test was not delivered to %s: %s", legible(done.Webhook.Place), done.Problem)
	}
	return c.print(done, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Delivered to %s.\n", legible(done.Webhook.Place))
		return err
	})
}

func rotateWebhook(ctx context.Context, c call) error {
	var made secretWebhook
	if err := c.line.call(ctx, pathRotateWebhook, namedWebhook{ID: c.argument}, &made); err != nil {
		return err
	}
	return made.unwritten(c.print(made, func(w io.Writer) error {
		until := "The secret before could not be read, and signs no more."
		if !made.Webhook.OldUntil.IsZero() {
			until = "The secret before signs too until " + inUTC(made.Webhook.OldUntil) + "."
		}
		_, err := fmt.Fprintf(w, "This is the new secret of the webhook %s, which is not shown again:\n\n  %s\n\n%s\n", made.Webhook.ID, string(made.Secret), until)
		return err
	}))
}

func turnWebhookOff(ctx context.Context, c call) error {
	return c.switchWebhook(ctx, false, "Turned the webhook %s off.\n", "The webhook %s was already off.\n")
}

func turnWebhookOn(ctx context.Context, c call) error {
	return c.switchWebhook(ctx, true, "The webhook %s is on. What happens from now on is sent.\n", "The webhook %s was not off.\n")
}

func (c call) switchWebhook(ctx context.Context, on bool, did, wasSo string) error {
	var done changedWebhook
	if err := c.line.call(ctx, pathSwitchWebhook, namedWebhook{c.argument, on}, &done); err != nil {
		return err
	}
	return c.printChange(done, done.Changed, done.Webhook.ID, did, wasSo)
}

func deleteWebhook(ctx context.Context, c call) error {
	var found listedWebhook
	if err := c.line.call(ctx, pathFindWebhook, namedWebhook{ID: c.argument}, &found); err != nil {
		return err
	}
	question := fmt.Sprintf("Delete the webhook to %s? What waits for it is never sent. This cannot be undone.", legible(found.Place))
	if err := c.confirm(ctx, question); err != nil {
		return err
	}
	if err := c.line.call(ctx, pathDeleteWebhook, namedWebhook{ID: c.argument}, &found); err != nil {
		return err
	}
	return c.print(found, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Deleted the webhook to %s.\n", legible(found.Place))
		return err
	})
}
