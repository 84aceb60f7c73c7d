package faults

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// mishap is one thing that a key service, or the way to it, can do to us, and what a person then is told.
type mishap struct {
	name string
	// fault answers the requests that are about the act, or all requests.
	fault func(*matrix) story.Fault
	all   bool
	// breaks and mends are for what no answer can bring about.
	breaks, mends func(*matrix)
	// ahead is by how much the dashboard's clock is ahead of the key service's, 0 for as much as usually. The key service's own clock
	// is right, since the ids that it makes in this process never go back.
	ahead time.Duration
	// sealed says that the key service is reached by TLS.
	sealed bool
	// slow mishaps take as long as the program has patience, so that all acts meet them at the same time.
	slow bool
	acts []act // nil: all of them

	effect
}

// effect is what a mishap means for every act alike. The words of each cell follow from it.
type effect struct {
	fine          bool // nobody notices anything
	over          bool // the session is
	own           bool // it is about who asks, and not about the keys
	status        int
	heading, text string
	again         string // when to try again, if the key service said so
	unclear       bool   // an act may have happened
	acted         bool   // and has
	late          bool   // and may happen yet
	unread        bool   // nothing can be read either
	twice         bool   // what only asks is sent a second time
	resent        bool   // so is everything else
	wait          time.Duration
	field         string // what stands at the field for the name in place of all this
	full          bool   // there is no room for another key
	untrue        bool   // the key service lies, and we believe it
	exceptions    map[act]effect
}

// act is what a person does.
type act string

const (
	list    act = "list"
	lookUp  act = "look up"
	create  act = "create"
	turnOff act = "turn off"
	remove  act = "delete"
)

var everyAct = []act{list, lookUp, create, turnOff, remove}

const (
	keysAPI     = "/api/client/v2.0/auth/api_keys"
	sessionAPI  = "POST /api/client/v2.0/auth/session"
	stillHere   = "You’re still signed in."
	waitALittle = "Wait a little before you try again."
)

// fits says whether a request is what the act is about.
func (a act) fits(line string) bool {
	method, path, _ := strings.Cut(line, " ")
	switch a {
	case list:
		return line == "GET "+keysAPI
	case lookUp:
		return method == http.MethodGet && strings.HasPrefix(path, keysAPI+"/")
	case create:
		return line == "POST "+keysAPI
	case turnOff:
		return method == http.MethodPut
	default:
		return method == http.MethodDelete && strings.HasPrefix(path, keysAPI+"/")
	}
}

func (a act) concerns(r *http.Request) bool { return a.fits(r.Method + " " + r.URL.Path) }

// asks says whether the act changes nothing.
func (a act) asks() bool { return a == list || a == lookUp }

func simply(f story.Fault) func(*matrix) story.Fault { return func(*matrix) story.Fault { return f } }

