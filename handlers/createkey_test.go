package handlers_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func createForm(id, name string) url.Values {
	return url.Values{"form_id": {id}, "name": {name}}
}

// newFormID makes an id as the page does.
func newFormID(t testing.TB) string {
	t.Helper()
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// aValue is what the auth server makes: nothing else in a page looks like it.
var aValue = regexp.MustCompile(`\b[A-Za-z0-9]{64}\b`)

func TestANewKeysValueIsInTheAnswerToTheFormAndNowhereElse(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	form := b.get("/keys/new")
	a := b.post("/keys", createForm(form.attr("input[name=form_id]", "value"), "porch-cam")).want(http.StatusOK)
	value := a.text("#value")
	if !aValue.MatchString(value) || strings.Count(a.body, value) != 1 {
		t.Fatalf("the value %q is in the answer %d times", value, strings.Count(a.body, value))
	}
	a.says("#once h2", "porch-cam is ready. Save its value now").says("#quota", "1 of 20").says(".done .use", "Waiting for first use…")
	a.lacks("form.create").says("#keys .key.new .name", "porch-cam")
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the answer may be stored: %q", got)
	}
	session, err := p.api.Login(t.Context(), client.UserAPIKey(value))
	if err != nil || session.UserID() != who.id {
		t.Errorf("the value does not sign in as its owner: %v", err)
	}

	id := p.stored(who)[0].ID
	for _, path := range []string{"/keys", "/keys?q=porch", "/keys/" + id, "/keys/" + id + "/delete", "/logs?co_id=" + id} {
		for _, later := range []answer{b.get(path), b.htmx().get(path)} {
			later.want(http.StatusOK).keepsQuiet(value).lacks("#once", "#value")
		}
	}
	b.post("/keys", createForm(form.attr("input[name=form_id]", "value"), "porch-cam")).want(http.StatusConflict).keepsQuiet(value)
	if strings.Contains(p.logs.String(), value) {
		t.Error("the value is in the log")
	}
}

func TestAValueIsDrawnMaskedOnlyForPagesThatCanUnmaskIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	plain := b.post("/keys", createForm(newFormID(t), "plain")).want(http.StatusOK).lacks("#value.masked")
	plain.says("#once noscript", "I have saved it")

	part := b.htmx().post("/keys", createForm(newFormID(t), "scripted")).want(http.StatusOK).isPart().lacks("#once noscript")
	if got := part.attr("#value.masked", "aria-hidden"); got != "true" {
		t.Errorf("the hidden value is read out: %q", got)
	}
	if got := part.header.Get("HX-Retarget") + " " + part.header.Get("HX-Reswap"); got != "#compose innerHTML" {
		t.Errorf("the panel goes to %q", got)
	}
	part.says(`hx-partial[hx-target="#quota"]`, "2 of 20").says(`hx-partial[hx-target="#ways"]`, "Create key")
	part.says(`hx-partial[hx-target="#keys"] .key.new .name`, "scripted")
	if part.text(`hx-partial[hx-target="#notice"]`) != "" {
		t.Error("there is a notice about a key that was created")
	}
}

// The words of a key are the same wherever it is named. Emails have them by internal/authserver, devices by internal/app/pair.
func TestAKeyHasTheSameWordsOnEveryPage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	created := b.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusOK)
	words := model.WordsOf(model.FingerprintOf(model.Secret(created.text("#value"))))
	created.says("#once", "Recognise it by "+words.String()+" in your list").lacks(".value .words")
	key := strings.TrimPrefix(created.attr("#keys .key", "id"), "key-")
	for selector, a := range map[string]answer{
		"#once .words":          created,
		"#keys .key .words":     b.get("/keys"),
		"#key .facts .words":    b.get("/keys/" + key),
		"#fingerprints .words":  b.get("/keys/which"),
		"main .question .words": b.get("/keys/" + key + "/delete"),
		".words":                b.htmx().get("/keys/" + key + "/delete?place=row"),
	} {
		if got := a.text(selector); got != words.String() {
			t.Errorf("%s: the words are %q, want %q", selector, got, words)
		}
		if a.attr(selector, "lang") != "en" || a.attr(selector, "translate") != "no" {
			t.Errorf("%s may be translated", selector)
		}
	}
}

