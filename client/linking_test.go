package client_test

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/client"
)

const linkCall = "POST " + appRoot + "/auth/providers/local-userpass/login?link=true"

// last is the request that came last.
func (f *fake) last() recorded {
	all := f.requests()
	return all[len(all)-1]
}

func TestLinkingSendsTheAccessTokenAndKeepsTheOneItGets(t *testing.T) {
	f := startFake(t)
	s := f.login(t)
	f.on(linkCall, http.StatusOK, `{"user_id":"`+userID+`","device_id":"`+device+`","access_token":"access.token.two"}`)
	if err := s.Link(t.Context(), client.EmailPassword("ada@example.com", "correct horse")); err != nil {
		t.Fatal(err)
	}
	sent := f.last()
	if sent.header.Get("Authorization") != "Bearer "+access || !strings.Contains(sent.body, `"username":"ada@example.com"`) {
		t.Errorf("sent %s with %s", sent.body, sent.header.Get("Authorization"))
	}
	f.on("GET "+apiRoot+"/auth/profile", http.StatusOK, `{"user_id":"`+userID+`","identities":[]}`)
	if _, err := s.Profile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.last().header.Get("Authorization"); got != "Bearer access.token.two" {
		t.Errorf("then sent %s", got)
	}
}

func TestLinkingSomebodyElseIsNoSuccess(t *testing.T) {
	f := startFake(t)
	s := f.login(t)
	f.on(linkCall, http.StatusOK, `{"user_id":"65f1c0de0123456789abcdee","access_token":"access.token.two"}`)
	if err := s.Link(t.Context(), client.EmailPassword("ada@example.com", "correct horse")); err == nil || strings.Contains(err.Error(), "correct horse") {
		t.Errorf("error %v", err)
	}
	if err := s.Link(t.Context(), client.Credentials{}); !client.NeverSent(err) {
		t.Errorf("without credentials: %v", err)
	}
}

func TestWhyNothingWasLinked(t *testing.T) {
	f := startFake(t)
	s := f.login(t)
	for body, is := range map[string]func(error) bool{
		`{"error":"invalid user link request","error_code":"InvalidParameter"}`: client.IsNotLinked,
		`{"error":"unauthorized","error_code":"InvalidPassword"}`:               client.IsWrongPassword,
	} {
		f.on(linkCall, http.StatusBadRequest, body)
		if err := s.Link(t.Context(), client.EmailPassword("ada@example.com", "correct horse")); !is(err) || client.IsUnauthorized(err) {
			t.Errorf("%s gives %v", body, err)
		}
	}
}
