package upstream

import (
	"context"

	"latchkey/internal/model"
)

// How people sign in is decided by the other server, and passkeys are each server's own: a browser uses them at no other.

func noPasskeys() error { return &model.Error{Kind: model.KindNotOffered} }

// PasskeyOptions are none.
func (s *Service) PasskeyOptions(context.Context, model.Origin) (options []byte, challenge string, err error) {
	return nil, "", noPasskeys()
}

// SignInWithPasskey signs nobody in.
func (s *Service) SignInWithPasskey(context.Context, model.Origin, string, []byte) (model.Account, error) {
	return model.Account{}, noPasskeys()
}

// ProofOptions are none.
func (p *Person) ProofOptions(context.Context) (options []byte, challenge string, err error) {
	return nil, "", noPasskeys()
}

// CheckPasskey proves nothing.
func (p *Person) CheckPasskey(context.Context, string, []byte) error { return noPasskeys() }

// Passkeys are none.
func (p *Person) Passkeys(context.Context) ([]model.Passkey, error) { return nil, noPasskeys() }

// RenamePasskey renames none.
func (p *Person) RenamePasskey(context.Context, string, string) (model.Passkey, error) {
	return model.Passkey{}, noPasskeys()
}

// RemovePasskey removes none.
func (p *Person) RemovePasskey(context.Context, string) (model.Passkey, error) {
	return model.Passkey{}, noPasskeys()
}

// RemovePassword removes none: without it nobody would sign in there from here.
func (p *Person) RemovePassword(context.Context) error { return noPasskeys() }

// NewPasskeyOptions are none.
func (p *Person) NewPasskeyOptions(context.Context) (options []byte, challenge string, err error) {
	return nil, "", noPasskeys()
}

// AddPasskey adds none.
func (p *Person) AddPasskey(context.Context, string, string, []byte) (model.Passkey, error) {
	return model.Passkey{}, noPasskeys()
}
