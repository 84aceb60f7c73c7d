package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// Words are the fingerprint of a key's value as people say it; none when it is not known. They are no sentence of any language, and so are
// never translated.
type Words struct{ First, Second, Digits string }

func (w Words) known() bool { return w != Words{} }

// String joins the words as they are written.
func (w Words) String() string { return w.First + "-" + w.Second + "-" + w.Digits }

// words draws them. The pointer keeps rows cheap: what is drawn lies in the key, and no component is made for it.
func (k *Key) words() templ.Component { return &k.Use.Words }

// called draws what a row calls its key, which leads to it, and the words.
func (k *Key) called() templ.Component { return (*calledKey)(k) }

// calledKey and Words are written by hand because a list has twenty: a component of templ allocates for each expression.
type calledKey Key

// Render writes the label, if there is one, the name and the words.
func (k *calledKey) Render(ctx context.Context, out io.Writer) error {
	p := penFor(ctx, out)
	path, name := templ.EscapeString(string(keyPath(k.ID))), templ.EscapeString(k.Name)
	if k.Label != "" {
		p.html(`<div><a class="name" href="`, path, `"><bdi>`, templ.EscapeString(k.Label), `</bdi></a><div class="wire"><bdi`)
		p.direction()
		p.html(`>`, name, `</bdi>`)
		p.draw(&k.Use.Words)
		p.html(`</div></div>`)
		return p.err
	}
	p.html(`<div class="called"><a class="name"`)
	p.direction()
	p.html(` href="`, path, `">`, name, `</a>`)
	p.draw(&k.Use.Words)
	p.html(`</div>`)
	return p.err
}

// Render writes the words, and says to a screen reader how they sound: with hyphens and digits they would be a puzzle.
func (w *Words) Render(ctx context.Context, out io.Writer) error {
	if !w.known() {
		return nil
	}
	first, second, digits := templ.EscapeString(w.First), templ.EscapeString(w.Second), templ.EscapeString(w.Digits)
	p := penFor(ctx, out)
	p.html(`<span class="words" role="img" lang="en"`)
	p.direction()
	p.html(` translate="no" aria-label="`, first, " ", second, ",")
	for i := 0; i < len(digits); i++ { // "1 7 f 3" is said as "one seven f three", and weighs half
		p.html(" ", digits[i:i+1])
	}
	p.html(`"><span>`, first, "-", second, "-", digits, `</span></span>`)
	return p.err
}

func write(out io.Writer, texts ...string) error {
	for _, text := range texts {
		if _, err := io.WriteString(out, text); err != nil {
			return err
		}
	}
	return nil
}
