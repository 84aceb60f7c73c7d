package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// crew are operators who find what a test has put there. What is asked of them is remembered.
type crew struct {
	handlers.Operating

	calls   []string
	refuses error // every call
	confirm bool  // of an act whose origin says so, it was confirmed

	users    model.UserPage
	user     model.UserDetail
	events   []model.Event
	owner    model.ValueOwner
	what     model.Switched
	knocks   []model.Knocked
	keys     []model.Key
	acts     model.ActPage
	hooks    []model.Webhook
	searched [2]string
	pasted   model.Secret
}

func (c *crew) Operator(_ context.Context, _ model.Account, from model.Origin) (handlers.Operating, error) {
	c.confirm = from.Confirmed
	return c, nil
}

func (c *crew) call(name string, about ...string) error {
	c.calls = append(c.calls, strings.Join(append([]string{name}, about...), " "))
	return c.refuses
}

func (c *crew) act(name string, about ...string) (model.Switched, error) {
	if !c.confirm {
		return model.Switched{}, &model.Error{Kind: model.KindConfirm}
	}
	return c.what, c.call(name, about...)
}

func (c *crew) Search(_ context.Context, text, after string) (model.UserPage, error) {
	c.searched = [2]string{text, after}
	return c.users, c.call("Search")
}

func (c *crew) FindByValue(_ context.Context, pasted model.Secret) (model.ValueOwner, error) {
	c.pasted = pasted
	return c.owner, c.call("FindByValue")
}

func (c *crew) User(_ context.Context, id string) (model.UserDetail, error) {
	return c.user, c.call("User", id)
}

func (c *crew) Events(_ context.Context, id string, q model.EventQuery) ([]model.Event, error) {
	return c.events[:min(len(c.events), q.Limit)], c.call("Events", id, q.Before)
}

func (c *crew) Webhooks(context.Context) ([]model.Webhook, error) { return c.hooks, c.call("Webhooks") }

func (c *crew) TurnKeyOff(_ context.Context, user, key string) (model.Switched, error) {
	return c.act("TurnKeyOff", user, key)
}

func (c *crew) EndSession(_ context.Context, user, session string) (model.Switched, error) {
	return c.act("EndSession", user, session)
}

func (c *crew) SignOutEverywhere(_ context.Context, user string) (model.Switched, error) {
	return c.act("SignOutEverywhere", user)
}

func (c *crew) SwitchUser(_ context.Context, user string, on bool) (model.Switched, error) {
	return c.act("SwitchUser", user, fmt.Sprint(on))
}

func (c *crew) SendReset(_ context.Context, user string) (model.Switched, error) {
	return c.act("SendReset", user)
}

func (c *crew) Knocks(_ context.Context, ignored bool) ([]model.Knocked, error) {
	if ignored {
		return nil, c.call("Knocks", "ignored")
	}
	return c.knocks, c.call("Knocks")
}

func (c *crew) AssignKnock(_ context.Context, id, person, name string) (model.Key, error) {
	what, err := c.act("AssignKnock", id, person, name)
	return what.Key, err
}

func (c *crew) IgnoreKnock(_ context.Context, id string) (model.Switched, error) {
	return c.act("IgnoreKnock", id)
}

func (c *crew) ServerKeys(context.Context) ([]model.Key, error) { return c.keys, c.call("ServerKeys") }

func (c *crew) CreateServerKey(_ context.Context, name string) (model.Key, model.Secret, error) {
	_, err := c.act("CreateServerKey", name)
	return model.Key{ID: oneID, Name: name}, model.Secret(someValue), err
}

func (c *crew) TurnServerKeyOff(_ context.Context, key string) (model.Switched, error) {
	return c.act("TurnServerKeyOff", key)
}

func (c *crew) Acts(_ context.Context, before string) (model.ActPage, error) {
	return c.acts, c.call("Acts", before)
}

// oneID and otherID are ids of whomever.
const (
	oneID   = "69f5e0000123456789abcdef"
	otherID = "69f5e0000123456789abcde0"
)

// someValue is that of a key.
var someValue = testkit.OldValue()

// newCrew is a program whose operators are a crew, and the browser of one of them.
func newCrew(t *testing.T, change ...func(*handlers.Deps)) (*program, *crew, *browser, person) {
	t.Helper()
	c := &crew{}
	p := newProgram(t, append(change, func(d *handlers.Deps) { d.Operators = c })...)
	b, who := p.signedIn("operator@example.com")
	p.makeOperator(who, true)
	return p, c, b, who
}

// makeOperator gives somebody the role, or takes it.
func (p *program) makeOperator(who person, is bool) {
	p.t.Helper()
	if _, err := p.store.SetOperator(p.t.Context(), who.id, is, p.clock.Now()); err != nil {
		p.t.Fatal(err)
	}
}

