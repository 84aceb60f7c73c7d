package doctor

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// mostLetters is how much of a name in an export, or in a server's answer, is repeated.
const mostLetters = 64

// legible is a text that somebody else wrote, as it may be printed in a terminal: short, and nothing in it but letters that are seen.
func legible(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n == mostLetters {
			b.WriteString("…")
			break
		}
		if !unicode.IsGraphic(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Zs, r) && r != ' ' {
			r = '?'
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// quoted names something of an export.
func quoted(name string) string { return `"` + legible(name) + `"` }

var appIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// isAppID says whether a text can be an app id, which goes into commands and addresses as it is.
func isAppID(text string) bool { return appIDs.MatchString(text) }

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// grouped writes a number as people do: 2,310.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// inShell is one word of a command that is to be copied.
func inShell(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(legible(word), "'", `'\''`) + "'"
}

// inColumn puts a note beside a name.
func inColumn(name, note string) string {
	if note == "" {
		return "  " + name + "\n"
	}
	return fmt.Sprintf("  %-22s  %s\n", name, note)
}
