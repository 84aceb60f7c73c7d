// Package apidoctest holds a running server to the document of its calls: each answer must be one that the document has for the call, and
// each request that was answered with success must be one that it allows.
package apidoctest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"latchkey/internal/apidoc"
)

// Load reads the document, which must be as OpenAPI wants it. What it says of answers is taken for all that may be in them.
var Load = sync.OnceValues(func() (*openapi3.T, error) {
	document, err := openapi3.NewLoader().LoadFromData(apidoc.JSON())
	if err != nil {
		return nil, err
	}
	if err := document.Validate(context.Background()); err != nil {
		return nil, err
	}
	for _, item := range document.Paths.Map() {
		for _, op := range item.Operations() {
			for _, response := range op.Responses.Map() {
				for _, content := range response.Value.Content {
					closeSchema(content.Schema)
				}
			}
		}
	}
	return document, nil
})

// closeSchema has an object hold the fields that are listed, and no others.
func closeSchema(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	s := ref.Value
	if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil {
		s.AdditionalProperties.Has = new(bool)
	}
	for _, property := range s.Properties {
		closeSchema(property)
	}
	closeSchema(s.Items)
}

// Calls are all calls of the document, as "METHOD /path".
func Calls(t testing.TB) []string {
	t.Helper()
	var calls []string
	for path, item := range load(t).Paths.Map() {
		for method := range item.Operations() {
			calls = append(calls, method+" "+path)
		}
	}
	slices.Sort(calls)
	return calls
}

// Errors are all that calls are refused with, as "STATUS code", or none where there is no code.
func Errors(t testing.TB) []string {
	t.Helper()
	var all []string
	add := func(status string, codes any) {
		list, _ := codes.([]any)
		for _, code := range list {
			all = append(all, fmt.Sprint(status, " ", code))
		}
	}
	for _, item := range load(t).Paths.Map() {
		for _, op := range item.Operations() {
			for status, response := range op.Responses.Map() {
				add(status, response.Value.Extensions["x-error-codes"])
				byStatus, _ := response.Value.Extensions["x-error-codes-by-status"].(map[string]any)
				for status, codes := range byStatus {
					add(status, codes)
				}
			}
		}
	}
	return all
}

// Codes are all codes that the schema of errors has.
func Codes(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, code := range load(t).Components.Schemas["Error"].Value.Properties["error_code"].Value.Enum {
		all = append(all, fmt.Sprint(code))
	}
	return all
}

func load(t testing.TB) *openapi3.T {
	t.Helper()
	document, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// Handler is a server whose every request and answer is looked at.
type Handler struct {
	t    testing.TB
	next http.Handler
	some bool

	mu   sync.Mutex
	seen map[string][]int // the statuses that a call was answered with
}

// New looks at what a server says.
func New(t testing.TB, next http.Handler) *Handler {
	load(t)
	return &Handler{t: t, next: next, seen: map[string][]int{}}
}

// Some looks at what a server says a few times for each call and status, in tests that ask much: reading a schema takes a while.
func Some(t testing.TB, next http.Handler) *Handler {
	h := New(t, next)
	h.some = true
	return h
}

// Succeeded says of a call ("METHOD /path") whether a request of it was answered with success, and was as the document has it.
func (h *Handler) Succeeded(call string) bool {
	return slices.ContainsFunc(h.Statuses(call), func(status int) bool { return status/100 == 2 })
}

// Statuses are those that a call was answered with, each of which was in the document.
func (h *Handler) Statuses(call string) []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen[call])
}

// ServeHTTP passes a request on, and looks at it when it was answered: by then it has said which call it is.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var sent bytes.Buffer
	if r.Body != nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &sent), r.Body}
	}
	rec := httptest.NewRecorder()
	h.next.ServeHTTP(rec, r)
	answer := rec.Result()
	body := rec.Body.Bytes()
	if r.Method != http.MethodHead && r.Method != http.MethodOptions {
		if call, err := check(r, sent.Bytes(), answer, body, h.some); err != nil {
			h.t.Errorf("%s %s: answered with %d %.300s: it is not as the document says: %v", r.Method, r.URL.Path, answer.StatusCode, body, err)
		} else {
			h.mu.Lock()
			h.seen[call] = append(h.seen[call], answer.StatusCode)
			h.mu.Unlock()
		}
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // the client has gone
}

// checking keeps validation to one at a time: the schemas are shared.
var checking sync.Mutex

