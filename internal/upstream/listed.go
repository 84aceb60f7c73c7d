package upstream

import (
	"context"
	"slices"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

const (
	// goneAfter is for how long a key must not have been in a complete list before it is taken to be deleted: one list may be wrong.
	goneAfter = 24 * time.Hour
	// listedEvery is how often it is written down that keys were in a list.
	listedEvery = time.Hour
)

// keepCards compares the cards of the person's keys with a complete list. A key that was deleted in another place has nobody else to take
// its card away. It keeps nobody from seeing their keys.
func (p *Person) keepCards(ctx context.Context, list []client.APIKey, kept cards) {
	now := p.s.now()
	var there, gone []string
	for id, card := range kept {
		age := now.Sub(card.ListedAt)
		if slices.ContainsFunc(list, func(k client.APIKey) bool { return k.ID == id }) {
			if age.Abs() >= listedEvery {
				there = append(there, id)
			}
		} else if age >= goneAfter {
			gone = append(gone, id)
		}
	}
	if len(there)+len(gone) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	if err := p.s.cards.Listed(ctx, p.account.UserID, there, gone, now, now.Add(-goneAfter)); err != nil {
		p.s.log.WarnContext(ctx, "cards of keys not kept up to date", "user", p.account.UserID, "cause", err)
	}
}

// recognise keeps the fingerprint of the key that a value was found to be of, and gives the key's id. The other server tells names; it
// has no two alike, or else nobody knows which it is.
func (p *Person) recognise(ctx context.Context, name string, value model.Secret) (id string) {
	list, err := patiently(p, func() ([]client.APIKey, error) { return p.keys.FetchAll(ctx) })
	if err != nil {
		p.s.log.WarnContext(ctx, "key of a value not looked up", "user", p.account.UserID, "cause", err)
		return ""
	}
	list = slices.DeleteFunc(list, func(k client.APIKey) bool { return k.Name != name })
	if name == "" || len(list) != 1 {
		return ""
	}
	id = list[0].ID
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	if err := p.s.cards.KeepFingerprint(ctx, p.account.UserID, id, model.FingerprintOf(value), p.s.now()); err != nil {
		p.s.log.WarnContext(ctx, "fingerprint of a key not kept", "user", p.account.UserID, "key", id, "cause", err)
	}
	return id
}
