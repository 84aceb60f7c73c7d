package views_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"latchkey/views"
)

// used is everything that can be known of a key's use, told by a device that says text of itself.
func used(text string) views.Use {
	return views.Use{
		Known: views.Known, First: views.NewWhen(noon.Add(-time.Hour), noon), Last: views.NewWhen(noon.Add(-4*time.Minute), noon),
		Refused: views.NewWhen(noon.Add(-3*time.Minute), noon), From: text, Fingerprint: text,
		By: views.UsedBy{Name: text, Platform: text, PlatformVersion: text, SDK: text, SDKVersion: text},
	}
}

// at is the same key when it is at a stage.
func at(stage views.Stage, refused bool, text string) views.Use {
	u := views.Use{Known: views.Known, Stage: stage, Fingerprint: text}
	if refused {
		u.Refused = views.NewWhen(noon.Add(-time.Minute), noon)
	}
	if stage == views.Connected {
		u = used(text)
		u.Stage, u.First = stage, u.Last
	}
	return u
}

// inUse is a page with a key in every state of use.
func inUse(text string) views.Keys {
	m := keysPage(8, text)
	again := at(views.Connected, false, text)
	again.First = views.NewWhen(noon.Add(-5*time.Minute), noon)
	for i, u := range []views.Use{
		used(text), {Known: views.Known}, {Known: views.Known, Since: views.NewWhen(noon, noon)}, at(views.Waiting, false, text), at(views.Waiting, true, text),
		at(views.Late, false, text), at(views.Connected, false, text), again,
	} {
		m.List[i].Use, m.List[i].On = u, true
	}
	m.Uses, m.Awaits = views.Known, text
	return m
}

// withUse is a key whose use is known.
func withUse(i int, text string, u views.Use) views.Key {
	k := key(i, text)
	k.Use = u
	return k
}

// whichKey is the page that compares a value with two fingerprints.
func whichKey(text string) views.WhichKey {
	return views.WhichKey{
		Keys: []views.Key{withUse(1, text, used(text)), withUse(3, text, used(text))}, Uses: views.Known, Error: text,
		Verdict: &views.Verdict{Works: true, Title: text, Text: text, ID: id(1), Link: text}, Embedded: true,
	}
}

func realm() views.UsedBy {
	return views.UsedBy{Name: "porch-cam", Platform: "Linux", PlatformVersion: "6.1", SDK: "realm-web", SDKVersion: "2.0.1"}
}

func TestARowSaysWhenByWhatAndFromWhereAKeyWasUsed(t *testing.T) {
	t.Parallel()
	last := views.NewWhen(noon.Add(-4*time.Minute), noon)
	for want, u := range map[string]views.Use{
		"4 minutes ago Linux · realm-web · 192.168.1.7": {Known: views.Known, Last: last, By: realm(), Summary: "Linux · realm-web · 192.168.1.7"},
		"4 minutes ago":                                                    {Known: views.Known, Last: last, By: realm()},
		"Never used · created 1 hour ago":                                  {Known: views.Known},
		"No use seen since 10 Dec 2025 · created 1 hour ago":               {Known: views.Known, Since: views.NewWhen(noon.AddDate(0, -5, 8), noon)},
		"Created 1 hour ago":                                               {Known: views.NotReported},
		"Waiting for first use Nothing has reached this server yet · Help": {Known: views.Known, Stage: views.Late},
		"Waiting for first use Refresh":                                    {Known: views.Known, Stage: views.Waiting},
		"Waiting for first use Refused 11:59 UTC while it was off · Help":  at(views.Waiting, true, ""),
		"Connected 11:56 UTC":                                              {Known: views.Known, Stage: views.Connected, First: last, Last: last},
	} {
		doc := draw(t, views.KeyRow(withUse(1, "porch-cam", u)))
		if got := text(doc, ".use"); got != want {
			t.Errorf("the row says %q, want %q", got, want)
		}
		if u.Last.Machine != "" && doc.Find(".use time").AttrOr("title", "") != "2 May 2026, 11:56:00 UTC" {
			t.Errorf("the exact time is %q", doc.Find(".use time").AttrOr("title", ""))
		}
	}
	off := withUse(3, "porch-cam", views.Use{Known: views.Known, Last: last, Summary: "::1"})
	if got := text(draw(t, views.KeyRow(off)), ".use"); got != "Off · 4 minutes ago ::1" {
		t.Errorf("the row of a key that is off says %q", got)
	}
}

