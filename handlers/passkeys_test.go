package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// keyring has the passkeys of everybody as the pages see them. What a browser answers is right when it is rightAnswer to the last challenge.
type keyring struct {
	password, passkey bool // how people can confirm that it is they
	openID            []model.OpenID
	list              []model.Passkey
	refuses           map[string]error // by call
	challenges        int
}

const rightAnswer = `{"id":"right"}`

// ringed is a person whose passkeys are in a keyring.
type ringed struct {
	handlers.Person
	*keyring
}

func (k *keyring) of(p handlers.Person) handlers.Person { return ringed{p, k} }

func (k *keyring) next() ([]byte, string, error) {
	k.challenges++
	return []byte(`{"publicKey":{"challenge":"` + k.last() + `"}}`), k.last(), nil
}

func (k *keyring) last() string { return "challenge-" + strconv.Itoa(k.challenges) }

func (k *keyring) check(call, challenge string, answer []byte) error {
	if err := k.refuses[call]; err != nil {
		return err
	}
	if challenge != k.last() || string(answer) != rightAnswer {
		return &model.Error{Kind: model.KindBadPasskey}
	}
	k.challenges++
	return nil
}

func (p ringed) Proofs(context.Context) (model.Proofs, error) {
	return model.Proofs{Password: p.password, Passkey: p.passkey, OpenID: p.openID}, nil
}

func (p ringed) ProofOptions(context.Context) ([]byte, string, error) { return p.next() }

func (p ringed) CheckPasskey(_ context.Context, challenge string, answer []byte) error {
	return p.check("prove", challenge, answer)
}

func (p ringed) Passkeys(context.Context) ([]model.Passkey, error) { return p.list, p.refuses["list"] }

func (p ringed) RenamePasskey(_ context.Context, id, name string) (model.Passkey, error) {
	for i := range p.list {
		if p.list[i].ID == id {
			p.list[i].Name = name
			return p.list[i], model.CheckPasskeyName(name)
		}
	}
	return model.Passkey{}, &model.Error{Kind: model.KindNotFound}
}

func (p ringed) RemovePasskey(context.Context, string) (model.Passkey, error) {
	return model.Passkey{}, p.refuses["remove"]
}

func (p ringed) RemovePassword(context.Context) error { return p.refuses["stop"] }

func (p ringed) NewPasskeyOptions(context.Context) ([]byte, string, error) {
	if err := p.refuses["options"]; err != nil {
		return nil, "", err
	}
	return p.next()
}

func (p ringed) AddPasskey(_ context.Context, challenge, name string, answer []byte) (model.Passkey, error) {
	err := p.check("add", challenge, answer)
	if err == nil {
		p.list = append(p.list, model.Passkey{Name: name})
	}
	return model.Passkey{Name: name}, err
}

// answerTo is the form as the script sends it, with what the browser answered to the challenge of a page.
func answerTo(a answer, form url.Values, text string) url.Values {
	both := url.Values{"challenge": {a.attr("input[name=challenge]", "value")}, "passkey": {text}}
	for name, values := range form {
		both[name] = values
	}
	return both
}

func TestAPersonWithoutAPasswordConfirmsWithAPasskey(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	p.keyring = &keyring{passkey: true}
	form := newKeyForm("porch-cam")
	asked := b.post("/keys", form).want(http.StatusForbidden).lacks("#password")
	asked.says("main section > p", "Use your passkey to create porch-cam. You won’t be asked again for 30 minutes.")
	const at = "form[data-passkey=get]"
	if asked.attr(at, "action") != "/keys" || asked.attr(at+" input[name=name]", "value") != "porch-cam" || !strings.Contains(asked.attr(at, "data-options"), "challenge-1") {
		t.Errorf("the form is %s", asked.body)
	}
	wrong := b.post("/keys", answerTo(asked, form, `{"id":"wrong"}`)).want(http.StatusUnprocessableEntity).says("form[data-passkey] .error", "That didn’t work. Try again.")
	if !wrong.keepsQuiet(`"wrong"`).has("form[data-options*=challenge-2]") {
		t.Error("the browser is not given another challenge")
	}
	b.post("/keys", answerTo(asked, form, rightAnswer)).want(http.StatusUnprocessableEntity) // of the first page, which is over
	if len(p.stored(who)) != 0 {
		t.Fatal("created without a proof")
	}
	again := b.post("/keys", form).want(http.StatusForbidden)
	b.post("/keys", answerTo(again, form, rightAnswer)).want(http.StatusOK).says("#once", "porch-cam").keepsQuiet(rightAnswer)
	b.post("/keys", url.Values{"name": {"garage"}, "form_id": {strings.Repeat("B", 21) + "A"}}).want(http.StatusOK)
}

