package clienttest

import (
	"net/http"
	"testing"
	"time"

	"latchkey/client"
)

// testExpiry is about a call of Latchkey's own. That a key signs nothing in once it
// has expired takes longer than this suite.
func (s *suite) testExpiry(t *testing.T) {
	if !s.answers(t, func(own *client.Session) error {
		err := own.APIKeys().SetExpiry(t.Context(), "0123456789abcdef01234567", time.Time{})
		if client.IsNotFound(err) && !client.IsNotReported(err) { // the call is there, and no such key
			return nil
		}
		return err
	}) {
		return
	}
	p := s.newPerson(t)
	key := p.newKey(t)
	expires := func(want time.Time) {
		t.Helper()
		if got := p.fact(t, key).ExpiresAt; !got.Equal(want) {
			t.Errorf("the key expires at %v, want %v", got, want)
		}
	}
	set := func(at time.Time) {
		t.Helper()
		if err := p.keys.SetExpiry(t.Context(), key.ID, at); err != nil {
			t.Fatal(err)
		}
		expires(at)
	}
	expires(time.Time{})
	year, month := time.Now().AddDate(1, 0, 0).Truncate(time.Second), time.Now().AddDate(0, 1, 0).Truncate(time.Second)
	for _, at := range []time.Time{month, year, {}, month} {
		set(at)
	}
	p.loginWith(t, key)
	for _, at := range []time.Time{time.Now().Add(-time.Hour), time.Now().AddDate(11, 0, 0)} {
		refused(t, p.keys.SetExpiry(t.Context(), key.ID, at), want{status: http.StatusBadRequest, code: "InvalidParameter"})
	}
	refused(t, s.newPerson(t).keys.SetExpiry(t.Context(), key.ID, year), want{status: http.StatusNotFound, code: "APIKeyNotFound"})
	refused(t, p.loginWith(t, key).APIKeys().SetExpiry(t.Context(), key.ID, year), want{status: http.StatusForbidden, code: noCode})
	expires(month)
}
