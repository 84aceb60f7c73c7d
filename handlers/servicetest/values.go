package servicetest

import (
	"testing"

	"latchkey/internal/model"
)

// values is what a person says of the value of a key.
func values() []contract {
	return []contract{
		{"a value is saved once, in the way that was said first, which is written down once", savedOnce},
		{"only a value that was shown on a page can be saved there", savedWhereShown},
	}
}

func savedOnce(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	key := p.create(t, "pump").Key
	if got := p.card(t, key.ID); got != (model.Card{SavedHow: model.NotSaved}) {
		t.Errorf("of a new key is known %+v", got)
	}
	p.writes(t, func() {
		for _, how := range []model.SavedHow{model.SavedByDownloading, model.SavedByDownloading, model.SavedByCopying} {
			must(t, p.MarkSaved(t.Context(), key.ID, how))
		}
	}, "key-saved pump downloaded")
	if got := p.card(t, key.ID); got.SavedHow != model.SavedByDownloading || got.SavedAt.Sub(s.Now()).Abs() > aDay {
		t.Errorf("of a key whose value was downloaded is known %+v", got)
	}
}

func savedWhereShown(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	from := here
	from.Pairing = "porch camera"
	paired, err := s.Service.As(p.account, from).CreateKey(t.Context(), model.CalledKey("porch"))
	must(t, err)
	gone, own, foreign := p.create(t, "gone").Key, p.create(t, "lamp").Key, stranger.create(t, "pump").Key
	_, err = p.DeleteKey(t.Context(), gone.ID)
	must(t, err)
	p.writes(t, func() {
		stranger.writes(t, func() {
			for _, id := range []string{"", "1", "0123456789abcdef01234567", gone.ID, foreign.ID, paired.Key.ID} {
				is(t, p.MarkSaved(t.Context(), id, model.SavedByCopying), model.KindNotFound)
			}
			for _, how := range []model.SavedHow{"", model.NotSaved, "by heart"} {
				is(t, p.MarkSaved(t.Context(), own.ID, how), model.KindNotFound)
			}
		})
	})
	if got := p.card(t, paired.Key.ID); got != (model.Card{}) {
		t.Errorf("of a device's key is known %+v", got)
	}
}