func check(r *http.Request, sent []byte, answer *http.Response, body []byte, some bool) (call string, err error) {
	checking.Lock()
	defer checking.Unlock()
	document, err := Load()
	if err != nil {
		return "", err
	}
	_, path, found := strings.Cut(r.Pattern, " ")
	if !found {
		path = r.URL.Path // of a server that names no patterns, or of no call
	}
	call = r.Method + " " + path
	item := document.Paths.Value(path)
	if item == nil || item.GetOperation(r.Method) == nil {
		if found { // a call of a test's own: that there are no others is another test
			return call, nil
		}
		return call, checkStray(document, path, answer, body)
	}
	op := item.GetOperation(r.Method)
	if err := known(op, answer.StatusCode, body); err != nil || some && enough(call, answer.StatusCode) {
		return call, err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: replay(r, sent), PathParams: map[string]string{}, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: document, Path: path, PathItem: item, Method: r.Method, Operation: op},
		Options: &openapi3filter.Options{AuthenticationFunc: holds},
	}
	for _, p := range item.Parameters {
		input.PathParams[p.Value.Name] = url.PathEscape(r.PathValue(p.Value.Name))
	}
	if answer.StatusCode/100 == 2 {
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			return call, fmt.Errorf("the request: %w", err)
		}
	}
	return call, openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
}

// looked counts how often the answers of a call with a status were looked at, of a few.
var looked = map[string]int{}

func enough(call string, status int) bool {
	name := call + " " + strconv.Itoa(status)
	looked[name]++
	return looked[name] > 5
}

// replay is the request once more. A body without a type is taken for JSON.
func replay(r *http.Request, sent []byte) *http.Request {
	again := r.Clone(context.Background())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	switch {
	case len(sent) == 0:
		again.Body = http.NoBody
	case again.Header.Get("Content-Type") == "":
		again.Header.Set("Content-Type", "application/json")
	}
	return again
}

// holds says whether a request has the token that the document wants, which says itself what it is.
func holds(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	_, token, _ := strings.Cut(in.RequestValidationInput.Request.Header.Get("Authorization"), " ")
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return errors.New("there is no token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var claims struct {
		Type string `json:"typ"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return err
	}
	if claims.Type+"Token" != in.SecuritySchemeName {
		return fmt.Errorf("it was answered with the %s token", claims.Type)
	}
	return nil
}

// known says whether a status, and the code of its error, are in the document.
func known(op *openapi3.Operation, status int, body []byte) error {
	response := op.Responses.Status(status)
	if response == nil {
		return knownDefault(op.Responses.Default().Value, status, body)
	}
	if response.Value.Content == nil && len(body) > 0 {
		return errors.New("there is a body")
	}
	if status < http.StatusBadRequest {
		return nil
	}
	if err := hasCode(response.Value.Extensions["x-error-codes"], body); err != nil {
		if knownDefault(op.Responses.Default().Value, status, body) == nil {
			return nil
		}
		return err
	}
	return nil
}

func knownDefault(response *openapi3.Response, status int, body []byte) error {
	byStatus, _ := response.Extensions["x-error-codes-by-status"].(map[string]any)
	codes, ok := byStatus[strconv.Itoa(status)]
	if !ok {
		return errors.New("there is no such status")
	}
	return hasCode(codes, body)
}

// hasCode compares the code of an error with those that there may be: OAuth has it in another field.
func hasCode(codes any, body []byte) error {
	var e struct {
		Code  string `json:"error_code"`
		Error string `json:"error"`
		OAuth string `json:"error_description"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	code := e.Code
	switch {
	case e.OAuth != "":
		code = e.Error
	case code == "":
		code = "none"
	}
	if list, _ := codes.([]any); !slices.Contains(list, any(code)) {
		return fmt.Errorf("the code is %s, and not of %v", code, codes)
	}
	return nil
}

// checkStray is about what is no call: a refusal like every other.
func checkStray(document *openapi3.T, path string, answer *http.Response, body []byte) error {
	response := document.Components.Responses["Any"]
	if strings.HasPrefix(path, "/oauth/") || strings.HasSuffix(path, "/oauth-authorization-server") {
		response = document.Components.Responses["OAuthAny"]
	}
	if err := knownDefault(response.Value, answer.StatusCode, body); err != nil {
		return err
	}
	var decoded any
	if err := json.Unmarshal(body, &decoded); err != nil {
		return err
	}
	return response.Value.Content.Get("application/json").Schema.Value.VisitJSON(decoded, openapi3.EnableJSONSchema2020())
}
