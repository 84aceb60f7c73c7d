package app

import (
	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// service is the accounts in this process as the dashboard asks for them.
type service struct{ *accounts.Accounts }

var _ handlers.Service = service{}

// As is how somebody who is signed in reaches what is theirs.
func (s service) As(a model.Account, from model.Origin) handlers.Person {
	return s.Accounts.As(a, from)
}