// mishaps is the table. Its rows are those of the project's list of faults, F1 to F18.
func mishaps() []mishap {
	unreachable := effect{status: 502, heading: "We can’t reach the key service", text: "Nothing was changed, and you’re still signed in.", unread: true}
	insecure := effect{status: 502, heading: "The secure connection to the key service failed", unread: true,
		text: "Nothing was changed, and you’re still signed in. Tell the administrator of this server."}
	late := effect{status: 504, heading: "The key service didn’t answer in time", text: stillHere, unclear: true, acted: true, late: true}
	broken := effect{status: 502, heading: "The connection to the key service broke", text: stillHere, unclear: true}
	unusable := effect{status: 502, heading: "The key service gave an answer we can’t use", text: stillHere, unclear: true}
	refused := unusable.with(func(o *effect) { o.unclear = false })
	busy := func(wait int) effect {
		again := "Try again in " + strconv.Itoa(wait) + " s."
		return effect{status: 503, heading: "The key service is busy", text: "Nothing was changed. " + again, again: again, wait: time.Duration(wait) * time.Second}
	}
	didAct := func(o *effect) { o.acted = true }
	some, reading := []act{list, create}, []act{list, lookUp, create}
	return []mishap{
		{name: "F1 nobody listens", breaks: (*matrix).closes, mends: (*matrix).opensAgain, effect: unreachable},
		{name: "F2 its name is not known", sealed: true, breaks: (*matrix).losesItsName, mends: (*matrix).isItselfAgain, effect: unreachable},
		{name: "F3 its certificate is a stranger's", sealed: true, breaks: (*matrix).isAStranger, mends: (*matrix).isItselfAgain, effect: insecure},
		{name: "F3 its certificate has expired", sealed: true, breaks: (*matrix).hasExpired, mends: (*matrix).isItselfAgain, acts: some, effect: insecure},
		{name: "F3 its certificate is for another name", sealed: true, breaks: (*matrix).isSomebodyElse, mends: (*matrix).isItselfAgain, acts: some, effect: insecure},
		{name: "F4 it says nothing", fault: simply(story.Then(story.IsSilent)), slow: true, effect: late},
		{name: "F5 it hangs up, having done nothing", fault: simply(story.Resets), effect: broken.with(func(o *effect) { o.twice = true })},
		{name: "F5 it hangs up, having acted", fault: simply(story.Then(story.Resets)), acts: []act{create, turnOff, remove}, effect: broken.with(didAct)},
		{name: "F6 it hangs up in the middle", fault: simply(story.CutsAnswer), effect: broken.with(didAct)},
		{name: "F7 500 with a page", fault: simply(story.Says(500, "<h1>Boom</h1>")), effect: unusable},
		{name: "F7 502 with a page", fault: simply(story.Says(502, "<h1>Boom</h1>")), acts: some, effect: unusable},
		{name: "F7 503 with a page", fault: simply(story.Says(503, "<h1>Boom</h1>")), acts: some, effect: unusable},
		{name: "F8 429 for 30 seconds", fault: simply(story.AsksForTime(func(time.Time) string { return "30" })), effect: busy(30)},
		{name: "F8 429 until a date", acts: some, effect: busy(30), fault: simply(story.AsksForTime(func(now time.Time) string {
			return now.Add(30 * time.Second).Format(http.TimeFormat)
		}))},
		{name: "F8 429 with junk", acts: some, fault: simply(story.AsksForTime(func(time.Time) string { return "soon; 30" })),
			effect: effect{status: 503, heading: "The key service is busy", text: "Nothing was changed. " + waitALittle, again: waitALittle}},
		{name: "F8 429 for thirty years", acts: some, fault: simply(story.AsksForTime(func(time.Time) string { return "1000000000" })), effect: busy(300)},
		{name: "F9 half the JSON", fault: simply(story.TruncatesAnswer), effect: unusable.with(didAct)},
		{name: "F10 200 with a page", fault: simply(story.Says(200, "<h1>Boom</h1>")), effect: unusable},
		{name: "F11 a byte a second", fault: simply(story.Then(story.Drips)), slow: true, effect: late},
		{name: "F12 ten megabytes", fault: simply(story.Then(story.Floods)), effect: unusable.with(didAct)},
		{name: "F13 401 once", fault: func(*matrix) story.Fault { return story.SlipsOnce() }, effect: effect{fine: true, resent: true}},
		{name: "F14 401 to everything", all: true, fault: simply(story.Says(401, `{"error":"invalid session","error_code":"InvalidSession"}`)), effect: effect{over: true}},
		{name: "F15 403", fault: simply(story.Says(403, "")), effect: effect{own: true, status: 403, heading: "Keys can’t be managed from here",
			text: "You’re signed in anonymously or with a key, and keys can’t manage keys. Sign out, then sign in with your email and password."}},
		{name: "F15 404", fault: simply(story.Says(404, `{"error":"API key not found","error_code":"APIKeyNotFound"}`)), effect: refused.with(func(o *effect) {
			gone := effect{own: true, status: 404, heading: "Key not found", text: "It may have been deleted somewhere else, or the address may be incomplete."}
			o.exceptions = map[act]effect{lookUp: gone, turnOff: gone, remove: {fine: true, untrue: true}}
		})},
		{name: "F15 409", fault: simply(story.Says(409, `{"error":"exists","error_code":"APIKeyAlreadyExists"}`)), effect: refused.with(func(o *effect) {
			o.exceptions = map[act]effect{create: {status: 422, field: "You already have a key with this name."}}
		})},
		{name: "F15 no more room", fault: simply(story.Says(400, `{"error":"no more","error_code":"BadRequest"}`)), effect: refused.with(func(o *effect) {
			o.exceptions = map[act]effect{create: {full: true}}
		})},
		{name: "F16 more than was asked for", fault: simply(story.Decorates), effect: effect{fine: true}},
		{name: "F16 less than was asked for", fault: simply(story.Then(story.Says(200, `[{"name":"porch-cam","disabled":false}]`))), acts: reading, effect: unusable.with(didAct)},
		{name: "F16 null", fault: simply(story.Then(story.Says(200, `null`))), acts: reading, effect: unusable.with(didAct)},
		{name: "F16 other types", fault: simply(story.Then(story.Says(200, `[{"_id":["x"],"name":{},"disabled":"yes","key":1}]`))), acts: reading, effect: unusable.with(didAct)},
		{name: "F16 ten thousand lists", fault: simply(story.Then(story.Says(200, story.Nests()))), acts: reading, effect: unusable.with(didAct)},
		{name: "F17 302 to another host", fault: func(m *matrix) story.Fault { return story.Says(302, "", "Location", m.elsewhere) }, effect: refused},
		{name: "F18 its clock is ahead", ahead: -10 * time.Minute, effect: effect{fine: true}},
		{name: "F18 its clock is behind", ahead: 10 * time.Minute, effect: effect{fine: true}},
	}
}

