package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/onboard/onboardtest"
)

// scanned is the question about a pairing as it was drawn for whoever followed the address in the device's picture.
type scanned struct {
	b *browser
	answer
}

func (b *browser) scans(d *device) scanned {
	b.t.Helper()
	return scanned{b, b.get(scan(d)).want(http.StatusOK).says("h1", "Connect this device?")}
}

func scan(d *device) string { return "/device?user_code=" + d.userCode }

// form is what the form of an answer sends, and where to.
func (s scanned) form(act string) (path string, form url.Values) {
	s.t.Helper()
	f := s.doc.Find(`form[action$="/` + act + `"]`)
	if f.Length() != 1 {
		s.t.Fatalf("no form to %s", act)
	}
	form = url.Values{}
	for _, input := range f.Find("input[name]").AddSelection(s.doc.Find(`input[form="` + act + `"]`)).EachIter() {
		form.Set(input.AttrOr("name", ""), input.AttrOr("value", ""))
	}
	return f.AttrOr("action", ""), form
}

func (s scanned) answers(act string) answer {
	s.t.Helper()
	path, form := s.form(act)
	return s.b.post(path, form)
}

// by is the same question, answered by another browser.
func (s scanned) by(b *browser) scanned { return scanned{b, s.answer} }

// page is where the pairing is once somebody has claimed it.
func (s scanned) page() string {
	path, _ := s.form("deny")
	return strings.TrimSuffix(path, "/deny")
}

func TestAScannedCodeShowsTheQuestionAndChangesNothing(t *testing.T) {
	t.Parallel()
	grants := &counted{Grants: &onboardtest.Memory{}}
	p := newProgram(t, withGrants(grants))
	b, who := p.signedIn(email)
	bob, _ := p.signedIn("bob@example.com")
	d := p.pairing("porch-cam")
	before := grants.calls()
	for range 3 {
		for _, spelling := range []string{d.userCode, strings.ToLower(d.userCode), strings.ReplaceAll(d.userCode, "-", "%20"), strings.ReplaceAll(d.userCode, "-", "")} {
			for _, b := range []*browser{b, bob, b.htmx()} {
				a := b.get("/device?user_code="+spelling).want(http.StatusOK).says("#pairing", "porch-cam").says(".match", d.userCode)
				a.says(".match", "match").lacks("[data-arrival]")
				b.send(b.request(http.MethodHead, "/device?user_code="+spelling, nil)).want(http.StatusOK)
			}
		}
	}
	if got := b.scans(d).attr("input[name=return]", "value"); got != "" && got != scan(d) {
		t.Errorf("a choice of colours leads to %q", got)
	}
	if n := grants.calls() - before; n != 0 {
		t.Errorf("looking took %d steps", n)
	}
	if got := p.happened(who, string(model.EventPairingAsked)); got != "" {
		t.Errorf("looking is written down: %s", got)
	}
	d.asks().refuses(http.StatusBadRequest, "authorization_pending")
	b.get(b.scans(d).page()).isReopened(b)
}

func TestWhoeverScansACodeApprovesOrDeniesOnThatPage(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]bool{"with script": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			b, who := p.signedIn(email)
			yes, no := p.pairing("porch-cam"), p.pairing("heat-pump")
			approve, deny := b.scans(yes), b.scans(no)
			if script {
				approve.by(b.htmx()).answers("approve").want(http.StatusOK).isPart().says("h1", "Approved")
				deny.by(b.htmx()).answers("deny").want(http.StatusOK).isPart().says("h1", "Denied")
			} else {
				approve.answers("approve").leadsTo(approve.page())
				deny.answers("deny").leadsTo(deny.page())
			}
			if m := yes.asks().want(http.StatusOK).json(); m["key_name"] != "porch-cam" || m["user_id"] != who.id {
				t.Errorf("the device got %v", m)
			}
			no.asks().refuses(http.StatusBadRequest, "access_denied")
			b.get(scan(yes)).leadsTo(approve.page()) // by a reload, or scanned once more
			b.get(scan(no)).leadsTo(deny.page())
			for _, kind := range []model.EventKind{model.EventPairingAsked, model.EventPairingApproved, model.EventPairingDenied} {
				if got := p.happened(who, string(kind)); got == "" {
					t.Errorf("nothing of the kind %s is written down", kind)
				}
			}
		})
	}
}

