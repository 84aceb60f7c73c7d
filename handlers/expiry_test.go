package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/model"
)

// expires is the form that says when a key expires, as its own page sends it.
func expires(choice, day string) url.Values {
	return url.Values{"expires": {choice}, "until": {day}, "place": {"page"}, "name": {"porch-cam"}}
}

// lasts has the one key of a program expire in that many days, by the clock of UTC.
func (b *browser) lasts(key client.APIKey, days int, now time.Time) {
	b.t.Helper()
	b.post("/keys/"+key.ID+"/expiry", expires("day", now.AddDate(0, 0, days).Format(time.DateOnly))).leadsTo("/keys/" + key.ID)
}

func TestAKeyExpiresAtTheEndOfADayWhereItsOwnerIs(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	at := "/keys/" + key.ID
	b.get(at).says("#key .facts", "ExpiresNever · Change")
	b.get(at+"/expiry").want(http.StatusOK).says("h1", "When does porch-cam expire?").says("#until-hint", "At most ten years from today. Days end at 23:59 UTC.")
	b.post(at+"/expiry", expires("day", "2026-05-03")).leadsTo(at)
	b.get(at).says("#status", "Saved: porch-cam expires on the day you chose.").says("#key .facts", "Expires3 May, 23:59 UTC · Extend")
	home := b.by("Europe/Berlin")
	home.get(at).says("#key .facts", "Expires4 May, 01:59 (3 May, 23:59 UTC)")
	home.get(at+"/expiry").says("h1", "Extend porch-cam").says("#expires-told", "31 Jul, 23:59 here (21:59 UTC).").keepsQuiet("Days end at")
	home.post(at+"/expiry", expires("day", "2026-05-03")).leadsTo(at)
	home.get(at).says("#key .facts", "Expires3 May, 23:59 (21:59 UTC)")
	if got := home.get("/activity").texts(".day .deed")[0]; got != "Set porch-cam to expire on 3 May 2026 (UTC)" {
		t.Errorf("the activity says %q", got)
	}

	p.works("porch-cam", value)
	p.clock.Advance(34*time.Hour + time.Second) // 22:00:01 in UTC
	if err := p.logsIn("porch-cam", value); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	b = p.signIn(who)
	row := "#key-" + key.ID
	a := b.get("/keys").says(row+" .use", "Expired 21:59 UTC Last refused 22:00 UTC · Extend · Replace").says(row+" > .state", "Expired")
	a.lacks(row+" .switch").says(".keys .off .name", "porch-cam").says("#keys .notice li", "porch-cam expired 21:59 UTC Extend Replace")
	a = b.get(at).says("#key .notice", "Expired 21:59 UTC. Sign-ins are refused. Extend it and the same value works again.")
	a.lacks("#key .switch").says("#key .facts", "Last refusedjust now, after it had expired").says(".lately", "Refused porch-cam: the key has expired")
	if got := a.attr("#key .notice a.button:not(.primary)", "href"); got != at+"/replace" {
		t.Errorf("replacing it is at %q", got)
	}
	b.get(at + "/delete").lacks("form[action$=turn-off]") // it would not help

	stale := url.Values{"place": {"page"}, "name": {"porch-cam"}} // of a page that was drawn before
	b.post(at+"/turn-off", stale).leadsTo(at)
	b.get(at).says("#key .notice", "It is off too: extend it and turn it on, and the same value works again.").lacks("#key .switch")
	b.post(at+"/turn-on", stale).leadsTo(at)
	b.get(at).says("#status", "porch-cam is on, but it has expired. Extend it.")

	b.post(at+"/expiry", expires("never", "")).leadsTo(at)
	b.get(at).says("#status", "Saved: porch-cam never expires.").lacks("#key .notice").has("#key .switch.on")
	b.get("/keys").lacks("#keys .notice")
	p.works("porch-cam", value)
}

