// Package lang says what pages and emails say in the language of the person who reads it. English is in the code, beside the id of its place:
//
//	lang.T(ctx, "keys.create.title", "Create a key")
//	lang.T(ctx, "menu.of", "Menu of {email}", "email", address)
//	lang.N(ctx, "keys.count", n, "{n} key", "{n} keys")
//
// The other languages are files in views/locales, whose entries repeat the English text that they translate, so that a text that was
// changed is noticed. The tests of this package compare both; with -update they add what is missing and take away what nobody says.
//
// A text may have placeholders in braces, and the elements <a>, <b>, <code>, <em>, <kbd>, <strong> and <span> without attributes where a
// page draws it: see "say" in package views. Numbers are written in Latin digits everywhere.
package lang

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"latchkey/views/locales"
)

// Language is one that pages and emails can be in. The nil Language is English, the source.
type Language struct {
	// Tag is its name for programs (BCP 47), as <html lang> has it.
	Tag string
	// Name is what its speakers call it.
	Name string
	// ReadBy is who of them has read the translation; "" when nobody has.
	ReadBy string
	// RightToLeft is how it is written.
	RightToLeft bool

	tag  language.Tag
	file string
	load sync.Once
	said map[string]message
}

// message is a text in a language. Only other is there when no number is in it.
type message struct{ Zero, One, Two, Few, Many, Other string }

// of is the form for a number (CLDR's cardinal rules).
func (m *message) of(tag language.Tag, n int) string {
	form := m.Other
	switch plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0) {
	case plural.Zero:
		form = m.Zero
	case plural.One:
		form = m.One
	case plural.Two:
		form = m.Two
	case plural.Few:
		form = m.Few
	case plural.Many:
		form = m.Many
	}
	if form == "" {
		return m.Other
	}
	return form
}

// English is the source.
const English = "en"

// Pseudo is no language: texts in it are English ones in brackets, longer by two fifths and with accents, so that what is not translated and
// what has no room is seen. It is offered to nobody.
const Pseudo = "en-XA"

var (
	all = sync.OnceValue(known)
	// pseudo is never in all.
	pseudo = &Language{Tag: Pseudo, Name: "Pseudo", tag: language.English}
	// english stands for nil where something has to be listed.
	english = &Language{Tag: English, Name: "English", ReadBy: "its writers", tag: language.English}
)

// All are the languages that people can choose, English first.
func All() []*Language { return slices.Clone(all()) }

// Named is the language with a tag; nil and false when there is none. For English it is nil and true.
func Named(tag string) (*Language, bool) {
	if tag == Pseudo {
		return pseudo, true
	}
	for _, l := range all() {
		if l.Tag == tag {
			return l.orNil(), true
		}
	}
	return nil, false
}

// maxAccept is how much of a header is looked at: a browser with ten languages sends 150 bytes.
const maxAccept = 512

// Accepted is the language that a browser asks for by Accept-Language (RFC 9110, 12.5.4); false when it asks for none that is here.
func Accepted(header string) (*Language, bool) {
	switch first, _, _ := strings.Cut(header, ","); {
	case header == "" || len(header) > maxAccept:
		return nil, false
	case first == English || strings.HasPrefix(first, "en-") && !strings.Contains(first, ";"): // what most browsers send; without a weight it is wanted most
		return nil, true
	}
	wanted, weights, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return nil, false
	}
	for i, tag := range wanted {
		if weights[i] <= 0 {
			continue
		}
		base, confidence := tag.Base()
		if confidence < language.High {
			continue // "*"
		}
		for _, l := range all() {
			if own, _ := l.tag.Base(); own == base {
				return l.orNil(), true
			}
		}
	}
	return nil, false
}

func (l *Language) orNil() *Language {
	if l == english {
		return nil
	}
	return l
}

// HTML are the values of <html lang> and <html dir>.
func (l *Language) HTML() (tag, dir string) {
	switch {
	case l == nil:
		return English, "ltr"
	case l.RightToLeft:
		return l.Tag, "rtl"
	default:
		return l.Tag, "ltr"
	}
}

type contextKey struct{}

// With has all that is said in the context be in a language.
func With(ctx context.Context, l *Language) context.Context {
	if l == nil {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, l)
}

// Of is the language of a context, nil for English.
func Of(ctx context.Context) *Language {
	l, _ := ctx.Value(contextKey{}).(*Language)
	return l
}

// T is a text in the language of a context. Values come in pairs, "name", value, and take the place of {name}.
func T(ctx context.Context, id, english string, values ...string) string {
	return Of(ctx).T(id, english, values...)
}

