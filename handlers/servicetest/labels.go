package servicetest

import (
	"strings"
	"testing"

	"latchkey/internal/model"
)

func labels() []contract {
	return []contract{
		{"a key is created with its label and its note, which are cleaned", createdWithLabel},
		{"a key is given as it is after it was labelled, under its old name, and nothing is written down", labelled},
		{"a label and a note that are too long are refused, and nothing changes", labelTooLong},
		{"a key that never was, was deleted, is malformed or somebody else's cannot be labelled", notLabelled},
	}
}

// card is what the list and the key itself have on the card of a key.
func (p *person) card(t testing.TB, id string) model.Card {
	t.Helper()
	key, err := p.Key(t.Context(), id)
	must(t, err)
	for _, listed := range p.list(t) {
		if listed.ID == id && listed.Card != key.Card {
			t.Errorf("the list has %+v, the key %+v", listed.Card, key.Card)
		}
	}
	return key.Card
}

// label is what the owner wrote on the card of a key.
func (p *person) label(t testing.TB, id string) model.Card {
	t.Helper()
	return written(p.card(t, id))
}

// written leaves of a card what its owner wrote.
func written(c model.Card) model.Card { return model.Card{Label: c.Label, Note: c.Note} }

func createdWithLabel(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	created, err := p.CreateKey(t.Context(), model.NewKey{Name: "pump", Label: " Ku\u0308che \u202e", Note: "behind\nthe lamp"})
	must(t, err)
	want := model.Card{Label: "Küche", Note: "behind the lamp"}
	if got := p.label(t, created.Key.ID); got != want || written(created.Key.Card) != want || created.NotKept {
		t.Errorf("the card is %+v, beside the value %+v", got, created.Key.Card)
	}
	works(t, s, created.Value)
}

func labelled(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	id := p.create(t, "pump").Key.ID
	p.writes(t, func() {
		for _, want := range []model.Card{{Label: "مطبخ", Note: "left shelf"}, {Label: strings.Repeat("客", 60), Note: strings.Repeat("x", 500)}, {}} {
			key, err := p.LabelKey(t.Context(), id, want.Label+"\t", want.Note+" ")
			must(t, err)
			if got := p.label(t, id); got != want || written(key.Card) != want || key.Name != "pump" || key.ID != id {
				t.Errorf("it is %+v, and given as %+v", got, key)
			}
		}
	})
}

func labelTooLong(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	id := p.create(t, "pump").Key.ID
	_, err := p.LabelKey(t.Context(), id, "Pump", "")
	must(t, err)
	for _, bad := range []model.NewKey{{Label: strings.Repeat("客", 61)}, {Note: strings.Repeat("x", 501)}} {
		_, err := p.LabelKey(t.Context(), id, bad.Label, bad.Note)
		is(t, err, model.KindBadLabel)
		bad.Name = "lamp"
		_, err = p.CreateKey(t.Context(), bad)
		is(t, err, model.KindBadLabel)
	}
	p.has(t, "pump")
	if got := p.label(t, id); got != (model.Card{Label: "Pump"}) {
		t.Errorf("the card is %+v", got)
	}
}

func notLabelled(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	gone, foreign := p.create(t, "gone").Key.ID, stranger.create(t, "foreign").Key.ID
	_, err := p.DeleteKey(t.Context(), gone)
	must(t, err)
	for _, id := range []string{gone, foreign, "ffffffffffffffffffffffff", "", "nonsense"} {
		_, err := p.LabelKey(t.Context(), id, "mine", "")
		is(t, err, model.KindNotFound)
	}
	if got := stranger.label(t, foreign); got != (model.Card{}) {
		t.Errorf("somebody else's key has %+v", got)
	}
}