func TestARowIsDrawnByWhatUsesTheKeyAndLitWhileThatGoesOn(t *testing.T) {
	t.Parallel()
	for want, u := range map[string]views.Use{
		"#i-key": {}, "#i-cpu": {Kind: views.KindBoard}, "#i-terminal": {Kind: views.KindProgram, Lately: true}, "#i-smartphone": {Kind: views.KindPhone},
		"#i-monitor": {Kind: views.KindDesktop}, "#i-globe": {Kind: views.KindBrowser, Lately: true},
	} {
		m := keysPage(1, "porch-cam")
		m.List[0].Use = u
		doc := draw(t, views.KeysPage(m))
		if got := doc.Find(".key .well use").AttrOr("href", ""); got != want || doc.Find("symbol"+want).Length() != 1 {
			t.Errorf("%s: it uses %q, which is there %d times", want, got, doc.Find("symbol"+want).Length())
		}
		if lit := doc.Find(".key .well.live").Length() == 1; lit != u.Lately {
			t.Errorf("%s is lit: %v", want, lit)
		}
	}
}

func TestWhatIsTheSameForAllKeysIsSaidOnceBelowThem(t *testing.T) {
	t.Parallel()
	for uses, want := range map[views.Knowledge]string{
		views.NotReported: "The key service doesn’t report when keys were last used.",
		views.NotKnown:    "When these keys were last used is not known right now.",
		views.Known:       "",
	} {
		m := keysPage(2, "porch-cam")
		m.Uses = uses
		doc := draw(t, views.KeysPage(m))
		if got := text(doc, "#keys .after"); !strings.HasPrefix(got, want) || strings.Count(doc.Text(), "ast used") > 1 {
			t.Errorf("below the list stands %q, want %q", got, want)
		}
		if got := text(doc, ".use"); got != "Created 1 hour ago" {
			t.Errorf("a row says %q", got)
		}
	}
}

// card is a key as its own page shows it, with what was done with it.
func card(k views.Key, text string) views.KeyCard {
	return views.KeyCard{Key: k, TurnedOff: views.NewWhen(noon.Add(-time.Hour), noon), Recent: activity(views.Page{}, text).Days[0].List}
}

// ownPage is a key's own page.
func ownPage(page views.Page, k views.Key, text string) views.KeyPage {
	return views.KeyPage{Page: page, Key: card(k, text), AppID: text, BaseURL: text, Handoff: handoffOf(text)}
}

