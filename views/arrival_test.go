package views_test

import (
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
		views.NotReported: "Last use is not reported by this server.",
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

func TestANewKeySaysWhatTheServerHasSeenOfIt(t *testing.T) {
	t.Parallel()
	const refused = "A log-in with this key was refused at 11:59 UTC: it was off."
	for name, c := range map[string]struct {
		use    views.Use
		off    bool
		says   []string
		lacks  string
		awaits string
	}{
		"waiting": {use: at(views.Waiting, false, ""), says: []string{"Waiting for first use Refresh"}, lacks: "No log-in", awaits: "waiting"},
		"late": {use: at(views.Late, false, ""), says: []string{"Waiting for first use", "No log-in with this key has reached this server.",
			"the base URL and the app id: both are", "the value: whole, and this key’s."}, awaits: "late"},
		"refused": {use: at(views.WaitsOff, true, ""), off: true, says: []string{"Turned off before its first use", refused, "Turn on"},
			lacks: "Waiting", awaits: "off-refused-2026-05-02T11:59:00Z"},
		"refused, then on": {use: at(views.Late, true, ""), says: []string{"Waiting for first use", refused + " It is on now, so the device can try again."},
			lacks: "No log-in", awaits: "late-refused-2026-05-02T11:59:00Z"},
		"off": {use: at(views.WaitsOff, false, ""), off: true, says: []string{"Turned off before its first use"}, lacks: "refused", awaits: "off"},
	} {
		k := withUse(1, "porch-cam", c.use)
		k.On = !c.off
		page := views.OneKeyPage(views.KeyPage{Key: k})
		for place, doc := range map[string]string{"page": text(draw(t, page), ".waiting")} {
			for _, want := range c.says {
				if !strings.Contains(doc, want) {
					t.Errorf("%s, %s: says %q, want %q", name, place, doc, want)
				}
			}
			if c.lacks != "" && strings.Contains(doc, c.lacks) {
				t.Errorf("%s, %s: says %q", name, place, doc)
			}
		}
		if got := draw(t, views.KeyRow(k)).Find("li.key").AttrOr("data-wait", ""); got != c.awaits {
			t.Errorf("%s: the row awaits %q, want %q", name, got, c.awaits)
		}
		if got := draw(t, page).Find("#key").AttrOr("data-arrival", ""); !strings.HasPrefix(got, "/keys/"+id(1)+"/arrival?state=") {
			t.Errorf("%s: the page listens to %q", name, got)
		}
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
		doc := draw(t, views.OneKeyPage(views.KeyPage{Key: withUse(1, "porch-cam", u)}))
		var rows []string
		for _, row := range texts(doc, "#key .facts > div") {
			if !strings.HasPrefix(row, "Made") && !strings.HasPrefix(row, "Key id") && !strings.HasPrefix(row, "Value") {
				rows = append(rows, row)
			}
		}
		return rows
	}
	all := used("")
	all.By, all.From, all.Fingerprint = realm(), "192.168.1.7", "0123456789abcdef"
	for _, c := range []struct {
		use  views.Use
		want []string
	}{
		{all, []string{
			"First used1 hour ago",
			"Last used4 minutes ago by a device that calls itself “porch-cam”, “Linux 6.1”, “realm-web 2.0.1”, from 192.168.1.7 " +
				"As the device describes itself; only the address is what we saw.",
			"Last refused3 minutes ago It was off.",
			`Fingerprint0123456789abcdef The output of printf %s "$API_KEY" | sha256sum begins with it.`,
		}},
		{views.Use{Known: views.Known}, []string{"Last usedNever used."}},
		{views.Use{Known: views.Known, Since: views.NewWhen(noon.AddDate(0, -5, 8), noon)}, []string{"Last usedNo use seen since 10 Dec 2025. What was before is not known."}},
		{views.Use{Known: views.NotReported}, []string{"Last usedNot reported by this server."}},
		{views.Use{Known: views.NotKnown}, []string{"Last usedNot known right now."}},
	} {
		if diff := cmp.Diff(c.want, facts(c.use)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestTextsOfADeviceAreKeptToThemselves(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.OneKeyPage(views.KeyPage{Key: withUse(1, "porch-cam", used(`<b>ש"</b>`))}))
	if n := doc.Find("#key .by bdi").Length(); n != 4 || doc.Find("#key .by b").Length() != 0 {
		t.Errorf("%d isolated texts, %d elements of the device's: %s", n, doc.Find("#key .by b").Length(), outer(t, doc, "#key .by"))
	}
}

func TestTheValueThatIsAskedAboutIsInNoAnswer(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.WhichKeyPage(whichKey("plain")))
	field := doc.Find("#which-value")
	for attr, want := range map[string]string{"type": "password", "autocomplete": "off", "spellcheck": "false", "translate": "no", "value": ""} {
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
	if got := text(draw(t, views.WhichKeyPage(m)), ".try"); !strings.Contains(got, "It does not count as a use of a key of yours.") {
		t.Errorf("of our own server it says %q", got)
	}
	for uses, want := range map[views.Knowledge]string{
		views.NotReported: "This server does not report the fingerprints of keys",
		views.NotKnown:    "The fingerprints of your keys are not known right now",
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
