package story

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// Visit is how a browser comes to the program. The options below change it.
type Visit struct {
	browser playwright.Browser
	Context playwright.BrowserNewContextOptions
	who     *Person
	path    string
}

// Option changes how a browser comes.
type Option func(*Visit)

// SignedIn comes signed in, to the keys page.
func SignedIn(who *Person) Option { return func(v *Visit) { v.who, v.path = who, "/keys" } }

// At comes to the path.
func At(path string) Option { return func(v *Visit) { v.path = path } }

// In comes in another browser than the one that is shared.
func In(browser playwright.Browser) Option { return func(v *Visit) { v.browser = browser } }

// NoScript comes in a browser that runs none.
func NoScript(v *Visit) { v.Context.JavaScriptEnabled = playwright.Bool(false) }

// Dark comes from a system with dark colours.
func Dark(v *Visit) { v.Context.ColorScheme = playwright.ColorSchemeDark }

// Motion comes from a system on which things may move.
func Motion(v *Visit) { v.Context.ReducedMotion = playwright.ReducedMotionNoPreference }

// ForcedColors comes from a system that puts its own in the place of ours.
func ForcedColors(v *Visit) { v.Context.ForcedColors = playwright.ForcedColorsActive }

// AnyCertificate comes in a browser that takes every server's.
func AnyCertificate(v *Visit) { v.Context.IgnoreHttpsErrors = playwright.Bool(true) }

// Granting lets pages do what browsers ask about.
func Granting(permissions ...string) Option {
	return func(v *Visit) { v.Context.Permissions = permissions }
}

// Phone comes with fingers and a small screen.
func Phone(v *Visit) { PhoneOf(390, 844)(v) }

// PhoneOf is Phone with a screen of that size.
func PhoneOf(width, height int) Option {
	return func(v *Visit) {
		v.Context.Viewport = &playwright.Size{Width: width, Height: height}
		v.Context.HasTouch, v.Context.IsMobile = playwright.Bool(true), playwright.Bool(true)
	}
}

// Page is one tab, with short words for what a person does and sees in it. What cannot be done, or is not seen in time, ends
// the test. Things are found by role and label, names exactly.
type Page struct {
	playwright.Page
	T       *testing.T
	Program *Program
	Context playwright.BrowserContext
	Faults  *faults
	touch   bool
}

// Open starts a browser of its own, with its own cookies, and opens the printed address or what the options say.
func (p *Program) Open(t *testing.T, options ...Option) *Page {
	t.Helper()
	if err := broughtUp(); err != nil {
		t.Fatal(err)
	}
	v := Visit{browser: chromium, path: "/"}
	v.Context.Viewport = &playwright.Size{Width: 1100, Height: 800}
	v.Context.ReducedMotion = playwright.ReducedMotionReduce // stories are not about motion, and wait for none
	for _, o := range options {
		o(&v)
	}
	context, err := v.browser.NewContext(v.Context)
	if err != nil {
		t.Fatal(err)
	}
	context.SetDefaultTimeout(*left(t))
	context.SetDefaultNavigationTimeout(*left(t))
	tab := &Page{T: t, Program: p, Context: context, Faults: watch(context), touch: v.Context.HasTouch != nil}
	t.Cleanup(tab.end)
	if keepTraces {
		tab.Must(context.Tracing().Start(playwright.TracingStartOptions{Snapshots: playwright.Bool(true)}))
	}
	if v.who != nil {
		tab.SignIn(p.Cookie(t, v.who))
	}
	tab.Page, err = context.NewPage()
	tab.Must(err)
	tab.Visit(v.path)
	return tab
}

// On is the same tab of a part of its story, which has a time of its own.
func (p *Page) On(t *testing.T) *Page {
	part := *p
	part.T = t
	return &part
}

// NewTab opens another tab of the same browser at the path.
func (p *Page) NewTab(path string) *Page {
	p.T.Helper()
	tab := *p
	var err error
	tab.Page, err = p.Context.NewPage()
	p.Must(err)
	tab.Visit(path)
	return &tab
}

// Front shows the tab. What lies behind another one is slow.
func (p *Page) Front() {
	p.T.Helper()
	p.Must(p.BringToFront())
}

