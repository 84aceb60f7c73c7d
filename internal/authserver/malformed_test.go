package authserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// wellFormed has a body for every call that reads one: what it needs and nothing more, and not true of anybody.
func wellFormed() map[string]map[string]string {
	link := map[string]string{"token": strings.Repeat("0", 64), "tokenId": "0123456789abcdef01234567"}
	withPassword := maps.Clone(link)
	withPassword["password"] = "another horse"
	byMail := inApp + "/auth/providers/local-userpass"
	return map[string]map[string]string{
		"POST " + byMail + "/register":                    {"email": "b@example.org", "password": "another horse"},
		"POST " + byMail + "/confirm":                     link,
		"POST " + byMail + "/confirm/send":                {"email": "b@example.org"},
		"POST " + byMail + "/reset/send":                  {"email": "b@example.org"},
		"POST " + byMail + "/confirm/call":                {"email": "b@example.org"},
		"POST " + byMail + "/reset/call":                  {"email": "b@example.org"},
		"POST " + byMail + "/login" + whenLinking:         {"username": "b@example.org", "password": "another horse"},
		"POST " + byMail + "/reset":                       withPassword,
		"POST " + byMail + "/login":                       {"username": "b@example.org", "password": "another horse"},
		"POST " + inApp + "/auth/providers/api-key/login": {"key": strings.Repeat("a", 64)},
		"POST " + apiKeys:                                 {"name": "pump"},
		"POST /api/latchkey/v1/proof":                     {"password": "another horse"},
		"PUT /api/latchkey/v1/keys/{id}/expiry":           {"expires_at": "2016-03-01T12:00:00Z"},
		"POST /api/latchkey/v1/keys/{id}/replacement":     {"new_key": "0123456789abcdef01234567", "finish": "now"},
		"POST /api/latchkey/v1/passkeys":                  {"challenge": "x", "name": "phone", "passkey": "none"},
		"POST /api/latchkey/v1/passkey_login":             {"challenge": "x", "passkey": "none"},
		"POST " + adminPath + "/by_value":                 {"value": strings.Repeat("a", 64)},
		"POST " + adminKnocksPath + "/{id}/assign":        {"user": "b@example.org", "name": "pump"},
		"POST " + adminServerPath:                         {"name": "gateway"},
		"PUT /api/latchkey/v1/password":                   {"current_password": "another horse", "new_password": "a third horse"},
	}
}

// readsNoBody are the calls that ask for nothing but who calls, or not even that. The last does not need to be told anything.
var readsNoBody = []string{"POST " + inApp + "/functions/call", "POST " + auth + "/session", "POST /api/latchkey/v1/refresh_token", "PUT " + apiKeys + "/{id}/enable", "PUT " + apiKeys + "/{id}/disable", "POST " + handoverPath,
	"POST " + passkeyOptionsPath, "POST " + passkeyLoginPath + "/options", "POST " + proofPath + "/options",
	"POST " + adminUserPath + "/disable", "POST " + adminUserPath + "/enable", "POST " + adminUserPath + "/sign_out", "POST " + adminUserPath + "/reset",
	"POST " + adminUserPath + "/keys/{key}/off", "POST " + adminKnocksPath + "/{id}/ignore", "POST " + adminServerPath + "/{id}/off"}

// newOperator is somebody who may make every call.
func (f *fixture) newOperator(t *testing.T, email string) loginAnswer {
	t.Helper()
	session := f.signUp(email)
	if _, _, err := f.accounts.MakeOperator(t.Context(), email, true); err != nil {
		t.Fatal(err)
	}
	return session
}

func TestEveryCallWithABodyIsTriedWithBadOnes(t *testing.T) {
	f := newFixture(t)
	known := wellFormed()
	for _, route := range f.Routes() {
		route = strings.Replace(route, "{provider}", "local-userpass", 1)
		if known[route] == nil && !slices.Contains(readsNoBody, route) && (strings.HasPrefix(route, "POST ") || strings.HasPrefix(route, "PUT ")) {
			t.Errorf("%s is not tried", route)
		}
	}
}