// runningRoutes are those for operators, by the program's own table, with ids in place of parameters.
func runningRoutes(p *program) (routes [][2]string) {
	ids := strings.NewReplacer(":id", oneID, ":key", oneID, ":session", oneID)
	for _, r := range handlers.Routes(handlers.New(p.deps)) {
		method, path, _ := strings.Cut(r, " ")
		if strings.HasPrefix(path, "/running") {
			routes = append(routes, [2]string{method, ids.Replace(path)})
		}
	}
	return routes
}

func TestWhoIsNoOperatorFindsNothingOnAnyRouteForOperators(t *testing.T) {
	p, crew, operator, ada := newCrew(t)
	ana, _ := p.signedIn(email)
	ask := func(b *browser, method, path string) answer {
		var form url.Values
		if method != http.MethodGet && method != http.MethodHead {
			form = url.Values{"name": {"collector"}}
		}
		return b.send(b.request(method, path, form))
	}
	routes := runningRoutes(p)
	if len(routes) < 20 {
		t.Fatal("few routes:", routes)
	}
	paths := map[string]bool{}
	for _, r := range routes {
		paths[r[1]] = true
	}
	for path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			got, nothing := ask(ana, method, path), ask(ana, method, "/running-nowhere")
			for _, header := range []http.Header{got.header, nothing.header} {
				header.Del("X-Request-Id")
			}
			if got.status != nothing.status || got.body != nothing.body || fmt.Sprint(got.header) != fmt.Sprint(nothing.header) {
				t.Errorf("%s %s: %d %v %s\nwant %d %v %s", method, path, got.status, got.header, squeeze(got.doc.Text()), nothing.status, nothing.header, squeeze(nothing.doc.Text()))
			}
		}
	}
	for _, r := range routes {
		if got := ask(p.browser(), r[0], r[1]); !strings.HasPrefix(got.header.Get("Location"), "/login?next=") {
			t.Errorf("%v with nobody signed in: %d to %q", r, got.status, got.header.Get("Location"))
		}
	}
	for path := range paths {
		if got := ask(p.browser(), http.MethodOptions, path); got.status != http.StatusNotFound || got.header.Get("Allow") != "" {
			t.Errorf("OPTIONS %s with nobody signed in: %d %v", path, got.status, got.header)
		}
	}
	ana.get("/keys").lacks("nav a[href='/running']")
	if len(crew.calls) > 0 {
		t.Error("operators were asked:", crew.calls)
	}

	operator.get("/keys").says("nav a[href='/running']", "Running")
	operator.get("/running").want(http.StatusOK)
	ask(operator, http.MethodOptions, "/running").want(http.StatusNoContent)
	p.makeOperator(ada, false) // while the page is open
	crew.calls = nil
	for _, r := range routes {
		ask(operator, r[0], r[1]).want(http.StatusNotFound).lacks("nav a[href='/running']")
	}
	if len(crew.calls) > 0 {
		t.Error("operators were asked:", crew.calls)
	}
}

// The row of the web session may be older than what the rules find.
func TestWhoseRoleIsTakenDuringARequestFindsNothing(t *testing.T) {
	p, crew, b, _ := newCrew(t)
	crew.refuses = &model.Error{Kind: model.KindForbidden}
	for _, r := range runningRoutes(p) {
		if r[0] != http.MethodHead {
			b.send(b.request(r[0], r[1], url.Values{"name": {"collector"}, "person": {"ana"}, "q": {someValue}})).want(http.StatusNotFound)
		}
	}
}

func TestAnotherServersAccountsHaveNoPagesForOperators(t *testing.T) {
	p := newProgram(t, elsewhere)
	if routes := runningRoutes(p); len(routes) > 0 {
		t.Error(routes)
	}
}

// Every act, by the table of routes: whoever finds the browser of an operator open must do nothing with it.
func TestWhatOperatorsDoTakesAStepUp(t *testing.T) {
	p, crew, b, _ := newCrew(t)
	crew.owner.User.ID = oneID
	p.clock.Advance(29 * time.Minute)
	b.get("/keys").want(http.StatusOK)
	p.clock.Advance(2 * time.Minute)
	acts := 0
	for _, r := range runningRoutes(p) {
		if r[0] != http.MethodPost || r[1] == "/running" {
			continue
		}
		acts++
		asked := b.post(r[1], url.Values{"name": {"collector"}, "person": {"ana"}})
		asked.want(http.StatusForbidden).says("h1", "Confirm it’s you")
		if back := asked.attr(".actions a", "href"); !strings.HasPrefix(back, "/running") {
			t.Errorf("%s: who changes their mind goes to %q", r[1], back)
		}
	}
	if acts < 9 || len(crew.calls) > 0 {
		t.Error(acts, "acts, and done was:", crew.calls)
	}
	for act, says := range map[string]string{
		"/users/" + oneID + "/disable": "to disable this user’s account.", "/users/" + oneID + "/keys/" + otherID + "/off": "to turn off collector, a key of this user.",
		"/users/" + oneID + "/sessions/" + otherID + "/end": "to sign out this user’s session.", "/server-keys/" + oneID + "/off": "to turn off the server key collector.",
	} {
		b.post("/running"+act, url.Values{"name": {"collector"}}).says("main section > p", says)
	}
	b.post("/running/users/"+oneID+"/disable", url.Values{"password": {password}}).leadsTo("/running/users/" + oneID)
	if got := fmt.Sprint(crew.calls); got != "[SwitchUser "+oneID+" false]" {
		t.Error("done was:", got)
	}
}

