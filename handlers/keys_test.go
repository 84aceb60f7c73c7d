package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheFirstVisitExplainsWhatAKeyIs(t *testing.T) {
	t.Parallel()
	b, _ := newProgram(t).signedIn(email)
	a := b.get("/keys").want(http.StatusOK)
	a.says("#keys h2", "Give your first device a key").says("#quota", "0 of 20")
	a.lacks("ul.keys", "[role=search]", "#once", ".notice:not(.local)", "[role=switch]")
	if a.attr("input[name=form_id]", "value") == "" {
		t.Error("the form has no id")
	}
}

func TestTheListHasEveryKeyWithTheServersStateAndNoValue(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	names := []string{"zebra", "Apple", "mango"}
	keys := p.seed(who, names...)
	p.turn(who, keys[1], false)

	a := b.get("/keys").want(http.StatusOK)
	if diff := cmp.Diff([]string{"mango", "zebra", "Apple"}, a.texts("#keys .name")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"On", "On", "Off"}, a.texts("#keys .state")); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	for i, key := range keys {
		row := "#key-" + key.ID
		checked, act := "true", "/turn-off"
		if i == 1 {
			checked, act = "false", "/turn-on"
		}
		if got := a.attr(row+" [role=switch]", "aria-checked"); got != checked {
			t.Errorf("the switch of %s is %s", key.Name, got)
		}
		if got := a.attr(row+" form.toggle", "action"); got != "/keys/"+key.ID+act {
			t.Errorf("the switch of %s goes to %s", key.Name, got)
		}
		if got := a.attr(row+" time[datetime^='2026-04']", "datetime"); got != fmt.Sprintf("2026-04-01T0%d:00:00Z", i) {
			t.Errorf("%s was created %s", key.Name, got)
		}
	}
	a.says("#quota", "3 of 20").lacks("#once", "#value")
}

func TestAPersonSeesNobodyElsesKeys(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.seed(p.person("bob@example.com"), "bobs-camera")
	b.get("/keys").want(http.StatusOK).says("#quota", "0 of 20").keepsQuiet("bobs-camera", "bob@example.com")
}

func TestTheMeterSaysHowNearTheLimitIs(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	for _, c := range []struct {
		used  int
		level string
	}{{0, ""}, {1, ""}, {15, ""}, {16, "near"}, {19, "near"}, {20, "full"}} {
		b, who := p.signedIn(fmt.Sprintf("ana%d@example.com", c.used))
		p.seed(who, numbered(c.used)...)
		a := b.get("/keys").want(http.StatusOK).says("#quota", fmt.Sprintf("%d of 20", c.used))
		if got := a.attr("#quota", "class"); got != "quota count "+c.level && got != "quota count"+c.level {
			t.Errorf("at %d the meter is %q", c.used, got)
		}
		if c.level != "" && (a.attr("progress", "value") != fmt.Sprint(c.used) || a.attr("progress", "max") != "20") {
			t.Errorf("at %d the meter shows %s of %s", c.used, a.attr("progress", "value"), a.attr("progress", "max"))
		}
	}
}

func TestWithAllKeysInUseBothWaysToAKeyLeadToWhereRoomIsMade(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, numbered(20)...)
	a := b.get("/keys").want(http.StatusOK).lacks("#create", "input[name=form_id]", `a[href="/keys/new"]`)
	if got := len(a.texts(`.push a[href="/keys/room"]`)); got != 2 {
		t.Errorf("%d ways lead to where room is made", got)
	}
	if got := len(a.texts("#keys .name")); got != 20 {
		t.Errorf("%d keys in the list", got)
	}
}

func TestSearchFindsPartsOfNamesWhateverTheirCase(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, "porch-cam", "Garage-Cam", "heat-pump", "pi", "pi-2", "old")
	for query, want := range map[string][]string{
		"cam":        {"Garage-Cam", "porch-cam"},
		"CAM":        {"Garage-Cam", "porch-cam"},
		"%20pi%20":   {"pi-2", "pi"},
		"":           {"old", "pi-2", "pi", "heat-pump", "Garage-Cam", "porch-cam"},
		"%25":        nil,
		"zzz":        nil,
		"%3Cb%3Ex":   nil,
		"porch-cam%": {"old", "pi-2", "pi", "heat-pump", "Garage-Cam", "porch-cam"}, // no query that can be read
	} {
		for _, a := range []answer{b.get("/keys?q=" + query), b.htmx().get("/keys?q=" + query).isPart()} {
			a.want(http.StatusOK).says("#quota", "6 of 20").lacks("#keys b")
			var got []string
			got = append(got, a.texts("#keys .name")...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("q=%s (-want +got):\n%s", query, diff)
			}
		}
	}
	none := b.get("/keys?q=zzz").says("#keys", "No key matches “zzz”. Show all 6").lacks(".first")
	if got := none.attr("#q", "value"); got != "zzz" {
		t.Errorf("the search field holds %q", got)
	}
}

func TestASearchFieldComesWithTheSixthKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.seed(who, numbered(5)...)
	b.get("/keys").lacks("[role=search]")
	if !b.get("/keys?q=key-0").has("[role=search]") {
		t.Error("a search cannot be changed")
	}
	c, many := p.signedIn("bob@example.com")
	p.seed(many, numbered(6)...)
	if !c.get("/keys").has("[role=search]") {
		t.Error("six keys and no search")
	}
}

// unreadable is every way in which the list of keys fails to come.
var unreadable = map[string]struct {
	fault  happens
	status int
	words  string
}{
	"it is down":                {refusesConnections, 502, "We can’t reach the key service. Nothing was changed, and you’re still signed in."},
	"its name does not resolve": {isNowhere, 502, "We can’t reach the key service."},
	"it does not answer":        {timesOut, 504, "The key service didn’t answer in time. You’re still signed in."},
	"time is up":                {outOfTime, 504, "The key service didn’t answer in time."},
	"the connection breaks":     {losesRequests, 502, "The connection to the key service broke. You’re still signed in."},
	"the answer breaks off":     {breaksOff, 502, "The connection to the key service broke."},
	"it fails with a page":      {says(500, "<title>secret-host</title><h1>500</h1>"), 502, "The key service gave an answer we can’t use."},
	"it is a captive portal":    {says(200, "<title>secret-host</title>"), 502, "The key service gave an answer we can’t use."},
	"it sends us elsewhere":     {says(302, ""), 502, "The key service gave an answer we can’t use."},
	"it is busy":                {says(503, `{"error":"secret-host is busy"}`), 503, "The key service is busy."},
	"we ask too often":          {says(429, ""), 503, "The key service is busy."},
	"the list is null":          {says(200, `null`), 502, "The key service gave an answer we can’t use."},
	"a key has no id":           {says(200, `[{"name":"secret-host","disabled":false}]`), 502, "The key service gave an answer we can’t use."},
	"the list is cut short":     {says(200, `[{"_id":"0123456789abcdef01234567","name":"secret-host"`), 502, "The key service gave an answer we can’t use."},
	"the answer is endless":     {says(200, "["+strings.Repeat(" ", 2<<20)), 502, "The key service gave an answer we can’t use."},
}

func TestAListThatCannotBeReadIsNeverDrawnAsEmpty(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	p.seed(who, "porch-cam")
	for name, c := range unreadable {
		t.Run(name, func(t *testing.T) {
			b := b.on(t)
			p.upstream.heal()
			p.upstream.breaks(listKeys, c.fault)
			for _, a := range []answer{b.get("/keys").want(c.status), b.htmx().get("/keys").want(c.status).isPart()} {
				a.says("#keys .notice.bad strong", "We couldn’t read your keys.").says("#keys .notice", c.words)
				a.lacks(".first", ".nothing", "ul.keys", "#quota", "#create", "#make-room", "[role=search]")
				a.keepsQuiet("No keys yet", "of 20 keys used", "secret-host", "10.9.8.7", "keys.internal")
				if got := a.attr("#keys .notice a.button", "href"); got != "/keys" {
					t.Errorf("trying again leads to %q", got)
				}
				if a.text("#keys .notice code") == "" {
					t.Error("there is no reference for the operator")
				}
			}
			p.upstream.heal()
			b.get("/keys").want(http.StatusOK).says("#keys .name", "porch-cam") // still signed in
		})
	}
}

func TestABusyKeyServiceIsNotAskedAgainAtOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks("*", says(429, ""))
	for name, a := range map[string]answer{
		"list":   b.get("/keys"),
		"key":    b.get("/keys/" + key.ID),
		"create": b.post("/keys", createForm(newFormID(t), "heat-pump")),
		"turn":   b.post("/keys/"+key.ID+"/turn-off", nil),
		"delete": b.post("/keys/"+key.ID+"/delete", nil),
	} {
		if got := a.want(http.StatusServiceUnavailable).header.Get("Retry-After"); got != "30" {
			t.Errorf("%s: Retry-After is %q", name, got)
		}
	}
}

func TestTheReferenceIsTheKeyServicesOwnWhenItHasOne(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks(listKeys, says(500, `{"error":"x","link":"https://realm.example/logs?co_id=6a5f00c0ffee00c0ffee00c0"}`))
	b.get("/keys").says("#keys code", "6a5f00c0ffee00c0ffee00c0")

	p.upstream.breaks(listKeys, says(500, ""))
	a := b.get("/keys").says("#keys code", "")
	if got := a.text("#keys code"); got != a.header.Get("X-Request-Id") {
		t.Errorf("the reference is %q, the request %q", got, a.header.Get("X-Request-Id"))
	}
}

