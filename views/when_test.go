package views_test

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/lang"
	"latchkey/views"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func TestMomentsAreRelativeWhileTheyAreRecent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 2, 14, 7, 30, 0, time.UTC)
	for _, c := range []struct {
		ago  time.Duration
		want string
	}{
		{-365 * 24 * time.Hour, "2 May 2027"}, {-12 * time.Hour, "3 May"}, {-time.Hour, "just now"}, {-time.Second, "just now"}, {0, "just now"}, {59 * time.Second, "just now"},
		{time.Minute, "1 minute ago"}, {119 * time.Second, "1 minute ago"}, {2 * time.Minute, "2 minutes ago"}, {time.Hour - time.Second, "59 minutes ago"},
		{time.Hour, "1 hour ago"}, {2*time.Hour - time.Second, "1 hour ago"}, {2 * time.Hour, "2 hours ago"}, {24*time.Hour - time.Second, "23 hours ago"},
		{24 * time.Hour, "1 day ago"}, {48 * time.Hour, "2 days ago"}, {7*24*time.Hour - time.Second, "6 days ago"},
		{7 * 24 * time.Hour, "25 Apr"}, {100 * 24 * time.Hour, "22 Jan"}, {121 * 24 * time.Hour, "1 Jan"},
		{122 * 24 * time.Hour, "31 Dec 2025"}, {1000 * 24 * time.Hour, "6 Aug 2023"},
	} {
		if got := views.NewWhen(now.Add(-c.ago), now).Words(nil); got != c.want {
			t.Errorf("%s ago is %q, want %q", c.ago, got, c.want)
		}
	}
	for ago, want := range map[time.Duration]string{
		4 * time.Second: "just now", 5 * time.Second: "5 seconds ago", 59 * time.Second: "59 seconds ago", time.Minute: "1 minute ago",
	} {
		if got := views.NewMoment(now.Add(-ago), now).Words(nil); got != want {
			t.Errorf("%s ago is %q, want %q where seconds count", ago, got, want)
		}
	}
}

