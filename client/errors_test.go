package client_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey/client"
)

const logLink = "https://keys.example.com/groups/1/apps/2/logs?co_id=65f1c0de0123456789abcdef"

// failure is what a test expects of an *Error.
type failure struct {
	status              int
	code, message, link string
	text                string // of Error()
}

func (want failure) check(t *testing.T, err error) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *client.Error", err)
	}
	if got := (failure{e.Status, e.Code, e.Message, e.Link, e.Error()}); got != want {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	if e.Op != "fetch key" || e.Method != http.MethodGet || e.Path != keysPath+"/"+keyID {
		t.Errorf("it is about %s: %s %s", e.Op, e.Method, e.Path)
	}
}

func TestAnErrorHasTheStatusWhateverTheBody(t *testing.T) {
	const request = "fetch key: GET " + keysPath + "/" + keyID + ": "
	whole := `{"error":"API key not found","error_code":"APIKeyNotFound","link":"` + logLink + `"}`
	for name, tc := range map[string]struct {
		status      int
		contentType string
		body        string
		want        failure
	}{
		"an error as it should be": {404, "application/json", whole, failure{404, "APIKeyNotFound", "API key not found", logLink,
			request + "404 Not Found: APIKeyNotFound: API key not found"}},
		"no code and no link": {400, "application/json", `{"error":"'name' is a required string"}`, failure{400, "",
			"'name' is a required string", "", request + "400 Bad Request: 'name' is a required string"}},
		"no body": {403, "", ``, failure{status: 403, text: request + "403 Forbidden"}},
		"JSON type, no body": {500, "application/json", ``, failure{status: 500,
			text: request + "500 Internal Server Error"}},
		"JSON with a charset": {404, "application/json; charset=utf-8", whole, failure{404, "APIKeyNotFound", "API key not found",
			logLink, request + "404 Not Found: APIKeyNotFound: API key not found"}},
		"JSON said to be text": {404, "text/plain", whole, failure{404, "APIKeyNotFound", "API key not found", logLink,
			request + "404 Not Found: APIKeyNotFound: API key not found"}},
		"a page of a proxy": {502, "text/html; charset=utf-8", `<html><script>alert(1)</script></html>`, failure{status: 502,
			text: request + "502 Bad Gateway: the answer is text/html, not JSON"}},
		"markup said to be JSON": {502, "application/json", `<html>`, failure{status: 502,
			text: request + "502 Bad Gateway: the answer is not a JSON object"}},
		"a content type that is none": {502, "\";;", `<html>`, failure{status: 502,
			text: request + "502 Bad Gateway: the answer is not a JSON object"}},
		"cut short": {409, "application/json", whole[:50], failure{409, "", "API key not found", "",
			request + "409 Conflict: API key not found: the answer is not a JSON object"}},
		"a list": {500, "application/json", `[{"error":"m"}]`, failure{status: 500,
			text: request + "500 Internal Server Error: the answer is not a JSON object"}},
		"null": {500, "application/json", `null`, failure{status: 500,
			text: request + "500 Internal Server Error: the answer is not a JSON object"}},
		"null fields": {401, "application/json", `{"error":null,"error_code":null,"link":null}`, failure{status: 401,
			text: request + "401 Unauthorized"}},
		"a null link": {401, "application/json", `{"error":"unauthorized","error_code":"AuthError","link":null}`, failure{401,
			"AuthError", "unauthorized", "", request + "401 Unauthorized: AuthError: unauthorized"}},
		"a link that runs": {400, "application/json", `{"error":"m","link":"javascript:alert(1)"}`, failure{400, "", "m", "",
			request + "400 Bad Request: m"}},
		"other types": {400, "application/json", `{"error":["m"],"error_code":7,"link":{}}`, failure{status: 400,
			text: request + "400 Bad Request"}},
		"a text of many lines": {400, "application/json", `{"error":"a\r\nlevel=ERROR \u001b[2Jb\u0000"}`, failure{400, "",
			"a level=ERROR [2Jb", "", request + "400 Bad Request: a level=ERROR [2Jb"}},
		"an unknown status": {520, "text/html", `<html>`, failure{status: 520,
			text: request + "520: the answer is text/html, not JSON"}},
		"a success with an error": {200, "application/json", whole, failure{200, "APIKeyNotFound", "API key not found", logLink,
			request + "200 OK: APIKeyNotFound: API key not found"}},
		"a success with a code only": {200, "application/json", `{"error_code":"AuthError"}`, failure{200, "AuthError", "", "",
			request + "200 OK: AuthError"}},
		"a success without a body": {200, "", ``, failure{status: 200,
			text: request + "200 OK: the answer is empty"}},
		"a success of markup": {200, "text/html", `<html>`, failure{status: 200,
			text: request + "200 OK: the answer does not decode: invalid character '<' looking for beginning of value"}},
		"a success cut short": {200, "application/json", `{"_id":"65f1`, failure{status: 200,
			text: request + "200 OK: the answer does not decode: unexpected end of JSON input"}},
		"a success without fields": {200, "application/json", `{}`, failure{status: 200,
			text: request + "200 OK: the answer is incomplete: _id is missing or not 24 hexadecimal digits"}},
		"no content where some is due": {204, "", ``, failure{status: 204,
			text: request + "204 No Content: the answer is empty"}},
		"not modified": {304, "", ``, failure{status: 304, text: request + "304 Not Modified"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on("POST "+sessionCall, http.StatusUnauthorized, "")
			f.handle("GET "+keysPath+"/"+keyID, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{tc.contentType}
				if tc.contentType == "" {
					w.Header()["Content-Type"] = nil // or net/http would guess
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			key, err := f.session(t).APIKeys().Fetch(t.Context(), keyID)
			if key != (client.APIKey{}) {
				t.Errorf("there is a key beside the error: %+v", key)
			}
			tc.want.check(t, err)
		})
	}
}

// endless answers with head and then filler until the client has had enough.
func endless(status int, head string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, head)
		filler := strings.Repeat("x", 1<<16)
		for range 160 {
			if _, err := io.WriteString(w, filler); err != nil {
				return
			}
		}
	}
}

