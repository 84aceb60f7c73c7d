package client_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"runtime"
	"testing"

	"latchkey/client"
)

// sentLogin decodes the body of a sign-in.
func sentLogin(t *testing.T, r recorded) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestCredentialsKnowTheirProviderAndBody(t *testing.T) {
	for name, tc := range map[string]struct {
		with     client.Credentials
		provider string
		fields   map[string]any
	}{
		"email and password": {client.EmailPassword("ada@example.com", `p"<w>ä`), "local-userpass",
			map[string]any{"username": "ada@example.com", "password": `p"<w>ä`}},
		"key":       {client.UserAPIKey(value), "api-key", map[string]any{"key": value}},
		"anonymous": {client.Anonymous(), "anon-user", map[string]any{}},
		"a token":   {client.CustomToken("a.b.c"), "custom-token", map[string]any{"token": "a.b.c"}},
		"Google":    {client.GoogleIDToken("a.b.c"), "oauth2-google", map[string]any{"id_token": "a.b.c"}},
		"Apple":     {client.AppleIDToken("a.b.c"), "oauth2-apple", map[string]any{"id_token": "a.b.c"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			if _, err := f.client(t).Login(t.Context(), tc.with); err != nil {
				t.Fatal(err)
			}
			got := f.only(t)
			body := sentLogin(t, got)
			delete(body, "options")
			if got.call() != "POST "+appRoot+"/auth/providers/"+tc.provider+"/login" || !reflect.DeepEqual(body, tc.fields) {
				t.Errorf("sent %s %v, want provider %s and %v", got.call(), body, tc.provider, tc.fields)
			}
			if got.header.Get("Authorization") != "" || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("sent the headers %v", got.header)
			}
		})
	}
}

func TestEmptyCredentialsAreNotSent(t *testing.T) {
	f := startFake(t)
	_, err := f.client(t).Login(t.Context(), client.Credentials{})
	if !client.NeverSent(err) {
		t.Errorf("got %v", err)
	}
	if got := f.requests(); len(got) != 0 {
		t.Errorf("the server was sent %v", got)
	}
}

func TestASignInDescribesTheDevice(t *testing.T) {
	for name, tc := range map[string]struct {
		opts []client.Option
		want map[string]any
	}{
		"by default": {nil, map[string]any{
			"platform": runtime.GOOS, "platformVersion": runtime.Version(),
			"sdk": "latchkey-go", "sdkVersion": "1.0.0"}},
		"in part": {[]client.Option{client.WithDevice(client.Device{Name: "greenhouse"})}, map[string]any{
			"platform": runtime.GOOS, "platformVersion": runtime.Version(),
			"sdk": "latchkey-go", "sdkVersion": "1.0.0", "deviceName": "greenhouse"}},
		"in full": {[]client.Option{client.WithDevice(client.Device{
			Platform: "plan9", PlatformVersion: "4", SDK: "own", SDKVersion: "2", Name: "greenhouse", AppID: "sensor", AppVersion: "3"})},
			map[string]any{"platform": "plan9", "platformVersion": "4", "sdk": "own", "sdkVersion": "2",
				"deviceName": "greenhouse", "appId": "sensor", "appVersion": "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			if _, err := f.client(t, tc.opts...).Login(t.Context(), client.Anonymous()); err != nil {
				t.Fatal(err)
			}
			options := sentLogin(t, f.only(t))["options"]
			if want := map[string]any{"device": tc.want}; !reflect.DeepEqual(options, want) {
				t.Errorf("sent %v, want %v", options, want)
			}
		})
	}
}

func TestADeviceIDIsGivenBack(t *testing.T) {
	const zeros = "000000000000000000000000"
	for name, tc := range map[string]struct {
		given string
		want  any
	}{
		"an id":      {device, map[string]any{"$oid": device}},
		"zeros":      {zeros, nil}, // the server made no device
		"not an id":  {"phone", nil},
		"no id":      {"", nil},
		"upper case": {"65F1C0DE00000000000000D1", map[string]any{"$oid": "65F1C0DE00000000000000D1"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on("POST "+appRoot+"/auth/providers/api-key/login", http.StatusOK,
				`{"user_id":"`+userID+`","device_id":"`+tc.given+`","access_token":"a","refresh_token":"r"}`)
			c := f.client(t)
			for range 2 {
				s, err := c.Login(t.Context(), client.UserAPIKey(value))
				if err != nil {
					t.Fatal(err)
				}
				if s.DeviceID() != tc.given {
					t.Errorf("the session's device id is %q, want %q", s.DeviceID(), tc.given)
				}
			}
			for i, r := range f.requests() {
				options, _ := sentLogin(t, r)["options"].(map[string]any)
				sent, _ := options["device"].(map[string]any)
				want := tc.want
				if i == 0 {
					want = nil
				}
				if !reflect.DeepEqual(sent["deviceId"], want) {
					t.Errorf("sign-in %d sent deviceId %v, want %v", i+1, sent["deviceId"], want)
				}
			}
		})
	}
}
