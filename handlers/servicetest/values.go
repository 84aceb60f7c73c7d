package servicetest

import (
	"testing"
	"time"

	"latchkey/internal/model"
)

// values is what a person says of the value of a key.
func values() []contract {
	return []contract{
		{"a value is saved once, in the way that was said first, which is written down once", savedOnce},
		{"only a value that was shown on a page can be saved there", savedWhereShown},
		{"a key whose value leaked is off at once and for good marked, which is written down once", leakReported},
		{"a leaked key that was off is marked all the same, and one that is turned on is written down as leaked", leakedAgain},
		{"of a key that never was, was deleted or is somebody else's no leak is reported", leakNotFound},
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

func leakReported(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	created, lamp := p.create(t, "pump"), p.create(t, "lamp")
	goesOn := works(t, s, created.Value)
	var at time.Time
	p.writes(t, func() {
		leak, err := p.ReportLeak(t.Context(), created.Key.ID)
		must(t, err)
		if at = leak.Key.Card.LeakedAt; !leak.Key.Disabled || leak.WasOff || leak.NotMarked || at.Sub(s.Now()).Abs() > aDay {
			t.Errorf("it came to %+v", leak)
		}
		s.Advance(time.Minute)
		leak, err = p.ReportLeak(t.Context(), created.Key.ID)
		must(t, err)
		if !leak.WasOff || !leak.Key.Card.LeakedAt.Equal(at) {
			t.Errorf("said again it came to %+v", leak)
		}
	}, "key-leaked pump")
	isRefused(t, s, created.Value)
	if goesOn() {
		t.Error("its session goes on")
	}
	if got := p.card(t, created.Key.ID).LeakedAt; !got.Equal(at) || at.IsZero() {
		t.Errorf("it leaked at %v", got)
	}
	works(t, s, lamp.Value)
}

func leakedAgain(t testing.TB, s Tenant) {
	p := newPerson(t, s)
	created := p.create(t, "pump")
	_, err := p.TurnKey(t.Context(), created.Key.ID, false)
	must(t, err)
	s.Advance(time.Minute)
	p.writes(t, func() {
		leak, err := p.ReportLeak(t.Context(), created.Key.ID)
		must(t, err)
		if !leak.WasOff || leak.Key.Card.LeakedAt.IsZero() {
			t.Errorf("it came to %+v", leak)
		}
		from := here
		for _, name := range []string{"", "pum"} {
			from.Named = name
			_, err := s.Service.As(p.account, from).TurnKey(t.Context(), created.Key.ID, true)
			is(t, err, model.KindLeaked)
		}
		for range 2 {
			from.Named = "pump"
			key, err := s.Service.As(p.account, from).TurnKey(t.Context(), created.Key.ID, true)
			must(t, err)
			if key.Card.LeakedAt.IsZero() {
				t.Error("turned on, it is not marked any more")
			}
		}
		works(t, s, created.Value)
		s.Advance(time.Minute)
		leak, err = p.ReportLeak(t.Context(), created.Key.ID)
		must(t, err)
		if leak.WasOff || !leak.Key.Disabled {
			t.Errorf("reported once more it came to %+v", leak)
		}
	}, "key-leaked pump "+model.DetailWasOff, "key-turned-on pump "+model.DetailLeaked, "key-leaked pump")
	isRefused(t, s, created.Value)
}

func leakNotFound(t testing.TB, s Tenant) {
	p, stranger := newPerson(t, s), newPerson(t, s)
	gone, foreign := p.create(t, "gone").Key, stranger.create(t, "pump")
	_, err := p.DeleteKey(t.Context(), gone.ID)
	must(t, err)
	p.writes(t, func() {
		stranger.writes(t, func() {
			for _, id := range []string{"", "1", "0123456789abcdef01234567", gone.ID, foreign.Key.ID} {
				_, err := p.ReportLeak(t.Context(), id)
				is(t, err, model.KindNotFound)
			}
		})
	})
	works(t, s, foreign.Value)
}
