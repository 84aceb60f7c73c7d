// Package apidoc has the document of all calls for programs, openapi.yaml: as it is served, and as people read it.
package apidoc

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // of openapi.yaml
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var source []byte

// JSON is the document in OpenAPI 3.1. It is not to be changed.
var JSON = sync.OnceValue(func() []byte {
	var document any
	if err := yaml.Unmarshal(source, &document); err != nil {
		panic("apidoc: " + err.Error()) // tests read it
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // it is served as JSON, and says "<" in places
	if err := encoder.Encode(document); err != nil {
		panic("apidoc: " + err.Error())
	}
	return out.Bytes()
})

// Tag names what JSON gives, for caches: another build may have another.
var Tag = sync.OnceValue(func() string {
	sum := sha256.Sum256(JSON())
	return hex.EncodeToString(sum[:8])
})

// Group is some calls that belong together.
type Group struct {
	Name, Text string
	Calls      []Call
}

// Call is one of them, in words.
type Call struct {
	ID, Method, Path string
	Summary, Text    string
	Takes            string // which token: "access", "refresh" or ""
	Optional         bool   // it may come without one
	Stable           bool
	Form             bool // the fields are sent as a form and not as JSON
	Query, Fields    []Field
	Answers          []Answer
}

// Field is a value in a request or an answer.
type Field struct {
	Name, Type, Text string
	Required         bool
}

// Answer is what a status says. Codes are those that tell its errors apart.
type Answer struct {
	Status, Text string
	Codes        []string
	Fields       []Field
}

// Groups are all calls in the order of the document's tags.
var Groups = sync.OnceValue(func() []Group {
	var d spec
	if err := json.Unmarshal(JSON(), &d); err != nil {
		panic("apidoc: " + err.Error()) // tests read it
	}
	return d.groups()
})

// Failures are what every call may also be refused with.
var Failures = sync.OnceValue(func() []Answer {
	var d spec
	if err := json.Unmarshal(JSON(), &d); err != nil {
		panic("apidoc: " + err.Error())
	}
	return d.failures("Any")
})

// The parts of the document that are drawn.
type (
	spec struct {
		Tags       []struct{ Name, Description string }
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Responses map[string]response
			Schemas   map[string]schema
		}
	}
	operation struct {
		ID          string `json:"operationId"`
		Tags        []string
		Summary     string
		Description string
		Stability   string `json:"x-stability"`
		Security    []map[string][]string
		Parameters  []struct {
			Name, In, Description string
			Schema                schema
		}
		Body      struct{ Content map[string]media } `json:"requestBody"`
		Responses map[string]response
	}
	response struct {
		Ref         string `json:"$ref"`
		Description string
		Codes       []string            `json:"x-error-codes"`
		ByStatus    map[string][]string `json:"x-error-codes-by-status"`
		Content     map[string]media
	}
	media  struct{ Schema schema }
	schema struct {
		Ref         string `json:"$ref"`
		Type        any
		Description string
		Enum        []string
		Required    []string
		Properties  map[string]schema
		Items       *schema
	}
)

// methods in the order in which they are listed.
var methods = []string{"get", "post", "put", "patch", "delete"}

func (d spec) groups() []Group {
	groups := make([]Group, len(d.Tags))
	for i, tag := range d.Tags {
		groups[i] = Group{Name: tag.Name, Text: tag.Description}
	}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range methods {
			raw, ok := d.Paths[path][method]
			if !ok {
				continue
			}
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				panic(fmt.Sprintf("apidoc: %s %s: %v", method, path, err))
			}
			i := slices.IndexFunc(groups, func(g Group) bool { return g.Name == op.Tags[0] })
			groups[i].Calls = append(groups[i].Calls, d.call(method, path, op))
		}
	}
	return groups
}

func (d spec) call(method, path string, op operation) Call {
	c := Call{
		ID: op.ID, Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Text: op.Description, Stable: op.Stability == "stable",
	}
	for _, way := range op.Security {
		for name := range way {
			c.Takes = strings.TrimSuffix(name, "Token")
		}
		c.Optional = c.Optional || len(way) == 0
	}
	for _, p := range op.Parameters {
		if p.In == "query" {
			c.Query = append(c.Query, Field{Name: p.Name, Type: d.typeOf(p.Schema), Text: p.Description})
		}
	}
	for kind, body := range op.Body.Content {
		c.Form = kind != "application/json"
		c.Fields = d.fields(body.Schema)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status != "default" { // which Failures has
			c.Answers = append(c.Answers, d.answer(status, op.Responses[status]))
		}
	}
	return c
}

func (d spec) answer(status string, r response) Answer {
	if r.Ref != "" {
		r = d.Components.Responses[last(r.Ref)]
	}
	a := Answer{Status: status, Text: r.Description}
	for _, code := range r.Codes {
		if code != "none" {
			a.Codes = append(a.Codes, code)
		}
	}
	if status[0] == '2' {
		for _, body := range r.Content {
			a.Fields = d.fields(body.Schema)
		}
	}
	return a
}

func (d spec) failures(name string) []Answer {
	r := d.Components.Responses[name]
	out := make([]Answer, 0, len(r.ByStatus))
	for _, status := range slices.Sorted(maps.Keys(r.ByStatus)) {
		out = append(out, d.answer(status, response{Codes: r.ByStatus[status]}))
	}
	return out
}

// fields are those of an object, or of each object in a list: what must be there first.
func (d spec) fields(s schema) []Field {
	s = d.named(s)
	if s.Items != nil {
		s = d.named(*s.Items)
	}
	out := make([]Field, 0, len(s.Properties))
	for name, p := range s.Properties {
		out = append(out, Field{Name: name, Type: d.typeOf(p), Text: p.Description, Required: slices.Contains(s.Required, name)})
	}
	rank := func(f Field) int {
		if at := slices.Index(s.Required, f.Name); at >= 0 {
			return at
		}
		return len(s.Required)
	}
	slices.SortFunc(out, func(a, b Field) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name)) })
	return out
}

func (d spec) named(s schema) schema {
	if s.Ref == "" {
		return s
	}
	return d.Components.Schemas[last(s.Ref)]
}

// typeOf says in a few words what a value is.
func (d spec) typeOf(s schema) string {
	name := ""
	if s.Ref != "" {
		name = last(s.Ref)
	}
	s = d.named(s)
	switch t := s.Type.(type) {
	case string:
		switch {
		case name == "Time":
			return "time"
		case name == "Id":
			return "id"
		case t == "array" && s.Items != nil:
			return "list of " + d.typeOf(*s.Items)
		case t == "string" && len(s.Enum) > 0:
			return strings.Join(slices.DeleteFunc(slices.Clone(s.Enum), func(e string) bool { return e == "" }), " | ")
		case t == "object" && len(s.Properties) > 0:
			return "object: " + strings.Join(namesOf(d.fields(s)), ", ")
		}
		return map[string]string{"string": "text", "integer": "number", "boolean": "true | false"}[t] + map[bool]string{true: t}[t == "object"]
	case []any:
		if slices.Contains(t, any("object")) {
			return "object"
		}
		return "time | null"
	default:
		return "any"
	}
}

func namesOf(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// last is the name at the end of a reference.
func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
