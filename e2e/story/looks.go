package story

import (
	"os"
	"sync"

	"github.com/playwright-community/playwright-go"
)

// Axe fails the test where the page breaks WCAG 2.2 AA as far as a machine can tell. It leaves traces in the page, which
// htmx would take along: look at nothing after it.
func (p *Page) Axe() {
	p.T.Helper()
	p.axe(`["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`)
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

// Fits makes sure that nothing reaches beyond the side of the window, or of an open dialog.
func (p *Page) Fits() {
	p.T.Helper()
	wide := p.Evaluate(`() => {
		const beyond = [...document.querySelectorAll("body *")].filter(e => {
			const box = e.getBoundingClientRect();
			return box.width && (box.right > innerWidth + 1 || box.left < -1) && getComputedStyle(e).position !== "fixed" && !e.closest("pre");
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
// alone can find in the dark what is not there in the light.
func (p *Page) IsAccessibleInEveryLook(state string) {
	p.T.Helper()
	for _, colours := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
		for _, width := range []int{1100, 390} {
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
	p.Must(p.Close())
}
