package views

import (
	"context"
	"strings"

	"github.com/a-h/templ"
)

// Account is the model of the page about the account itself.
type Account struct {
	Page
	// Embedded says that the passwords are ours, so that they can be changed here.
	Embedded               bool
	CurrentError, NewError string
	MinPassword            int
	// Ways are how the person signs in; none when that is not known. Connectable are providers with which they could besides.
	Ways        []Way
	Connectable []Provider
	// Passkeys are nil where there are none to have.
	Passkeys *Passkeys
	// NoPassword says that the person has none here, Again that they can have one again, and Mail that a link for it is sent to their address.
	NoPassword, Again, Mail bool
	// Decides is the host of the server that decides how they sign in, where that is another one.
	Decides string
}

// beside says that the password stands beside the other ways to sign in.
func (m Account) beside() bool { return len(m.Ways) > 0 || m.Passkeys != nil }

// Way is one way to sign in: what kind it is, and what the person knows it by.
type Way struct {
	ID, Kind, Name string
	Removable      bool
	// OpenID says that it is another provider, to which they have been connected since Since.
	OpenID bool
	Since  When
}

func (w Way) removePath() templ.SafeURL { return templ.SafeURL("/account/ways/" + w.ID + "/remove") }

// DeleteAccount is the model of the question whether to delete the account.
type DeleteAccount struct {
	Page
	// Embedded says that what is written down of the account goes with it.
	Embedded bool
	Keys     []string // their names
	// Confirming is how the person shows once more that it is they. Shown says that they did a moment ago, which is enough for those with
	// neither a password nor a passkey; Within is how long a moment is.
	Confirming
	Shown  bool
	Within string
}

func (m DeleteAccount) forms(ctx context.Context) confirmForms {
	return confirmForms{
		Confirming: m.Confirming, email: m.Email, action: "/account/delete", back: "/account/delete",
		label: t(ctx, "account.your-password", "Your password"), button: t(ctx, "delete-account.button", "Delete account"), doing: t(ctx, "delete-account.doing", "Deleting account…"),
		withPasskey: t(ctx, "delete-account.passkey", "Delete account with a passkey"), danger: true,
	}
}

// keysGo says what becomes of the keys.
func (m DeleteAccount) keysGo(ctx context.Context) string {
	if len(m.Keys) == 0 {
		return t(ctx, "delete-account.no-keys", "You have no keys.")
	}
	return tn(ctx, "delete-account.keys", len(m.Keys), "Your key stops working: {names}.", "Your {n} keys stop working: {names}.", "names", commas(ctx, m.Keys))
}

// Link is what the link of an email carries, on its way from the address to the form.
type Link struct{ Token, TokenID string }

// Forgot is the model of the page that has a link sent with which to choose a new password.
type Forgot struct {
	Page
	Email, Error string
	// Next is where the person goes on once they are in.
	Next string
	// Mail says that links can be had by email.
	Mail bool
	// Sent says that an email is on its way, if the address has an account.
	Sent bool
	// Stuck says that email does not leave this server right now, so that none may be promised.
	Stuck bool
}

// Reset is the model of the page on which a new password is chosen.
type Reset struct {
	Page
	Link  Link
	Error string
	// Bad says that the link leads nowhere any more.
	Bad         bool
	MinPassword int
	// For is the email of the account, "" where that is not known. First says that it never had a password.
	For   string
	First bool
}

func (m Reset) label(ctx context.Context) string {
	if m.First {
		return t(ctx, "label.password", "Password")
	}
	return t(ctx, "account.password.new", "New password")
}

// Confirm is the model of the page on which an address is confirmed.
type Confirm struct {
	Forgot
	Link Link
	// Bad says that the link leads nowhere any more.
	Bad bool
	// Made says that the account was created just now, Waiting that it cannot be signed in to before the address is confirmed.
	Made, Waiting bool
	// AsksPassword says that the password of the account is wanted beside the link.
	AsksPassword  bool
	PasswordError string
}

// asks says whether the page has what it takes to confirm.
func (m Confirm) asks() bool { return m.Link.Token != "" && !m.Bad }

// administrator is how texts name whoever runs this server. Where one can be reached, the pages lead there.
const administrator = "the administrator of this server"

// namesAdministrator takes a text apart around the administrator.
func namesAdministrator(ctx context.Context, text string) (before, after string, named bool) {
	return strings.Cut(text, t(ctx, "administrator.here", administrator))
}

func newPasswordHint(ctx context.Context, least int) string {
	return tn(ctx, "password.hint", least, "At least {n} character. A few words in a row are easy to remember.",
		"At least {n} characters. A few words in a row are easy to remember.")
}
