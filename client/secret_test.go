package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latchkey/client"
)

// printed returns everything that common printers make of v.
func printed(t *testing.T, v any) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		out[verb] = fmt.Sprintf(verb, v)
		out["in a slice "+verb] = fmt.Sprintf(verb, []any{v})
		out["in a struct "+verb] = fmt.Sprintf(verb, struct{ V any }{v})
		out["in an error "+verb] = fmt.Errorf("failed: "+verb, v).Error()
	}
	encoded, err := json.Marshal(map[string]any{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	out["encoding/json"] = string(encoded)
	var text, structured bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&structured, nil)).Info("m", "v", v)
	out["slog text"], out["slog JSON"] = text.String(), structured.String()
	return out
}

func TestNothingPrintsASecret(t *testing.T) {
	f := startFake(t)
	session := f.login(t)
	key := client.CreatedKey{APIKey: client.APIKey{ID: keyID, Name: "phone"}, Value: value}
	password := client.EmailPassword("ada@example.com", value)
	for name, v := range map[string]any{
		"a secret":              client.Secret(value),
		"a pointer to a secret": ptr(client.Secret(value)),
		"a created key":         key,
		"a pointer to one":      &key,
		"credentials":           password,
		"pointed credentials":   &password,
		"key credentials":       client.UserAPIKey(value),
		"a session":             session,
		"a resumed session":     f.client(t).Resume(userID, value),
		"a client":              f.client(t),
		"an unexported field":   struct{ c client.Credentials }{password},
		"its session":           struct{ s *client.Session }{session},
	} {
		t.Run(name, func(t *testing.T) {
			for printer, text := range printed(t, v) {
				for _, secret := range []string{value, access, refresh} {
					// Hexadecimal, too: %x of a plain string gives that.
					if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret)) {
						t.Errorf("%s shows it: %s", printer, text)
					}
				}
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestSecretRevealsOnlyWhenAsked(t *testing.T) {
	s := client.Secret(value)
	if s.Reveal() != value {
		t.Error("Reveal does not give the text")
	}
	if got := fmt.Sprint(s); got != "[redacted]" {
		t.Errorf("prints %q", got)
	}
	if text, err := s.MarshalText(); err != nil || string(text) != "[redacted]" {
		t.Errorf("MarshalText gives %q, %v", text, err)
	}
	if got := s.GoString() + s.String(); got != "[redacted][redacted]" {
		t.Errorf("got %q", got)
	}
}

func TestSessionsAndCredentialsSayWhatTheyAre(t *testing.T) {
	f := startFake(t)
	for _, tc := range []struct {
		v    any
		want string
	}{
		{client.UserAPIKey(value), "api-key [redacted]"},
		{client.EmailPassword("ada@example.com", value), "local-userpass [redacted]"},
		{client.Anonymous(), "anon-user [redacted]"},
		{f.session(t), "session of user " + userID + " [redacted]"},
		{client.CreatedKey{APIKey: client.APIKey{ID: keyID, Name: "phone"}, Value: value}, "key phone (" + keyID + ") [redacted]"},
	} {
		for _, verb := range []string{"%v", "%s", "%#v"} {
			if got := fmt.Sprintf(verb, tc.v); got != tc.want {
				t.Errorf("%s prints %q, want %q", verb, got, tc.want)
			}
		}
	}
}

func TestSessionsAndCredentialsEncodeAsWhatTheyAre(t *testing.T) {
	f := startFake(t)
	for _, tc := range []struct {
		v    any
		want string
	}{
		{client.UserAPIKey(value), `"api-key [redacted]"`},
		{f.session(t), `"session of user ` + userID + ` [redacted]"`},
		{client.CreatedKey{APIKey: client.APIKey{ID: keyID, Name: "phone"}, Value: value},
			`{"ID":"` + keyID + `","Name":"phone","Disabled":false,"Value":"[redacted]"}`},
	} {
		encoded, err := json.Marshal(tc.v)
		if err != nil || string(encoded) != tc.want {
			t.Errorf("encodes as %s, %v; want %s", encoded, err, tc.want)
		}
	}
}
