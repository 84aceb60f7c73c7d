package views

import "context"

// Help is the model of the page that explains everything else.
type Help struct {
	Page
	// PublicURL is what a device must be told to connect, and Script a whole program for one that has a shell.
	PublicURL, Script string
	Local             Local
	// Here says that the keys are this server's own, whose promises the page may repeat.
	Here bool
	// MaxKeys and MinPassword are what an account and a password are held to, and StepUp is for how long a password that was entered is
	// not asked for again.
	MaxKeys, MinPassword int
	StepUp               string
	// NoPassword says that nobody signs in with a password here.
	NoPassword bool
}

// contact is what the administrator is there for.
func (m Help) contact(ctx context.Context) string {
	if m.NoPassword {
		return t(ctx, "help.contact.no-password", "Ask the administrator of this server when something here does not work.")
	}
	return t(ctx, "help.contact.text", "Ask the administrator of this server for an account, for a link to reset your password, or when something here does not work.")
}
