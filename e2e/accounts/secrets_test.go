package accounts

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// secrets are texts by name that must turn up nowhere.
type secrets map[string]string

// found names the secrets that are in a text: as they are, escaped, in hexadecimal, or in base64.
func (s secrets) found(in []byte) []string {
	var names []string
	for name, secret := range s {
		if slices.ContainsFunc(spellings(secret), func(spelling []byte) bool { return bytes.Contains(in, spelling) }) {
			names = append(names, name)
		}
	}
	return names
}

// spellings are the ways in which a program may write a text down. Base64 has three, by where in a longer text it stands;
// their ends depend on what is beside it and are left off.
func spellings(secret string) [][]byte {
	all := [][]byte{
		[]byte(secret), []byte(url.QueryEscape(secret)), []byte(html.EscapeString(secret)), bytes.Trim(fmt.Appendf(nil, "%q", secret), `"`),
		[]byte(hex.EncodeToString([]byte(secret))), []byte(strings.ToUpper(hex.EncodeToString([]byte(secret)))),
	}
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString(padded)
			all = append(all, []byte(text[4:len(text)-4]))
		}
	}
	return all
}

// recorder sends requests as a browser or a device would, and keeps what pages answer.
type recorder struct {
	t    *testing.T
	p    *story.Program
	seen bytes.Buffer
}

// page sends a form or asks for a page, whole or as a part, and keeps the answer.
func (r *recorder) page(method, path string, form url.Values, header http.Header) story.Answer {
	r.t.Helper()
	got := r.p.SendForm(r.t, method, path, form, header)
	fmt.Fprintln(&r.seen, method, path, got.Header, got.Body)
	return got
}

// call sends JSON to the client API and decodes the answer. Answers of the API are for their callers: they are not kept.
func (r *recorder) call(method, path, token string, in any) map[string]any {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	got := r.p.SendBody(r.t, method, "/api/client/v2.0"+path, string(body), "application/json", header)
	var out map[string]any
	_ = json.Unmarshal([]byte(got.Body), &out) // some are empty, some are lists
	return out
}

const markedPassword = "marked Pässword/+&=%7f3a9c51"

func TestNoSecretIsWrittenDownAnywhere(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	dir := t.TempDir()
	program := story.StartProgram(t, func(cfg *config.Config) {
		cfg.Data, cfg.LogTo, cfg.Log, cfg.LogLevel, cfg.Anonymous, cfg.Adoption = dir, &log, "json", "debug", "on", "owners"
	})
	r := &recorder{t: t, p: program}
	known := secrets{"password": markedPassword, "wrong password": "another marked Pässword/+&=%"}

	cookies := r.signsUp(known)
	values := r.usesEveryPage(known, cookies)
	values = append(values, r.pairs(known, cookies))
	values = append(values, r.adopts(known, cookies)...)
	r.usesEveryCall(known, values)
	r.signsOut(cookies)

	if names := known.found(r.seen.Bytes()); names != nil {
		t.Errorf("pages and their headers have: %v", names)
	}
	if names := known.found([]byte(log.String())); names != nil {
		t.Errorf("the log has: %v", names)
	}
	if strings.Contains(log.String(), "bea@example.com") {
		t.Error("the log has an e-mail address")
	}
	if token := regexp.MustCompile(`eyJ[\w-]+\.[\w-]+`).Find(append(r.seen.Bytes(), log.String()...)); token != nil {
		t.Errorf("a page or the log has a token: %s", token)
	}
	if !strings.Contains(log.String(), `"level":"DEBUG"`) && !strings.Contains(log.String(), `"status":401`) {
		t.Error("the log has nothing of what was done")
	}
	searchFiles(t, dir, known, values)
}

// signsUp gives the cookie header of a person who has just registered.
func (r *recorder) signsUp(known secrets) http.Header {
	r.t.Helper()
	r.page("POST", "/register", url.Values{"email": {"ana@example.com"}, "password": {"another marked Pässword/+&=%"}, "next": {"/keys"}}, nil)
	r.page("POST", "/register", url.Values{"email": {"not an address"}, "password": {markedPassword}}, nil)
	r.page("POST", "/register", url.Values{"email": {"bea@example.com"}, "password": {markedPassword}}, nil)
	r.page("POST", "/login", url.Values{"email": {"bea@example.com"}, "password": {"another marked Pässword/+&=%"}}, nil)
	// The answer that sets the cookie is the one place for it.
	in := r.p.SendForm(r.t, "POST", "/login", url.Values{"email": {"bea@example.com"}, "password": {markedPassword}}, nil)
	cookie, err := http.ParseSetCookie(in.Header.Get("Set-Cookie"))
	if err != nil {
		r.t.Fatal(err)
	}
	id, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		r.t.Fatal(err)
	}
	known["cookie"], known["cookie, decoded"] = cookie.Value, string(id)
	return story.With(cookie)
}

var (
	formID   = regexp.MustCompile(`name="form_id" value="([^"]+)"`)
	keyValue = regexp.MustCompile(`<output id="value"[^>]*>([A-Za-z0-9]{64})<`)
	keyLink  = regexp.MustCompile(`href="(/keys/[0-9a-f]{24})"`)
)

