package clienttest

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

func (s *suite) testKeys(t *testing.T) {
	t.Run("a new user has none", func(t *testing.T) {
		p := s.newPerson(t)
		a := s.send(t, request{method: http.MethodGet, path: "/auth/api_keys", bearer: p.refresh()})
		if a.status != http.StatusOK || strings.TrimSpace(a.body) != "[]" {
			t.Errorf("got %d %s, want 200 []", a.status, a.body)
		}
	})
	t.Run("create gives the value and no other answer does", s.onceOnly)
	t.Run("are listed in the order of creation", s.listOrder)
	t.Run("unknown, malformed and foreign ids answer alike", s.otherIDs)
	t.Run("are turned off and on any number of times", s.offAndOn)
	t.Run("are deleted for good", s.deleted)
	t.Run("package client tells the time of creation", func(t *testing.T) {
		s.strict(t)
		key := s.newPerson(t).newKey(t)
		if age := time.Since(key.CreatedAt()).Abs(); age > 5*time.Minute {
			t.Errorf("created at %v, want about now", key.CreatedAt())
		}
	})
}

var alphanumeric64 = regexp.MustCompile(`^[A-Za-z0-9]{64}$`)

// list returns the person's keys.
func (p *person) list(t *testing.T) []client.APIKey {
	t.Helper()
	keys, err := p.keys.FetchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (s *suite) onceOnly(t *testing.T) {
	p := s.newPerson(t)
	name := "once-" + random(4)
	a := s.send(t, request{method: http.MethodPost, path: "/auth/api_keys", bearer: p.refresh(), body: `{"name":"` + name + `"}`})
	if code := choice(s, http.StatusCreated); a.status/100 != 2 || code != 0 && a.status != code {
		t.Fatalf("create answered %d, want 201", a.status)
	}
	created := a.object(t)
	value, _ := created["key"].(string)
	id, _ := created["_id"].(string)
	checkKey(t, created, id, name, "_id", "disabled", "key", "name")
	if value == "" || s.Strict && !alphanumeric64.MatchString(value) {
		t.Errorf("a value of %d characters, want 64 letters and digits", len(value))
	}

	list := s.send(t, request{method: http.MethodGet, path: "/auth/api_keys", bearer: p.refresh()})
	one := s.send(t, request{method: http.MethodGet, path: "/auth/api_keys/" + id, bearer: p.refresh()})
	profile, err := p.session.Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told, err := json.Marshal(profile)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{list.body, one.body, string(told)} {
		if strings.Contains(text, value) {
			t.Error("an answer other than create's has the value")
		}
	}
	checkKey(t, one.object(t), id, name, "_id", "disabled", "name")
	var objects []map[string]any
	if err := json.Unmarshal([]byte(list.body), &objects); err != nil || len(objects) != 1 {
		t.Fatalf("list answered %s, want one key", list.body)
	}
	checkKey(t, objects[0], id, name, "_id", "disabled", "name")
}

// checkKey checks a key that is on. Nothing may be added to it: realm-web's
// users compare whole objects.
func checkKey(t *testing.T, object map[string]any, id, name string, members ...string) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, members) {
		t.Errorf("a key has the members %v, want %v", got, members)
	}
	if !hex24.MatchString(id) || object["_id"] != id || object["name"] != name || object["disabled"] != false {
		t.Errorf("a key is %v %v disabled %v, want %s %s disabled false",
			object["_id"], object["name"], object["disabled"], id, name)
	}
}

func (s *suite) listOrder(t *testing.T) {
	p := s.newPerson(t)
	var made []client.APIKey
	for _, name := range []string{"m", "z", "A", "0", "k"} {
		made = append(made, p.newKeyNamed(t, name).APIKey)
	}
	if got := p.list(t); !slices.Equal(got, made) {
		t.Errorf("listed %+v, want %+v", got, made)
	}
	if err := p.keys.Delete(t.Context(), made[1].ID); err != nil {
		t.Fatal(err)
	}
	if err := p.keys.Disable(t.Context(), made[2].ID); err != nil {
		t.Fatal(err)
	}
	made[2].Disabled = true
	if got, want := p.list(t), slices.Delete(made, 1, 2); !slices.Equal(got, want) {
		t.Errorf("listed %+v, want %+v", got, want)
	}
}

