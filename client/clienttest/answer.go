package clienttest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/client"
)

// apiRoot is where the client API lives.
const apiRoot = "/api/client/v2.0"

// answer is what came back for a request made by hand.
type answer struct {
	status int
	header http.Header
	body   string
}

// request is a request made by hand, for what package client would not send or
// does not show.
type request struct {
	method, path string // path is below root
	root         string // apiRoot when empty
	bearer       string // token to send, unless header has an Authorization
	body         string
	header       http.Header
}

// send sends r. Its answer passes the checker like every other.
func (s *suite) send(t *testing.T, r request) answer {
	t.Helper()
	if r.root == "" {
		r.root = apiRoot
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, s.BaseURL+r.root+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	res, err := s.checked(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: string(body)}
}

// inApp returns a path below the app.
func (s *suite) inApp(path string) string { return "/app/" + s.AppID + path }

// object decodes the answer as a JSON object.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		t.Fatalf("status %d, body %q: %v", a.status, a.body, err)
	}
	return object
}

// want is an expected failure. A zero status and an empty code or text stand
// for any; noCode for none.
type want struct {
	status     int
	code, text string
}

// noCode is the code of an answer that must not have one.
const noCode = "(none)"

// refused checks a failure that came as a raw answer.
func (a answer) refused(t *testing.T, w want) {
	t.Helper()
	var said struct {
		Error string `json:"error"`
		Code  string `json:"error_code"`
	}
	if a.body != "" {
		if err := json.Unmarshal([]byte(a.body), &said); err != nil {
			t.Errorf("the body is not a JSON object: %q", a.body)
		}
	}
	w.compare(t, a.status, said.Code, said.Error)
}

// refused checks a failure that came through package client.
func refused(t *testing.T, err error, w want) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Errorf("got error %v, want a *client.Error", err)
		return
	}
	w.compare(t, e.Status, e.Code, e.Message)
}

func (w want) compare(t *testing.T, status int, code, text string) {
	t.Helper()
	if w.status != 0 && status != w.status {
		t.Errorf("status %d, want %d", status, w.status)
	}
	if status < 400 || status > 499 {
		t.Errorf("status %d, want a refusal (4xx)", status)
	}
	if w.code == noCode && code != "" || w.code != noCode && w.code != "" && code != w.code {
		t.Errorf("error_code %q, want %q", code, w.code)
	}
	if w.text != "" && text != w.text {
		t.Errorf("error %q, want %q", text, w.text)
	}
}

// Answers that many tests expect.
var (
	notFound       = want{http.StatusNotFound, "APIKeyNotFound", "API key not found"}
	wrongPassword  = want{http.StatusUnauthorized, "InvalidPassword", "unauthorized"}
	wrongKey       = want{http.StatusUnauthorized, "AuthError", "unauthorized"}
	invalidSession = want{status: http.StatusUnauthorized, code: "InvalidSession"}
	goneSession    = want{http.StatusUnauthorized, "InvalidSession", "invalid session: failed to find refresh token"}
)
