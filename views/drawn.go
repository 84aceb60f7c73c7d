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
	wells    = map[Kind]templ.Component{
		"": well("", "key"), KindBoard: well(" live", "cpu"), KindProgram: well(" live", "terminal"), KindPhone: well(" live", "smartphone"),
		KindDesktop: well(" live", "monitor"), KindBrowser: well(" live", "globe"),
	}
)

func well(class, symbol string) templ.Component {
	return templ.Raw(`<svg class="icon well` + class + `" viewBox="0 0 24 24" aria-hidden="true"><use href="#i-` + symbol + `"></use></svg>`)
}

// drawing is what sort of device uses the key. It is lit while that goes on.
func (k Key) drawing() templ.Component {
	if k.On && k.Use.Lately {
		return wells[k.Use.Kind]
	}
	return darkWells[k.Use.Kind]
}

var darkWells = map[Kind]templ.Component{
	"": well("", "key"), KindBoard: well("", "cpu"), KindProgram: well("", "terminal"), KindPhone: well("", "smartphone"),
	KindDesktop: well("", "monitor"), KindBrowser: well("", "globe"),
}
