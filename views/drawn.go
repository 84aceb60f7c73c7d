package views

import "github.com/a-h/templ"

// What stands in every row of the list is written once: a component allocates four times whenever it is drawn. The drawings are those of
// symbols.
var (
	moreIcon = templ.Raw(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><use href="#i-more"></use></svg>`)
	dotWait  = templ.Raw(`<span class="dot wait"></span>`)
	dotUsed  = templ.Raw(`<span class="dot ok"></span>`)
	dotDone  = templ.Raw(`<span class="dot tick"></span>`)
	dotNone  = templ.Raw(`<span class="dot"></span>`)
)

// well is the drawing beside a key's name, as it is while the key is used and otherwise.
type well struct{ live, dark templ.Component }

func wellOf(symbol string) well {
	draw := func(class string) templ.Component {
		return templ.Raw(`<svg class="icon well` + class + `" viewBox="0 0 24 24" aria-hidden="true"><use href="#i-` + symbol + `"></use></svg>`)
	}
	return well{draw(" live"), draw("")}
}

var wells = map[Kind]well{
	"": wellOf("key"), KindBoard: wellOf("cpu"), KindProgram: wellOf("terminal"), KindPhone: wellOf("smartphone"),
	KindDesktop: wellOf("monitor"), KindBrowser: wellOf("globe"),
}

// drawing is what sort of device uses the key. It is lit while that goes on.
func (k Key) drawing() templ.Component {
	if k.works() && k.Use.Lately {
		return wells[k.Use.Kind].live
	}
	return wells[k.Use.Kind].dark
}
