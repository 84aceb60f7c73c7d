package accounts

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Mail is a message to the owner of an account, in plain text.
type Mail struct {
	To, Subject, Text string
	// Notice says that it tells of something that is in the account's activity too. Mails with a link that somebody waits for come
	// first.
	Notice bool
}

// Mailer takes mails on their way. It returns at once: whether a mail arrives, nobody waits for. An error means that it was not even
// taken.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Circumstances say when something happened and from which address. What a program calls itself is left out of mails: whoever asks
// for a mail to somebody else could write into it.
type Circumstances struct {
	At      time.Time
	Address string
}

func (c Circumstances) String() string {
	return "When: " + c.At.UTC().Format("2 January 2006, 15:04 UTC") + "\nFrom: " + c.Address + "\n"
}

// Letters writes the mails of a server. None has a link that does anything, but for those that were asked for to do it.
type Letters struct{ PublicURL string }

// Confirm asks to confirm an address.
func (l Letters) Confirm(to, link string) Mail {
	return Mail{To: to, Subject: "Confirm your address", Text: `Hello,

somebody, most likely you, made a Latchkey account with this address. To confirm it, open this link within 30 minutes and enter your password there:

` + link + `

If this was not you, do nothing: nobody can sign in before the address is confirmed.
`}
}

// Reset leads to where a new password is chosen.
func (l Letters) Reset(to, link string, c Circumstances) Mail {
	return Mail{To: to, Subject: "Choose a new password", Text: `Hello,

somebody, most likely you, asked for a new password for your Latchkey account.

` + c.String() + `
To choose one, open this link within 30 minutes:

` + link + `

If this was not you, do nothing: your password stays as it is.
`}
}

// ResetByOperator leads to where a new password is chosen, when whoever runs the server wants that.
func (l Letters) ResetByOperator(to, link string) Mail {
	return Mail{To: to, Subject: "Choose a new password", Text: `Hello,

whoever runs this Latchkey asks you to choose a new password for your account. To choose one, open this link within 24 hours:

` + link + `

Keys work as before.
`}
}

// KeyMade tells of a key that a person made.
func (l Letters) KeyMade(to, key string, c Circumstances) Mail {
	return l.notice(to, "A key was made: "+key,
		"the key "+key+" was made for your account. Whoever has its value can sign in with it as you.", c)
}

// Paired tells of a device that got a key.
func (l Letters) Paired(to, key string, c Circumstances) Mail {
	return l.notice(to, "A device was connected: "+key,
		"a device was connected to your account. It gets the key "+key+", with which it can sign in as you.", c)
}

// PasswordChanged tells of a new password that was chosen by somebody who knew the one before.
func (l Letters) PasswordChanged(to string, c Circumstances) Mail {
	return l.notice(to, "Your password was changed",
		"the password of your account was changed. Everything else that was signed in to it was signed out. Keys work as before.", c)
}

// PasswordReset tells of a new password that was chosen by somebody who had the link of a mail.
func (l Letters) PasswordReset(to string, c Circumstances) Mail {
	return l.notice(to, "Your password was reset",
		"a new password was chosen for your account, with a link. Everything that was signed in to it was signed out. Keys work as before.", c)
}

// notice is a mail that tells of something, and where to look.
func (l Letters) notice(to, subject, what string, c Circumstances) Mail {
	return Mail{Notice: true, To: to, Subject: subject, Text: `Hello,

` + what + `

` + c.String() + `
If this was you, there is nothing to do.
If this was not you: open Latchkey yourself, sign in and look at Activity.

` + l.PublicURL + `
`}
}

// Format hides the text from every verb: there may be a link in it that sets a password.
func (m Mail) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "mail %q", m.Subject) }

// LogValue hides the text from slog.
func (m Mail) LogValue() slog.Value { return slog.StringValue(m.Subject) }