func TestAPasskeyInTheDialogIsCheckedAndNothingIsDoneYet(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	p.keyring = &keyring{passkey: true, password: true}
	form := newKeyForm("porch-cam")
	form.Set("script", "1")
	asked := b.htmx().post("/keys", form).want(http.StatusForbidden).isPart()
	if asked.attr("form[data-proof][data-passkey]", "hx-post") != "/keys" || !asked.has("#password:not([autofocus])") || !asked.has("[data-script*='/passkey.']") {
		t.Errorf("the dialog is %s", asked.body)
	}
	wrong := b.htmx().post("/keys", answerTo(asked, form, "{}")).want(http.StatusUnprocessableEntity).isPart()
	b.htmx().post("/keys", answerTo(wrong, form, rightAnswer)).want(http.StatusNoContent)
	if len(p.stored(who)) != 0 {
		t.Fatal("created by the check")
	}
	b.post("/keys", form).want(http.StatusOK).says("#once", "porch-cam")
}

func TestTheQuestionNamesWhatThePersonHas(t *testing.T) {
	t.Parallel()
	acme := []model.OpenID{{ID: "acme", Name: "Acme"}}
	for _, c := range []struct {
		ring keyring
		text string
		ways []string // their buttons, in order
	}{
		{keyring{password: true}, "Enter your password to create porch-cam.", []string{"Create key"}},
		{keyring{password: true, passkey: true}, "Use your passkey or enter your password to create porch-cam.", []string{"Use your passkey", "Create key"}},
		{keyring{openID: acme}, "Confirm with Acme to create porch-cam.", []string{"Confirm with Acme"}},
		{keyring{password: true, passkey: true, openID: acme}, "Use your passkey, confirm with Acme or enter your password to create porch-cam.",
			[]string{"Use your passkey", "Confirm with Acme", "Create key"}},
	} {
		p, b, who := late(t)
		p.keyring = &c.ring
		a := b.post("/keys", newKeyForm("porch-cam")).want(http.StatusForbidden).says("main section > p", c.text)
		if got := strings.Join(a.texts("main form button:not([type])"), ", "); got != strings.Join(c.ways, ", ") {
			t.Errorf("%s: %s", c.text, got)
		}
		if n := a.doc.Find("main .primary").Length(); n != 1 || a.doc.Find("main .actions a").Length() != 1 || a.has("#password") != c.ring.password {
			t.Errorf("%s: %d main buttons: %s", c.text, n, a.body)
		}
		if back := a.attr("form[action='/confirm/with/acme'] input[name=back]", "value"); len(c.ring.openID) > 0 && back != "/keys/new?name=porch-cam" {
			t.Errorf("the provider leads back to %q", back)
		}
		if len(p.stored(who)) != 0 {
			t.Error("a key was created")
		}
	}
}

func TestAPersonWithNothingToConfirmWithIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	p, b, who := late(t)
	p.keyring = &keyring{}
	b.post("/keys", newKeyForm("porch-cam")).want(http.StatusForbidden).lacks("#password", "form[data-passkey]").
		says("main section", "You can’t create porch-cam yet: your account has no password and no passkey to confirm it’s you with.Sign out and sign in again: for 30 minutes after that you can add a passkey.")
	b.post("/keys", alsoPassword(newKeyForm("porch-cam"), "")).want(http.StatusUnprocessableEntity)
	if len(p.stored(who)) != 0 {
		t.Error("a key was created")
	}
	b.post("/account/passkeys/new", nil).want(http.StatusForbidden)
	fresh := p.signIn(who)
	unproved(t, p, fresh)
	fresh.post("/keys", newKeyForm("porch-cam")).want(http.StatusForbidden)
	add := fresh.post("/account/passkeys/new", nil).want(http.StatusOK)
	p.keyring.password = true // whoever has something to show it with shows it
	fresh.post("/account/passkeys/new", nil).want(http.StatusForbidden)
	p.keyring.password = false
	fresh.post("/account/passkeys", created(add, "MacBook", rightAnswer)).leadsTo("/account")
}

// unproved has a browser's session begin without a proof, as one that a provider opened which tells nothing of how.
func unproved(t *testing.T, p *program, b *browser) {
	t.Helper()
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	row.ProvedAt = time.Unix(0, 0)
	if err := p.own.UpdateWebSession(t.Context(), row); err != nil {
		t.Fatal(err)
	}
}

// created is the form for a new passkey as the script sends it.
func created(page answer, name, text string) url.Values {
	return url.Values{"name": {name}, "ceremony": {page.attr("input[name=ceremony]", "value")}, "credential": {text}}
}

func TestAnAccountGoesWithAPasskeyOrASignInAMomentAgo(t *testing.T) {
	t.Parallel()
	p, b, _ := late(t)
	p.keyring = &keyring{passkey: true}
	asked := b.get("/account/delete").want(http.StatusOK).lacks("#password").says("form[data-passkey] .danger.solid", "Delete account with a passkey")
	b.post("/account/delete", nil).want(http.StatusUnprocessableEntity)
	b.post("/account/delete", answerTo(asked, nil, "{}")).want(http.StatusUnprocessableEntity).says("form[data-passkey] .error", "That didn’t work. Try again.")
	asked = b.get("/account/delete")
	b.post("/account/delete", answerTo(asked, nil, rightAnswer)).leadsTo("/login")

	for name, ring := range map[string]*keyring{"nothing": {}, "a provider": {openID: []model.OpenID{{ID: "acme", Name: "Acme"}}}} {
		p := newProgram(t)
		b, who := p.signedIn(email)
		p.keyring = ring
		p.clock.Advance(5*time.Minute + time.Second)
		b.get("/account/delete").want(http.StatusOK).lacks("form[action='/account/delete']").says("main section", "come back within 5 minutes")
		b.post("/account/delete", nil).want(http.StatusUnprocessableEntity)
		b = p.signIn(who)
		if got := b.get("/account/delete").want(http.StatusOK).attr("main form", "action"); got != "/account/delete" {
			t.Errorf("%s: the form goes to %q", name, got)
		}
		b.post("/account/delete", nil).leadsTo("/login")
	}
}