func TestExtendingAKeyTakesThePasswordAndShorteningItDoesNot(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][]func(*handlers.Deps){"here": nil, "elsewhere": {elsewhere}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, b, who := late(t, how...)
			key := p.seed(who, "porch-cam")[0]
			at := "/keys/" + key.ID
			until := func() string { return b.get(at).text("#key .facts div:contains(Expires) dd") }
			b.post(at+"/expiry", expires("day", "2026-08-20")).leadsTo(at)
			b.post(at+"/expiry", expires("day", "2026-08-10")).leadsTo(at)
			for _, more := range []url.Values{expires("day", "2026-08-11"), expires("never", "")} {
				asked := b.post(at+"/expiry", more).want(http.StatusForbidden).says("main section > p", "Enter your password to extend porch-cam.")
				for _, field := range []string{"expires", "until", "place"} {
					if got := asked.attr("input[type=hidden][name="+field+"]", "value"); got != more.Get(field) {
						t.Errorf("%s is %q, want %q", field, got, more.Get(field))
					}
				}
				b.post(at+"/expiry", alsoPassword(more, "wrong horse")).want(http.StatusUnprocessableEntity).says(".error", "Wrong password.")
				b.htmx().post(at+"/expiry", more).want(http.StatusForbidden).isPart().says("#dialog-title", "Confirm it’s you")
			}
			if got := until(); got != "10 Aug, 23:59 UTC · Change" {
				t.Errorf("without a password it is %q", got)
			}
			b.htmx().post(at+"/expiry", alsoPassword(expires("day", "2026-08-11"), password)).want(http.StatusNoContent) // and then as a whole page:
			b.post(at+"/expiry", expires("day", "2026-08-11")).leadsTo(at)
			if got := until(); got != "11 Aug, 23:59 UTC · Change" {
				t.Errorf("with the password it is %q", got)
			}
		})
	}
}

func TestADayThatWillNotDoIsSaidBesideTheField(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	at := "/keys/" + key.ID + "/expiry"
	for _, c := range []struct{ choice, day, shown, want string }{
		{"day", "2026-05-01", "2026-05-01", "That day is over."},
		{"day", "2036-05-03", "2036-05-03", "At most ten years from today."},
		{"day", "10000-01-01", "10000-01-01", "At most ten years from today."},
		{"day", "2027-02-29", "2027-02-29", "That isn’t a day. Write it like 2027-02-03."},
		{"day", "", "", "Choose a day."},
		{"day", strings.Repeat("2027-02-03", 500), "", "That isn’t a day. Write it like 2027-02-03."},
		{"day", `"><script>`, `"><script>`, "That isn’t a day. Write it like 2027-02-03."},
		{"sometime", "", "", "Choose one of these."},
	} {
		for _, b := range []*browser{b, b.htmx()} {
			a := b.post(at, expires(c.choice, c.day)).want(http.StatusUnprocessableEntity).says("#expires-told .error", c.want)
			if got := a.attr("#until", "value"); got != c.shown {
				t.Errorf("%.20q is kept as %q", c.day, got)
			}
			if c.choice == "day" && !a.has("[name=expires][value=day][checked]") {
				t.Errorf("%.20q: the choice is not kept", c.day)
			}
			if b.header.Get("HX-Request") != "" && a.header.Get("HX-Retarget") != "#dialog" {
				t.Errorf("it goes to %q", a.header.Get("HX-Retarget"))
			}
		}
	}
	b.get("/keys/"+key.ID).says("#key .facts", "ExpiresNever")
}

func TestAPageSaysWhatAChoiceMeansAsItIsMade(t *testing.T) {
	t.Parallel()
	mailed := func(d *handlers.Deps) { d.SendsReminders = true }
	stuck := func(d *handlers.Deps) { d.SendsReminders, d.MailStuck = true, func() bool { return true } }
	for _, c := range []struct {
		how          []func(*handlers.Deps)
		clock, query string
		want         string
	}{
		{nil, "Europe/Berlin", "expires=day&until=2027-02-03", "3 Feb 2027, 23:59 here (22:59 UTC). Your keys page reminds you from 14 days before. Nothing is deleted."},
		{nil, "America/New_York.12", "expires=day&until=2027-02-03", "3 Feb 2027, 11:59 PM here (4 Feb, 04:59 UTC). Your keys page reminds you from 14 days before. Nothing is deleted."},
		{nil, "", "expires=year", "2 May 2027, 23:59 UTC. Your keys page reminds you from 14 days before. Nothing is deleted."},
		{[]func(*handlers.Deps){mailed}, "", "expires=30", "1 Jun, 23:59 UTC. We remind you by email 14 and 3 days before. Nothing is deleted."},
		{[]func(*handlers.Deps){mailed}, "", "expires=day&until=2026-05-10", "10 May, 23:59 UTC. We remind you by email 3 days before. Nothing is deleted."},
		{[]func(*handlers.Deps){mailed}, "", "expires=day&until=2026-05-02", "23:59 UTC. Nothing is deleted."},
		{[]func(*handlers.Deps){stuck}, "", "expires=90", "31 Jul, 23:59 UTC. Your keys page reminds you from 14 days before. Nothing is deleted."},
		{[]func(*handlers.Deps){elsewhere}, "", "expires=90", "31 Jul, 23:59 UTC. Your keys page reminds you from 14 days before. The key service doesn’t know: the key keeps working until you turn it off."},
		{nil, "", "expires=never&until=2027-02-03", ""},
		{nil, "", "expires=day", ""}, // it is about to be typed
		{nil, "", "expires=day&until=2026-05-01", "That day is over."},
	} {
		p := newProgram(t, c.how...)
		b, _ := p.signedIn(email)
		a := b.htmx().by(c.clock).get("/keys/expiry?" + c.query).want(http.StatusOK).isPart()
		if got := squeeze(a.doc.Text()); got != c.want {
			t.Errorf("%s by %q:\n%s, want\n%s", c.query, c.clock, got, c.want)
		}
	}
}

