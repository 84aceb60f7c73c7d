package views

import (
	"context"
	"strings"

	"github.com/a-h/templ"
)

// moreIcon is in every row of the list, and drawn once: a component allocates four times whenever it is drawn.
var moreIcon = drawn(icon("more"))

// drawn is a component as it looks whoever draws it. A component that fails is a mistake in a template, seen at the start.
func drawn(c templ.Component) templ.Component {
	var html strings.Builder
	if err := c.Render(context.Background(), &html); err != nil {
		panic(err)
	}
	return templ.Raw(html.String())
}
