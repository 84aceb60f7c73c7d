package accounts

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// Who has an account is not told: neither by the answer, nor by the work that goes before it.
func TestWhoAsksForALinkLearnsNothing(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("ana@example.org")
	f.confirm(box.taken(f)[0], testPassword)
	f.register("new@example.org")
	f.clock.Advance(accountGap)
	box.taken(f)
	for _, purpose := range []string{model.LinkReset, model.LinkConfirm} {
		for _, email := range []string{"ana@example.org", "new@example.org", "nobody@example.org"} {
			gate := make(chan struct{})
			f.holdBackground(gate)
			asked := f.asked(func() {
				if err := f.SendLink(t.Context(), here, purpose, email); err != nil {
					t.Errorf("%s for %s: %v", purpose, email, err)
				}
			})
			if asked != (store.Stats{}) {
				t.Errorf("%s for %s asked the store before it answered: %+v", purpose, email, asked)
			}
			close(gate)
			f.Drain()
		}
		f.clock.Advance(accountGap)
	}
	var got []string
	for _, letter := range box.taken(f) {
		got = append(got, letter.To+" "+letter.Subject)
	}
	want := []string{"ana@example.org Latchkey: Reset your password", "new@example.org Latchkey: Reset your password", "new@example.org Latchkey: Confirm your email address"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("emails:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var linkInEmail = regexp.MustCompile(regexp.QuoteMeta(testURL) + `/(confirm|reset)\?\S+`)

// link is the link of an email.
func (f *fixture) link(letter Email) model.GivenLink {
	f.t.Helper()
	u, err := url.Parse(linkInEmail.FindString(letter.Text))
	if err != nil || u.Query().Get("token") == "" {
		f.t.Fatalf("no link in %q", letter.Text)
	}
	return model.GivenLink{
		Purpose: strings.TrimPrefix(u.Path, "/"), ID: u.Query().Get("tokenId"), Token: model.Secret(u.Query().Get("token")),
	}
}

// confirm follows the link of an email, as the person who registered with the password.
func (f *fixture) confirm(letter Email, password model.Secret) {
	f.t.Helper()
	if email, err := f.UseLink(f.t.Context(), here, f.link(letter), password); err != nil || email != letter.To {
		f.t.Fatal(email, err)
	}
}

func TestALinkIsRefusedThatIsNone(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("ana@example.org")
	good := f.link(box.taken(f)[0])
	for name, spoil := range map[string]func(*model.GivenLink){
		"no token": func(l *model.GivenLink) { l.Token = "" }, "no id": func(l *model.GivenLink) { l.ID = "" },
		"a token that never ends": func(l *model.GivenLink) { l.Token = model.Secret(strings.Repeat("a", 10_000)) },
		"another token":           func(l *model.GivenLink) { l.Token = model.Secret(strings.Repeat("0", 64)) },
		"another purpose":         func(l *model.GivenLink) { l.Purpose = model.LinkReset },
		"no purpose":              func(l *model.GivenLink) { l.Purpose = "" },
	} {
		link := good
		spoil(&link)
		if email, err := f.UseLink(t.Context(), here, link, "another battery"); email != "" || !model.Is(err, model.KindBadLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.UseLink(t.Context(), here, good, testPassword); err != nil {
		t.Error(err)
	}
}

// What the store keeps of a link is no link.
func TestALinkCannotBeToldFromWhatIsKeptOfIt(t *testing.T) {
	kept, address := newLink(testURL, model.LinkReset, "id", time.Now(), linkLifetime)
	u, err := url.Parse(address)
	if err != nil || u.Path != "/reset" {
		t.Fatalf("%q, %v", address, err)
	}
	token := u.Query().Get("token")
	if strings.Contains(address, string(kept.TokenHash[:])) || strings.Contains(address, hex.EncodeToString(kept.TokenHash[:])) ||
		len(token) != 64 || sha256.Sum256([]byte(token)) != kept.TokenHash || u.Query().Get("tokenId") != kept.ID {
		t.Errorf("%q", address)
	}
}
