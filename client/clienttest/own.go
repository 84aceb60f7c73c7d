package clienttest

import (
	"testing"

	"latchkey/client"
)

// ownRoot is where Latchkey's own calls live.
const ownRoot = "/api/latchkey/v1"

// answers tells whether the target has a call of Latchkey's own; the strict suite fails where it has not. It asks past the
// checker: what a server says of a path that it does not know is its own affair.
func (s *suite) answers(t *testing.T, call func(*client.Session) error) bool {
	t.Helper()
	c, err := client.New(s.BaseURL, s.AppID, client.WithHTTPClient(s.HTTPClient))
	if err != nil {
		t.Fatal(err)
	}
	p := s.newPerson(t)
	err = call(c.Resume(p.session.UserID(), p.session.RefreshToken()))
	switch {
	case err == nil:
		return true
	case !client.IsNotReported(err) && !client.IsUnauthorized(err) && !client.IsForbidden(err):
		t.Fatal(err)
	}
	p.list(t) // the session is good, so it was the path that was refused
	if s.Strict {
		t.Fatal("the target does not have this call")
	}
	t.Log("the target does not have this call: no fault")
	return false
}
