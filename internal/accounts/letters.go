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

	"latchkey/internal/lang"
	"latchkey/internal/lang/times"
	"latchkey/internal/model"
	"latchkey/internal/store"
)

// Email is a message to the owner of an account, in plain text.
type Email struct {
	To, Subject, Text string
	// Language is what it is written in, a tag.
	Language string
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

// Letters writes the emails of a server. None has a link that does anything, except those that were asked for to do it.
type Letters struct {
	PublicURL string
	// Name is what the server is called.
	Name string
	// Contact is a mailto or https URL of the administrator; "" when none is given.
	Contact string
	// Language is what they are in; nil is English.
	Language *lang.Language
}

// In are letters in the language with a tag. In one that is not known, not there any more, or none, they stay what they are.
func (l Letters) In(tag string) Letters {
	if language, ok := lang.Named(tag); ok && tag != lang.Pseudo {
		l.Language = language
	}
	return l
}

func (l Letters) when(t time.Time) string { return times.In(l.Language).Moment(t) }

func (l Letters) circumstances(c Circumstances) string {
	return l.Language.T("email.circumstances", "When: {when}\nFrom: {address}", "when", l.when(c.At), "address", c.Address)
}

// Confirm asks to confirm an address.
func (l Letters) Confirm(to, link string) Email {
	said := l.Language
	created := said.T("email.confirm.created", "Someone, probably you, created a {name} account with this email address.\n"+
		"To confirm it, open this link within 30 minutes and enter your password:", "name", l.called())
	if l.startsWithVowel() {
		created = said.T("email.confirm.created-an", "Someone, probably you, created an {name} account with this email address.\n"+
			"To confirm it, open this link within 30 minutes and enter your password:", "name", l.called())
	}
	return l.letter(to, said.T("email.confirm.subject", "Confirm your email address"), created, link,
		said.T("email.confirm.not-you", "If this wasn't you, do nothing: nobody can sign in before the address is confirmed."))
}

// Reset leads to where a new password is chosen.
func (l Letters) Reset(to, link string, c Circumstances) Email {
	said := l.Language
	return l.letter(to, said.T("email.reset.subject", "Reset your password"),
		said.T("email.reset.asked", "Someone, probably you, asked to reset the password of your {name} account.", "name", l.called()),
		l.circumstances(c), said.T("email.reset.open", "To choose a new password, open this link within 30 minutes:"), link,
		said.T("email.reset.not-you", "If this wasn't you, do nothing: your password stays the same."))
}

// ResetByOperator leads to where a new password is chosen, when the operator of the server wants that.
func (l Letters) ResetByOperator(to, link string) Email {
	said := l.Language
	return l.letter(to, said.T("email.choose.subject", "Choose a new password"),
		said.T("email.choose.asked", "The administrator of {name} asks you to choose a new password.\nTo do so, open this link within 24 hours:", "name", l.called()),
		link, said.T("email.choose.keys", "Your keys keep working."))
}

// KeyCreated tells of a key that a person created.
func (l Letters) KeyCreated(to, key string, words model.Words, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.key-created.subject", "New key: {key}", "key", key),
		said.T("email.key-created.text", "The key {key} was created for your account. Anyone with its value can sign in as you.", "key", words.Beside(key)), c)
}

// KeyParked tells of a key that this server has turned off, since another has taken its place.
func (l Letters) KeyParked(to string, f store.Finished) Email {
	said, written := l.Language, times.In(l.Language)
	at := f.NewUsedAt.UTC()
	m := l.letter(to, said.T("email.parked.subject", "A key was replaced: {key}", "key", f.OldName),
		said.T("email.parked.text", "{old} was turned off: {new} took over on {date} at {time}, and the old key has not been used since.\n"+
			"If a device stopped working, open {name} yourself, sign in and bring it back:",
			"old", f.OldWords.Beside(f.OldName), "new", f.NewWords.Beside(f.NewName), "date", written.Date(at), "time", written.UTC(at), "name", l.called()),
		l.PublicURL)
	m.Notice = true
	return m
}