// A value is in no address and no log, whichever way it was typed.
func TestTheSearchKeepsValuesToItself(t *testing.T) {
	p, crew, b, _ := newCrew(t)
	value := someValue
	b.post("/running", url.Values{"q": {" Ana@ex "}}).leadsTo("/running?q=Ana%40ex")
	b.get("/running?q=Ana%40ex")
	if crew.searched != [2]string{"Ana@ex", ""} {
		t.Error("searched for:", crew.searched)
	}
	b.post("/running", url.Values{"q": {""}}).leadsTo("/running")
	b.post("/running", url.Values{"q": {strings.Repeat("é", 200)}}).want(http.StatusUnprocessableEntity).says(".error", "At most 256 characters.")

	crew.calls = nil
	for _, pasted := range []string{value, "API_KEY=" + value, value[:50], "https://" + value + "@keys.example.com", strings.ToLower(value)} {
		crew.pasted = ""
		crew.owner = model.ValueOwner{Key: model.Key{Name: "porch-cam"}, User: model.UserFacts{ID: oneID}}
		b.post("/running", url.Values{"q": {pasted}}).leadsTo("/running/users/"+oneID).keepsQuiet(pasted, value[:50])
		if crew.pasted.Reveal() != pasted {
			t.Errorf("looked for %q", crew.pasted.Reveal())
		}
		b.get("/running").says("#status", "That’s the value of porch-cam, a key of this user.")
		b.get("/running?q="+url.QueryEscape(pasted)).want(http.StatusUnprocessableEntity).says(".error", "must not be in an address").keepsQuiet(pasted, value[:50])
	}
	for _, between := range []string{" ", "\r\n", "\u00a0", "\u200b", "\x01"} {
		broken := value[:32] + between + value[32:]
		b.post("/running", url.Values{"q": {broken}}).leadsTo("/running/users/"+oneID).keepsQuiet(value[:32], value[32:])
		if crew.pasted.Reveal() != value {
			t.Errorf("looked for %q", crew.pasted.Reveal())
		}
		b.get("/running?q="+url.QueryEscape(broken)).want(http.StatusUnprocessableEntity).keepsQuiet(value[:32], value[32:])
	}
	crew.owner = model.ValueOwner{Key: model.Key{Name: "collector"}, Server: true}
	b.post("/running", url.Values{"q": {value}}).leadsTo("/running/server-keys")
	crew.refuses = &model.Error{Kind: model.KindNotFound}
	b.post("/running", url.Values{"q": {value}}).want(http.StatusOK).says("[role=status].notice", "No key here has this value.").keepsQuiet(value)
	crew.refuses = &model.Error{Kind: model.KindBadValue}
	b.post("/running", url.Values{"q": {value[:50]}}).want(http.StatusUnprocessableEntity).says(".error", "A value has 64 letters and digits").keepsQuiet(value[:50])
	if strings.Contains(p.logs.String(), value[:50]) {
		t.Error("the log has a value")
	}
	for _, address := range []string{strings.Repeat("a", 50) + "@example.com", "69f5e0000123456789abcdef", "a-long-name-of-somebody-who-came-by-a-signed-token-of-the-app", "Somebody With Many Names"} {
		if to := b.post("/running", url.Values{"q": {address}}).header.Get("Location"); to != "/running?q="+url.QueryEscape(address) {
			t.Errorf("%s leads to %q", address, to)
		}
	}
}