func TestTheWordsOfAKeyAtAnotherServerAreThereWhenItIsCreated(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks(keyFacts, says(404, ""))
	created := b.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusOK)
	for at, a := range map[string]answer{"#once .words": created, "#keys .words": b.get("/keys")} {
		if got := a.text(at); got != model.WordsOf(model.FingerprintOf(model.Secret(created.text("#value")))).String() {
			t.Errorf("the words at %s are %q", at, got)
		}
	}
}

func TestTheFileForADeviceHasEverythingButTheValue(t *testing.T) {
	t.Parallel()
	b, _ := newProgram(t).signedIn(email)
	a := b.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusOK)
	words := model.WordsOf(model.FingerprintOf(model.Secret(a.text("#value"))))
	want := "# The key " + words.Beside("porch-cam") + ". Keep this file out of version control.\nAPP_ID=" + appID + "\nBASE_URL=" + publicURL + "\nAPI_KEY="
	if got := a.attr("[data-once=download]", "data-env"); got != want {
		t.Errorf("the file is %q, want %q", got, want)
	}
	if got := a.attr("[data-once=download]", "data-file"); got != "porch-cam.env" {
		t.Errorf("the file is called %q", got)
	}
}

func TestTheSameFormSentTwiceMakesOneKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	form := createForm(newFormID(t), "porch-cam")
	b.post("/keys", form).want(http.StatusOK)
	key := p.stored(who)[0]
	for _, a := range []answer{b.post("/keys", form), b.htmx().post("/keys", form).isPart()} {
		a.want(http.StatusConflict).lacks("#once", "#value")
		a.says(".notice", "Already created.").says(".notice", "This form created porch-cam at 12:00 UTC.")
		if got := a.attr(".notice a.button", "href"); got != "/keys/"+key.ID {
			t.Errorf("the notice leads to %q", got)
		}
		if aValue.MatchString(a.body) {
			t.Error("the second answer has something like a value")
		}
	}
	if got := p.upstream.count(createKey); got != 1 {
		t.Errorf("%d creates at the key service", got)
	}
}

// A program that was started anew remembers as little of a form as another node does.
func TestAFormCreatesOneKeyWhateverNodesItReaches(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	other := newProgramOn(t, p.store).browser()
	other.jar = b.jar
	form := createForm(newFormID(t), "porch-cam")
	b.post("/keys", form).want(http.StatusOK)
	a := other.post("/keys", form).want(http.StatusConflict).lacks("#value").
		says(".notice", "This form has created its key. The value was in the first answer and cannot be shown again.")
	key := a.doc.Find(".notice a").AttrOr("href", "")
	b.post(key+"/delete", nil).want(http.StatusSeeOther)
	other.post("/keys", form).want(http.StatusConflict).lacks("#value").
		says(".notice", "There is no key named porch-cam now, and no other was created.")
	other.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusOK)
}

func TestOneFormSentToTwoNodesAtOnceCreatesOneKeyAndShowsOneValue(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	other := newProgramOn(t, p.store).browser()
	other.jar = b.jar
	for _, name := range numbered(10) {
		form := createForm(newFormID(t), name)
		var statuses [2]int
		var both sync.WaitGroup
		for i, to := range []*browser{b, other} {
			both.Go(func() { statuses[i] = to.post("/keys", form).status })
		}
		both.Wait()
		if slices.Sort(statuses[:]); statuses != [2]int{http.StatusOK, http.StatusConflict} {
			t.Errorf("%s: statuses %v", name, statuses)
		}
	}
}

func TestTheSameFormWithAnotherNameMakesNoSecondKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	id := newFormID(t)
	b.post("/keys", createForm(id, "porch-cam")).want(http.StatusOK)
	b.post("/keys", createForm(id, "heat-pump")).want(http.StatusConflict).says(".notice", "This form created porch-cam")
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %s", got)
	}
}

