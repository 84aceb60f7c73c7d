package accounts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// atWork is an operator who confirmed their password a moment ago.
var atWork = model.Origin{Address: "192.0.2.77", Agent: "an operator's browser", Actor: model.ActorBrowser, Confirmed: true}

// operator signs somebody up who is an operator.
func (f *fixture) operator(email string) (model.Account, *Operating) {
	f.t.Helper()
	who := f.signUp(email)
	if _, changed, err := f.MakeOperator(f.t.Context(), email, true); err != nil || !changed {
		f.t.Fatal(changed, err)
	}
	o, err := f.Operator(f.t.Context(), who, atWork)
	if err != nil {
		f.t.Fatal(err)
	}
	return who, o
}

// operatorActs are what operators did, oldest first: the act, and its detail.
func (f *fixture) operatorActs() (acts []string) {
	f.t.Helper()
	all, err := f.store.Acts(f.t.Context(), "", 100)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, a := range all {
		if a.Address != atWork.Address || a.Agent != atWork.Agent {
			f.t.Errorf("%+v does not say where it was", a)
		}
		acts = append(acts, strings.TrimSpace(string(a.Act)+" "+a.Detail))
	}
	slices.Reverse(acts)
	return acts
}

func TestOnlyAPersonWithTheRoleOperates(t *testing.T) {
	f := newFixture(t)
	who, o := f.operator("op@example.org")
	for _, provider := range []string{model.ProviderAPIKey, model.ProviderAnonymous, ""} {
		as := who
		as.Provider = provider
		_, err := f.Operator(t.Context(), as, atWork)
		is(t, err, model.KindForbidden)
	}
	_, err := f.Operator(t.Context(), f.signUp("a@example.org"), atWork)
	is(t, err, model.KindForbidden)
	if _, changed, err := f.MakeOperator(t.Context(), "OP@example.org", false); err != nil || !changed {
		t.Fatal(changed, err)
	}
	_, err = f.Operator(t.Context(), who, atWork)
	is(t, err, model.KindForbidden)
	_, err = o.SwitchUser(t.Context(), f.signUp("b@example.org").UserID, false) // which the role was taken of meanwhile
	is(t, err, model.KindForbidden)
	_, err = o.FindByValue(t.Context(), model.Secret(newValue()))
	is(t, err, model.KindForbidden)
	_, _, err = o.CreateServerKey(t.Context(), "backup")
	is(t, err, model.KindForbidden)
	if keys, err := f.ServerKeys(t.Context()); err != nil || len(keys) != 0 || len(f.operatorActs()) != 0 {
		t.Errorf("%v, %v, %q", keys, err, f.operatorActs())
	}
}

