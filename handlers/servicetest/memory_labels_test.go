package servicetest

import (
	"context"

	"latchkey/internal/model"
)

// label puts what a person wrote on the card of a key.
func (p *memoryPerson) label(k *memoryKey, label, note string) model.Key {
	if p.m.lies("labels are kept as they come") {
		k.Card.Label, k.Card.Note = label, note
	} else {
		k.Card.Label, k.Card.Note = model.CleanText(label), model.CleanText(note)
	}
	return p.shown(k)
}

func (p *memoryPerson) LabelKey(ctx context.Context, id, label, note string) (model.Key, error) {
	u, end, err := p.begin(ctx)
	if err != nil {
		return model.Key{}, err
	}
	defer end()
	k, err := p.key(u, id)
	if err != nil {
		return model.Key{}, err
	}
	if err := model.CheckCard(model.CleanText(label), model.CleanText(note)); err != nil && !p.m.lies("labels without end") {
		return model.Key{}, err
	}
	if p.m.lies("a label is a name") {
		k.Name = label
	}
	if p.m.lies("labels are events") {
		p.m.record(p.from, u.id, model.EventKeyMade, k.Key, "")
	}
	return p.label(k, label, note), nil
}
