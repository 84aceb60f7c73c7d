package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/model"
)

// kinds is every kind of error that the key service can cause, with the status and the words it has on a page.
var kinds = map[string]struct {
	fault          happens
	status         int
	heading, text  string
	link, linkText string
	retryAfter     string
}{
	"it is down": {refusesConnections, 502, "We can’t reach the key service",
		"Nothing was changed, and you’re still signed in.", "", "Try again", ""},
	"its name does not resolve": {isNowhere, 502, "We can’t reach the key service",
		"Nothing was changed, and you’re still signed in.", "", "Try again", ""},
	"it does not answer": {timesOut, 504, "The key service didn’t answer in time", "You’re still signed in.", "", "Try again", ""},
	"time is up":         {outOfTime, 504, "The key service didn’t answer in time", "You’re still signed in.", "", "Try again", ""},
	"the connection breaks": {losesRequests, 502, "The connection to the key service broke",
		"You’re still signed in.", "", "Try again", ""},
	"the answer breaks off": {breaksOff, 502, "The connection to the key service broke", "You’re still signed in.", "", "Try again", ""},
	"its certificate is not trusted": {isAStranger, 502, "The secure connection to the key service failed",
		"Nothing was changed, and you’re still signed in. Tell the administrator of this server.", "", "Try again", ""},
	"500": {says(500, `{"error":"secret-host"}`), 502, "The key service gave an answer we can’t use",
		"You’re still signed in.", "", "Try again", ""},
	"502 with a page": {says(502, "<h1>secret-host</h1>"), 502, "The key service gave an answer we can’t use",
		"You’re still signed in.", "", "Try again", ""},
	"503 with a page": {says(503, "<h1>secret-host</h1>"), 502, "The key service gave an answer we can’t use",
		"You’re still signed in.", "", "Try again", ""},
	"503": {says(503, `{"error":"secret-host"}`), 503, "The key service is busy",
		"Nothing was changed. Wait a little before you try again.", "", "Try again", "30"},
	"503 of a full disk": {says(503, `{"error":"secret-host","error_code":"StorageUnavailable"}`), 503, "The key service can’t read or save anything right now",
		"Nothing was changed. If this lasts, tell the administrator of this server.", "", "Try again", "30"},
	"429": {says(429, "secret-host"), 503, "The key service is busy",
		"Nothing was changed. Wait a little before you try again.", "", "Try again", "30"},
	"503 that names a time": {asksForTime(503, "7"), 503, "The key service is busy",
		"Nothing was changed. Try again in 7 s.", "", "Try again", "7"},
	"429 that names no time": {asksForTime(429, "soon"), 503, "The key service is busy",
		"Nothing was changed. Wait a little before you try again.", "", "Try again", "30"},
	"403": {says(403, "secret-host"), 403, "Keys can’t be managed from here",
		"You’re signed in anonymously or with a key, and keys can’t manage keys. Sign out, then sign in with your email and password.", "", "", ""},
	"404": {says(404, `{"error":"secret-host"}`), 404, "Key not found",
		"It may have been deleted somewhere else, or the address may be incomplete.", "/keys", "Go to your keys", ""},
	"400": {says(400, `{"error":"secret-host"}`), 502, "The key service gave an answer we can’t use", "You’re still signed in.", "", "Try again", ""},
	"302": {says(302, ""), 502, "The key service gave an answer we can’t use", "You’re still signed in.", "", "Try again", ""},
	"200 with a page": {says(200, "<h1>secret-host</h1>"), 502, "The key service gave an answer we can’t use",
		"You’re still signed in.", "", "Try again", ""},
	"200 with nothing": {says(200, ""), 502, "The key service gave an answer we can’t use", "You’re still signed in.", "", "Try again", ""},
	"200 with an error": {says(200, `{"error":"secret-host"}`), 502, "The key service gave an answer we can’t use",
		"You’re still signed in.", "", "Try again", ""},
	"10 MB": {says(200, "{"+strings.Repeat(" ", 10<<20)), 502, "The key service gave an answer we can’t use",
		"You’re still signed in.", "", "Try again", ""},
}