func (o effect) with(change func(*effect)) effect {
	change(&o)
	return o
}

// of is what the mishap means for one act.
func (o effect) of(a act) effect {
	if other, ok := o.exceptions[a]; ok {
		return other
	}
	return o
}

// usuallyAhead is by how much the dashboard's clock is ahead where it does not matter, so that no key is so new that its page looks
// at it again and again.
const usuallyAhead = 20 * time.Minute

// matrix is a dashboard, and the key service behind it that a mishap befalls.
type matrix struct {
	t         *testing.T
	program   *story.Program
	upstream  *story.Gateway
	clock     testkit.Clock // the dashboard's
	elsewhere string
	strayed   *atomic.Int64 // how often that was asked
	log       testkit.Log
	people    int
}

func startMatrix(t *testing.T, m mishap) *matrix {
	t.Helper()
	x := &matrix{t: t}
	x.elsewhere, x.strayed = story.Away(t)
	x.clock.Advance(cmp.Or(m.ahead, usuallyAhead))
	behind := story.StartProgram(t)
	var s *story.Seal
	if m.sealed {
		s = story.NewSeal(t)
	}
	x.upstream = story.StartGateway(t, behind, s)
	x.program = story.StartProgram(t, func(cfg *config.Config) { cfg.Upstream, cfg.Now, cfg.LogTo = x.upstream.URL, x.clock.Now, &x.log })
	var err error
	if x.program.Client, err = client.New(x.upstream.URL, "latchkey-local", client.WithHTTPClient(x.program.HTTP)); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *matrix) closes()     { x.upstream.Closes() }
func (x *matrix) opensAgain() { x.upstream.OpensAgain() }

func (x *matrix) losesItsName() {
	story.Zone.Set(x.upstream.Seal.Name, false)
	x.upstream.HangsUp()
}

// shows has the next connection meet the certificate. There are no others.
func (x *matrix) shows(certificate *tls.Certificate) {
	x.upstream.Seal.Shown.Store(certificate)
	x.upstream.HangsUp()
}

func (x *matrix) isAStranger() {
	stranger, err := story.NewAuthority()
	if err != nil {
		x.t.Fatal(err)
	}
	seal := x.upstream.Seal
	x.shows(stranger.Certificate(x.t, seal.Name, time.Now().Add(time.Hour)))
}

func (x *matrix) hasExpired() {
	x.shows(story.OurAuthority.Certificate(x.t, x.upstream.Seal.Name, time.Now().Add(-time.Hour)))
}

func (x *matrix) isSomebodyElse() {
	x.shows(story.OurAuthority.Certificate(x.t, "other.upstream.test", time.Now().Add(time.Hour)))
}

func (x *matrix) isItselfAgain() {
	story.Zone.Set(x.upstream.Seal.Name, true)
	x.shows(x.upstream.Seal.Good)
}

// coming brings a person to the keys page, signed in.
type coming func(t *testing.T, p *story.Program, who *story.Person, script bool) visitor

