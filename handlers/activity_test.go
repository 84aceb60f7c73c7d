package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/store"
)

// writes writes something down that happened to the person, a minute after the last.
func (p *program) writes(who person, kind string, change ...func(*model.Event)) model.Event {
	p.t.Helper()
	p.clock.Advance(time.Minute)
	e := model.Event{
		UserID: who.id, At: p.clock.Now(), Kind: model.EventKind(kind), Actor: model.ActorBrowser, Address: "192.0.2.7",
		Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	}
	e.ID = model.NewID(e.At)
	for _, c := range change {
		c(&e)
	}
	if err := p.deps.Events.RecordEvent(p.t.Context(), e); err != nil {
		p.t.Fatal(err)
	}
	return e
}

func about(key, name string) func(*model.Event) {
	return func(e *model.Event) { e.KeyID, e.KeyName = key, name }
}

func detail(text string) func(*model.Event) { return func(e *model.Event) { e.Detail = text } }

func by(actor model.Actor) func(*model.Event) { return func(e *model.Event) { e.Actor = actor } }

const aKey = "69cc8d000000000000000001"

func TestEveryKindOfEventIsToldInAPlainSentence(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	key := about(aKey, "porch-cam")
	for _, e := range []struct {
		kind   string
		change []func(*model.Event)
	}{
		{"account-made", nil}, {"signed-in", nil}, {"signed-in", []func(*model.Event){detail("with Google")}},
		{"sign-in-failed", []func(*model.Event){detail("wrong password"), by(model.ActorUnknown)}},
		{"session-ended", []func(*model.Event){detail("signed out")}},
		{"session-ended", []func(*model.Event){detail("ended from another place")}}, {"session-ended", []func(*model.Event){detail("all others")}},
		{"key-made", []func(*model.Event){key}}, {"key-shown", []func(*model.Event){key}},
		{"key-shown", []func(*model.Event){key, by(model.ActorDevice), detail("fetched by the device")}},
		{"key-adopted", []func(*model.Event){key}}, {"key-adopted", []func(*model.Event){key, by(model.ActorOperator), detail("from a file")}},
		{"key-turned-on", []func(*model.Event){key}}, {"key-turned-off", []func(*model.Event){key}}, {"key-deleted", []func(*model.Event){key}},
		{"key-first-used", []func(*model.Event){key, by(model.ActorDevice)}},
		{"key-refused", []func(*model.Event){key, by(model.ActorDevice), detail("off")}},
		{"key-refused", []func(*model.Event){key, by(model.ActorDevice), detail("account is off")}},
		{"key-refused", []func(*model.Event){key, by(model.ActorDevice), detail("expired")}},
		{"key-expiry-set", []func(*model.Event){key, detail("2027-02-03")}}, {"key-expiry-set", []func(*model.Event){key, detail("never")}},
		{"key-expired", []func(*model.Event){key, by(model.ActorServer)}},
		{"pairing-asked", []func(*model.Event){by(model.ActorDevice), detail("Porch Pi")}}, {"pairing-asked", []func(*model.Event){by(model.ActorDevice)}},
		{"pairing-approved", []func(*model.Event){key, detail("Porch Pi")}}, {"pairing-denied", []func(*model.Event){detail("Porch Pi")}},
		{"key-made", []func(*model.Event){key, detail("Porch Pi")}},
		{"password-changed", nil}, {"password-reset", nil}, {"password-confirmed", nil}, {"password-reset-asked", []func(*model.Event){by(model.ActorOperator)}},
		{"email-confirmed", nil}, {"identity-linked", []func(*model.Event){detail("with email and password")}},
		{"identity-unlinked", []func(*model.Event){detail("with Google")}},
		{"account-disabled", []func(*model.Event){by(model.ActorOperator)}}, {"account-enabled", nil},
		{"key-replaced", []func(*model.Event){key, detail("porch-cam-2; you turn the old key off")}},
		{"key-parked", []func(*model.Event){key, by(model.ActorServer), detail("porch-cam-2 was in use since 14:10 UTC")}},
		{"key-brought-back", []func(*model.Event){key}}, {"key-replacement-ended", []func(*model.Event){key, detail("porch-cam-2 was deleted")}},
		{"handed-over", nil}, {"handed-over", []func(*model.Event){detail("app.example.org")}},
		{"of-a-newer-version", []func(*model.Event){detail("whatever")}},
	} {
		p.writes(who, e.kind, e.change...)
	}
	b := p.signIn(who)
	a := b.get("/activity").want(http.StatusOK)
	got := a.texts(".day .deed")
	slices.Reverse(got)
	want := []string{
		"Account created", "Signed in", "Signed in with Google", "Sign-in refused: wrong password", "Signed out", "Signed out another session", "Signed out everywhere else",
		"Created porch-cam", "Value of porch-cam shown", "Value of porch-cam sent to its device",
		"Adopted porch-cam", "Adopted porch-cam from a file",
		"Turned on porch-cam", "Turned off porch-cam", "Deleted porch-cam", "porch-cam signed in for the first time",
		"Refused porch-cam: the key is off", "Refused porch-cam: the account is disabled", "Refused porch-cam: the key has expired",
		"Set porch-cam to expire on 3 Feb 2027 (UTC)", "Set porch-cam never to expire", "porch-cam expired",
		"A device that calls itself “Porch Pi” asked to connect", "A device asked to connect",
		"Approved a device that calls itself “Porch Pi”, with the key porch-cam", "Denied a device that calls itself “Porch Pi”",
		"Created porch-cam for a connected device",
		"Password changed", "Password reset", "Password confirmed", "Password reset requested",
		"Email address confirmed", "Added sign-in with email and password", "Removed sign-in with Google", "Account disabled", "Account enabled",
		"Started replacing porch-cam with porch-cam-2; you turn the old key off", "Turned off porch-cam: porch-cam-2 was in use since 14:10 UTC",
		"Brought back porch-cam", "Stopped replacing porch-cam: porch-cam-2 was deleted", "Signed in from an app", "Signed in from app.example.org", "of-a-newer-version: whatever", "Signed in",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := len(a.texts(".refused")); got != 4 {
		t.Errorf("%d refusals are drawn as such", got)
	}
	from := a.texts(".event .by")
	slices.Reverse(from)
	for i, want := range map[int]string{
		0: "You · Firefox on Linux · 192.0.2.7", 3: "Someone not signed in · Firefox on Linux · 192.0.2.7",
		15: "A device · Firefox on Linux · 192.0.2.7", 21: "This server · Firefox on Linux · 192.0.2.7", 30: "The administrator · Firefox on Linux · 192.0.2.7", 37: "This server · Firefox on Linux · 192.0.2.7",
	} {
		if from[i] != want {
			t.Errorf("%d is %q, want %q", i, from[i], want)
		}
	}
	if got := a.attr(".day:last-of-type li:last-child time", "datetime"); got != noon.Add(time.Minute).Format(time.RFC3339) {
		t.Errorf("the first is at %q", got)
	}
	if got := a.texts(".day h2"); !slices.Equal(got, []string{"Today"}) {
		t.Errorf("days %v", got)
	}
	drawings := map[string]bool{}
	for _, drawing := range a.doc.Find(".event use").EachIter() {
		name := drawing.AttrOr("href", "")
		drawings[name] = true
		if name != "#i-" && a.doc.Find("symbol"+name).Length() != 1 { // those of a newer version are not known
			t.Errorf("there is no drawing %q", name)
		}
	}
	if len(drawings) < 12 {
		t.Errorf("few kinds can be told apart: %v", drawings)
	}
}

func TestWhatIsDoneSeveralTimesInARowIsOneRowThatCanBeOpened(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	cam, garage := about(aKey, "porch-cam"), about("69cc8d000000000000000002", "garage")
	off, on := "key-turned-off", "key-turned-on"
	from := func(address string) func(*model.Event) { return func(e *model.Event) { e.Address = address } }
	for range 4 {
		p.writes(who, off, cam)
		p.writes(who, on, cam)
	}
	p.writes(who, off, garage) // of another key
	p.writes(who, off, cam)    // and two alone are not worth folding
	p.writes(who, on, cam)
	p.writes(who, "password-confirmed")
	for range 2 {
		p.writes(who, off, garage)
		p.writes(who, on, garage)
	}
	p.writes(who, off, garage)
	for range 3 {
		p.writes(who, "signed-in", by(model.ActorApp))
	}
	p.writes(who, "signed-in", by(model.ActorApp), from("192.0.2.8")) // from somewhere else
	for range 3 {
		p.writes(who, "pairing-denied", detail("Pi"))
	}
	p.writes(who, "pairing-denied", detail("Other Pi"))
	a := p.signIn(who).get("/activity").want(http.StatusOK)
	want := []string{
		"Signed in", "Denied a device that calls itself “Other Pi”", "Denied a device that calls itself “Pi” 3 times", "Signed in", "Signed in 3 times",
		"Turned garage on and off 3 times", "Password confirmed", "Turned on porch-cam", "Turned off porch-cam", "Turned off garage",
		"Turned porch-cam off and on 4 times",
	}
	if got := a.texts(".event .deed"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	all := a.texts(".event:last-child .each li")
	if len(all) != 8 || !strings.HasSuffix(all[0], "Turned on porch-cam") || !strings.HasSuffix(all[7], "Turned off porch-cam") {
		t.Errorf("behind the last row are %q", all)
	}
	if got := len(a.texts(".event")) - len(a.texts(".each")) + len(a.texts(".each li")); got != 26 {
		t.Errorf("%d of 26 events can be seen", got)
	}
}

func TestDaysEndAtMidnightByThePersonsClock(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	p.clock.Advance(11*time.Hour + 50*time.Minute) // before midnight in UTC, and in the evening in New York
	for range 4 {
		p.writes(who, "signed-in", by(model.ActorApp))
		p.clock.Advance(4 * time.Minute)
	}
	b := p.signIn(who)
	for clock, want := range map[string]string{"": "Today,Yesterday", "America/New_York.12": "Today"} {
		a := b.by(clock).get("/activity?kind=sign-ins").want(http.StatusOK)
		if got := strings.Join(a.texts(".day h2"), ","); got != want {
			t.Errorf("by the clock %q the days are %s, want %s", clock, got, want)
		}
	}
	a := b.by("America/New_York.12").get("/activity").want(http.StatusOK)
	if got := a.texts(".each time"); !slices.Equal(got, []string{"8:06 PM", "8:01 PM", "7:56 PM", "7:51 PM"}) {
		t.Errorf("the times there are %q", got)
	}
	if got := a.attr(".each time", "title"); got != "2 May 2026, 8:06:00 PM" {
		t.Errorf("exactly: %q", got)
	}
}

// Not parallel: ids of one process never go back, and clocks of other tests are ahead.
func TestWhatHappensWithinASecondStandsInItsOrder(t *testing.T) {
	p := newProgram(t)
	model.FollowClock(p.clock.Now())
	b, _ := p.signedIn(email)
	tenth := func() { p.clock.Advance(100 * time.Millisecond) }
	tenth()
	first := p.pairing("Porch Pi") // which is written down when its page is opened
	tenth()
	o := b.opens(first)
	tenth()
	o.approve("porch-pi").leadsTo(o.path)
	tenth()
	second := p.pairing("Garage Pi")
	tenth()
	other := b.opens(second)
	tenth()
	first.poll(nil)
	tenth()
	b.post(other.path+"/deny", nil).leadsTo(other.path)
	want := []string{
		"Denied a device that calls itself “Garage Pi”", "Value of porch-pi sent to its device", "A device that calls itself “Garage Pi” asked to connect",
		"Approved a device that calls itself “Porch Pi”, with the key porch-pi", "Created porch-pi for a connected device",
		"A device that calls itself “Porch Pi” asked to connect", "Signed in",
	}
	if got := b.get("/activity").texts(".event .deed"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhatAStrangerRepeatsIsOneRowThatSaysHowOften(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	p.clock.Advance(time.Hour)
	for range 12 { // a minute each, of which ten are one row
		p.writes(who, "sign-in-failed", detail("wrong password"), by(model.ActorUnknown))
	}
	b := p.signIn(who)
	a := b.get("/activity?kind=sign-ins").want(http.StatusOK)
	first := noon.Add(time.Hour + time.Minute)
	want := []string{
		"Signed in", "Sign-in refused: wrong password, twice, last at " + first.Add(11*time.Minute).Format("15:04 UTC"),
		"Sign-in refused: wrong password, 10 times, last at " + first.Add(9*time.Minute).Format("15:04 UTC"),
	}
	if got := a.texts(".deed"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	file := b.get("/activity.csv").want(http.StatusOK).body
	for _, part := range []string{
		"address,agent,count,last_time\r\n", ",10," + first.Add(9*time.Minute).Format(time.RFC3339Nano) + "\r\n", ",1,\r\n",
	} {
		if !strings.Contains(file, part) {
			t.Errorf("the file has no %q: %s", part, file)
		}
	}
	if file := b.get("/activity.json").want(http.StatusOK).body; !strings.Contains(file, `"count":10,"last_time":"`+first.Add(9*time.Minute).Format(time.RFC3339Nano)+`"}`) {
		t.Errorf("the file is %s", file)
	}
	for i := range 40 { // from so many addresses that the day is full
		p.writes(who, "sign-in-failed", detail("wrong password"), by(model.ActorUnknown), func(e *model.Event) { e.Address = fmt.Sprintf("192.0.2.%d", i) })
	}
	p.clock.Advance(12 * time.Hour)
	p.writes(who, "sign-in-failed", detail("wrong password"), by(model.ActorUnknown), func(e *model.Event) { e.Address = "192.0.2.99" })
	b = p.signIn(who)
	a = b.get("/activity?kind=sign-ins").want(http.StatusOK)
	if deeds, from := a.texts(".deed"), a.texts(".event .by"); !strings.HasSuffix(deeds[1], "wrong password, 18 times, last at 3 May, 01:53 UTC") ||
		from[1] != "Someone not signed in · several addresses" || len(deeds) > 30 {
		t.Errorf("got %q, %q", deeds, from)
	}
}

func TestTheListIsNarrowedDownByGroupAndByKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.writes(who, "key-made", about(aKey, "porch-cam"))
	p.writes(who, "key-made", about("69cc8d000000000000000002", "garage"))
	p.writes(who, "pairing-denied", detail("Pi"))
	p.writes(who, "key-refused", about(aKey, "porch-cam"), detail("off"))
	p.writes(who, "password-changed")
	for query, want := range map[string]int{
		"": 6, "?kind=sign-ins": 1, "?kind=keys": 3, "?kind=devices": 2, "?kind=account": 1, "?key=" + aKey: 2,
		"?kind=devices&key=" + aKey: 1, "?kind=nonsense": 6, "?key=nonsense": 6, "?before=nonsense": 6, "?kind=account&key=" + aKey: 0,
	} {
		a := b.get("/activity" + query).want(http.StatusOK)
		if got := len(a.texts(".event")); got != want {
			t.Errorf("%q shows %d, want %d", query, got, want)
		}
		if got := a.attr(".chips [aria-current]", "href"); want > 0 && strings.Contains(query, "kind=keys") && !strings.Contains(got, "kind=keys") {
			t.Errorf("%q marks %q", query, got)
		}
	}
	b.get("/activity?key="+aKey).says(".about", "About porch-cam")
	b.get("/activity?kind=account&key="+aKey).says(".nothing", "Nothing like that yet.")
	b.get("/activity?before=000000000000000000000000").says(".nothing", "Nothing older.")
}

func TestFiftyAreOnAPageAndTheOlderOnesBehindALink(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	for i := range 119 {
		p.writes(who, "key-made", about(aKey, fmt.Sprintf("key-%03d", i)))
	}
	b := p.signIn(who)
	var seen []string
	path, pages := "/activity?key="+aKey, 0
	for path != "" {
		a := b.get(path).want(http.StatusOK)
		seen, pages = append(seen, a.texts(".deed")...), pages+1
		path = a.attr("a[rel=next]", "href")
	}
	if len(seen) != 119 || pages != 3 || seen[0] != "Created key-118" || seen[118] != "Created key-000" {
		t.Errorf("%d in %d pages, from %q to %q", len(seen), pages, seen[0], seen[len(seen)-1])
	}
}

func TestOthersSeeNothingOfIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	_, who := p.signedIn(email)
	p.writes(who, "key-made", about(aKey, "porch-cam"))
	bob, _ := p.signedIn("bob@example.com")
	for _, path := range []string{"/activity", "/activity?key=" + aKey, "/activity.csv", "/activity.json"} {
		bob.get(path).want(http.StatusOK).keepsQuiet("porch-cam")
	}
	p.browser().get("/activity.csv").leadsTo("/login?next=%2Factivity")
}

// noEvents can neither read nor write.
type noEvents struct{}

var errEvents = errors.New("disk secret-host is on fire")

func (noEvents) RecordEvent(context.Context, model.Event) error { return errEvents }

func (noEvents) Events(context.Context, string, model.EventQuery) ([]model.Event, error) {
	return nil, errEvents
}

func TestEventsThatCannotBeReadAreNoEmptyList(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, func(d *handlers.Deps) { d.Events = noEvents{} })
	b, _ := p.signedIn(email) // what cannot be written down does not keep anybody out
	for _, path := range []string{"/activity", "/activity.csv", "/activity.json"} {
		a := b.get(path).want(http.StatusServiceUnavailable).says("h1", "We can’t read your activity").keepsQuiet("secret-host", "attachment")
		if a.header.Get("Retry-After") == "" {
			t.Error("it does not say when to come back")
		}
	}
	if log := p.logs.String(); strings.Count(log, "secret-host is on fire") < 4 || !strings.Contains(log, "event not recorded") {
		t.Error("the log has no cause")
	}
}

func TestThePageSaysWhenMoreMayBeKnownElsewhere(t *testing.T) {
	t.Parallel()
	const where = "Your account is at another server"
	b, _ := newProgram(t, elsewhere).signedIn(email)
	b.get("/activity").says("main", where)
	b, _ = newProgram(t).signedIn(email)
	b.get("/activity").keepsQuiet(where)
}

// Whoever writes it down, the server or the dashboard in front of an upstream: once for each act, from where it came.
func TestEveryActIsWrittenDownExactlyOnceHoweverOftenItIsAsked(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][]func(*handlers.Deps){"here": nil, "elsewhere": {elsewhere}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, how...)
			lists := []*store.Store{p.store}
			if name == "elsewhere" { // the other server writes down in its own list that an app did it
				lists = append(lists, p.own)
			}
			who := p.person(email)
			b := p.signIn(who).with("User-Agent", "a-browser/1")
			many := func(path string, form url.Values) {
				var all sync.WaitGroup
				for range 50 {
					all.Go(func() { b.post(path, form) })
				}
				all.Wait()
			}
			many("/keys", newKeyForm("porch-cam"))
			id := p.stored(who)[0].ID
			many("/keys/"+id+"/turn-off", nil)
			many("/keys/"+id+"/turn-on", nil)
			d := p.pairing("Porch Pi")
			many("/device", url.Values{"code": {d.userCode}})
			o := b.opens(d)
			many(o.path+"/approve", url.Values{"name": {"porch-pi"}})
			d.poll(nil)
			d.poll(nil)
			no := b.opens(p.pairing("Garage Pi"))
			many(no.path+"/deny", nil)
			many("/keys/"+id+"/delete", nil)
			many("/logout", nil)

			got := map[string]int{}
			for _, list := range lists {
				for _, e := range eventsIn(t, list, who) {
					if e.Actor != model.ActorApp {
						got[strings.TrimSpace(string(e.Kind)+" "+string(e.Actor)+" "+e.KeyName+" "+e.Detail)]++
					}
				}
			}
			want := map[string]int{
				"signed-in browser": 1, "key-made browser porch-cam": 1, "key-shown browser porch-cam": 1,
				"key-turned-off browser porch-cam": 1, "key-turned-on browser porch-cam": 1, "key-deleted browser porch-cam": 1,
				"pairing-asked device  Porch Pi": 1, "pairing-asked device  Garage Pi": 1, "pairing-denied browser  Garage Pi": 1,
				"pairing-approved browser porch-pi Porch Pi": 1, "key-made browser porch-pi Porch Pi": 1, "key-shown device porch-pi fetched by the device": 1,
				"session-ended browser  signed out": 1,
			}
			for what, n := range want {
				if got[what] != n {
					t.Errorf("%q: %d times", what, got[what])
				}
				delete(got, what)
			}
			if len(got) > 0 {
				t.Errorf("and also %v", got)
			}
		})
	}
}
