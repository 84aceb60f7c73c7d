package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

const factsCall = "GET /api/latchkey/v1/key_facts"

func TestFactsTellWhatTheServerKnows(t *testing.T) {
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	first, last, off := since.Add(time.Hour), since.Add(2*time.Hour+123*time.Millisecond), since.Add(3*time.Hour)
	use := client.KeyUse{At: last, Address: "192.0.2.7", DeviceName: "porch-cam", Platform: "Linux", PlatformVersion: "6.1",
		SDK: "realm-web", SDKVersion: "2.0.1"}
	for name, tc := range map[string]struct {
		keys string
		want map[string]client.KeyFact
	}{
		"no keys": {`[]`, map[string]client.KeyFact{}},
		"a key that was never used": {`[{"_id":"` + keyID + `","fingerprint":"0123456789abcdef"}]`,
			map[string]client.KeyFact{keyID: {Fingerprint: "0123456789abcdef"}}},
		"all there is": {`[{"_id":"` + keyID + `","fingerprint":"0123456789abcdef","words":"amber-falcon-6789","first_used_at":"2026-11-01T01:00:00.000Z",
			"last_use":{"at":"2026-11-01T02:00:00.123Z","address":"192.0.2.7","device_name":"porch-cam","platform":"Linux",
			"platform_version":"6.1","sdk":"realm-web","sdk_version":"2.0.1"},
			"last_refusal":{"at":"2026-11-01T03:00:00.000Z","address":"192.0.2.8","reason":"off"},
			"off":{"at":"2026-11-01T02:00:00.123Z","sessions":2,"access_until":"2026-11-01T02:30:00.123Z","first_refused_at":"2026-11-01T03:00:00.000Z"},
			"expires_at":"2026-11-01T03:00:00.000Z"},{"_id":"` + userID + `"}]`,
			map[string]client.KeyFact{userID: {}, keyID: {Fingerprint: "0123456789abcdef", Words: "amber-falcon-6789", FirstUsed: first, LastUse: use,
				LastRefusal: client.KeyRefusal{At: off, Address: "192.0.2.8", Reason: "off"},
				Off:         client.KeyOff{At: last, Sessions: 2, AccessUntil: last.Add(30 * time.Minute), FirstRefused: off}, ExpiresAt: off}}},
		"nulls, more than is known, and an id in extended JSON": {`[{"_id":{"$oid":"` + keyID + `"},"fingerprint":null,
			"first_used_at":null,"last_use":null,"last_refusal":null,"off":null,"seen_by":[1]}]`, map[string]client.KeyFact{keyID: {}}},
		"texts that act": {`[{"_id":"` + keyID + `","last_use":{"at":"2026-11-01T02:00:00.123Z","device_name":"a\u202e\u001b[31m\nb",
			"platform":"` + strings.Repeat("x", 70) + `"}}]`, map[string]client.KeyFact{keyID: {LastUse: client.KeyUse{
			At: last, DeviceName: "a[31m b", Platform: strings.Repeat("x", 64) + "…"}}}},
		"fingerprints that are none": {`[{"_id":"` + keyID + `","fingerprint":"0123"},
			{"_id":"` + userID + `","fingerprint":"zzzzzzzzzzzzzzzz"}]`,
			map[string]client.KeyFact{keyID: {}, userID: {}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on(factsCall, http.StatusOK, `{"recording_since":"2026-11-01T00:00:00.000Z","more":1,"keys":`+tc.keys+`}`)
			got, err := f.login(t).APIKeys().Facts(t.Context())
			if want := (client.KeyFacts{RecordingSince: since, Keys: tc.want}); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%+v, %v; want\n%+v", got, err, want)
			}
			f.only(t).check(t, exchange{call: factsCall, authorization: "Bearer " + refresh})
		})
	}
}