// Somebody else's page, one of another session, of another device, or of nobody: nothing of it decides.
func TestOnlyTheSessionAndAccountThatWereShownTheQuestionMayAnswerIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana, hers := p.signedIn(email)
	bob, his := p.signedIn("bob@example.com")
	second := p.signIn(hers)
	d, other := p.pairing("porch-cam"), p.pairing("heat-pump")
	shown, otherShown := ana.scans(d), ana.scans(other)
	again := bob.scans(d)
	path, form := shown.form("approve")
	_, otherForm := otherShown.form("approve")
	_, bobs := again.form("approve")
	with := func(proof string) url.Values {
		changed := url.Values{}
		for name, values := range form {
			changed[name] = values
		}
		changed.Set("shown", proof)
		changed.Del("owner")
		return changed
	}
	mine := form.Get("shown")
	for name, try := range map[string]struct {
		b     *browser
		proof string
	}{
		"another account":                  {bob, mine},
		"the same account in another one":  {second, mine},
		"of another account's page":        {ana, bobs.Get("shown")},
		"of another device's page":         {ana, otherForm.Get("shown")},
		"no proof":                         {ana, ""},
		"made up":                          {ana, strings.Repeat("A", len(mine))},
		"cut off":                          {ana, mine[:len(mine)-1]},
		"another spelling":                 {ana, mine + "="},
		"nobody's":                         {p.browser(), mine},
		"of a browser that signs in later": {p.signIn(hers), mine},
	} {
		t.Run(name, func(t *testing.T) {
			b := try.b.on(t)
			for _, act := range []string{"approve", "deny"} {
				a := b.post(strings.Replace(path, "/approve", "/"+act, 1), with(try.proof)).want(http.StatusSeeOther)
				if to := a.header.Get("Location"); to != scan(d) && !strings.HasPrefix(to, "/login?") {
					t.Errorf("%s leads to %q", act, to)
				}
			}
		})
	}
	d.asks().refuses(http.StatusBadRequest, "authorization_pending")
	if p.storedNames(hers)+p.storedNames(his) != "" {
		t.Errorf("the keys are %q and %q", p.storedNames(hers), p.storedNames(his))
	}
	ana.get(scan(d)).says("#status", "That question isn’t open in this session, so nothing was decided.").says("h1", "Connect this device?")
	shown.answers("approve").leadsTo(shown.page())
}

func TestAQuestionIsNotAnsweredByWhoeverSignsInAfterwards(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, hers := p.signedIn(email)
	his := p.person("bob@example.com")
	d := p.pairing("porch-cam")
	s := b.scans(d)
	path, form := s.form("approve")
	for _, who := range []person{his, hers} { // another account, and the same one again
		b.post("/login", url.Values{"email": {who.email}, "password": {password}}).want(http.StatusSeeOther)
		for _, owned := range []bool{true, false} {
			if !owned {
				form.Del("owner")
			}
			if a := b.post(path, form); a.status < 300 || strings.HasPrefix(a.header.Get("Location"), path[:len(path)-len("/approve")]) {
				t.Errorf("%s approves: status %d", who.email, a.status)
			}
		}
	}
	d.asks().refuses(http.StatusBadRequest, "authorization_pending")
	if p.storedNames(hers)+p.storedNames(his) != "" {
		t.Error("a key was created")
	}
}

