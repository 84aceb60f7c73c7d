package authserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func TestUnknownAddressesAnswerInTheProtocolsShape(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{
		"/", "/api", "/api/client/v2.0", "/api/client/v2.0/", "/api/client/v2.0/auth", "/api/client/v2.0/auth/api_keys/",
		"/api/client/v2.0/app/" + testApp, "/api/client/v2.0/app//location", "/api//client/v2.0/auth/profile",
		"/api/client/v2.0/auth/./profile", "/api/client/v2.0/x/../auth/profile", "/api/client/v2.0/auth/profile/",
		"/api/client/v2.0/auth/%2e%2e/auth/profile", "/api/client/v2.0/auth%2Fprofile", "/.well-known/", "/.well-known/jwks.json/",
		"/api/client/v2.0/app/" + testApp + "/auth/providers", "/api/client/v2.0/app/" + testApp + "/auth/providers//login",
		"/api/client/v2.0/auth/api_keys/1/2/3", "/API/client/v2.0/auth/profile",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			t.Run(method+" "+path, func(t *testing.T) {
				got := f.on(t).do(method, path, "", "")
				got.want(404)
				if got.header.Get("Location") != "" {
					t.Error("redirects")
				}
			})
		}
	}
}

func TestAnUnknownAppIsNamedAndHasNoLink(t *testing.T) {
	f := newFixture(t)
	for _, app := range []string{"other-abcde", testApp + "x", "Latchkey-test", "%3Cscript%3E", "a%2Fb"} {
		for _, call := range []struct{ method, path string }{
			{"GET", "/location"},
			{"POST", registerRest},
			{"POST", "/auth/providers/local-userpass/login"},
			{"POST", "/auth/providers/api-key/login"},
		} {
			got := f.do(call.method, "/api/client/v2.0/app/"+app+call.path, "", `{"key":"x"}`).want(404)
			if strings.Contains(string(got.body), "link") || strings.Contains(string(got.body), "error_code") {
				t.Errorf("%s: %s", app, got.body)
			}
		}
	}
	f.do("GET", "/api/client/v2.0/app/other-abcde/location", "", "").
		want(404).says("cannot find app using Client App ID 'other-abcde'", "")
}

func TestEveryAnswerHasAnIDOfItsOwn(t *testing.T) {
	f := newFixture(t)
	seen := map[string]bool{}
	for range 100 {
		id := f.do("GET", profilePath, "", "").want(401).header.Get(requestIDHeader)
		if seen[id] {
			t.Fatalf("id %s twice", id)
		}
		seen[id] = true
	}
}

func TestNothingButPublicKeysMayBeCached(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	for _, got := range []reply{
		f.do("GET", appPath("/location"), "", ""),
		f.do("GET", profilePath, owner.AccessToken, ""),
		f.do("GET", keysPath, owner.RefreshToken, ""),
		f.do("POST", keysPath, owner.RefreshToken, object("name", "pump")),
		f.do("GET", "/nowhere", "", ""),
		f.do("OPTIONS", keysPath, "", ""),
		f.do("POST", loginPath("local-userpass"), "", object("username", "a@example.org", "password", testPassword)),
	} {
		if cache := got.header.Get("Cache-Control"); cache != "no-store" {
			t.Errorf("status %d: Cache-Control is %q", got.status, cache)
		}
	}
	if cache := f.do("GET", "/.well-known/jwks.json", "", "").want(200).header.Get("Cache-Control"); cache != "public, max-age=300" {
		t.Errorf("public keys: Cache-Control is %q", cache)
	}
}

func TestAPanicAnswers500AndLogsNoInput(t *testing.T) {
	f := newFixture(t)
	rt := route{method: "POST", path: "/panics", rule: anybody, answer: func(r *http.Request, _ principal) (answer, error) {
		body, _ := io.ReadAll(r.Body)
		panic(string(body))
	}}
	f.mux.HandleFunc(rt.method+" "+rt.path, f.serve(rt))
	f.do("POST", "/panics", "", `{"key":"canary"}`).want(500).says("internal server error", "InternalServerError")
	if logs := f.logs.String(); strings.Contains(logs, "canary") || !strings.Contains(logs, "panic with a string") {
		t.Errorf("logged: %s", logs)
	}
}

func TestAnAbortedAnswerStaysAborted(t *testing.T) {
	f := newFixture(t)
	rt := route{method: "GET", path: "/aborts", rule: anybody, answer: func(*http.Request, principal) (answer, error) {
		panic(http.ErrAbortHandler)
	}}
	f.mux.HandleFunc(rt.method+" "+rt.path, f.serve(rt))
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	f.do("GET", "/aborts", "", "")
}

func TestAnAnswerThatCannotBeEncodedIs500(t *testing.T) {
	f := newFixture(t)
	rt := route{method: "GET", path: "/broken", rule: anybody, answer: func(*http.Request, principal) (answer, error) {
		return answer{status: 200, body: func() {}}, nil
	}}
	f.mux.HandleFunc(rt.method+" "+rt.path, f.serve(rt))
	f.do("GET", "/broken", "", "").want(500)
}