func TestTheAccountPageListsPasskeys(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	made := noon.Add(-10 * 24 * time.Hour)
	p.keyring = &keyring{password: true, passkey: true, list: []model.Passkey{
		{ID: strings.Repeat("a", 24), Name: "MacBook <b>", CreatedAt: made, LastUsedAt: noon.Add(-time.Hour), Flags: 1 << 4, Removable: true},
		{ID: strings.Repeat("b", 24), Name: "Key on my keyring", CreatedAt: made},
		{ID: strings.Repeat("c", 24), Name: "Old one", CreatedAt: made, RPID: "keys.old.org", Elsewhere: true, Removable: true},
	}}
	section, password := "section:has(#passkeys-title)", "section:has(#password-title)"
	a := b.get("/account").want(http.StatusOK)
	a.says(section+" li:nth-child(1)", "MacBook <b>Created 22 Apr · used 1 hour agoSynced between devicesRename Remove")
	a.says(section+" li:nth-child(2)", "Created 22 Apr · never usedOn one device onlyThis is the only way in that you have left.Rename").lacks(section + " li:nth-child(2) form")
	a.says(section+" li:nth-child(3)", "Works at keys.old.org only").says(section, "Passkeys created for keys.old.org work there only.")
	a.says(section, "You can still sign in with your password.").says(password+" .actions a", "Stop using the password…").says(section+" .actions button", "Add a passkey")

	p.keyring.list = p.keyring.list[2:]
	b.get("/account").says(section, "These passkeys were created for keys.old.org and work there only.").lacks(password + " .actions a")
	p.keyring.list = make([]model.Passkey, model.MaxPasskeys)
	b.get("/account").says(section, "You have as many passkeys as you can have. Remove one to add another.").lacks(section + " .actions form")
	p.keyring.password = false
	b.get("/account").says(password, "You sign in without one. To have a password again, ask the administrator of this server for a reset link.").lacks("#current", password+" .actions a")
	p.keyring.refuses = map[string]error{"list": &model.Error{Kind: model.KindNotOffered}}
	b.get("/account").want(http.StatusOK).lacks(section)
}

func TestPasskeysAreOfferedWhereBrowsersHaveThem(t *testing.T) {
	t.Parallel()
	for address, why := range map[string]string{
		"https://keys.example.org": "", "http://localhost:8080": "", "http://keys.localhost": "", "https://keys.example.org:8443": "",
		"http://keys.example.org": "Passkeys need an address that begins with https.",
		"http://192.0.2.7:8080":   "Passkeys need an address that begins with https.",
		"https://192.0.2.7":       "Passkeys need an address with a name: 192.0.2.7 is a number.",
		"http://127.0.0.1:8080":   "127.0.0.1 is a number. Start Latchkey with --public-url http://localhost:8080 to use them on this computer.",
		"http://[::1]:8080":       "::1 is a number. Start Latchkey with --public-url http://localhost:8080 to use them on this computer.",
	} {
		p := newProgram(t, func(d *handlers.Deps) { d.PublicURL, d.PasskeysElsewhere = address, []string{"keys.old.org"} })
		p.keyring = &keyring{password: true}
		b, _ := p.signedIn(email)
		a, front := b.get("/account").says("section:has(#passkeys-title)", why), p.browser().get("/login")
		button := "form[action='/login/passkey'] [hidden] button"
		if a.has("form[action='/account/passkeys/new']") != (why == "") || front.has(button) != (why == "") {
			t.Errorf("%s: offered where browsers have none, or not where they have", address)
		}
		autocomplete := "username webauthn"
		if why != "" {
			autocomplete = "username"
		} else {
			front.says("form[action='/login/passkey']", "Passkeys created for keys.old.org work there only.")
		}
		if got := front.attr("#email", "autocomplete"); got != autocomplete {
			t.Errorf("%s: autocomplete=%q", address, got)
		}
	}
	there := newProgram(t, elsewhere)
	b := there.signIn(there.person(email))
	b.get("/account").want(http.StatusOK).lacks("#passkeys-title")
	there.browser().get("/login").lacks("form[action='/login/passkey']")
	for _, path := range []string{"/login/passkey", "/login/passkey/options", "/account/passkeys", "/account/passkeys/new", "/account/password/stop"} {
		b.post(path, nil).want(http.StatusNotFound)
	}
}

