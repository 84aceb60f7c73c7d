package authserver

import "net/http"

// noFunctions answers calls of functions, and of the data services behind the same address, with a reason: the bare 404 of an address
// that does not exist reads like a wrong base URL in every SDK.
//
// It looks at no token. The answer is the same for everybody, and a 401 would make SDKs renew a session, or give it up, for the sake of
// a call that nobody can make. A stream of changes is asked for with the token in the query, which is not read at all.
func noFunctions(*http.Request, principal) (answer, error) {
	return answer{}, refuse(kindNoFunctions)
}
