package devices

import (
	"testing"

	"latchkey/client"
	"latchkey/e2e/story"
)

func TestRealmWebManagesKeysAndLogsInWithThem(t *testing.T) {
	t.Parallel()
	story.Node(t, "", "", "realmweb.mjs", "journey", story.StartProgram(t).URL)
}

func TestAnAppReadsWhyItWasRefused(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	played := program.Plays(t,
		[]any{"register", []string{"eva@example.com", story.Password}},
		[]any{"signIn", "email", []string{"eva@example.com", "wrong"}},
		[]any{"signIn", "email", []string{"eva@example.com", story.Password}},
		[]any{"createKey", "porch-cam"},
	)
	if p := played[1]; p.Status != 401 || p.Code != "InvalidPassword" || p.User != nil {
		t.Errorf("%+v", p)
	}
	if p := played[2]; p.User == nil || p.User.Provider != "local-userpass" || p.User.Data["email"] != "eva@example.com" || p.User.Type != "normal" {
		t.Errorf("%+v", p)
	}
	if len(played[3].Key) != 64 {
		t.Errorf("%+v", played[3])
	}
}

func TestAKeyMadeInTheBrowserLogsADeviceInUntilItIsTurnedOff(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := program.Open(t, story.SignedIn(ana))
	value := page.CreateKey("porch-cam")
	page.SaveKey()
	device := func() string { return story.Node(t, "", value, "realmweb.mjs", "device", program.URL) }

	if got := device(); got != ana.Session.UserID() {
		t.Errorf("the key is %s's, not %s's", got, ana.Session.UserID())
	}
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is off. It can’t sign in.")
	if got := device(); got != "refused" {
		t.Errorf("a key that is off logs in as %s", got)
	}
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is on.")
	if got := device(); got != ana.Session.UserID() {
		t.Errorf("turned on again: %s", got)
	}
	page.DeletesUsed("porch-cam")
	page.Says("porch-cam was deleted.")
	if got := device(); got != "refused" {
		t.Errorf("a key that is gone logs in as %s", got)
	}
}

func TestRealmWebInAPageOfAnotherSiteManagesKeys(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	page := story.OpenElsewhere(t)
	got, err := page.Evaluate(`async ([baseUrl, email, password]) => {
		const app = new Realm.App({ id: "latchkey-local", baseUrl });
		const error = await app.logIn(Realm.Credentials.emailPassword(email, "wrong")).catch((e) => e);
		const user = await app.logIn(Realm.Credentials.emailPassword(email, password));
		const made = await user.apiKeys.create("porch-cam");
		await user.apiKeys.disable(made._id);
		const off = await user.apiKeys.fetch(made._id);
		await user.apiKeys.enable(made._id);
		const device = await new Realm.App({ id: "latchkey-local", baseUrl }).logIn(Realm.Credentials.apiKey(made.key));
		await user.apiKeys.delete(made._id);
		const left = await user.apiKeys.fetchAll();
		await user.logOut();
		return [error.statusCode, error.errorCode, error.error, off.disabled, device.id === user.id, left.length].join(" ");
	}`, []string{program.URL, ana.Email, story.Password})
	if err != nil {
		t.Fatal(err)
	}
	if want := "401 InvalidPassword unauthorized true true 0"; got != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// The key's page promises it: "what it opened ends at once".
func TestTurningAKeyOffEndsTheSessionsItOpened(t *testing.T) {
	t.Parallel()
	program := story.StartProgram(t)
	ana := program.Person(t)
	key := ana.Keys(t, "porch-cam")[0]
	device, err := program.Client.Login(t.Context(), client.UserAPIKey(key.Value.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	page := program.Open(t, story.SignedIn(ana))
	page.Press(page.Toggle("porch-cam"))
	page.Says("porch-cam is off. It can’t sign in.")
	if err := device.Refresh(t.Context()); !client.IsUnauthorized(err) {
		t.Errorf("the device's session goes on: %v", err)
	}
}
