package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// Email is a message to the owner of an account, in plain text.
type Email struct {
	To, Subject, Text string
	// Notice says that it tells of something that is in the account's activity too. An email with a link that a person waits for comes
	// first.
	Notice bool
}

// Mailer takes emails on their way. It returns at once: nobody waits until an email arrives. An error means that it was not even
// accepted, ErrQueueFull that it may be in a moment.
type Mailer interface {
	Send(ctx context.Context, m Email) error
}

// ErrQueueFull is that as many emails wait for the mail server as may.
var ErrQueueFull = errors.New("too many emails are waiting for the mail server")

// Circumstances say when something happened and from which address. What a program calls itself is left out of emails: with it, one
// could write into an email that one asks for to another person.
type Circumstances struct {
	At      time.Time
	Address string
}

func (c Circumstances) String() string {
	return "When: " + c.At.UTC().Format("2 January 2006, 15:04 UTC") + "\nFrom: " + c.Address + "\n"
}

// Letters writes the emails of a server. None has a link that does anything, except those that were asked for to do it.
type Letters struct {
	PublicURL string
	// Name is what the server is called.
	Name string
	// Contact is a mailto or https URL of the administrator; "" when none is given.
	Contact string
}

// Confirm asks to confirm an address.
func (l Letters) Confirm(to, link string) Email {
	return l.letter(to, "Confirm your email address", "Someone, probably you, created "+l.article()+l.called()+` account with this email address.
To confirm it, open this link within 30 minutes and enter your password:

`+link+`

If this wasn't you, do nothing: nobody can sign in before the address is confirmed.
`)
}

// Reset leads to where a new password is chosen.
func (l Letters) Reset(to, link string, c Circumstances) Email {
	return l.letter(to, "Reset your password", "Someone, probably you, asked to reset the password of your "+l.called()+` account.

`+c.String()+`
To choose a new password, open this link within 30 minutes:

`+link+`

If this wasn't you, do nothing: your password stays the same.
`)
}

// ResetByOperator leads to where a new password is chosen, when the operator of the server wants that.
func (l Letters) ResetByOperator(to, link string) Email {
	return l.letter(to, "Choose a new password", "The administrator of "+l.called()+` asks you to choose a new password.
To do so, open this link within 24 hours:

`+link+`

Your keys keep working.
`)
}

// KeyCreated tells of a key that a person created.
func (l Letters) KeyCreated(to, key string, words model.Words, c Circumstances) Email {
	return l.notice(to, "New key: "+key,
		"The key "+words.Beside(key)+" was created for your account. Anyone with its value can sign in as you.", c)
}

// KeyParked tells of a key that this server has turned off, since another has taken its place.
func (l Letters) KeyParked(to string, f store.Finished) Email {
	m := l.letter(to, "A key was replaced: "+f.OldName, f.OldWords.Beside(f.OldName)+" was turned off: "+f.NewWords.Beside(f.NewName)+
		" took over on "+f.NewUsedAt.UTC().Format("2 January 2006 at 15:04 UTC")+`, and the old key has not been used since.
If a device stopped working, open `+l.called()+` yourself, sign in and bring it back:

`+l.PublicURL+`
`)
	m.Notice = true
	return m
}

// Paired tells of a device that got a key.
func (l Letters) Paired(to, key string, words model.Words, c Circumstances) Email {
	return l.notice(to, "New device: "+key,
		"A device was connected to your account. It gets the key "+words.Beside(key)+" and can sign in as you with it.", c)
}

// KeyAdopted tells of keys whose values devices had already.
func (l Letters) KeyAdopted(to string, keys []string, byOperator bool, c Circumstances) Email {
	subject, what := "A key was adopted: "+keys[0], "The key "+keys[0]+" was adopted for your account: the value of a device that you already had now signs in as you."
	if len(keys) > 1 {
		subject = fmt.Sprintf("%d keys were adopted", len(keys))
		what = fmt.Sprintf("%d keys were adopted for your account: the values of devices that you already had now sign in as you.\n\n  %s",
			len(keys), strings.Join(keys, "\n  "))
	}
	if !byOperator {
		return l.notice(to, subject, what, c)
	}
	m := l.letter(to, subject, what+`

The administrator did this on `+c.At.UTC().Format("2 January 2006, 15:04 UTC")+`.
If you don't know one of these devices, open `+l.called()+` yourself, sign in and turn its key off:

`+l.PublicURL+`
`)
	m.Notice = true
	return m
}

// KeyLeaked tells of a key that was turned off because its value leaked, or was off already.
func (l Letters) KeyLeaked(to, key string, words model.Words, wasOff bool, c Circumstances) Email {
	what := "The key " + words.Beside(key) + " was turned off because someone signed in to your account reported that its value leaked."
	if wasOff {
		what = "Someone signed in to your account reported that the value of the key " + words.Beside(key) + " leaked. The key was off already."
	}
	return l.notice(to, "A key was reported leaked: "+key, what, c)
}

