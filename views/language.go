package views

import (
	"context"

	"latchkey/internal/lang"
)

// languageNow is the language of the page, for the one that is chosen.
func languageNow(ctx context.Context) *lang.Language {
	if l := lang.Of(ctx); l != nil {
		return l
	}
	return lang.All()[0]
}

// unread says of a language, in that language, that nobody who speaks it has read the translation; "" when somebody has.
func unread(l *lang.Language) string {
	if l.ReadBy != "" {
		return ""
	}
	return l.T("language.unread", "not yet read by a speaker")
}

// and puts a list of things into a sentence.
func and(ctx context.Context, list []string) (text string) {
	for i, one := range list {
		if i == 0 {
			text = one
		} else {
			text = t(ctx, "list.and", "{a} and {b}", "a", text, "b", one)
		}
	}
	return text
}
