package clienttest

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"latchkey/client"
)

// badCharacters is the original's text.
const badCharacters = "can only contain ASCII letters, numbers, underscores, and hyphens"

func (s *suite) testNames(t *testing.T) {
	p := s.newPerson(t)
	for _, name := range []string{"a", "-", "_", "0", "A-b_9", strings.Repeat("n", client.MaxNameLength)} {
		t.Run("accepted: "+name, func(t *testing.T) {
			if got := p.newKeyNamed(t, name); got.Name != name {
				t.Errorf("the key is called %q", got.Name)
			}
		})
	}
	for _, name := range []string{"with space", " lead", "trail ", "a/b", "a.b", "ключ", "é", "🔑", "a\nb", "a\x00b", "$()!$", "%s", "<b>"} {
		t.Run("refused: "+name, func(t *testing.T) {
			s.createRaw(t, p, name).refused(t, want{http.StatusBadRequest, "InvalidParameter", badCharacters})
		})
	}
	t.Run("an empty and a missing one are refused without a code", func(t *testing.T) {
		for _, body := range []string{`{"name":""}`, `{}`} {
			a := s.send(t, request{method: http.MethodPost, path: "/auth/api_keys", bearer: p.refresh(), body: body})
			a.refused(t, want{choice(s, http.StatusBadRequest), noCode, "'name' is a required string"})
		}
	})
	t.Run("65 characters are refused", func(t *testing.T) {
		s.strict(t)
		a := s.createRaw(t, p, strings.Repeat("n", client.MaxNameLength+1))
		a.refused(t, want{status: http.StatusBadRequest, code: "InvalidParameter"})
	})
	t.Run("refused names make no key", func(t *testing.T) {
		if got := len(p.list(t)); got != 6 {
			t.Errorf("%d keys, want the six that were accepted", got)
		}
	})
	t.Run("belong to one key of a user", s.takenName)
	t.Run("differ by case", func(t *testing.T) {
		s.strict(t)
		p := s.newPerson(t)
		p.newKeyNamed(t, "phone")
		p.newKeyNamed(t, "Phone")
	})
	t.Run("belong to one key even when many ask at once", s.nameRace)
}

// createRaw asks for a key by hand: package client refuses bad names itself.
func (s *suite) createRaw(t *testing.T, p *person, name string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	return s.send(t, request{method: http.MethodPost, path: "/auth/api_keys", bearer: p.refresh(), body: string(body)})
}

func (s *suite) takenName(t *testing.T) {
	p, other := s.newPerson(t), s.newPerson(t)
	first := p.newKeyNamed(t, "phone")
	_, err := p.keys.Create(t.Context(), "phone")
	refused(t, err, want{http.StatusConflict, choice(s, "APIKeyAlreadyExists"), "API key with name already exists"})
	if !client.IsNameInUse(err) {
		t.Errorf("IsNameInUse is false for %v", err)
	}
	if err := p.keys.Disable(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.keys.Create(t.Context(), "phone"); !client.IsNameInUse(err) {
		t.Errorf("the name of a key that is off: %v, want it to be in use", err)
	}
	other.newKeyNamed(t, "phone") // names are not shared between users
}

func (s *suite) nameRace(t *testing.T) {
	s.strict(t)
	p := s.newPerson(t)
	made := atOnce(8, func() error { return second(p.keys.Create(t.Context(), "phone")) }, func(err error) {
		if !client.IsNameInUse(err) {
			t.Errorf("got %v, want the name to be in use", err)
		}
	})
	if got := len(p.list(t)); made != 1 || got != 1 {
		t.Errorf("%d creates succeeded and %d keys are there, want 1", made, got)
	}
}

// atOnce does something n times in parallel, gives each error to failed, and
// returns how often it succeeded.
func atOnce(n int, do func() error, failed func(error)) int {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range errs {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	succeeded := 0
	for _, err := range errs {
		if err == nil {
			succeeded++
			continue
		}
		failed(err)
	}
	return succeeded
}
