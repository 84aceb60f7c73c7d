package views_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/views"
)

// hostile is text that has been used to break out of pages.
var hostile = []string{
	`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `</title><script>alert(1)</script>`,
	`</textarea><script>alert(1)</script>`, `" onmouseover="alert(1)`, `' onfocus='alert(1)' autofocus='`, "` onclick=alert(1)", ` style=position:fixed `,
	`javascript:alert(1)`, `{{constructor.constructor('alert(1)')()}}`, `${alert(1)}`, `<svg/onload=alert(1)>`, `<!--`, `-->`, `]]>`, `<![CDATA[`, `&lt;b&gt;`,
	`&#x3c;script&#x3e;`, `&`, `&amp`, `<`, `>`, `"`, `'`, `\`, "a\x00b", "a\u202eb", "a\u200bb", "\ufeff", "\xff\xfe", "\xc0\xbc", "\r\n", "line\nline", "\u2028",
	"📷", "ضع", strings.Repeat("x", 10_000), strings.Repeat("<", 1000), `</li></ul><form action=//evil.example>`, `<hx-partial hx-target="body">x</hx-partial>`,
	`" hx-get="/logout" hx-trigger="load`, `<base href=//evil.example>`, `<meta http-equiv=refresh content=0;url=//evil.example>`, `=HYPERLINK("x")`, `'; DROP TABLE users --`,
}

func TestNoTextChangesWhatAPageIsMadeOf(t *testing.T) {
	if testing.Short() {
		t.Skip("draws hundreds of texts, one after the other")
	}
	t.Parallel()
	pages, parts := map[string]string{}, map[string]string{}
	for name, c := range every("plain") {
		pages[name] = skeleton(draw(t, c))
	}
	for name, c := range everyPart("plain") {
		parts[name] = skeleton(draw(t, c))
	}
	for _, text := range hostile {
		for name, c := range every(text) {
			if diff := cmp.Diff(pages[name], skeleton(draw(t, c))); diff != "" {
				t.Errorf("%q on the page %s (-want +got):\n%s", text, name, diff)
			}
		}
		for name, c := range everyPart(text) {
			if diff := cmp.Diff(parts[name], skeleton(draw(t, c))); diff != "" {
				t.Errorf("%q in the part %s (-want +got):\n%s", text, name, diff)
			}
		}
	}
}

func TestAHostileNameIsShownAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range hostile {
		if !shownAsItIs(name) {
			continue
		}
		doc := draw(t, views.KeyRow(key(1, name)))
		if got := doc.Find(".name").Text(); got != name {
			t.Errorf("%q is shown as %q", name, got)
		}
		if got := doc.Find("input[name=name]").AttrOr("value", ""); got != name {
			t.Errorf("%q is sent as %q", name, got)
		}
		if got := doc.Find("[role=switch]").AttrOr("aria-label", ""); got != name+" can sign in" {
			t.Errorf("%q is read out as %q", name, got)
		}
	}
}

// shownAsItIs says that a text has nothing that the parser of any browser replaces.
func shownAsItIs(s string) bool {
	return strings.ToValidUTF8(s, "") == s && !strings.ContainsAny(s, "\x00\r")
}

// FuzzName draws any text as the name of a key, of a device, and of a person.
func FuzzName(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	plain := skeletons(f, "plain")
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" { // for which pages have no place
			return
		}
		for i, got := range skeletons(t, name) {
			if got != plain[i] {
				t.Errorf("%q changes what a page is made of:\n%s", name, cmp.Diff(plain[i], got))
			}
		}
		if doc := draw(t, views.KeyRow(key(1, name))); shownAsItIs(name) && doc.Find(".name").Text() != name {
			t.Errorf("%q is shown as %q", name, doc.Find(".name").Text())
		}
	})
}

// skeletons draws a name in every place that one of a key, a device or a person has.
func skeletons(t testing.TB, name string) []string {
	t.Helper()
	m := keysPage(1, name)
	m.Email, m.Once = name, &views.Once{ID: id(1), Name: name, Value: name, Handoff: handoffOf(name)}
	return []string{
		skeleton(draw(t, views.RowPart(key(1, name), name, nil))),
		skeleton(draw(t, views.OneKeyPage(ownPage(views.Page{}, withUse(1, name, used(name)), name)))),
		skeleton(draw(t, views.KeysPage(m))),
		skeleton(draw(t, views.PairingPart(pairing(views.PairingAsked, views.Page{Status: name}, name)))),
		skeleton(draw(t, views.SignInPage(views.SignIn{Email: name, Next: name, Error: name}))),
	}
}
