package accounts

import (
	"context"

	"latchkey/internal/model"
)

// PasskeyOptions are what a browser is given to sign somebody in with a passkey.
func (a *Accounts) PasskeyOptions(context.Context, model.Origin) (options []byte, challenge string, err error) {
	return nil, "", refuse(model.KindNotOffered)
}

// SignInWithPasskey opens a session with what the browser answered.
func (a *Accounts) SignInWithPasskey(context.Context, model.Origin, string, []byte) (model.Account, error) {
	return model.Account{}, refuse(model.KindBadPasskey)
}

// ProofOptions are what a browser is given for the person to show that it is they.
func (p *Person) ProofOptions(context.Context) (options []byte, challenge string, err error) {
	return nil, "", refuse(model.KindNotOffered)
}

// CheckPasskey checks what the browser answered.
func (p *Person) CheckPasskey(context.Context, string, []byte) error {
	return refuse(model.KindBadPasskey)
}

// Passkeys are those of the person.
func (p *Person) Passkeys(context.Context) ([]model.Passkey, error) { return nil, p.manages() }

// RenamePasskey calls a passkey something else.
func (p *Person) RenamePasskey(context.Context, string, string) (model.Passkey, error) {
	return model.Passkey{}, refuse(model.KindNotFound)
}

// RemovePasskey removes a passkey.
func (p *Person) RemovePasskey(context.Context, string) (model.Passkey, error) {
	return model.Passkey{}, refuse(model.KindNotFound)
}

// RemovePassword has the password sign nobody in any more.
func (p *Person) RemovePassword(context.Context) error { return refuse(model.KindFewPasskeys) }

// NewPasskeyOptions are what a browser is given to create a passkey.
func (p *Person) NewPasskeyOptions(context.Context) (options []byte, challenge string, err error) {
	return nil, "", refuse(model.KindNotOffered)
}

// AddPasskey keeps what the browser answered.
func (p *Person) AddPasskey(context.Context, string, string, []byte) (model.Passkey, error) {
	return model.Passkey{}, refuse(model.KindBadPasskey)
}
