package clienttest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// checker looks at every answer of the server, whatever the test that caused it
// is about: some rules hold for all of them.
type checker struct {
	t    *testing.T
	s    *suite
	next http.RoundTripper
}

// checked returns the target's HTTP client with a checker in it.
func (s *suite) checked(t *testing.T) *http.Client {
	h := *s.HTTPClient
	if h.Transport == nil {
		h.Transport = http.DefaultTransport
	}
	h.Transport = &checker{t: t, s: s, next: h.Transport}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// RoundTrip sends the request and reports what is wrong with the answer.
func (c *checker) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	for _, fault := range c.faults(req, res, body) {
		c.t.Errorf("%s %s answered %d: %s", req.Method, req.URL.Path, res.StatusCode, fault)
	}
	return res, nil
}

func (c *checker) faults(req *http.Request, res *http.Response, body []byte) []string {
	found := contentFaults(res, body)
	if res.StatusCode >= 300 && res.StatusCode < 400 || res.StatusCode >= 500 {
		found = append(found, "no request of this suite deserves that status")
	}
	if len(res.Header["Set-Cookie"]) > 0 {
		found = append(found, "the client API sets no cookies")
	}
	if res.StatusCode >= 400 && len(body) > 0 {
		found = append(found, c.envelopeFaults(req, body)...)
	}
	creates := req.Method == http.MethodPost && req.URL.Path == apiRoot+"/auth/api_keys"
	if !creates && hasMember(body, "key") {
		found = append(found, "the answer has a key value, which only create may give")
	}
	return found
}

// contentFaults are those that make an SDK lose a whole answer: core compares
// the type byte for byte, and realm-web parses whatever has one.
func contentFaults(res *http.Response, body []byte) []string {
	types := res.Header["Content-Type"]
	switch {
	case len(body) == 0 && len(types) > 0:
		return []string{"an empty answer must have no Content-Type, this one has " + types[0]}
	case len(body) == 0:
		return nil
	case len(types) != 1 || types[0] != "application/json":
		return []string{"Content-Type is [" + strings.Join(types, " | ") + "], not exactly application/json"}
	case !json.Valid(body):
		return []string{"the body is not JSON"}
	}
	return nil
}

// envelopeFaults are those of the error object.
func (c *checker) envelopeFaults(req *http.Request, body []byte) []string {
	var envelope map[string]any
	if json.Unmarshal(body, &envelope) != nil {
		return []string{"the error is not a JSON object"}
	}
	var found []string
	if text, _ := envelope["error"].(string); text == "" {
		found = append(found, "error is not a text")
	}
	if code, given := envelope["error_code"]; given && !isText(code) {
		found = append(found, "error_code is there but not a text")
	}
	_, given := envelope["link"]
	link, isText := envelope["link"].(string)
	switch {
	case given && !isText:
		found = append(found, "link is there but not a text, which makes core drop the error")
	case given && !strings.Contains(link, "logs?co_id="):
		found = append(found, "link leads to no log entry")
	case !given && c.s.Strict && c.s.knowsApp(req):
		found = append(found, "link is missing")
	}
	return found
}

// knowsApp reports whether the server can know which app a request is for.
// Without, there is no log to link to.
func (s *suite) knowsApp(req *http.Request) bool {
	return strings.HasPrefix(req.URL.Path, apiRoot+"/auth/") ||
		strings.HasPrefix(req.URL.Path, apiRoot+"/app/"+s.AppID+"/")
}

func isText(v any) bool {
	text, ok := v.(string)
	return ok && text != ""
}

// hasMember reports whether a JSON object, or one in a JSON list, has a member
// of the given name.
func hasMember(body []byte, name string) bool {
	var one map[string]any
	if json.Unmarshal(body, &one) == nil {
		_, has := one[name]
		return has
	}
	var list []map[string]any
	_ = json.Unmarshal(body, &list) // neither: then it has no members
	for _, one := range list {
		if _, has := one[name]; has {
			return true
		}
	}
	return false
}