func TestWhatAnOperatorDoesIsInTheActivityAndAmongTheActsAndTheOwnerIsTold(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	_, o := f.operatorByInvitation("op@example.org")
	a := f.invited("a@example.org")
	key, value := f.newKey(a, "porch-cam")
	session, err := f.SignInWithKey(t.Context(), here, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	box.taken(f)
	before := len(f.written(a.UserID))

	if owner, err := o.FindByValue(t.Context(), "  "+value); err != nil || owner.Key.ID != key.ID || owner.User.Email != "a@example.org" || owner.Server {
		t.Errorf("%+v, %v", owner, err)
	}
	_, err = o.FindByValue(t.Context(), model.Secret(newValue()))
	is(t, err, model.KindNotFound)
	_, err = o.FindByValue(t.Context(), "no value")
	is(t, err, model.KindBadValue)
	for _, changed := range []bool{true, false} {
		if done, err := o.TurnKeyOff(t.Context(), a.UserID, key.ID); err != nil || done.Changed != changed || done.Key.Name != "porch-cam" {
			t.Errorf("%+v, %v", done, err)
		}
	}
	_, err = f.Session(t.Context(), session.ID)
	is(t, err, model.KindSessionOver)
	emails := box.taken(f)
	if len(emails) != 1 || emails[0].To != "a@example.org" || emails[0].Subject != "Latchkey: A key was turned off: porch-cam" ||
		!strings.Contains(emails[0].Text, "The administrator of Latchkey turned the key porch-cam") {
		t.Errorf("emails: %+v", emails)
	}
	for _, changed := range []bool{true, false} {
		if done, err := o.EndSession(t.Context(), a.UserID, a.SessionID); err != nil || done.Changed != changed {
			t.Errorf("%+v, %v", done, err)
		}
	}
	if _, err = f.SignIn(t.Context(), here, "a@example.org", testPassword); err != nil {
		t.Fatal(err)
	}
	for _, changed := range []bool{true, false} {
		if done, err := o.SignOutEverywhere(t.Context(), a.UserID); err != nil || done.Changed != changed {
			t.Errorf("%+v, %v", done, err)
		}
	}
	if done, err := o.SendReset(t.Context(), a.UserID); err != nil || !done.Changed {
		t.Errorf("%+v, %v", done, err)
	}
	if emails := box.taken(f); len(emails) != 1 || emails[0].Subject != "Latchkey: Choose a new password" {
		t.Errorf("emails: %+v", emails)
	}
	if _, err = f.SignIn(t.Context(), here, "a@example.org", testPassword); err != nil {
		t.Errorf("the password does not go on until another is chosen: %v", err)
	}
	for _, on := range []bool{false, true} {
		for _, changed := range []bool{true, false} {
			if done, err := o.SwitchUser(t.Context(), a.UserID, on); err != nil || done.Changed != changed || done.User.DisabledAt.IsZero() != on {
				t.Errorf("%+v, %v", done, err)
			}
		}
	}
	var events []string
	for _, e := range f.written(a.UserID)[before:] {
		if e.Kind == model.EventSignedIn || e.Kind == model.EventKeyFirstUsed {
			continue
		}
		events = append(events, string(e.Kind))
		if e.Actor != model.ActorOperator || e.Detail != "by the administrator of this server" || e.Address != "" || e.Agent != "" {
			t.Errorf("the activity says %+v", e)
		}
	}
	if want := []string{"key-turned-off", "session-ended", "session-ended", "password-reset-asked", "account-disabled", "account-enabled"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if want := []string{
		"value-looked-up porch-cam", "value-looked-up", "key-turned-off porch-cam", "session-ended", "signed-out-everywhere", "password-reset-sent",
		"account-disabled", "account-enabled",
	}; !slices.Equal(f.operatorActs(), want) {
		t.Errorf("acts %q, want %q", f.operatorActs(), want)
	}
	page, err := o.Acts(t.Context(), "")
	if err != nil || len(page.List) != 8 || page.More != "" || page.List[0].Operator != "op@example.org" || page.List[0].User != "a@example.org" {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestLookingIsNoEventAndShowsNoValue(t *testing.T) {
	f := newFixture(t)
	_, o := f.operator("op@example.org")
	a := f.signUp("a@example.org")
	key, _ := f.newKey(a, "porch-cam")
	before := len(f.written(a.UserID))
	user, err := o.User(t.Context(), a.UserID)
	if err != nil || user.Email != "a@example.org" || len(user.KeyList) != 1 || user.KeyList[0].ID != key.ID || len(user.Sessions.List) != 1 || user.Imported {
		t.Errorf("%+v, %v", user, err)
	}
	if events, err := o.Events(t.Context(), a.UserID, model.EventQuery{Limit: 10}); err != nil || len(events) != before {
		t.Errorf("%d events, %v", len(events), err)
	}
	if _, err := o.Search(t.Context(), "a@", ""); err != nil {
		t.Error(err)
	}
	if after := len(f.written(a.UserID)); after != before || len(f.operatorActs()) != 0 {
		t.Errorf("%d events, and %q", after-before, f.operatorActs())
	}
	imported := model.User{ID: model.NewID(f.clock.Now()), CreatedAt: f.clock.Now()}
	if err := f.Import(t.Context(), imported, []model.Identity{
		{ID: model.NewID(f.clock.Now()), UserID: imported.ID, Provider: model.ProviderGoogle, Subject: "1077", Data: `{"name":"Ada"}`, CreatedAt: f.clock.Now()},
	}); err != nil {
		t.Fatal(err)
	}
	if user, err := o.User(t.Context(), imported.ID); err != nil || !user.Imported || user.Called() != "Ada" || user.Ways[0].Provider != model.ProviderGoogle {
		t.Errorf("%+v, %v", user, err)
	}
	for _, id := range []string{"", "no id", model.NewID(f.clock.Now())} {
		_, err := o.User(t.Context(), id)
		is(t, err, model.KindSessionOver)
		_, err = o.Events(t.Context(), id, model.EventQuery{Limit: 10})
		is(t, err, model.KindSessionOver)
	}
}

func TestAnActTakesAFreshProofAndAPersonWhoIsThere(t *testing.T) {
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = &mailbox{} })
	_, o := f.operatorByInvitation("op@example.org")
	a := f.invited("a@example.org")
	key, _ := f.newKey(a, "porch-cam")
	unproved := *o
	unproved.from.Confirmed = false
	acts := func(o *Operating, userID, keyID string) map[string]error {
		errs := map[string]error{}
		_, errs["key"] = o.TurnKeyOff(t.Context(), userID, keyID)
		_, errs["session"] = o.EndSession(t.Context(), userID, a.SessionID)
		_, errs["sign out"] = o.SignOutEverywhere(t.Context(), userID)
		_, errs["disable"] = o.SwitchUser(t.Context(), userID, false)
		_, errs["enable"] = o.SwitchUser(t.Context(), userID, true)
		_, errs["reset"] = o.SendReset(t.Context(), userID)
		return errs
	}
	for what, err := range acts(&unproved, a.UserID, key.ID) {
		if !model.Is(err, model.KindConfirm) {
			t.Errorf("%s without proof: %v", what, err)
		}
	}
	_, _, err := unproved.CreateServerKey(t.Context(), "backup")
	is(t, err, model.KindConfirm)
	_, err = unproved.AssignKnock(t.Context(), "abcdef", "", "backup")
	is(t, err, model.KindConfirm)
	_, err = o.TurnKeyOff(t.Context(), a.UserID, model.NewID(f.clock.Now()))
	is(t, err, model.KindNotFound)
	if _, err := f.Delete(t.Context(), a.UserID); err != nil {
		t.Fatal(err)
	}
	for what, err := range acts(o, a.UserID, key.ID) {
		if !model.Is(err, model.KindSessionOver) {
			t.Errorf("%s of an account that is gone: %v", what, err)
		}
	}
	if acts := f.operatorActs(); len(acts) != 0 {
		t.Errorf("acts: %q", acts)
	}
}

func TestNeitherOneselfNorTheLastOperatorIsDisabled(t *testing.T) {
	f := newFixture(t)
	first, o := f.operator("op@example.org")
	second, other := f.operator("second@example.org")
	_, err := o.SwitchUser(t.Context(), first.UserID, false)
	is(t, err, model.KindYourself)
	if done, err := o.SwitchUser(t.Context(), second.UserID, false); err != nil || !done.Changed {
		t.Fatal(done, err)
	}
	_, err = other.SwitchUser(t.Context(), first.UserID, false) // had been let in before
	is(t, err, model.KindLastOperator)
	if acts := f.operatorActs(); len(acts) != 1 {
		t.Errorf("acts: %q", acts)
	}
}

func TestPeopleAreFoundByHowWhatTheySignInWithBegins(t *testing.T) {
	f := newFixture(t)
	_, o := f.operator("op@example.org")
	for _, subject := range []string{
		"ada@example.org", "Ada@Example.com", "adam@example.org", "a%a@example.org", "a_a@example.org", "<script>alert(1)</script>@example.org",
		"tab\there@example.org", "\U0010ffff\U0010ffffz",
	} {
		if err := f.Register(t.Context(), byProgram, subject, testPassword); err != nil {
			t.Fatal(subject, err)
		}
	}
	both := model.User{ID: model.NewID(f.clock.Now()), CreatedAt: f.clock.Now()}
	if err := f.Import(t.Context(), both, []model.Identity{
		{ID: model.NewID(f.clock.Now()), UserID: both.ID, Provider: model.ProviderEmailPassword, Subject: "zoe@example.org", CreatedAt: f.clock.Now()},
		{ID: model.NewID(f.clock.Now()), UserID: both.ID, Provider: model.ProviderCustomToken, Subject: "Zoe|77", CreatedAt: f.clock.Now()},
		{ID: model.NewID(f.clock.Now()), UserID: both.ID, Provider: "openid:acme", Subject: "zoe", CreatedAt: f.clock.Now()},
	}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"ada":                            "ada@example.org adam@example.org",
		"Ada":                            "Ada@Example.com ada@example.org adam@example.org",
		"ada@EXAMPLE.com":                "Ada@Example.com",
		" adam@example.org ":             "adam@example.org",
		"a%":                             "a%a@example.org",
		"a_":                             "a_a@example.org",
		"%":                              "",
		"_":                              "",
		"<script>":                       "<script>alert(1)</script>@example.org",
		"tab\t":                          "tab\there@example.org", // without the space around it
		"tab\th":                         "tab\there@example.org",
		"tabhere@example.org":            "",
		"\U0010ffff":                     "\U0010ffff\U0010ffffz",
		"ada\x00":                        "",
		"\xff":                           "",
		strings.Repeat("a", maxSearched): "",
		"zoe":                            "zoe@example.org",
		"Zoe":                            "zoe@example.org",
		"Zoe|":                           "zoe@example.org",
		both.ID:                          "zoe@example.org",
		strings.ToUpper(both.ID):         "zoe@example.org",
		"nobody":                         "",
	} {
		page, err := o.Search(t.Context(), text, "")
		var got []string
		for _, u := range page.List {
			got = append(got, u.Called())
		}
		if err != nil || strings.Join(got, " ") != want || page.More != "" {
			t.Errorf("%q finds %q, %q, %v", text, got, page.More, err)
		}
	}
}

func TestPagesOfPeopleHaveEachOnceAndNobodyIsLeftOut(t *testing.T) {
	f := newFixture(t)
	_, o := f.operator("op@example.org")
	now := f.clock.Now()
	const many = 2*store.MaxPeople + 9
	for i := range many {
		u := model.User{ID: model.NewID(now), CreatedAt: now}
		ids := []model.Identity{{ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderCustomToken, Subject: fmt.Sprintf("P%03d", i), CreatedAt: now}}
		if i%3 > 0 {
			ids = append(ids, model.Identity{ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderGoogle, Subject: fmt.Sprintf("p%03d", many-i), CreatedAt: now})
		}
		if i%3 > 1 {
			ids = append(ids, model.Identity{ID: model.NewID(now), UserID: u.ID, Provider: model.ProviderEmailPassword, Subject: fmt.Sprintf("p%03d@example.org", i), CreatedAt: now})
		}
		if err := f.Import(t.Context(), u, ids); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]int{"": many + 1, "P": many, "p": many - many/3 - 1} {
		found, pages := map[string]int{}, 0
		for after, more := "", true; more; pages++ {
			page, err := o.Search(t.Context(), text, after)
			if err != nil || len(page.List) > store.MaxPeople || pages > many {
				t.Fatalf("%q: %d people, %v", text, len(page.List), err)
			}
			for _, u := range page.List {
				found[u.ID]++
			}
			after, more = page.More, page.More != ""
		}
		for id, times := range found {
			if times != 1 {
				t.Errorf("%q finds %s %d times", text, id, times)
			}
		}
		if len(found) != want {
			t.Errorf("%q finds %d of %d people", text, len(found), want)
		}
	}
	for _, after := range []string{"x", "\n", "t\x00\n", "tno-such-provider\nzz", "?\n?", strings.Repeat("t", 5000) + "\n"} {
		if _, err := o.Search(t.Context(), "p", after); err != nil {
			t.Errorf("from %q: %v", after, err)
		}
	}
}

func TestAnOperatorGivesARefusedDeviceToItsOwner(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Knocks, cfg.Mailer = true, box })
	_, o := f.operatorByInvitation("op@example.org")
	a := f.invited("a@example.org")
	for i := range 3 {
		_, err := f.SignInWithKey(t.Context(), model.Origin{Actor: model.ActorDevice, Address: fmt.Sprintf("192.0.2.%d", i)}, model.Secret(newValue()), &model.Device{Name: "pi-4"})
		is(t, err, model.KindWrongValue)
	}
	f.Drain()
	box.taken(f)
	knocks, err := o.Knocks(t.Context(), false)
	if err != nil || len(knocks) != 3 {
		t.Fatal(knocks, err)
	}
	_, err = o.AssignKnock(t.Context(), knocks[0].ID, "nobody@example.org", "pump")
	is(t, err, model.KindSessionOver)
	key, err := o.AssignKnock(t.Context(), knocks[0].ID, "A@example.org", "pump")
	if err != nil || key.UserID != a.UserID {
		t.Fatal(key, err)
	}
	if last := f.written(a.UserID); last[len(last)-1].Detail != "from a refused sign-in, by the administrator of this server" {
		t.Errorf("the activity says %+v", last[len(last)-1])
	}
	if emails := box.taken(f); len(emails) != 1 || emails[0].To != "a@example.org" {
		t.Errorf("emails: %+v", emails)
	}
	_, err = o.AssignKnock(t.Context(), knocks[0].ID, "a@example.org", "again")
	is(t, err, model.KindNotFound)
	server, err := o.AssignKnock(t.Context(), knocks[1].ID, "", "backup")
	if err != nil {
		t.Fatal(err)
	}
	for _, changed := range []bool{true, false} {
		if done, err := o.IgnoreKnock(t.Context(), knocks[2].ID); err != nil || done.Changed != changed {
			t.Errorf("%+v, %v", done, err)
		}
		if done, err := o.TurnServerKeyOff(t.Context(), server.ID); err != nil || done.Changed != changed || done.Key.Name != "backup" {
			t.Errorf("%+v, %v", done, err)
		}
	}
	if _, value, err := o.CreateServerKey(t.Context(), "nightly"); err != nil || !isValue(value.Reveal()) {
		t.Error(err)
	}
	_, err = o.TurnServerKeyOff(t.Context(), key.ID) // which is a person's
	is(t, err, model.KindNotFound)
	if want := []string{
		"knock-assigned pump", "knock-assigned backup", "knock-ignored pi-4", "server-key-turned-off backup", "server-key-created nightly",
	}; !slices.Equal(f.operatorActs(), want) {
		t.Errorf("acts %q, want %q", f.operatorActs(), want)
	}
}

