package servicetest

import (
	"context"

	"latchkey/internal/model"
)

func (m *memory) Handover(context.Context, model.Secret) (model.Handover, error) {
	return model.Handover{}, refuse(model.KindBadLink, "")
}

func (m *memory) UseHandover(context.Context, model.Origin, model.Secret) (model.Account, model.Handed, error) {
	return model.Account{}, model.Handed{}, refuse(model.KindBadLink, "")
}
