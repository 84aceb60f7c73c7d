package accounts

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryMailIsPlainTextWithAnEnd(t *testing.T) {
	l, c := Letters{testURL}, Circumstances{time.Now(), "192.0.2.1"}
	letters := []Mail{
		l.Confirm("a@b.org", "LINK"), l.Reset("a@b.org", "LINK", c), l.KeyMade("a@b.org", "k", c), l.Paired("a@b.org", "k", c),
		l.PasswordChanged("a@b.org", c), l.PasswordReset("a@b.org", c),
	}
	for _, letter := range letters {
		if letter.To != "a@b.org" || letter.Subject == "" || strings.ContainsAny(letter.Text, "<>\r") || !strings.HasSuffix(letter.Text, ".\n") && !strings.HasSuffix(letter.Text, testURL+"\n") {
			t.Errorf("%+v", letter)
		}
	}
	if slices.ContainsFunc(letters[2:], func(m Mail) bool { return !strings.Contains(m.Text, "If this was not you") }) {
		t.Error("a notice does not say what to do")
	}
}

func TestOnlyAnAddressIsSentEmail(t *testing.T) {
	for _, email := range []string{"", "not an address", "Ana <ana@example.org>", "a@example.org\r\nBcc: b@example.org", "a@b\x00c.org"} {
		if mailable(email) {
			t.Errorf("%q is taken for an address", email)
		}
	}
}
