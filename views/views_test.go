package views_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"latchkey/views"
)

func TestEveryPageIsAWholeDocument(t *testing.T) {
	t.Parallel()
	for name, c := range every("plain") {
		doc := draw(t, c)
		if !strings.HasPrefix(render(t, c), "<!doctype html><html lang=\"en\"") {
			t.Errorf("%s: begins %.40s", name, render(t, c))
		}
		if text(doc, "title") != "plain · Latchkey" || doc.Find("h1").Length() != 1 || doc.Find("main").Length() != 1 {
			t.Errorf("%s: title %q, %d headings, %d main parts", name, text(doc, "title"), doc.Find("h1").Length(), doc.Find("main").Length())
		}
		if doc.Find(`meta[name=viewport][content="width=device-width, initial-scale=1"]`).Length() != 1 || doc.Find("link[rel=icon]").Length() != 1 {
			t.Errorf("%s: no viewport or no icon", name)
		}
		if status := doc.Find("#status[role=status]"); status.Length() != 1 || status.Text() != "plain" {
			t.Errorf("%s: %d status regions, %q", name, status.Length(), status.Text())
		}
		if doc.Find("#notice").Length() != 1 || doc.Find(`.me form[action="/logout"]`).Length() != 1 || text(doc, ".who") != "plain" {
			t.Errorf("%s: the frame is not complete", name)
		}
		if first := doc.Find("body > *").First(); !first.Is(`a.skip[href="#main"]`) {
			t.Errorf("%s: the first thing to reach is not the way to the content", name)
		}
	}
}

func TestAStrangerSeesNoAccount(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.SignInPage(views.SignIn{}))
	if doc.Find(`.account, form[action="/logout"]`).Length() != 0 {
		t.Error("there is an account")
	}
	if doc.Find(`a[href^="/register"]`).Length() != 0 {
		t.Error("there is a way to make an account where people cannot")
	}
}

// forbidden is what the content security policy would refuse, or what runs text.
var forbiddenAttribute = regexp.MustCompile(`^(style|on.*|hx-on.*|hx-vals|hx-headers|hx-vars|srcdoc|formaction|background)$`)

func TestNothingIsInlineAndNothingRunsText(t *testing.T) {
	t.Parallel()
	parts := everyPart("plain")
	for name, c := range every("plain") {
		parts["page: "+name] = c
	}
	for name, c := range parts {
		draw(t, c).Find("*").Each(func(_ int, s *goquery.Selection) {
			node := s.Nodes[0]
			switch node.Data {
			case "style", "iframe", "object", "embed", "base":
				t.Errorf("%s has a <%s>", name, node.Data)
			case "script":
				if src, _ := s.Attr("src"); !strings.HasPrefix(src, "/static/") || s.Text() != "" {
					t.Errorf("%s has a script from %q with %q", name, src, s.Text())
				}
			}
			for _, attr := range node.Attr {
				if forbiddenAttribute.MatchString(attr.Key) || strings.Contains(strings.ToLower(attr.Val), "javascript:") || strings.HasPrefix(attr.Val, "js:") {
					t.Errorf("%s has %s=%q", name, attr.Key, attr.Val)
				}
				if address := attr.Key == "href" || attr.Key == "src" || attr.Key == "action" || strings.HasPrefix(attr.Key, "hx-get") || attr.Key == "hx-post"; address &&
					!regexp.MustCompile(`^(/[a-z]|#[a-z])`).MatchString(attr.Val) && name != "page: leaving" {
					t.Errorf("%s leads out of the house: %s=%q", name, attr.Key, attr.Val)
				}
			}
		})
	}
}

func TestEveryIDIsThereOnceAndEveryReferenceLeadsToOne(t *testing.T) {
	t.Parallel()
	for name, c := range every("plain") {
		doc := draw(t, c)
		ids := map[string]int{}
		doc.Find("[id]").Each(func(_ int, s *goquery.Selection) { ids[s.AttrOr("id", "")]++ })
		for id, n := range ids {
			if n != 1 || id == "" {
				t.Errorf("%s has the id %q %d times", name, id, n)
			}
		}
		for _, attr := range []string{"for", "aria-describedby", "aria-labelledby", "aria-controls"} {
			doc.Find("[" + attr + "]").Each(func(_ int, s *goquery.Selection) {
				if s.Is("dialog#dialog") && s.Children().Length() == 0 {
					return // its title arrives with its content
				}
				for _, id := range strings.Fields(s.AttrOr(attr, "")) {
					if ids[id] != 1 {
						t.Errorf("%s: %s=%q leads nowhere", name, attr, id)
					}
				}
			})
		}
		if n := doc.Find("[autofocus]:not(dialog *)").Length(); n > 1 {
			t.Errorf("%s has %d elements that want the focus", name, n)
		}
	}
}