func TestOneFormSentFiftyTimesAtOnceMakesOneKeyAndShowsOneValue(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	form := createForm(newFormID(t), "porch-cam")
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.post("/keys", form) })
	}
	all.Wait()
	statuses := map[int]int{}
	for _, a := range answers {
		statuses[a.status]++
		if a.status == http.StatusConflict {
			a.says(".notice", "Already created.").lacks("#value")
		}
	}
	if statuses[http.StatusOK] != 1 || statuses[http.StatusConflict] != 49 {
		t.Errorf("statuses %v, want 200 once and 409 for the rest", statuses)
	}
	if got := p.storedNames(who); got != "porch-cam" || p.upstream.count(createKey) != 1 {
		t.Errorf("the keys are %q after %d creates", got, p.upstream.count(createKey))
	}
}

func TestAFormWithoutItsIDMakesNoKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	for _, id := range []string{"", "x", strings.Repeat("a", 21), strings.Repeat("a", 23), strings.Repeat("!", 22), strings.Repeat("a", 5000)} {
		a := b.post("/keys", createForm(id, "porch-cam")).want(http.StatusUnprocessableEntity)
		a.says("#name-error", "This form was incomplete, so no key was created.")
		if got := a.attr("#name", "value"); got != "porch-cam" {
			t.Errorf("the name became %q", got)
		}
	}
	if got := p.storedNames(who); got != "" || p.upstream.count(createKey) != 0 {
		t.Errorf("the keys are %q after %d creates", got, p.upstream.count(createKey))
	}
}

func TestAnIDThatSomebodyElseUsedIsNotUsedUp(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana, _ := p.signedIn(email)
	bob, his := p.signedIn("bob@example.com")
	id := newFormID(t)
	ana.post("/keys", createForm(id, "anas-camera")).want(http.StatusOK)
	bob.post("/keys", createForm(id, "bobs-camera")).want(http.StatusOK).keepsQuiet("anas-camera")
	if got := p.storedNames(his); got != "bobs-camera" {
		t.Errorf("the keys are %q", got)
	}
}

func TestAFormThatMadeNothingCanBeSentAgain(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]happens{
		"the key service was down":      refusesConnections,
		"the key service was busy":      says(503, `{"error":"busy"}`),
		"the key service wanted a rest": says(429, ""),
		"the name was refused":          says(400, `{"error":"'name' is a required string"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)
			form := createForm(newFormID(t), "porch-cam")
			p.upstream.breaks(createKey, fault)
			if a := b.post("/keys", form); a.status < 400 || a.has("#once") {
				t.Fatalf("status %d", a.status)
			}
			p.upstream.heal()
			b.post("/keys", form).want(http.StatusOK)
			if got := p.storedNames(who); got != "porch-cam" {
				t.Errorf("the keys are %q", got)
			}
		})
	}
}

func TestWaitingForAFormThatMakesNothingGivesTheNextItsTurn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	form := createForm(newFormID(t), "porch-cam")
	arrived, goOn := make(chan struct{}), make(chan struct{})
	p.upstream.breaks(createKey, first(func(http.RoundTripper, *http.Request) (*http.Response, error) {
		close(arrived)
		<-goOn
		return refusesConnections(nil, nil)
	}, works))
	statuses := make(chan int, 2)
	go func() { statuses <- b.post("/keys", form).status }()
	<-arrived
	go func() { statuses <- b.post("/keys", form).status }()
	close(goOn)
	if first, second := <-statuses, <-statuses; first+second != http.StatusBadGateway+http.StatusOK {
		t.Errorf("statuses %d and %d, want one 502 and one 200", first, second)
	}
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %q", got)
	}
}

// lostCreates is every way in which the answer to a create can get lost.
var lostCreates = map[string]struct {
	fault  happens // without effect on the key service
	status int
	title  string
}{
	"no answer in time":        {timesOut, 504, "The key service didn’t answer in time."},
	"the connection breaks":    {losesRequests, 502, "The connection to the key service broke."},
	"a page in place of JSON":  {says(200, "<h1>secret-host</h1>"), 502, "The key service gave an answer we can’t use."},
	"a failure of the gateway": {says(502, "<h1>secret-host</h1>"), 502, "The key service gave an answer we can’t use."},
	"a key without a value":    {says(201, `{"_id":"0123456789abcdef01234567","name":"porch-cam","disabled":false}`), 502, "The key service gave an answer we can’t use."},
	"half an answer":           {says(201, `{"_id":"0123456789abcdef01234567","na`), 502, "The key service gave an answer we can’t use."},
}

// thenFails is fault, after the key service has done what was asked.
func thenFails(fault happens) happens {
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if _, err := losesAnswers(next, r); err == nil {
			panic("losesAnswers always fails")
		}
		return fault(next, r)
	}
}

func TestALostAnswerToACreateIsComparedWithTheList(t *testing.T) {
	t.Parallel()
	for name, c := range lostCreates {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)

			p.upstream.breaks(createKey, c.fault)
			a := b.post("/keys", createForm(newFormID(t), "porch-cam")).want(c.status)
			a.says(".notice.bad strong", c.title).lacks("#once").keepsQuiet("secret-host")
			if c.status == http.StatusGatewayTimeout { // and may be carried out yet
				a.says(".notice", "Your list has no key named porch-cam so far. Check again before you send the form again.")
			} else {
				a.says(".notice", "Your list has no key named porch-cam: it was not created. You can send the form again.").lacks(".notice a")
			}
			if got := a.attr("#name", "value"); got != "porch-cam" {
				t.Errorf("the name became %q", got)
			}

			p.upstream.breaks(createKey, thenFails(c.fault))
			made := b.htmx().post("/keys", createForm(newFormID(t), "porch-cam")).want(c.status).isPart()
			key := client.APIKey{ID: p.stored(who)[0].ID}
			made.says(".notice.bad strong", c.title).says(".notice", "porch-cam was created, but its value was lost. Delete it and create it again.")
			if got := made.attr(".notice a.button", "href"); got != "/keys/"+key.ID+"/delete" || made.text(".notice a.button") != "Delete porch-cam…" {
				t.Errorf("the notice leads to %q", got)
			}
			made.lacks("#once").says("#keys .name", "porch-cam").keepsQuiet("secret-host")

			if got := p.upstream.count(createKey); got != 2 {
				t.Errorf("two forms made %d requests to create", got)
			}
		})
	}
}