func TestTheListOfUsersSaysWhatOperatorsNeed(t *testing.T) {
	_, crew, b, who := newCrew(t)
	b.get("/running").says(".nothing", "Nobody has an account here yet.")
	b.get("/running?q=zoe").says(".nothing", "No user’s sign-in begins with “zoe”.").has(".nothing a[href='/running']")
	script := `<script>alert(1)</script>"@example.com`
	crew.users = model.UserPage{More: "a&b", List: []model.UserFacts{
		{ID: who.id, Email: who.email, Operator: true, Keys: 8, LastSeen: noon.Add(-time.Hour), Ways: []model.Way{
			{Provider: model.ProviderEmailPassword}, {Provider: model.ProviderGoogle}, {Provider: model.ProviderGoogle}, {Provider: model.ProviderPasskey}, {Provider: "openid:acme"}}},
		{ID: oneID, Email: script, DisabledAt: noon.AddDate(0, 0, -3), Unconfirmed: true},
		{ID: otherID, Name: "\u202etxt.exe"},
	}}
	page := b.get("/running?q=a").want(http.StatusOK).lacks("main script")
	rows := page.texts("[aria-label=Users] li")
	want := []string{
		"operator@example.com Administrator Email and password, Google, passkey, acme · 8 of 20 keys · last seen 1 hour ago",
		script + " Disabled 29 Apr · Address not confirmed0 of 20 keys · never seen",
		"\u202etxt.exe0 of 20 keys · never seen",
	}
	if !slices.Equal(rows, want) {
		t.Errorf("%q\nwant %q", rows, want)
	}
	if len(page.texts("[aria-label=Users] a > bdi")) != 3 {
		t.Error("a name may turn what is around it")
	}
	if got := page.attr("a[rel=next]", "href"); got != "/running?after=a%26b&q=a" {
		t.Error("the next page is at", got)
	}
	if got := b.get("/running?q=a&after=a%26b").attr("nav a.button", "href"); got != "/running?q=a" {
		t.Error("the first page is at", got)
	}
}

// someUser is a user with a key that is on, one that is off, a browser and a device.
func someUser() model.UserDetail {
	return model.UserDetail{
		UserFacts: model.UserFacts{ID: oneID, Email: email, CreatedAt: noon.AddDate(-2, 0, 0), Ways: []model.Way{{Provider: model.ProviderEmailPassword}}, Keys: 2},
		Imported:  true, NotBack: 3,
		KeyList: []model.Key{
			{ID: oneID, Name: "porch-cam", CreatedAt: noon.AddDate(0, -1, 0), Card: model.Card{Label: "Porch"}, Usage: model.KeyUsage{Known: model.UsageKnown}},
			{ID: otherID, Name: "garage", CreatedAt: noon.AddDate(0, -1, 0), Disabled: true, Usage: model.KeyUsage{Known: model.UsageKnown}},
		},
		Sessions: model.Sessions{List: []model.Session{
			{ID: oneID, Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Address: "192.0.2.7"},
			{ID: otherID, KeyID: oneID, DeviceName: "pi-4"},
		}},
	}
}

func TestAUsersPageHasFactsAndWhatMayBeDone(t *testing.T) {
	p, crew, b, _ := newCrew(t, func(d *handlers.Deps) { d.SendsLinks = true })
	crew.user = someUser()
	for i := range 30 {
		kind := model.EventSignedIn
		if i%2 == 0 {
			kind = model.EventKeySaved
		}
		crew.events = append(crew.events, model.Event{
			ID: fmt.Sprintf("%024x", 1000-i), At: noon.Add(-time.Duration(i) * time.Minute), Kind: kind, Actor: model.ActorBrowser, Detail: map[bool]string{true: "ticked"}[kind == model.EventKeySaved],
			KeyID: map[bool]string{true: oneID}[kind == model.EventKeySaved], KeyName: map[bool]string{true: "porch-cam"}[kind == model.EventKeySaved],
		})
	}
	page := b.get("/running/users/" + oneID).want(http.StatusOK)
	page.says("h1", email).says(".facts", "2 May 2024, imported").says(".facts", "3 keys from the server before this one")
	if acts := page.texts("main form button"); !slices.Equal(acts, []string{
		"Disable account", "Sign out everywhere", "Send a reset link", "Turn off", "Sign out", "Sign out",
	}) {
		t.Errorf("may be done: %q", acts)
	}
	page.says("[aria-labelledby=keys-title]", "Porchporch-cam").says("[aria-labelledby=keys-title]", "Off · ")
	page.says("#activity", "The user").says("#activity", "saved, as they said").lacks("main a[href^='/activity']", "main a[href^='/keys']", "main [href$='.csv']")
	if got, want := page.attr("a[rel=next]", "href"), "/running/users/"+oneID+"?before="+fmt.Sprintf("%024x", 1000-19)+"#activity"; got != want {
		t.Errorf("older activity is at %q, want %q", got, want)
	}
	b.get("/running/users/"+oneID+"?before="+oneID).says("nav[aria-label='Activity pages']", "Newest")
	if got := crew.calls[len(crew.calls)-1]; got != "Events "+oneID+" "+oneID {
		t.Error("read was", got)
	}
	b.get("/running/users/nobody").want(http.StatusNotFound)

	crew.user.DisabledAt = noon
	b.get("/running/users/"+oneID).says("main form button", "Enable account")
	crew.user = model.UserDetail{UserFacts: model.UserFacts{ID: oneID, Email: email}}
	b.get("/running/users/"+oneID).says("[aria-labelledby=keys-title]", "No keys.").says("[aria-labelledby=sessions-title]", "Not signed in anywhere.")
	p.deps.SendsLinks = false
	p.start()
	crew.user = someUser()
	b.get("/running/users/"+oneID).says(".hint", "latchkey user reset-password "+oneID)
}

