package onboard_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
)

// grid is a drawn QR code, read back: whether each module is dark.
type grid [][]bool

func blank(rows, columns int) grid {
	g := make(grid, rows)
	for y := range g {
		g[y] = make([]bool, columns)
	}
	return g
}

// read gives the text of a drawn code with four light modules around it.
func (g grid) read(t *testing.T) string {
	t.Helper()
	const quiet = 4
	size := len(g[0]) - 2*quiet
	for y, row := range g {
		for x, dark := range row {
			if inside := min(x, y) >= quiet && max(x, y) < size+quiet; dark && !inside {
				t.Errorf("the quiet zone is dark at %d, %d", x, y)
			}
		}
	}
	text, err := onboardtest.ReadQR(size, func(x, y int) bool { return g[y+quiet][x+quiet] })
	if err != nil {
		t.Error(err)
	}
	return text
}

var run = regexp.MustCompile(`^M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// fromPath draws the SVG path.
func fromPath(t *testing.T, code onboard.QR) grid {
	t.Helper()
	g := blank(code.Size(), code.Size())
	for path := code.Path(); path != ""; {
		m := run.FindStringSubmatch(path)
		if m == nil || m[3] != m[4] {
			t.Fatalf("the path goes on %.40q", path)
		}
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		length, _ := strconv.Atoi(m[3])
		if x > 0 && g[y][x-1] {
			t.Errorf("the runs that meet at %d, %d could be one", x, y)
		}
		for i := range length {
			g[y][x+i] = true
		}
		path = path[len(m[0]):]
	}
	return g
}

// fromTerminal sees what a terminal shows of the half blocks.
func fromTerminal(t *testing.T, code onboard.QR) grid {
	t.Helper()
	lines := strings.SplitAfter(code.HalfBlocks(), "\n")
	if last := lines[len(lines)-1]; last != "" {
		t.Errorf("the last line does not end: %q", last)
	}
	lines = lines[:len(lines)-1]
	g := blank(2*len(lines), code.Size())
	for y, line := range lines {
		line, coloured := strings.CutPrefix(line, "\x1b[38;5;16;48;5;231m")
		line, ends := strings.CutSuffix(line, "\x1b[0m\n")
		if cells := []rune(line); !coloured || !ends || len(cells) != code.Size() {
			t.Fatalf("line %d: %q", y, line)
		}
		for x, cell := range []rune(line) {
			g[2*y][x] = cell == '█' || cell == '▀'
			g[2*y+1][x] = cell == '█' || cell == '▄'
			if !strings.ContainsRune("█▀▄ ", cell) {
				t.Errorf("line %d has %q", y, cell)
			}
		}
	}
	return g
}

func TestAQRCodeReadsAsItsText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"https://keys.example.com/device",
		"http://127.0.0.1:8080/device?user_code=WDJB-MJHT",
		"HTTPS://KEYS.EXAMPLE.COM/DEVICE", // capitals take less room
		"31415926535897932384626433832795", "ü", "",
		"https://" + strings.Repeat("a-long-name.", 5) + "example/device?user_code=WDJB-MJHT",
		"https://" + strings.Repeat("a-long-name.", 9) + "example/device?user_code=WDJB-MJHT",
		"https://" + strings.Repeat("a-long-name.", 14) + "example/device",
	} {
		code, err := onboard.NewQR(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fromPath(t, code).read(t); got != text {
			t.Errorf("the drawing reads %q, not %q", got, text)
		}
		if got := fromTerminal(t, code).read(t); got != text {
			t.Errorf("in a terminal it reads %q, not %q", got, text)
		}
	}
}

// The reader is worth something only if it notices.
func TestADamagedQRCodeIsNoticed(t *testing.T) {
	t.Parallel()
	code, err := onboard.NewQR("https://keys.example.com/device")
	if err != nil {
		t.Fatal(err)
	}
	size := code.Size() - 8
	for y := range size {
		for x := range size {
			dark := func(a, b int) bool { return code.Dark(a+4, b+4) != (a == x && b == y) }
			if text, err := onboardtest.ReadQR(size, dark); err == nil && !redundant(size, x, y) {
				t.Errorf("with the module %d, %d turned over it reads %q", x, y, text)
			}
		}
	}
}

// redundant are the modules that the reader does not look at: those beside the corners, one alignment pattern, and the few
// after the last codeword.
func redundant(size, x, y int) bool {
	beside := x == 7 && (y < 8 || y >= size-8) || y == 7 && (x < 8 || x >= size-8) || x == size-8 && y < 8 || y == size-8 && x < 8
	alignment := min(x, y) >= size-9 && max(x, y) < size-4
	remainder := x < 2 && y >= size-12 && y < size-8
	return beside || alignment || remainder
}

func TestATextThatIsTooLongForAQRCodeIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := onboard.NewQR(strings.Repeat("x", 3000)); err == nil {
		t.Error("3000 characters are drawn")
	}
}
