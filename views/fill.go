package views

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// part is what stands in one placeholder of a text: a time, or else a text of ours or of theirs.
type part struct {
	name, text string
	at         When
	// exact has the time be told by two clocks, see instant.
	exact bool
}

// fill writes a text as say does, but without a map and without a component for each part: for what stands in rows.
func (s *sentences) fill(text string, parts ...part) {
	_, dir := lang.Of(s.ctx).HTML()
	for {
		before, rest, found := strings.Cut(text, "{")
		s.text(escapeText(before))
		if !found {
			return
		}
		var name string
		name, text, _ = strings.Cut(rest, "}")
		for _, p := range parts {
			switch {
			case p.name != name:
			case p.exact:
				s.instant(p.at)
			case p.at.Machine != "":
				s.time(p.at)
			case dir == "rtl":
				s.text("<bdi>")
				s.text(templ.EscapeString(p.text))
				s.text("</bdi>")
			default:
				s.text(templ.EscapeString(p.text))
			}
		}
	}
}

// saying writes sentences.
func saying(say func(*sentences)) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &sentences{ctx: ctx, to: to}
		say(w)
		return w.err
	})
}

// spelt is a name among words that may run the other way.
func spelt(text string) templ.Component {
	return saying(func(w *sentences) { w.fill("{name}", part{name: "name", text: text}) })
}

// isolated is what a person calls something, in the direction of its own letters.
func isolated(text string) templ.Component {
	return saying(func(w *sentences) {
		w.text("<bdi>")
		w.text(templ.EscapeString(text))
		w.text("</bdi>")
	})
}
