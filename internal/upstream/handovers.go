package upstream

import (
	"context"

	"latchkey/internal/model"
)

// Handover is not offered: apps open the dashboard of the server that has their people.
func (s *Service) Handover(context.Context, model.Secret) (model.Handover, error) {
	return model.Handover{}, notOffered()
}

// UseHandover is not offered.
func (s *Service) UseHandover(context.Context, model.Origin, model.Secret) (model.Account, model.Handed, error) {
	return model.Account{}, model.Handed{}, notOffered()
}