// SignIn gives the browser a session cookie.
func (p *Page) SignIn(cookie *http.Cookie) {
	p.T.Helper()
	p.Must(p.Context.AddCookies([]playwright.OptionalCookie{{Name: cookie.Name, Value: cookie.Value, URL: &p.Program.URL}}))
}

// Must ends the story where there is an error, and says so when it is one of time.
func (p *Page) Must(err error) {
	p.T.Helper()
	if err != nil {
		p.T.Fatal(over(p.T, err))
	}
}

// Expect waits for what a page should come to show, for as long as the story has time.
func (p *Page) Expect() playwright.PlaywrightAssertions {
	return playwright.NewPlaywrightAssertions(*left(p.T))
}

// Left is how much of its time the story has, for waits that none of the words here are.
func (p *Page) Left() *float64 { return left(p.T) }

// Visit goes to the path by its address.
func (p *Page) Visit(path string) {
	p.T.Helper()
	_, err := p.Goto(p.Program.URL + path)
	p.Must(err)
}

// Role is what has the role and, exactly, the name.
func (p *Page) Role(role playwright.AriaRole, name string) playwright.Locator {
	return p.GetByRole(role, playwright.PageGetByRoleOptions{Name: name, Exact: playwright.Bool(true)})
}

// Button is the one of that name.
func (p *Page) Button(name string) playwright.Locator { return p.Role("button", name) }

// Link is the one of that name.
func (p *Page) Link(name string) playwright.Locator { return p.Role("link", name) }

// Heading is the one of that text.
func (p *Page) Heading(name string) playwright.Locator { return p.Role("heading", name) }

// Toggle is the switch of the key.
func (p *Page) Toggle(name string) playwright.Locator { return p.Role("switch", name+" can sign in") }

// Field is the one with that label.
func (p *Page) Field(label string) playwright.Locator {
	return p.GetByLabel(label, playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)})
}

// Row is the key of that name in the list.
func (p *Page) Row(name string) playwright.Locator {
	return p.Role("region", "Your keys").GetByRole("listitem").Filter(playwright.LocatorFilterOptions{Has: p.Link(name)})
}

// Menu opens the row's menu and gives the entry.
func (p *Page) Menu(name, entry string) playwright.Locator {
	p.T.Helper()
	row := p.Row(name)
	p.Press(row.GetByLabel("More about "+name, playwright.LocatorGetByLabelOptions{Exact: playwright.Bool(true)}))
	return row.GetByRole("link", playwright.LocatorGetByRoleOptions{Name: entry, Exact: playwright.Bool(true)})
}

// Dialog is the open dialog.
func (p *Page) Dialog() playwright.Locator { return p.GetByRole("dialog") }

// InDialog is the button of that name in the open dialog.
func (p *Page) InDialog(name string) playwright.Locator {
	return p.Dialog().GetByRole("button", playwright.LocatorGetByRoleOptions{Name: name, Exact: playwright.Bool(true)})
}

// Press clicks, or taps where there are fingers.
func (p *Page) Press(what playwright.Locator) {
	p.T.Helper()
	wait := left(p.T) // locators do not know of the default
	if p.touch {
		p.Must(what.Tap(playwright.LocatorTapOptions{Timeout: wait}))
		return
	}
	p.Must(what.Click(playwright.LocatorClickOptions{Timeout: wait}))
}

// Fill types into a field, in place of what is there.
func (p *Page) Fill(label, text string) {
	p.T.Helper()
	p.Must(p.Field(label).Fill(text, playwright.LocatorFillOptions{Timeout: left(p.T)}))
}

// Sees waits until such a thing can be seen.
func (p *Page) Sees(what playwright.Locator) {
	p.T.Helper()
	p.Must(p.Expect().Locator(what).ToBeVisible())
}

// Lacks waits until there is no such thing, or none that can be seen.
func (p *Page) Lacks(what playwright.Locator) {
	p.T.Helper()
	p.Must(p.Expect().Locator(what).ToBeHidden())
}

// Reads waits until it has the text and no other.
func (p *Page) Reads(what playwright.Locator, text string) {
	p.T.Helper()
	p.Must(p.Expect().Locator(what).ToHaveText(text))
}

