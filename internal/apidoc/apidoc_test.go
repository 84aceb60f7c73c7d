package apidoc_test

import (
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apidoc"
	"latchkey/internal/apidoc/apidoctest"
)

func TestTheDocumentIsOpenAPI(t *testing.T) {
	document, err := apidoctest.Load()
	if err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" {
		t.Errorf("it is of version %s", document.OpenAPI)
	}
}

func TestEachCallSaysHowStableItIsAndIsRead(t *testing.T) {
	document, err := apidoctest.Load()
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]apidoc.Call{}
	for _, group := range apidoc.Groups() {
		if group.Text == "" || len(group.Calls) == 0 {
			t.Errorf("%s says nothing", group.Name)
		}
		for _, call := range group.Calls {
			drawn[call.Method+" "+call.Path] = call
		}
	}
	ids := map[string]bool{}
	for path, item := range document.Paths.Map() {
		for method, op := range item.Operations() {
			name := method + " " + path
			if s := op.Extensions["x-stability"]; s != "stable" && s != "may-change" {
				t.Errorf("%s is %v", name, s)
			}
			if strings.HasPrefix(path, "/api/client/") && op.Extensions["x-stability"] != "stable" {
				t.Errorf("%s is a call of SDKs, and may change", name)
			}
			call, ok := drawn[name]
			if !ok || call.Summary == "" || len(call.Answers) == 0 || ids[call.ID] {
				t.Errorf("%s is drawn as %+v", name, call)
			}
			for _, f := range slices.Concat(call.Query, call.Fields) {
				if f.Type == "" {
					t.Errorf("%s: %s is of no type", name, f.Name)
				}
			}
			ids[call.ID] = true
		}
	}
	if len(ids) != len(drawn) {
		t.Errorf("%d calls are drawn, and there are %d", len(drawn), len(ids))
	}
	if len(apidoc.Failures()) < 5 {
		t.Error("it is not said what every call may be refused with")
	}
}
