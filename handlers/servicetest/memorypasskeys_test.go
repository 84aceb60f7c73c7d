package servicetest

import (
	"context"

	"latchkey/internal/model"
)

// The plainest service has no passkeys.

func (m *memory) PasskeyOptions(context.Context, model.Origin) (options []byte, challenge string, err error) {
	return nil, "", refuse(model.KindNotOffered, "")
}

func (m *memory) SignInWithPasskey(context.Context, model.Origin, string, []byte) (model.Account, error) {
	return model.Account{}, refuse(model.KindNotOffered, "")
}

func (p *memoryPerson) ProofOptions(context.Context) (options []byte, challenge string, err error) {
	return nil, "", refuse(model.KindNotOffered, "")
}

func (p *memoryPerson) CheckPasskey(context.Context, string, []byte) error {
	return refuse(model.KindNotOffered, "")
}

func (p *memoryPerson) Passkeys(context.Context) ([]model.Passkey, error) {
	return nil, refuse(model.KindNotOffered, "")
}

func (p *memoryPerson) RenamePasskey(context.Context, string, string) (model.Passkey, error) {
	return model.Passkey{}, refuse(model.KindNotOffered, "")
}

func (p *memoryPerson) RemovePasskey(context.Context, string) (model.Passkey, error) {
	return model.Passkey{}, refuse(model.KindNotOffered, "")
}

func (p *memoryPerson) RemovePassword(context.Context) error { return refuse(model.KindNotOffered, "") }

func (p *memoryPerson) NewPasskeyOptions(context.Context) (options []byte, challenge string, err error) {
	return nil, "", refuse(model.KindNotOffered, "")
}

func (p *memoryPerson) AddPasskey(context.Context, string, string, []byte) (model.Passkey, error) {
	return model.Passkey{}, refuse(model.KindNotOffered, "")
}