// London is where UTC is an hour off in summer, Kathmandu a quarter of an hour from anybody's.
func TestEverythingFollowsTheClockOfThePersonAndSaysUTCWhereItIsNotKnown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 3, 4, 5, 0, time.UTC)
	london, newYork := zone(t, "Europe/London"), zone(t, "America/New_York")
	for _, c := range []struct {
		name  string
		clock *views.Clock
		want  [4]string // seen half an hour later
	}{
		{"nobody's", nil, [4]string{"1 Jan 2026, 03:04:05 UTC", "03:04 UTC", "1 Jan", "Today"}},
		{"not known", &views.Clock{Twelve: true}, [4]string{"1 Jan 2026, 3:04:05 AM UTC", "3:04 AM UTC", "1 Jan", "Today"}},
		{"London", &views.Clock{Zone: london}, [4]string{"1 Jan 2026, 03:04:05", "03:04", "1 Jan", "Today"}},
		{"New York", &views.Clock{Zone: newYork, Twelve: true}, [4]string{"31 Dec 2025, 10:04:05 PM", "10:04 PM", "31 Dec", "Today"}},
		{"Kathmandu", &views.Clock{Zone: zone(t, "Asia/Kathmandu"), Twelve: true}, [4]string{"1 Jan 2026, 8:49:05 AM", "8:49 AM", "1 Jan", "Today"}},
	} {
		now := at.Add(30 * time.Minute)
		if diff := cmp.Diff(c.want, [4]string{c.clock.Exact(at), c.clock.Time(at, now), c.clock.Date(at, now), c.clock.Day(at, now)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	summer := time.Date(2026, 7, 1, 23, 30, 0, 0, time.UTC)
	if got := (&views.Clock{Zone: london}).Exact(summer); got != "2 Jul 2026, 00:30:00" {
		t.Errorf("summer in London is %q", got)
	}
}

func TestDaysAreTodayYesterdayOrHaveTheirName(t *testing.T) {
	t.Parallel()
	newYork := &views.Clock{Zone: zone(t, "America/New_York")}
	now := time.Date(2026, 11, 27, 4, 30, 0, 0, time.UTC) // the evening of the 26th there
	for _, c := range []struct {
		at        time.Time
		utc, hers string
	}{
		{now, "Today", "Today"},
		{now.Add(-5 * time.Hour), "Yesterday", "Today"},
		{now.Add(-24 * time.Hour), "Yesterday", "Yesterday"},
		{now.Add(-29 * time.Hour), "Wednesday 25 November", "Yesterday"},
		{now.Add(-48 * time.Hour), "Wednesday 25 November", "Tuesday 24 November"},
		{now.Add(time.Hour), "Today", "Friday 27 November"}, // by a clock that was wrong
		{now.AddDate(-1, 0, 0), "Thursday 27 November 2025", "Wednesday 26 November 2025"},
	} {
		var nobody *views.Clock
		if got := nobody.Day(c.at, now); got != c.utc {
			t.Errorf("%v is %q in UTC, want %q", c.at, got, c.utc)
		}
		if got := newYork.Day(c.at, now); got != c.hers {
			t.Errorf("%v is %q in New York, want %q", c.at, got, c.hers)
		}
	}
	// A day of 23 hours: the one before it is still yesterday, also just after midnight.
	after := time.Date(2026, 3, 9, 0, 10, 0, 0, newYork.Zone)
	if got := newYork.Day(time.Date(2026, 3, 8, 0, 30, 0, 0, newYork.Zone), after); got != "Yesterday" {
		t.Errorf("the day on which the clocks went forward is %q", got)
	}
}

func TestATimeIsDrawnOnceForPeopleAndOnceForPrograms(t *testing.T) {
	t.Parallel()
	k := key(1, "x")
	k.Created = views.NewWhen(noon.Add(-7*time.Minute), noon)
	found := draw(t, views.OneKeyPage(views.KeyPage{Key: views.KeyCard{Key: k}})).Find("time")
	if found.Length() != 1 || found.Text() != "7 minutes ago" || found.AttrOr("datetime", "") != "2026-05-02T11:53:00Z" ||
		found.AttrOr("title", "") != "2 May 2026, 11:53:00 UTC" {
		t.Errorf("it says %q", outer(t, draw(t, views.OneKeyPage(views.KeyPage{Key: views.KeyCard{Key: k}})), "time"))
	}
	if got := views.NewWhen(time.Time{}, noon); got != (views.When{}) {
		t.Errorf("a moment that is not known is %+v", got)
	}
	for left, want := range map[time.Duration]string{
		9*time.Minute + 41*time.Second: "9:41", time.Hour: "60:00", 5 * time.Second: "0:05", time.Millisecond: "0:01", 0: "0:00", -time.Hour: "0:00",
	} {
		if got := views.NewCountdown(noon, noon.Add(-left)).Words(nil); got != want {
			t.Errorf("%v is %q, want %q", left, got, want)
		}
	}
}

func inLanguage(t testing.TB, tag string) *lang.Language {
	t.Helper()
	l, ok := lang.Named(tag)
	if !ok {
		t.Fatalf("%s is no language", tag)
	}
	return l
}

func TestTimesAreInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 2, 14, 7, 30, 0, time.UTC)
	berlin := zone(t, "Europe/Berlin")
	for tag, want := range map[string][]string{
		"de": {"2. Mai 2026, 16:07:30", "2. Mai 2026, 4:07:30 PM", "16:07", "2. Mai, 16:07", "2. Mai 2026", "Heute", "Gestern", "Samstag, 2. Mai", "vor 3 Tagen", "2. Mai, 14:07 UTC"},
		"ar": {
			"2 مايو 2026، 16:07:30", "2 مايو 2026، 4:07:30\u00a0م", "16:07", "2 مايو، 16:07", "2 مايو 2026", "اليوم", "أمس", "السبت، 2 مايو",
			"قبل 3 أيام", "2 مايو، 14:07 UTC",
		},
	} {
		l := inLanguage(t, tag)
		here := (&views.Clock{Zone: berlin}).In(l)
		twelve := (&views.Clock{Zone: berlin, Twelve: true}).In(l)
		var nobody *views.Clock
		got := []string{
			here.Exact(at), twelve.Exact(at), here.Time(at, at), here.Time(at, at.AddDate(0, 0, 3)), here.Date(at, at.AddDate(1, 0, 0)),
			here.Day(at, at), here.Day(at, at.AddDate(0, 0, 1)), here.Day(at, at.AddDate(0, 0, 3)), views.NewWhen(at, at.AddDate(0, 0, 3)).Words(here),
			nobody.In(l).Time(at, at.AddDate(0, 0, 3)),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tag, diff)
		}
	}
}

// A page has many times.
func TestATimeIsDrawnWithoutMemoryOfItsOwnInEveryLanguage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short goes with the race detector, under which pools give back less than was put into them")
	}
	clock := &views.Clock{Zone: zone(t, "Europe/Berlin")}
	for _, tag := range []string{"en", "de", "ar"} {
		ctx := views.WithClock(lang.With(t.Context(), inLanguage(t, tag)), clock)
		w := views.NewWhen(noon.Add(-7*time.Minute), noon)
		if n := testing.AllocsPerRun(100, func() { _ = w.Render(ctx, io.Discard) }); n > 0 {
			t.Errorf("%s: %v allocations", tag, n)
		}
	}
}
