package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"latchkey/client"
)

// exampleServer answers as a server would that has one user with one key.
func exampleServer() *fake {
	f := newFake()
	f.on(register, http.StatusCreated, "")
	f.on("POST "+sessionCall, http.StatusCreated, `{"access_token":"access.token.two"}`)
	f.on("DELETE "+sessionCall, http.StatusNoContent, "")
	f.on(profileCall, http.StatusOK, profileBody)
	f.on(deleteCall, http.StatusNoContent, "")
	f.on("POST "+keysPath, http.StatusCreated, createdKey)
	f.on("GET "+keysPath, http.StatusOK, "["+oneKey+"]")
	f.on("GET "+keysPath+"/"+keyID, http.StatusOK, oneKey)
	f.on("PUT "+keysPath+"/"+keyID+"/enable", http.StatusNoContent, "")
	f.on("PUT "+keysPath+"/"+keyID+"/disable", http.StatusNoContent, "")
	f.on("DELETE "+keysPath+"/"+keyID, http.StatusNoContent, "")
	return f
}

// exampleSession is a session on a server that runs until stop is called.
func exampleSession() (session *client.Session, stop func()) {
	server := exampleServer()
	c, err := client.New(server.URL, appID)
	if err != nil {
		panic(err)
	}
	return c.Resume(userID, refresh), server.Close
}

// A person creates a key; a device signs in with it and acts for the person.
func Example() {
	server := exampleServer()
	defer server.Close()
	ctx := context.Background()

	c, err := client.New(server.URL, "latchkey-local")
	if err != nil {
		fmt.Println(err)
		return
	}
	person, err := c.Login(ctx, client.EmailPassword("ada@example.com", "correct horse"))
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := person.APIKeys().Create(ctx, "phone")
	if err != nil {
		fmt.Println(err)
		return
	}
	device, err := c.Login(ctx, client.UserAPIKey(key.Value.Reveal()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(device.UserID() == person.UserID())
	// Output: true
}

func ExampleClient_Register() {
	server := exampleServer()
	defer server.Close()
	c, err := client.New(server.URL, "latchkey-local")
	if err != nil {
		fmt.Println(err)
		return
	}

	err = c.Register(context.Background(), "ada@example.com", "correct horse")
	switch {
	case client.IsAccountInUse(err):
		fmt.Println("there is an account already: sign in")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println("welcome")
	}
	// Output: welcome
}

func ExampleClient_Login_emailPassword() {
	server := exampleServer()
	defer server.Close()
	c, err := client.New(server.URL, "latchkey-local")
	if err != nil {
		fmt.Println(err)
		return
	}

	session, err := c.Login(context.Background(), client.EmailPassword("ada@example.com", "correct horse"))
	switch {
	case client.IsUnauthorized(err):
		fmt.Println("wrong email address or password")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(session)
	}
	// Output: session of user 65f1c0de0123456789abcdef [redacted]
}

func ExampleClient_Login_userAPIKey() {
	server := exampleServer()
	defer server.Close()
	c, err := client.New(server.URL, "latchkey-local", client.WithDevice(client.Device{Name: "greenhouse"}))
	if err != nil {
		fmt.Println(err)
		return
	}

	session, err := c.Login(context.Background(), client.UserAPIKey(value)) // from a file, say
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.UserID())
	// Output: 65f1c0de0123456789abcdef
}

func ExampleClient_Login_anonymous() {
	server := exampleServer()
	defer server.Close()
	c, err := client.New(server.URL, "latchkey-local")
	if err != nil {
		fmt.Println(err)
		return
	}

	session, err := c.Login(context.Background(), client.Anonymous())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.UserID())
	// Output: 65f1c0de0123456789abcdef
}