// spoiltBodies makes bodies that no call may take, out of one that it would: what is wrong with each, and the body.
func spoiltBodies(good map[string]string) map[string]string {
	text := object(flat(good)...)
	bad := map[string]string{
		"nothing": "", "a space": " ", "null": "null", "a list": "[" + text + "]", "a text": `"x"`, "a number": "1", "true": "true", "no members": "{}",
		"something after it": text + "x", "itself twice": text + text, "a comma after it": text + ",", "a brace too many": text + "}", "a NUL after it": text + "\x00", "a list after it": text + "[]",
		"a mark before it": "\ufeff" + text, "a NUL before it": "\x00" + text, "sixteen bits a letter": "\xff\xfe" + strings.Join(strings.Split(text, ""), "\x00"), "a comment": "/**/" + text, "a guard": ")]}',\n" + text,
		"single quotes": strings.ReplaceAll(text, `"`, `'`), "a comma too many": strings.TrimSuffix(text, "}") + ",}", "no commas and colons": strings.NewReplacer(":", " ", ",", " ").Replace(text),
		"form encoding": "a=b&c=d", "XML": "<x>" + text + "</x>", "a raw line break in a text": strings.Replace(text, `":"`, "\":\"\n", 1), "half an escape": strings.Replace(text, `":"`, `":"\u12`, 1),
		"an escape that is none": strings.Replace(text, `":"`, `":"\x41`, 1), "bad UTF-8 beside it": strings.TrimSuffix(text, "}") + ",\"x\":\"\xff\"}", "more than 64 KB": strings.TrimSuffix(text, "}") + `,"x":"` + strings.Repeat("x", maxBody) + `"}`,
		"deep lists beside it": strings.TrimSuffix(text, "}") + `,"x":` + strings.Repeat("[", 15_000) + strings.Repeat("]", 15_000) + "}", "deep lists that do not end": strings.Repeat(`{"x":[`, 10_000),
		"a name twice beside it": strings.TrimSuffix(text, "}") + `,"x":1,"x":1}`, "no end": strings.TrimSuffix(text, "}") + `,"x":`, "a number that is none": strings.TrimSuffix(text, "}") + `,"x":NaN}`,
		"a zero before a number": strings.TrimSuffix(text, "}") + `,"x":01}`, "a plus before a number": strings.TrimSuffix(text, "}") + `,"x":+1}`, "a number in sixteens": strings.TrimSuffix(text, "}") + `,"x":0x1}`,
	}
	for i := 1; i < len(text); i++ {
		bad[fmt.Sprintf("cut after %d bytes", i)] = text[:i]
	}
	for name, value := range good {
		for what, member := range spoilt(value) {
			others := maps.Clone(good)
			delete(others, name)
			body := strings.TrimSuffix(object(flat(others)...), "}")
			if len(others) > 0 {
				body += ","
			}
			bad[name+" "+what] = body + fmt.Sprintf("%q:%s}", name, member)
		}
		others := maps.Clone(good)
		delete(others, name)
		bad[name+" missing"] = object(flat(others)...)
		bad[name+" twice"] = strings.TrimSuffix(text, "}") + fmt.Sprintf(",%q:%q}", name, value)
		bad[name+" twice, once in capitals"] = strings.TrimSuffix(text, "}") + fmt.Sprintf(",%q:%q}", strings.ToUpper(name), value)
	}
	return bad
}

