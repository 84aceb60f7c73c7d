package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// cell is one mishap that one act of a person meets, in one kind of browser.
type cell struct {
	x      *matrix
	m      mishap
	want   effect
	act    act
	script bool
	first  bool // of this person's

	page *page
	who  *person
	seen *statuses
	// token is the one with which the dashboard asks for the person.
	token       string
	made        string // the name of the key to make
	on, deleted string // the ids of the keys to turn off and to delete
}

func (c *cell) String() string {
	return fmt.Sprintf("%s, %s, with script: %v", c.m.name, c.act, c.script)
}

// statuses are those of a page's answers, by "METHOD /path".
type statuses struct {
	mu  sync.Mutex
	all map[string]int
}

func (s *statuses) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = map[string]int{}
}

func (s *statuses) of(line string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[line]
}

func watchStatuses(p *page) *statuses {
	s := &statuses{all: map[string]int{}}
	p.OnResponse(func(r playwright.Response) {
		path, _, _ := strings.Cut(strings.TrimPrefix(r.URL(), p.program.url), "?")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all[r.Request().Method()+" "+path] = r.Status()
	})
	return s
}

// comes brings a person to the keys page, the same one as for the cell before unless all cells meet the mishap at once.
func (c *cell) comes(t *testing.T, before *cell, script option) {
	t.Helper()
	c.made = "new-" + strings.ReplaceAll(string(c.act), " ", "-")
	if before != nil && !c.m.slow {
		c.page, c.who, c.seen = before.page, before.who, before.seen
		return
	}
	c.first = true
	c.x.people++
	c.who = c.x.program.personNamed(t, fmt.Sprintf("person-%d@example.com", c.x.people))
	c.x.program.usedKeys(t, c.who, "porch-cam", "garage", "attic", "shed", "cellar", "gate") // as many as a search takes
	c.page = c.x.program.open(t, script, signedIn(c.who))
	c.seen = watchStatuses(c.page)
}

// getsReady goes as far as the act itself.
func (c *cell) getsReady() {
	p := c.page
	p.t.Helper()
	if c.first { // the cell before ended there
		p.visit("/keys")
	}
	p.sees(p.row("porch-cam"))
	c.on, c.deleted = p.keyID("porch-cam"), p.keyIDOr("garage")
	switch c.act {
	case create:
		p.fill("Name of the device or service", c.made)
	case remove:
		p.press(p.menu("garage", "Delete…"))
		p.sees(p.heading("Delete garage?"))
	}
	c.token = c.x.upstream.tokenOf(c.who)
}

// keyIDOr is the id of a key in the list, "" when it is not there.
func (p *page) keyIDOr(name string) string {
	p.t.Helper()
	if n, err := p.row(name).Count(); err != nil || n == 0 {
		return ""
	}
	return p.keyID(name)
}

func (c *cell) breaks() {
	if c.m.breaks != nil {
		c.x.upstream.recovers() // begins to count
		c.m.breaks(c.x)
		return
	}
	if c.m.fault == nil {
		c.x.upstream.recovers()
		return
	}
	fits := c.act.concerns
	if c.m.all {
		fits = func(*http.Request) bool { return true }
	}
	f := of(c.token, fits, c.m.fault(c.x))
	if c.m.slow {
		c.x.upstream.adds(f)
		return
	}
	c.x.upstream.breaks(f)
}

// begins acts, and waits for nothing.
func (c *cell) begins() {
	p := c.page
	p.t.Helper()
	c.seen.clear()
	switch c.act {
	case list:
		if c.script {
			p.fill("Search keys", "porch")
			return
		}
		c.clicks(p.link("Latchkey"))
	case lookUp:
		c.clicks(p.link("porch-cam"))
	case create:
		c.clicks(p.button("Create key"))
	case turnOff:
		c.clicks(p.toggle("porch-cam"))
	case remove:
		c.clicks(p.button("Delete garage"))
	}
}

// clicks does not wait for the page that follows, which may take as long as the program has patience.
func (c *cell) clicks(what playwright.Locator) {
	c.page.t.Helper()
	now := playwright.LocatorClickOptions{NoWaitAfter: playwright.Bool(true), Timeout: playwright.Float(patience)} //nolint:staticcheck // until it is the default
	c.page.must(what.Click(now))
}