// A program that is restarted keeps the refresh token, and nothing else.
func ExampleClient_Resume() {
	server := exampleServer()
	defer server.Close()
	c, err := client.New(server.URL, "latchkey-local")
	if err != nil {
		fmt.Println(err)
		return
	}

	session := c.Resume(userID, refresh) // both kept from a session before
	profile, err := session.Profile(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(profile.Email())
	// Output: ada@example.com
}

func ExampleSession_Profile() {
	session, stop := exampleSession()
	defer stop()

	profile, err := session.Profile(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(profile.Type, profile.Email())
	for _, identity := range profile.Identities {
		fmt.Println("signs in with", identity.Provider)
	}
	// Output:
	// normal ada@example.com
	// signs in with local-userpass
}

func ExampleSession_Refresh() {
	session, stop := exampleSession()
	defer stop()

	err := session.Refresh(context.Background())
	switch {
	case client.IsUnauthorized(err):
		fmt.Println("the session is over: sign in again")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println("still signed in")
	}
	// Output: still signed in
}

func ExampleSession_Logout() {
	session, stop := exampleSession()
	defer stop()

	err := session.Logout(context.Background())
	if err != nil && !client.IsUnauthorized(err) { // it had already ended, which is fine
		fmt.Println(err)
		return
	}
	fmt.Println("signed out")
	// Output: signed out
}

func ExampleSession_DeleteUser() {
	session, stop := exampleSession()
	defer stop()

	if err := session.DeleteUser(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("account, sessions and keys are gone")
	// Output: account, sessions and keys are gone
}

func ExampleAPIKeys_Create() {
	session, stop := exampleSession()
	defer stop()

	key, err := session.APIKeys().Create(context.Background(), "phone")
	switch {
	case client.IsNameInUse(err), client.IsInvalidName(err):
		fmt.Println("choose another name:", err)
	case client.IsKeyLimit(err):
		fmt.Println("delete a key first")
	case client.NeverSent(err):
		fmt.Println("nothing happened, try again:", err)
	case err != nil:
		fmt.Println("there may be a key now, look at the list:", err)
	default:
		fmt.Println(key)
		fmt.Println("value of", len(key.Value.Reveal()), "characters, shown this once")
	}
	// Output:
	// key phone (65f1c0defedcba9876543210) [redacted]
	// value of 64 characters, shown this once
}

func ExampleAPIKeys_Fetch() {
	session, stop := exampleSession()
	defer stop()

	key, err := session.APIKeys().Fetch(context.Background(), "65f1c0defedcba9876543210")
	if client.IsNotFound(err) {
		fmt.Println("there is no such key")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Name, "of", key.CreatedAt().Format("2 January 2006"))
	// Output: phone of 13 March 2024
}

func ExampleAPIKeys_FetchAll() {
	session, stop := exampleSession()
	defer stop()

	keys, err := session.APIKeys().FetchAll(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(keys), "of", client.MaxKeys)
	for _, key := range keys {
		fmt.Println(key.Name, "disabled:", key.Disabled)
	}
	// Output:
	// 1 of 20
	// phone disabled: false
}

func ExampleAPIKeys_Enable() {
	session, stop := exampleSession()
	defer stop()

	if err := session.APIKeys().Enable(context.Background(), keyID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the same value works again")
	// Output: the same value works again
}

func ExampleAPIKeys_Disable() {
	session, stop := exampleSession()
	defer stop()

	if err := session.APIKeys().Disable(context.Background(), keyID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the device cannot sign in")
	// Output: the device cannot sign in
}

func ExampleAPIKeys_Delete() {
	session, stop := exampleSession()
	defer stop()

	err := session.APIKeys().Delete(context.Background(), keyID)
	if err != nil && !client.IsNotFound(err) { // it was already gone, which is fine
		fmt.Println(err)
		return
	}
	fmt.Println("gone for good")
	// Output: gone for good
}

// Not every server tells when a key was used.
func ExampleAPIKeys_Facts() {
	server := exampleServer()
	defer server.Close()
	server.on("GET /api/latchkey/v1/key_facts", http.StatusOK, `{"recording_since":"2026-11-01T00:00:00.000Z","keys":[
		{"_id":"`+keyID+`","first_used_at":"2026-11-20T14:07:00.000Z","last_use":{"at":"2026-11-20T14:07:00.000Z",
			"address":"192.0.2.7","device_name":"porch-cam","platform":"Linux","sdk":"realm-web","sdk_version":"2.0.1"}}]}`)
	c, err := client.New(server.URL, "latchkey-local")
	if err != nil {
		fmt.Println(err)
		return
	}

	facts, err := c.Resume(userID, refresh).APIKeys().Facts(context.Background())
	switch fact, known := facts.Keys[keyID]; {
	case client.IsNotReported(err):
		fmt.Println("not reported by this server")
	case err != nil:
		fmt.Println(err)
	case !known || fact.LastUse.At.IsZero():
		fmt.Println("no use since", facts.RecordingSince.Format(time.DateOnly))
	default:
		fmt.Println("last used", fact.LastUse.At.Format(time.DateTime), "by", fact.LastUse.DeviceName)
	}
	// Output: last used 2026-11-20 14:07:00 by porch-cam
}

func ExampleValidName() {
	fmt.Println(client.ValidName("greenhouse-sensor"))
	fmt.Println(client.ValidName("my phone"))
	// Output:
	// <nil>
	// a name can only contain ASCII letters, numbers, underscores, and hyphens
}

// Every error has the HTTP status and what the server said.
func ExampleError() {
	server := exampleServer()
	defer server.Close()
	server.on("GET "+keysPath, http.StatusForbidden, `{"error":"keys can be managed by people only",
		"link":"https://keys.example.com/logs?co_id=65f1c0de0123456789abcdef"}`)
	c, err := client.New(server.URL, "latchkey-local")
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = c.Resume(userID, refresh).APIKeys().FetchAll(context.Background())
	var failed *client.Error
	if errors.As(err, &failed) {
		fmt.Println(failed)
		fmt.Println(failed.Status, failed.LogID(), client.IsForbidden(err))
	}
	// Output:
	// list keys: GET /api/client/v2.0/auth/api_keys: 403 Forbidden: keys can be managed by people only
	// 403 65f1c0de0123456789abcdef true
}
