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
		{"account-made", nil}, {"signed-in", nil},
		{"sign-in-failed", []func(*model.Event){detail("wrong password"), by(model.ActorUnknown)}},
		{"session-ended", []func(*model.Event){detail("signed out")}},
		{"session-ended", []func(*model.Event){detail("all others")}},
		{"key-made", []func(*model.Event){key}}, {"key-shown", []func(*model.Event){key}},
		{"key-shown", []func(*model.Event){key, by(model.ActorDevice), detail("fetched by the device")}},
		{"key-turned-on", []func(*model.Event){key}}, {"key-turned-off", []func(*model.Event){key}}, {"key-deleted", []func(*model.Event){key}},
		{"key-first-used", []func(*model.Event){key, by(model.ActorDevice)}},
		{"key-refused", []func(*model.Event){key, by(model.ActorDevice), detail("off")}},
		{"key-refused", []func(*model.Event){key, by(model.ActorDevice), detail("account is off")}},
		{"pairing-asked", []func(*model.Event){by(model.ActorDevice), detail("Porch Pi")}},
		{"pairing-approved", []func(*model.Event){key, detail("Porch Pi")}}, {"pairing-denied", []func(*model.Event){detail("Porch Pi")}},
		{"password-changed", nil}, {"password-reset", nil}, {"password-confirmed", nil}, {"password-reset-asked", []func(*model.Event){by(model.ActorOperator)}},
		{"email-confirmed", nil}, {"account-disabled", []func(*model.Event){by(model.ActorOperator)}}, {"account-enabled", nil},
		{"of-a-newer-version", []func(*model.Event){detail("whatever")}},
	} {
		p.writes(who, e.kind, e.change...)
	}
	b := p.signIn(who)
	a := b.get("/activity").want(http.StatusOK)
	got := a.texts(".day .deed")
	slices.Reverse(got)
	want := []string{
		"Account created", "Signed in", "Sign-in refused: wrong password", "Session ended: signed out", "Ended all other sessions",
		"Created porch-cam", "Showed the value of porch-cam", "The device fetched the value of porch-cam",
		"Turned on porch-cam", "Turned off porch-cam", "Deleted porch-cam", "First use of porch-cam",
		"Log-in refused with porch-cam: it was off", "Log-in refused with porch-cam: the account is off",
		"Asked to be connected: a device that calls itself “Porch Pi”",
		"Approved a device that calls itself “Porch Pi”, with the key porch-cam", "Denied a device that calls itself “Porch Pi”",
		"Password changed", "Password reset", "Password entered once more", "Password reset asked for",
		"E-mail address confirmed", "Account turned off", "Account turned on", "of-a-newer-version: whatever", "Signed in",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := len(a.texts(".refused .icon")); got != 3 || len(a.texts(".deed .icon")) != 3 {
		t.Errorf("%d refusals are drawn as such", got)
	}
	from := a.texts(".day .small")
	slices.Reverse(from)
	for i, want := range map[int]string{
		0: "by a browser, from 192.0.2.7, Firefox, Linux", 2: "by somebody who is not signed in, from 192.0.2.7, Firefox, Linux",
		11: "by a device with this key, from 192.0.2.7, Firefox, Linux", 14: "by a device, from 192.0.2.7, Firefox, Linux", 20: "by the operator, from 192.0.2.7, Firefox, Linux",
	} {
		if from[i] != want {
			t.Errorf("%d is %q, want %q", i, from[i], want)
		}
	}
	if a.text(".day time") == "" || a.attr(".day:last-of-type li:last-child time", "datetime") != noon.Add(time.Minute).Format(time.RFC3339) {
		t.Errorf("the first is at %q", a.attr(".day:last-of-type li:last-child time", "datetime"))
	}
	if got := a.texts(".day h2"); !slices.Equal(got, []string{"Saturday, 2 May 2026"}) {
		t.Errorf("days %v", got)
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
		"Signed in", "Sign-in refused: wrong password, 2 times until " + first.Add(11*time.Minute).Format("15:04"),
		"Sign-in refused: wrong password, 10 times until " + first.Add(9*time.Minute).Format("15:04"),
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
	if deeds, from := a.texts(".deed"), a.texts(".day .small"); !strings.HasSuffix(deeds[1], "wrong password, 18 times until 3 May, 01:53") ||
		from[1] != "by somebody who is not signed in, from several addresses" || len(deeds) > 30 {
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
		if got := len(a.texts(".day li")); got != want {
			t.Errorf("%q shows %d, want %d", query, got, want)
		}
		if got := a.attr(".filter [aria-current]", "href"); want > 0 && strings.Contains(query, "kind=keys") && !strings.Contains(got, "kind=keys") {
			t.Errorf("%q marks %q", query, got)
		}
	}
	b.get("/activity?key="+aKey).says(".about", "about porch-cam")
	b.get("/activity?kind=account&key="+aKey).says(".nothing", "Nothing like that has happened.")
	b.get("/activity?before=000000000000000000000000").says(".nothing", "There is nothing older.")
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
		a := b.get(path).want(http.StatusServiceUnavailable).says("h1", "We cannot read your activity").keepsQuiet("secret-host", "attachment")
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