func TestEveryKindOfErrorHasItsStatusAndWords(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for name, c := range kinds {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			p.upstream.heal()
			p.upstream.breaks(fetchKey, c.fault)
			p.logs.Reset()
			a := b.get("/keys/" + key.ID).want(c.status)
			if a.text("h1") != c.heading || a.text("main section p") != c.text || !strings.HasPrefix(a.text("title"), c.heading) {
				t.Errorf("heading %q, text %q, title %q", a.text("h1"), a.text("main section p"), a.text("title"))
			}
			link := c.link
			if c.linkText != "" && link == "" {
				link = "/keys/" + key.ID
			}
			if a.attr("main a.button", "href") != link || a.text("main a.button") != c.linkText {
				t.Errorf("leads to %q, %q", a.attr("main a.button", "href"), a.text("main a.button"))
			}
			if got := a.header.Get("Retry-After"); got != c.retryAfter {
				t.Errorf("Retry-After is %q", got)
			}
			part := b.htmx().get("/keys/" + key.ID).want(c.status).isPart()
			if got := part.text(".notice p"); got != c.heading+" "+c.text && got != c.heading+c.text {
				t.Errorf("the notice says %q", got)
			}
			for _, answer := range []answer{a, part} {
				answer.keepsQuiet("secret-host", "10.9.8.7", "keys.internal", "refused", "EOF", "timeout", "x509", "GET ")
				wantReference := ""
				if c.status >= 500 {
					wantReference = answer.header.Get("X-Request-Id")
				}
				if got := answer.text("main code, .notice code"); got != wantReference {
					t.Errorf("the reference is %q, want %q", got, wantReference)
				}
			}
			want := `"level":"ERROR","msg":"request failed"`
			if strings.HasPrefix(c.heading, "The secure connection") {
				want = `"level":"ERROR","msg":"secure connection to the key service failed"`
			}
			if logged := strings.Contains(p.logs.String(), want); logged != (c.status >= 500) {
				t.Errorf("logged as an error: %v: %s", logged, p.logs)
			}
		})
	}
	p.upstream.heal()
	b.get("/keys/" + key.ID).want(http.StatusOK) // still signed in after all of it
}

func TestEveryErrorOfOurOwnHasItsStatusAndWords(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	stranger := p.browser()
	for name, c := range map[string]struct {
		a       answer
		status  int
		heading string
	}{
		"no such page":                         {b.get("/nowhere"), 404, "Page not found"},
		"no such page, nobody signed in":       {stranger.get("/nowhere"), 404, "Page not found"},
		"no such page below one, nobody there": {stranger.get("/keys/a/b/c"), 404, "Page not found"},
		"no such act":                          {b.post("/keys/0123456789abcdef01234567/explode", nil), 404, "Page not found"},
		"posting to a page":                    {b.post("/logs", nil), 405, "That can’t be done here"},
		"reading an act":                       {b.get("/logout"), 405, "That can’t be done here"},
		"another method":                       {b.send(b.request(http.MethodDelete, "/keys", nil)), 405, "That can’t be done here"},
		"another method, nobody signed in":     {stranger.send(stranger.request(http.MethodDelete, "/keys", nil)), 405, "That can’t be done here"},
		"too much":                             {b.post("/keys", map[string][]string{"name": {strings.Repeat("x", 65<<10)}}), 413, "That’s too much at once"},
		"another site":                         {b.with("Sec-Fetch-Site", "cross-site").post("/logout", nil), 403, "This request came from another site"},
	} {
		c.a.on(t).want(c.status).says("h1", c.heading).says("title", c.heading)
		if got := c.a.attr("main a.button", "href"); got != "/keys" {
			t.Errorf("%s: leads to %q", name, got)
		}
		if signedIn := !strings.Contains(name, "nobody"); signedIn && (c.status == 404 || c.status == 405) && (c.a.text(".who") != email || c.a.has("[aria-current]")) {
			t.Errorf("%s: the way around is gone, or says that it is a page of it", name)
		}
		if c.a.has("main code") {
			t.Errorf("%s: has a reference, as if it were our fault", name)
		}
	}
}

func TestWhereTheAdministratorCanBeReachedErrorsLeadThere(t *testing.T) {
	t.Parallel()
	p := newProgram(t, reachable)
	who := p.person(email)
	if err := p.store.DisableUser(t.Context(), who.id, p.clock.Now()); err != nil {
		t.Fatal(err)
	}
	disabled := p.browser().post("/login", credentials(email, password)).says("#password-error", "Ask the administrator.")
	p.refuses["register"] = &model.Error{Kind: model.KindStorageDown}
	down := p.browser().post("/register", credentials("bob@example.com", password)).want(http.StatusServiceUnavailable)
	down.says("h1", "This server can’t read or save anything right now").says("main", "If this lasts, tell the administrator.")
	for _, a := range []answer{disabled, down} {
		if got := a.attr("main a[href^=mailto]", "href"); got != "mailto:ada@example.com" {
			t.Errorf("the administrator is at %q", got)
		}
	}
}

func TestALogReferenceIsShownWhenItIsOne(t *testing.T) {
	t.Parallel()
	b := newProgram(t).browser()
	const id = "6a5f00c0ffee00c0ffee00c0"
	b.get("/logs?co_id="+id).want(http.StatusOK).says("main code", id)
	for _, odd := range []string{"", "x", id + "0", strings.ToUpper(id), "%3Cscript%3Ealert(1)%3C/script%3E", "call-555-now-for-support"} {
		b.get("/logs?co_id="+odd).want(http.StatusOK).lacks("main code", "main script").says("h1", "This names an entry in the server’s log")
	}
}

func TestAnUnknownAppIsAFaultOfTheSetUpAndNoMissingKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	who := p.person(email)
	p.upstream.breaks("GET location", says(404, `{"error":"cannot find app using Client App ID 'secret-host'"}`))
	a := p.browser().post("/login", credentials(who.email, password))
	if a.status != http.StatusBadGateway || strings.Contains(a.body, "secret-host") {
		t.Errorf("status %d: %s", a.status, a.text("main"))
	}
}

// on is the same answer, reporting to another test.
func (a answer) on(t testing.TB) answer {
	a.t = t
	return a
}
