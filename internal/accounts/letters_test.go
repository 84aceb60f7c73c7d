package accounts

import (
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestEveryMailIsPlainTextWithAnEnd(t *testing.T) {
	l, c := Letters{PublicURL: testURL}, Circumstances{time.Now(), "192.0.2.1"}
	letters := []Email{
		l.Confirm("a@b.org", "LINK"), l.Reset("a@b.org", "LINK", c), l.KeyCreated("a@b.org", "k", model.Words{}, c), l.Paired("a@b.org", "k", model.WordsOf("0123456789"), c),
		l.PasswordChanged("a@b.org", c), l.PasswordReset("a@b.org", c),
		l.KeyAdopted("a@b.org", []string{"k"}, false, c), l.KeyAdopted("a@b.org", []string{"k", "l"}, true, c),
		l.KeyLeaked("a@b.org", "k", model.Words{}, false, c), l.KeyLeaked("a@b.org", "k", model.Words{}, true, c), l.LeakedKeyOn("a@b.org", "k", model.Words{}, c),
		l.IdentityLinked("a@b.org", model.DetailPassword, c), l.IdentityUnlinked("a@b.org", model.DetailGoogle, c),
	}
	for _, letter := range letters {
		if letter.To != "a@b.org" || letter.Subject == "" || strings.ContainsAny(letter.Text, "<>\r") || !strings.HasSuffix(letter.Text, ".\n") && !strings.HasSuffix(letter.Text, testURL+"\n") {
			t.Errorf("%+v", letter)
		}
	}
	if slices.ContainsFunc(letters[2:], func(m Email) bool { return !strings.Contains(m.Text, "If ") }) {
		t.Error("a notice does not say what to do")
	}
}

func TestEmailsSayWhoseTheyAreAndWhomToAsk(t *testing.T) {
	c := Circumstances{time.Now(), "192.0.2.1"}
	for _, tc := range []struct{ name, contact, created, asks string }{
		{"", "", "created a Latchkey account", ""},
		{"Keys of the house", "mailto:ada%2Bkeys@example.org?subject=Keys", "created a Keys of the house account", "ada+keys@example.org"},
		{"Acme", "https://example.org/help?from=keys", "created an Acme account", "https://example.org/help?from=keys"},
	} {
		l := Letters{PublicURL: testURL, Name: tc.name, Contact: tc.contact}
		letters := []Email{
			l.Confirm("a@b.org", "LINK"), l.Reset("a@b.org", "LINK", c), l.ResetByOperator("a@b.org", "LINK"), l.KeyCreated("a@b.org", "k", model.Words{}, c),
			l.Paired("a@b.org", "k", model.WordsOf("0123456789"), c), l.PasswordChanged("a@b.org", c), l.PasswordReset("a@b.org", c),
		}
		if !strings.Contains(letters[0].Text, tc.created) {
			t.Errorf("%s", letters[0].Text)
		}
		for _, letter := range letters {
			if !strings.HasPrefix(letter.Subject, l.called()+": ") {
				t.Errorf("about %q", letter.Subject)
			}
			asks := "\nNeed help? Contact the administrator: " + tc.asks + "\n"
			if strings.Contains(letter.Text, "administrator: ") != (tc.asks != "") || tc.asks != "" && !strings.HasSuffix(letter.Text, asks) {
				t.Errorf("%q asks for help in %q", letter.Subject, letter.Text)
			}
		}
	}
}

func TestOnlyAnAddressIsSentEmail(t *testing.T) {
	for _, email := range []string{"", "not an address", "Ana <ana@example.org>", "a@example.org\r\nBcc: b@example.org", "a@b\x00c.org"} {
		if mailable(email) {
			t.Errorf("%q is taken for an address", email)
		}
	}
}
