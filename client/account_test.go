package client_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/client"
)

const userpass = "/api/client/v2.0/app/" + appID + "/auth/providers/local-userpass/"

// accountCall is one of the calls about an account, and what it sends.
type accountCall struct {
	name, call, body  string
	secrets           []string
	bearer, noContent bool
	do                func(context.Context, *client.Session, *client.Client) error
}

func accountCalls() []accountCall {
	return []accountCall{
		{name: "proving", call: "POST /api/latchkey/v1/proof", body: `{"password":"current horse"}`, secrets: []string{"current horse"}, bearer: true, noContent: true,
			do: func(ctx context.Context, s *client.Session, _ *client.Client) error {
				return s.Prove(ctx, "current horse")
			}},
		{name: "changing", call: "PUT /api/latchkey/v1/password", body: `{"current_password":"current horse","new_password":"another horse"}`,
			secrets: []string{"current horse", "another horse"}, bearer: true, noContent: true,
			do: func(ctx context.Context, s *client.Session, _ *client.Client) error {
				return s.ChangePassword(ctx, "current horse", "another horse")
			}},
		{name: "confirming", call: "POST " + userpass + "confirm", body: `{"token":"tok en","tokenId":"65f1"}`, secrets: []string{"tok en"},
			do: func(ctx context.Context, _ *client.Session, c *client.Client) error {
				return c.ConfirmEmail(ctx, "tok en", "65f1")
			}},
		{name: "asking to confirm", call: "POST " + userpass + "confirm/send", body: `{"email":"ada@example.com"}`,
			do: func(ctx context.Context, _ *client.Session, c *client.Client) error {
				return c.ResendConfirmation(ctx, "ada@example.com")
			}},
		{name: "asking to reset", call: "POST " + userpass + "reset/send", body: `{"email":"ada@example.com"}`,
			do: func(ctx context.Context, _ *client.Session, c *client.Client) error {
				return c.SendResetPassword(ctx, "ada@example.com")
			}},
		{name: "resetting", call: "POST " + userpass + "reset", body: `{"password":"another horse","token":"tok en","tokenId":"65f1"}`,
			secrets: []string{"tok en", "another horse"},
			do: func(ctx context.Context, _ *client.Session, c *client.Client) error {
				return c.ResetPassword(ctx, "tok en", "65f1", "another horse")
			}},
	}
}

func TestTheCallsAboutAnAccountSendThisAndNoMore(t *testing.T) {
	for _, a := range accountCalls() {
		f := startFake(t)
		session, c := f.login(t), f.client(t)
		f.on(a.call, http.StatusNoContent, "")
		if err := a.do(t.Context(), session, c); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
		want := exchange{call: a.call, contentType: "application/json", body: a.body + "\n"}
		if a.bearer {
			want.authorization = "Bearer " + refresh
		}
		f.only(t).check(t, want)
	}
}

// A server that repeats in its error what it was sent must not bring a secret into a log or onto a page.
func TestNoErrorAboutAnAccountHasASecretInIt(t *testing.T) {
	for _, a := range accountCalls() {
		for _, status := range []int{400, 401, 403, 500} {
			f := startFake(t)
			session, c := f.login(t), f.client(t)
			f.on(a.call, status, `{"error":"cannot take `+strings.Join(a.secrets, " or ")+`","error_code":"BadRequest"}`)
			err := a.do(t.Context(), session, c)
			for _, secret := range a.secrets {
				if text := fmt.Sprintf("%v %+v %#v", err, err, err); err == nil || strings.Contains(text, secret) {
					t.Errorf("%s, %d: %s", a.name, status, text)
				}
			}
		}
	}
}

// A server that answers 200 with a page to anything has checked no password and changed none.
func TestAnAnswerWithWordsIsNoProofOfAPassword(t *testing.T) {
	for _, a := range accountCalls() {
		f := startFake(t)
		session, c := f.login(t), f.client(t)
		f.on(a.call, http.StatusOK, `{"ok":true}`)
		if err := a.do(t.Context(), session, c); (err != nil) != a.noContent || a.noContent && !client.IsNotReported(err) {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}

func TestEachErrorAboutAnAccountIsToldFromTheOthers(t *testing.T) {
	told := map[string]func(error) bool{
		"wrong password": client.IsWrongPassword, "refused password": client.IsRefusedPassword, "bad link": client.IsBadLink,
		"nobody to mail": client.IsNobodyToMail, "limited": client.IsLimited, "not reported": client.IsNotReported,
	}
	for _, tc := range []struct {
		status int
		body   string
		want   map[string]string // by call; "" is none of them
	}{
		{403, `{"error":"no","error_code":"InvalidPassword"}`, map[string]string{"proving": "wrong password", "changing": "wrong password"}},
		{403, `{"error":"no"}`, nil},
		{400, `{"error":"too short","error_code":"BadRequest"}`, map[string]string{"changing": "refused password", "resetting": "refused password"}},
		{400, `{"error":"expired","error_code":"UserpassTokenInvalid"}`, map[string]string{"confirming": "bad link", "resetting": "bad link", "changing": "refused password"}},
		{400, `{"error":"invalid token data","error_code":"BadRequest"}`, map[string]string{"confirming": "bad link", "resetting": "bad link", "changing": "refused password"}},
		{404, `{"error":"user not found","error_code":"UserNotFound"}`, map[string]string{
			"confirming": "bad link", "resetting": "bad link", "asking to confirm": "nobody to mail", "asking to reset": "nobody to mail",
			"proving": "not reported", "changing": "not reported"}},
		{400, `{"error":"already confirmed","error_code":"UserAlreadyConfirmed"}`, map[string]string{
			"asking to confirm": "nobody to mail", "asking to reset": "nobody to mail", "changing": "refused password", "resetting": "refused password"}},
		{429, ``, map[string]string{"proving": "limited", "changing": "limited", "confirming": "limited", "asking to confirm": "limited", "asking to reset": "limited", "resetting": "limited"}},
		{500, `{"error":"no","error_code":"InternalServerError"}`, nil},
	} {
		for _, a := range accountCalls() {
			f := startFake(t)
			session, c := f.login(t), f.client(t)
			f.on(a.call, tc.status, tc.body)
			err := a.do(t.Context(), session, c)
			for name, is := range told {
				if is(err) != (tc.want[a.name] == name) {
					t.Errorf("%s, %d %s: %s is %v: %v", a.name, tc.status, tc.body, name, is(err), err)
				}
			}
		}
	}
}

func TestASignInBeforeTheAddressIsConfirmedIsToldFromAWrongPassword(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error":"confirmation required","error_code":"AuthError"}`: true, `{"error":"unauthorized","error_code":"InvalidPassword"}`: false,
	} {
		f := startFake(t)
		f.on("POST "+userpass+"login", http.StatusUnauthorized, body)
		if _, err := f.client(t).Login(t.Context(), client.EmailPassword("ada@example.com", "correct horse")); client.IsUnconfirmed(err) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestThatNothingCanBeSavedIsToldFromBeingBusy(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error":"no","error_code":"StorageUnavailable"}`: true, `{"error":"busy"}`: false, ``: false,
	} {
		f := startFake(t)
		session := f.login(t)
		f.on("POST "+keysPath, http.StatusServiceUnavailable, body)
		if _, err := session.APIKeys().Create(t.Context(), "porch-cam"); client.IsStorageDown(err) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}
