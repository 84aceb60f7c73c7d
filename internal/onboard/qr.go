package onboard

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quietZone is the white border that readers need around a QR code, in modules.
const quietZone = 4

// QR is a QR code as a grid of modules, its quiet zone included.
type QR struct{ code *qr.Code }

// NewQR encodes the text so that it can be read with a seventh of the code damaged or covered.
func NewQR(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return QR{}, fmt.Errorf("make QR code: %w", err)
	}
	return QR{code}, nil
}

// Size is the number of modules on each side.
func (q QR) Size() int { return q.code.Size + 2*quietZone }

// Dark says whether a module is dark. Outside of the code there is light.
func (q QR) Dark(x, y int) bool { return q.code.Black(x-quietZone, y-quietZone) }

// Path draws the dark modules as SVG path data, one unit to a module.
func (q QR) Path() string {
	var path strings.Builder
	size := q.Size()
	for y := range size {
		for x := 0; x < size; {
			run := x
			for q.Dark(run, y) {
				run++
			}
			if run > x {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x, y, run-x, run-x)
			}
			x = run + 1
		}
	}
	return path.String()
}

// Colours of HalfBlocks. They are taken from the fixed part of the palette of 256 colours, which terminals do not let themes
// change: a code in white on black is one that many readers refuse.
const (
	blackOnWhite = "\x1b[38;5;16;48;5;231m"
	plain        = "\x1b[0m"
)

// HalfBlocks draws the code for a terminal, two rows of modules to a line.
func (q QR) HalfBlocks() string {
	var text strings.Builder
	size := q.Size()
	for y := 0; y < size; y += 2 {
		text.WriteString(blackOnWhite)
		for x := range size {
			switch upper, lower := q.Dark(x, y), q.Dark(x, y+1); {
			case upper && lower:
				text.WriteRune('█')
			case upper:
				text.WriteRune('▀')
			case lower:
				text.WriteRune('▄')
			default:
				text.WriteByte(' ')
			}
		}
		text.WriteString(plain + "\n") // before the end of the line, which some terminals would paint to the right margin
	}
	return text.String()
}
