package keys

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

// One form makes one key, however often it is sent.

func TestADoubleClickMakesOneKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	page.NamesKey("porch-cam")
	page.Must(page.Button("Create key").Click(playwright.LocatorClickOptions{ClickCount: playwright.Int(2)}))
	page.Sees(page.Locator("#once-title"))
	value := page.Value()
	page.SaveKey()
	if n := len(ana.List(t)); n != 1 {
		t.Errorf("%d keys", n)
	}
	program.LogIn(t, client.UserAPIKey(value))
}

// A second answer would take the place of the first, and with it the value, wherever the browser itself sends the form.
func TestADoubleClickLosesNoValueOnAPageOrWithAPassword(t *testing.T) {
	clock := story.OwnClock(t)
	program := story.StartProgram(t, func(c *config.Config) { c.Now = clock.Now })
	ana := program.Person(t)
	twice := playwright.LocatorClickOptions{ClickCount: playwright.Int(2)}
	page := program.Open(t, story.SignedIn(ana), story.At("/keys/new"))
	page.Fill("Name", "porch-cam")
	page.Must(page.Button("Create key").Click(twice))
	page.Sees(page.Locator("#once-title"))
	page.SaveKey()

	clock.Advance(20 * time.Minute)
	page.Visit("/keys")
	clock.Advance(20 * time.Minute)
	page.Expects(http.StatusForbidden)
	page.NamesKey("heat-pump")
	page.Press(page.InDialog("Create key"))
	page.Fill("Password", story.Password)
	page.Must(page.InDialog("Create key").Click(twice))
	page.Sees(page.Locator("#once-title"))
	page.SaveKey()
	if n := len(ana.List(t)); n != 2 {
		t.Errorf("%d keys", n)
	}
}

func TestAFormSentManyTimesAtOnceMakesOneKeyAndGivesItsValueOnce(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	cookie := program.Cookie(t, ana)
	page := program.Send(t, http.MethodGet, "/keys/new", nil, cookie)
	id := regexp.MustCompile(`name="form_id" value="([^"]+)"`).FindStringSubmatch(page.Body)
	if id == nil {
		t.Fatal("no form in", page.Body)
	}
	form := url.Values{"form_id": {id[1]}, "name": {"porch-cam"}}

	const times = 50
	var all sync.WaitGroup
	answers, errs := make([]story.Answer, times), make([]error, times)
	for i := range times {
		all.Go(func() { answers[i], errs[i] = program.TrySend(t.Context(), http.MethodPost, "/keys", form, cookie) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}

	value := regexp.MustCompile(`>([A-Za-z0-9]{64})</output>`)
	values, already := 0, 0
	for _, a := range answers {
		if v := value.FindStringSubmatch(a.Body); v != nil {
			values++
			program.LogIn(t, client.UserAPIKey(v[1]))
		} else if a.StatusCode == http.StatusConflict && strings.Contains(a.Body, "Already created.") {
			already++
		}
	}
	if values != 1 || already != times-1 {
		t.Errorf("%d answers with a value and %d that say it was made already, want 1 and %d", values, already, times-1)
	}
	if n := len(ana.List(t)); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func TestLoadingTheAnswerAgainWithoutScriptMakesNoSecondKey(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	page.Expects(http.StatusConflict)
	value := page.CreateKey("porch-cam")
	for range 2 {
		_, err := page.Reload() // the browser sends the form again
		page.Must(err)
		page.Sees(page.Role("group", "Already created."))
		page.Sees(page.GetByText("Its value was in the first answer and cannot be shown again."))
		lacksValue(page, value)
	}
	if n := len(ana.List(t)); n != 1 {
		t.Errorf("%d keys", n)
	}
	page.Press(page.Link("Open porch-cam"))
	page.Sees(page.Heading("porch-cam"))
	program.LogIn(t, client.UserAPIKey(value))
}

// Somebody who deletes the key and then sends the old form again wants no key of that name: there is a new form for that.
func TestAFormWhoseKeyWasDeletedMakesNoOther(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.NoScript, story.SignedIn(ana))
	page.Expects(http.StatusConflict)
	page.CreateKey("porch-cam")
	ana.Deletes(t, "porch-cam")
	_, err := page.Reload()
	page.Must(err)
	page.Sees(page.GetByText("There is no key named porch-cam now."))
	if n := len(ana.List(t)); n != 0 {
		t.Errorf("%d keys", n)
	}
}