func TestANewKeysPageSaysWhatTheServerHasSeenOfIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		use    views.Use
		off    bool
		says   string
		late   bool
		awaits string
	}{
		"waiting":          {use: at(views.Waiting, false, ""), says: "Waiting for first use Refresh", awaits: "waiting"},
		"late":             {use: at(views.Late, false, ""), says: "Waiting for first use Refresh", late: true, awaits: "late"},
		"refused":          {use: at(views.WaitsOff, true, ""), off: true, says: "Never used Refused 11:59 UTC while it was off Refresh", awaits: "off-refused-2026-05-02T11:59:00Z"},
		"refused, then on": {use: at(views.Late, true, ""), says: "Waiting for first use Refused 11:59 UTC while it was off Refresh", late: true, awaits: "late-refused-2026-05-02T11:59:00Z"},
		"off":              {use: at(views.WaitsOff, false, ""), off: true, says: "Never used Refresh", awaits: "off"},
	} {
		k := withUse(1, "porch-cam", c.use)
		k.On = !c.off
		doc := draw(t, views.OneKeyPage(ownPage(views.Page{}, k, "plain")))
		if got := text(doc, "#key .use"); got != c.says {
			t.Errorf("%s: says %q, want %q", name, got, c.says)
		}
		if checks := texts(doc, "#key li"); (len(checks) == 3) != c.late {
			t.Errorf("%s: to be checked: %q", name, checks)
		}
		if doc.Find("#key .use .noscript").Length() != 1 || doc.Find("#key .use .noscript").AttrOr("href", "") != "/keys/"+k.ID {
			t.Errorf("%s: without script there is no looking again", name)
		}
		if got := draw(t, views.KeyRow(k)).Find("li.key").AttrOr("data-wait", ""); got != c.awaits {
			t.Errorf("%s: the row awaits %q, want %q", name, got, c.awaits)
		}
		if got := doc.Find("#key").AttrOr("data-arrival", ""); got != "/keys/"+id(1)+"/arrival?state="+url.QueryEscape(c.awaits) {
			t.Errorf("%s: the page listens to %q", name, got)
		}
	}
}

func TestAKeysPageSaysWhatOnAndOffMean(t *testing.T) {
	t.Parallel()
	last := views.NewWhen(noon.Add(-4*time.Minute), noon)
	for want, c := range map[string]struct {
		on, here bool
		since    time.Duration
	}{
		"Anyone with this key’s value can sign in as you. Turning it off signs its devices out at once; access tokens already issued expire within 30 minutes.": {on: true, here: true},
		"Anyone with this key’s value can sign in as you. Turn it off and nothing can sign in with it any more.":                                                {on: true},
		"Off: nothing can sign in with it. Turn it on and the same value works again.":                                                                          {},
		"Turned off 4 minutes ago. Nothing can sign in with it. Turn it on and the same value works again.":                                                     {since: 4 * time.Minute},
		"Off since 22 Jan. Nothing can sign in with it. Turn it on and the same value works again.":                                                             {since: 100 * 24 * time.Hour},
	} {
		k := card(withUse(1, "porch-cam", views.Use{Known: views.Known, Last: last, Summary: "Linux · ::1"}), "plain")
		k.On, k.EndsAtOnce, k.TurnedOff = c.on, c.here, views.When{}
		if c.since > 0 {
			k.TurnedOff = views.NewWhen(noon.Add(-c.since), noon)
		}
		doc := draw(t, views.OneKeyPage(views.KeyPage{Key: k}))
		if got := text(doc, "#key > .hint, #key > .notice"); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
		line := "4 minutes ago Linux · ::1"
		if !c.on {
			line = "Last used " + line
		}
		if got := text(doc, "#key .use"); got != line {
			t.Errorf("under the name stands %q, want %q", got, line)
		}
	}
}

func TestSettingADeviceUpIsClosedOnceTheKeyWasUsed(t *testing.T) {
	t.Parallel()
	for _, use := range []views.Use{{Known: views.Known}, {Known: views.NotReported}, used("plain")} {
		doc := draw(t, views.OneKeyPage(ownPage(views.Page{}, withUse(1, "porch-cam", use), "plain")))
		if doc.Find("details:not([open]):has(.handoff)").Length() == 1 != (use.Last.Machine != "") {
			t.Errorf("used %q, and it is open: %v", use.Last.Machine, doc.Find("details[open]:has(.handoff)").Length())
		}
	}
}

