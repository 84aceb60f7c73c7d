package app

import (
	"context"

	"latchkey/handlers"
	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// operators is how operators reach the accounts that a service has; nil where these are elsewhere.
func operators(of handlers.Service) handlers.Operators {
	if here, is := of.(accountsHere); is {
		return operatorsHere{here.Accounts}
	}
	return nil
}

// operatorsHere is the accounts behind the interface for operators.
type operatorsHere struct{ accounts *accounts.Accounts }

// Operator is that of the accounts.
func (o operatorsHere) Operator(ctx context.Context, who model.Account, from model.Origin) (handlers.Operating, error) {
	operating, err := o.accounts.Operator(ctx, who, from)
	if err != nil {
		return nil, err
	}
	return operating, nil
}
