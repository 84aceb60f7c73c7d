package faults

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/e2e/story"
)

// cell is one mishap that one act of a person meets, with script or without.
type cell struct {
	x      *matrix
	m      mishap
	want   effect
	act    act
	script bool
	first  bool // of this person's

	at  visitor
	who *story.Person
	// token is the one with which the dashboard asks for the person.
	token       string
	made        string // the name of the key to make
	on, deleted string // the ids of the keys to turn off and to delete
}

func (c *cell) String() string {
	return fmt.Sprintf("%s, %s, with script: %v", c.m.name, c.act, c.script)
}

// comes brings a person to the keys page, the same one as for the cell before unless all cells meet the mishap at once.
func (c *cell) comes(t *testing.T, before *cell, come coming) {
	t.Helper()
	c.made = "new-" + strings.ReplaceAll(string(c.act), " ", "-")
	if before != nil && !c.m.slow {
		c.at, c.who = before.at, before.who
		return
	}
	c.first = true
	c.x.people++
	c.who = c.x.program.PersonNamed(t, fmt.Sprintf("person-%d@example.com", c.x.people))
	c.x.program.UsedKeys(t, c.who, "porch-cam", "garage", "attic", "shed", "cellar", "gate") // as many as a search takes
	c.at = come(t, c.x.program, c.who, c.script)
}

// t is the test that the cell reports to.
func (c *cell) t() *testing.T { return c.at.reportsTo() }

const (
	keyNames  = "#keys .key a.name"
	nameInput = "#name"
)

// getsReady goes as far as the act itself.
func (c *cell) getsReady() {
	c.t().Helper()
	if c.first { // the cell before ended there
		c.at.visits("/keys")
	}
	c.at.sees(keyNames, "porch-cam")
	c.on, c.deleted = c.idOf("porch-cam"), c.idOf("garage")
	switch c.act {
	case create:
		c.at.presses(`#ways a[href="/keys/new"]`)
		c.at.types(nameInput, c.made)
	case remove:
		c.at.presses("#key-" + c.deleted + " summary")
		c.at.presses("#key-" + c.deleted + " .menu a.danger")
		c.at.sees("h1, h2", "Delete garage?")
		c.at.types("[data-typed]", "garage")
	}
	c.token = c.x.upstream.TokenOf(c.who)
}

// idOf is the id of a key in the list, "" when it is not there.
func (c *cell) idOf(name string) string {
	c.t().Helper()
	return strings.TrimPrefix(c.at.leadsTo(keyNames, name), "/keys/")
}

func (c *cell) breaks() {
	if c.m.breaks != nil {
		c.x.upstream.Recovers() // begins to count
		c.m.breaks(c.x)
		return
	}
	if c.m.fault == nil {
		c.x.upstream.Recovers()
		return
	}
	fits := c.act.concerns
	if c.m.all {
		fits = func(*http.Request) bool { return true }
	}
	f := story.Of(c.token, fits, c.m.fault(c.x))
	if c.m.slow {
		c.x.upstream.Adds(f)
		return
	}
	c.x.upstream.Breaks(f)
}

// begins acts, and waits for nothing.
func (c *cell) begins() {
	c.t().Helper()
	c.at.begins()
	switch c.act {
	case list:
		if c.script {
			c.at.types("#q", "porch")
			return
		}
		c.at.presses("a.brand")
	case lookUp:
		c.at.presses("#key-" + c.on + " a.name")
	case create:
		c.at.presses("form.create .primary")
	case turnOff:
		c.at.presses("#switch-" + c.on)
	case remove:
		c.at.presses(`form[action="/keys/` + c.deleted + `/delete"] .danger`)
	}
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
	c.t().Helper()
	status := c.reads()
	c.at.expects(status)
	if !c.want.over {
		c.answered(status)
	}
	c.asked()
	content := c.at.html()
	for _, secret := range []string{"Boom", "upstream.test", "x509", "refused", "no such host", "invalid session", "slow down"} {
		if !c.want.fine && strings.Contains(content, secret) {
			c.t().Errorf("%s: the page says %q", c, secret)
		}
	}
}

