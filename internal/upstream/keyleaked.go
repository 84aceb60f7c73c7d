package upstream

import (
	"context"

	"latchkey/internal/model"
)

// ReportLeak turns a key off and remembers here that its value leaked. What turning it off ended, the other server does not tell. That the
// key is off counts: whatever else fails after it stands beside it.
func (p *Person) ReportLeak(ctx context.Context, id string) (model.Leak, error) {
	before, err := p.fetch(ctx, id)
	if err != nil {
		return model.Leak{}, failedBefore(err)
	}
	key, kept, err := p.turn(ctx, id, false)
	leak := model.Leak{Key: key, WasOff: before.Disabled}
	if err != nil {
		return leak, err
	}
	p.followOne(ctx, kept, id, seen{there: true, off: true})
	e := p.s.dated(p.event(model.EventKeyLeaked, key), p.from)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	news, err := p.s.cards.ReportLeak(ctx, p.account.UserID, key.ID, !before.Disabled, e)
	if err != nil {
		p.s.log.ErrorContext(ctx, "leak of a key not saved", "user", p.account.UserID, "key", key.ID, "cause", err)
		leak.NotMarked = true
		return leak, nil
	}
	leak.Key = p.readCards(ctx).of(key)
	if news {
		what := LeakedTurnedOff
		if leak.WasOff {
			what = LeakedWasOff
		}
		p.tellOfLeak(ctx, leak.Key, what)
	}
	return leak, nil
}

// tellOfLeak sends the person an email about a key whose value leaked. That none could be sent is for the log.
func (p *Person) tellOfLeak(ctx context.Context, key model.Key, what Leaked) {
	if p.s.notices == nil {
		return
	}
	err := p.s.notices.KeyLeaked(context.WithoutCancel(ctx), p.account.Email, key.Name, key.Usage.Words(), what, p.s.now(), p.from)
	if err != nil {
		p.s.log.WarnContext(ctx, "notice not sent", "user", p.account.UserID, "cause", err)
	}
}

// mayTurnOn refuses to turn on a key whose value leaked unless the person typed its name. Only of such a key the other server is asked what
// it is called.
func (p *Person) mayTurnOn(ctx context.Context, id string) error {
	kept, err := p.s.cards.Cards(ctx, p.account.UserID)
	if err != nil {
		return notKept("read cards of keys", err)
	}
	if kept[id].LeakedAt.IsZero() {
		return nil
	}
	key, err := p.fetch(ctx, id)
	switch {
	case err != nil:
		return failedBefore(err)
	case key.Disabled && key.Name != p.from.Named:
		return &model.Error{Kind: model.KindLeaked}
	}
	return nil
}
