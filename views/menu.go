package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// menu is what can be done to a key besides turning it on or off. It is written by hand because a list has twenty.
func (k *Key) menu() templ.Component { return (*keyMenu)(k) }

type keyMenu Key

// Render writes the menu.
func (k *keyMenu) Render(ctx context.Context, out io.Writer) error {
	p := penFor(ctx, out)
	p.html(`<details class="menu"><summary aria-label="`)
	p.attribute(p.l.T("keys.menu.more", "More about {name}"), "name", (*Key)(k).Title())
	p.html(`">`)
	p.draw(moreIcon)
	p.html(`</summary><div>`)
	if k.Use.Words.known() {
		p.html(`<button type="button" class="script" data-copy=".words">`)
		p.T("keys.menu.copy-words", "Copy words")
		p.html(`</button>`)
	}
	p.html(`<a href="/keys/which">`)
	p.T("keys.menu.identify", "Identify a key")
	id := templ.EscapeString(k.ID)
	p.html(`</a><a class="danger" href="/keys/`, id, `/delete" hx-get="/keys/`, id, `/delete?place=row" hx-swap="innerHTML" hx-target="#dialog">`)
	p.T("button.delete", "Delete…")
	p.html(`</a></div></details>`)
	return p.err
}
