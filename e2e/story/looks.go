package story

import (
	"os"

	"github.com/playwright-community/playwright-go"
)

// Axe fails the test where the page breaks WCAG 2.2 AA as far as a machine can tell. It leaves traces in the page, which
// htmx would take along: look at nothing after it.
func (p *Page) Axe() {
	p.T.Helper()
	script, err := os.ReadFile(modules("axe-core", "axe.min.js"))
	p.Must(err)
	p.Evaluate(string(script) + "; undefined")
	found, ok := p.Evaluate(`async () => {
		const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
		const { violations } = await axe.run(document, { runOnly: tags });
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

// IsAccessibleInEveryLook runs axe on a tab in light and dark, wide and narrow, and closes it.
func (p *Page) IsAccessibleInEveryLook(state string) {
	p.T.Helper()
	for _, colours := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
		for _, width := range []int{1100, 390} {
			p.Must(p.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: colours}))
			p.Must(p.SetViewportSize(width, 844))
			p.Axe()
			if p.T.Failed() {
				p.T.Fatalf("in the state %q, %s, %d pixels wide", state, *colours, width)
			}
		}
	}
	p.Must(p.Close())
}