// Paired tells of a device that got a key.
func (l Letters) Paired(to, key string, words model.Words, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.paired.subject", "New device: {key}", "key", key),
		said.T("email.paired.text", "A device was connected to your account. It gets the key {key} and can sign in as you with it.", "key", words.Beside(key)), c)
}

// KeyAdopted tells of keys whose values devices had already.
func (l Letters) KeyAdopted(to string, keys []string, byOperator bool, c Circumstances) Email {
	said := l.Language
	subject := said.T("email.adopted.subject", "A key was adopted: {key}", "key", keys[0])
	what := said.T("email.adopted.text", "The key {key} was adopted for your account: the value of a device that you already had now signs in as you.", "key", keys[0])
	if n := len(keys); n > 1 {
		subject = said.N("email.adopted-many.subject", n, "{n} key was adopted", "{n} keys were adopted")
		what = said.N("email.adopted-many.text", n, "{n} key was adopted for your account: the value of a device that you already had now signs in as you.",
			"{n} keys were adopted for your account: the values of devices that you already had now sign in as you.") +
			"\n\n  " + strings.Join(keys, "\n  ")
	}
	if !byOperator {
		return l.notice(to, subject, what, c)
	}
	m := l.letter(to, subject, what, said.T("email.adopted.operator", "The administrator did this on {when}.\n"+
		"If you don't know one of these devices, open {name} yourself, sign in and turn its key off:", "when", l.when(c.At), "name", l.called()), l.PublicURL)
	m.Notice = true
	return m
}

// KeyLeaked tells of a key that was turned off because its value leaked, or was off already.
func (l Letters) KeyLeaked(to, key string, words model.Words, wasOff bool, c Circumstances) Email {
	said := l.Language
	what := said.T("email.leaked.text", "The key {key} was turned off because someone signed in to your account reported that its value leaked.",
		"key", words.Beside(key))
	if wasOff {
		what = said.T("email.leaked.was-off", "Someone signed in to your account reported that the value of the key {key} leaked. The key was off already.",
			"key", words.Beside(key))
	}
	return l.notice(to, said.T("email.leaked.subject", "A key was reported leaked: {key}", "key", key), what, c)
}

// LeakedKeyOn tells of a key that was turned on although its value leaked.
func (l Letters) LeakedKeyOn(to, key string, words model.Words, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.leaked-on.subject", "A leaked key was turned on: {key}", "key", key),
		said.T("email.leaked-on.text", "The key {key} was turned on again, although it was reported that its value leaked. Anyone with its value can sign in as you.",
			"key", words.Beside(key)), c)
}

// KeyTurnedOff tells of a key that an operator turned off.
func (l Letters) KeyTurnedOff(to, key string, words model.Words, c Circumstances) Email {
	said := l.Language
	m := l.letter(to, said.T("email.turned-off.subject", "A key was turned off: {key}", "key", key),
		said.T("email.turned-off.text", "The administrator of {name} turned the key {key} off on {when}. Devices with it can no longer sign in.\n"+
			"If you still need it, open {name} yourself, sign in and turn it on again:",
			"name", l.called(), "key", words.Beside(key), "when", l.when(c.At)), l.PublicURL)
	m.Notice = true
	return m
}

// IdentityLinked tells of one more way to sign in, which how says.
func (l Letters) IdentityLinked(to, how string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.linked.subject", "New way to sign in"),
		said.T("email.linked.text", "Sign-in {how} was added to your account. Your other ways to sign in keep working.", "how", l.how(how)), c)
}

// IdentityUnlinked tells of a way to sign in that is gone, which how says.
func (l Letters) IdentityUnlinked(to, how string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.unlinked.subject", "Way to sign in removed"),
		said.T("email.unlinked.text", "Sign-in {how} was removed from your account, and what it had opened was signed out. Your other ways to sign in keep working.",
			"how", l.how(how)), c)
}

// how says a way to sign in that events know.
func (l Letters) how(way string) string {
	said := l.Language
	switch way {
	case model.DetailPassword:
		return said.T("email.how.password", "with email and password")
	case model.DetailToken:
		return said.T("email.how.token", "with a signed token")
	case model.DetailGoogle:
		return said.T("email.how.google", "with Google")
	case model.DetailApple:
		return said.T("email.how.apple", "with Apple")
	default:
		return way
	}
}

