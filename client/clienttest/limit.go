package clienttest

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/client"
)

func (s *suite) testLimit(t *testing.T) {
	t.Run("a user has at most 20, off ones included", s.fullUser)
	t.Run("holds when many ask at once", s.limitRace)
}

// fill gives p the first n keys.
func (p *person) fill(t *testing.T, n int) []client.APIKey {
	t.Helper()
	var keys []client.APIKey
	for i := range n {
		keys = append(keys, p.newKeyNamed(t, fmt.Sprintf("key-%d", i)).APIKey)
	}
	return keys
}

func (s *suite) fullUser(t *testing.T) {
	p := s.newPerson(t)
	keys := p.fill(t, client.MaxKeys)
	refuses := func(name string) {
		t.Helper()
		_, err := p.keys.Create(t.Context(), name)
		refused(t, err, want{choice(s, 400), choice(s, "BadRequest"), ""})
		if s.Strict && (!client.IsKeyLimit(err) || !strings.Contains(err.Error(), "20")) {
			t.Errorf("got %v, want the limit named", err)
		}
	}
	refuses("one-more")
	refuses(keys[0].Name) // the limit is what helps the person, not the name
	if !s.Strict {
		return
	}
	if err := p.keys.Disable(t.Context(), keys[0].ID); err != nil {
		t.Fatal(err)
	}
	refuses("one-more")
	if got := len(p.list(t)); got != client.MaxKeys {
		t.Errorf("%d keys, want %d", got, client.MaxKeys)
	}
	if err := p.keys.Delete(t.Context(), keys[1].ID); err != nil {
		t.Fatal(err)
	}
	p.newKeyNamed(t, "one-more")
	refuses("yet-another")
}

func (s *suite) limitRace(t *testing.T) {
	s.strict(t)
	p := s.newPerson(t)
	p.fill(t, client.MaxKeys-3)
	made := atOnce(10, func() error { return second(p.keys.Create(t.Context(), "race-"+random(4))) }, func(err error) {
		if !client.IsKeyLimit(err) {
			t.Errorf("got %v, want the limit", err)
		}
	})
	if got := len(p.list(t)); made != 3 || got != client.MaxKeys {
		t.Errorf("%d creates succeeded and %d keys are there, want 3 and %d", made, got, client.MaxKeys)
	}
}