func TestOperatorsSeeWhereWebhooksLeadAndWhatIsWrong(t *testing.T) {
	_, crew, b, _ := newCrew(t)
	b.get("/running/webhooks").want(http.StatusOK).says(".nothing", "No webhooks yet.").says("h1", "Webhooks")
	kinds := []model.EventKind{model.EventKeyMade, model.EventKeyTurnedOff}
	crew.hooks = []model.Webhook{
		{ID: "0a1b2c3d", URL: "https://ops.example.org/<b>?token=geheim", Kinds: kinds, DeliveredAt: noon, Waiting: 3, Failed: 1},
		{ID: "0a1b2c3e", URL: "https://down.example.org", Kinds: kinds[:1], FailingSince: noon.Add(-time.Hour), Problem: "timed out", FullAt: noon},
		{ID: "0a1b2c3f", URL: "https://gone.example.org", Kinds: kinds, OffAt: noon, OffReason: model.WebhookOffGone, Problem: "answered 410"},
	}
	list := b.get("/running/webhooks").want(http.StatusOK).keepsQuiet("geheim").texts("[aria-label=Webhooks] li")
	for i, want := range [][]string{
		{"https://ops.example.org/%3Cb%3E?…", "0a1b2c3d · 2 kinds of events · last delivered", "3 waiting · 1 given up"},
		{"https://down.example.org Failing since", "Too much waits: no more is queued", "1 kind of event · nothing delivered yet · 0 waiting", "Last problem: timed out"},
		{"https://gone.example.org Off since", "The receiver answered 410 Gone.", "Turn it on again with latchkey webhook on 0a1b2c3f"},
	} {
		for _, part := range want {
			if !strings.Contains(list[i], part) {
				t.Errorf("%q does not say %q", list[i], part)
			}
		}
	}
	crew.acts.List = []model.OperatorAct{{Act: model.ActWebhookAdded, Detail: "https://ops.example.org", At: noon}}
	b.get("/running/acts").says(".deed", "Added the webhook to https://ops.example.org").says(".by", "Command line")
	crew.refuses = &model.Error{Kind: model.KindStorageDown}
	b.get("/running/webhooks").want(http.StatusServiceUnavailable)
}

func TestOperatorsAreNotOfferedToDisableThemselves(t *testing.T) {
	_, crew, b, who := newCrew(t)
	crew.user = someUser()
	crew.user.ID = who.id
	b.get("/running/users/"+who.id).says(".hint", "This is you").lacks("form[action$='/disable']")
}

func TestActsOfOperatorsSayWhatCameOfThem(t *testing.T) {
	_, crew, b, _ := newCrew(t)
	key := model.Key{ID: oneID, Name: "porch-cam"}
	user := "/running/users/" + oneID
	for _, a := range []struct {
		path, call, done, was string
	}{
		{"/disable", "SwitchUser " + oneID + " false", "The account is disabled. Everything was signed out.", "Nothing changed: the account was disabled already."},
		{"/enable", "SwitchUser " + oneID + " true", "The account is enabled.", "Nothing changed: the account was enabled already."},
		{"/sign-out", "SignOutEverywhere " + oneID, "The user was signed out everywhere.", "Nothing changed: the user wasn’t signed in anywhere."},
		{"/reset", "SendReset " + oneID, "The reset link is on its way.", ""},
		{"/keys/" + otherID + "/off", "TurnKeyOff " + oneID + " " + otherID, "porch-cam is off. Its devices were signed out.", "Nothing changed: porch-cam was off already."},
		{"/sessions/" + otherID + "/end", "EndSession " + oneID + " " + otherID, "Session signed out.", "That session was signed out already."},
	} {
		t.Run(a.path, func(t *testing.T) {
			b := b.on(t)
			crew.refuses = nil
			does := func(to, says string) {
				t.Helper()
				crew.calls = nil
				b.post(user+a.path, url.Values{}).leadsTo(to)
				if got := fmt.Sprint(crew.calls); got != "["+a.call+"]" {
					t.Errorf("done was %s, want %s", got, a.call)
				}
				crew.refuses = nil
				b.get("/running").says("#status", says)
			}
			crew.user, crew.what = someUser(), model.Switched{Key: key, Changed: true}
			does(user, a.done)
			if crew.what.Changed = false; a.was != "" {
				does(user, a.was)
			}
			crew.refuses = &model.Error{Kind: model.KindSessionOver}
			does("/running", "This account is gone.")
			crew.refuses = errUnclear
			b.post(user+a.path, url.Values{}).want(http.StatusInternalServerError).says("h1", "We don’t know whether that was done").keepsQuiet("secret-host")
			crew.refuses = errUndone
			b.post(user+a.path, url.Values{}).want(http.StatusServiceUnavailable).says("h1", "That was not done")
		})
	}
	for kind, says := range map[model.Kind]string{
		model.KindYourself: "you can’t disable your own account", model.KindLastOperator: "the last administrator who can sign in",
		model.KindNoEmail: "can’t send email", model.KindBadPassword: "without a password",
	} {
		crew.refuses = &model.Error{Kind: kind}
		b.post(user+"/disable", url.Values{}).leadsTo(user)
		crew.refuses = nil
		b.get("/running").says("#status", says)
	}
	crew.refuses, crew.what = nil, model.Switched{Key: model.Key{Name: "from elsewhere: €"}, Changed: true}
	b.post(user+"/keys/"+oneID+"/off", url.Values{})
	b.get("/running").says("#status", "The key is off.")
}