func TestWhatNeedsThePersonStandsAboveTheList(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(8)...)
	if b.get("/keys").has("#keys .notice") {
		t.Error("there is something without any")
	}
	for i, days := range []int{13, 15, 1, 0, 2, 9, 7} {
		b.lasts(keys[i], days, noon)
	}
	p.turn(who, keys[4], false)
	lines := func(b *browser) string { return strings.Join(b.get("/keys").texts("#keys .notice li"), "; ") }
	if got, want := lines(b), "key-04 expires today Extend Replace; key-03 expires tomorrow Extend Replace; key-07 expires in 7 days Extend Replace; and 2 more"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if got, want := lines(b.by("Asia/Shanghai")), "key-04 expires tomorrow"; !strings.HasPrefix(got, want) { // where that is at 7:59
		t.Errorf("it says %q, want %q", got, want)
	}
	b.get("/keys?q=key-06").says("#key-"+keys[5].ID+" .by", "Expires in 9 days")
	p.clock.Advance(20 * 24 * time.Hour)
	b = p.signIn(who)
	want := "key-01 expired 15 May, 23:59 UTC Extend Replace; key-02 expired 17 May, 23:59 UTC Extend Replace"
	if got := lines(b); !strings.Contains(got, "key-02 expired 17 May, 23:59 UTC Extend Replace; key-01 expired 15 May, 23:59 UTC Extend Replace; key-06") {
		t.Errorf("it says %q, want %q", got, want)
	}
	a := b.get("/keys")
	if got := strings.Join(a.texts("#filters .chip"), ", "); got != "All 8, On 1, Off 7, Unused 0" {
		t.Errorf("the filters are %q", got)
	}
	if got := len(b.get("/keys?show=off").texts("#keys .key")); got != 7 {
		t.Errorf("%d are off", got)
	}
	p.clock.Advance(13 * 24 * time.Hour)
	b = p.signIn(who)
	if got := lines(b); strings.Contains(got, "key-04") || strings.Contains(got, "key-03") {
		t.Errorf("after 30 days it still says %q", got)
	}
}

func TestAFormOverTheListAnswersWithTheList(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, numbered(2)...)[0]
	b.lasts(key, 3, noon)
	a := b.get("/keys")
	if got := a.attr("#keys .notice a[hx-get]", "hx-get"); got != "/keys/"+key.ID+"/expiry?place=row" {
		t.Errorf("the form is at %q", got)
	}
	a = b.htmx().get("/keys/" + key.ID + "/expiry?place=row").want(http.StatusOK).isPart()
	if a.attr("form", "hx-target") != "#keys" || a.attr("[name=place]", "value") != "row" {
		t.Errorf("it goes to %q", a.attr("form", "hx-target"))
	}
	form := expires("90", "")
	form.Set("place", "row")
	b.htmx().post("/keys/"+key.ID+"/expiry", form).want(http.StatusOK).isPart().says("ul.keys", "key-01").lacks("#keys .notice")
	b.post("/keys/"+key.ID+"/expiry", form).leadsTo("/keys")
	a = b.htmx().post("/keys/"+key.ID+"/expiry", expires("year", "")).want(http.StatusOK).isPart()
	a.says("#key .facts", "Expires2 May 2027, 23:59 UTC · Change")
	if got := a.text("hx-partial[hx-target='#status']"); got != "Saved: key-01 expires on the day you chose." {
		t.Errorf("it says %q", got)
	}
}