func TestAnAnswerOfTenMegabytesIsReadToTheFirst(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		head   string
		want   client.Error
	}{
		"in an error, at the end": {404, `{"error":"API key not found","error_code":"APIKeyNotFound","more":"`,
			client.Error{Status: 404, Code: "APIKeyNotFound", Message: "API key not found"}},
		"in an error, at the start": {404, `{"error":"`, client.Error{Status: 404}},
		"in a page":                 {502, `<html>`, client.Error{Status: 502}},
		"in a success":              {200, `{"_id":"`, client.Error{Status: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.handle("GET "+keysPath+"/"+keyID, endless(tc.status, tc.head))
			_, err := f.session(t).APIKeys().Fetch(t.Context(), keyID)
			var e *client.Error
			if !errors.As(err, &e) || e.Status != tc.want.Status || e.Code != tc.want.Code || e.Message != tc.want.Message {
				t.Errorf("got %v, want %+v", err, tc.want)
			}
			if !strings.Contains(err.Error(), "longer than 1048576 bytes") {
				t.Errorf("error %q does not say why the rest is missing", err)
			}
		})
	}
}

func TestAMessageIsCutToTwoHundredCharacters(t *testing.T) {
	f := startFake(t)
	long := strings.Repeat("ä", 5000)
	f.on("GET "+keysPath+"/"+keyID, 400, fmt.Sprintf(`{"error":%q,"error_code":%q,"link":"https://x/%s"}`, long, long, long))
	_, err := f.session(t).APIKeys().Fetch(t.Context(), keyID)
	var e *client.Error
	if !errors.As(err, &e) || utf8.RuneCountInString(e.Message) != 201 || !strings.HasSuffix(e.Message, "ä…") {
		t.Errorf("the message is %q", e.Message)
	}
	if e.Link != "" || utf8.RuneCountInString(e.Error()) > 400 {
		t.Errorf("link %q, text %q", e.Link, e.Error())
	}
}

func TestNoErrorRepeatsASecretThatTheServerEchoes(t *testing.T) {
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			all := r.Header.Get("Authorization") + " " + value
			_, _ = fmt.Fprintf(w, `{"error":"you sent %s","error_code":"%s","link":"https://x/?%s"}`, all, all, all)
		}
	}
	babble := func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = fmt.Fprintf(c, "%s %s?\r\n\r\n", r.Header.Get("Authorization"), value)
		_ = c.Close()
	}
	for name, h := range map[string]http.HandlerFunc{"refused": echo(400), "accepted": echo(200), "not even HTTP": babble} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			for _, call := range []string{
				"POST " + appRoot + "/auth/providers/local-userpass/register",
				"POST " + appRoot + "/auth/providers/local-userpass/login",
				"POST " + appRoot + "/auth/providers/api-key/login",
				"DELETE " + apiRoot + "/auth/session",
			} {
				f.handle(call, h)
			}
			c := f.client(t)
			_, byPassword := c.Login(t.Context(), client.EmailPassword("ada@example.com", value))
			_, byKey := c.Login(t.Context(), client.UserAPIKey(value))
			for _, err := range []error{
				c.Register(t.Context(), "ada@example.com", value),
				byPassword, byKey,
				c.Resume(userID, value).Logout(t.Context()),
			} {
				if err == nil {
					t.Fatal("no error")
				}
				for e := err; e != nil; e = errors.Unwrap(e) {
					if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, value) {
						t.Errorf("the error repeats the secret: %s", text)
					}
				}
			}
		})
	}
}