// reads waits for the words of the cell and gives the status that goes with them.
func (c *cell) reads() int {
	c.t().Helper()
	switch {
	case c.want.over:
		c.at.sees("h1", "Sign in")
		c.at.sees(".notice[role=group] strong", "The key service ended your session. Sign in to continue.")
		return http.StatusOK
	case c.want.fine:
		return c.readsSuccess()
	case c.want.own:
		return c.readsProblem(c.want.heading, c.want.text)
	}
	switch c.act {
	case list:
		c.at.shows("#keys .notice p", "We couldn’t read your keys. "+c.want.heading+". "+c.want.text)
		for _, untrue := range []string{"No keys yet", "No key matches", "0 of 20"} {
			c.at.lacks(untrue)
		}
		return c.want.status
	case create:
		return c.readsOfCreate()
	case turnOff, remove:
		if c.want.unclear && c.want.acted {
			return c.readsSuccess()
		}
		if c.want.unclear && c.act == turnOff {
			c.at.shows("#status", "Nothing changed: porch-cam is still on.")
			return c.actStatus()
		}
		if c.want.unclear {
			return c.readsProblem("garage was not deleted", "The key service didn’t answer properly, and the key is still there. You can try again.")
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
	c.t().Helper()
	switch c.act {
	case list:
		c.at.sees(keyNames, "porch-cam")
		return http.StatusOK
	case lookUp:
		c.at.shows("main h1", "porch-cam")
		return http.StatusOK
	case create:
		c.at.shows("#once-title", c.made+" is ready. Save its value now")
		if c.script {
			c.at.presses("[data-once=download]")
		} else {
			c.at.presses(".done input")
		}
		c.at.presses(".done button")
		c.at.sees(keyNames, c.made)
		return http.StatusOK
	case turnOff:
		c.at.shows("#status", "porch-cam is off. It can’t sign in.")
	case remove:
		c.at.shows("#status", "garage was deleted.")
	}
	return c.actStatus()
}

// readsOfCreate is what the form says of a key that was not created, or may have been.
func (c *cell) readsOfCreate() int {
	c.t().Helper()
	told, place := "No key was created. "+c.want.again, "#notice .notice p"
	if c.script {
		place = "#dialog .notice p"
	}
	switch {
	case c.want.full:
		c.at.shows("#status", c.made+" was not created: you have 20 of 20 keys.")
		return c.actStatus()
	case c.want.field != "":
		c.at.shows("#name-error", c.want.field)
		c.keepsTheName()
		return c.want.status
	case c.want.unclear && c.want.acted: // there is something to do in the list
		c.at.shows("#notice .notice p", c.want.heading+". "+c.made+" was created, but its value was lost. Delete it and create it again.")
		c.at.sees("a", "Delete "+c.made+"…")
		c.at.sees(keyNames, c.made)
		return c.want.status
	case c.want.unclear:
		told = "Your list has no key named " + c.made + ": it was not created. You can send the form again."
	}
	c.at.shows(place, strings.TrimSpace(c.want.heading+". "+told))
	if c.script && c.want.unread { // around the dialog
		c.at.shows("#keys .notice p", "We couldn’t read your keys. "+c.want.heading+". "+c.want.text)
	} else if c.script {
		c.at.sees(keyNames, "attic")
	}
	c.keepsTheName()
	return c.want.status
}

func (c *cell) keepsTheName() {
	c.t().Helper()
	c.at.holds(nameInput, c.made)
}

// readsProblem is a notice above the page that is there, or a page of its own.
func (c *cell) readsProblem(heading, text string) int {
	c.t().Helper()
	switch {
	case c.script && c.act == turnOff && c.want.status == http.StatusNotFound:
		c.at.shows("li.gone p", "This key was deleted in another place. It can no longer sign anything in.")
	case c.script && c.act != lookUp:
		c.at.shows("#notice .notice p", heading+" "+text)
	default:
		c.at.shows("main h1", heading)
		c.at.shows("main section p", text)
	}
	return c.want.status
}

// answered waits for the act's answer to have the status.
func (c *cell) answered(status int) {
	c.t().Helper()
	if got := c.at.answered(c.line()); got != status {
		c.t().Errorf("%s: %s was answered %d, want %d", c, c.line(), got, status)
	}
}

// asked checks how often the key service was asked for what the act is about, and whether the session lives.
func (c *cell) asked() {
	c.t().Helper()
	want := 1
	switch {
	case c.want.unread, c.want.over && (c.act == create || c.act == remove): // it got no further than to read
		want = 0
	case c.want.twice && c.act.asks(), c.want.resent:
		want = 2
	}
	if got := c.x.upstream.CountOf(c.token, c.act.fits); got != want {
		c.t().Errorf("%s: asked %d times, want %d: %s", c, got, want, c.x.upstream)
	}
	renewals := 0
	if c.want.resent && c.first { // the acts of one person take less than a minute
		renewals = 1
	}
	if got := c.x.upstream.CountOf(c.token, func(line string) bool { return line == sessionAPI }); got != renewals && !c.want.over {
		c.t().Errorf("%s: asked %d times whether the session lives, want %d", c, got, renewals)
	}
}

func (c *cell) mends() {
	if c.m.mends != nil {
		c.m.mends(c.x)
	}
	c.x.upstream.Recovers()
}

// isStillSignedIn checks that the person can go on as if nothing had been, and that what they were told is true.
func (c *cell) isStillSignedIn() {
	c.t().Helper()
	if c.want.over {
		c.at.types("#email", c.who.Email)
		c.at.types("#password", story.Password)
		c.at.presses(`form[action="/login"] .primary`)
		c.at.sees("header .who", c.who.Email)
		if c.act == create {
			c.keepsTheName()
		}
	}
	if c.want.wait > 0 {
		c.waits()
	}
	c.at.visits("/keys")
	c.at.sees(keyNames, "attic")
	if !c.want.untrue {
		c.checksTheKeys()
	}
}

// waits comes back too early, which the key service must not notice, and then in time.
func (c *cell) waits() {
	c.t().Helper()
	c.at.visits("/keys")
	if said := c.at.text("#keys .notice p"); !sentAgain.MatchString(said) {
		c.t().Errorf("%s: who comes back too early reads %q", c, said)
	}
	if n := c.x.upstream.CountOf(c.token, func(string) bool { return true }); n != 0 {
		c.t().Errorf("%s: the key service is asked %d times before its time", c, n)
	}
	c.x.clock.Advance(c.want.wait + time.Second)
}

// checksTheKeys compares what the key service has with what the person was told.
func (c *cell) checksTheKeys() {
	c.t().Helper()
	acted := c.want.fine || c.want.acted
	made, off, deleted := false, false, true
	for _, key := range c.who.List(c.t()) {
		made = made || key.Name == c.made
		off = off || key.Name == "porch-cam" && key.Disabled
		deleted = deleted && key.Name != "garage"
	}
	if is := map[act]bool{create: made, turnOff: off, remove: deleted}; !c.act.asks() && is[c.act] != acted {
		c.t().Errorf("%s: done: %v, want %v", c, is[c.act], acted)
	}
}
