package handlers_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey/handlers"
	"latchkey/internal/testkit"
)

// secretFields are what proves something in a form, each with a text that is found again.
var secretFields = url.Values{
	"password": {"password-of-a-form"}, "current": {"current-one-of-a-form"}, "new": {"new-one-of-a-form"},
	"token": {"token-of-a-link"}, "tokenId": {"id-of-a-link"},
}

// takesSecrets says which of them a route hands on to the key service.
var takesSecrets = map[string][]string{
	"/login":              {"password"},
	"/register":           {"password"},
	"/reset":              {"password", "token", "tokenId"},
	"/confirm":            {"token", "tokenId"},
	"/account/password":   {"current", "new"},
	"/account/delete":     {"password"},
	"/keys":               {"password"},
	"/keys/:id/turn-on":   {"password"},
	"/keys/:id/expiry":    {"password"},
	"/keys/:id/replace":   {"password"},
	"/device/:id/approve": {"password"},
}

// Addresses are in histories and in the logs of proxies, and a link can fill one in: what is in an address proves nothing.
func TestNoFormTakesASecretFromTheAddress(t *testing.T) {
	t.Parallel()
	for _, route := range handlers.Routes(handlers.New(newProgram(t, withMail).deps)) {
		path, isForm := strings.CutPrefix(route, "POST ")
		if !isForm {
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			p, b, _ := late(t, withMail, elsewhere)
			handedOn := p.handsOn(secretFields)
			form := newKeyForm("porch-cam")
			form.Set("email", email)
			place := strings.Replace(path, ":id", strings.Repeat("a", 24), 1)
			for name := range secretFields {
				form.Set(name, secretFields.Get(name))
			}
			for name := range secretFields { // each alone, or the lack of another could be what stops it
				form.Del(name)
				b.post(place+"?"+secretFields.Encode(), form).keepsQuiet(secretFields.Get(name))
				if slices.Contains(handedOn(), name) {
					t.Errorf("hands on %s out of the address", name)
				}
				form.Set(name, secretFields.Get(name))
			}
			b.post(place, form)
			if got := handedOn(); !slices.Equal(got, takesSecrets[path]) {
				t.Errorf("hands on %v out of the form, want %v", got, takesSecrets[path])
			}
		})
	}
}

// handsOn tells, from now on and once for each, which of the fields have been sent to the key service.
func (p *program) handsOn(fields url.Values) func() []string {
	var sent testkit.Log // what may be written to by several: keys and facts are asked for at once
	p.upstream.breaks("*", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		_, _ = sent.Write([]byte(r.URL.String())) // never fails
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			_, _ = sent.Write(body)
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		return next.RoundTrip(r)
	})
	return func() (names []string) {
		for name := range fields {
			if strings.Contains(sent.String(), fields.Get(name)) {
				names = append(names, name)
			}
		}
		sent.Reset()
		slices.Sort(names)
		return names
	}
}
