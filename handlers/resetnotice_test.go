package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestWhoeverSignsInAfterAResetIsToldOfKeysFromBefore(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	keys := p.seed(who, numbered(4)...)
	p.turn(who, keys[3], false)
	p.signIn(who).get("/keys").want(http.StatusOK).lacks(".notice:not(.local)")
	p.writes(who, "password-reset", by(model.ActorUnknown))
	p.writes(who, "signed-in", by(model.ActorApp)) // which nobody looks at
	b := p.signIn(who)
	b.htmx().get("/keys?q=").want(http.StatusOK).lacks(".notice:not(.local)") // a part is no page
	a := b.get("/keys").want(http.StatusOK).says(".notice:not(.local)", "3 keys from before your new password still work.")
	if got := a.attr(".notice a", "href"); got != "/activity?kind=keys" {
		t.Errorf("it leads to %s", got)
	}
	b.get("/keys").want(http.StatusOK).lacks(".notice:not(.local)")
	p.signIn(who).get("/keys").want(http.StatusOK).lacks(".notice:not(.local)") // it was told once

	bob := p.person("bob@example.com")
	p.seed(bob, "porch-cam")
	p.writes(bob, "password-reset")
	p.clock.Advance(time.Minute)
	b = p.signIn(bob)
	b.post("/keys", createForm(newFormID(t), "made-since")).want(http.StatusOK)
	b.get("/keys").says(".notice:not(.local)", "1 key from before your new password still works.")

	carl := p.person("carl@example.com") // has none, and signs in and out
	p.writes(carl, "password-reset")
	b = p.signIn(carl)
	b.get("/keys").want(http.StatusOK).lacks(".notice:not(.local)")
	p.writes(bob, "password-reset")
	b = p.signIn(bob)
	b.post("/logout", nil)
	b.post("/login", credentials(carl.email, password)).leadsTo("/keys")
	b.get("/keys").want(http.StatusOK).lacks(".notice:not(.local)")
}

func TestWhoeverSignsInAfterAResetIsToldOfOtherWaysToSignIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	p.signIn(who)
	p.linked(who, model.ProviderGoogle, "")
	signsInAgain := func() answer {
		p.writes(who, "password-reset")
		return p.signIn(who).get("/keys").want(http.StatusOK)
	}
	one := signsInAgain().says(".notice:not(.local)", "You can also sign in with Google. Remove it if you don’t recognise it.")
	if got := one.attr(".notice a", "href"); got != "/account" {
		t.Errorf("it leads to %s", got)
	}
	p.linked(who, model.ProviderApple, "")
	p.seed(who, "porch-cam")
	signsInAgain().says(".notice:not(.local)", "1 key from before your new password still works.").
		says(".notice:not(.local)", "You can also sign in with Google and Apple. Remove what you don’t recognise.")
}

// A way in that somebody left behind who knew the old password outlives it, and its use must not use the notice up.
func TestWhoeverSignsInAfterAResetIsToldOfPasskeysWhoeverUsedThem(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	p.signIn(who)
	p.keyring = &keyring{password: true, list: []model.Passkey{{Name: "phone"}}}
	p.writes(who, "password-reset")
	p.writes(who, "signed-in", func(e *model.Event) { e.Detail = model.DetailPasskey })
	p.signIn(who).get("/keys").says(".notice:not(.local)", "You can also sign in with a passkey. Remove it if you don’t recognise it.")
	p.keyring.list = append(p.keyring.list, model.Passkey{Name: "laptop"})
	p.writes(who, "password-reset")
	p.signIn(who).get("/keys").says(".notice:not(.local)", "You can also sign in with 2 passkeys.")
}

func TestWhoeverResetsThePasswordOfAnotherServerIsToldOfKeysFromBefore(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere, withMail)
	who := p.person(email)
	p.seed(who, "porch-cam", "heat-pump")
	b := p.browser()
	p.upstream.breaks(resetPassword, says(http.StatusOK, ""))
	b.post("/reset", url.Values{"token": {"abc"}, "tokenId": {"def"}, "password": {"another battery"}}).leadsTo("/login")
	b.post("/login", credentials(who.email, password)).leadsTo("/keys")
	b.get("/keys").says(".notice:not(.local)", "2 keys from before your new password still work.")
	b.get("/keys").lacks(".notice:not(.local)")
	for _, planted := range []string{"", "x", "99999999999999999999", "-1"} {
		b.plant("latchkey-reset", planted)
		b.get("/keys").want(http.StatusOK).lacks(".notice:not(.local)")
	}
}

func TestAKeysPageSaysThatItsKeyCameByConnectingADevice(t *testing.T) {
	t.Parallel()
	for name, how := range ways {
		p := newProgram(t, how...)
		b, who := p.signedIn(email)
		b.post("/keys", createForm(newFormID(t), "by-hand")).want(http.StatusOK)
		b.approves(p.pairing("Porch Pi"), "porch-pi")
		b.approves(p.pairing(""), "unnamed")
		for _, key := range p.stored(who) {
			a := b.get("/keys/" + key.ID).want(http.StatusOK)
			want := map[string]string{
				"by-hand": "", "porch-pi": "By connecting a device that calls itself “Porch Pi”", "unnamed": "By connecting a device",
			}[key.Name]
			if got := a.text("#key .paired"); got != want {
				t.Errorf("%s: of %s it says %q, want %q", name, key.Name, got, want)
			}
			if a.attr("#recent > p a", "href") != "/activity?key="+key.ID {
				t.Errorf("%s: no way to the activity of %s", name, key.Name)
			}
			switched := b.htmx().post("/keys/"+key.ID+"/turn-off", url.Values{"place": {"page"}, "name": {key.Name}}).want(http.StatusOK)
			if got := switched.text(".paired"); got != want {
				t.Errorf("%s: of %s it says %q once it is off", name, key.Name, got)
			}
			made := strings.Join(b.get("/activity?key="+key.ID).texts(".deed"), "\n")
			if paired := strings.Contains(made, "Created "+key.Name+" for a connected device"); paired != (want != "") {
				t.Errorf("%s: the activity of %s is\n%s", name, key.Name, made)
			}
		}
	}
}
