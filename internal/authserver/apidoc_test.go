package authserver

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey/internal/apidoc"
	"latchkey/internal/apidoc/apidoctest"
)

// ofTheDashboard are the calls for programs that the dashboard answers.
var ofTheDashboard = []string{"GET /.well-known/oauth-authorization-server", "POST /oauth/device_authorization", "POST /oauth/token"}

func TestEachCallIsInTheDocumentAndTheDocumentHasNoOthers(t *testing.T) {
	want := slices.Clone(ofTheDashboard)
	for _, route := range New(Config{OwnersAdopt: true}, nil, nil).Routes() {
		if path, ok := strings.CutSuffix(route, whenLinking); ok { // the same path and method
			route = path
			if !hasLink(path) {
				t.Errorf("the document does not say that %s may link", path)
			}
		}
		if !slices.Contains(want, route) {
			want = append(want, route)
		}
	}
	calls := apidoctest.Calls(t)
	for _, route := range want {
		if !slices.Contains(calls, route) {
			t.Errorf("%s is not in openapi.yaml", route)
		}
	}
	for _, call := range calls {
		if !slices.Contains(want, call) {
			t.Errorf("openapi.yaml has %s, which is no call", call)
		}
	}
}

func hasLink(route string) bool {
	for _, group := range apidoc.Groups() {
		for _, call := range group.Calls {
			if call.Method+" "+call.Path == route {
				return slices.ContainsFunc(call.Query, func(f apidoc.Field) bool { return f.Name == "link" })
			}
		}
	}
	return false
}

func TestEachErrorIsInTheDocumentWithItsCode(t *testing.T) {
	stated, codes := apidoctest.Errors(t), map[string]bool{}
	for k, e := range wireErrors {
		if e.code != "" {
			codes[e.code] = true
		}
		if code := cmp.Or(e.code, "none"); !slices.Contains(stated, strconv.Itoa(e.status)+" "+code) {
			t.Errorf("kind %d: no call of openapi.yaml is refused with %d and the code %s", k, e.status, code)
		}
	}
	got := apidoctest.Codes(t)
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(maps.Keys(codes))) {
		t.Errorf("openapi.yaml has the codes %q, and there are %q", got, slices.Sorted(maps.Keys(codes)))
	}
}