func TestHelpersTellKindsApart(t *testing.T) {
	helpers := map[string]func(error) bool{
		"IsNotFound": client.IsNotFound, "IsUnauthorized": client.IsUnauthorized, "IsForbidden": client.IsForbidden,
		"IsNameInUse": client.IsNameInUse, "IsInvalidName": client.IsInvalidName, "IsKeyLimit": client.IsKeyLimit,
		"IsAccountInUse": client.IsAccountInUse, "NeverSent": client.NeverSent,
	}
	for name, tc := range map[string]struct {
		err  error
		want string // the helper that says yes, if any
	}{
		"no error":               {nil, ""},
		"another error":          {io.EOF, ""},
		"no answer":              {&client.Error{Op: "create key", Err: io.EOF}, ""},
		"404":                    {&client.Error{Op: "fetch key", Status: 404}, "IsNotFound"},
		"404 to a list":          {&client.Error{Op: "list keys", Status: 404}, ""},
		"404 to a create":        {&client.Error{Op: "create key", Status: 404}, ""},
		"401":                    {&client.Error{Op: "sign in", Status: 401, Code: "InvalidPassword"}, "IsUnauthorized"},
		"403":                    {&client.Error{Op: "list keys", Status: 403}, "IsForbidden"},
		"name taken":             {&client.Error{Op: "create key", Status: 409, Code: "APIKeyAlreadyExists"}, "IsNameInUse"},
		"name taken, no code":    {&client.Error{Op: "create key", Status: 409}, "IsNameInUse"},
		"bad name":               {&client.Error{Op: "create key", Status: 400, Code: "InvalidParameter"}, "IsInvalidName"},
		"no name":                {&client.Error{Op: "create key", Status: 400, Message: "'name' is a required string"}, "IsInvalidName"},
		"missing name":           {&client.Error{Op: "create key", Status: 400, Code: "MissingParameter"}, "IsInvalidName"},
		"a proxy's 400":          {&client.Error{Op: "create key", Status: 400}, ""},
		"limit":                  {&client.Error{Op: "create key", Status: 400, Code: "BadRequest"}, "IsKeyLimit"},
		"bad password":           {&client.Error{Op: "register", Status: 400, Code: "BadRequest"}, ""},
		"account taken":          {&client.Error{Op: "register", Status: 409, Code: "AccountNameInUse"}, "IsAccountInUse"},
		"account taken, no code": {&client.Error{Op: "register", Status: 409}, "IsAccountInUse"},
		"account taken, 400":     {&client.Error{Op: "register", Status: 400, Code: "AccountNameInUse"}, "IsAccountInUse"},
		"a broken rule":          {client.ValidName(""), "IsInvalidName"},
	} {
		t.Run(name, func(t *testing.T) {
			wrapped := tc.err
			if wrapped != nil {
				wrapped = fmt.Errorf("doing: %w", wrapped)
			}
			for helper, is := range helpers {
				if got := is(tc.err); got != (helper == tc.want) || is(wrapped) != got {
					t.Errorf("%s says %v, and %v when wrapped", helper, got, is(wrapped))
				}
			}
		})
	}
}

func TestLogIDIsTheReferenceInTheLink(t *testing.T) {
	for link, want := range map[string]string{
		logLink:                     "65f1c0de0123456789abcdef",
		"https://keys.example.com/": "",
		"":                          "",
		"%":                         "",
	} {
		if got := (&client.Error{Link: link}).LogID(); got != want {
			t.Errorf("of %q it is %q, want %q", link, got, want)
		}
	}
}

func TestErrorUnwrapsToItsCause(t *testing.T) {
	err := fmt.Errorf("doing: %w", &client.Error{Op: "create key", Err: &net.OpError{Op: "read", Err: io.ErrClosedPipe}})
	var op *net.OpError
	if !errors.Is(err, io.ErrClosedPipe) || !errors.As(err, &op) {
		t.Errorf("%v does not unwrap", err)
	}
	if want := "doing: create key: no answer: read: io: read/write on closed pipe"; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
}
