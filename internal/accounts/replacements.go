package accounts

import (
	"context"

	"latchkey/internal/model"
)

// ReplaceKey is not offered.
func (p *Person) ReplaceKey(context.Context, string, model.Replacing) (model.Created, error) {
	return model.Created{}, &model.Error{Kind: model.KindNotOffered}
}

// EndReplacement is not offered.
func (p *Person) EndReplacement(context.Context, string) (model.Key, error) {
	return model.Key{}, &model.Error{Kind: model.KindNotOffered}
}
