package accounts

import (
	"strings"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// reading is a browser whose pages are in a language.
func reading(language string) model.Origin {
	from := here
	from.Language = language
	return from
}

func TestEmailsAreInTheLanguageThatTheirOwnerUsedLast(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer, cfg.Language = box, "de" })
	ctx := t.Context()
	const email = "ana@example.org"
	languages := func(want ...string) []Email {
		t.Helper()
		emails := box.taken(f)
		var got []string
		for _, m := range emails {
			got = append(got, m.Language)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("emails are in %v, not %v", got, want)
		}
		return emails
	}
	turnOff := func(key model.Key) {
		t.Helper()
		if _, _, err := f.TurnKeyOf(ctx, email, key.Name, false); err != nil {
			t.Fatal(err)
		}
	}

	if err := f.Register(ctx, reading("ar"), email, testPassword); err != nil {
		t.Fatal(err)
	}
	confirm := languages("ar")[0] // nobody has an account yet: as the page on which it was asked for
	f.confirm(confirm, testPassword)
	f.clock.Advance(accountGap)
	if err := f.SendLink(ctx, reading("en"), model.LinkReset, email); err != nil { // which anybody can
		t.Fatal(err)
	}
	languages("ar")

	who, err := f.SignIn(ctx, reading("en"), email, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := f.newKey(who, "porch-cam") // by an app
	languages("en")
	other, _, err := f.As(who, reading("de")).NewKey(ctx, "gate") // on a page, whose language is the last
	if err != nil {
		t.Fatal(err)
	}
	languages("de")

	// What programs do says nothing about what a person reads.
	program := here
	program.Actor = model.ActorApp
	if _, err := f.SignInWithPassword(ctx, program, email, testPassword, nil); err != nil {
		t.Fatal(err)
	}
	turnOff(key)
	languages("en")
	if err := f.As(who, reading("ar")).KeepLanguage(ctx); err != nil { // chosen by hand
		t.Fatal(err)
	}
	turnOff(other)
	if m := languages("ar")[0]; !strings.Contains(m.Subject, "تم إيقاف مفتاح: \u2068gate\u2069") || !strings.Contains(m.Text, "\n\n"+testURL+"\n") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}

	for name, tag := range map[string]string{"third": "xx", "fourth": "en-XA"} { // of a program that had more languages, and none at all
		if err := f.store.KeepLanguage(ctx, who.UserID, tag); err != nil {
			t.Fatal(err)
		}
		_, _ = f.newKey(who, name)
		languages("de")
	}
}

func TestAReminderIsInTheLanguageThatItsReaderUsedLast(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	if _, err := r.SignIn(t.Context(), reading("de"), "ada@example.org", testPassword); err != nil {
		t.Fatal(err)
	}
	key := r.expiring("porch-cam", 30)
	r.at(r.due(model.ReminderTwoWeeks, key), "ada@example.org: Ein Schlüssel läuft in 14 Tagen ab: porch-cam")
}

// An email that anybody can make this server send to others has nothing of theirs in it in any language, and addresses that are to be
// opened stand alone on their lines.
func TestEmailsInOtherLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	c := Circumstances{At: testkit.LongAgo, Address: "192.0.2.1"}
	english := Letters{PublicURL: testURL, Name: "Keys", Contact: "mailto:ada@example.org"}
	for _, tag := range []string{"de", "ar"} {
		l := english.In(tag)
		for i, pair := range [][2]Email{
			{english.Confirm("a@b.org", "https://x.example/confirm"), l.Confirm("a@b.org", "https://x.example/confirm")},
			{english.Reset("a@b.org", "https://x.example/reset", c), l.Reset("a@b.org", "https://x.example/reset", c)},
			{english.KeyCreated("a@b.org", "porch-cam", model.WordsOf("0123456789"), c), l.KeyCreated("a@b.org", "porch-cam", model.WordsOf("0123456789"), c)},
			{english.KeyAdopted("a@b.org", []string{"k1", "k2", "k3"}, true, c), l.KeyAdopted("a@b.org", []string{"k1", "k2", "k3"}, true, c)},
			{english.IdentityLinked("a@b.org", model.DetailPassword, c), l.IdentityLinked("a@b.org", model.DetailPassword, c)},
		} {
			if !strings.HasSuffix(pair[1].Text, ": ada@example.org\n") {
				t.Errorf("%s, %d: the address of the administrator does not stand alone: %q", tag, i, pair[1].Text)
			}
			source, got := strings.Split(pair[0].Text, "\n"), strings.Split(pair[1].Text, "\n")
			if len(got) != len(source) || got[0] == source[0] || pair[1].Language != tag || pair[1].Subject == pair[0].Subject {
				t.Errorf("%s, %d: %q", tag, i, pair[1].Text)
				continue
			}
			for n, line := range source {
				alone := strings.HasPrefix(line, "https://") || strings.HasPrefix(line, "  ")
				if alone != (got[n] == line) && line != "" {
					t.Errorf("%s, %d: %q is %q", tag, i, line, got[n])
				}
			}
		}
	}
}
