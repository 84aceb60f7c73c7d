package websession

import (
	"encoding/json"

	"latchkey/internal/model"
)

// sealedAccount is what is sealed of an account that is elsewhere: the one place where its token is written out.
type sealedAccount struct{ UserID, Email, Token, SessionID string }

// pack is what is sealed of an account: nothing when it is here, and has no token.
func pack(a model.Account) []byte {
	if a.Token == "" {
		return nil
	}
	plain, _ := json.Marshal(sealedAccount{a.UserID, a.Email, a.Token.Reveal(), a.SessionID}) // strings always encode
	return plain
}

func unpack(b []byte) (model.Account, error) {
	var s sealedAccount
	err := json.Unmarshal(b, &s)
	return model.Account{UserID: s.UserID, Email: s.Email, Token: model.Secret(s.Token), SessionID: s.SessionID}, err
}