func TestALostAnswerAndAListThatFailsTooSayThatNothingIsKnown(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks(createKey, losesRequests)
	p.upstream.breaks(listKeys, after(1, losesRequests))
	a := b.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusBadGateway)
	a.says("#notice .notice", "We asked to create porch-cam and don’t know whether it was created.")
	a.says("#keys .notice", "We couldn’t read your keys.").lacks(".first", "#quota", "#once")
	if got := a.attr("#notice a.button", "href"); got != "/keys" {
		t.Errorf("checking leads to %q", got)
	}
	if got := p.upstream.count(createKey); got != 1 {
		t.Errorf("%d requests to create", got)
	}
}

func TestAFormWhoseAnswerGotLostIsNotSentASecondTime(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	form := createForm(newFormID(t), "porch-cam")
	p.upstream.breaks(createKey, losesRequests)
	b.post("/keys", form).want(http.StatusBadGateway)
	p.upstream.heal()
	again := b.post("/keys", form).want(http.StatusConflict)
	again.says(".notice", "This form was sent already, at 12:00 UTC. There is no key named porch-cam now.").lacks("#once")

	form = createForm(newFormID(t), "heat-pump")
	p.upstream.breaks(createKey, losesAnswers)
	b.post("/keys", form).want(http.StatusBadGateway)
	p.upstream.heal()
	again = b.post("/keys", form).want(http.StatusConflict)
	again.says(".notice", "This form was sent already, at 12:00 UTC. We don’t know whether it created heat-pump.")
	if got := p.upstream.count(createKey); got != 2 {
		t.Errorf("two forms made %d requests to create", got)
	}
}

func TestAFormThatWasSentSaysSoAlsoWhenItsKeyIsGoneOrTheListFails(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	form := createForm(newFormID(t), "porch-cam")
	b.post("/keys", form).want(http.StatusOK)

	p.upstream.breaks(listKeys, says(500, ""))
	a := b.post("/keys", form).want(http.StatusConflict)
	a.says("#notice .notice", "We don’t know whether it created porch-cam.").says("#keys .notice", "We couldn’t read your keys.")
	p.upstream.heal()

	if _, err := p.store.DeleteAPIKey(t.Context(), who.id, p.stored(who)[0].ID); err != nil {
		t.Fatal(err)
	}
	a = b.post("/keys", form).want(http.StatusConflict)
	a.says("#notice .notice", "There is no key named porch-cam now.").lacks("#notice a")
}

