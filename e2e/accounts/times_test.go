package accounts

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/e2e/story"
	"latchkey/internal/lang"
	"latchkey/views"
)

// living comes from a place, and with the habits of a language.
func living(zone, language string) story.Option {
	return func(v *story.Visit) { v.Context.TimezoneId, v.Context.Locale = &zone, &language }
}

// writeAll puts times of these ages and rules onto the page, lets half a minute pass, and gives what the script wrote.
const writeAll = `([now, moments]) => {
	const times = moments.map(([rule, ago]) => {
		const time = document.createElement("time");
		time.className = rule;
		time.dateTime = new Date((now - ago) * 1000).toISOString();
		document.querySelector("main").append(time);
		return time;
	});
	window.written = () => times.map((time) => time.textContent + " | " + time.title);
}`

func TestTheScriptWritesTimesInTheWordsOfTheServer(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	for _, place := range []struct {
		zone, language string
		twelve         bool
	}{{"Europe/London", "en-GB", false}, {"America/St_Johns", "en-US", true}, {"Asia/Kathmandu", "de-DE", false}, {"Africa/Cairo", "ar-EG", true}} {
		location, err := time.LoadLocation(place.zone)
		if err != nil {
			t.Fatal(err)
		}
		spoken, _ := lang.Accepted(place.language)
		clock := (&views.Clock{Zone: location, Twelve: place.twelve}).In(spoken)
		page := program.Open(t, living(place.zone, place.language), story.At("/login"))
		page.Must(page.Clock().Install(playwright.ClockInstallOptions{Time: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)})) // which is wrong, and does not matter
		page.Must(page.Clock().PauseAt(time.Date(2001, 2, 3, 5, 0, 0, 0, time.UTC)))
		_, err = page.Reload()
		page.Must(err)
		var seconds int64
		content, err := page.Locator("meta[name=clock]").GetAttribute("content")
		page.Must(err)
		if _, err := fmt.Sscan(content[strings.LastIndex(content, " ")+1:], &seconds); err != nil {
			t.Fatal(err)
		}
		now := time.Unix(seconds, 0).Add(30 * time.Second)
		var moments []any
		var want []string
		for _, ago := range []int64{
			-400 * 86400, -30 * 86400, -86400, -3601, -3600, -599, -61, -60, -1, 0, 1, 4, 5, 59, 60, 119, 120, 3599, 3600, 7199, 7200, 43200, 86399, 86400, 2*86400 - 1, 2 * 86400,
			7*86400 - 1, 7 * 86400, 8 * 86400, 90 * 86400, 150 * 86400, 210 * 86400, 270 * 86400, 330 * 86400, 400 * 86400, 3000 * 86400,
		} {
			at := now.Add(-time.Duration(ago) * time.Second)
			for rule, words := range map[string]string{
				"": views.NewWhen(at, now).Words(clock), "recent": views.NewMoment(at, now).Words(clock), "clock": clock.Time(at, now), "date": clock.Date(at, now),
				"countdown": views.NewCountdown(at, now).Words(clock),
			} {
				if rule == "countdown" && (ago < -3599 || ago >= 0) {
					continue
				}
				moments = append(moments, []any{rule, ago})
				want = append(want, words+" | "+clock.Exact(at))
			}
		}
		page.Evaluate(writeAll, []any{now.Unix(), moments})
		page.Must(page.Clock().RunFor(30_000))
		for i, got := range page.Evaluate("written()").([]any) {
			if got != want[i] {
				t.Errorf("in %s the script writes %v as %q, the server %q", place.zone, moments[i], got, want[i])
			}
		}
	}
}

func TestTheFirstPageIsInThePersonsTimeAndTheNextOneFromItsFirstPaint(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	clock := &views.Clock{Zone: time.FixedZone("", (5*60+45)*60)} // which UTC never agrees with, as it never does with this key
	page := program.Open(t, living("Asia/Kathmandu", "en-GB"), story.SignedIn(ana), story.At("/keys/"+key.ID))
	created := page.Locator("#key .facts time").First()
	machine, err := created.GetAttribute("datetime")
	page.Must(err)
	at, err := time.Parse(time.RFC3339, machine)
	page.Must(err)
	page.Must(page.Expect().Locator(created).ToHaveAttribute("title", clock.Exact(at)))

	response, err := page.Reload()
	page.Must(err)
	body, err := response.Text()
	page.Must(err)
	if !strings.Contains(body, `title="`+clock.Exact(at)+`"`) || strings.Contains(body, " UTC") {
		t.Error("the server still writes by another clock")
	}
	page.Must(page.Expect().Locator(created).ToHaveAttribute("title", clock.Exact(at)))
}

func TestDaysAreToldApartByThePersonsClockOnTheFirstVisitToo(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, living("America/New_York", "en-US"), story.SignedIn(ana), story.At("/activity"))
	drawnBy := page.Locator("meta[name=clock]")
	page.Must(page.Expect().Locator(drawnBy).ToHaveAttribute("content", regexp.MustCompile(`^\S+ America/New_York\.12 \d+$`)))
	page.Must(page.Expect().Locator(page.Locator(".event > time").First()).ToHaveText(regexp.MustCompile(`^\d+:\d\d [AP]M$`)))
}
