package upstream

import (
	"context"

	"latchkey/internal/model"
)

// OpenID is none: how people sign in is the other server's to say.
func (s *Service) OpenID() []model.OpenID { return nil }

// BeginOpenID is not offered.
func (s *Service) BeginOpenID(context.Context, string, model.OpenIDAsk) (string, error) {
	return "", notOffered()
}

// ReturnOpenID is not offered.
func (s *Service) ReturnOpenID(context.Context, model.Origin, string, model.OpenIDReturn) (model.Arrived, error) {
	return model.Arrived{}, notOffered()
}

// ConnectOpenID is not offered.
func (s *Service) ConnectOpenID(context.Context, model.Origin, model.Secret, model.Secret) (model.Account, error) {
	return model.Account{}, notOffered()
}

// ConnectOpenID is not offered.
func (p *Person) ConnectOpenID(context.Context, string, model.OpenIDReturn) (model.Way, error) {
	return model.Way{}, notOffered()
}

// ConfirmOpenID is not offered.
func (p *Person) ConfirmOpenID(context.Context, string, model.OpenIDReturn) error {
	return notOffered()
}

func notOffered() error { return &model.Error{Kind: model.KindNotOffered} }
