package client_test

import (
	"net/http"
	"testing"
	"time"

	"latchkey/client"
)

const replacementCall = " /api/latchkey/v1/keys/" + keyID + "/replacement"

func TestAKeyIsReplacedWithAnother(t *testing.T) {
	const other = "0123456789abcdef01234567"
	f := startFake(t)
	f.on("POST"+replacementCall, http.StatusCreated, `{"new_key":"`+other+`","new_name":"garage-pi-2","finish":"evidence","state":"waiting","quiet":86400,"started_at":"2026-11-03T14:02:00.000Z"}`)
	got, err := f.login(t).APIKeys().Replace(t.Context(), keyID, other, client.FinishOnEvidence, 24*time.Hour)
	want := client.Replacement{
		NewKey: other, NewName: "garage-pi-2", Finish: client.FinishOnEvidence, State: client.ReplacementWaiting, Quiet: 24 * time.Hour,
		StartedAt: time.Date(2026, time.November, 3, 14, 2, 0, 0, time.UTC),
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	f.only(t).check(t, exchange{
		call: "POST" + replacementCall, authorization: "Bearer " + refresh, contentType: "application/json",
		body: `{"finish":"evidence","new_key":"` + other + `","quiet":86400}` + "\n",
	})
}

func TestHowFarAReplacementHasComeIsTold(t *testing.T) {
	for body, tc := range map[string]struct {
		status                 int
		found, notReported, ok bool
	}{
		`{"new_key":"` + keyID + `","state":"parked","quiet":3600}`:                              {200, true, false, true},
		`{"new_key":"` + keyID + `"}`:                                                            {200, true, true, false},
		`{"new_key":"nonsense","state":"parked"}`:                                                {200, true, true, false},
		`{"new_key":"` + keyID + `","state":"parked","quiet":9223372036854775807}`:               {200, true, true, false},
		`{"error":"nothing takes the place of this API key","error_code":"ReplacementNotFound"}`: {404, false, false, false},
		`{"error":"API key not found","error_code":"APIKeyNotFound"}`:                            {404, false, false, false},
		`{"error":"there is nothing at this address"}`:                                           {404, false, true, false},
	} {
		f := startFake(t)
		f.on("GET"+replacementCall, tc.status, body)
		_, err := f.login(t).APIKeys().Replacement(t.Context(), keyID)
		if (err == nil) != tc.ok || client.IsNotReported(err) != tc.notReported || client.IsNotFound(err) == tc.found {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestAReplacementIsEnded(t *testing.T) {
	f := startFake(t)
	f.on("DELETE"+replacementCall, http.StatusNoContent, "")
	if err := f.login(t).APIKeys().EndReplacement(t.Context(), keyID); err != nil {
		t.Error(err)
	}
	if err := f.login(t).APIKeys().EndReplacement(t.Context(), value); !client.IsNotFound(err) || client.IsNotReported(err) {
		t.Error(err) // a value is not an id, and is not sent
	}
}
