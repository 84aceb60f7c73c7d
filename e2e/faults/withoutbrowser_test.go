package faults

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"latchkey/e2e/story"
)

// withoutBrowser is a visitor who sends what a browser would, and reads what comes back. Addresses, fields and where answers are
// drawn are those that the page itself names; with script it does what htmx does with them.
type withoutBrowser struct {
	t      *testing.T
	url    string
	http   *http.Client
	script bool
	seen   statuses

	doc    *goquery.Document
	at     string       // the address of the page
	answer chan visited // of the request that is on its way; nil when there is none
}

// visited is what a request came to.
type visited struct {
	story.Answer
	at   string
	err  error
	part func(story.Answer) // draws a part of the page; nil for a whole page
}

func visitsWithoutBrowser(t *testing.T, p *story.Program, who *story.Person, script bool) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	home, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(home, []*http.Cookie{p.Cookie(t, who)})
	own := *p.HTTP
	own.Jar, own.Timeout = jar, time.Minute // longer than the program has patience
	v := &withoutBrowser{t: t, url: p.URL, http: &own, script: script, seen: statuses{all: map[string]int{}}}
	v.visits("/keys")
	return v
}

func (v *withoutBrowser) reportsTo() *testing.T { return v.t }

func (v *withoutBrowser) visits(path string) {
	v.t.Helper()
	v.goes(http.MethodGet, path, nil)
	v.arrives()
}

// goes sets out for another page.
func (v *withoutBrowser) goes(method, path string, form url.Values) {
	v.sets(func() visited {
		for range 10 {
			a, err := v.send(method, path, form, nil)
			if err != nil || a.StatusCode != http.StatusSeeOther {
				return visited{Answer: a, at: path, err: err}
			}
			method, path, form = http.MethodGet, strings.TrimPrefix(a.Header.Get("Location"), v.url), nil
		}
		return visited{at: path, err: http.ErrUseLastResponse} // round and round
	})
}

// sets out for something, once what went before has arrived.
func (v *withoutBrowser) sets(out func() visited) {
	v.t.Helper()
	v.arrives()
	answer := make(chan visited, 1)
	go func() { answer <- out() }()
	v.answer = answer
}

// arrives waits for the answer that is on its way, and draws it.
func (v *withoutBrowser) arrives() {
	v.t.Helper()
	for v.answer != nil {
		a := <-v.answer
		v.answer = nil
		switch {
		case a.err != nil:
			v.t.Fatalf("%s: %v", a.at, a.err)
		case a.part != nil:
			a.part(a.Answer)
		default:
			v.doc, v.at = v.parse(a.Body), a.at
		}
	}
}

func (v *withoutBrowser) parse(page string) *goquery.Document {
	v.t.Helper()
	root, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(v.script))
	if err != nil {
		v.t.Fatal(err)
	}
	return goquery.NewDocumentFromNode(root)
}

func (v *withoutBrowser) send(method, path string, form url.Values, header http.Header) (a story.Answer, err error) {
	body := ""
	if method == http.MethodGet && form != nil {
		path += "?" + form.Encode()
	} else {
		body = form.Encode()
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet {
		req.Header.Set("Origin", v.url)
		req.Header.Set("Content-Type", story.FormType)
	}
	res, err := v.http.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = res.Body.Close() }() // only read from
	text, err := io.ReadAll(res.Body)
	plain, _, _ := strings.Cut(path, "?")
	v.seen.add(method+" "+plain, res.StatusCode)
	return story.Answer{Status: res.Status, StatusCode: res.StatusCode, Header: res.Header, Cookies: res.Cookies(), Body: string(text)}, err
}

// find gives the first element that the selector finds.
func (v *withoutBrowser) find(selector string) *goquery.Selection {
	v.t.Helper()
	v.arrives()
	return v.doc.Find(selector).First()
}

func (v *withoutBrowser) mustFind(selector string) *goquery.Selection {
	v.t.Helper()
	found := v.find(selector)
	if found.Length() == 0 {
		v.t.Fatalf("no %s on %s: %s", selector, v.at, squeeze(v.doc.Find("main").Text()))
	}
	return found
}

// types changes the field. With script, a field that asks as it is typed in does so.
func (v *withoutBrowser) types(selector, text string) {
	v.t.Helper()
	field := v.mustFind(selector)
	field.SetAttr("value", text)
	if v.script && field.AttrOr("hx-get", "") != "" {
		v.asks(field)
	}
}

// presses follows a link, sends a form, or has htmx do what the element names. What else can be pressed asks nothing of the server.
func (v *withoutBrowser) presses(selector string) {
	v.t.Helper()
	pressed := v.mustFind(selector)
	form := pressed.Closest("form")
	switch {
	case pressed.Is("a") && v.script && pressed.AttrOr("hx-get", "") != "":
		v.asks(pressed)
	case pressed.Is("a"):
		v.goes(http.MethodGet, pressed.AttrOr("href", ""), nil)
	case pressed.Is("button") && v.script && form.AttrOr("hx-post", "") != "":
		v.asks(form)
	case pressed.Is("button") && form.Length() > 0:
		v.goes(strings.ToUpper(form.AttrOr("method", "get")), form.AttrOr("action", ""), fields(form))
	}
}

// fields are what an element sends: its own value, or those of the fields in it.
func fields(of *goquery.Selection) url.Values {
	form := url.Values{}
	of.Find("input[name]").AddSelection(of.Filter("input[name]")).Each(func(_ int, field *goquery.Selection) {
		form.Add(field.AttrOr("name", ""), field.AttrOr("value", ""))
	})
	return form
}

