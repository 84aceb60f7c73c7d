package handlers_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestOnlyHtmxGetsPartsAndOnlyWhenItWantsThem(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for _, path := range []string{"/keys", "/keys?q=porch", "/keys/" + key.ID, "/keys/" + key.ID + "/delete", "/logs", "/nowhere", "/keys/ffffffffffffffffffffffff"} {
		for name, c := range map[string]struct {
			asking *browser
			part   bool
		}{
			"a browser":         {b, false},
			"htmx":              {b.htmx(), true},
			"a boosted link":    {b.htmx().with("HX-Boosted", "true"), false},
			"a history restore": {b.htmx().with("HX-History-Restore-Request", "true"), false},
			"a guess":           {b.with("HX-Request", "1"), false},
		} {
			a := c.asking.get(path)
			if got := !strings.Contains(a.body, "<!doctype html>"); got != c.part {
				t.Errorf("%s, %s: part %v, want %v", path, name, got, c.part)
			}
			if !c.part && (a.doc.Find("h1").Length() != 1 || a.text("title") == "" || !a.has("main")) {
				t.Errorf("%s, %s: not a page", path, name)
			}
			if got := strings.Join(a.header.Values("Vary"), ", "); !strings.Contains(got, "HX-Request") {
				t.Errorf("%s, %s: Vary is %q", path, name, got)
			}
			if got := a.header.Get("Content-Type"); got != "text/html; charset=UTF-8" {
				t.Errorf("%s, %s: Content-Type is %q", path, name, got)
			}
		}
	}
}

func TestHtmxIsToldToLeaveThePageAndOthersAreRedirected(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	stranger := p.browser()
	for _, path := range []string{"/keys", "/keys/0123456789abcdef01234567"} {
		to := "/login?next=" + strings.ReplaceAll(path, "/", "%2F")
		stranger.get(path).leadsTo(to)
		stranger.htmx().with("HX-Boosted", "true").get(path).leadsTo(to)
		a := stranger.htmx().get(path).want(http.StatusOK)
		if a.header.Get("HX-Redirect") != to || a.header.Get("Location") != "" || a.body != "" {
			t.Errorf("%s: HX-Redirect %q, Location %q, body %q", path, a.header.Get("HX-Redirect"), a.header.Get("Location"), a.body)
		}
	}
}

func TestAnErrorForHtmxBecomesANoticeAboveThePage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	for path, status := range map[string]int{"/nowhere": 404, "/keys/ffffffffffffffffffffffff": 404} {
		a := b.htmx().get(path).want(status).isPart()
		if a.header.Get("HX-Retarget") != "#notice" || a.header.Get("HX-Reswap") != "innerHTML show:top" {
			t.Errorf("%s: goes to %q, %q", path, a.header.Get("HX-Retarget"), a.header.Get("HX-Reswap"))
		}
		whole := b.get(path).want(status)
		if whole.header.Get("HX-Retarget") != "" {
			t.Errorf("%s: a page is retargeted", path)
		}
		a.says(".notice strong", whole.text("h1"))
	}
}

func TestAPartIsWhatThePageHasInItsPlace(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(7)...)
	p.turn(who, keys[3], false)
	for _, c := range []struct{ path, place string }{
		{"/keys", "#keys"}, {"/keys", "#quota"}, {"/keys?q=key-04", "#keys"}, {"/keys?q=zzz", "#keys"}, {"/keys/" + keys[3].ID, "#key"},
	} {
		whole, part := b.get(c.path), b.htmx().get(c.path)
		if got, want := part.outer(c.place), whole.outer(c.place); got != want || got == "" {
			t.Errorf("%s of %s is %s in the part, %s on the page", c.place, c.path, got, want)
		}
	}
	place := "#key-" + keys[0].ID
	part := b.htmx().post("/keys/"+keys[0].ID+"/turn-off", row(keys[0]))
	if got, want := part.outer(place), b.get("/keys").outer(place); got != want || got == "" {
		t.Errorf("the row is %s in the part, %s on the page", got, want)
	}
}

// outer is the HTML of the first element that selector finds.
func (a answer) outer(selector string) string {
	a.t.Helper()
	node := a.doc.Find(selector).First()
	inner, err := node.Html()
	if err != nil {
		a.t.Fatal(err)
	}
	if node.Length() == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("<" + node.Nodes[0].Data)
	for _, attr := range node.Nodes[0].Attr {
		b.WriteString(" " + attr.Key + "=" + attr.Val)
	}
	return b.String() + ">" + inner
}
