package authserver

import "testing"

func TestACallOfAFunctionIsRefusedWithAReasonWhoeverCalls(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	for _, token := range []string{"", owner.AccessToken, owner.RefreshToken, "no token at all"} {
		f.do("POST", appPath("/functions/call"), token, `{"name":"f","arguments":[]}`).want(404).says("there are no functions here", "FunctionNotFound")
		f.do("GET", appPath("/functions/call")+"?baas_request=e30&baas_at="+owner.AccessToken, token, "").want(404).says("there are no functions here", "FunctionNotFound")
	}
	f.do("POST", "/api/client/v2.0/app/another-app/functions/call", "", "").want(404).says("cannot find app using Client App ID 'another-app'", "")
}
