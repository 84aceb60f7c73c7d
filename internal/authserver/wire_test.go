package authserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// call is a request with a body that the server reads.
type call struct{ name, method, path, token, body string }

// callsWithBodies are all of them, with a body that is good.
func (f *fixture) callsWithBodies() []call {
	owner := f.signUp("bodies@example.org")
	key := f.createKey(owner, "bodies")
	options := `{"device":{"appId":"x","platform":"linux","deviceId":{"$oid":"5f9d1a2b3c4d5e6f70819203"}}}`
	return []call{
		{"register", "POST", appPath(registerRest), "", `{"email":"new@example.org","password":"` + testPassword + `"}`},
		{"sign in with a password", "POST", loginPath("local-userpass"), "",
			`{"username":"bodies@example.org","password":"` + testPassword + `","options":` + options + `}`},
		{"sign in with a key", "POST", loginPath("api-key"), "", `{"key":"` + key.Value + `","options":` + options + `}`},
		{"sign in anonymously", "POST", loginPath("anon-user"), "", `{"provider":"anon-user","options":` + options + `}`},
		{"create a key", "POST", keysPath, owner.RefreshToken, `{"name":"another"}`},
	}
}

// malformed makes bodies that no call may accept.
func malformed(good string) map[string]string {
	bad := map[string]string{}
	for i := 1; i < len(good); i++ {
		bad[fmt.Sprintf("cut after %d bytes", i)] = good[:i]
	}
	for name, body := range map[string]string{
		"spaces only": "   \n", "null": "null", "a number": "1", "a string": `"x"`, "true": "true", "an array": "[]",
		"the object in an array": "[" + good + "]", "two objects": good + good, "garbage after": good + "x",
		"a null byte after": good + "\x00", "null bytes": "\x00\x00\x00", "a null byte inside": good[:2] + "\x00" + good[2:],
		"not UTF-8": good[:2] + "\xff" + good[2:], "UTF-16": "\xfe\xff\x00{\x00}", "a byte order mark": "\xef\xbb\xbf" + good,
		"single quotes": strings.ReplaceAll(good, `"`, `'`), "no quotes": strings.ReplaceAll(good, `"`, ``),
		"a comma at the end": good[:len(good)-1] + ",}", "a comment": "/**/" + good, "a form": "username=a&password=b",
		"XML": `<?xml version="1.0"?><a/>`, "deep arrays": strings.Repeat("[", 30_000), "deep objects": strings.Repeat(`{"a":`, 10_000),
		"deep and closed":   `{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}",
		"an endless number": `{"x":` + strings.Repeat("9", 1000), "a bad escape": `{"\q":1}`, "NaN": `{"x":NaN}`,
	} {
		bad[name] = body
	}
	return bad
}

// wrongTypes puts a value of another type in the place of every field that is read.
func wrongTypes(t *testing.T, good string) map[string]string {
	bad := map[string]string{}
	var fields map[string]any
	if err := json.Unmarshal([]byte(good), &fields); err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"number": 1, "huge number": 1e300, "true": true, "array": []any{"x"}, "empty array": []any{}, "object": map[string]any{"a": "b"},
		"nested": map[string]any{"$oid": map[string]any{"$oid": 1}},
	}
	for field := range fields {
		if field == "provider" {
			continue // never read: the path names the provider
		}
		for name, v := range values {
			if field == "options" && (name == "object" || name == "nested") {
				continue // an object is right there, and its unknown fields are ignored
			}
			changed := map[string]any{}
			for k, old := range fields {
				changed[k] = old
			}
			changed[field] = v
			b, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			bad[field+" as "+name] = string(b)
		}
	}
	if fields["options"] != nil {
		for _, id := range []string{"1", "true", "[]", `{"$oid":1}`, `{"$oid":{}}`, `{"$oid":["x"]}`} {
			bad["deviceId as "+id] = `{"options":{"device":{"deviceId":` + id + `}}}`
		}
		bad["device as a string"] = `{"options":{"device":"x"}}`
		bad["device as an array"] = `{"options":{"device":[]}}`
	}
	return bad
}

func TestMalformedBodiesAreAlways400(t *testing.T) {
	f := newFixture(t)
	total := 0
	for _, c := range f.callsWithBodies() {
		bodies := malformed(c.body)
		for name, body := range wrongTypes(t, c.body) {
			bodies[name] = body
		}
		total += len(bodies)
		for name, body := range bodies {
			got := f.do(c.method, c.path, c.token, body)
			if got.status != 400 {
				t.Errorf("%s, %s: status %d: %s", c.name, name, got.status, got.body)
			}
			got.obeysRules()
		}
	}
	if total < 300 {
		t.Errorf("only %d bodies", total)
	}
	if logs := f.logs.String(); strings.Contains(logs, `"level":"ERROR"`) {
		t.Error("a malformed body was logged as an error of the server")
	}
}

// Bytes changed at random places are mostly malformed and sometimes still fine; they are never a fault of the server.
func TestChangedBytesAreNeverAFaultOfTheServer(t *testing.T) {
	f := newFixture(t)
	for _, c := range f.callsWithBodies() {
		for i := range len(c.body) {
			for _, b := range []byte{0, '"', '{', '\\', 0x80, ' '} {
				body := c.body[:i] + string([]byte{b}) + c.body[i+1:]
				got := f.do(c.method, c.path, c.token, body)
				if got.status >= 500 {
					t.Errorf("%s, byte %d as %q: status %d: %s", c.name, i, b, got.status, got.body)
				}
				got.obeysRules()
			}
		}
	}
}

func TestBodiesOverTheLimitAre413(t *testing.T) {
	f := newFixture(t)
	srv := httptest.NewServer(f)
	defer srv.Close()
	for _, c := range f.callsWithBodies() {
		padding := strings.Repeat(" ", maxBody-len(c.body))
		f.do(c.method, c.path, c.token, c.body+padding+" ").want(413).says("request body is larger than 64 KB", "")
		f.do(c.method, c.path, c.token, strings.Repeat("a", 1<<20)).want(413)
		if got := f.do(c.method, c.path, c.token, c.body+padding); got.status >= 300 {
			t.Errorf("%s with exactly 64 KB: %d", c.name, got.status)
		}
		req, err := http.NewRequestWithContext(t.Context(), c.method, srv.URL+c.path, strings.NewReader(strings.Repeat("a", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatalf("%s with 1 MB over HTTP: %v", c.name, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 413 {
			t.Errorf("%s with 1 MB over HTTP: %d", c.name, resp.StatusCode)
		}
	}
}

func TestContentTypesOfBodies(t *testing.T) {
	f := newFixture(t)
	f.signUp("a@example.org")
	for contentType, status := range map[string]int{
		"":                                  200,
		"application/json":                  200,
		"application/json;charset=utf-8":    200, // Realm's core
		"application/json; charset=utf-8":   200, // the .NET SDK
		"Application/JSON":                  200,
		"application/json; charset":         200,
		"text/plain":                        415,
		"text/plain;application/json":       415,
		"text/json":                         415,
		"application/x-www-form-urlencoded": 415,
		"multipart/form-data; boundary=x":   415,
		"application/jsonp":                 415,
		"application/ejson":                 415,
		";":                                 415,
	} {
		req := newRequest("POST", loginPath("local-userpass"), object("username", "a@example.org", "password", testPassword))
		req.Header.Del("Content-Type")
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		got := f.send(req)
		if got.status != status {
			t.Errorf("%q: status %d, want %d: %s", contentType, got.status, status, got.body)
		}
		got.obeysRules()
	}
}

func TestATypeWithoutABodyIsIgnored(t *testing.T) {
	f := newFixture(t)
	req := newRequest("POST", loginPath("anon-user"), "")
	req.Header.Set("Content-Type", "text/plain")
	f.send(req).want(200)

	req = newRequest("POST", loginPath("anon-user"), "")
	req.Body = nil // as an in-process caller may leave it
	f.send(req).want(200)

	f.do("POST", loginPath("local-userpass"), "", "").want(400)
}

// brokenBody fails as a connection does that ends in mid-body.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, http.ErrBodyReadAfterClose }
func (brokenBody) Close() error             { return nil }

func TestABodyThatBreaksOffIs400(t *testing.T) {
	f := newFixture(t)
	req := newRequest("POST", loginPath("api-key"), "x")
	req.Body = brokenBody{}
	f.send(req).want(400)
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	f.do("POST", keysPath, owner.RefreshToken, `{"name":"pump","disabled":true,"_id":"x","scopes":[{}],"key":"mine"}`).want(201)
	var keys []wireKey
	f.do("GET", keysPath, owner.RefreshToken, "").want(200).into(&keys)
	if len(keys) != 1 || keys[0].Disabled {
		t.Errorf("keys %+v", keys)
	}
}