func TestEverythingThatCanBeUsedHasAName(t *testing.T) {
	t.Parallel()
	parts := everyPart("plain")
	for name, c := range every("plain") {
		parts["page: "+name] = c
	}
	for name, c := range parts {
		doc := draw(t, c)
		doc.Find("input:not([type=hidden], [hidden]), select, textarea").Each(func(_ int, s *goquery.Selection) {
			label := doc.Find(`label[for="`+s.AttrOr("id", "-")+`"]`).Text() + s.Closest("label").Text() + s.AttrOr("aria-label", "")
			if squeeze(label) == "" {
				t.Errorf("%s: the field %q has no label", name, s.AttrOr("name", s.AttrOr("id", "")))
			}
		})
		doc.Find("button, a[href], summary").Each(func(_ int, s *goquery.Selection) {
			if squeeze(s.Text())+s.AttrOr("aria-label", "") == "" {
				t.Errorf("%s: %s has no name", name, s.AttrOr("class", s.Nodes[0].Data))
			}
		})
		doc.Find("svg").Each(func(_ int, s *goquery.Selection) {
			picture := s.AttrOr("role", "") == "img" && s.AttrOr("aria-label", "") != ""
			if s.AttrOr("aria-hidden", "") != "true" && !picture || s.Children().Length() == 0 {
				t.Errorf("%s: a drawing that is read out without a name, or empty: %s", name, s.AttrOr("class", ""))
			}
		})
	}
}

func TestEveryFormWorksWithoutScript(t *testing.T) {
	t.Parallel()
	actions := regexp.MustCompile(`^(/login|/login/passkey|/login/with/acme(/connect)?|/confirm/with/acme|/account/openid/acme/connect|/account/ways/[0-9a-f]{24}/remove|/logout|/register|/forgot|/reset|/account/password|/account/password/stop|/account/passkeys(/new|/[0-9a-f]{24}/(name|remove))?|/account/delete|/theme|/language|/keys|/keys/which|/keys/adopt|/keys/room|/keys/bulk|/keys/[0-9a-f]{24}/(turn-on|turn-off|delete|replace|replacement/end|saved|leaked)|/device|/device/[A-Z]{26}/(approve|deny)|/sessions/end-others|/sessions/[0-9a-f]{24}/end)$`)
	for name, c := range every("plain") {
		draw(t, c).Find("form").Each(func(_ int, s *goquery.Selection) {
			method, action := s.AttrOr("method", ""), s.AttrOr("action", "")
			if method == "dialog" {
				return
			}
			if !actions.MatchString(action) || method != "post" && method != "get" {
				t.Errorf("%s: a form %s %q", name, method, action)
			}
			if post, ok := s.Attr("hx-post"); ok && post != action {
				t.Errorf("%s: with script %q, without %q", name, post, action)
			}
			elsewhere := s.AttrOr("id", "") == "leak" // the button may come later, beside another form
			if s.Find("button").Length() == 0 && s.Find("noscript").Length() == 0 && !elsewhere {
				t.Errorf("%s: the form %s has no button", name, action)
			}
		})
	}
}

func TestEveryFormOfSomebodySignedInSaysWhosePageItIs(t *testing.T) {
	t.Parallel()
	parts := everyPart("plain")
	for name, c := range every("plain") {
		parts["page: "+name] = c
	}
	anybodys := regexp.MustCompile(`^/(login|login/passkey|login/with/acme|register|theme|forgot|reset|confirm|confirm/send)$`)
	for name, c := range parts {
		var drawn strings.Builder
		if err := c.Render(views.WithOwner(t.Context(), "0123:ana%40example.com"), &drawn); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(drawn.String()))
		if err != nil {
			t.Fatal(err)
		}
		doc.Find("form").Each(func(_ int, s *goquery.Selection) {
			action, field := s.AttrOr("action", ""), s.Find(`input[type=hidden][name=owner][value="0123:ana%40example.com"]`)
			if s.AttrOr("method", "") == "post" && !anybodys.MatchString(action) && field.Length() != 1 {
				t.Errorf("%s: the form %s says it %d times", name, action, field.Length())
			}
		})
		if page := doc.Find("html[data-theme]").Length() > 0; page && doc.Find(`meta[name=owner][content="0123:ana%40example.com"]`).Length() != 1 {
			t.Errorf("%s does not tell its script", name)
		}
	}
}