// usesEveryPage makes two keys, one with script and one without, and then shows every page there is. It gives the values,
// which are in the two answers that made the keys and are to be in no other.
func (r *recorder) usesEveryPage(known secrets, cookies http.Header) []string {
	r.t.Helper()
	htmx := cookies.Clone()
	htmx.Set("HX-Request", "true")
	var values, links []string
	for name, header := range map[string]http.Header{"whole": cookies, "part": htmx} {
		list := r.page("GET", "/keys/new", nil, cookies).Body
		form := url.Values{"name": {name}, "form_id": {formID.FindStringSubmatch(list)[1]}}
		created := r.p.SendForm(r.t, "POST", "/keys", form, header)
		value := keyValue.FindStringSubmatch(created.Body)
		if value == nil || strings.Count(fmt.Sprint(created), value[1]) != 1 {
			r.t.Fatalf("the value is not once in the answer that made the key:\n%s", created.Body)
		}
		values = append(values, value[1])
		known["value of "+name] = value[1]
		links = append(links, keyLink.FindStringSubmatch(created.Body)[1])
		r.page("POST", "/keys", form, header) // once more: already created
		// A value in the wrong field is a slip that happens.
		r.page("POST", "/login", url.Values{"email": {"bea@example.com"}, "password": {value[1]}}, nil)
	}
	for _, header := range []http.Header{cookies, htmx} {
		for _, path := range []string{"/", "/keys", "/keys?q=part", "/login", "/register", "/logs", "/no-such-page", "/healthz"} {
			r.page("GET", path, nil, header)
		}
		for _, link := range links {
			for _, place := range []string{"row", "page"} {
				form := url.Values{"place": {place}, "name": {"whole"}}
				r.page("GET", link, nil, header)
				r.page("GET", link+"/delete?place="+place, nil, header)
				r.page("POST", link+"/turn-off", form, header)
				r.page("POST", link+"/turn-on", form, header)
			}
		}
		r.page("POST", "/keys", url.Values{"name": {"not a name"}, "form_id": {strings.Repeat("A", 22)}}, header)
		r.page("POST", "/keys", url.Values{"name": {"whole"}, "form_id": {strings.Repeat("B", 22)}}, header)
		r.page("POST", "/theme", url.Values{"theme": {"dark"}}, header)
	}
	return values
}

// pairs connects a device, with what goes wrong on the way, and gives the value of its key. That is in the answers to the
// device alone: the one to the device's first poll after the approval, and a minute long in no other.
func (r *recorder) pairs(known secrets, cookies http.Header) string {
	r.t.Helper()
	denied, approved := r.p.Grant(r.t, "denied"), r.p.Grant(r.t, "porch-cam")
	known["device code, denied"], known["device code"] = denied.DeviceCode, approved.DeviceCode
	r.page("GET", "/device?user_code="+approved.UserCode, nil, cookies)
	r.page("POST", "/device", url.Values{"code": {approved.DeviceCode}}, cookies) // the code in the wrong field
	r.page("POST", "/device", url.Values{"code": {"BBBB-BBBB"}}, cookies)
	for _, g := range []story.Grant{denied, approved} {
		at := r.page("POST", "/device", url.Values{"code": {g.UserCode}}, cookies).Header.Get("Location")
		r.page("GET", at, nil, cookies)
		if g == denied {
			r.page("POST", at+"/deny", nil, cookies)
			continue
		}
		r.page("POST", at+"/approve", url.Values{"name": {"not a name"}}, cookies)
		r.page("POST", at+"/approve", url.Values{"name": {"porch-cam"}}, cookies)
		r.page("GET", at, nil, cookies)
		r.page("POST", at+"/approve", url.Values{"name": {"porch-cam"}}, cookies)
	}
	wrong := approved
	wrong.DeviceCode = strings.Repeat("A", len(approved.DeviceCode))
	for _, g := range []story.Grant{denied, wrong} {
		if got, _ := r.p.Poll(r.t.Context(), g); got.AccessToken != "" {
			r.t.Error("a device that was not approved got a key")
		}
	}
	got, _ := r.p.Poll(r.t.Context(), approved)
	if got.AccessToken == "" {
		r.t.Fatalf("no key: %s", got.Error)
	}
	known["value of a paired key"] = got.AccessToken
	if again, _ := r.p.Poll(r.t.Context(), approved); again.AccessToken != "" {
		r.t.Error("a second poll at once got it too")
	}
	r.page("POST", "/keys/which", url.Values{"value": {got.AccessToken}}, cookies)
	return got.AccessToken
}