// invited is somebody who has an account by an operator, confirmed where emails are sent.
func (f *fixture) invited(email string) model.Account {
	f.t.Helper()
	if _, _, err := f.Add(f.t.Context(), email, testPassword); err != nil {
		f.t.Fatal(err)
	}
	who, err := f.SignIn(f.t.Context(), here, email, testPassword)
	if err != nil {
		f.t.Fatal(err)
	}
	return who
}

func (f *fixture) operatorByInvitation(email string) (model.Account, *Operating) {
	f.t.Helper()
	who := f.invited(email)
	if _, _, err := f.MakeOperator(f.t.Context(), email, true); err != nil {
		f.t.Fatal(err)
	}
	o, err := f.Operator(f.t.Context(), who, atWork)
	if err != nil {
		f.t.Fatal(err)
	}
	return who, o
}

// What is done about a server key is about nobody, and read as such.
func TestActsOnServerKeysNameNobody(t *testing.T) {
	f := newFixture(t)
	_, o := f.operator("op@example.org")
	key, value, err := o.CreateServerKey(t.Context(), "collector")
	if err != nil {
		t.Fatal(err)
	}
	if owner, err := o.FindByValue(t.Context(), value); err != nil || !owner.Server {
		t.Fatalf("%+v, %v", owner, err)
	}
	if _, err := o.TurnServerKeyOff(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	page, err := o.Acts(t.Context(), "")
	if err != nil || len(page.List) != 3 {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, act := range page.List {
		if act.UserID != "" || act.User != "" || act.KeyID != key.ID || act.Detail != "collector" {
			t.Errorf("%+v", act)
		}
	}
}