func TestHtmxSwapsIntoPlacesThatThePagesHave(t *testing.T) {
	t.Parallel()
	places := map[string]bool{"closest li": true, "title": true}
	for _, c := range every("plain") {
		draw(t, c).Find("[id]").Each(func(_ int, s *goquery.Selection) { places["#"+s.AttrOr("id", "")] = true })
	}
	parts := everyPart("plain")
	for name, c := range every("plain") {
		parts["page: "+name] = c
	}
	for name, c := range parts {
		draw(t, c).Find("[hx-target]").Each(func(_ int, s *goquery.Selection) {
			if target, _, _ := strings.Cut(s.AttrOr("hx-target", ""), "["); !places[target] {
				t.Errorf("%s swaps into %q, which no page has", name, target)
			}
		})
	}
}

func TestTheListShowsNoneOneAndMany(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 5, 6, 19, 20} {
		m := keysPage(n, "porch-cam")
		doc := draw(t, views.KeysPage(m))
		var want []string
		for _, key := range m.List {
			want = append(want, key.Name)
		}
		var got []string
		got = append(got, texts(doc, "#keys ul .name")...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d keys (-want +got):\n%s", n, diff)
		}
		for what, c := range map[string]struct {
			selector string
			want     bool
		}{
			"the first visit": {".first", n == 0},
			"the search":      {"[role=search]", n >= 6},
			"the form":        {"form.create", n == 0},
			"a way to a key":  {`a[href="/keys/new"]`, n > 0 && n < 20},
			"a way to room":   {`a[href="/keys/room"]`, n == 20},
			"a failure":       {"#keys .notice", false},
		} {
			if has := doc.Find(c.selector).Length() > 0; has != c.want {
				t.Errorf("%d keys: %s is there: %v", n, what, has)
			}
		}
	}
}

func TestARowSaysItsStateInAWordAndOnItsSwitch(t *testing.T) {
	t.Parallel()
	unknown := key(1, "porch-cam")
	unknown.Unknown = "It may be on or off."
	newest := key(1, "porch-cam")
	newest.New = true
	for name, c := range map[string]struct {
		key                                       views.Key
		word, doing, checked, title, act, classes string
	}{
		"on":      {key(1, "porch-cam"), "On", "Turning off…", "true", "Turn off", "turn-off", "key"},
		"off":     {key(3, "porch-cam"), "Off", "Turning on…", "false", "Turn on", "turn-on", "key off"},
		"new":     {newest, "On", "Turning off…", "true", "Turn off", "turn-off", "key new"},
		"unknown": {unknown, "Not known", "Turning off…", "true", "Turn off", "turn-off", "key"},
	} {
		doc := draw(t, views.KeyRow(c.key))
		toggle := doc.Find("[role=switch]")
		if text(doc, ".state") != c.word || doc.Find(".state").AttrOr("data-doing", "") != c.doing {
			t.Errorf("%s: says %q, doing %q", name, text(doc, ".state"), doc.Find(".state").AttrOr("data-doing", ""))
		}
		if toggle.AttrOr("aria-checked", "") != c.checked || toggle.AttrOr("title", "") != c.title || toggle.AttrOr("aria-label", "") != "porch-cam can sign in" {
			t.Errorf("%s: the switch is %s", name, outer(t, doc, "[role=switch]"))
		}
		if got := doc.Find("form").AttrOr("action", ""); got != "/keys/"+c.key.ID+"/"+c.act {
			t.Errorf("%s: the switch leads to %s", name, got)
		}
		if got := doc.Find("li").AttrOr("class", ""); got != c.classes {
			t.Errorf("%s: the row is %q", name, got)
		}
		if got := text(doc, ".error"); (got != "") != (name == "unknown") {
			t.Errorf("%s: explained as %q", name, got)
		}
	}
}

func TestANewKeysValueStandsInThePageOnce(t *testing.T) {
	t.Parallel()
	for _, masked := range []bool{true, false} {
		m := keysPage(1, "porch-cam")
		m.Once = &views.Once{ID: id(1), Name: "porch-cam", Value: "S3cretValue", Handoff: handoffOf("plain"), Masked: masked}
		page := render(t, views.KeysPage(m))
		if strings.Count(page, "S3cretValue") != 1 || strings.Count(render(t, views.CreatedPart(m)), "S3cretValue") != 1 {
			t.Errorf("masked %v: the value is there %d times", masked, strings.Count(page, "S3cretValue"))
		}
		value := draw(t, views.KeysPage(m)).Find("output#value")
		_, silent := value.Attr("aria-hidden")
		if value.Text() != "S3cretValue" || value.HasClass("masked") != masked || silent != masked {
			t.Errorf("masked %v: the value is drawn as %s", masked, outer(t, draw(t, views.KeysPage(m)), "#value"))
		}
		if value.AttrOr("translate", "") != "no" || value.AttrOr("aria-label", "") != "Value" {
			t.Error("the value could be translated, or has no name")
		}
		if tick := strings.Contains(page, "I have saved it"); tick == masked {
			t.Errorf("masked %v: the tick is there: %v", masked, tick)
		}
	}
}

