package static_test

import (
	"regexp"
	"strings"
	"testing"
)

var (
	comments = regexp.MustCompile(`(?s)/\*.*?\*/`)
	sided    = regexp.MustCompile(`(?i)[^;{}]*\b(left|right|translateX)\b[^;{}]*`)
	fourOf   = regexp.MustCompile(`\b(padding|margin|inset|border-width|border-style|border-color|border-radius|scroll-margin|scroll-padding): ([^;}]*)`)
	oneOf    = regexp.MustCompile(`[a-z-]*\((?:[^()]|\([^()]*\))*\)|\S+`)
)

// A page may go from right to left: what is said of a side is said of the one where lines begin or end. Four values go around the clock.
func TestStylesNameNoSide(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"app.css", "pages.css"} {
		css := comments.ReplaceAllString(string(read(t, name)), "")
		for _, found := range sided.FindAllString(css, -1) {
			t.Errorf("%s: %q", name, strings.TrimSpace(found))
		}
		for _, m := range fourOf.FindAllStringSubmatch(css, -1) {
			values := oneOf.FindAllString(m[2], -1)
			if len(values) == 4 && values[1] != values[3] && m[0] != "border-width: 0 2px 2px 0" { // an arrow, which is mirrored as a whole
				t.Errorf("%s: %q", name, m[0])
			}
		}
	}
}
