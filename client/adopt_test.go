package client_test

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/client"
)

const adoptCall = "POST /api/latchkey/v1/adopted_keys"

func TestAdoptSendsTheValueInTheBodyAloneAndGetsAKeyWithoutIt(t *testing.T) {
	f := startFake(t)
	f.on(adoptCall, http.StatusCreated, `{"_id":"`+keyID+`","name":"garage-pi","disabled":false}`)
	got, err := f.login(t).APIKeys().Adopt(t.Context(), "garage-pi", value)
	if want := (client.APIKey{ID: keyID, Name: "garage-pi"}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	f.only(t).check(t, exchange{
		call: adoptCall, authorization: "Bearer " + refresh, contentType: "application/json",
		body: `{"key":"` + value + `","name":"garage-pi"}` + "\n",
	})
}

func TestWhyAValueIsNotAdoptedIsTold(t *testing.T) {
	for body, tc := range map[string]struct {
		status                   int
		value, name, notReported bool
	}{
		`{"error":"a key of this account already has the value"}`:                                     {409, true, false, false},
		`{"error":"API key with name already exists","error_code":"APIKeyAlreadyExists"}`:             {409, false, true, false},
		`{"error":"there is nothing at this address"}`:                                                {404, false, false, true},
		`{"error":"` + value + ` is no good","error_code":"InvalidParameter"}`:                        {400, false, false, false},
		`{"error":"too many attempts: wait a little before the next one of ` + value + ` and so on"}`: {429, false, false, false},
	} {
		f := startFake(t)
		f.on(adoptCall, tc.status, body)
		_, err := f.login(t).APIKeys().Adopt(t.Context(), "garage-pi", value)
		if client.IsValueInUse(err) != tc.value || client.IsNameInUse(err) != tc.name || client.IsNotReported(err) != tc.notReported || strings.Contains(err.Error(), value) {
			t.Errorf("%d: %v", tc.status, err)
		}
	}
}