func TestOfTwoPeopleWhoScanACodeTheFirstToAnswerHasTheDevice(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana, hers := p.signedIn(email)
	bob, his := p.signedIn("bob@example.com")
	d := p.pairing("porch-cam")
	first, late := ana.scans(d), bob.scans(d)
	first.answers("approve").leadsTo(first.page())
	for _, act := range []string{"approve", "deny"} {
		late.answers(act).want(http.StatusConflict).says("h1", "Connect a device").says("#code-error", "No device is waiting with that code.").keepsQuiet("porch-cam")
		late.by(bob.htmx()).answers(act).want(http.StatusConflict).isPart().says("#code-error", "No device is waiting with that code.")
	}
	bob.get(scan(d)).want(http.StatusUnprocessableEntity).says("#code-error", "No device is waiting with that code.").keepsQuiet("porch-cam")
	if m := d.asks().want(http.StatusOK).json(); m["user_id"] != hers.id || p.storedNames(his) != "" {
		t.Errorf("the device is %v's", m["user_id"])
	}

	typed := p.pairing("heat-pump") // whoever types it has it at once
	seen := bob.scans(typed)
	o := ana.opens(typed)
	seen.answers("approve").want(http.StatusConflict)
	o.approve("heat-pump").leadsTo(o.path)
}

func TestFiftyAnswersAtOnceToAScannedQuestionMakeOneKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	s := b.scans(p.pairing("porch-cam"))
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = s.answers("approve") })
	}
	all.Wait()
	statuses := map[int]int{}
	for _, a := range answers {
		statuses[a.status]++
	}
	if statuses[http.StatusSeeOther] != 1 || statuses[http.StatusConflict] != 49 || p.storedNames(who) != "porch-cam" {
		t.Errorf("statuses %v, and the keys are %q", statuses, p.storedNames(who))
	}
}

func TestASecondTabOfAScannedCodeLearnsWhatWasDecided(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	first, second := b.scans(d), b.scans(d)
	second.answers("deny").leadsTo(first.page())
	first.answers("approve").want(http.StatusConflict).says("h1", "Denied")
	d.asks().refuses(http.StatusBadRequest, "access_denied")
}

func TestAWrongCodeInTheAddressIsATryLikeATypedOne(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	for i := range 5 {
		for range 3 {
			b.scans(d)
			b.get("/device?user_code=WDJB-MJH1").want(http.StatusOK) // which is no code
		}
		if i%2 == 0 {
			b.get("/device?user_code=WDJB-MJHT").want(http.StatusUnprocessableEntity).says("#code-error", "No device is waiting with that code.")
		} else {
			b.post("/device", url.Values{"code": {"WDJB-MJHT"}}).want(http.StatusUnprocessableEntity)
		}
	}
	for _, path := range []string{scan(d), "/device?user_code=WDJB-MJHT"} {
		a := b.get(path).want(http.StatusTooManyRequests).says("#code-error", "Too many wrong codes.").keepsQuiet("porch-cam")
		if got := a.header.Get("Retry-After"); got != "600" {
			t.Errorf("Retry-After is %q", got)
		}
	}
	b.post("/device", url.Values{"code": {d.userCode}}).want(http.StatusTooManyRequests)
	p.clock.Advance(10 * time.Minute)
	b.scans(p.pairing("porch-cam"))
}

func TestALinkOnAnotherSiteFillsTheCodeInAndLooksAtNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	for _, site := range []string{"cross-site", "same-site"} {
		lured := b.with("Sec-Fetch-Site", site)
		for range 10 {
			lured.get("/device?user_code=WDJB-MJHT").want(http.StatusOK).lacks("#code-error")
		}
		a := lured.get(scan(d)).want(http.StatusOK).keepsQuiet("porch-cam")
		if got := a.attr("input[name=code]", "value"); got != d.userCode {
			t.Errorf("the code is filled in as %q", got)
		}
	}
	for _, site := range []string{"none", "same-origin"} {
		b.with("Sec-Fetch-Site", site).scans(d)
	}
}

