package accounts

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/internal/model"
)

// byProgram is a person's own app, which tells accounts apart by every letter.
var byProgram = model.Origin{Address: "192.0.2.2", Agent: "an app", Actor: model.ActorApp}

func TestAPersonIsKnownByEverySpellingOfAnAddressAndAProgramByOne(t *testing.T) {
	f := newFixture(t)
	for stored, spellings := range map[string][]string{
		"Ada@Example.com":           {"ada@example.com", " ADA@EXAMPLE.COM ", "ａｄａ＠example.com", "\u200eada@example.com", "Ada@example.com."},
		" bob@example.com":          {"bob@example.com", "Bob@example.com"},
		"jose\u0301@xn--mnchen.de":  {"JOSÉ@xn--mnchen.de"},
		"josé@mu\u0308nchen.de":     {"jose\u0301@xn--mnchen-3ya.de", "José@münchen.de", "JOSÉ@XN--MNCHEN-3YA.DE"},
		"Grace Hopper":              {"grace hopper", " GRACE HOPPER"},
		"ＥＶＥ@example.com":           {"eve@example.com"},
		"e\ufeffmma@example.com":    {"emma@example.com"},
		"Νίκος@example.com":         {"ΝΊΚΟΣ@example.com"},
		"carol@example.com\u3000":   {"carol@example.com"},
		"d\u00adan@exa\u200bmple.c": {"dan@example.c"},
	} {
		f.clock.Advance(emailStretch)
		if err := f.Register(t.Context(), byProgram, stored, testPassword); err != nil {
			t.Fatal(err)
		}
		for _, typed := range append(spellings, stored) {
			if got, err := f.Named(t.Context(), typed); err != nil || got != stored {
				t.Errorf("%+q names %+q, want %+q: %v", typed, got, stored, err)
			}
			_, err := f.SignInWithPassword(t.Context(), byProgram, typed, testPassword, nil)
			if typed != stored {
				is(t, err, model.KindWrongPassword)
			} else if err != nil {
				t.Errorf("%+q: %v", typed, err)
			}
			f.clock.Advance(emailStretch)
		}
	}
}

func TestOfTwoAddressesThatLookTheSameNoneIsGuessed(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	confirm := func(email string) {
		id, err := f.store.IdentityBySubject(t.Context(), model.ProviderEmailPassword, email)
		if err != nil {
			t.Fatal(err)
		}
		link, _ := newLink(testURL, model.LinkConfirm, id.ID, f.clock.Now(), linkLifetime)
		if err := f.store.CreateLink(t.Context(), link); err != nil {
			t.Fatal(err)
		}
		if err := f.store.ConfirmIdentity(t.Context(), link, f.clock.Now(), func(model.Identity) model.Event { return model.Event{UserID: id.UserID} }); err != nil {
			t.Fatal(err)
		}
	}
	names := func(typed, want string) {
		t.Helper()
		if got, err := f.Named(t.Context(), typed); err != nil || got != want {
			t.Errorf("%q names %q, want %q: %v", typed, got, want, err)
		}
	}
	register := func(email string) {
		t.Helper()
		f.clock.Advance(emailStretch)
		if err := f.Register(t.Context(), byProgram, email, testPassword); err != nil {
			t.Fatal(err)
		}
	}
	register("ada@example.com")
	names("ADA@example.com", "ada@example.com")
	confirm("ada@example.com")
	register("Ada@example.com") // by anybody: nobody has confirmed it
	names("ADA@example.com", "ada@example.com")
	names("Ada@example.com", "ada@example.com")
	confirm("Ada@example.com")
	names("Ada@example.com", "Ada@example.com")
	names("ADA@example.com", "ADA@example.com")
	names(" ada@example.com ", "ada@example.com")

	box.taken(f)
	f.clock.Advance(emailStretch)
	for _, tt := range []struct {
		from     model.Origin
		asked    string
		sentToAs string // "": nobody
	}{
		{here, "ADA@example.com", ""}, {here, "Ada@example.com", "Ada@example.com"}, {byProgram, "ada@example.com", "ada@example.com"},
		{byProgram, "ADA@example.com", ""},
	} {
		f.clock.Advance(emailStretch)
		if err := f.SendLink(t.Context(), tt.from, model.LinkReset, tt.asked); err != nil {
			t.Fatal(err)
		}
		sent := box.taken(f)
		if tt.sentToAs == "" && len(sent) > 0 || tt.sentToAs != "" && (len(sent) != 1 || sent[0].To != tt.sentToAs) {
			t.Errorf("asked for %s by %s, it went to %v, want %q", tt.asked, tt.from.Actor, sent, tt.sentToAs)
		}
	}
}

