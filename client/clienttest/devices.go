package clienttest

import (
	"regexp"
	"testing"

	"latchkey/client"
)

var hex24 = regexp.MustCompile(`^[0-9a-f]{24}$`)

// testDevices is about realm-web, whose second sign-in throws unless device_id
// is 24 hexadecimal digits.
func (s *suite) testDevices(t *testing.T) {
	p := s.newPerson(t)
	id, _ := s.login(t, p, `{"device":{"platform":"test"}}`)["device_id"].(string)

	t.Run("a device gets an id", func(t *testing.T) {
		if !hex24.MatchString(id) {
			t.Errorf("device_id is %q, want 24 hexadecimal digits", id)
		}
	})

	t.Run("a sign-in without a device has an id too", func(t *testing.T) {
		for _, options := range []string{`{}`, `{"device":{}}`} {
			if got, _ := s.login(t, p, options)["device_id"].(string); !hex24.MatchString(got) {
				t.Errorf("options %s: device_id is %q, want 24 hexadecimal digits", options, got)
			}
		}
	})

	t.Run("a device that tells its id keeps it", func(t *testing.T) {
		for _, options := range []string{
			`{"device":{"platform":"test","deviceId":{"$oid":"` + id + `"}}}`,
			`{"device":{"platform":"test","deviceId":"` + id + `"}}`,
		} {
			if got := s.login(t, p, options)["device_id"]; got != id {
				t.Errorf("options %s: device_id is %v, want %s", options, got, id)
			}
		}
	})

	t.Run("package client keeps its id over sign-ins", func(t *testing.T) {
		again, err := p.client.Login(t.Context(), client.EmailPassword(p.email, p.password))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.session.DeviceID(); !hex24.MatchString(got) || again.DeviceID() != got {
			t.Errorf("device ids %q and %q, want the same 24 digits", got, again.DeviceID())
		}
	})
}
