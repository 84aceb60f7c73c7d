package client_test

import (
	"net/http"
	"testing"
	"time"

	"latchkey/client"
)

const expiryCall = "PUT /api/latchkey/v1/keys/" + keyID + "/expiry"

func TestSetExpirySendsATimeByTheSecondOrNull(t *testing.T) {
	for want, at := range map[string]time.Time{
		`{"expires_at":"2027-02-03T22:59:59Z"}`: time.Date(2027, 2, 3, 23, 59, 59, 999, time.FixedZone("", 3600)),
		`{"expires_at":null}`:                   {},
	} {
		f := startFake(t)
		f.on(expiryCall, http.StatusNoContent, "")
		if err := f.login(t).APIKeys().SetExpiry(t.Context(), keyID, at); err != nil {
			t.Error(err)
		}
		f.only(t).check(t, exchange{call: expiryCall, authorization: "Bearer " + refresh, contentType: "application/json", body: want + "\n"})
	}
}

func TestAKeyThatIsNotThereIsToldFromACallThatIsNot(t *testing.T) {
	for body, missing := range map[string]bool{
		`{"error":"API key not found","error_code":"APIKeyNotFound"}`: true,
		`{"error":"there is nothing at this address"}`:                false,
	} {
		f := startFake(t)
		f.on(expiryCall, http.StatusNotFound, body)
		err := f.login(t).APIKeys().SetExpiry(t.Context(), keyID, time.Time{})
		if !client.IsNotFound(err) || client.IsNotReported(err) == missing {
			t.Errorf("%s: %v", body, err)
		}
	}
	f := startFake(t)
	if err := f.login(t).APIKeys().SetExpiry(t.Context(), "a value", time.Time{}); !client.IsNotFound(err) || client.IsNotReported(err) {
		t.Error(err)
	}
}
