package authserver

import (
	"net/http"

	"latchkey/internal/accounts"
)

// noFunctions answers calls of functions, and of the data services behind the same address, with a reason: the bare 404 of an address
// that does not exist reads like a wrong base URL in every SDK.
//
// It looks at no token. The answer is the same for everybody, and a 401 would make SDKs renew a session, or give it up, for the sake of
// a call that nobody can make. A stream of changes is asked for with the token in the query, which is not read at all.
func noFunctions(*http.Request, principal) (answer, error) {
	return answer{}, refuse(kindNoFunctions)
}

// callConfirmation refuses to run a function that confirms an address, with what confirms it here.
func (s *Server) callConfirmation(r *http.Request, _ principal) (answer, error) {
	why := kindConfirmsItself
	if s.accounts.ConfirmsByEmail() {
		why = kindConfirmsByEmail
	}
	return noFunctionFor(r, why)
}

// callReset refuses to run a function that resets a password: anybody could reset anybody's.
func (s *Server) callReset(r *http.Request, _ principal) (answer, error) {
	return noFunctionFor(r, kindNoResetFunction)
}

// noFunctionFor refuses alike for every address, of which there may be an account or not.
func noFunctionFor(r *http.Request, why kind) (answer, error) {
	var in addressRequest
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if !accounts.IsEmail(in.Email) {
		return answer{}, refuse(kindBadEmail)
	}
	return answer{}, refuse(why, in.Email)
}