func (s *suite) otherIDs(t *testing.T) {
	p, other := s.newPerson(t), s.newPerson(t)
	foreign := other.newKey(t)
	for name, id := range map[string]string{
		"unknown":    "00000000" + random(8),
		"foreign":    foreign.ID,
		"too short":  "1",
		"not hex":    strings.Repeat("z", 24),
		"23 digits":  foreign.ID[1:],
		"25 digits":  foreign.ID + "0",
		"a quote":    "%27%20OR%201=1",
		"other case": strings.ToUpper("0000000f" + random(8)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range keyCalls(id)[2:] {
				r.bearer = p.refresh()
				expected := notFound
				if !hex24.MatchString(strings.ToLower(id)) {
					expected.code, expected.text = choice(s, expected.code), choice(s, expected.text)
				}
				s.send(t, r).refused(t, expected)
			}
		})
	}
	for name, err := range map[string]error{
		"fetch":   second(p.keys.Fetch(t.Context(), foreign.ID)),
		"enable":  p.keys.Enable(t.Context(), foreign.ID),
		"disable": p.keys.Disable(t.Context(), foreign.ID),
		"delete":  p.keys.Delete(t.Context(), foreign.ID),
	} {
		refused(t, err, notFound)
		if !client.IsNotFound(err) {
			t.Errorf("%s: IsNotFound is false for %v", name, err)
		}
	}
	if got := other.list(t); len(got) != 1 || got[0] != foreign.APIKey {
		t.Errorf("a stranger's calls left %+v, want %+v", got, foreign.APIKey)
	}
}

// second drops the value of a call whose error is of interest.
func second[T any](_ T, err error) error { return err }

func (s *suite) offAndOn(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	for _, step := range []struct {
		verb     string
		do       func(id string) error
		disabled bool
	}{
		{"enable", func(id string) error { return p.keys.Enable(t.Context(), id) }, false},
		{"disable", func(id string) error { return p.keys.Disable(t.Context(), id) }, true},
		{"disable", func(id string) error { return p.keys.Disable(t.Context(), id) }, true},
		{"enable", func(id string) error { return p.keys.Enable(t.Context(), id) }, false},
		{"enable", func(id string) error { return p.keys.Enable(t.Context(), id) }, false},
	} {
		if err := step.do(key.ID); err != nil {
			t.Fatal(err)
		}
		got, err := p.keys.Fetch(t.Context(), key.ID)
		if want := (client.APIKey{ID: key.ID, Name: key.Name, Disabled: step.disabled}); err != nil || got != want {
			t.Errorf("after %s the key is %+v, %v; want %+v", step.verb, got, err, want)
		}
	}
	for _, verb := range []string{"disable", "enable"} {
		a := s.send(t, request{method: http.MethodPut, path: "/auth/api_keys/" + key.ID + "/" + verb, bearer: p.refresh()})
		if a.status != http.StatusNoContent {
			t.Errorf("%s answered %d, want 204", verb, a.status)
		}
	}
}

func (s *suite) deleted(t *testing.T) {
	p := s.newPerson(t)
	key, other := p.newKey(t), p.newKey(t)
	a := s.send(t, request{method: http.MethodDelete, path: "/auth/api_keys/" + key.ID, bearer: p.refresh()})
	if a.status != http.StatusNoContent {
		t.Errorf("delete answered %d, want 204", a.status)
	}
	for _, err := range []error{
		second(p.keys.Fetch(t.Context(), key.ID)),
		p.keys.Enable(t.Context(), key.ID),
		p.keys.Disable(t.Context(), key.ID),
		p.keys.Delete(t.Context(), key.ID),
	} {
		refused(t, err, notFound)
	}
	if got := p.list(t); len(got) != 1 || got[0] != other.APIKey {
		t.Errorf("left %+v, want %+v", got, other.APIKey)
	}
	t.Run("and free the name, not the value", func(t *testing.T) {
		s.strict(t)
		again := p.newKeyNamed(t, key.Name)
		if again.ID == key.ID || again.Value == key.Value {
			t.Error("a new key of the same name is the old one")
		}
		_, err := p.client.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
		refused(t, err, wrongKey)
	})
}