func TestAPasskeyIsAdded(t *testing.T) {
	t.Parallel()
	p, b, _ := late(t)
	p.keyring = &keyring{password: true, refuses: map[string]error{}}
	b.post("/account/passkeys/new", nil).want(http.StatusForbidden).says("main section > p", "Enter your password to add a passkey.")
	page := b.post("/account/passkeys/new", url.Values{"password": {password}}).want(http.StatusOK)
	if page.attr("form[data-passkey=create]", "action") != "/account/passkeys" || !page.has("form [hidden].primary") || !page.has("noscript") {
		t.Errorf("the page is %s", page.body)
	}
	for _, name := range []string{"", "  ", strings.Repeat("x", 61)} {
		b.post("/account/passkeys", created(page, name, rightAnswer)).want(http.StatusUnprocessableEntity).says("#name-error", "Enter a name of at most 60 characters.")
	}
	page = b.post("/account/passkeys", created(page, "MacBook", rightAnswer)).want(http.StatusUnprocessableEntity).says("form[data-passkey] .error", "That didn’t work. Try again.")
	if page.attr("#name", "value") != "MacBook" {
		t.Error("the name has to be typed again")
	}
	p.keyring.refuses["add"] = &model.Error{Kind: model.KindPasskeyTaken}
	page = b.post("/account/passkeys", created(page, "MacBook", rightAnswer)).want(http.StatusConflict).says("form[data-passkey] .error", "This passkey is registered already.")
	p.keyring.refuses["add"] = &model.Error{Kind: model.KindPasskeyLimit}
	b.post("/account/passkeys", created(page, "MacBook", rightAnswer)).leadsTo("/account")
	b.get("/account").says("#status", "Nothing changed: you have as many passkeys as you can have.")
	delete(p.keyring.refuses, "add")

	// The proof is good no more when it is sent: the question carries along what the browser has created.
	p.clock.Advance(20 * time.Minute)
	b.get("/keys")
	p.clock.Advance(11 * time.Minute)
	asked := b.post("/account/passkeys", created(page, "MacBook", rightAnswer)).want(http.StatusForbidden)
	if asked.attr("input[name=credential]", "value") != rightAnswer {
		t.Error("what was created is lost")
	}
	b.post("/account/passkeys", alsoPassword(created(page, "MacBook", rightAnswer), password)).leadsTo("/account")
	b.get("/account").says("#status", "Passkey added. You can sign in with it from now on.").says("section:has(#passkeys-title)", "MacBook")
}

func TestAPasskeyIsRenamedAndRemoved(t *testing.T) {
	t.Parallel()
	p, b, _ := late(t)
	id := strings.Repeat("a", 24)
	p.keyring = &keyring{password: true, passkey: true, list: []model.Passkey{{ID: id, Name: "MacBook", Removable: true}}, refuses: map[string]error{}}
	at := "/account/passkeys/" + id
	if got := b.get(at+"/name").want(http.StatusOK).attr("#name", "value"); got != "MacBook" {
		t.Errorf("it is called %q", got)
	}
	b.post(at+"/name", url.Values{"name": {strings.Repeat("x", 61)}}).want(http.StatusUnprocessableEntity).says("#name-error", "Enter a name of at most 60 characters.")
	b.post(at+"/name", url.Values{"name": {" Old laptop "}}).leadsTo("/account")
	b.get("/account").says("#status", "Passkey renamed.").says("section:has(#passkeys-title) li", "Old laptop")

	b.post(at+"/remove", nil).want(http.StatusForbidden).says("main section > p", "Use your passkey or enter your password to remove this passkey.")
	b.post(at+"/remove", url.Values{"password": {password}}).leadsTo("/account")
	b.get("/account").says("#status", "Passkey removed. What it opened is signed out.")
	for kind, told := range map[model.Kind]string{
		model.KindLastWay: "Nothing changed: this is the only way in that you have left.", model.KindNotFound: "Nothing changed: that passkey was removed already.",
	} {
		p.keyring.refuses["remove"] = &model.Error{Kind: kind}
		b.post(at+"/remove", nil).leadsTo("/account")
		b.get("/account").says("#status", told)
	}
	for _, gone := range []string{strings.Repeat("b", 24), "x"} {
		b.get("/account/passkeys/" + gone + "/name").leadsTo("/account")
		b.post("/account/passkeys/"+gone+"/name", url.Values{"name": {"x"}}).leadsTo("/account")
	}
}

