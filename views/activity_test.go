package views_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/lang"
	"latchkey/views"
)

// activity is two days of events, with text wherever there can be some.
func activity(page views.Page, text string) views.Activity {
	m := views.Activity{Page: page, Filter: views.ActivityFilter{Group: "keys", KeyID: id(1), KeyName: text}, Older: id(2), Elsewhere: true}
	event := func(ago time.Duration) views.Happening {
		return views.Happening{
			When: views.NewWhen(noon.Add(-ago), noon), Drawing: "in", Said: lang.New("", "{key} {device} {text}"), Values: []string{"text", text}, Times: 3, Last: text, KeyID: id(1), KeyName: text, Device: text,
			Who: text, Address: text, Program: text, Claim: text, Bad: ago > 0,
		}
	}
	several := event(0)
	several.Each = []views.Happening{event(0), event(time.Minute), event(time.Hour)}
	m.AddDay(views.NewWhen(noon, noon))
	m.Add(several)
	m.Add(event(2 * time.Hour))
	m.AddDay(views.NewWhen(noon.Add(-24*time.Hour), noon))
	m.Add(event(24 * time.Hour))
	return m
}

// sessions is somebody who is signed in everywhere.
func sessions(page views.Page, text string) views.Sessions {
	one := views.Session{ID: id(1), Name: text, Claims: []string{text, text}, Address: text, Seen: views.NewWhen(noon, noon), Opened: views.NewWhen(noon, noon)}
	return views.Sessions{
		Page: page, This: one, Browsers: []views.Session{one}, Apps: []views.Session{one}, AppsNote: text, Fresh: true,
		Keys: []views.KeySessions{{KeyID: id(1), KeyName: text, List: []views.Session{one}}},
	}
}

func proof(page views.Page, text string) views.Proof {
	return views.Proof{
		Page: page, Act: text, Action: "/keys", Fields: []views.Field{{Name: text, Value: text}}, Within: "30 minutes", Script: true, Back: "/keys",
		Confirming: confirming(text),
	}
}

func TestEventsStandUnderTheirDayWithTheirTime(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.ActivityPage(activity(views.Page{}, "x")))
	if diff := cmp.Diff([]string{"Today", "Yesterday"}, texts(doc, ".day h2")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"12:00 UTC", "10:00 UTC", "12:00 UTC"}, texts(doc, ".event > time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first := doc.Find(".event > time").First()
	if first.AttrOr("datetime", "") != "2026-05-02T12:00:00Z" || first.AttrOr("title", "") != "2 May 2026, 12:00:00 UTC" {
		t.Errorf("the first is at %q, %q", first.AttrOr("datetime", ""), first.AttrOr("title", ""))
	}
}

func TestOfWhatIsFoldedEveryOneCanBeSeen(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.ActivityPage(activity(views.Page{}, "x")))
	if got := text(doc, ".each summary"); got != "Show all 3" {
		t.Errorf("it offers %q", got)
	}
	if diff := cmp.Diff([]string{"12:00 UTC", "11:59 UTC", "11:00 UTC"}, texts(doc, ".each time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if doc.Find(".each summary a").Length() > 0 {
		t.Error("a link stands in what opens them")
	}
}

func TestAFilterKeepsWhatItIsNotAskedToChange(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.ActivityPage(activity(views.Page{}, "x")))
	for selector, want := range map[string]string{
		".chip:nth-child(1)": "/activity?key=" + id(1), ".chip:nth-child(2)": "/activity?key=" + id(1) + "&kind=sign-ins",
		".about a": "/activity?kind=keys", "a[rel=next]": "/activity?before=" + id(2) + "&key=" + id(1) + "&kind=keys",
		".heading .menu a:nth-child(1)": "/activity.csv?key=" + id(1) + "&kind=keys",
	} {
		if got := doc.Find(selector).AttrOr("href", ""); got != want {
			t.Errorf("%s leads to %q, want %q", selector, got, want)
		}
	}
}

func TestAnEmptyListSaysWhatItIsEmptyOf(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]views.Activity{
		"Nothing yet. What happens from now on appears here.": {},
		"No device events yet. Show all activity":             {Filter: views.ActivityFilter{Group: "devices"}},
		"Nothing like that yet. Show all activity":            {Filter: views.ActivityFilter{Group: "devices", KeyID: id(1)}},
		"Nothing older.": {Filter: views.ActivityFilter{Group: "keys"}, Later: true},
	} {
		doc := draw(t, views.ActivityPage(m))
		if got := text(doc, ".nothing"); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
		if doc.Find(".heading .menu").Length() > 0 {
			t.Error("an empty list can be downloaded")
		}
	}
}

func TestTheNavigationSaysWhereOneIs(t *testing.T) {
	t.Parallel()
	for here, want := range map[string]string{
		"/keys": "Keys page", "/keys?name=x": "Keys page", "/keys/" + id(1): "Keys true", "/device": "Keys true", "/device/x": "Keys true",
		"/activity": "Activity page", "/sessions": "Account true", "/account": "Account page", "/account/delete": "Account true",
		"/login": "", "/keysmith": "", "/devices": "",
	} {
		doc := draw(t, views.ErrorPage(views.Error{Page: views.Page{Email: "ana@example.com", Here: here}}))
		current := doc.Find(".places [aria-current]")
		got := ""
		if current.Length() == 1 {
			got = current.Text() + " " + current.AttrOr("aria-current", "")
		}
		if got != want || current.Length() > 1 {
			t.Errorf("on %s it says %q, want %q", here, got, want)
		}
	}
	if draw(t, views.SignInPage(views.SignIn{})).Find(".places").Length() != 0 {
		t.Error("somebody who is not signed in is led to pages")
	}
}

func TestAStretchIsSaidAsPeopleSayIt(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "1 second", time.Minute: "1 minute", 30 * time.Minute: "30 minutes", time.Hour: "1 hour", 90 * time.Minute: "90 minutes", 12 * time.Hour: "12 hours",
	} {
		if got := views.Stretch(t.Context(), d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
