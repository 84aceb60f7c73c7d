package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"latchkey/internal/onboard"
)

func TestHelpIsOnePageForEverybodyAndReadsNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t, reachable)
	before := p.store.Stats()
	a := p.browser().get("/help").want(http.StatusOK).says("h1", "Help").says("title", "Help · Shed keys")
	if after := p.store.Stats(); after != before {
		t.Errorf("the store did something: %+v, before %+v", after, before)
	}
	if got := a.doc.Find("#script").Text(); got != onboard.PairScript(publicURL, appID) {
		t.Errorf("the script is %q", got)
	}
	for _, id := range a.doc.Find(`main nav a`).Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("href", "") }) {
		if !a.has("section" + id) {
			t.Errorf("%s leads nowhere", id)
		}
	}
	if got := len(a.texts("#waiting li")); got != 3 {
		t.Errorf("%d things to check when a key is not used", got)
	}
	if got := a.texts("#shortcuts kbd"); !slices.Equal(got, []string{"/", "n", "c", "?"}) {
		t.Errorf("the shortcuts are %q", got)
	}
	if got := a.attr("#contact a", "href"); got != "mailto:ada@example.com" {
		t.Errorf("the administrator is at %q", got)
	}
	b, _ := p.signedIn(email)
	b.get("/help").want(http.StatusOK).says(".who", email).says("#off", "signs its devices out at once")
	if there := newProgram(t, elsewhere).browser().get("/help"); strings.Contains(there.text("#off"), "at once") {
		t.Error("it promises what another server does")
	}
}