func TestAUserWhoIsGoneLeadsBackToTheSearch(t *testing.T) {
	_, crew, b, _ := newCrew(t)
	crew.refuses = &model.Error{Kind: model.KindSessionOver}
	b.get("/running/users/" + oneID).leadsTo("/running")
	crew.refuses = nil
	b.get("/running").says("#status", "This account is gone.") // and the operator is still signed in
}

func TestOperatorsDecideAboutRefusedDevices(t *testing.T) {
	_, crew, b, _ := newCrew(t)
	b.get("/running/knocks").says(".nothing", "No device was refused")
	b.get("/running/knocks?ignored=1").says(".nothing", "No device is ignored.")
	crew.knocks = []model.Knocked{{HintEmail: email, Knock: model.Knock{
		ID: oneID, Tries: 14, FirstAt: noon.AddDate(0, 0, -3), LastAt: noon.Add(-2 * time.Minute), Address: "203.0.113.7",
		Device: model.Device{Name: "<b>pi</b>", Platform: "linux", PlatformVersion: "6.1"},
	}}}
	if got := b.get("/running/knocks").texts("[aria-label=Devices] li"); !slices.Equal(got, []string{
		"A device at 203.0.113.7Calls itself “<b>pi</b>”, “linux 6.1”Tried 14 times, last 2 minutes ago",
	}) {
		t.Errorf("%q", got)
	}
	one := "/running/knocks/" + oneID
	page := b.get(one).says("h1", "Whose device is this?").says(".facts", "A token of ana@example.com came from the same address. (not verified)")
	if value := page.attr("#person", "value"); value != "" {
		t.Errorf("a stranger's hint is filled in: %q", value)
	}
	for form, says := range map[string]string{
		"person=&name=porch-cam": "Enter the user, or tick the box.", "person=ana&server=1&name=porch-cam": "A server key has no user",
		"person=ana&name=porch+cam": "Names can have letters", "person=ana&name=" + someValue: "That looks like a value",
	} {
		sent, _ := url.ParseQuery(form)
		b.post(one+"/assign", sent).want(http.StatusUnprocessableEntity).says(".error", says).keepsQuiet(someValue)
	}
	crew.calls, crew.what.Key = nil, model.Key{UserID: otherID, Name: "porch-cam"}
	b.post(one+"/assign", url.Values{"person": {email}, "name": {"porch-cam"}}).leadsTo("/running/users/" + otherID)
	b.post(one+"/assign", url.Values{"server": {"1"}, "name": {"porch-cam"}}).leadsTo("/running/server-keys")
	b.post(one+"/ignore", url.Values{}).leadsTo("/running/knocks")
	if got, want := strings.Join(crew.calls, ", "), "AssignKnock "+oneID+" "+email+" porch-cam, AssignKnock "+oneID+"  porch-cam, IgnoreKnock "+oneID; got != want {
		t.Errorf("done was %q, want %q", got, want)
	}
	crew.knocks = nil
	b.get(one).leadsTo("/running/knocks")
	b.get("/running").says("#status", "That device isn’t waiting any more.")
}