func TestALinkThatAPersonAsksForGoesToTheAddressThatIsStored(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	if err := f.Register(t.Context(), here, "Ada@Example.com", testPassword); err != nil {
		t.Fatal(err)
	}
	box.taken(f)
	for _, tt := range []struct {
		from  model.Origin
		asked string
		sent  int
	}{
		{here, "ada@example.com", 1}, {here, "ADA@EXAMPLE.COM", 1}, {byProgram, "ada@example.com", 0}, {byProgram, "Ada@Example.com", 1},
	} {
		f.clock.Advance(emailStretch)
		if err := f.SendLink(t.Context(), tt.from, model.LinkReset, tt.asked); err != nil {
			t.Fatal(err)
		}
		if sent := box.taken(f); len(sent) != tt.sent || len(sent) > 0 && sent[0].To != "Ada@Example.com" {
			t.Errorf("%s: sent %v, want %d", tt.asked, sent, tt.sent)
		}
	}
	for _, spelling := range []string{"ada@example.com", "ADA@example.com", "Ada@Example.com"} { // which do not fill the mailbox faster
		err := f.SendLink(t.Context(), here, model.LinkReset, spelling)
		is(t, err, model.KindTooManyEmails)
	}
}

func TestAPersonMakesNoSecondAccountBesideTheFirst(t *testing.T) {
	f := newFixture(t)
	f.register("Ada@example.com")
	for _, email := range []string{"ada@example.com", "ADA@EXAMPLE.COM", "Ada@example.com", "a\u200bda@example.com"} {
		is(t, f.Register(t.Context(), here, email, testPassword), model.KindEmailTaken)
		_, _, err := f.Add(t.Context(), email, testPassword)
		is(t, err, model.KindEmailTaken)
	}
	if err := f.Register(t.Context(), byProgram, "ada@example.com", testPassword); err != nil {
		t.Errorf("a program is told that there is a second account: %v", err)
	}
	is(t, f.Register(t.Context(), byProgram, "ada@example.com", testPassword), model.KindEmailTaken)
}

func TestAnotherSpellingBuysNoMoreTries(t *testing.T) {
	f := newFixture(t)
	f.register("ada@example.com")
	for i := range accountTries {
		spelling := strings.Repeat("\u200b", i) + "ADA@example.com"
		from := model.Origin{Address: fmt.Sprintf("198.51.%d.1", i), Actor: model.ActorApp} // one address has half of them
		_, err := f.SignInWithPassword(t.Context(), from, spelling, "wrong horse", nil)
		is(t, err, model.KindWrongPassword)
	}
	for _, spelling := range []string{"ada@example.com", "Ada@example.com", "ａda@example.com", "ada@example.com."} {
		_, err := f.SignInWithPassword(t.Context(), here, spelling, testPassword, nil)
		is(t, err, model.KindTooManyTries)
	}
}

func TestNamingAnUnknownAddressIsAsMuchWorkAsAKnownOne(t *testing.T) {
	f := newFixture(t)
	f.register("ada@example.com")
	want := f.asked(func() { _, _ = f.Named(t.Context(), "ada@example.com") })
	for _, typed := range []string{"ADA@example.com", "bob@example.com", " ", "\u200b", strings.Repeat("x", 5000)} {
		if got := f.asked(func() { _, _ = f.Named(t.Context(), typed) }); got != want {
			t.Errorf("%.20q costs %+v, want %+v", typed, got, want)
		}
	}
}

// otherSpellings are those of a credential that a reader, a decoder or a person could take for it.
func otherSpellings(secret string) []string {
	wide := strings.Map(func(r rune) rune { return r + '\uff21' - 'A' }, secret)
	return []string{
		secret + " ", " " + secret, secret + "\n", secret + "\x00", "\ufeff" + secret, secret + "\u200b", secret + "=", `"` + secret + `"`, strings.ToUpper(secret),
		strings.ToUpper(secret[:1]) + secret[1:] + "x", secret[:len(secret)-1], wide, secret + secret,
	}
}

func TestACredentialIsGoodInOneSpellingAlone(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("ana@example.org")
	_, value := f.newKey(who, "pump")
	_, handed, err := f.ResetPassword(t.Context(), "ana@example.org", true, false)
	if err != nil {
		t.Fatal(err)
	}
	link := linkOf(t, handed)
	for _, other := range otherSpellings(value.Reveal()) {
		_, err := f.SignInWithKey(t.Context(), here, model.Secret(other), nil)
		is(t, err, model.KindWrongValue)
	}
	for _, other := range otherSpellings(link.Token.Reveal()) {
		_, err := f.UseLink(t.Context(), here, model.GivenLink{Purpose: link.Purpose, ID: link.ID, Token: model.Secret(other)}, "another battery")
		is(t, err, model.KindBadLink)
	}
	for _, other := range append(otherSpellings(link.ID), link.ID[:23]+"g") {
		if other == link.ID {
			continue
		}
		_, err := f.UseLink(t.Context(), here, model.GivenLink{Purpose: link.Purpose, ID: other, Token: link.Token}, "another battery")
		is(t, err, model.KindBadLink)
	}
	if _, err := f.UseLink(t.Context(), here, link, "another battery"); err != nil {
		t.Errorf("the link itself: %v", err)
	}
	if _, err := f.SignInWithKey(t.Context(), here, value, nil); err != nil {
		t.Errorf("the value itself: %v", err)
	}
}