func TestAKeyAtAnotherServerOnlyReminds(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(keyFacts, says(404, ""))
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	at := "/keys/" + key.ID
	b.get(at+"/expiry").says(".field .hint", "The key service doesn’t know when a key expires. It keeps working there until you turn it off: we only remind you.")
	b.lasts(key, 1, noon)
	p.clock.Advance(40 * 24 * time.Hour)
	b = p.signIn(who)
	a := b.get("/keys").says("#keys .notice li", "porch-cam should have expired on 3 May. The key service doesn’t know. Turn it off")
	a.has("#key-" + key.ID + " .switch.on")
	a.says("#key-"+key.ID+" .by", "Should have expired 3 May")
	b.get(at).says("#key .notice", "porch-cam should have expired on 3 May. The key service doesn’t know.").says("#key .facts", "Should have expired3 May, 23:59 UTC · Extend")
	p.works("porch-cam", value)
	b.post(a.attr("#keys .notice form", "action"), url.Values{"place": {"row"}, "name": {"porch-cam"}}).leadsTo("/keys")
	b.get("/keys").says("#status", "porch-cam is off.").lacks("#keys .notice")
	b.get(at).keepsQuiet("porch-cam should have expired")
}

func TestWhatAnotherLatchkeySaysOfAKeyIsChangedThere(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	at := noon.AddDate(0, 0, 5)
	if err := p.store.SetExpiry(t.Context(), who.id, key.ID, model.Expiry{At: at, Now: noon}); err != nil {
		t.Fatal(err)
	}
	b.get("/keys/"+key.ID).says("#key .facts", "Expires7 May, 12:00 UTC").lacks("#key .facts a[href$=expiry]")
	b.post("/keys/"+key.ID+"/expiry", expires("90", "")).want(http.StatusUnprocessableEntity).says(".error", "The key service says when this key expires. Change it there.")
}

//nolint:paralleltest // what others allocate meanwhile would count
func TestAKeyThatExpiresSometimeCostsTheListLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("-short goes with the race detector, under which pools give back less than was put into them")
	}
	p := newProgram(t)
	b, who := p.signedIn(email)
	keys := p.seed(who, numbered(20)...)
	page := b.repeatable("/keys")
	before := testing.AllocsPerRun(20, page)
	b.lasts(keys[0], 100, noon)
	if after := testing.AllocsPerRun(20, page); after > before+8 {
		t.Errorf("one that expires in a hundred days costs %v allocations", after-before)
	}
}

func TestAKeyIsCreatedWithTheDayOnWhichItExpires(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	form := func(choice, day string) url.Values {
		f := createForm(newFormID(t), "porch-cam")
		f.Set("label", "Porch")
		f.Set("expires", choice)
		f.Set("until", day)
		return f
	}
	a := b.get("/keys").lacks(".create details[open]")
	if got := a.attr(".create [name=expires][checked]", "value"); got != "never" {
		t.Errorf("the form proposes %q", got)
	}
	for _, b := range []*browser{b, b.htmx()} {
		a := b.post("/keys", form("day", "2036-05-03")).want(http.StatusUnprocessableEntity).says(".create details[open] #expires-told .error", "At most ten years from today.")
		if a.attr("#until", "value") != "2036-05-03" || a.attr("#label", "value") != "Porch" || a.attr("#name", "value") != "porch-cam" {
			t.Error("what was typed is not kept")
		}
	}
	if len(p.stored(who)) != 0 {
		t.Fatal("a key was created")
	}
	bad := form("30", "")
	bad.Set("name", "porch cam")
	if got := b.post("/keys", bad).want(http.StatusUnprocessableEntity).attr("[name=expires][checked]", "value"); got != "30" {
		t.Errorf("with a bad name the choice is %q", got)
	}
	b.by("Europe/Berlin").post("/keys", form("30", "")).want(http.StatusOK)
	expiresAt := func(i int) time.Time {
		keys, err := p.store.Keys(t.Context(), who.id)
		if err != nil {
			t.Fatal(err)
		}
		return keys.List[i].ExpiresAt
	}
	if got := expiresAt(0).UTC().Format(time.RFC3339); got != "2026-06-01T21:59:59Z" {
		t.Errorf("it expires at %s", got)
	}
	never := createForm(newFormID(t), "lamp")
	b.post("/keys", never).want(http.StatusOK)
	if !expiresAt(1).IsZero() {
		t.Error("a form without the field makes a key that expires")
	}
}
