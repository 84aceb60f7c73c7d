package lang

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

var update = flag.Bool("update", false, "add texts without a translation to the files of views/locales, and take away those that nobody says")

// entry is a text in a file.
type entry struct {
	// Description is the English text that it translates, the one for many things where there is a number.
	Description string `json:"description"`
	Zero        string `json:"zero,omitempty"`
	One         string `json:"one,omitempty"`
	Two         string `json:"two,omitempty"`
	Few         string `json:"few,omitempty"`
	Many        string `json:"many,omitempty"`
	Other       string `json:"other"`
}

func (e entry) forms() map[string]string {
	forms := map[string]string{"zero": e.Zero, "one": e.One, "two": e.Two, "few": e.Few, "many": e.Many, "other": e.Other}
	maps.DeleteFunc(forms, func(_, text string) bool { return text == "" })
	return forms
}

// Pages make what names the administrator a link where one can be reached, and look for it as it is written in that one text.
func TestTheAdministratorIsNamedInOneWay(t *testing.T) {
	t.Parallel()
	const id, english = "administrator.here", "the administrator of this server"
	for _, l := range All()[1:] {
		name := l.T(id, english)
		for _, s := range inCode(t) {
			if text := l.Pattern(s.id, s.english); strings.Contains(s.english, english) && !strings.Contains(text, name) {
				t.Errorf("%s: %s does not say %q: %q", l.file, s.id, name, text)
			}
		}
	}
}

var validID = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)

func TestEveryTextIsInEveryLanguageAndNoneIsThereThatNobodySays(t *testing.T) {
	t.Parallel()
	texts := map[string]said{}
	for _, s := range inCode(t) {
		before, ok := texts[s.id]
		switch {
		case !validID.MatchString(s.id):
			t.Errorf("%s: %q is no id", s.where, s.id)
		case ok && (before.english != s.english || before.one != s.one):
			t.Errorf("%s: %s is another text than at %s", s.where, s.id, before.where)
		}
		texts[s.id] = s
	}
	for _, l := range All()[1:] {
		file := filepath.Join(root, "views/locales", l.file)
		entries := readFile(t, file)
		if *update {
			entries = updated(entries, texts)
			writeFile(t, file, entries)
		}
		for id, s := range texts {
			var e entry
			if raw, ok := entries[id]; !ok {
				t.Errorf("%s: %s is missing: %q", l.file, id, s.english)
				continue
			} else if err := strict(raw, &e); err != nil {
				t.Errorf("%s: %s: %v", l.file, id, err)
				continue
			}
			if e.Description != s.english {
				t.Errorf("%s: %s translates %q, which is %q now", l.file, id, e.Description, s.english)
			}
			wanted := []string{"other"}
			if s.one != "" {
				wanted = formsOf(l.tag)
			}
			if got := slices.Sorted(maps.Keys(e.forms())); !slices.Equal(got, wanted) {
				t.Errorf("%s: %s has the forms %v, not %v", l.file, id, got, wanted)
			}
			for form, text := range e.forms() {
				if got, want := marks(text), marks(s.english); got != want && (s.one == "" || got != marks(strings.ReplaceAll(s.english, "{n}", ""))) {
					t.Errorf("%s: %s, %s: its placeholders and elements are %s, not %s", l.file, id, form, got, want)
				}
				if strings.TrimSpace(text) != text {
					t.Errorf("%s: %s, %s: spaces are around it", l.file, id, form)
				}
			}
		}
		for id := range entries {
			if _, ok := texts[id]; !ok && id != "" {
				t.Errorf("%s: nobody says %s", l.file, id)
			}
		}
	}
}

// mark is a placeholder or an element.
var mark = regexp.MustCompile(`\{[a-z]+\}|</?[a-z0-9]+>`)

func marks(text string) string {
	all := mark.FindAllString(text, -1)
	slices.Sort(all)
	return strings.Join(all, " ")
}

// formsOf are the forms of the plural that whole numbers have in a language, sorted.
func formsOf(tag language.Tag) []string {
	names := map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	found := map[string]bool{"other": true}
	for n := range 201 {
		found[names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func strict(raw json.RawMessage, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

func readFile(t *testing.T, file string) (entries map[string]json.RawMessage) {
	t.Helper()
	body, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(body, &entries)
	}
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// updated has an entry for each text. One whose English text was changed keeps its translation, to be looked at: it stays as old as it is
// until a translator writes the new text beside it.
func updated(entries map[string]json.RawMessage, texts map[string]said) map[string]json.RawMessage {
	maps.DeleteFunc(entries, func(id string, _ json.RawMessage) bool { _, ok := texts[id]; return !ok && id != "" })
	for id, s := range texts {
		if _, ok := entries[id]; !ok {
			entries[id], _ = encode(entry{Description: s.english})
		}
	}
	return entries
}

// writeFile writes one line an entry, sorted.
func writeFile(t *testing.T, file string, entries map[string]json.RawMessage) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("{\n")
	for i, id := range slices.Sorted(maps.Keys(entries)) {
		if i > 0 {
			b.WriteString(",\n")
		}
		name, _ := encode(id)
		b.Write(name)
		b.WriteString(": ")
		b.Write(entries[id])
	}
	b.WriteString("\n}\n")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// encode is JSON in which letters, quotation marks aside, stay as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