func TestAServerKeysValueIsShownOnce(t *testing.T) {
	_, crew, b, _ := newCrew(t)
	b.get("/running/server-keys").says(".nothing", "No server keys yet.")
	b.post("/running/server-keys", url.Values{"name": {"collector"}}).want(http.StatusUnprocessableEntity).says(".error", "no key was created")
	page := b.post("/running/server-keys", b.serverKey("collector")).want(http.StatusOK)
	if page.text("#value") != someValue || strings.Count(page.body, someValue) != 1 {
		t.Error("the value is not shown, or twice")
	}
	if page.attr(".done", "method") != "get" || page.attr(".done", "action") != "/running/server-keys" {
		t.Error("whoever is done does not get back to the list")
	}
	page.lacks("#create-title", "[data-once=leave-delete]", "main form[action^='/keys']")
	crew.keys = []model.Key{
		{ID: oneID, Name: "collector", CreatedAt: noon, Usage: model.KeyUsage{Known: model.UsageKnown}},
		{ID: otherID, Name: "old", CreatedAt: noon, Disabled: true, Usage: model.KeyUsage{Known: model.UsageKnown}},
	}
	list := b.get("/running/server-keys").keepsQuiet(someValue)
	if acts := list.texts("[aria-label='Server keys'] button"); !slices.Equal(acts, []string{"Turn off"}) {
		t.Errorf("may be done: %q", acts)
	}
	for name, says := range map[string]string{"": "Give the key a name.", "a b": "Names can have letters", someValue: "That looks like a value"} {
		b.post("/running/server-keys", url.Values{"name": {name}}).want(http.StatusUnprocessableEntity).says(".error", says).keepsQuiet(someValue)
	}
	crew.what = model.Switched{Key: crew.keys[0], Changed: true}
	b.post("/running/server-keys/"+oneID+"/off", url.Values{}).leadsTo("/running/server-keys")
	b.get("/running/server-keys").says("#status", "collector is off.")
}

// serverKey is the form for a server key of a name, as it was just drawn.
func (b *browser) serverKey(name string) url.Values {
	return url.Values{"name": {name}, "form_id": {b.get("/running/server-keys").attr("[name=form_id]", "value")}}
}

// A double click or a reload creates no second key, and says what became of the first.
func TestAFormForAServerKeyCreatesOne(t *testing.T) {
	_, crew, b, _ := newCrew(t)
	form := b.serverKey("collector")
	b.post("/running/server-keys", form).want(http.StatusOK).says("#value", someValue)
	again := b.post("/running/server-keys", form).want(http.StatusConflict).keepsQuiet(someValue)
	again.says("#notice", "Already created.").says("#notice", "This form created collector at ").lacks(".error")
	if made := slices.Index(crew.calls, "CreateServerKey collector"); made < 0 || slices.Contains(crew.calls[made+1:], "CreateServerKey collector") {
		t.Error("asked for:", crew.calls)
	}
	if again.attr("[name=form_id]", "value") == form.Get("form_id") {
		t.Error("the next form is the same")
	}
}

// Nobody knows whether the key was created, and its value is lost: that is not told like any other act.
func TestAServerKeyOfWhichNothingIsKnownIsToldOf(t *testing.T) {
	p, _, b, _ := newCrew(t)
	lost := &unclearKeys{crew: &crew{}}
	p.deps.Operators = lost
	p.start()
	b.post("/running/server-keys", b.serverKey("collector")).want(http.StatusInternalServerError).says("h1", "We don’t know whether the server key was created")
	b.post("/running", url.Values{"q": {someValue}}).want(http.StatusInternalServerError).says("h1", "We couldn’t look up the value").keepsQuiet(someValue)
}

type unclearKeys struct{ *crew }

func (u *unclearKeys) Operator(context.Context, model.Account, model.Origin) (handlers.Operating, error) {
	return u, nil
}

func (u *unclearKeys) CreateServerKey(context.Context, string) (model.Key, model.Secret, error) {
	return model.Key{}, "", errUnclear
}

func (u *unclearKeys) FindByValue(context.Context, model.Secret) (model.ValueOwner, error) {
	return model.ValueOwner{}, errUnclear
}

