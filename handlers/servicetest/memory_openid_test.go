package servicetest

import (
	"context"

	"latchkey/internal/model"
)

func (m *memory) OpenID() []model.OpenID { return nil }

func (m *memory) BeginOpenID(context.Context, string, model.OpenIDAsk) (string, error) {
	return "", refuse(model.KindNotFound, "")
}

func (m *memory) ReturnOpenID(context.Context, model.Origin, string, model.OpenIDReturn) (model.Arrived, error) {
	return model.Arrived{}, refuse(model.KindNotFound, "")
}

func (m *memory) ConnectOpenID(context.Context, model.Origin, model.Secret, model.Secret) (model.Account, error) {
	return model.Account{}, refuse(model.KindBadLink, "")
}

func (p *memoryPerson) ConnectOpenID(context.Context, string, model.OpenIDReturn) (model.Way, error) {
	return model.Way{}, refuse(model.KindNotFound, "")
}

func (p *memoryPerson) ConfirmOpenID(context.Context, string, model.OpenIDReturn) error {
	return refuse(model.KindNotFound, "")
}
