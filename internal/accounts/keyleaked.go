package accounts

import (
	"context"

	"latchkey/internal/model"
)

// ReportLeak turns a key off, if it is on, and remembers that its value leaked, for good. The owner gets an email when that is news. A report
// that changes nothing is no error and no event.
func (p *Person) ReportLeak(ctx context.Context, id string) (model.Leak, error) {
	if err := p.managesKey(id); err != nil {
		return model.Leak{}, err
	}
	came, err := p.accounts.store.ReportLeak(ctx, p.who.UserID, id, p.accounts.turning(false), p.keyEvent(model.EventKeyLeaked, id))
	err = p.settle(ctx, "report leak of key", err, p.sees(id, func(key model.Key) bool {
		return key.Disabled && !key.Card.LeakedAt.IsZero()
	}))
	if err != nil {
		return model.Leak{}, missing(model.KindNotFound, "report leak of key", err)
	}
	key, err := p.changed(ctx, id)
	if came.Changed() && err == nil {
		p.tellOfLeak(ctx, key, !came.TurnedOff)
	}
	return model.Leak{Key: key, WasOff: !came.TurnedOff}, err
}

// tellOfLeak notifies the owner of a key that was reported.
func (p *Person) tellOfLeak(ctx context.Context, key model.Key, wasOff bool) {
	a, words := p.accounts, key.Usage.Words()
	a.tell(ctx, p.from, leakNotice, p.who.UserID, func(l Letters, to string, c Circumstances) Email { return l.KeyLeaked(to, key.Name, words, wasOff, c) })
}

// tellOfLeaked notifies the owner of a key that was reported and is on again.
func (p *Person) tellOfLeaked(ctx context.Context, id string) {
	key, err := p.accounts.store.APIKey(ctx, p.who.UserID, id)
	if err != nil { // or is gone
		p.accounts.cfg.Log.WarnContext(ctx, "notice of a leaked key not sent", "user", p.who.UserID, "reason", err)
		return
	}
	a, words := p.accounts, key.Usage.Words()
	a.tell(ctx, p.from, leakNotice, p.who.UserID, func(l Letters, to string, c Circumstances) Email { return l.LeakedKeyOn(to, key.Name, words, c) })
}
