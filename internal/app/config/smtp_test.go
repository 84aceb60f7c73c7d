package config

import (
	"strings"
	"testing"

	"latchkey/internal/model"
)

const mailPassword = "canary-of-the-mail-server"

func TestAMailServerIsNamedByAURL(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]MailServer{
		"smtp://mail.example.org?from=keys@example.org":             {Host: "mail.example.org", Port: 587, From: "keys@example.org"},
		"smtps://mail.example.org/?from=keys@example.org":           {Host: "mail.example.org", Port: 465, From: "keys@example.org", TLS: true},
		"smtp://a%40b.org:p%2Fw@mail.example.org:2525?from=k@b.org": {Host: "mail.example.org", Port: 2525, User: "a@b.org", Password: "p/w", From: "k@b.org"},
		"smtp://localhost:25?from=keys@example.org":                 {Host: "localhost", Port: 25, From: "keys@example.org", Plaintext: true},
		"smtp://[::1]:25?from=keys%2Btag@example.org":               {Host: "::1", Port: 25, From: "keys+tag@example.org", Plaintext: true},
		"smtp://[::1]:25?from=keys+tag@example.org":                 {Host: "::1", Port: 25, From: "keys+tag@example.org", Plaintext: true},
		"smtps://Mail.bücher.example.?from=keys@bücher.example":     {Host: "mail.xn--bcher-kva.example", Port: 465, From: "keys@xn--bcher-kva.example", TLS: true},
		"smtp://a@b.org:p@w:x+y@mail.example.org?from=k@b.org":      {Host: "mail.example.org", Port: 587, User: "a@b.org", Password: "p@w:x+y", From: "k@b.org"},
		"smtps://localhost?from=keys@example.org":                   {Host: "localhost", Port: 465, From: "keys@example.org", TLS: true},
	} {
		got, err := parseSMTP(model.Secret(setting))
		if err != nil || *got != want || got.Password.Reveal() != want.Password.Reveal() {
			t.Errorf("%s: %+v, %v", setting, got, err)
		}
	}
	if got, err := parseSMTP(""); got != nil || err != nil {
		t.Errorf("no setting: %+v, %v", got, err)
	}
}

func TestAMailServerThatCannotBeIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for setting, says := range map[string]string{
		"smtp://u:" + mailPassword + "@mail.example.org":                                   "?from= and the address",
		"smtp://u:" + mailPassword + "@mail.example.org?from=nobody":                       "?from= and the address",
		"smtp://u:" + mailPassword + "@mail.example.org?from=Keys+<k@example.org>":         "?from= and the address",
		"http://u:" + mailPassword + "@mail.example.org?from=k@example.org":                "must be like smtp://",
		"smtp://u:" + mailPassword + "@:25?from=k@example.org":                             "must be like smtp://",
		"smtp://u:" + mailPassword + "@mail.example.org:99999?from=k@example.org":          "must be like smtp://",
		"smtp://u:" + mailPassword + "@mail.example.org/path?from=k@example.org":           "must be like smtp://",
		"smtp://u:" + mailPassword + "@mail.example.org?from=k@example.org&starttls=never": "must be like smtp://",
		"smtp://u@mail.example.org?from=k@example.org":                                     "must be like smtp://",
		"smtp://:" + mailPassword + "@mail.example.org?from=k@example.org":                 "must be like smtp://",
		"smtp://u:" + mailPassword + "%@mail.example.org?from=k@example.org":               "write %25 for %",
		"smtp://user:98765#" + mailPassword + "@mail.example.org?from=k@example.org":       "write %23 for #",
		"smtp://user:98765/" + mailPassword + "@mail.example.org?from=k@example.org":       "write %2F for /",
		"smtp://user:98765?" + mailPassword + "@mail.example.org?from=k@example.org":       "write %3F for ?",
		"smtp://user:98765?" + mailPassword + "@mail.example.org":                          "write %3F for ?",
		"smtp://us er:98765/+%ss%2F/" + mailPassword + "@mail.example.org?from=k@b.org":    "write %20 for a space, %2F for /, %25 for %",
		"smtp://user:é" + mailPassword + "@mail.example.org?from=k@example.org":            "for each byte",
		"smtp://u:" + mailPassword + "@mail..org?from=k@example.org":                       "must be like smtp://",
		"smtp://u:" + mailPassword + "@[fe80::1%25eth0]?from=k@example.org":                "must be like smtp://",
		"u:" + mailPassword + "@mail.example.org":                                          "must be like smtp://",
	} {
		for name, load := range map[string]func() (Config, error){
			"the flag":     func() (Config, error) { return load([]string{"--smtp", setting}, nil) },
			"the variable": func() (Config, error) { return load(nil, []string{"LATCHKEY_SMTP=" + setting}) },
		} {
			_, err := load()
			if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--smtp (LATCHKEY_SMTP)") {
				t.Errorf("%s %s: %v, want %q", name, setting, err, says)
			}
			if err != nil && (strings.Contains(err.Error(), mailPassword) || strings.Contains(err.Error(), "98765")) {
				t.Errorf("the complaint has the Password: %v", err)
			}
		}
	}
}
