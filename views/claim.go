package views

import (
	"context"
	"strings"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
)

// quoted puts a stranger's text into the quotation marks of the page's language, out of which it cannot break with marks of its own.
func quoted(ctx context.Context, text string) string {
	return lang.T(ctx, "claim.quoted", "“{text}”", "text", strings.Map(func(r rune) rune {
		if strings.ContainsRune(quotationMarks, r) {
			return '\''
		}
		return r
	}, text))
}

// claims are several things that a program or a device says of itself, one behind the other.
func claims(texts []string) templ.Component {
	if len(texts) == 0 {
		return templ.NopComponent
	}
	all := claim(texts[0])
	for _, text := range texts[1:] {
		all = say("list.comma", "{all}, {last}", with{"all": all, "last": claim(text)})
	}
	return all
}

// quotationMarks are those of any language that open or close a quotation, and what looks like them.
const quotationMarks = "\"\u00ab\u00bb\u02ba\u02dd\u02ee\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2033\u2036\u2039\u203a\u2057\u275b\u275c\u275d\u275e" +
	"\u276e\u276f\u2e42\u300c\u300d\u300e\u300f\u301d\u301e\u301f\uff02\U0001f676\U0001f677\U0001f678"
