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
	err := write(out, `<details class="menu"><summary aria-label="More about `, templ.EscapeString((*Key)(k).Title()), `">`)
	if err == nil {
		err = moreIcon.Render(ctx, out)
	}
	if err == nil {
		err = write(out, `</summary><div>`)
	}
	if err == nil && k.Use.Words.known() {
		err = write(out, `<button type="button" class="script" data-copy=".words">Copy words</button>`)
	}
	if err == nil {
		err = write(out, `<a href="/keys/which">Identify a key</a>`)
	}
	id := templ.EscapeString(k.ID)
	if err == nil {
		err = write(out, `<a class="danger" href="/keys/`, id, `/delete" hx-get="/keys/`, id, `/delete?place=row" hx-swap="innerHTML" hx-target="#dialog">`,
			`Delete…</a></div></details>`)
	}
	return err
}
