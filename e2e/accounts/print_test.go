package accounts

import (
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/model"
)

func TestTheListOnPaperIsWhatThereIsInWords(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	made := ana.Keys(t, "porch-cam", "garage")
	if err := ana.Session.APIKeys().Disable(t.Context(), made[1].ID); err != nil {
		t.Fatal(err)
	}
	page := program.Open(t, story.Dark, story.SignedIn(ana))
	page.Sees(page.Link("garage"))
	page.Evaluate(`dispatchEvent(new Event("beforeprint"))`)
	page.Must(page.EmulateMedia(playwright.PageEmulateMediaOptions{Media: playwright.MediaPrint}))
	for _, gone := range []playwright.Locator{page.Role("banner", ""), page.Role("navigation", "Pages"), page.Locator("button:visible, a.button:visible, summary:visible")} {
		page.Lacks(gone)
	}
	words := model.WordsOf(model.FingerprintOf(model.Secret(made[0].Value.Reveal())))
	paper, _ := page.Evaluate(`() => [...document.querySelectorAll(".key")].map((row) =>
		row.innerText + getComputedStyle(row.querySelector(".text"), "::after").content).join("\n")`).(string)
	for _, fact := range []string{"porch-cam", "On", "garage", "Off", words.String(), "Created "} {
		if !strings.Contains(paper, fact) {
			t.Errorf("the paper lacks %q: %s", fact, paper)
		}
	}
	if ground := page.Evaluate(`() => getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color`); ground != "rgb(255, 255, 255)rgb(0, 0, 0)" {
		t.Errorf("it is not black on white: %v", ground)
	}
}