// The whole list of what can go wrong at the key service, for everything that people do with keys, with script and without.
func TestWhateverTheKeyServiceDoesPeopleAreToldTheTruthAndStaySignedIn(t *testing.T) {
	t.Parallel()
	for _, m := range mishaps() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			befalls(t, m, m.everyCell(), visitsWithoutBrowser)
		})
	}
}

// everyCell is each act that the mishap can meet, with script and without.
func (m mishap) everyCell() []*cell {
	acts := m.acts
	if acts == nil {
		acts = everyAct
	}
	var all []*cell
	for _, script := range []bool{true, false} {
		for _, a := range acts {
			all = append(all, &cell{m: m, act: a, script: script, want: m.of(a)})
		}
	}
	return all
}

// Nothing is left out of the matrix unseen.
func TestTheMatrixIsWhole(t *testing.T) {
	cells := 0
	for _, m := range mishaps() {
		cells += len(m.everyCell())
	}
	if cells != 278 {
		t.Errorf("%d cells, want 278", cells)
	}
}

// A dozen of the cells, one for each way in which words come to be on a page, are the same in a real browser.
func TestWhatPeopleAreToldIsSeenInABrowser(t *testing.T) {
	t.Parallel()
	chosen := map[string]string{
		"F1 nobody listens, list, with script: true":                      "a list that cannot be read",
		"F1 nobody listens, create, with script: false":                   "a form and a list at once",
		"F3 its certificate is a stranger's, turn off, with script: true": "a notice above the page",
		"F4 it says nothing, delete, with script: true":                   "a dialog that waits as long as the program does",
		"F5 it hangs up, having acted, create, with script: true":         "what was made and lost",
		"F5 it hangs up, having acted, turn off, with script: false":      "an act that is looked up",
		"F7 500 with a page, list, with script: false":                    "a whole page without script",
		"F8 429 for 30 seconds, create, with script: true":                "when to come back",
		"F13 401 once, turn off, with script: true":                       "nothing at all",
		"F14 401 to everything, create, with script: true":                "the way back in",
		"F15 404, turn off, with script: true":                            "a row that is gone",
		"F15 409, create, with script: true":                              "an error beside its field",
	}
	found := 0
	for _, m := range mishaps() {
		for _, c := range m.everyCell() {
			if chosen[c.String()] == "" {
				continue
			}
			found++
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				befalls(t, m, []*cell{c}, visitsInBrowser)
			})
		}
	}
	if found != len(chosen) {
		t.Errorf("%d cells of %d are in the matrix", found, len(chosen))
	}
}

// befalls lets a mishap happen to people at a program of their own.
func befalls(t *testing.T, m mishap, cells []*cell, come coming) {
	t.Helper()
	x := startMatrix(t, m)
	var last *cell
	for _, c := range cells {
		if last != nil && last.script != c.script {
			last = nil
		}
		c.x = x
		c.comes(t, last, come)
		last = c
	}
	if m.slow {
		meetTogether(cells)
	} else {
		meetInTurn(cells)
	}
	if x.strayed.Load() != 0 {
		t.Error("a redirect was followed")
	}
	if alarm := strings.Contains(x.log.String(), `"level":"ERROR","msg":"secure connection to the key service failed"`); alarm != strings.HasPrefix(m.name, "F3") {
		t.Errorf("the operator is alarmed: %v", alarm)
	}
}

// meetInTurn lets the mishap happen to one cell after the other.
func meetInTurn(cells []*cell) {
	for _, c := range cells {
		c.getsReady()
		c.breaks()
		c.begins()
		c.isToldTheTruth()
		c.mends()
		c.isStillSignedIn()
	}
}

// meetTogether lets it happen to all cells at once.
func meetTogether(cells []*cell) {
	for _, c := range cells {
		c.getsReady()
	}
	cells[0].x.upstream.Recovers() // begins to count
	for _, c := range cells {
		c.breaks()
	}
	for _, c := range cells {
		c.begins()
	}
	for _, c := range cells {
		c.isToldTheTruth()
	}
	for _, c := range cells {
		c.mends()
		c.isStillSignedIn()
	}
}

// sentAgain matches what a person sees who comes back before the time that the key service wants.
var sentAgain = regexp.MustCompile(`^We couldn’t read your keys\. The key service is busy\. Nothing was changed\. Try again in (\d+) s\.$`)
