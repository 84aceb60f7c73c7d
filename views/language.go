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

// unread says of a language, in that language, that nobody who speaks it has read the translation; "" when a speaker has.
func unread(l *lang.Language) string {
	if l.ReadBy != "" {
		return ""
	}
	return l.T("language.unread", "not yet read by a speaker")
}