// PasskeyAdded tells of a passkey that a person added.
func (l Letters) PasskeyAdded(to, name string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.passkey-added.subject", "A passkey was added: {passkey}", "passkey", name),
		said.T("email.passkey-added.text", "The passkey {passkey} was added to your account. Anyone who holds it can sign in as you.", "passkey", name), c)
}

// PasskeyRemoved tells of a passkey that is gone.
func (l Letters) PasskeyRemoved(to, name string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.passkey-removed.subject", "A passkey was removed: {passkey}", "passkey", name),
		said.T("email.passkey-removed.text", "The passkey {passkey} can no longer be used to sign in as you, and what it had opened was signed out.", "passkey", name), c)
}

// PasswordRemoved tells of a password that signs nobody in any more.
func (l Letters) PasswordRemoved(to string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.password-removed.subject", "Your password is no longer used"),
		said.T("email.password-removed.text", "You can now sign in to your account with passkeys alone, and everything else was signed out. "+
			"To have a password again, use \"Forgot password?\" on the sign-in page."), c)
}

// Connected tells of another provider at which the person signs in from now on.
func (l Letters) Connected(to, provider string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.connected.subject", "{provider} was connected", "provider", provider),
		said.T("email.connected.text", "Your account at {provider} can now be used to sign in here as you.", "provider", provider), c)
}

// Disconnected tells of a provider at which the person no longer signs in.
func (l Letters) Disconnected(to, provider string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.disconnected.subject", "{provider} was disconnected", "provider", provider),
		said.T("email.disconnected.text", "Your account at {provider} can no longer be used to sign in here as you, and what it had opened was signed out.",
			"provider", provider), c)
}

// PasswordChanged tells of a new password that was chosen by somebody who knew the one before.
func (l Letters) PasswordChanged(to string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.password-changed.subject", "Password changed"),
		said.T("email.password-changed.text", "The password of your account was changed, and everything else was signed out. Your keys keep working."), c)
}

// PasswordReset tells of a new password that was chosen by somebody who had the link of an email.
func (l Letters) PasswordReset(to string, c Circumstances) Email {
	said := l.Language
	return l.notice(to, said.T("email.password-reset.subject", "Password reset"),
		said.T("email.password-reset.text", "A new password was chosen for your account with a reset link, and everything was signed out. Your keys keep working."), c)
}

// notice is an email that tells of something, and where to look.
func (l Letters) notice(to, subject, what string, c Circumstances) Email {
	m := l.letter(to, subject, what, l.circumstances(c),
		l.Language.T("email.notice", "If this was you, there's nothing to do.\nIf it wasn't, open {name} yourself, sign in and check Activity:", "name", l.called()),
		l.PublicURL)
	m.Notice = true
	return m
}

// letter is an email of paragraphs by this server, which says whom to ask. An address to open is a paragraph of its own.
func (l Letters) letter(to, subject string, paragraphs ...string) Email {
	paragraphs = append([]string{l.Language.T("email.hello", "Hello,")}, paragraphs...)
	if l.Contact != "" {
		// Where an email is read, an address becomes a link: nothing invisible stands beside it, which would be taken for a part of it.
		help := l.Language.T("email.contact", "Need help? Contact the administrator: {contact}")
		paragraphs = append(paragraphs, strings.ReplaceAll(help, "{contact}", contactText(l.Contact)))
	}
	m := Email{To: to, Subject: l.Language.Fill("{name}: ", "name", l.called()) + subject, Text: strings.Join(paragraphs, "\n\n") + "\n"}
	m.Language, _ = l.Language.HTML()
	return m
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

// startsWithVowel says which English article goes before the name. It goes by the first letter, which is right for most names.
func (l Letters) startsWithVowel() bool { return strings.ContainsRune("AEIOaeio", rune(l.called()[0])) }

// Format hides the text from every verb: there may be a link in it that sets a password.
func (m Email) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "mail %q", m.Subject) }

// LogValue hides the text from slog.
func (m Email) LogValue() slog.Value { return slog.StringValue(m.Subject) }