func TestASessionThatTheKeyServiceEndedLeadsToTheLogIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	who := p.person(email)
	key := p.seed(who, "porch-cam")[0]
	for _, c := range []struct{ method, path, place string }{
		{http.MethodGet, "/keys", "/login?ended=service&next=%2Fkeys"},
		{http.MethodGet, "/keys/" + key.ID, "/login?ended=service&next=%2Fkeys%2F" + key.ID},
		{http.MethodGet, "/keys/" + key.ID + "/delete", "/login?ended=service&next=%2Fkeys%2F" + key.ID + "%2Fdelete"},
		{http.MethodPost, "/keys", "/login?ended=service&next=%2Fkeys%2Fnew%3Fname%3Dheat-pump"},
		{http.MethodPost, "/keys/" + key.ID + "/turn-off", "/login?ended=service&next=%2Fkeys"},
		{http.MethodPost, "/keys/" + key.ID + "/delete", "/login?ended=service&next=%2Fkeys"},
	} {
		for _, script := range []bool{false, true} {
			p.upstream.heal()
			b := p.signIn(who)
			old := b.cookie("latchkey")
			p.upstream.breaks("*", says(401, `{"error":"invalid session","error_code":"InvalidSession"}`))
			asking := b
			if script {
				asking = b.htmx()
			}
			a := asking.send(asking.request(c.method, c.path, createForm(newFormID(t), "heat-pump")))
			if script {
				if got := a.want(http.StatusOK).header.Get("HX-Redirect"); got != c.place || a.body != "" {
					t.Errorf("%s %s leads htmx to %q with %q", c.method, c.path, got, a.body)
				}
			} else {
				a.leadsTo(c.place)
			}
			if got := b.cookie("latchkey"); got != "" {
				t.Errorf("%s %s leaves the cookie %q", c.method, c.path, got)
			}
			p.upstream.heal()
			thief := p.browser()
			thief.plant("latchkey", old)
			thief.get("/keys").want(http.StatusSeeOther)
		}
	}
	p.browser().get("/login?ended=1&next=%2Fkeys").says(".notice:not(.local)", "Your session has ended. Sign in to continue.")
	p.browser().get("/login?ended=service&next=%2Fkeys").says(".notice:not(.local)", "The key service ended your session. Sign in to continue.")
}

func TestWhoeverMayNotManageKeysIsToldWhy(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	for _, body := range []string{"", `{"error":"secret-host says no"}`} {
		p.upstream.breaks("*", says(403, body))
		for _, a := range []answer{
			b.get("/keys"),
			b.get("/keys/" + key.ID),
			b.get("/keys/" + key.ID + "/delete"),
			b.post("/keys", createForm(newFormID(t), "heat-pump")),
			b.post("/keys/"+key.ID+"/turn-off", nil),
			b.post("/keys/"+key.ID+"/delete", nil),
		} {
			a.want(http.StatusForbidden).says("h1", "Keys can’t be managed from here").keepsQuiet("secret-host")
			a.says("main", "Sign out, then sign in with your email and password.")
			if !a.has(`form[action="/logout"]`) {
				t.Error("there is no way to sign out")
			}
		}
		part := b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusForbidden).isPart()
		part.says(".notice.bad", "Keys can’t be managed from here")
	}
}

func TestAKeysPageShowsTheKeyAndHowADeviceSignsInWithIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	a := b.get("/keys/"+key.ID).want(http.StatusOK).says("h1", "porch-cam").says("title", "porch-cam")
	a.says("#key", "Created1 Apr").says("#key", key.ID).says("#key .state", "On")
	a.says("label:has([value=node]) + .snippet pre", `id: "`+appID+`"`).says("label:has([value=node]) + .snippet pre", `baseUrl: "`+publicURL+`"`)
	a.says("label:has([value=node]) + .snippet pre", "process.env.API_KEY")
	a.lacks("#value", "#once")
	if got := a.attr("#key form.toggle input[name=place]", "value"); got != "page" {
		t.Errorf("the switch says that it is on %q", got)
	}

	p.turn(who, key, false)
	b.get("/keys/"+key.ID).says("#key .state", "Off").says("#key .notice", "Turned off just now. Nothing can sign in with it.")
	b.htmx().get("/keys/"+key.ID).isPart().says("#key .state", "Off")
}

func TestUnknownMalformedAndForeignKeysAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	bob := p.person("bob@example.com")
	foreign := p.seed(bob, "bobs-camera")[0]
	ids := []string{foreign.ID, "ffffffffffffffffffffffff", "0123", "nonsense", "%3Cscript%3E", strings.Repeat("a", 200), "..%2fkeys"}
	var pages []string
	for _, id := range ids {
		a := b.get("/keys/"+id).want(http.StatusNotFound).says("h1", "Key not found").keepsQuiet("bobs-camera")
		pages = append(pages, a.text("main"))
		for _, act := range []string{"turn-on", "turn-off"} {
			b.post("/keys/"+id+"/"+act, nil).want(http.StatusNotFound).says("h1", "Key not found")
		}
		b.get("/keys/"+id+"/delete").want(http.StatusNotFound).says("h1", "Key not found")
	}
	for i, page := range pages {
		if page != pages[0] {
			t.Errorf("%s is answered %q, %s %q", ids[i], page, ids[0], pages[0])
		}
	}
	if got := p.storedNames(bob); got != "bobs-camera" {
		t.Errorf("the other person's keys are now %s", got)
	}
}