func TestAKeyIsNotAskedForWhenTheListCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	for _, c := range []struct {
		fault  happens
		status int
		notice string
	}{
		{says(500, ""), 502, "The key service gave an answer we can’t use. No key was created."},
		{losesAnswers, 502, "The connection to the key service broke. No key was created."},
		{timesOut, 504, "The key service didn’t answer in time. No key was created."},
		{refusesConnections, 502, "We can’t reach the key service. No key was created."},
		{isAStranger, 502, "The secure connection to the key service failed. No key was created."},
		{says(503, `{"error":"busy"}`), 503, "The key service is busy. No key was created. Wait a little before you try again."},
	} {
		p.upstream.breaks(listKeys, c.fault)
		form := createForm(newFormID(t), "porch-cam")
		plain := b.post("/keys", form).want(c.status)
		part := b.htmx().post("/keys", form).want(c.status).isPart() // of the first visit
		form.Set("place", "dialog")
		dialog := b.htmx().post("/keys", form).want(c.status).isPart().says("#keys .notice", "We couldn’t read your keys.")
		for _, a := range []answer{plain, part, dialog} {
			a.lacks("#once")
			if got := a.attr("#name", "value"); got != "porch-cam" {
				t.Errorf("%s the name became %q", c.notice, got)
			}
		}
		if plain.text("#notice .notice p") != c.notice || part.text(`hx-partial[hx-target="#notice"] .notice p`) != c.notice {
			t.Errorf("it says %q and %q, want %q", plain.text("#notice .notice p"), part.text(`hx-partial[hx-target="#notice"] .notice p`), c.notice)
		}
		if got := dialog.text("[role=alert] .notice p"); got != c.notice {
			t.Errorf("the dialog says %q, want %q", got, c.notice)
		}
	}
	if got := p.upstream.count(createKey); got != 0 {
		t.Errorf("%d requests to create", got)
	}
	p.upstream.heal()
	b.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusOK)
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %q", got)
	}
}

// On other servers than ours two keys can share a name.
func TestALostCreateIsToldFromKeysThatWereThereAndFromThoseOfOthers(t *testing.T) {
	t.Parallel()
	key := func(n int, name string) string {
		return fmt.Sprintf(`{"_id":"69cc8d00000000000000%04d","name":%q,"disabled":false}`, n, name)
	}
	for want, lists := range map[string][2][]string{
		"porch-cam was created, but its value was lost. Delete it and create it again.": {
			{key(1, "garage"), key(2, "porch-cam")}, {key(1, "garage"), key(2, "porch-cam"), key(3, "porch-cam"), key(4, "attic")}},
		"You had a key named porch-cam before, and no other was created.": {
			{key(2, "porch-cam")}, {key(2, "porch-cam"), key(3, "garage")}},
		"2 keys named porch-cam were created at the same time. One of them is yours, and its value was lost: delete it.": {
			{key(1, "garage")}, {key(1, "garage"), key(2, "porch-cam"), key(3, "porch-cam")}},
		"Your list has no key named porch-cam: it was not created. You can send the form again.": {
			{key(1, "garage")}, {key(2, "attic")}},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, _ := p.signedIn(email)
			before, now := "["+strings.Join(lists[0], ",")+"]", "["+strings.Join(lists[1], ",")+"]"
			p.upstream.breaks(listKeys, first(says(200, before), says(200, now)))
			p.upstream.breaks(createKey, losesRequests)
			a := b.post("/keys", createForm(newFormID(t), "porch-cam")).want(http.StatusBadGateway)
			if got := a.text("#notice .notice p"); got != "The connection to the key service broke. "+want {
				t.Errorf("it says %q", got)
			}
			if got := a.texts("#keys .name"); len(got) != len(lists[1]) && !a.has("form.create") {
				t.Errorf("the page shows %q", got)
			}
			if link := a.attr("#notice a.button", "href"); strings.Contains(want, "but its value") && link != "/keys/69cc8d000000000000000003/delete" {
				t.Errorf("leads to %q", link)
			}
		})
	}
}

