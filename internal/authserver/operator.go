package authserver

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
		return refuse(kindBadEmail)
	}
	return nil
}

// HashNewPassword hashes a password that an operator gives an account. The rules are those for people who make one themselves.
func HashNewPassword(ctx context.Context, password, email string, minPassword int) (string, error) {
	s := &Server{cfg: Config{MinPassword: minPassword}}
	if err := s.checkNewPassword(model.Secret(password), email); err != nil {
		return "", err
	}
	return newHasher(passwordCost, 1).hash(ctx, model.Secret(password))
}

// ResetByOperator leads to where a new password is chosen, when whoever runs the server wants that.
func (l Letters) ResetByOperator(to, link string) Mail {
	return Mail{To: to, Subject: "Choose a new password", Text: `Hello,

whoever runs this Latchkey asks you to choose a new password for your account. To choose one, open this link within 24 hours:

` + link + `

Keys work as before.
`}
}