// Says waits for the page's status line.
func (p *Page) Says(text string) {
	p.T.Helper()
	p.Reads(p.Locator("#status"), text)
}

// Focuses waits until it has the focus.
func (p *Page) Focuses(what playwright.Locator) {
	p.T.Helper()
	p.Must(p.Expect().Locator(what).ToBeFocused())
}

// IsAt waits for the address. The path may have a query.
func (p *Page) IsAt(path string) {
	p.T.Helper()
	p.Must(p.Expect().Page(p.Page).ToHaveURL(p.Program.URL + path))
}

// IsOn waits until the switch shows that the key is on, or off.
func (p *Page) IsOn(name string, on bool) {
	p.T.Helper()
	p.Must(p.Expect().Locator(p.Toggle(name)).ToBeChecked(playwright.LocatorAssertionsToBeCheckedOptions{Checked: &on}))
}

// CreateKey creates a key by the form and gives its value, which the page then shows, not saved yet.
func (p *Page) CreateKey(name string) string {
	p.T.Helper()
	p.TriesToCreate(name)
	p.Sees(p.Ready(name))
	return p.Value()
}

// TriesToCreate fills in the form for a new key and sends it.
func (p *Page) TriesToCreate(name string) {
	p.T.Helper()
	p.NamesKey(name)
	p.Press(p.Button("Create key"))
}

// NamesKey opens the form for a new key, unless it stands there, and fills in the name.
func (p *Page) NamesKey(name string) {
	p.T.Helper()
	if !p.seen(p.Field("Name")) {
		p.Press(p.Link("Create key"))
	}
	p.Fill("Name", name)
}

// seen says whether there is such a thing on the page as it is.
func (p *Page) seen(what playwright.Locator) bool {
	p.T.Helper()
	p.Sees(p.Locator("#heading"))
	yes, err := what.IsVisible()
	p.Must(err)
	return yes
}

// Ready is the heading of the panel with a new key's value.
func (p *Page) Ready(name string) playwright.Locator {
	return p.Heading(name + " is ready. Save its value now")
}

// Value is the one in the panel, whether it is shown or hidden.
func (p *Page) Value() string {
	p.T.Helper()
	value, err := p.Locator("#value").TextContent()
	p.Must(err)
	return value
}

// SaveKey is what follows CreateKey: the value is downloaded, or without script said to be saved, and the panel left.
func (p *Page) SaveKey() {
	p.T.Helper()
	if tick := p.Field("I have saved it"); p.seen(tick) {
		p.Press(tick)
	} else {
		p.Press(p.Button("Download .env"))
	}
	p.Press(p.Button("Done"))
	p.Lacks(p.Locator("#once"))
}

// Evaluate runs a JavaScript expression in the page, on behalf of the test: the page's own policies do not bind it.
func (p *Page) Evaluate(expression string, arg ...any) any {
	p.T.Helper()
	result, err := p.Page.Evaluate(expression, arg...)
	p.Must(err)
	return result
}

// keepTraces has failed stories leave a trace, which "npx playwright show-trace" opens. Recording it takes its time.
var keepTraces = os.Getenv("E2E_TRACE") != ""

// end closes the browser's tabs and has what went wrong reported. Of a failed story it keeps what the tabs looked like.
func (p *Page) end() {
	p.T.Helper()
	if p.T.Failed() {
		dir := Path("e2e", "failures", strings.ReplaceAll(p.T.Name(), "/", "-"))
		for i, tab := range p.Context.Pages() {
			picture := filepath.Join(dir, fmt.Sprintf("tab-%d.png", i+1))
			if _, err := tab.Screenshot(playwright.PageScreenshotOptions{Path: &picture, FullPage: playwright.Bool(true)}); err != nil {
				p.T.Log(err)
			}
		}
		if keepTraces {
			if err := p.Context.Tracing().Stop(filepath.Join(dir, "trace.zip")); err != nil {
				p.T.Log(err)
			}
		}
		p.T.Log("pictures are in", dir)
	}
	if err := p.Context.Close(); err != nil {
		p.T.Error(err)
	}
	p.Faults.report(p.T)
}
