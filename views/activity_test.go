package views_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/views"
)

// activity is two days of events, with text wherever there can be some.
func activity(page views.Page, text string) views.Activity {
	m := views.Activity{Page: page, Filter: views.ActivityFilter{Group: "keys", KeyID: id(1), KeyName: text}, Older: id(2), Elsewhere: true}
	for i := range 3 {
		m.Add(views.Happening{
			At: noon.Add(-time.Duration(i) * 12 * time.Hour), Before: text, After: text, KeyID: id(1), KeyName: text, Device: text,
			Who: text, Address: text, Program: text, Bad: i == 1,
		})
	}
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
		Page: page, Act: text, Action: "/keys", Fields: []views.Field{{Name: text, Value: text}}, Within: "30 minutes", Error: text, Script: true, Back: "/keys",
	}
}

func TestEventsStandUnderTheirDay(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.ActivityPage(activity(views.Page{}, "x")))
	if diff := cmp.Diff([]string{"Saturday, 2 May 2026", "Friday, 1 May 2026"}, texts(doc, ".day h2")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"12:00:00", "00:00:00", "12:00:00"}, texts(doc, ".day time")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first := doc.Find(".day time").First()
	if first.AttrOr("datetime", "") != "2026-05-02T12:00:00Z" || first.AttrOr("title", "") != "2 May 2026, 12:00:00 UTC" {
		t.Errorf("the first is at %q, %q", first.AttrOr("datetime", ""), first.AttrOr("title", ""))
	}
}

func TestAFilterKeepsWhatItIsNotAskedToChange(t *testing.T) {
	t.Parallel()
	doc := draw(t, views.ActivityPage(activity(views.Page{}, "x")))
	for selector, want := range map[string]string{
		".filter .chip:nth-child(1)": "/activity?key=" + id(1), ".filter .chip:nth-child(2)": "/activity?key=" + id(1) + "&kind=sign-ins",
		".filter .about a": "/activity?kind=keys", "a[rel=next]": "/activity?before=" + id(2) + "&key=" + id(1) + "&kind=keys",
		".exports a:nth-child(1)": "/activity.csv?key=" + id(1) + "&kind=keys",
	} {
		if got := doc.Find(selector).AttrOr("href", ""); got != want {
			t.Errorf("%s leads to %q, want %q", selector, got, want)
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
		if got := views.Stretch(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
