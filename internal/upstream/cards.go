package upstream

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

// Cards keep here what the other server has no room for, by user and key. Nobody asks whether there is such a key.
type Cards interface {
	Replacements
	Cards(ctx context.Context, userID string) (map[string]model.KeptCard, error)
	// SaveCard keeps what is known of a key that was created a moment ago.
	SaveCard(ctx context.Context, userID, keyID string, c model.KeptCard) error
	// LabelKey changes the label and the note of a key that was seen a moment ago.
	LabelKey(ctx context.Context, userID, keyID, label, note string, seen time.Time) error
	// KeepFingerprint keeps that of a key that was seen a moment ago.
	KeepFingerprint(ctx context.Context, userID, keyID, fingerprint string, seen time.Time) error
	// Listed remembers which keys were in a complete list, and forgets those that were in none since.
	Listed(ctx context.Context, userID string, there, gone []string, at, since time.Time) error
	DeleteCard(ctx context.Context, userID, keyID string) error
	// SetExpiry keeps when a key is to expire, with the events: model.ErrConflict is that it would work for longer and may not.
	SetExpiry(ctx context.Context, userID, keyID string, x model.Expiry, c model.KeptCard, events ...model.Event) error
	// MarkSaved remembers how a value was saved, once, and records the event with it. Without a card that waits for that, or has it, it
	// answers model.ErrNotFound.
	MarkSaved(ctx context.Context, userID, keyID string, how model.SavedHow, at time.Time, e model.Event) error
	// ReportLeak remembers that the value of a key leaked that was seen a moment ago, and records the event unless nothing changed.
	ReportLeak(ctx context.Context, userID, keyID string, turnedOff bool, e model.Event) (changed bool, err error)
	// Forget forgets all keys of a user who is gone.
	Forget(ctx context.Context, userID string) error
}

// cards are what is kept of the keys of one person. Keys are shown without it when it cannot be read.
type cards map[string]model.KeptCard

func (p *Person) readCards(ctx context.Context) cards {
	kept, err := p.s.cards.Cards(ctx, p.account.UserID)
	if err != nil {
		p.s.log.WarnContext(ctx, "labels of keys not known", "user", p.account.UserID, "cause", err)
	}
	return kept
}

// of gives a key with what is kept of it. The fingerprint that the other server tells counts.
func (c cards) of(k model.Key) model.Key {
	kept := c[k.ID]
	k.Card, k.Replaced = kept.Card, kept.Replaced
	if k.ExpiresAt.IsZero() { // or the other server says it, and sees to it
		k.ExpiresAt, k.OnlyReminds = kept.ExpiresAt, !kept.ExpiresAt.IsZero()
	}
	if k.Usage.Fingerprint == "" {
		k.Usage.Fingerprint = kept.Fingerprint
	}
	return k
}

// keep keeps what is known of a key that was created a moment ago. The key is there, and its value in the answer: that its label could not be
// saved, or its words, stands beside it.
func (p *Person) keep(ctx context.Context, wanted model.NewKey, created *model.Created) {
	kept := model.KeptCard{
		Card:        model.Card{Label: wanted.Label, Note: wanted.Note},
		ExpiresAt:   wanted.ExpiresAt,
		Fingerprint: model.FingerprintOf(created.Value),
		Email:       p.account.Email,
		ListedAt:    p.s.now(),
		Name:        created.Key.Name,
	}
	if p.from.Pairing == "" { // otherwise a device has it, and no page
		kept.SavedHow = model.NotSaved
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	if err := p.s.cards.SaveCard(ctx, p.account.UserID, created.Key.ID, kept); err != nil {
		p.s.log.ErrorContext(ctx, "card of a key not saved", "user", p.account.UserID, "key", created.Key.ID, "cause", err)
		created.NotKept = wanted.Label != "" || wanted.Note != "" || !wanted.ExpiresAt.IsZero()
		return
	}
	created.Key = cards{created.Key.ID: kept}.of(created.Key)
}

// forget forgets what is kept of a key that is deleted. What stays goes when the keys have been listed without it for a day.
func (p *Person) forget(ctx context.Context, id string) {
	if err := p.s.cards.DeleteCard(context.WithoutCancel(ctx), p.account.UserID, id); err != nil {
		p.s.log.WarnContext(ctx, "card of a deleted key is left", "user", p.account.UserID, "key", id, "cause", err)
	}
}

// LabelKey changes what is kept of a key that the other server has. That it has is asked first: a card is of a key that is there.
func (p *Person) LabelKey(ctx context.Context, id, label, note string) (model.Key, error) {
	label, note = model.CleanText(label), model.CleanText(note)
	if err := model.CheckCard(label, note); err != nil {
		return model.Key{}, err
	}
	usage := p.askUsage(ctx)
	key, err := p.fetch(ctx, id)
	if err != nil {
		return model.Key{}, failedBefore(err)
	}
	key = p.readCards(ctx).of(usage().of(key))
	if err := p.s.cards.LabelKey(ctx, p.account.UserID, key.ID, label, note, p.s.now()); err != nil {
		return model.Key{}, notKept("label key", err)
	}
	key.Card.Label, key.Card.Note = label, note
	return key, nil
}

// notKept is the refusal for what could not be saved here. nil is none.
func notKept(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, model.ErrNotFound):
		return &model.Error{Kind: model.KindNotFound}
	case errors.Is(err, model.ErrUnclear):
		return &model.Error{Kind: model.KindUnclear, Outcome: model.Unclear, Doing: doing, Err: err}
	default:
		return &model.Error{Kind: model.KindStorageDown, Doing: doing, Err: err}
	}
}
