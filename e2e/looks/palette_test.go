package looks

import (
	"image"
	"image/color"
)

// reduced draws pictures in so many colours, the same ones for all. Each colour that is taken is the one by which the pictures win most: how
// often it is there, by how far it is from those that are taken already. So large plain parts keep theirs exactly, and edges get what is left.
func reduced(pictures []image.Image, colours int) []*image.Paletted {
	count := map[color.RGBA]int{}
	for _, p := range pictures {
		each(p, func(_, _ int, c color.RGBA) { count[c]++ })
	}
	far := map[color.RGBA]int{} // from the nearest that is taken
	nearest := map[color.RGBA]uint8{}
	var palette color.Palette
	for len(palette) < min(colours, len(count)) {
		var next color.RGBA
		most := -1
		for c, n := range count {
			d, known := far[c]
			if !known {
				d = 1 << 18
			}
			if gain := n * d; gain > most || gain == most && before(c, next) {
				next, most = c, gain
			}
		}
		for c := range count {
			if d := distance(c, next); len(palette) == 0 || d < far[c] {
				far[c], nearest[c] = d, uint8(len(palette)) //nolint:gosec // there are 256 at most
			}
		}
		palette = append(palette, next)
	}
	drawn := make([]*image.Paletted, len(pictures))
	for i, p := range pictures {
		drawn[i] = image.NewPaletted(image.Rectangle{Max: p.Bounds().Size()}, palette)
		each(p, func(x, y int, c color.RGBA) { drawn[i].SetColorIndex(x, y, nearest[c]) })
	}
	return drawn
}

// each goes through a picture's pixels, which are taken to be opaque.
func each(p image.Image, do func(x, y int, c color.RGBA)) {
	b := p.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.RGBAModel.Convert(p.At(b.Min.X+x, b.Min.Y+y)).(color.RGBA) //nolint:forcetypeassert // that is what the model converts to
			do(x, y, c)
		}
	}
}

func distance(a, b color.RGBA) int {
	r, g, blue := int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B)
	return r*r + g*g + blue*blue
}

// before puts colours in an order, so that the same pictures are always drawn the same.
func before(a, b color.RGBA) bool {
	return a.R < b.R || a.R == b.R && (a.G < b.G || a.G == b.G && a.B < b.B)
}