// line is the request that the act is.
func (c *cell) line() string {
	return map[act]string{
		list: "GET /keys", lookUp: "GET /keys/" + c.on, create: "POST /keys",
		turnOff: "POST /keys/" + c.on + "/turn-off", remove: "POST /keys/" + c.deleted + "/delete",
	}[c.act]
}

// isToldTheTruth checks what the person sees, what the answer is, and what was asked of the key service.
func (c *cell) isToldTheTruth() {
	p := c.page
	p.t.Helper()
	status := c.reads()
	if status >= http.StatusBadRequest {
		p.expects(status)
	}
	if !c.want.over {
		c.answered(status)
	}
	c.asked()
	content, err := p.Content()
	p.must(err)
	for _, secret := range []string{"Boom", "upstream.test", "x509", "refused", "no such host", "invalid session", "slow down"} {
		if !c.want.fine && strings.Contains(content, secret) {
			p.t.Errorf("%s: the page says %q", c, secret)
		}
	}
}

// reads waits for the words of the cell and gives the status that goes with them.
func (c *cell) reads() int {
	c.page.t.Helper()
	switch {
	case c.want.over:
		c.page.sees(c.page.heading("Sign in"))
		c.page.sees(c.page.role("group", "The key service has ended your session. Sign in to go on."))
		return http.StatusOK
	case c.want.fine:
		return c.readsSuccess()
	case c.want.own:
		return c.readsProblem(c.want.heading, c.want.text)
	}
	switch c.act {
	case list:
		c.shows(c.page.Locator("#keys .notice p"), "We could not read your keys. "+c.want.heading+". "+c.want.text)
		for _, untrue := range []string{"No keys yet", "No key’s name contains", "0 of 20 keys used"} {
			c.page.lacks(c.page.GetByText(untrue))
		}
		return c.want.status
	case create:
		return c.readsOfCreate()
	case turnOff, remove:
		if c.want.unclear && c.want.acted {
			return c.readsSuccess()
		}
		if c.want.unclear && c.act == turnOff {
			c.page.says("Nothing changed: porch-cam is still on.")
			return c.actStatus()
		}
		if c.want.unclear {
			return c.readsProblem("garage was not deleted", "The key service did not answer properly, and the key is still there. You can try again.")
		}
	}
	return c.readsProblem(c.want.heading, c.want.text)
}

// actStatus is that of an act whose outcome is drawn where it was done, or on the page that follows.
func (c *cell) actStatus() int {
	if c.script {
		return http.StatusOK
	}
	return http.StatusSeeOther
}

func (c *cell) readsSuccess() int {
	p := c.page
	p.t.Helper()
	switch c.act {
	case list:
		p.sees(p.row("porch-cam"))
		return http.StatusOK
	case lookUp:
		c.shows(p.Locator("main h1"), "porch-cam")
		return http.StatusOK
	case create:
		p.sees(p.heading("Save this key now"))
		p.saveKey()
		return http.StatusOK
	case turnOff:
		c.shows(p.Locator("#status"), "porch-cam is off. It can no longer sign in.")
	case remove:
		c.shows(p.Locator("#status"), "garage was deleted.")
	}
	return c.actStatus()
}

// readsOfCreate is what the form's page says of a key that was not made, or may have been.
func (c *cell) readsOfCreate() int {
	p := c.page
	p.t.Helper()
	told := "No key was made. " + c.want.again
	switch {
	case c.want.field != "":
		c.shows(p.Locator("#name-error"), c.want.field)
		c.keepsTheName()
		return c.want.status
	case c.want.notice != "":
		c.shows(p.Locator("#notice .notice p"), c.want.notice)
		c.keepsTheName()
		return c.want.status
	case c.want.unclear && c.want.acted:
		told = c.made + " was created, but its value was lost. Delete it and create it again."
		p.sees(p.link("Delete " + c.made + "…"))
	case c.want.unclear:
		told = "Your list has no key named " + c.made + ": it was not made. You can send the form again."
	}
	c.shows(p.Locator("#notice .notice p"), strings.TrimSpace(c.want.heading+". "+told))
	if c.want.unread {
		c.shows(p.Locator("#keys .notice p"), "We could not read your keys. "+c.want.heading+". "+c.want.text)
	} else {
		p.sees(p.row("attic"))
	}
	c.keepsTheName()
	return c.want.status
}