// adopts takes over values that devices have, by the page, by the call and from a file, with what goes wrong on the way. It gives those that
// were adopted.
func (r *recorder) adopts(known secrets, cookies http.Header) []string {
	r.t.Helper()
	pasted, called, filed, never := testkit.OldValue(), testkit.OldValue(), testkit.OldValue(), testkit.OldValue()
	known["pasted value"], known["value of a call"], known["value in a file"], known["value that was refused"] = pasted, called, filed, never[1:]
	form := func(name, value string) url.Values { return url.Values{"name": {name}, "key": {value}} }
	r.page("GET", "/keys/adopt", nil, cookies)
	for _, wrong := range []url.Values{
		form("adopted", never[1:]), form(never, never), form("not a name", never), form("whole", never), form("adopted", "API_KEY="+pasted), form("again", pasted),
	} {
		r.page("POST", "/keys/adopt", wrong, cookies)
	}
	r.page("GET", "/keys", nil, cookies)
	r.page("GET", "/activity", nil, cookies)
	r.page("GET", "/keys/adopt?key="+never[1:10], nil, cookies)

	person := r.call("POST", "/app/latchkey-local/auth/providers/local-userpass/login", "", map[string]string{"username": "bea@example.com", "password": markedPassword})
	token := http.Header{"Authorization": {"Bearer " + fmt.Sprint(person["refresh_token"])}}
	for _, value := range []string{never[1:], called, called, pasted} {
		body, err := json.Marshal(map[string]string{"name": "by-call", "key": value})
		if err != nil {
			r.t.Fatal(err)
		}
		got := r.p.SendBody(r.t, "POST", "/api/latchkey/v1/adopted_keys", string(body), "application/json", token)
		fmt.Fprintln(&r.seen, got.Header, got.Body)
	}
	file := filepath.Join(r.t.TempDir(), "values.csv")
	testkit.WriteFile(r.t, file, "user,name,value\nbea@example.com,by-file,"+filed+"\nbea@example.com,short,"+never[1:]+"\n"+never[1:]+",swapped,bea\n", 0o600)
	fmt.Fprintln(&r.seen, r.p.Orders(r.t, "adopt-keys", file, "--skip-bad"), r.p.Orders(r.t, "key", "list", "bea@example.com", "--json"))
	return []string{pasted, called, filed}
}

// usesEveryCall does what devices do, and what goes wrong for them.
func (r *recorder) usesEveryCall(known secrets, values []string) {
	r.t.Helper()
	providers := "/app/latchkey-local/auth/providers/"
	keep := func(who string, answer map[string]any) string {
		for _, kind := range []string{"access_token", "refresh_token"} {
			token, ok := answer[kind].(string)
			if !ok {
				r.t.Fatalf("%s: no %s in %v", who, kind, answer)
			}
			known[who+"'s "+kind] = token
		}
		return known[who+"'s refresh_token"]
	}
	bea := map[string]string{"username": "bea@example.com", "password": markedPassword}
	person := keep("person", r.call("POST", providers+"local-userpass/login", "", bea))
	device := keep("device", r.call("POST", providers+"api-key/login", "", map[string]string{"key": values[0]}))
	keep("nobody", r.call("POST", providers+"anon-user/login", "", map[string]string{}))
	r.call("POST", providers+"local-userpass/register", "", map[string]string{"email": "bea@example.com", "password": markedPassword})
	r.call("POST", providers+"local-userpass/login", "", map[string]string{"username": "bea@example.com", "password": "another marked Pässword/+&=%"})
	r.call("POST", providers+"api-key/login", "", map[string]string{"key": values[0] + "x"})
	r.call("POST", providers+"no-such-provider/login", "", bea)
	made := r.call("POST", "/auth/api_keys", person, map[string]string{"name": "by-a-device"})
	known["value by a device"] = made["key"].(string)
	id := made["_id"].(string)
	for _, token := range []string{person, device, known["person's access_token"], person[:len(person)-3], ""} {
		r.call("GET", "/auth/api_keys", token, nil)
		r.call("GET", "/auth/api_keys/"+id, token, nil)
		r.call("GET", "/auth/profile", token, nil)
		r.call("PUT", "/auth/api_keys/"+id+"/disable", token, nil)
		r.call("POST", "/auth/session", token, nil)
	}
	r.call("GET", "/auth/api_keys/"+values[0], person, nil) // the value where an id belongs
	r.call("DELETE", "/auth/session", device, nil)
}

func (r *recorder) signsOut(cookies http.Header) {
	r.t.Helper()
	r.page("POST", "/logout", nil, cookies)
	r.page("GET", "/keys", nil, cookies)
}

// searchFiles looks through the database, its log and whatever else is in the directory. The values' fingerprints are there.
func searchFiles(t *testing.T, dir string, known secrets, values []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		if strings.HasSuffix(file, ".sock") { // there is nothing in it
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if names := known.found(content); names != nil {
			t.Errorf("%s has: %v", filepath.Base(file), names)
		}
		all = append(all, content...)
	}
	if !bytes.Contains(all, []byte("bea@example.com")) {
		t.Errorf("the search is blind: it finds no e-mail address in %v", files)
	}
	for _, value := range values {
		if sum := sha256.Sum256([]byte(value)); !bytes.Contains(all, sum[:]) {
			t.Error("the fingerprint of a value is not there")
		}
	}
}
