package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// crawled are the pages that are asked for in the pseudo-language, and whether all their texts are in the reader's language already.
var crawled = []struct {
	path string
	done bool
}{
	{"/login", false},
	{"/register", false},
	{"/forgot", false},
	{"/reset", false},
	{"/confirm", false},
	{"/help", true},
	{"/language", true},
	{"/logs", true},
	{"/nowhere", true},
	{"/handover", true},
	{"/keys", true},
	{"/keys?show=off", true},
	{"/keys?q=nothing", true},
	{"/keys/new", true},
	{"/keys/adopt", false},
	{"/keys/room", true},
	{"/keys/bulk", false},
	{"/keys/which", false},
	{"/keys/expiry", false},
	{"/keys/KEY", true},
	{"/keys/OFF", true},
	{"/keys/KEY/card", true},
	{"/keys/KEY/expiry", false},
	{"/keys/KEY/leaked", false},
	{"/keys/KEY/replace", false},
	{"/keys/KEY/delete", true},
	{"/device", false},
	{"/device/PAIRING", false},
	{"/account", false},
	{"/account/delete", false},
	{"/activity", false},
	{"/sessions", false},
	{"/running", true},
	{"/running/users/USER", true},
	{"/running/knocks", true},
	{"/running/server-keys", true},
	{"/running/acts", true},
	{"/docs/api", true}, // whose document is in English: what is around it is not
}

// data is what pages of the crawl show that nobody translates.
var data = []string{"Latchkey", "porch-cam", "heat-pump", "Porch", "Docker Compose", email, "operator@example.com", "192.0.2.1", "curl 8.5.0"}

func TestEveryTextOfAPageIsInTheLanguageOfItsReader(t *testing.T) {
	t.Parallel()
	p := newProgram(t, ownersAdopt)
	b, who := p.signedIn(email)
	p.makeOperator(who, true)
	b = p.signIn(who)
	keys := p.seed(who, "porch-cam", "heat-pump")
	p.turn(who, keys[1], false)
	fill := strings.NewReplacer("KEY", keys[0].ID, "OFF", keys[1].ID, "PAIRING", strings.TrimPrefix(b.opens(p.pairing("porch-cam")).path, "/device/"), "USER", who.id)
	stranger := p.browser()
	for _, some := range []*browser{b, stranger} {
		some.post("/language", url.Values{"language": {"en-XA"}})
	}
	for _, c := range crawled {
		t.Run(c.path, func(t *testing.T) {
			asks := []*browser{b, stranger}
			for _, some := range asks {
				a := some.on(t).get(fill.Replace(c.path))
				if a.status == http.StatusSeeOther {
					continue
				}
				if left := untranslated(a); len(left) > 0 && c.done {
					t.Errorf("not in the language of the page: %q", left)
				} else if len(left) > 0 {
					t.Logf("not done yet: %q", left)
				}
			}
		})
	}
}

// untranslated are the texts of a page in the pseudo-language that are no data and not in its brackets.
func untranslated(a answer) (left []string) {
	depth := 0
	check := func(text string, whole bool) {
		inside, at := depth, strings.Builder{}
		for _, r := range text {
			switch {
			case r == '⟦':
				inside++
			case r == '⟧':
				inside--
			case inside == 0:
				at.WriteRune(r)
			}
		}
		if !whole {
			depth = inside
		}
		rest := at.String()
		for _, known := range data {
			rest = strings.ReplaceAll(rest, known, "")
		}
		if wordy(rest) {
			left = append(left, squeeze(rest))
		}
	}
	shown := []string{"aria-label", "aria-description", "title", "alt", "placeholder", "data-doing", "data-title", "data-done", "data-label"}
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			check(n.Data, false)
		}
		for _, attr := range n.Attr {
			if n.Type == html.ElementNode && (attr.Key == "translate" && attr.Val == "no" || attr.Key == "lang" && n.DataAtom != atom.Html) {
				return
			}
		}
		switch n.DataAtom {
		case atom.Script, atom.Style, atom.Svg, atom.Code, atom.Kbd, atom.Time, atom.Bdi:
			return
		}
		for _, attr := range n.Attr {
			if slices.Contains(shown, attr.Key) {
				check(attr.Val, true)
			}
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	for _, n := range a.doc.Nodes {
		walk(n)
	}
	return left
}

// wordy says whether a text has two letters beside each other.
func wordy(text string) bool {
	before := false
	for _, r := range text {
		if unicode.IsLetter(r) && before {
			return true
		}
		before = unicode.IsLetter(r)
	}
	return false
}