func TestAPersonStopsUsingThePassword(t *testing.T) {
	t.Parallel()
	p, b, _ := late(t)
	p.keyring = &keyring{password: true, refuses: map[string]error{"stop": &model.Error{Kind: model.KindFewPasskeys}}}
	b.get("/account/password/stop").want(http.StatusOK).says("main", "Apps that sign in with your email and password can’t any more.")
	b.post("/account/password/stop", nil).want(http.StatusForbidden).says("main section > p", "Enter your password to stop using your password.")
	b.post("/account/password/stop", url.Values{"password": {password}}).want(http.StatusUnprocessableEntity).
		says(".error", "Add a second passkey first: with only one, losing it would lock you out.").lacks("main form button.danger")
	for kind, told := range map[model.Kind]string{0: "Your password no longer works, and everything else was signed out.", model.KindNotFound: "You have no password any more."} {
		delete(p.keyring.refuses, "stop")
		if kind != 0 {
			p.keyring.refuses["stop"] = &model.Error{Kind: kind}
		}
		b.post("/account/password/stop", nil).leadsTo("/account")
		b.get("/account").says("#status", told)
	}
}

func TestAPersonSignsInWithAPasskeyAndGoesOnToWhereTheyWereGoing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	who := p.person(email)
	p.keyring = &keyring{passkey: true}
	b := p.browser()
	next := "/device?user_code=WDJB-MJHT"
	if got := b.get("/login?next="+url.QueryEscape(next)).want(http.StatusOK).attr("form[action='/login/passkey'] [name=next]", "value"); got != next {
		t.Errorf("it leads to %q", got)
	}
	given := b.post("/login/passkey/options", nil).want(http.StatusOK)
	if given.body != `{"challenge":"challenge-1","options":{"publicKey":{"challenge":"challenge-1"}}}`+"\n" || given.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the script is given %s", given.body)
	}
	form := url.Values{"challenge": {"challenge-1"}, "passkey": {"{}"}, "next": {next}}
	wrong := b.post("/login/passkey", form).want(http.StatusUnprocessableEntity).says("form[data-passkey] .error", "That didn’t work. Try again.")
	if wrong.attr("form[action='/login/passkey'] [name=next]", "value") != next || wrong.has("#password-error") {
		t.Errorf("the page is %s", wrong.body)
	}
	b.post("/login/passkey", url.Values{"next": {next}}).want(http.StatusUnprocessableEntity)
	form.Set("passkey", rightAnswer)
	for kind, told := range map[model.Kind]string{
		model.KindDisabled: "This account is disabled. Ask the administrator of this server.", model.KindTooManyTries: "Too many attempts.",
	} {
		p.keyring.refuses = map[string]error{"sign in": &model.Error{Kind: kind}}
		b.post("/login/passkey", form).says("form[data-passkey] .error", told)
	}
	p.keyring.refuses = nil
	b.post("/login/passkey", form).leadsTo(next)
	b.get("/keys").want(http.StatusOK).says(".me", who.email)
	b.post("/login/passkey", form).want(http.StatusUnprocessableEntity) // in a second tab, with the same challenge
	b.post("/login/passkey?"+form.Encode(), nil).want(http.StatusUnprocessableEntity)
}

func (h here) PasskeyOptions(ctx context.Context, from model.Origin) ([]byte, string, error) {
	if h.p.keyring != nil {
		return h.p.keyring.next()
	}
	return h.Accounts.PasskeyOptions(ctx, from)
}

func (h here) SignInWithPasskey(ctx context.Context, from model.Origin, challenge string, answer []byte) (model.Account, error) {
	if h.p.keyring == nil {
		return h.Accounts.SignInWithPasskey(ctx, from, challenge, answer)
	}
	if err := h.p.keyring.check("sign in", challenge, answer); err != nil {
		return model.Account{}, err
	}
	return h.Accounts.SignIn(ctx, from, email, password)
}