// LeakedKeyOn tells of a key that was turned on although its value leaked.
func (l Letters) LeakedKeyOn(to, key string, words model.Words, c Circumstances) Email {
	return l.notice(to, "A leaked key was turned on: "+key,
		"The key "+words.Beside(key)+" was turned on again, although it was reported that its value leaked. Anyone with its value can sign in as you.", c)
}

// KeyTurnedOff tells of a key that an operator turned off.
func (l Letters) KeyTurnedOff(to, key string, words model.Words, c Circumstances) Email {
	m := l.letter(to, "A key was turned off: "+key, "The administrator of "+l.called()+" turned the key "+words.Beside(key)+" off on "+
		c.At.UTC().Format("2 January 2006, 15:04 UTC")+`. Devices with it can no longer sign in.
If you still need it, open `+l.called()+` yourself, sign in and turn it on again:

`+l.PublicURL+`
`)
	m.Notice = true
	return m
}

// IdentityLinked tells of one more way to sign in, which how says.
func (l Letters) IdentityLinked(to, how string, c Circumstances) Email {
	return l.notice(to, "New way to sign in", "Sign-in "+how+" was added to your account. Your other ways to sign in keep working.", c)
}

// IdentityUnlinked tells of a way to sign in that is gone, which how says.
func (l Letters) IdentityUnlinked(to, how string, c Circumstances) Email {
	return l.notice(to, "Way to sign in removed",
		"Sign-in "+how+" was removed from your account, and what it had opened was signed out. Your other ways to sign in keep working.", c)
}

// PasskeyAdded tells of a passkey that a person added.
func (l Letters) PasskeyAdded(to, name string, c Circumstances) Email {
	return l.notice(to, "A passkey was added: "+name, "The passkey "+name+" was added to your account. Anyone who holds it can sign in as you.", c)
}

// PasskeyRemoved tells of a passkey that is gone.
func (l Letters) PasskeyRemoved(to, name string, c Circumstances) Email {
	return l.notice(to, "A passkey was removed: "+name,
		"The passkey "+name+" can no longer be used to sign in as you, and what it had opened was signed out.", c)
}

// PasswordRemoved tells of a password that signs nobody in any more.
func (l Letters) PasswordRemoved(to string, c Circumstances) Email {
	return l.notice(to, "Your password is no longer used", "You can now sign in to your account with passkeys alone, and everything else was signed out. "+
		"To have a password again, use \"Forgot password?\" on the sign-in page.", c)
}

// Connected tells of another provider at which the person signs in from now on.
func (l Letters) Connected(to, provider string, c Circumstances) Email {
	return l.notice(to, provider+" was connected", "Your account at "+provider+" can now be used to sign in here as you.", c)
}

// Disconnected tells of a provider at which the person no longer signs in.
func (l Letters) Disconnected(to, provider string, c Circumstances) Email {
	return l.notice(to, provider+" was disconnected",
		"Your account at "+provider+" can no longer be used to sign in here as you, and what it had opened was signed out.", c)
}

// PasswordChanged tells of a new password that was chosen by somebody who knew the one before.
func (l Letters) PasswordChanged(to string, c Circumstances) Email {
	return l.notice(to, "Password changed",
		"The password of your account was changed, and everything else was signed out. Your keys keep working.", c)
}

// PasswordReset tells of a new password that was chosen by somebody who had the link of an email.
func (l Letters) PasswordReset(to string, c Circumstances) Email {
	return l.notice(to, "Password reset",
		"A new password was chosen for your account with a reset link, and everything was signed out. Your keys keep working.", c)
}

// notice is an email that tells of something, and where to look.
func (l Letters) notice(to, subject, what string, c Circumstances) Email {
	m := l.letter(to, subject, what+`

`+c.String()+`
If this was you, there's nothing to do.
If it wasn't, open `+l.called()+` yourself, sign in and check Activity:

`+l.PublicURL+`
`)
	m.Notice = true
	return m
}

// letter is an email by this server, which says whom to ask.
func (l Letters) letter(to, subject, text string) Email {
	if l.Contact != "" {
		text += "\nNeed help? Contact the administrator: " + contactText(l.Contact) + "\n"
	}
	return Email{To: to, Subject: l.called() + ": " + subject, Text: "Hello,\n\n" + text}
}

// contactText is a contact as people write it: an email address without the scheme, or the URL.
func contactText(contact string) string {
	address, isEmail := strings.CutPrefix(contact, "mailto:")
	if !isEmail {
		return contact
	}
	address, _, _ = strings.Cut(address, "?")
	if plain, err := url.PathUnescape(address); err == nil {
		return plain
	}
	return address
}

func (l Letters) called() string { return cmp.Or(l.Name, "Latchkey") }

// article goes before the name. It goes by the first letter, which is right for most names.
func (l Letters) article() string {
	if strings.ContainsRune("AEIOaeio", rune(l.called()[0])) {
		return "an "
	}
	return "a "
}

// Format hides the text from every verb: there may be a link in it that sets a password.
func (m Email) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "mail %q", m.Subject) }

// LogValue hides the text from slog.
func (m Email) LogValue() slog.Value { return slog.StringValue(m.Subject) }