// spoilt are the values that a member with a text cannot have.
func spoilt(value string) map[string]string {
	return map[string]string{
		"null": "null", "true": "true", "false": "false", "zero": "0", "one": "1", "minus one": "-1", "a fraction": "1.5", "a number beyond all": "1e400", "a big number": strings.Repeat("9", 400), "minus zero": "-0",
		"a list": "[]", "a list of it": fmt.Sprintf("[%q]", value), "an object": "{}", "an id": `{"$oid":"0123456789abcdef01234567"}`, "an object of it": fmt.Sprintf(`{"x":%q}`, value), "an operator": `{"$gt":""}`,
		"deep lists": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "bad UTF-8": "\"\xff" + value + `"`, "half a letter": "\"" + value + "\xf0\x9f\x94\"", "an overlong letter": "\"\xc0\xaf" + value + `"`,
		"a surrogate in UTF-8": "\"\xed\xa0\x80" + value + `"`, "a raw NUL": "\"\x00" + value + `"`, "no quotes": value, "one quote": `"` + value,
	}
}

func flat(members map[string]string) []any {
	var pairs []any
	for name, value := range members {
		pairs = append(pairs, name, value)
	}
	return pairs
}

func TestAMalformedBodyIsRefusedByEveryCall(t *testing.T) {
	f := newFixture(t)
	owner := f.newOperator(t, "a@example.org")
	tried := 0
	for route, good := range wellFormed() {
		method, path, _ := strings.Cut(strings.Replace(route, "{app}", testApp, 1), " ")
		token := owner.RefreshToken
		if strings.HasSuffix(path, whenLinking) {
			token = owner.AccessToken
		}
		for what, body := range spoiltBodies(good) {
			tried++
			got := f.do(method, path, token, body)
			if got.status < 400 || got.status > 499 {
				t.Errorf("%s with %s: status %d: %s", route, what, got.status, got.body)
			}
			got.obeysRules()
		}
		for _, declared := range []string{"text/plain", "text/html", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/json-patch+json", "json", "/", ";;"} {
			tried++
			request := newRequest(method, path, object(flat(good)...))
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set("Content-Type", declared)
			if got := f.send(request); got.status != 415 {
				t.Errorf("%s as %s: status %d: %s", route, declared, got.status, got.body)
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d bodies", tried)
	}
	if keys := f.do("GET", keysPath, owner.RefreshToken, "").want(200); string(keys.body) != "[]" {
		t.Errorf("a key was made: %s", keys.body)
	}
	t.Logf("%d bodies", tried)
}

// A body with any byte changed is refused, unless it can still be read; whichever it is, the server has no fault of its own.
func TestABodyWithAnyByteChangedIsNoFaultOfTheServer(t *testing.T) {
	f := newFixture(t)
	owner := f.newOperator(t, "a@example.org")
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same bodies each time
	for route, good := range wellFormed() {
		method, path, _ := strings.Cut(strings.Replace(route, "{app}", testApp, 1), " ")
		text := object(flat(good)...)
		for range 200 {
			body := []byte(text)
			for range 1 + random.IntN(3) {
				body[random.IntN(len(body))] = byte(random.IntN(256)) //nolint:gosec // below 256
			}
			got := f.do(method, path, owner.RefreshToken, string(body))
			got.obeysRules()
			if readable := json.Valid(body) && utf8.Valid(body); got.status >= 500 || got.status < 400 && !readable {
				t.Errorf("%s with %q: status %d: %s", route, body, got.status, got.body)
			}
		}
	}
}

// Some libraries send "{}" or "null" along with a call that has no body. It is not looked at.
func TestACallWithoutABodyDoesNotLookAtOne(t *testing.T) {
	f := newFixture(t)
	key := f.createKey(f.signUp("a@example.org"), "pump")
	for i, route := range readsNoBody {
		owner := f.newOperator(t, fmt.Sprintf("op%d@example.org", i)) // whose acts are counted
		method, path, _ := strings.Cut(strings.Replace(route, "{id}", key.ID, 1), " ")
		want := f.do(method, path, owner.RefreshToken, "").status
		for what, body := range spoiltBodies(map[string]string{"x": "y"}) {
			if got := f.do(method, path, owner.RefreshToken, body); got.status != want {
				t.Errorf("%s with %s: status %d, without %d", route, what, got.status, want)
			}
		}
	}
}