// asks sends what htmx sends for the element, and draws the answer where it says.
func (v *withoutBrowser) asks(source *goquery.Selection) {
	v.t.Helper()
	method, path := http.MethodGet, source.AttrOr("hx-get", "")
	if to := source.AttrOr("hx-post", ""); to != "" {
		method, path = http.MethodPost, to
	}
	var form url.Values
	if source.Is("form, input") {
		form = fields(source)
		if include := source.AttrOr("hx-include", ""); include != "" {
			for name, values := range fields(v.doc.Find(include)) {
				form[name] = append(form[name], values...)
			}
		}
	}
	target := v.target(source, source.AttrOr("hx-target", ""))
	header := http.Header{
		"Hx-Request": {"true"}, "Hx-Request-Type": {"partial"}, "Hx-Current-Url": {v.url + v.at}, "Accept": {"text/html"},
		"Hx-Source": {named(source)}, "Hx-Target": {named(target)},
	}
	v.sets(func() visited {
		a, err := v.send(method, path, form, header)
		return visited{Answer: a, at: path, err: err, part: func(a story.Answer) { v.draws(source, target, a) }}
	})
}

// named is how htmx names an element to the server.
func named(s *goquery.Selection) string {
	name := goquery.NodeName(s)
	if id := s.AttrOr("id", ""); id != "" {
		name += "#" + id
	}
	return name
}

// target is the element that a source's answer is for.
func (v *withoutBrowser) target(source *goquery.Selection, selector string) *goquery.Selection {
	switch up, ok := strings.CutPrefix(selector, "closest "); {
	case selector == "":
		return source
	case ok:
		return source.Closest(up)
	}
	return v.doc.Find(selector).First()
}

// draws puts an answer into the page as htmx does: what it has for other places into those, and the rest into the target.
func (v *withoutBrowser) draws(source, target *goquery.Selection, a story.Answer) {
	v.t.Helper()
	if to := a.Header.Get("HX-Redirect"); to != "" {
		v.goes(http.MethodGet, to, nil)
		return
	}
	if a.StatusCode == http.StatusNoContent {
		return
	}
	swap := source.AttrOr("hx-swap", "innerHTML")
	if to := a.Header.Get("HX-Retarget"); to != "" {
		target = v.target(source, to)
	}
	if how := a.Header.Get("HX-Reswap"); how != "" {
		swap = how
	}
	nodes, err := html.ParseFragment(strings.NewReader(a.Body), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		v.t.Fatal(err)
	}
	root := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	for _, node := range nodes {
		root.AppendChild(node)
	}
	part := goquery.NewDocumentFromNode(root)
	others := part.Find("hx-partial").Remove()
	if part.Children().Length() > 0 || squeeze(part.Text()) != "" || others.Length() == 0 {
		swaps(target, swap, part.Selection)
	}
	others.Each(func(_ int, other *goquery.Selection) {
		swaps(v.doc.Find(other.AttrOr("hx-target", "")).First(), other.AttrOr("hx-swap", "innerHTML"), other)
	})
}

// swaps draws what is in an element in the place of another.
func swaps(target *goquery.Selection, how string, in *goquery.Selection) {
	switch style, _, _ := strings.Cut(how, " "); style {
	case "outerHTML":
		target.ReplaceWithSelection(in.Contents())
	case "textContent":
		target.SetText(in.Text())
	default:
		target.Empty()
		target.AppendSelection(in.Contents())
	}
}

func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// with gives the elements with the text and no other.
func (v *withoutBrowser) with(selector, text string) *goquery.Selection {
	v.t.Helper()
	v.arrives()
	return v.doc.Find(selector).FilterFunction(func(_ int, s *goquery.Selection) bool { return squeeze(s.Text()) == text })
}

func (v *withoutBrowser) sees(selector, text string) {
	v.t.Helper()
	if v.with(selector, text).Length() == 0 {
		v.t.Fatalf("no %s on %s has the text %q: %s", selector, v.at, text, squeeze(v.doc.Find("main").Text()))
	}
}

func (v *withoutBrowser) shows(selector, text string) {
	v.t.Helper()
	if got := squeeze(v.mustFind(selector).Text()); got != text {
		v.t.Fatalf("%s on %s: %q, want %q", selector, v.at, got, text)
	}
}

func (v *withoutBrowser) lacks(text string) {
	v.t.Helper()
	if strings.Contains(squeeze(v.find("body").Text()), text) {
		v.t.Errorf("%s on %s", text, v.at)
	}
}

func (v *withoutBrowser) holds(selector, value string) {
	v.t.Helper()
	if got := v.mustFind(selector).AttrOr("value", ""); got != value {
		v.t.Fatalf("%s has the value %q, want %q", selector, got, value)
	}
}

func (v *withoutBrowser) text(selector string) string {
	v.t.Helper()
	return squeeze(v.mustFind(selector).Text())
}

func (v *withoutBrowser) leadsTo(selector, text string) string {
	v.t.Helper()
	return v.with(selector, text).First().AttrOr("href", "")
}

func (v *withoutBrowser) html() string {
	v.t.Helper()
	v.arrives()
	content, err := v.doc.Html()
	if err != nil {
		v.t.Fatal(err)
	}
	return content
}

func (v *withoutBrowser) begins() {
	v.t.Helper()
	v.arrives()
	v.seen.clear()
}

func (v *withoutBrowser) answered(line string) int {
	v.t.Helper()
	v.arrives()
	return v.seen.of(line)
}

func (v *withoutBrowser) expects(int) {}