func TestANameThatWasTypedIsKeptOverSigningIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	for typed, next := range map[string]string{
		"porch-cam": "/keys/new?name=porch-cam", " heat_pump ": "/keys/new?name=heat_pump", "": "/keys",
		"porch cam": "/keys", "x&next=//evil.example": "/keys", "<b>": "/keys", strings.Repeat("x", 65): "/keys",
	} {
		p.upstream.breaks("*", says(401, ""))
		a := b.htmx().with("HX-Current-URL", publicURL+"/keys").post("/keys", createForm(newFormID(t), typed)).want(http.StatusOK)
		p.upstream.heal()
		want := "/login?" + url.Values{"ended": {"service"}, "next": {next}}.Encode()
		if got := a.header.Get("HX-Redirect"); got != want {
			t.Errorf("%q leads to %q, want %q", typed, got, want)
		}
		logIn := b.get(want).want(http.StatusOK)
		form := url.Values{"email": {who.email}, "password": {password}, "next": {logIn.attr("input[name=next]", "value")}}
		b.post("/login", form).leadsTo(next)
		if got, want := b.get(next).want(http.StatusOK).attr("#name", "value"), strings.TrimPrefix(strings.TrimPrefix(next, "/keys"), "/new?name="); got != want {
			t.Errorf("the form has %q, want %q", got, want)
		}
	}
	for _, odd := range []string{"porch%20cam", "%3Cb%3E", "", strings.Repeat("x", 65)} {
		if got := b.get("/keys/new?name="+odd).want(http.StatusOK).attr("#name", "value"); got != "" {
			t.Errorf("?name=%s fills in %q", odd, got)
		}
	}
}

func TestANameThatCannotBeIsRefusedBesideTheFieldWithASuggestion(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	const empty, long, odd = "Give the key a name.", "Names can have up to 64 characters.", "Names can have letters, digits, - and _ only."
	for _, c := range []struct{ name, text, suggestion string }{
		{"", empty, ""},
		{"   ", empty, ""},
		{"porch cam", odd, "porch-cam"},
		{"porch/cam", odd, "porch-cam"},
		{"  porch   cam!  ", odd, "porch-cam"},
		{"Küche", odd, "Kueche"},
		{"Łódź, Straße; Søren’s ﬁsh １", odd, "Lodz-Strasse-Soren-s-fish-1"},
		{"e\u0301cran", odd, "ecran"},
		{"📷", odd, ""},
		{"📷 porch", odd, "porch"},
		{"../../etc/passwd", odd, "etc-passwd"},
		{"<b>cam</b>", odd, "b-cam-b"},
		{"камера", odd, "kamera"},
		{"a.b,c;d", odd, "a-b-c-d"},
		{"--- ---", odd, ""},
		{"porch\x00cam", odd, "porch-cam"},
		{"porch\r\ncam", odd, "porch-cam"},
		{"\xff\xfe", odd, ""},
		{strings.Repeat("x", 65), long, strings.Repeat("x", 64)},
		{strings.Repeat("x", 63) + "-y", long, strings.Repeat("x", 63)},
		{strings.Repeat("-", 65), long, ""},
		{strings.Repeat("x ", 60), odd, strings.TrimSuffix(strings.Repeat("x-", 32), "-")},
		{strings.Repeat("é", 65), odd, strings.Repeat("e", 64)},
	} {
		a := b.post("/keys", createForm(newFormID(t), c.name)).want(http.StatusUnprocessableEntity).lacks("#once", "#name-error b")
		if want, got := strings.TrimSpace(c.text+" "+try(c.suggestion)), a.text("#name-error"); got != want {
			t.Errorf("%q: %q, want %q", c.name, got, want)
		}
		if got := a.text("#name-error code"); got != c.suggestion || got != "" && client.ValidName(got) != nil {
			t.Errorf("%q: suggests %q, want %q", c.name, got, c.suggestion)
		}
		if a.attr("#name", "aria-invalid") != "true" || a.attr("#name", "aria-describedby") != "name-error name-hint" || !a.has("#name[autofocus]") {
			t.Errorf("%q: the field does not say that it is wrong", c.name)
		}
		if want := strings.TrimSpace(c.name); utf8.ValidString(want) && !strings.ContainsAny(want, "\x00\r") && a.attr("#name", "value") != want {
			t.Errorf("%q became %q", c.name, a.attr("#name", "value"))
		}
		if got := a.attr("#name-error button", "data-name"); got != c.suggestion {
			t.Errorf("%q: the button fills in %q", c.name, got)
		}
	}
	if got := p.storedNames(who); got != "" || p.upstream.count(createKey) != 0 {
		t.Errorf("the keys are %q after %d requests to create", got, p.upstream.count(createKey))
	}
}

