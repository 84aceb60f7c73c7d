package e2e

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"

	"latchkey/client"
)

// One form makes one key, however often it is sent.

func TestADoubleClickMakesOneKey(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, signedIn(ana))
	page.fill("Name of the device or service", "porch-cam")
	page.must(page.button("Create key").Click(playwright.LocatorClickOptions{ClickCount: playwright.Int(2)}))
	page.sees(page.heading("Save this key now"))
	value, err := page.field("Value").InputValue()
	page.must(err)
	page.saveKey()
	if n := len(ana.list(t)); n != 1 {
		t.Errorf("%d keys", n)
	}
	program.logIn(t, client.UserAPIKey(value))
}

func TestAFormSentManyTimesAtOnceMakesOneKeyAndGivesItsValueOnce(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	cookie := program.cookie(t, ana)
	page := program.send(t, http.MethodGet, "/keys", nil, cookie)
	id := regexp.MustCompile(`name="form_id" value="([^"]+)"`).FindStringSubmatch(page.Body)
	if id == nil {
		t.Fatal("no form in", page.Body)
	}
	form := url.Values{"form_id": {id[1]}, "name": {"porch-cam"}}

	const times = 50
	var all sync.WaitGroup
	answers, errs := make([]answer, times), make([]error, times)
	for i := range times {
		all.Go(func() { answers[i], errs[i] = program.trySend(t.Context(), http.MethodPost, "/keys", form, cookie) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}

	value := regexp.MustCompile(`value="([A-Za-z0-9]{64})"`)
	values, already := 0, 0
	for _, a := range answers {
		if v := value.FindStringSubmatch(a.Body); v != nil {
			values++
			program.logIn(t, client.UserAPIKey(v[1]))
		} else if a.StatusCode == http.StatusConflict && strings.Contains(a.Body, "Already created.") {
			already++
		}
	}
	if values != 1 || already != times-1 {
		t.Errorf("%d answers with a value and %d that say it was made already, want 1 and %d", values, already, times-1)
	}
	if n := len(ana.list(t)); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func TestLoadingTheAnswerAgainWithoutScriptMakesNoSecondKey(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, noScript, signedIn(ana))
	page.expects(http.StatusConflict)
	value := page.createKey("porch-cam")
	for range 2 {
		_, err := page.Reload() // the browser sends the form again
		page.must(err)
		page.sees(page.role("group", "Already created."))
		page.sees(page.GetByText("Its value was in the first answer and cannot be shown again."))
		page.lacksValue(value)
	}
	if n := len(ana.list(t)); n != 1 {
		t.Errorf("%d keys", n)
	}
	page.press(page.link("Open porch-cam"))
	page.sees(page.heading("porch-cam"))
	program.logIn(t, client.UserAPIKey(value))
}

// Somebody who deletes the key and then sends the old form again wants no key of that name: there is a new form for that.
func TestAFormWhoseKeyWasDeletedMakesNoOther(t *testing.T) {
	t.Parallel()
	program := startProgram(t)
	ana := program.person(t)
	page := program.open(t, noScript, signedIn(ana))
	page.expects(http.StatusConflict)
	page.createKey("porch-cam")
	ana.deletes(t, "porch-cam")
	_, err := page.Reload()
	page.must(err)
	page.sees(page.GetByText("There is no key named porch-cam now."))
	if n := len(ana.list(t)); n != 0 {
		t.Errorf("%d keys", n)
	}
}
