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
	path, name := templ.EscapeString(string(keyPath(k.ID))), templ.EscapeString(k.Name)
	if k.Label != "" {
		err := write(out, `<div><a class="name" href="`, path, `"><bdi>`, templ.EscapeString(k.Label), `</bdi></a><div class="wire"><bdi>`, name, `</bdi>`)
		if err == nil {
			err = k.Use.Words.Render(ctx, out)
		}
		if err == nil {
			err = write(out, `</div></div>`)
		}
		return err
	}
	err := write(out, `<div class="called"><a class="name" href="`, path, `">`, name, `</a>`)
	if err == nil {
		err = k.Use.Words.Render(ctx, out)
	}
	if err == nil {
		err = write(out, `</div>`)
	}
	return err
}

// Render writes the words, and says to a screen reader how they sound: with hyphens and digits they would be a puzzle.
func (w *Words) Render(_ context.Context, out io.Writer) error {
	if !w.known() {
		return nil
	}
	first, second, digits := templ.EscapeString(w.First), templ.EscapeString(w.Second), templ.EscapeString(w.Digits)
	err := write(out, `<span class="words" role="img" lang="en" translate="no" aria-label="`, first, " ", second, ",")
	for i := 0; i < len(digits) && err == nil; i++ { // "1 7 f 3" is said as "one seven f three", and weighs half
		err = write(out, " ", digits[i:i+1])
	}
	if err == nil {
		err = write(out, `"><span>`, first, "-", second, "-", digits, `</span></span>`)
	}
	return err
}

func write(out io.Writer, texts ...string) error {
	for _, text := range texts {
		if _, err := io.WriteString(out, text); err != nil {
			return err
		}
	}
	return nil
}
