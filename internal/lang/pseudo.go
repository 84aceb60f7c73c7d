package lang

import "strings"

// accents are close enough to be read.
var accents = strings.NewReplacer("a", "á", "e", "é", "i", "í", "o", "ó", "u", "ú", "y", "ý", "A", "Á", "E", "É", "O", "Ó", "U", "Ú")

// longer is an English text in the pseudo-language. What is in braces or is an element stays.
func longer(english string) string {
	if strings.TrimSpace(english) == "" {
		return english
	}
	var b strings.Builder
	b.WriteString("⟦")
	letters := 0
	for rest := english; rest != ""; {
		start := strings.IndexAny(rest, "{<")
		if start < 0 {
			start = len(rest)
		}
		b.WriteString(accents.Replace(rest[:start]))
		letters += start
		rest = rest[start:]
		if rest != "" {
			end := strings.IndexAny(rest, "}>") + 1
			if end == 0 {
				end = len(rest)
			}
			b.WriteString(rest[:end])
			rest = rest[end:]
		}
	}
	for n := letters * 2 / 5; n > 0; n -= 4 { // in words, as a longer text would be
		b.WriteString(" ~~~"[:min(n, 4)])
	}
	b.WriteString("⟧")
	return b.String()
}