func (c *cell) keepsTheName() {
	c.page.t.Helper()
	c.page.must(expect.Locator(c.page.field("Name of the device or service")).ToHaveValue(c.made))
}

// readsProblem is a notice above the page that is there, or a page of its own.
func (c *cell) readsProblem(heading, text string) int {
	p := c.page
	p.t.Helper()
	switch {
	case c.script && c.act == turnOff && c.want.status == http.StatusNotFound:
		c.shows(p.Locator("li.gone p"), "This key was deleted in another place. It can no longer sign anything in.")
	case c.script && c.act != lookUp:
		c.shows(p.Locator("#notice .notice p"), heading+" "+text)
	default:
		c.shows(p.Locator("main h1"), heading)
		c.shows(p.Locator("main section p"), text)
	}
	return c.want.status
}

// answered waits for the act's answer to have the status.
func (c *cell) answered(status int) {
	c.page.t.Helper()
	got := 0
	for range 100 {
		if got = c.seen.of(c.line()); got != 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got != status {
		c.page.t.Errorf("%s: %s was answered %d, want %d", c, c.line(), got, status)
	}
}

// asked checks how often the key service was asked for what the act is about, and whether the session lives.
func (c *cell) asked() {
	c.page.t.Helper()
	want := 1
	switch {
	case c.want.unread, c.want.over && (c.act == create || c.act == remove): // it got no further than to read
		want = 0
	case c.want.twice && c.act.asks(), c.want.resent:
		want = 2
	}
	if got := c.x.upstream.countOf(c.token, c.act.fits); got != want {
		c.page.t.Errorf("%s: asked %d times, want %d: %s", c, got, want, c.x.upstream)
	}
	renewals := 0
	if c.want.resent && c.first { // the acts of one person take less than a minute
		renewals = 1
	}
	if got := c.x.upstream.countOf(c.token, func(line string) bool { return line == sessionAPI }); got != renewals && !c.want.over {
		c.page.t.Errorf("%s: asked %d times whether the session lives, want %d", c, got, renewals)
	}
}

func (c *cell) mends() {
	if c.m.mends != nil {
		c.m.mends(c.x)
	}
	c.x.upstream.recovers()
}

// isStillSignedIn checks that the person can go on as if nothing had been, and that what they were told is true.
func (c *cell) isStillSignedIn() {
	p := c.page
	p.t.Helper()
	if c.want.over {
		p.fill("E-mail", c.who.email)
		p.fill("Password", password)
		p.press(p.button("Sign in"))
		p.sees(p.button("Sign out"))
		if c.act == create {
			c.keepsTheName()
		}
	}
	if c.want.wait > 0 {
		c.waits()
	}
	p.visit("/keys")
	p.sees(p.row("attic"))
	if !c.want.untrue {
		c.checksTheKeys()
	}
}

// waits comes back too early, which the key service must not notice, and then in time.
func (c *cell) waits() {
	p := c.page
	p.t.Helper()
	p.visit("/keys")
	said, err := p.Locator("#keys .notice p").First().TextContent()
	p.must(err)
	if !sentAgain.MatchString(strings.Join(strings.Fields(said), " ")) {
		p.t.Errorf("%s: who comes back too early reads %q", c, said)
	}
	if n := c.x.upstream.countOf(c.token, func(string) bool { return true }); n != 0 {
		p.t.Errorf("%s: the key service is asked %d times before its time", c, n)
	}
	c.x.clock.advance(c.want.wait + time.Second)
}

// checksTheKeys compares what the key service has with what the person was told.
func (c *cell) checksTheKeys() {
	c.page.t.Helper()
	acted := c.want.fine || c.want.acted
	made, off, deleted := false, false, true
	for _, key := range c.who.list(c.page.t) {
		made = made || key.Name == c.made
		off = off || key.Name == "porch-cam" && key.Disabled
		deleted = deleted && key.Name != "garage"
	}
	if is := map[act]bool{create: made, turnOff: off, remove: deleted}; !c.act.asks() && is[c.act] != acted {
		c.page.t.Errorf("%s: done: %v, want %v", c, is[c.act], acted)
	}
}