// People have values of devices to bring, and there is a field for a name.
func TestAValueIsNoName(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	value := testkit.OldValue()
	a := b.post("/keys", createForm(newFormID(t), value)).want(http.StatusUnprocessableEntity).lacks("#once", "#name-error b").keepsSecret(p, value)
	if a.attr("#name", "value") != "" || !strings.Contains(a.text("#name-error"), "looks like a value") {
		t.Errorf("the field has %q, and is said to be %q", a.attr("#name", "value"), a.text("#name-error"))
	}
	if got := p.storedNames(who); got != "" {
		t.Errorf("the keys are %q", got)
	}
}

func try(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return "Try " + suggestion + ". Use " + suggestion // without script, and with it
}

func TestSpacesAroundANameAreNotPartOfIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	b.post("/keys", createForm(newFormID(t), " \tporch-cam\n")).want(http.StatusOK).says("#once strong", "porch-cam")
	b.post("/keys", createForm(newFormID(t), strings.Repeat("x", 64)+" ")).want(http.StatusOK)
	if got := p.storedNames(who); got != "porch-cam, "+strings.Repeat("x", 64) {
		t.Errorf("the keys are %q", got)
	}
}

func TestANameInUseLeadsToTheKeyThatHasIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	form := createForm(newFormID(t), "porch-cam")
	plain := b.post("/keys", form)
	form.Set("place", "dialog")
	for _, a := range []answer{plain, b.htmx().post("/keys", form).isPart().says("#dialog-title", "Create a key")} {
		a.want(http.StatusUnprocessableEntity).lacks("#once")
		a.says("#name-error", "You already have a key with this name. It was created 1 Apr and is here: porch-cam.")
		if got := a.attr("#name-error a", "href"); got != "/keys/"+key.ID {
			t.Errorf("the holder is at %q", got)
		}
		if got := a.attr("#name", "value"); got != "porch-cam" {
			t.Errorf("the name became %q", got)
		}
	}
	// The form of the first visit is drawn where the list is by now.
	form.Del("place")
	b.htmx().post("/keys", form).want(http.StatusUnprocessableEntity).isPart().says("#keys .name", "porch-cam").
		says(`hx-partial[hx-target="#notice"]`, "No key was created. You already have a key with this name.")
	b.post("/keys", createForm(newFormID(t), "Porch-cam")).want(http.StatusOK)
}

func TestTheTwentyFirstKeyIsNotCreatedAndLeadsToWhereRoomIsMade(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, numbered(19)...)
	form := newFormID(t)
	b.post("/keys", createForm(newFormID(t), "the-twentieth")).want(http.StatusOK).says("#quota", "20 of 20")
	b.get("/keys/new").leadsTo("/keys/room")
	if got := b.htmx().get("/keys/new").want(http.StatusOK).header.Get("HX-Redirect"); got != "/keys/room" {
		t.Errorf("the dialog's place is taken by %q", got)
	}
	b.post("/keys", createForm(form, "one-more")).leadsTo("/keys/room")
	b.get("/keys/room").want(http.StatusOK).says("#status", "one-more was not created: you have 20 of 20 keys.")
	if got := b.htmx().post("/keys", createForm(form, "one-more")).want(http.StatusOK).header.Get("HX-Redirect"); got != "/keys/room" {
		t.Errorf("htmx is led to %q", got)
	}
	if got := len(p.stored(who)); got != 20 {
		t.Errorf("%d keys", got)
	}
}

func TestABrowserThatLeavesDoesNotCutACreateShort(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	form := createForm(newFormID(t), "porch-cam")
	r, leave := cancellable(b.request(http.MethodPost, "/keys", form))
	p.upstream.breaks(createKey, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		leave()
		return next.RoundTrip(r)
	})
	b.send(r)
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %q", got)
	}
	b.post("/keys", form).want(http.StatusConflict).says(".notice", "Already created.")
}