func TestWhatIsToBeCarriedElsewhereCanBeCopied(t *testing.T) {
	t.Parallel()
	k := withUse(1, "porch-cam", used("0123456789abcdef"))
	doc := draw(t, views.OneKeyPage(views.KeyPage{Key: card(k, "plain"), AppID: "app", BaseURL: "https://keys.test"}))
	got := map[string]string{}
	doc.Find(".facts button").Each(func(_ int, s *goquery.Selection) { got[s.AttrOr("aria-label", "")] = s.AttrOr("data-copy-text", "") })
	want := map[string]string{"Copy Fingerprint": "0123456789abcdef", "Copy Key ID": k.ID, "Copy App ID": "app", "Copy Base URL": "https://keys.test"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAKeysPageHasItsNewestActivity(t *testing.T) {
	t.Parallel()
	k := card(key(1, "porch-cam"), "plain")
	doc := draw(t, views.OneKeyPage(views.KeyPage{Key: k}))
	if doc.Find("#recent li").Length() != len(k.Recent) || doc.Find("#recent a:contains('All activity')").AttrOr("href", "") != "/activity?key="+k.ID {
		t.Errorf("it has %d lines, and leads to %q", doc.Find("#recent li").Length(), doc.Find("#recent a:last-child").AttrOr("href", ""))
	}
	k.Recent = nil
	if got := text(draw(t, views.OneKeyPage(views.KeyPage{Key: k})), "#recent .hint"); got != "Nothing has been recorded yet." {
		t.Errorf("with none it says %q", got)
	}
	k.Unread = true
	if got := text(draw(t, views.OneKeyPage(views.KeyPage{Key: k})), "#recent .hint"); got != "We can’t read this key’s activity right now." {
		t.Errorf("when it cannot be read it says %q", got)
	}
}

func TestAKeyThatArrivedSaysWhenAndListensToNothing(t *testing.T) {
	t.Parallel()
	u := views.Use{Known: views.Known, Stage: views.Connected, Summary: "Linux · 192.168.1.7"}
	u.First = views.NewWhen(noon, noon)
	u.Last = u.First
	doc := draw(t, views.KeyRow(withUse(1, "porch-cam", u)))
	if got, want := text(doc, ".use"), "Connected 12:00 UTC Linux · 192.168.1.7"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	if doc.Find("[data-wait], [hx-trigger], [data-arrival]").Length() != 0 {
		t.Error("it still waits")
	}

	u.Last = views.NewWhen(noon.Add(time.Minute), noon.Add(2*time.Minute)) // by another device, perhaps
	doc = draw(t, views.KeyRow(withUse(1, "porch-cam", u)))
	if got, want := text(doc, ".use"), "1 minute ago Linux · 192.168.1.7"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
}

func TestAPageListensOnlyWhileAKeyIsWaitedFor(t *testing.T) {
	t.Parallel()
	m := keysPage(3, "porch-cam")
	if draw(t, views.KeysPage(m)).Find("[data-arrival]").Length() != 0 {
		t.Error("it listens for nothing")
	}
	m.Awaits = id(1) + "=late," + id(2) + "=waiting"
	if got, want := draw(t, views.KeysPage(m)).Find("ul.keys").AttrOr("data-arrival", ""), "/keys/arrival?state="+id(1)+"%3Dlate%2C"+id(2)+"%3Dwaiting"; got != want {
		t.Errorf("it listens to %q, want %q", got, want)
	}
}

func TestAKeysPageHasTheFactsOfItsUse(t *testing.T) {
	t.Parallel()
	facts := func(u views.Use) []string {
		return texts(draw(t, views.OneKeyPage(views.KeyPage{Key: views.KeyCard{Key: withUse(1, "porch-cam", u)}})), "#key .facts > div")
	}
	all := used("")
	all.By, all.From, all.Fingerprint = realm(), "192.168.1.7", "0123456789abcdef"
	silent := all
	silent.By = views.UsedBy{}
	const device = " Self-reported: calls itself “porch-cam”, “Linux 6.1”, “realm-web 2.0.1”"
	last, created, expires, id := "Last used4 minutes ago from 192.168.1.7", "Created1 hour ago", "ExpiresNever · Change", "Key ID"+id(1)
	refused, fingerprint := "Last refused3 minutes ago, while it was off", "Fingerprint0123456789abcdef"
	for _, c := range []struct {
		use  views.Use
		want []string
	}{
		{all, []string{last + device, "First used1 hour ago", created, expires, refused, fingerprint, id}},
		{silent, []string{last, "First used1 hour ago", created, expires, refused, fingerprint, id}},
		{views.Use{Known: views.Known}, []string{"Last usedNever used.", created, expires, id}},
		{views.Use{Known: views.Known, Since: views.NewWhen(noon.AddDate(0, -5, 8), noon)}, []string{"Last usedNo use seen since 10 Dec 2025. What was before is not known.", created, expires, id}},
		{views.Use{Known: views.NotReported}, []string{"Last usedThe key service doesn’t report it.", created, expires, "Recognise it byNo fingerprint yet: paste its value once", id}},
		{views.Use{Known: views.NotKnown}, []string{"Last usedNot known right now.", created, expires, id}},
	} {
		if diff := cmp.Diff(c.want, facts(c.use)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestTextsOfADeviceAreKeptToThemselves(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.OneKeyPage(ownPage(views.Page{}, withUse(1, "porch-cam", used(`<b>ש"</b>`)), "plain")))
	if n := doc.Find("#key .facts bdi").Length(); n != 4 || doc.Find("#key b").Length() != 0 {
		t.Errorf("%d isolated texts, %d elements of the device's: %s", n, doc.Find("#key b").Length(), outer(t, doc, "#key .facts"))
	}
}

func TestTheQuestionBeforeADeletionGoesByUse(t *testing.T) {
	t.Parallel()
	last := views.NewWhen(noon.Add(-4*time.Minute), noon)
	lately := views.Use{Known: views.Known, Last: last, From: "192.168.1.20", Summary: "Linux · 192.168.1.20"}
	bare := views.Use{Known: views.Known, Last: last, From: "192.168.1.20", Summary: "192.168.1.20"}
	for name, c := range map[string]struct {
		use             views.Use
		off, inUse      bool
		here            bool
		back, says      string
		buttons, filled []string
	}{
		"in use": {use: lately, inUse: true, here: true,
			says:    "Last used 4 minutes ago by Linux, 192.168.1.20. Its devices are signed out and can’t sign in again. This can’t be undone.",
			buttons: []string{"Cancel", "Delete porch-cam", "Turn off instead"}, filled: []string{"Turn off instead"}},
		"in use elsewhere": {use: bare, inUse: true,
			says:    "Last used 4 minutes ago from 192.168.1.20. Its devices can’t sign in with it again. This can’t be undone.",
			buttons: []string{"Cancel", "Delete porch-cam", "Turn off instead"}, filled: []string{"Turn off instead"}},
		"used long ago": {use: lately, here: true,
			says:    "Last used 4 minutes ago by Linux, 192.168.1.20. Its devices are signed out and can’t sign in again. This can’t be undone.",
			buttons: []string{"Cancel", "Turn off instead", "Delete porch-cam"}, filled: []string{"Delete porch-cam"}},
		"never used": {use: views.Use{Known: views.Known}, here: true, off: true, says: "Never used. This can’t be undone.",
			buttons: []string{"Cancel", "Delete porch-cam"}, filled: []string{"Delete porch-cam"}},
		"blind": {use: views.Use{Known: views.Known, Since: views.NewWhen(noon.AddDate(0, 0, -12), noon)}, here: true, off: true,
			says:    "No use seen since 20 Apr. Its devices are signed out and can’t sign in again. This can’t be undone.",
			buttons: []string{"Cancel", "Delete porch-cam"}, filled: []string{"Delete porch-cam"}},
		"not reported": {use: views.Use{Known: views.NotReported}, says: "Created 1 hour ago. Its devices can’t sign in with it again. This can’t be undone.",
			buttons: []string{"Cancel", "Turn off instead", "Delete porch-cam"}, filled: []string{"Delete porch-cam"}},
		"to make room": {use: views.Use{Known: views.Known}, here: true, back: "/device/" + pairingID, says: "Never used. This can’t be undone.",
			buttons: []string{"Cancel", "Delete porch-cam"}, filled: []string{"Delete porch-cam"}},
	} {
		k := withUse(1, "porch-cam", c.use)
		k.On, k.EndsAtOnce = !c.off, c.here
		m := views.Delete{Key: k, InUse: c.inUse, Return: c.back}
		for how, doc := range map[string]*goquery.Document{"dialog": draw(t, views.DeleteDialog(m)), "page": draw(t, views.DeletePage(m))} {
			if got := text(doc, "p:has(strong):not(.front)"); got != c.says {
				t.Errorf("%s, %s: says %q, want %q", name, how, got, c.says)
			}
			if diff := cmp.Diff(c.buttons, texts(doc, ".actions a, .actions button")); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, how, diff)
			}
			if diff := cmp.Diff(c.filled, texts(doc, ".actions .primary, .actions .solid")); diff != "" {
				t.Errorf("%s, %s is filled (-want +got):\n%s", name, how, diff)
			}
			typed, waits := doc.Find("[data-typed=porch-cam]").Length() == 1, doc.Find(".danger[aria-disabled=true]").Length() == 1
			if typed != c.inUse || waits != (c.inUse && how == "dialog") {
				t.Errorf("%s, %s: the name is typed %v, the button waits for it %v", name, how, typed, waits)
			}
		}
	}
}

func TestTheValueThatIsAskedAboutIsInNoAnswer(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.WhichKeyPage(whichKey("plain")))
	field := doc.Find("#which-value")
	for attr, want := range map[string]string{"type": "text", "class": "masked", "autocomplete": "off", "spellcheck": "false", "translate": "no", "value": ""} {
		if got := field.AttrOr(attr, ""); got != want {
			t.Errorf("%s is %q", attr, got)
		}
	}
	if got := doc.Find("#which").AttrOr("method", ""); got != "post" {
		t.Errorf("the form is sent by %s", got)
	}
}

func TestThePageSaysWhetherTryingCountsAndWhyItCannotCompare(t *testing.T) {
	t.Parallel()
	m := whichKey("plain")
	if got := text(draw(t, views.WhichKeyPage(m)), ".try"); !strings.Contains(got, "It doesn’t count as a use of your key.") {
		t.Errorf("of our own server it says %q", got)
	}
	for uses, want := range map[views.Knowledge]string{
		views.NotReported: "This server doesn’t report the fingerprints of keys",
		views.NotKnown:    "The fingerprints of your keys can’t be read right now",
		views.Known:       "You have no keys yet",
	} {
		m := views.WhichKey{Uses: uses}
		doc := draw(t, views.WhichKeyPage(m))
		if got := text(doc, ".try"); !strings.Contains(got, "may count it as a use") {
			t.Errorf("of another server it says %q", got)
		}
		if got := text(doc, "#which-hint"); !strings.Contains(got, want) || doc.Find("#fingerprints").Length() != 0 {
			t.Errorf("without fingerprints it says %q", got)
		}
	}
}

// A session ends after thirty minutes without a person, also when a page of it is open.
func TestWhatAPageAsksForWithoutAPersonSaysSo(t *testing.T) {
	t.Parallel()
	found := 0
	for _, all := range []map[string]templ.Component{every("x"), everyPart("x")} {
		for name, c := range all {
			draw(t, c).Find("[hx-trigger]").Each(func(_ int, s *goquery.Selection) {
				trigger := s.AttrOr("hx-trigger", "")
				for _, by := range []string{"arrived", "every", "load", "revealed", "intersect", "sse"} {
					if strings.Contains(trigger, by) && !strings.Contains(s.AttrOr("hx-get", ""), "by=itself") {
						t.Errorf("%s: what asks when %q looks like a person", name, trigger)
					}
				}
				found++
			})
		}
	}
	if found == 0 {
		t.Error("no page asks for anything")
	}
}
