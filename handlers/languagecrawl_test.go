package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"latchkey/internal/model"
)

// crawled are the pages that are asked for in the pseudo-language.
var crawled = []string{
	"/login",
	"/register",
	"/forgot",
	"/reset",
	"/confirm?token=x&tokenId=y",
	"/help",
	"/language",
	"/logs",
	"/nowhere",
	"/handover",
	"/keys",
	"/keys?show=off",
	"/keys?q=nothing",
	"/keys?select=1",
	"/keys/new",
	"/keys/adopt",
	"/keys/room",
	"/keys/which",
	"/keys/KEY",
	"/keys/OFF",
	"/keys/KEY/card",
	"/keys/KEY/expiry",
	"/keys/OFF/leaked",
	"/keys/KEY/replace",
	"/keys/KEY/delete",
	"/device",
	"/device/PAIRING",
	"/account",
	"/account/delete",
	"/activity",
	"/sessions",
	"/running",
	"/running/users/USER",
	"/running/knocks",
	"/running/server-keys",
	"/running/webhooks",
	"/running/acts",
	"/docs/api", // whose document is in English: what is around it is not
}

// data is what pages of the crawl show that nobody translates.
var data = []string{"Latchkey", "latchkey", "curl", "porch-cam", "heat-pump", "ci-runner", "Porch", "Docker Compose", email, "operator@example.com", "192.0.2.1", "curl 8.5.0"}

func TestEveryTextOfAPageIsInTheLanguageOfItsReader(t *testing.T) {
	t.Parallel()
	p := newProgram(t, ownersAdopt)
	who := p.person(email)
	p.makeOperator(who, true)
	p.addWebhook()
	b := p.signIn(who)
	keys := p.seed(who, "porch-cam", "heat-pump")
	b.post("/keys/"+keys[1].ID+"/leaked", nil) // which turns it off
	fill := strings.NewReplacer("KEY", keys[0].ID, "OFF", keys[1].ID, "PAIRING", strings.TrimPrefix(b.opens(p.pairing("porch-cam")).path, "/device/"), "USER", who.id)
	stranger := p.browser()
	for _, some := range []*browser{b, stranger} {
		some.post("/language", url.Values{"language": {"en-XA"}})
	}
	for _, path := range crawled {
		asked := 0
		for who, some := range map[string]*browser{"signed in": b, "not signed in": stranger} {
			if a := some.get(fill.Replace(path)); a.status != http.StatusSeeOther {
				asked++
				if left := untranslated(a); len(left) > 0 {
					t.Errorf("%s, %s: not in the language of the page: %q", path, who, left)
				}
			}
		}
		if asked == 0 {
			t.Errorf("%s is no page", path)
		}
	}
	for path, form := range map[string]url.Values{
		"/login": credentials(email, "wrong"), "/register": credentials("x", "x"), "/account/password": {"current": {"wrong"}, "new": {"x"}},
		"/keys": createForm(newFormID(t), "ci-runner"), "/keys/KEY/turn-off": row(keys[0]), "/keys/bulk": {"act": {"off"}}, "/device": {"code": {"XXXX-XXXX"}},
		"/keys/which": {"value": {"x"}}, "/keys/adopt": {"value": {"x"}, "name": {"x"}}, "/keys/KEY/delete": {"typed": {"x"}, "name": {"porch-cam"}},
	} {
		for _, some := range []*browser{b, b.htmx()} {
			a := some.post(fill.Replace(path), form)
			if left := untranslated(a); len(left) > 0 {
				t.Errorf("POST %s: %d, not in the language of the page: %q", path, a.status, left)
			}
		}
	}
}

var elements = regexp.MustCompile(`<[^>]*>`)

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
			check(elements.ReplaceAllString(n.Data, ""), false) // in <noscript> they are text
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

// addWebhook adds a webhook that is off.
func (p *program) addWebhook() {
	p.t.Helper()
	w := model.Webhook{ID: "0a1b2c3d", URL: "https://ops.example.org", Kinds: []model.EventKind{model.EventKeyMade}, Sealed: []byte("sealed"), CreatedAt: noon}
	act := model.OperatorAct{ID: model.NewID(noon), At: noon, Act: model.ActWebhookAdded, Detail: w.Place()}
	err := p.store.AddWebhook(p.t.Context(), w, 1, act)
	if err == nil {
		act.ID, act.Act = model.NewID(noon), model.ActWebhookOff
		_, err = p.store.TurnWebhook(p.t.Context(), w.ID, false, model.WebhookOffFailing, act)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