func TestTheAuditLogSaysWhoDidWhatToWhom(t *testing.T) {
	_, crew, b, _ := newCrew(t)
	b.get("/running/acts").says(".nothing", "Nothing yet.")
	all := []struct {
		act  model.OperatorAct
		says string
	}{
		{model.OperatorAct{Act: model.ActKeyOff, KeyID: oneID, Detail: "porch-cam"}, "Turned off porch-cam of ana"},
		{model.OperatorAct{Act: model.ActSessionEnded}, "Signed out a session of ana"},
		{model.OperatorAct{Act: model.ActSignedOut}, "Signed out ana everywhere"},
		{model.OperatorAct{Act: model.ActDisabled}, "Disabled ana"},
		{model.OperatorAct{Act: model.ActEnabled}, "Enabled ana"},
		{model.OperatorAct{Act: model.ActResetSent}, "Sent ana a reset link"},
		{model.OperatorAct{Act: model.ActValueLookedUp, KeyID: oneID, Detail: "porch-cam"}, "Looked up a value: porch-cam of ana"},
		{model.OperatorAct{Act: model.ActValueLookedUp, KeyID: oneID, Detail: "collector", UserID: "-"}, "Looked up a value: the server key collector"},
		{model.OperatorAct{Act: model.ActValueLookedUp, UserID: "-"}, "Looked up a value that no key has"},
		{model.OperatorAct{Act: model.ActKnockAssigned, Detail: "porch-cam"}, "Created porch-cam for ana, for a refused device"},
		{model.OperatorAct{Act: model.ActKnockAssigned, Detail: "collector", UserID: "-"}, "Created the server key collector, for a refused device"},
		{model.OperatorAct{Act: model.ActKnockIgnored, Detail: "pi", UserID: "-"}, "Ignored a refused device that calls itself “pi”"},
		{model.OperatorAct{Act: model.ActServerKeyMade, Detail: "collector", UserID: "-"}, "Created the server key collector"},
		{model.OperatorAct{Act: model.ActServerKeyOff, Detail: "collector", UserID: "-"}, "Turned off the server key collector"},
		{model.OperatorAct{Act: "of-tomorrow", Detail: "x"}, "of-tomorrow: x ana"},
	}
	crew.acts.More = otherID
	for _, a := range all {
		a.act.At, a.act.Operator, a.act.Address = noon, "<i>ada</i>", "192.0.2.1"
		if a.act.UserID == "" {
			a.act.UserID, a.act.User = oneID, "ana"
		} else {
			a.act.UserID = ""
		}
		crew.acts.List = append(crew.acts.List, a.act)
	}
	page := b.get("/running/acts").want(http.StatusOK).says("h2", "Today").says(".by", "<i>ada</i> · 192.0.2.1")
	for i, deed := range page.texts(".deed") {
		if deed != all[i].says {
			t.Errorf("%q, want %q", deed, all[i].says)
		}
	}
	if got := page.attr("a[rel=next]", "href"); got != "/running/acts?before="+otherID {
		t.Error("older ones are at", got)
	}
	crew.acts.List = []model.OperatorAct{{Act: model.ActDisabled, UserID: oneID, OperatorID: otherID, At: noon}}
	gone := b.get("/running/acts?before=" + otherID)
	gone.says(".deed", "Disabled "+oneID).says(".by", otherID).lacks(".deed a")
}

// On the accounts themselves: what one person does is seen by the other.
func TestAnOperatorHelpsAPersonWhoReadsOfIt(t *testing.T) {
	p := newProgram(t)
	b, ada := p.signedIn("ada@example.com")
	owner, ana := p.signedIn(email)
	p.makeOperator(ada, true)
	b.get("/running?q=AN").want(http.StatusOK).says("[aria-label=Users] li", email)
	key := p.seed(ana, "porch-cam")[0]
	page := "/running/users/" + ana.id
	b.get(page).says("[aria-labelledby=keys-title] li", "porch-cam").says("[aria-labelledby=sessions-title] li", "192.0.2.1")
	b.post(page+"/keys/"+key.ID+"/off", url.Values{}).leadsTo(page)
	b.post(page+"/keys/"+key.ID+"/off", url.Values{}).leadsTo(page)
	b.get(page).says("#status", "Nothing changed: porch-cam was off already.").says("#activity .deed", "Turned off porch-cam")
	if got := p.storedNames(ana); got != "porch-cam (off)" {
		t.Error("the keys are", got)
	}
	if got := owner.get("/activity").texts(".event")[0]; got != "Turned off porch-camThe administrator 12:00 UTC" { // not from where
		t.Errorf("the owner reads %q", got)
	}
	b.post(page+"/sign-out", url.Values{}).leadsTo(page)
	owner.get("/keys").want(http.StatusSeeOther)
	b.post(page+"/disable", url.Values{}).leadsTo(page)
	b.get(page).says(".heading", "Disabled")
	if got := b.get(page).texts("#activity .event")[1]; got != "Signed outThe administrator 12:00 UTC" {
		t.Errorf("the sign-out is told as %q", got)
	}
	b.post("/running/users/"+ada.id+"/disable", url.Values{})
	b.get("/running").says("#status", "you can’t disable your own account")
	if got, want := b.get("/running/acts").texts(".deed"), []string{"Disabled " + email, "Signed out " + email + " everywhere", "Turned off porch-cam of " + email}; !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
	b.post("/running/server-keys", b.serverKey("collector")).want(http.StatusOK).says("#once-title", "collector is ready")
	b.post("/running/server-keys", b.serverKey("collector")).want(http.StatusUnprocessableEntity).says(".error", "There is already a server key with this name.")
	if err := p.store.DeleteUser(t.Context(), ana.id); err != nil {
		t.Fatal(err)
	}
	b.post(page+"/enable", url.Values{}).leadsTo("/running")
	b.get("/running").says("#status", "This account is gone.")
}
