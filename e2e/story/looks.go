package story

import (
	"os"
	"sync"

	"github.com/playwright-community/playwright-go"
)

// Axe fails the test where the page breaks WCAG 2.2 AA, or what is good practice, as far as a machine can tell. It leaves traces in the page, which
// htmx would take along: look at nothing after it.
func (p *Page) Axe() {
	p.T.Helper()
	p.axe(`["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`)
}

// axe checks the rules of these tags, or those of these names.
func (p *Page) axe(rules string) {
	p.T.Helper()
	if p.Evaluate("typeof axe") == "undefined" { // once for each document: it is long
		script, err := axeCore()
		p.Must(err)
		p.Evaluate(script + "; undefined")
	}
	found, ok := p.Evaluate(`async () => {
		const { violations } = await axe.run(document, { runOnly: ` + rules + ` });
		return violations.map(v => v.id + ": " + v.help + "\n\t" + v.nodes.map(n => n.html + " " + n.failureSummary).join("\n\t"));
	}`).([]any)
	if !ok {
		p.T.Fatal("axe gave no list")
	}
	for _, violation := range found {
		p.T.Errorf("%s: %s", p.URL(), violation)
	}
}

// Fits makes sure that nothing reaches beyond the sides of the window, or of an open dialog, and that nobody has to scroll sideways.
func (p *Page) Fits() {
	p.T.Helper()
	wide := p.Evaluate(`() => {
		const beyond = [...document.querySelectorAll("body *")].filter(e => {
			const box = e.getBoundingClientRect();
			return box.width && (box.right > innerWidth + 1 || box.left < -1) && getComputedStyle(e).position !== "fixed" && !e.closest("pre") &&
				getComputedStyle(e).clipPath === "none" && e.checkVisibility({ contentVisibilityAuto: true });
		});
		const doc = document.documentElement;
		return (doc.scrollWidth > doc.clientWidth ? "the page scrolls sideways: " : "") + beyond.map(e => e.outerHTML.slice(0, 200)).join("\n");
	}`)
	if wide != "" {
		p.T.Errorf("%s: %s", p.URL(), wide)
	}
}

// typesLarge makes sure that phones do not zoom into a field when it is tapped: they do below 16 pixels.
func (p *Page) typesLarge() {
	p.T.Helper()
	small := p.Evaluate(`() => [...document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea")]
		.filter(e => parseFloat(getComputedStyle(e).fontSize) < 16).map(e => e.outerHTML.slice(0, 200)).join("\n")`)
	if small != "" {
		p.T.Errorf("%s: phones zoom into %s", p.URL(), small)
	}
}

// axeCore is the script that looks for what breaks the guidelines.
var axeCore = sync.OnceValues(func() (string, error) {
	script, err := os.ReadFile(modules("axe-core", "axe.min.js"))
	return string(script), err
})

// IsAccessibleInEveryLook runs axe on a tab in light and dark, wide and narrow, and closes it. Of its rules those about colours
// alone can find in the dark what is not there in the light. What axe cannot see is measured: the narrowest phone, text of twice the size,
// and right to left.
func (p *Page) IsAccessibleInEveryLook(state string) {
	p.T.Helper()
	for _, colours := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
		for _, width := range []int{1280, 390} {
			p.Must(p.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: colours}))
			p.Must(p.SetViewportSize(width, 844))
			if *colours == *playwright.ColorSchemeLight {
				p.Axe()
				p.typesLarge()
			} else {
				p.axe(`{ type: "rule", values: ["color-contrast", "link-in-text-block"] }`)
			}
			if p.T.Failed() {
				p.T.Fatalf("in the state %q, %s, %d pixels wide", state, *colours, width)
			}
		}
	}
	for name, look := range map[string]struct {
		width int
		set   string
	}{
		"narrow": {320, ""}, "text of twice the size": {390, "html.style.fontSize = '200%'"}, "right to left": {390, "html.dir = 'rtl'"},
	} {
		p.Must(p.SetViewportSize(look.width, 844))
		p.Evaluate("() => { const html = document.documentElement; html.dir = ''; html.style.fontSize = ''; " + look.set + " }")
		p.Fits()
		p.BreaksNoWords()
		if p.T.Failed() {
			p.T.Fatalf("in the state %q, %s", state, name)
		}
	}
	p.Must(p.Close())
}

// BreaksNoWords makes sure that no column is so narrow that a plain word is broken to pieces of a few letters.
func (p *Page) BreaksNoWords() {
	p.T.Helper()
	broken := p.Evaluate(`() => {
		const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
		while (texts.nextNode()) {
			const node = texts.currentNode;
			const around = node.parentElement;
			if (!around.checkVisibility() || getComputedStyle(around).clipPath !== "none" || around.closest("code, pre, output, svg, .offscreen")) continue;
			for (const word of node.data.matchAll(/[A-Za-z’]{4,14}/g)) {
				const range = document.createRange();
				range.setStart(node, word.index);
				range.setEnd(node, word.index + word[0].length);
				const lines = new Set([...range.getClientRects()].map(r => Math.round(r.top)));
				if (lines.size > 2) found.push(word[0] + " over " + lines.size + " lines in " + around.outerHTML.slice(0, 120));
			}
		}
		return found.join("\n");
	}`)
	if broken != "" {
		p.T.Errorf("%s: %s", p.URL(), broken)
	}
}
