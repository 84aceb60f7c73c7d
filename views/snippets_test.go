package views

import (
	"strings"
	"testing"

	"latchkey/internal/lang"
	"latchkey/internal/onboard"
)

func TestWhatStandsAroundASnippetIsSaidInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	needs := onboard.Handoff{AppID: "app-1", BaseURL: "https://keys.example.com", KeyName: "porch-cam"}
	h := Handoff{EnvFile: needs.EnvFile()}
	for _, s := range onboard.Snippets(needs) {
		h.Snippets = append(h.Snippets, Snippet(s))
		about, known := aboutSnippets[s.ID]
		if !known {
			t.Errorf("%s is said in English alone", s.ID)
			continue
		}
		for text, want := range map[lang.Text]string{about.forWhom: s.For, about.note: s.Note, about.language: s.Language} {
			if got := text.In(t.Context(), "file", h.EnvFile); got != want && text.English != "" {
				t.Errorf("%s: translated is %q, and the page says %q", s.ID, got, want)
			}
		}
	}
	if len(aboutSnippets) != len(h.Snippets) {
		t.Errorf("%d snippets are described, and there are %d", len(aboutSnippets), len(h.Snippets))
	}
	german, _ := lang.Named("de")
	for i, s := range h.snippets(lang.With(t.Context(), german)) {
		before := h.Snippets[i]
		if s.Note == before.Note || s.Before != before.Before || s.Label != before.Label {
			t.Errorf("%s: %q", s.ID, s.Note)
		}
	}
	arabic, _ := lang.Named("ar")
	for _, s := range h.snippets(lang.With(t.Context(), arabic)) {
		if s.ID == "env" && !strings.Contains(s.Note, "chmod 600 porch-cam.env") { // nothing invisible is in a command
			t.Errorf("%s: %q", s.ID, s.Note)
		}
	}
}
