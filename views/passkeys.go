package views

import (
	"context"
	"slices"

	"github.com/a-h/templ"
)

// Passkeys is the model of the part of the account page that is about passkeys.
type Passkeys struct {
	List []Passkey
	// Unusable says why browsers create none at the address of this server, "" when they do. Instead is an address for it at which they do.
	Unusable, Instead string
	// Limit is how many a person can have.
	Limit int
	// Password says that the person has one to sign in with, too.
	Password bool
}

// Full says that there is no room for another one.
func (m Passkeys) full() bool { return len(m.List) >= m.Limit }

// elsewhere are the hosts at which alone some of them work.
func (m Passkeys) elsewhere(ctx context.Context) string {
	var hosts []string
	for _, one := range m.List {
		if one.Elsewhere != "" && !slices.Contains(hosts, one.Elsewhere) {
			hosts = append(hosts, one.Elsewhere)
		}
	}
	return allOf(ctx, hosts)
}

// some says that one works here.
func (m Passkeys) some() bool {
	for _, one := range m.List {
		if one.Elsewhere == "" {
			return true
		}
	}
	return false
}

// Passkey is one with which the person signs in.
type Passkey struct {
	ID, Name      string
	Created, Used When // Used is unknown when it never was
	// Synced says that it is in a keyring which goes from device to device.
	Synced bool
	// Elsewhere is the host at which alone it works, "" when that is this one.
	Elsewhere string
	// Removable says that another way in is left.
	Removable bool
}

func (p Passkey) path(act string) templ.SafeURL {
	return templ.SafeURL("/account/passkeys/" + p.ID + "/" + act)
}

// kept is where it is.
func (p Passkey) kept(ctx context.Context) string {
	if p.Synced {
		return t(ctx, "passkeys.synced", "Synced between devices")
	}
	return t(ctx, "passkeys.one-device", "On one device only")
}

// NewPasskey is the model of the page on which a passkey is added.
type NewPasskey struct {
	Page
	Name, NameError string
	// Options are what the browser is given, as JSON, and Challenge is what the form sends back with its answer.
	Options, Challenge string
	// Error says what was wrong with what it answered.
	Error string
}

// PasskeyName is the model of the page on which a passkey is called something else.
type PasskeyName struct {
	Page
	Passkey Passkey
	Name    string
	Error   string
}

// StopPassword is the model of the question whether to go without a password.
type StopPassword struct {
	Page
	// Mail says that a link for a new password can be sent.
	Mail bool
	// Error says why it cannot be done.
	Error string
}