func TestAScannedQuestionThatIsAnsweredTooLateHasExpired(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	s := b.scans(p.pairing("porch-cam"))
	p.clock.Advance(10 * time.Minute)
	for _, act := range []string{"approve", "deny"} {
		s.answers(act).want(http.StatusConflict).says("h1", "This code has expired").lacks("#pairing form", ".notice")
		s.by(b.htmx()).answers(act).want(http.StatusConflict).isPart().says("h1", "This code has expired")
	}
	if got := p.storedNames(who); got != "" {
		t.Errorf("the keys are %q", got)
	}
}

// A page asks when its countdown is over: by itself, so that it must not use up a try of the person's.
func TestAScannedQuestionLearnsThatItHasExpiredAndCountsNoTry(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	bob, _ := p.signedIn("bob@example.com")
	s, decided := b.scans(p.pairing("porch-cam")), b.scans(p.pairing("heat-pump"))
	if s.attr("#pairing", "hx-trigger") != "arrived" || s.attr("#pairing", "hx-include") != "[name=shown]" {
		t.Error("the page does not ask")
	}
	asks := func(b *browser, s scanned) answer {
		return b.htmx().get(s.attr("#pairing", "hx-get") + "&shown=" + s.attr("input[name=shown]", "value"))
	}
	asks(b, s).want(http.StatusOK).isPart().says("h1", "Connect this device?") // by a clock that is ahead
	if to := asks(bob, s).want(http.StatusOK).header.Get("HX-Redirect"); to != "/device" {
		t.Errorf("somebody else's is at %q", to)
	}
	decided.answers("approve").leadsTo(decided.page())
	asks(b, decided).want(http.StatusOK).isPart().says("h1", "Approved") // in another tab
	p.clock.Advance(10 * time.Minute)
	for range 10 {
		asks(b, s).want(http.StatusOK).isPart().says("h1", "This code has expired").lacks("#pairing form", "#pairing[hx-get]")
	}
	for range 5 {
		b.get("/device?user_code=WDJB-MJHT").want(http.StatusUnprocessableEntity)
	}
	b.get("/device?user_code=WDJB-MJHT").want(http.StatusTooManyRequests)
}

func TestAFullAccountComesBackToTheScannedQuestionWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(20)...)
	d := p.pairing("porch-cam")
	a := b.scans(d).lacks(`form[action$="/approve"]`)
	back, err := url.Parse(a.attr("#make-room a[href*=return]", "href"))
	if err != nil || back.Query().Get("return") != scan(d) {
		t.Fatalf("making room leads back to %v", back)
	}
	b.post("/keys/"+keys[0].ID+"/delete", url.Values{"return": {back.Query().Get("return")}}).leadsTo(scan(d))
	s := b.scans(d)
	s.answers("approve").leadsTo(s.page())
}

func TestAfterAStepUpTheScannedQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	p := newProgram(t, func(d *handlers.Deps) { d.StepUp = 5 * time.Minute })
	b, who := p.signedIn(email)
	p.clock.Advance(6 * time.Minute)
	d := p.pairing("porch-cam")
	s := b.scans(d)
	ask := s.answers("approve").want(http.StatusForbidden)
	if got := ask.attr("main form a", "href") + ask.attr("main .actions a", "href"); !strings.Contains(got, scan(d)) {
		t.Errorf("thinking better of it leads to %q", got)
	}
	form := url.Values{}
	for _, input := range ask.doc.Find("main form").First().Find("input[name]").EachIter() {
		form.Set(input.AttrOr("name", ""), input.AttrOr("value", ""))
	}
	form.Set("password", password)
	b.post(s.page()+"/approve", form).leadsTo(s.page())
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %q", got)
	}
}

func TestAQuestionIsKnownAgainAfterTheSecretsWereChanged(t *testing.T) {
	t.Parallel()
	p := newProgram(t, func(d *handlers.Deps) { d.SessionKeys = [][]byte{[]byte(strings.Repeat("b", 32))} })
	b, _ := p.signedIn(email)
	s := b.scans(p.pairing("porch-cam"))
	p.deps.SessionKeys = append([][]byte{[]byte(strings.Repeat("c", 32))}, p.deps.SessionKeys...)
	p.start()
	s.answers("approve").leadsTo(s.page())
}