// N is a text that depends on a number, which is {n} in it.
func N(ctx context.Context, id string, n int, one, other string, values ...string) string {
	return Of(ctx).N(id, n, one, other, values...)
}

// T is the function of that name, for where there is no context.
func (l *Language) T(id, english string, values ...string) string {
	return l.Fill(l.Pattern(id, english), values...)
}

// N is the function of that name, for where there is no context.
func (l *Language) N(id string, n int, one, other string, values ...string) string {
	return l.Fill(l.Plural(id, n, one, other), append(values, "n", strconv.Itoa(n))...)
}

// Pattern is a text as it is written, with its placeholders.
func (l *Language) Pattern(id, english string) string {
	switch {
	case l == nil:
		return english
	case l == pseudo:
		return longer(english)
	}
	if m, ok := l.messages()[id]; ok && m.Other != "" {
		return m.Other
	}
	return english // better than nothing; a test says that it does not happen
}

// Plural is Pattern for a number.
func (l *Language) Plural(id string, n int, one, other string) string {
	source := other
	if n == 1 {
		source = one
	}
	switch {
	case l == nil:
		return source
	case l == pseudo:
		return longer(source)
	}
	if m, ok := l.messages()[id]; ok && m.Other != "" {
		return m.of(l.tag, n)
	}
	return source
}

// Isolates of Unicode (UAX 9): what is between them has a direction of its own, so that a name or a code stays in order in a sentence that
// runs the other way.
const (
	Isolate    = "\u2068"
	EndIsolate = "\u2069"
)

// Fill puts values in the place of placeholders.
func (l *Language) Fill(text string, values ...string) string {
	if len(values) == 0 || !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 32)
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		value, ok := valueOf(values, name)
		switch {
		case !ok:
			b.WriteByte('{')
			text = rest
			continue
		case l != nil && l.RightToLeft && name != "n":
			b.WriteString(Isolate)
			b.WriteString(value)
			b.WriteString(EndIsolate)
		default:
			b.WriteString(value)
		}
		text = after
	}
}

func valueOf(values []string, name string) (string, bool) {
	for i := 0; i+1 < len(values); i += 2 {
		if values[i] == name {
			return values[i+1], true
		}
	}
	return "", false
}

// Text is a text that is said later, in a table for example.
type Text struct{ ID, English string }

// New is a Text.
func New(id, english string) Text { return Text{ID: id, English: english} }

// In says it.
func (t Text) In(ctx context.Context, values ...string) string {
	return T(ctx, t.ID, t.English, values...)
}

// Texts are those with an id that is wanted, by the form of the plural: "other" where there is no number.
func (l *Language) Texts(wanted func(id string) bool) map[string]map[string]string {
	found := map[string]map[string]string{}
	for id, m := range l.messages() {
		if !wanted(id) {
			continue
		}
		found[id] = map[string]string{}
		for form, text := range map[string]string{"zero": m.Zero, "one": m.One, "two": m.Two, "few": m.Few, "many": m.Many, "other": m.Other} {
			if text != "" {
				found[id][form] = text
			}
		}
	}
	return found
}

func (l *Language) messages() map[string]message {
	l.load.Do(func() {
		entries, _ := read(l.file) // which known has read before
		l.said = make(map[string]message, len(entries))
		for id, raw := range entries {
			var m message
			if err := json.Unmarshal(raw, &m); err != nil {
				panic(fmt.Sprintf("lang: %s: %s: %v", l.file, id, err)) // the file is part of the binary
			}
			l.said[id] = m
		}
	})
	return l.said
}

// head is what a file says about itself, below the id "".
type head struct {
	Language string `json:"language"`
	ReadBy   string `json:"read by"`
}

func known() []*Language {
	files, err := locales.Files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("lang: %v", err)) // the directory is part of the binary
	}
	list := []*Language{english}
	for _, f := range files {
		entries, err := read(f.Name())
		var h head
		if err == nil {
			err = json.Unmarshal(entries[""], &h)
		}
		if err != nil {
			panic(fmt.Sprintf("lang: %s: %v", f.Name(), err))
		}
		l := &Language{Tag: strings.TrimSuffix(f.Name(), path.Ext(f.Name())), Name: h.Language, ReadBy: h.ReadBy, file: f.Name()}
		l.tag = language.MustParse(l.Tag)
		script, _ := l.tag.Script()
		l.RightToLeft = slices.Contains([]string{"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm"}, script.String())
		list = append(list, l)
	}
	return list
}

func read(name string) (entries map[string]json.RawMessage, err error) {
	body, err := locales.Files.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(body, &entries)
	}
	return entries, err
}
