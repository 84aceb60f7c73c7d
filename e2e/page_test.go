package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// expect waits up to five seconds for what a page should come to show.
var expect = playwright.NewPlaywrightAssertions(5000)

// patience is how long an act may wait for what it acts on, in milliseconds.
const patience = 10_000

// visit is how a browser comes to the program. The options below change it.
type visit struct {
	browser playwright.Browser
	context playwright.BrowserNewContextOptions
	who     *person
	path    string
}

type option func(*visit)

func signedIn(who *person) option          { return func(v *visit) { v.who, v.path = who, "/keys" } }
func at(path string) option                { return func(v *visit) { v.path = path } }
func in(browser playwright.Browser) option { return func(v *visit) { v.browser = browser } }
func noScript(v *visit)                    { v.context.JavaScriptEnabled = playwright.Bool(false) }
func dark(v *visit)                        { v.context.ColorScheme = playwright.ColorSchemeDark }
func reducedMotion(v *visit)               { v.context.ReducedMotion = playwright.ReducedMotionReduce }
func forcedColors(v *visit)                { v.context.ForcedColors = playwright.ForcedColorsActive }
func granting(permissions ...string) option {
	return func(v *visit) { v.context.Permissions = permissions }
}
func phone(v *visit) { phoneOf(390, 844)(v) }

func phoneOf(width, height int) option {
	return func(v *visit) {
		v.context.Viewport = &playwright.Size{Width: width, Height: height}
		v.context.HasTouch, v.context.IsMobile = playwright.Bool(true), playwright.Bool(true)
	}
}

// page is one tab, with short words for what a person does and sees in it. What cannot be done, or is not seen in time, ends
// the test. Things are found by role and label, names exactly.
type page struct {
	playwright.Page
	t       *testing.T
	program *program
	context playwright.BrowserContext
	faults  *faults
	touch   bool
}

// open starts a browser of its own, with its own cookies, and opens the printed address or what the options say.
func (p *program) open(t *testing.T, options ...option) *page {
	t.Helper()
	v := visit{browser: chromium, path: "/"}
	v.context.Viewport = &playwright.Size{Width: 1100, Height: 800}
	for _, o := range options {
		o(&v)
	}
	context, err := v.browser.NewContext(v.context)
	if err != nil {
		t.Fatal(err)
	}
	context.SetDefaultTimeout(patience)
	context.SetDefaultNavigationTimeout(patience)
	tab := &page{t: t, program: p, context: context, faults: watch(context), touch: v.context.HasTouch != nil}
	t.Cleanup(tab.end)
	if keepTraces {
		tab.must(context.Tracing().Start(playwright.TracingStartOptions{Snapshots: playwright.Bool(true)}))
	}
	if v.who != nil {
		tab.signIn(p.cookie(t, v.who))
	}
	tab.Page, err = context.NewPage()
	tab.must(err)
	tab.visit(v.path)
	return tab
}

// newTab opens another tab of the same browser at the path.
func (p *page) newTab(path string) *page {
	p.t.Helper()
	tab := *p
	var err error
	tab.Page, err = p.context.NewPage()
	p.must(err)
	tab.visit(path)
	return &tab
}

// front shows the tab. What lies behind another one is slow.
func (p *page) front() {
	p.t.Helper()
	p.must(p.BringToFront())
}

// signIn gives the browser a session cookie.
func (p *page) signIn(cookie *http.Cookie) {
	p.t.Helper()
	p.must(p.context.AddCookies([]playwright.OptionalCookie{{Name: cookie.Name, Value: cookie.Value, URL: &p.program.url}}))
}

func (p *page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) visit(path string) {
	p.t.Helper()
	_, err := p.Goto(p.program.url + path)
	p.must(err)
}

func (p *page) role(role playwright.AriaRole, name string) playwright.Locator {
	return p.GetByRole(role, playwright.PageGetByRoleOptions{Name: name, Exact: playwright.Bool(true)})
}

func (p *page) button(name string) playwright.Locator  { return p.role("button", name) }
func (p *page) link(name string) playwright.Locator    { return p.role("link", name) }
func (p *page) heading(name string) playwright.Locator { return p.role("heading", name) }
func (p *page) toggle(name string) playwright.Locator  { return p.role("switch", name) }
func (p *page) field(label string) playwright.Locator {
	return p.GetByLabel(label, playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)})
}

// row is the key of that name in the list.
func (p *page) row(name string) playwright.Locator {
	return p.role("region", "Your keys").GetByRole("listitem").Filter(playwright.LocatorFilterOptions{Has: p.link(name)})
}

// menu opens the row's menu and gives the entry.
func (p *page) menu(name, entry string) playwright.Locator {
	p.t.Helper()
	row := p.row(name)
	p.press(row.GetByLabel("More about "+name, playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)}))
	return row.GetByRole("link", playwright.LocatorGetByRoleOptions{Name: entry, Exact: playwright.Bool(true)})
}