func TestThePanelIsShortBeforeTheCode(t *testing.T) {
	t.Parallel()
	m := keysPage(1, "porch-cam")
	m.Once = &views.Once{ID: id(1), Name: "porch-cam", Value: "S3cretValue", Handoff: handoffOf("plain"), Masked: true}
	doc := draw(t, views.KeysPage(m))
	doc.Find(".handoff, .done, dialog").Remove()
	if said := strings.Fields(text(doc, "#once")); len(said) > 75 {
		t.Errorf("%d words before the code: %q", len(said), said)
	}
}

func TestThePanelSaysHowFarItsKeyHasCome(t *testing.T) {
	t.Parallel()
	waiting, refused := at(views.Waiting, false, "x"), at(views.WaitsOff, true, "x")
	connected := at(views.Connected, false, "x")
	connected.From = "192.168.1.20"
	for want, use := range map[string]views.Use{
		"Waiting for first use…": waiting, "Refused at 11:59 UTC while it was off": refused,
		"Connected at 11:56 UTC from 192.168.1.20": connected, "": {},
	} {
		k := withUse(1, "porch-cam", use)
		m := keysPage(1, "porch-cam")
		m.Once = &views.Once{ID: k.ID, Name: k.Name, Key: k}
		if got := text(draw(t, views.KeysPage(m)), ".done .use"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		part := draw(t, views.RowPart(k, "", nil))
		if got := text(part, `hx-partial[hx-target^="#once"] .use`); got != want {
			t.Errorf("with its row it says %q, want %q", got, want)
		}
	}
}

func TestAPasswordIsNeverDrawn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"log-in", "log-in refused", "register", "register refused"} {
		field := draw(t, every("plain")[name]).Find("#password")
		if field.AttrOr("type", "") != "password" || field.AttrOr("value", "") != "" {
			t.Errorf("%s: %s with %q", name, field.AttrOr("type", ""), field.AttrOr("value", ""))
		}
	}
}

func TestTheQuotaIsTheSameInWordsAndOnTheMeter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		used  int
		text  string
		level string
		full  bool
	}{
		{0, "0 of 20", "", false}, {15, "15 of 20", "", false}, {16, "16 of 20", "near", false},
		{19, "19 of 20", "near", false}, {20, "20 of 20", "full", true}, {21, "21 of 20", "full", true},
	} {
		q := views.Quota{Used: c.used, Limit: 20}
		if q.In(t.Context()) != c.text || q.Level() != c.level || q.Full() != c.full {
			t.Errorf("%d: %q, %s, full %v", c.used, q.In(t.Context()), q.Level(), q.Full())
		}
		m := keysPage(1, "x")
		m.Quota = q
		doc := draw(t, views.KeysPage(m))
		if got := doc.Find("progress").AttrOr("aria-label", ""); (got == c.text) != (c.level != "") || text(doc, "#quota") != c.text {
			t.Errorf("%d: the meter is called %q, beside %q", c.used, got, text(doc, "#quota"))
		}
	}
}

func TestATimeThatIsNotKnownSaysSo(t *testing.T) {
	t.Parallel()
	k := key(1, "x")
	k.Created = views.When{}
	if doc := draw(t, views.KeyRow(k)); text(doc, ".use") != "Created unknown" || doc.Find("time").Length() != 0 {
		t.Errorf("a row says %q", text(doc, ".use"))
	}
}

func TestTheChosenThemeIsPressed(t *testing.T) {
	t.Parallel()
	for theme, want := range map[string]string{"": "System", "light": "Light", "dark": "Dark"} {
		doc := draw(t, views.KeysPage(views.Keys{Page: views.Page{Theme: theme, Email: "ana@example.com"}}))
		if diff := cmp.Diff([]string{want}, texts(doc, ".themes [aria-pressed=true]")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", theme, diff)
		}
		if got := doc.Find("html").AttrOr("data-theme", "-"); got != theme {
			t.Errorf("%q is drawn as %q", theme, got)
		}
	}
}
