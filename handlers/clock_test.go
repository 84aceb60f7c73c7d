package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/handlers"
)

// by gives the browser the cookie that the page's script sets.
func (b *browser) by(clock string) *browser {
	return b.with("Cookie", "other=1; latchkey-tz="+clock+"; more=2")
}

func TestTimesAreInTheZoneThatTheBrowserHasTold(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0] // at midnight in UTC
	for clock, want := range map[string]string{
		"America/New_York.12": "31 Mar 2026, 8:00:00 PM", "America/New_York": "31 Mar 2026, 20:00:00", "Europe/London": "1 Apr 2026, 01:00:00",
		"Etc/UTC": "1 Apr 2026, 00:00:00", "UTC": "1 Apr 2026, 00:00:00", "America/Argentina/ComodRivadavia": "31 Mar 2026, 21:00:00", "Etc/GMT+12": "31 Mar 2026, 12:00:00",
	} {
		a := b.by(clock).get("/keys/" + key.ID).want(http.StatusOK)
		if got := a.attr("#key .facts div:contains(Created) time", "title"); got != want {
			t.Errorf("by the clock of %s it is %q, want %q", clock, got, want)
		}
		if got, want := a.attr("meta[name=clock]", "content"), fmt.Sprintf("latchkey-tz %s %d", clock, p.clock.Now().Unix()); got != want {
			t.Errorf("the script is told %q, want %q", got, want)
		}
	}
}

func TestWhatIsNoZoneIsTakenForNoneAndTimesSayUTC(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for _, clock := range []string{
		"", "Local", "local/../Local", "../../../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin", "./Europe/Berlin", "Europe//Berlin", "Europe/", "Europe",
		"Nowhere/Land", `"Europe/Berlin"`, "Europe/Berlin%00", ".12", "Europe/Berlin.12.12", "Europe/Berlin.24", strings.Repeat("a", 5000), "<script>", "Europe\\Berlin",
	} {
		a := b.by(clock).get("/keys/" + key.ID).want(http.StatusOK)
		if got := a.attr("#key .facts div:contains(Created) time", "title"); got != "1 Apr 2026, 00:00:00 UTC" {
			t.Errorf("by the clock of %.40q it is %q", clock, got)
		}
		if got, want := a.attr("meta[name=clock]", "content"), fmt.Sprintf("latchkey-tz  %d", p.clock.Now().Unix()); got != want {
			t.Errorf("of %.40q the script is told %q, want %q", clock, got, want)
		}
	}
}

func TestTheCookieOfTheClockIsNamedLikeTheOthersOfItsProgram(t *testing.T) {
	t.Parallel()
	p := newProgram(t, func(d *handlers.Deps) { d.PublicURL, d.Instance = "https://keys.example.com", "-8443" })
	b := p.browser()
	if got := b.get("/login").attr("meta[name=clock]", "content"); !strings.HasPrefix(got, "__Host-latchkey-tz-8443  ") {
		t.Errorf("the script is told %q", got)
	}
	if got := b.by("Europe/Berlin").get("/login").attr("meta[name=clock]", "content"); strings.Contains(got, "Berlin") {
		t.Errorf("the cookie of another program counts: %q", got)
	}
	b = b.with("Cookie", "__Host-latchkey-tz-8443=Europe/Berlin")
	if got := b.get("/login").attr("meta[name=clock]", "content"); !strings.Contains(got, " Europe/Berlin ") {
		t.Errorf("the program's own does not count: %q", got)
	}
}

func TestSentencesHaveThePersonsTimesToo(t *testing.T) {
	t.Parallel()
	b, _ := newProgram(t).signedIn(email)
	b = b.by("Asia/Tokyo.12")
	form := newKeyForm("porch-cam")
	b.post("/keys", form).want(http.StatusOK)
	b.post("/keys", form).want(http.StatusConflict).says(".notice", "This form created porch-cam at 9:00 PM.")
}
