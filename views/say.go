package views

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// t is a text in the language of the page. See package lang.
func t(ctx context.Context, id, english string, values ...string) string {
	return lang.T(ctx, id, english, values...)
}

// tn is t for a text that depends on a number.
func tn(ctx context.Context, id string, n int, one, other string, values ...string) string {
	return lang.N(ctx, id, n, one, other, values...)
}

// language are the attributes of <html> that say in which language the page is.
func language(ctx context.Context) templ.OrderedAttributes {
	tag, dir := lang.Of(ctx).HTML()
	return templ.OrderedAttributes{{Key: "lang", Value: tag}, {Key: "dir", Value: dir}}
}

// with is what stands in the placeholders of a text that is drawn: a component for what has a look of its own, a string for what has none.
// For an element of the text it is a link or another around.
type with map[string]any

// around is what an element of a text is drawn as.
type around struct{ open, end string }

// link has <a> in a text lead somewhere.
func link(to templ.SafeURL) around {
	return around{`<a href="` + templ.EscapeString(string(to)) + `">`, "</a>"}
}

// wrapped has an element of a text be another, with a class.
func wrapped(element, class string) around {
	return around{"<" + element + ` class="` + templ.EscapeString(class) + `">`, "</" + element + ">"}
}

// say draws a text with components and elements in it:
//
//	@say("keys.taken", "It was created {when} and is <a>here</a>.", with{"when": when(k.Created), "a": link(keyPath(k.ID))})
//
// Texts are written by us, and so elements in them are drawn as they are; what people wrote comes by a placeholder.
func say(id, english string, w with) templ.Component {
	return sentence{func(l *lang.Language) string { return l.Pattern(id, english) }, w}
}

// sayText is say for a text of a table.
func sayText(text lang.Text, w with) templ.Component {
	return sentence{func(l *lang.Language) string { return l.Pattern(text.ID, text.English) }, w}
}

// sayN is say for a text that depends on a number, which is {n} in it.
func sayN(id string, n int, one, other string, w with) templ.Component {
	all := with{"n": strconv.Itoa(n)}
	for name, value := range w {
		all[name] = value
	}
	return sentence{func(l *lang.Language) string { return l.Plural(id, n, one, other) }, all}
}

type sentence struct {
	pattern func(*lang.Language) string
	with    with
}

// Render draws the text piece by piece.
func (s sentence) Render(ctx context.Context, out io.Writer) error {
	for rest := s.pattern(lang.Of(ctx)); rest != ""; {
		start := strings.IndexAny(rest, "{<")
		if start < 0 {
			return write(out, escapeText(rest))
		}
		if err := write(out, escapeText(rest[:start])); err != nil {
			return err
		}
		closing := "}"
		if rest[start] == '<' {
			closing = ">"
		}
		name, after, _ := strings.Cut(rest[start+1:], closing)
		if err := s.part(ctx, out, closing, name); err != nil {
			return err
		}
		rest = after
	}
	return nil
}

func (s sentence) part(ctx context.Context, out io.Writer, closing, name string) error {
	if closing == ">" {
		element, ends := strings.CutPrefix(name, "/")
		a, ok := s.with[element].(around)
		switch {
		case !ok:
			return write(out, "<", name, ">")
		case ends:
			return write(out, a.end)
		default:
			return write(out, a.open)
		}
	}
	switch value := s.with[name].(type) {
	case templ.Component:
		return value.Render(ctx, out)
	case string:
		if name == "n" {
			return write(out, value) // which is written by sayN
		}
		return spelt(value).Render(ctx, out)
	default:
		return write(out, "{", name, "}") // which a test finds
	}
}

// escapeText leaves quotation marks as they are, as a template does with its text.
var textEscapes = strings.NewReplacer("&", "&amp;")

func escapeText(s string) string { return textEscapes.Replace(s) }
