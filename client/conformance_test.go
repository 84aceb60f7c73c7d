package client_test

import (
	"os"
	"strconv"
	"testing"

	"latchkey/client/clienttest"
)

// TestConformanceOfADeployment runs the suite on the server that the
// environment names. LATCHKEY_CONFORMANCE_STRICT=1 adds what only Latchkey's
// own server promises, LATCHKEY_CONFORMANCE_ANONYMOUS=1 says that the server
// allows anonymous sign-in, LATCHKEY_CONFORMANCE_AUDIENCE is the name of a service
// that there are tokens for, and LATCHKEY_CONFORMANCE_MIN_PASSWORD is the least
// length of a password where that is not 6.
func TestConformanceOfADeployment(t *testing.T) {
	target := clienttest.Target{
		BaseURL:   os.Getenv("LATCHKEY_CONFORMANCE_URL"),
		AppID:     os.Getenv("LATCHKEY_CONFORMANCE_APP_ID"),
		Strict:    os.Getenv("LATCHKEY_CONFORMANCE_STRICT") == "1",
		Anonymous: os.Getenv("LATCHKEY_CONFORMANCE_ANONYMOUS") == "1",
		Audience:  os.Getenv("LATCHKEY_CONFORMANCE_AUDIENCE"),
	}
	if target.BaseURL == "" || target.AppID == "" {
		t.Skip("LATCHKEY_CONFORMANCE_URL and LATCHKEY_CONFORMANCE_APP_ID name no server")
	}
	if least := os.Getenv("LATCHKEY_CONFORMANCE_MIN_PASSWORD"); least != "" {
		var err error
		if target.MinPassword, err = strconv.Atoi(least); err != nil {
			t.Fatal(err)
		}
	}
	clienttest.Run(t, target)
}
