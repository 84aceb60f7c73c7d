package views

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// pen writes what a list has in each of its rows: our texts, with moments and names in them. It does what "say" does for less, because
// nothing that it is given has to live longer than the call.
type pen struct {
	ctx context.Context
	l   *lang.Language
	to  io.Writer
	err error
}

func penFor(ctx context.Context, to io.Writer) pen { return pen{ctx: ctx, l: lang.Of(ctx), to: to} }

// fill takes the place of a placeholder: a moment, or else a text that is not said by the sentence itself.
type fill struct {
	name, text string
	moment     When
	// exact has the moment be told by two clocks, see instant.
	exact bool
}

func put(name, text string) fill { return fill{name: name, text: text} }

func moment(name string, w When, r rule) fill { return fill{name: name, moment: w.as(r)} }

// html writes elements, which are as they should be.
func (p *pen) html(texts ...string) {
	if p.err == nil {
		p.err = write(p.to, texts...)
	}
}

// draw writes a component.
func (p *pen) draw(c templ.Component) {
	if p.err == nil {
		p.err = c.Render(p.ctx, p.to)
	}
}

// time writes a moment.
func (p *pen) time(w When, r rule) {
	if p.err == nil {
		p.err = w.as(r).Render(p.ctx, p.to)
	}
}

// T writes one of our texts.
func (p *pen) T(id, english string, fills ...fill) {
	for rest := p.l.Pattern(id, english); rest != ""; {
		before, name, after := placeholder(rest)
		p.html(escapeText(before))
		for i := range fills {
			switch f := &fills[i]; {
			case f.name != name:
			case f.exact:
				p.instant(f.moment)
			case f.text == "":
				p.time(f.moment, f.moment.rule)
			default:
				p.name(f.text)
			}
		}
		rest = after
	}
}

// name writes a name among words that may run the other way.
func (p *pen) name(text string) {
	if p.rightToLeft() {
		p.html("<bdi>", templ.EscapeString(text), "</bdi>")
	} else {
		p.html(templ.EscapeString(text))
	}
}

// penned is what a pen writes.
func penned(by func(*pen)) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		p := penFor(ctx, to)
		by(&p)
		return p.err
	})
}

// spelt is a name among words that may run the other way.
func spelt(name string) templ.Component {
	return penned(func(p *pen) { p.name(name) })
}

// isolated is a text of others, such as what a person calls something, in the direction of its own letters.
func isolated(text string) templ.Component {
	return penned(func(p *pen) { p.html("<bdi>", templ.EscapeString(text), "</bdi>") })
}

// attribute writes a text as the value of an attribute, with a name in it. The text is one of T's of package lang, not filled in yet.
func (p *pen) attribute(text, placeholderName, value string) {
	before, name, after := placeholder(text)
	p.html(templ.EscapeString(before))
	if name == placeholderName && name != "" {
		if p.rightToLeft() {
			p.html(lang.Isolate, templ.EscapeString(value), lang.EndIsolate)
		} else {
			p.html(templ.EscapeString(value))
		}
	}
	p.html(templ.EscapeString(after))
}

// direction has what is the same in every language be written from left to right, where the rest is not.
func (p *pen) direction() {
	if p.rightToLeft() {
		p.html(` dir="ltr"`)
	}
}

func (p *pen) rightToLeft() bool { return p.l != nil && p.l.RightToLeft }

// placeholder is the first one of a text, with what stands around it; without one all of the text is before it.
func placeholder(text string) (before, name, after string) {
	start := strings.IndexByte(text, '{')
	if start < 0 {
		return text, "", ""
	}
	name, after, _ = strings.Cut(text[start+1:], "}")
	return text[:start], name, after
}

// coded is a text that is the same in every language: a name that programs know, or a value.
func coded(text string) templ.Component {
	return templ.Raw(`<code dir="ltr" translate="no">` + templ.EscapeString(text) + "</code>")
}