// A closed store stands for a full disk: whatever needs it says 503, and the rest goes on working.
func TestAFailingStoreAnswers503WithoutDetails(t *testing.T) {
	f := newFixture(t)
	c := f.newCast(1)
	value := f.createKey(c.owner, "second").Value
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	for i, rt := range f.routes {
		got := f.knock(rt, c, "Bearer "+tokenFor(rt.rule, c.owner, true), i)
		if strings.HasSuffix(rt.path, "/location") || strings.HasPrefix(rt.path, "/.well-known/") {
			got.want(200)
			continue
		}
		if strings.HasSuffix(rt.path, "/send") || strings.HasPrefix(rt.path, byMail) && strings.HasSuffix(rt.path, "/call") { // which without a mailer needs nothing
			got.want(400)
			continue
		}
		if strings.HasSuffix(rt.path, "/functions/call") {
			got.want(404)
			continue
		}
		got.want(503)
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", rt.method, rt.path)
		}
		for _, inside := range []string{"sql", "store", "closed", "database"} {
			if strings.Contains(strings.ToLower(string(got.body)), inside) {
				t.Errorf("%s %s tells the client about the inside: %s", rt.method, rt.path, got.body)
			}
		}
	}
	f.do("POST", loginPath("api-key"), "", object("key", value)).want(503)
	f.do("POST", loginPath("anon-user"), "", "").want(503)
	if logs := f.logs.String(); !strings.Contains(logs, `"level":"ERROR"`) || strings.Contains(logs, value) {
		t.Errorf("logged: %s", logs)
	}
}

// A disk can fill up, and an account can go, between the access rule and the handler.
func TestHandlersBehindTheAccessRule(t *testing.T) {
	f := newFixture(t)
	gone := principal{
		userID: "0123456789abcdef01234567", sessionID: "0123456789abcdef01234567", identity: identity{provider: model.ProviderEmailPassword},
	}
	request := func(body string) *http.Request {
		r := newRequest("POST", "/", body)
		r.SetPathValue("id", "0123456789abcdef01234567")
		return r
	}
	handlers := []struct {
		name     string
		answer   func(*http.Request, principal) (answer, error)
		body     string
		userGone kind
	}{
		{"create key", f.Server.createKey, object("name", "x"), kindSessionGone},
		{"fetch key", f.fetchKey, "", kindKeyNotFound},
		{"delete key", f.deleteKey, "", kindKeyNotFound},
		{"enable key", f.enableKey, "", kindKeyNotFound},
		{"disable key", f.disableKey, "", kindKeyNotFound},
		{"sign out", f.signOut, "", kindSessionGone},
		{"profile", f.profile, "", kindUserGone},
		{"delete user", f.deleteUser, "", kindUserGone},
	}
	check := func(when, name string, want kind, err error) {
		if err == nil || failureOf(err).kind != want {
			t.Errorf("%s, %s: %v", name, when, err)
		}
	}
	for _, h := range handlers {
		_, err := h.answer(request(h.body), gone)
		check("user gone", h.name, h.userGone, err)
	}
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, h := range handlers {
		_, err := h.answer(request(h.body), gone)
		check("store closed", h.name, kindUnavailable, err)
	}
	_, err := f.listKeys(request(""), gone)
	check("store closed", "list keys", kindUnavailable, err)
	anonymously := request("")
	anonymously.SetPathValue("provider", model.ProviderAnonymous)
	_, err = f.Server.login(anonymously, principal{})
	check("store closed", "sign in", kindUnavailable, err)
}

func TestAClientThatHungUpIsNoError(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := newRequest("POST", loginPath("local-userpass"), object("username", "a@example.org", "password", testPassword)).WithContext(ctx)
	f.send(req)
	if logs := f.logs.String(); strings.Contains(logs, `"level":"ERROR"`) {
		t.Errorf("logged: %s", logs)
	}
}

func TestHEADAnswersAsGETOverHTTP(t *testing.T) {
	f := newFixture(t)
	srv := httptest.NewServer(f)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, srv.URL+appPath("/location"), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestEmptyAnswersHaveNoContentTypeOverHTTP(t *testing.T) {
	f := newFixture(t)
	srv := httptest.NewServer(f)
	defer srv.Close()
	owner := f.signUp("a@example.org")
	leaving := f.login("a@example.org", testPassword)
	id := f.createKey(owner, "pump").ID
	for _, call := range []struct {
		method, path, token, body string
		status                    int
	}{
		{"POST", appPath(registerRest), "", object("email", "b@example.org", "password", testPassword), 201},
		{"PUT", keysPath + "/" + id + "/disable", owner.RefreshToken, "", 204},
		{"PUT", keysPath + "/" + id + "/enable", owner.RefreshToken, "", 204},
		{"DELETE", keysPath + "/" + id, owner.RefreshToken, "", 204},
		{"OPTIONS", keysPath, "", "", 204},
		{"DELETE", sessionPath, owner.RefreshToken, "", 204},
		{"DELETE", deletePath, leaving.AccessToken, "", 204},
	} {
		req, err := http.NewRequestWithContext(t.Context(), call.method, srv.URL+call.path, strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		// Realm's core says so on every request, with a body or without.
		req.Header.Set("Content-Type", "application/json;charset=utf-8")
		if call.token != "" {
			req.Header.Set("Authorization", "Bearer "+call.token)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || len(body) != 0 {
			t.Errorf("%s %s: body %q, %v", call.method, call.path, body, err)
		}
		if resp.StatusCode != call.status || resp.Header["Content-Type"] != nil {
			t.Errorf("%s %s: %d, Content-Type %q", call.method, call.path, resp.StatusCode, resp.Header["Content-Type"])
		}
	}
}

func TestNewFillsInClockAndLog(t *testing.T) {
	s := New(Config{AppID: testApp, PublicURL: testURL}, accounts.New(accounts.Config{}, testkit.Store(t)), newTokens(t))
	if s.cfg.Now == nil || s.cfg.Log == nil {
		t.Error("New left something out")
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, newRequest("GET", profilePath, ""))
	if rec.Code != 401 {
		t.Errorf("status %d", rec.Code)
	}
}