// A page must be able to say "not reported by this server", and must not say it of a server that is down.
func TestNotReportedIsToldFromFailure(t *testing.T) {
	const page = `<html>welcome</html>`
	good := `{"recording_since":"2026-11-01T00:00:00.000Z","keys":[]}`
	for name, tc := range map[string]struct {
		status      int
		body        string
		notReported bool
		helper      func(error) bool // another that must be true
	}{
		"no such path":                {404, `{"error":"there is nothing at this address"}`, true, client.IsNotFound},
		"no such path, as a page":     {404, page, true, client.IsNotFound},
		"another method":              {405, ``, true, nil},
		"not implemented":             {501, page, true, nil},
		"a redirect":                  {302, ``, true, nil},
		"the page of another program": {200, page, true, nil},
		"nothing":                     {204, ``, true, nil},
		"an object that is not ours":  {200, `{"status":"ok"}`, true, nil},
		"a list":                      {200, `[]`, true, nil},
		"an error called a success":   {200, `{"error":"unknown path"}`, true, nil},
		"keys that are none":          {200, strings.Replace(good, "[]", `[{"_id":"x"}]`, 1), true, nil},
		"keys of another type":        {200, strings.Replace(good, "[]", `{}`, 1), true, nil},
		"no keys":                     {200, strings.Replace(good, "[]", `null`, 1), true, nil},
		"no time":                     {200, `{"keys":[]}`, true, nil},
		"a time that is none":         {200, strings.Replace(good, "2026", "year", 1), true, nil},
		"a session that is over": {401, `{"error":"invalid session","error_code":"InvalidSession"}`, false,
			client.IsUnauthorized},
		"a gate before the server":            {401, page, false, client.IsUnauthorized},
		"a session that may not":              {403, `{"error":"keys can be managed by people only"}`, false, client.IsForbidden},
		"a gate that knows nobody":            {403, ``, false, client.IsForbidden},
		"too often":                           {429, ``, false, nil},
		"a failure":                           {500, `{"error":"internal server error"}`, false, nil},
		"a proxy that finds nobody behind":    {502, page, false, nil},
		"a server that is busy":               {503, ``, false, nil},
		"a request that the server mistrusts": {400, `{"error":"no"}`, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on(factsCall, tc.status, tc.body)
			f.on("POST "+sessionCall, http.StatusUnauthorized, "")
			facts, err := f.session(t).APIKeys().Facts(t.Context())
			if err == nil || facts.Keys != nil {
				t.Fatalf("got %+v, %v", facts, err)
			}
			if got := client.IsNotReported(err); got != tc.notReported {
				t.Errorf("IsNotReported is %v for %v", got, err)
			}
			if tc.helper != nil && !tc.helper(err) {
				t.Errorf("another helper says no to %v", err)
			}
		})
	}
}

func TestWhatDidNotAnswerIsNoServerWithoutFacts(t *testing.T) {
	f := startFake(t)
	session := f.login(t)
	f.handle(factsCall, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"recording_since":"2026-11-01T00:00:00.000Z","ke`)
	})
	_, cut := session.APIKeys().Facts(t.Context())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, left := session.APIKeys().Facts(gone)
	f.Close()
	_, down := session.APIKeys().Facts(t.Context())

	unknown := startFake(t)
	unknown.on(location, http.StatusNotFound, `{"error":"cannot find app"}`)
	_, noApp := unknown.session(t).APIKeys().Facts(t.Context())

	other := startFake(t)
	other.on("GET "+keysPath, http.StatusNotFound, `{"error":"not found"}`)
	_, otherCall := other.session(t).APIKeys().FetchAll(t.Context())

	for name, err := range map[string]error{
		"an answer cut short": cut, "a caller who left": left, "a server that is down": down, "an app that is unknown": noApp,
		"another call": otherCall, "an error of somebody else": errors.New("404"), "no error": nil,
	} {
		if client.IsNotReported(err) {
			t.Errorf("%s: IsNotReported is true for %v", name, err)
		}
		if name != "no error" && err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnErrorOfFactsNamesItsOwnPath(t *testing.T) {
	f := startFake(t)
	f.on(factsCall, http.StatusNotFound, `{"error":"there is nothing at `+refresh+`"}`)
	_, err := f.session(t).APIKeys().Facts(t.Context())
	const want = "load key usage: GET /api/latchkey/v1/key_facts: 404 Not Found: there is nothing at [redacted]"
	if fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
