package client_test

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"latchkey/client"
)

const (
	register    = "POST " + appRoot + "/auth/providers/local-userpass/register"
	sessionCall = apiRoot + "/auth/session"
	profileCall = "GET " + apiRoot + "/auth/profile"
	deleteCall  = "DELETE " + apiRoot + "/auth/delete"
)

const profileBody = `{"user_id":"` + userID + `","domain_id":"65f1c0de00000000000000aa","type":"normal",
	"identities":[{"id":"65f1c0de00000000000000bb","provider_type":"local-userpass","provider_id":"65f1c0de00000000000000cc",
		"provider_data":{"email":"ada@example.com"}}],
	"data":{"email":"ada@example.com"},"custom_data":{"colour":"green"}}`

func TestRegisterSendsAnEmailAddressAndAPassword(t *testing.T) {
	f := startFake(t)
	f.on(register, http.StatusCreated, "")
	if err := f.client(t).Register(t.Context(), "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	f.only(t).check(t, exchange{
		call:        register,
		contentType: "application/json",
		body:        `{"email":"ada@example.com","password":"correct horse"}` + "\n",
	})
}

func TestRegisterTellsWhyNot(t *testing.T) {
	f := startFake(t)
	f.on(register, http.StatusConflict, `{"error":"name already in use","error_code":"AccountNameInUse"}`)
	err := f.client(t).Register(t.Context(), "ada@example.com", "correct horse")
	if !client.IsAccountInUse(err) {
		t.Errorf("IsAccountInUse is false for %v", err)
	}
}

func TestLoginOpensASession(t *testing.T) {
	f := startFake(t)
	s, err := f.client(t).Login(t.Context(), client.EmailPassword("ada@example.com", "correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	if s.UserID() != userID || s.DeviceID() != device || s.RefreshToken().Reveal() != refresh {
		t.Errorf("the session is of %s on %s", s.UserID(), s.DeviceID())
	}
	if n := len(f.requests()); n != 1 {
		t.Errorf("a sign-in took %d requests, want 1", n)
	}
}

func TestLoginWantsAWholeAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"no user":               `{"device_id":"d","access_token":"a","refresh_token":"r"}`,
		"no access token":       `{"user_id":"u","device_id":"d","refresh_token":"r"}`,
		"no refresh token":      `{"user_id":"u","device_id":"d","access_token":"a"}`,
		"a null token":          `{"user_id":"u","device_id":"d","access_token":"a","refresh_token":null}`,
		"a token of two lines":  `{"user_id":"u","device_id":"d","access_token":"a","refresh_token":"s3cret\nX-Evil: 1"}`,
		"a token of a number":   `{"user_id":"u","device_id":"d","access_token":{"s3cret":1},"refresh_token":"r"}`,
		"a list":                `[]`,
		"an error with success": `{"error":"unauthorized","user_id":"u","access_token":"a","refresh_token":"r"}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on("POST "+appRoot+"/auth/providers/anon-user/login", http.StatusOK, body)
			s, err := f.client(t).Login(t.Context(), client.Anonymous())
			var e *client.Error
			if s != nil || !errors.As(err, &e) || e.Status != 200 || e.Op != "sign in" {
				t.Errorf("got %v, %v; want an error with status 200", s, err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error quotes a token: %v", err)
			}
		})
	}
}

func TestAWrongPasswordIsUnauthorized(t *testing.T) {
	f := startFake(t)
	f.on("POST "+appRoot+"/auth/providers/local-userpass/login", http.StatusUnauthorized,
		`{"error":"unauthorized","error_code":"InvalidPassword","link":"`+logLink+`"}`)
	_, err := f.client(t).Login(t.Context(), client.EmailPassword("ada@example.com", "wrong horse"))
	if !client.IsUnauthorized(err) {
		t.Errorf("IsUnauthorized is false for %v", err)
	}
	if n := len(f.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestRefreshUsesTheRefreshToken(t *testing.T) {
	f := startFake(t)
	f.on("POST "+sessionCall, http.StatusCreated, `{"access_token":"access.token.two"}`)
	f.on(profileCall, http.StatusOK, profileBody)
	s := f.login(t)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.only(t).check(t, exchange{call: "POST " + sessionCall, authorization: "Bearer " + refresh})
	if _, err := s.Profile(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.requests()[1].check(t, exchange{call: profileCall, authorization: "Bearer access.token.two"})
}

func TestRefreshWantsAToken(t *testing.T) {
	f := startFake(t)
	f.on("POST "+sessionCall, http.StatusCreated, `{"access_token":""}`)
	err := f.login(t).Refresh(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.Status != 201 {
		t.Errorf("got %v", err)
	}
}

func TestLogoutUsesTheRefreshTokenAndForgetsTheOther(t *testing.T) {
	f := startFake(t)
	f.on("DELETE "+sessionCall, http.StatusNoContent, "")
	s := f.login(t)
	if err := s.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.only(t).check(t, exchange{call: "DELETE " + sessionCall, authorization: "Bearer " + refresh})

	f.on("POST "+sessionCall, http.StatusUnauthorized, `{"error":"invalid session: failed to find refresh token","error_code":"InvalidSession"}`)
	if _, err := s.Profile(t.Context()); !client.IsUnauthorized(err) {
		t.Errorf("after signing out, the profile gives %v", err)
	}
	if n := f.count(profileCall); n != 0 {
		t.Error("the access token was used after signing out")
	}
}

func TestDeleteUserUsesTheAccessToken(t *testing.T) {
	f := startFake(t)
	f.on(deleteCall, http.StatusNoContent, "")
	if err := f.login(t).DeleteUser(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.only(t).check(t, exchange{call: deleteCall, authorization: "Bearer " + access})
}

func TestProfileUsesTheAccessToken(t *testing.T) {
	f := startFake(t)
	f.on(profileCall, http.StatusOK, profileBody)
	got, err := f.login(t).Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.only(t).check(t, exchange{call: profileCall, authorization: "Bearer " + access})
	want := client.Profile{
		UserID:   userID,
		DomainID: "65f1c0de00000000000000aa",
		Type:     "normal",
		Identities: []client.Identity{{
			ID: "65f1c0de00000000000000bb", Provider: "local-userpass", ProviderID: "65f1c0de00000000000000cc",
		}},
		Data:       map[string]any{"email": "ada@example.com"},
		CustomData: map[string]any{"colour": "green"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Email() != "ada@example.com" {
		t.Errorf("the email address is %q", got.Email())
	}
}

func TestAProfileNeedsNoMoreThanIdentities(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		good bool
	}{
		"empty lists":             {`{"user_id":"u","identities":[],"data":{}}`, true},
		"an email of a number":    {`{"user_id":"u","identities":[],"data":{"email":7}}`, true},
		"no data":                 {`{"user_id":"u","identities":[]}`, true},
		"no identities":           {`{"user_id":"u","data":{}}`, false},
		"null identities":         {`{"user_id":"u","identities":null,"data":{}}`, false},
		"identity without id":     {`{"user_id":"u","identities":[{"provider_type":"anon-user"}],"data":{}}`, false},
		"identity of no provider": {`{"user_id":"u","identities":[{"id":"i"}],"data":{}}`, false},
		"data of another type":    {`{"user_id":"u","identities":[],"data":[]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on(profileCall, http.StatusOK, tc.body)
			p, err := f.login(t).Profile(t.Context())
			if (err == nil) != tc.good {
				t.Errorf("got %+v, %v", p, err)
			}
			if p.Email() != "" {
				t.Errorf("an email address came from nowhere: %q", p.Email())
			}
		})
	}
}
