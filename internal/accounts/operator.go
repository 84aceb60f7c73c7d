package accounts

import (
	"context"
	"time"

	"latchkey/internal/model"
)

// OperatorLinkLifetime is longer than that of a link in a mail: an operator passes it on by hand.
const OperatorLinkLifetime = 24 * time.Hour

// CheckEmail says whether an account can be called that.
func CheckEmail(email string) error {
	if !validEmail(email) {
		return refuse(model.KindBadEmail)
	}
	return nil
}

// HashNewPassword hashes a password that an operator gives an account. The rules are those for people who make one themselves.
func HashNewPassword(ctx context.Context, password, email string, minPassword int) (string, error) {
	if err := checkNewPassword(model.Secret(password), email, minPassword); err != nil {
		return "", err
	}
	return newHasher(passwordCost, 1).hash(ctx, model.Secret(password))
}
