package views

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/a-h/templ"

	"latchkey/internal/lang"
	"latchkey/static"
)

// ScriptWords are the files with the words of scripts, by their language: none for English, which is in the scripts. They are built at first
// use, since a server may never need them, and served as the others are.
var ScriptWords = sync.OnceValue(func() map[*lang.Language]string {
	urls := map[*lang.Language]string{}
	for _, l := range lang.All()[1:] {
		words := struct {
			Language    string                       `json:"language"`
			RightToLeft bool                         `json:"rightToLeft"`
			Texts       map[string]map[string]string `json:"texts"`
		}{l.Tag, l.RightToLeft, l.Texts(saidByScripts)}
		text, err := json.Marshal(words)
		if err != nil {
			panic("views: " + err.Error()) // it is texts and nothing else
		}
		urls[l] = static.AddWords(l.Tag, text)
	}
	return urls
})

// saidByScripts says of an id of a text whether scripts say it.
func saidByScripts(id string) bool {
	switch id {
	case "time.months-short", "time.day", "time.day-year", "time.moment", "time.twelve", "time.am", "time.pm", "time.just-now":
		return true
	}
	return strings.HasPrefix(id, "script.") || strings.HasPrefix(id, "time.") && strings.HasSuffix(id, "-ago")
}

// scriptWords is the address of the file with the words of scripts on a page; "" where it needs none.
func scriptWords(ctx context.Context) string {
	l := lang.Of(ctx)
	if l == nil {
		return ""
	}
	return ScriptWords()[l]
}

// savedWords are what the script says of a value that was saved, or not yet. create.js has no words of its own for that.
func savedWords(ctx context.Context) templ.OrderedAttributes {
	return templ.OrderedAttributes{
		{Key: "data-copied", Value: t(ctx, "once.copied-at", "✓ Copied at {time} ·")},
		{Key: "data-downloaded", Value: t(ctx, "once.downloaded-at", "✓ Downloaded at {time} ·")},
		{Key: "data-selected", Value: t(ctx, "once.value-selected", "This browser doesn’t let a page copy. The value is selected: press Ctrl+C, or ⌘C on a Mac.")},
		{Key: "data-unsaved", Value: t(ctx, "once.not-saved", "Not saved yet: copy the value, or download it.")},
	}
}

// countsSelected fetches the script that says how many keys are selected.
func countsSelected() templ.OrderedAttributes {
	return templ.OrderedAttributes{{Key: "data-script", Value: static.URL("bulk.js")}}
}