// dialog is the open dialog.
func (p *page) dialog() playwright.Locator { return p.GetByRole("dialog") }

// inDialog is the button of that name in the open dialog.
func (p *page) inDialog(name string) playwright.Locator {
	return p.dialog().GetByRole("button", playwright.LocatorGetByRoleOptions{Name: name, Exact: playwright.Bool(true)})
}

// press clicks, or taps where there are fingers.
func (p *page) press(what playwright.Locator) {
	p.t.Helper()
	wait := playwright.Float(patience) // locators do not know of the default
	if p.touch {
		p.must(what.Tap(playwright.LocatorTapOptions{Timeout: wait}))
		return
	}
	p.must(what.Click(playwright.LocatorClickOptions{Timeout: wait}))
}

func (p *page) fill(label, text string) {
	p.t.Helper()
	p.must(p.field(label).Fill(text, playwright.LocatorFillOptions{Timeout: playwright.Float(patience)}))
}

func (p *page) sees(what playwright.Locator) {
	p.t.Helper()
	p.must(expect.Locator(what).ToBeVisible())
}

// lacks waits until there is no such thing, or none that can be seen.
func (p *page) lacks(what playwright.Locator) {
	p.t.Helper()
	p.must(expect.Locator(what).ToBeHidden())
}

func (p *page) reads(what playwright.Locator, text string) {
	p.t.Helper()
	p.must(expect.Locator(what).ToHaveText(text))
}

// says waits for the page's status line.
func (p *page) says(text string) {
	p.t.Helper()
	p.reads(p.Locator("#status"), text)
}

func (p *page) focuses(what playwright.Locator) {
	p.t.Helper()
	p.must(expect.Locator(what).ToBeFocused())
}

// isAt waits for the address. The path may have a query.
func (p *page) isAt(path string) {
	p.t.Helper()
	p.must(expect.Page(p.Page).ToHaveURL(p.program.url + path))
}

// isOn waits until the switch shows that the key is on, or off.
func (p *page) isOn(name string, on bool) {
	p.t.Helper()
	p.must(expect.Locator(p.toggle(name)).ToBeChecked(playwright.LocatorAssertionsToBeCheckedOptions{Checked: &on}))
}

// createKey makes a key by the form and gives its value, which the page then shows, not saved yet.
func (p *page) createKey(name string) string {
	p.t.Helper()
	p.fill("Name of the device or service", name)
	p.press(p.button("Create key"))
	p.sees(p.heading("Save this key now"))
	value, err := p.field("Value").InputValue()
	p.must(err)
	return value
}

// saveKey is what follows createKey.
func (p *page) saveKey() {
	p.t.Helper()
	p.press(p.field("I have saved it"))
	p.press(p.button("Done"))
	p.sees(p.heading("Create a key"))
}

// evaluate runs a JavaScript expression in the page, on behalf of the test: the page's own policies do not bind it.
func (p *page) evaluate(expression string, arg ...any) any {
	p.t.Helper()
	result, err := p.Evaluate(expression, arg...)
	p.must(err)
	return result
}

// axe fails the test where the page breaks WCAG 2.2 AA as far as a machine can tell. It leaves traces in the page, which
// htmx would take along: look at nothing after it.
func (p *page) axe() {
	p.t.Helper()
	script, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	p.must(err)
	p.evaluate(string(script) + "; undefined")
	found, ok := p.evaluate(`async () => {
		const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
		const { violations } = await axe.run(document, { runOnly: tags });
		return violations.map(v => v.id + ": " + v.help + "\n\t" + v.nodes.map(n => n.html + " " + n.failureSummary).join("\n\t"));
	}`).([]any)
	if !ok {
		p.t.Fatal("axe gave no list")
	}
	for _, violation := range found {
		p.t.Errorf("%s: %s", p.URL(), violation)
	}
}

// keepTraces has failed stories leave a trace, which "npx playwright show-trace" opens. Recording it takes its time.
var keepTraces = os.Getenv("E2E_TRACE") != ""

// end closes the browser's tabs and has what went wrong reported. Of a failed story it keeps what the tabs looked like.
func (p *page) end() {
	p.t.Helper()
	if p.t.Failed() {
		dir := filepath.Join("failures", strings.ReplaceAll(p.t.Name(), "/", "-"))
		for i, tab := range p.context.Pages() {
			picture := filepath.Join(dir, fmt.Sprintf("tab-%d.png", i+1))
			if _, err := tab.Screenshot(playwright.PageScreenshotOptions{Path: &picture, FullPage: playwright.Bool(true)}); err != nil {
				p.t.Log(err)
			}
		}
		if keepTraces {
			if err := p.context.Tracing().Stop(filepath.Join(dir, "trace.zip")); err != nil {
				p.t.Log(err)
			}
		}
		p.t.Log("pictures are in", dir)
	}
	if err := p.context.Close(); err != nil {
		p.t.Error(err)
	}
	p.faults.report(p.t)
}
