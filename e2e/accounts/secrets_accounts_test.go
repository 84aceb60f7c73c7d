package accounts

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// newPassword and resetPassword are what markedPassword becomes, typoPassword what is typed in its place.
const (
	newPassword   = "second Pässword/+&=%7f4b0d62"
	resetPassword = "third Pässword/+&=%7f5c1e73"
	typoPassword  = "mistyped Pässword/+&=%7f6d2f84"
)

// The links of mails, the changes of a password, the question for it, what the operator does, and all that can be taken away.
func TestNoSecretOfAnAccountIsWrittenDownAnywhere(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	dir, admin := t.TempDir(), story.FreeAddress(t)
	program, box := story.StartWithMail(t, func(cfg *config.Config) {
		cfg.Data, cfg.LogTo, cfg.Log, cfg.LogLevel, cfg.AdminAddr, cfg.StepUp = dir, &log, "json", "debug", admin, time.Minute
	})
	r := &recorder{t: t, p: program}
	known := secrets{"first password": markedPassword, "new password": newPassword, "password after a reset": resetPassword, "mistyped password": typoPassword}

	r.confirms(known, box)
	r.resets(known, box)
	cookies := r.entersWith(known, "cookie", resetPassword)
	values := []string{r.provesPresence(known, cookies, box)}
	cookies = r.changesPassword(known, cookies)
	r.takesEverythingAway(cookies)
	r.operates(known, dir)
	r.looksAtMetrics(admin)

	if names := known.found(r.seen.Bytes()); names != nil {
		t.Errorf("pages, exports and metrics have: %v", names)
	}
	if !bytes.Contains(r.seen.Bytes(), []byte("bea@example.com")) || !strings.Contains(log.String(), `"route":"/account/password"`) {
		t.Error("the search is blind: neither the pages nor the log have what was done")
	}
	if names := known.found([]byte(log.String())); names != nil {
		t.Errorf("the log has: %v", names)
	}
	if strings.Contains(log.String(), "bea@example.com") {
		t.Error("the log has an e-mail address")
	}
	searchFiles(t, dir, known, values)
}

// keepToken makes a secret of the token in a link, and gives the form that the page behind it sends.
func (s secrets) keepToken(t *testing.T, what, link string) (path string, form url.Values) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("no token for the %s", what)
	}
	s[what] = u.Query().Get("token")
	return u.Path, u.Query()
}

// confirms makes an account. The page behind the link has the token in its form, and is the one that may.
func (r *recorder) confirms(known secrets, box *story.Mailbox) {
	r.t.Helper()
	r.page("POST", "/register", url.Values{"email": {"bea@example.com"}, "password": {markedPassword}}, nil)
	link := box.About(r.t, "bea@example.com", "Confirm your email address").Link(r.t)
	path, form := known.keepToken(r.t, "token that confirms", link)
	r.p.SendForm(r.t, "GET", link, nil, nil)
	r.page("POST", "/login", url.Values{"email": {"bea@example.com"}, "password": {markedPassword}}, nil) // too early
	form.Set("password", typoPassword)
	r.p.SendForm(r.t, "POST", path, form, nil) // its form, which comes again, has the token
	form.Set("password", markedPassword)
	r.keepCookie(known, "cookie of who confirmed", r.p.SendForm(r.t, "POST", path, form, nil))
	r.p.SendForm(r.t, "POST", path, form, nil) // once more
	r.page("GET", "/login", nil, nil)
}

func (r *recorder) resets(known secrets, box *story.Mailbox) {
	r.t.Helper()
	box.Clock.Advance(2 * time.Minute)
	r.page("POST", "/forgot", url.Values{"email": {"nobody@example.com"}}, nil)
	r.page("POST", "/forgot", url.Values{"email": {"bea@example.com"}}, nil)
	link := box.Next(r.t).Link(r.t)
	path, form := known.keepToken(r.t, "token that resets", link)
	r.p.SendForm(r.t, "GET", link, nil, nil)
	form.Set("password", resetPassword)
	r.page("POST", path, form, nil)
	form.Set("password", typoPassword)
	r.p.SendForm(r.t, "POST", path, form, nil) // used up
	box.Next(r.t)                              // that it was done
}

// entersWith signs in. The answer that sets the cookie is the one place for it.
func (r *recorder) entersWith(known secrets, what, password string) http.Header {
	r.t.Helper()
	r.page("POST", "/login", url.Values{"email": {"bea@example.com"}, "password": {typoPassword}}, nil)
	return r.keepCookie(known, what, r.p.SendForm(r.t, "POST", "/login", url.Values{"email": {"bea@example.com"}, "password": {password}}, nil))
}

// keepCookie makes secrets of the cookies that an answer sets, and gives the session's to be sent.
func (r *recorder) keepCookie(known secrets, what string, from story.Answer) http.Header {
	r.t.Helper()
	var session *http.Cookie
	for _, cookie := range from.Cookies {
		if story.IsSession(cookie) {
			session = cookie
			known[what] = cookie.Value
			if id, err := base64.RawURLEncoding.DecodeString(cookie.Value); err == nil {
				known[what+", decoded"] = string(id)
			}
		}
	}
	if session == nil {
		r.t.Fatalf("%s: %s and no cookie", what, from.Status)
	}
	return story.With(session)
}

// provesPresence makes a key when the password is asked for again, and gives its value.
func (r *recorder) provesPresence(known secrets, cookies http.Header, box *story.Mailbox) string {
	r.t.Helper()
	form := url.Values{"name": {"porch-cam"}, "form_id": {formID.FindStringSubmatch(r.page("GET", "/keys", nil, cookies).Body)[1]}}
	box.Clock.Advance(2 * time.Minute)
	if got := r.page("POST", "/keys", form, cookies); got.StatusCode != http.StatusForbidden {
		r.t.Errorf("the password is not asked for: %s", got.Status)
	}
	form.Set("password", typoPassword)
	r.page("POST", "/keys", form, cookies)
	form.Set("password", resetPassword)
	made := r.p.SendForm(r.t, "POST", "/keys", form, cookies)
	value := keyValue.FindStringSubmatch(made.Body)
	if value == nil {
		r.t.Fatalf("no value: %s", made.Status)
	}
	known["value"] = value[1]
	if names := (secrets{"password": resetPassword, "cookie": known["cookie"]}).found([]byte(made.Body)); names != nil {
		r.t.Errorf("the page with the value has: %v", names)
	}
	box.Next(r.t) // that a key was made
	return value[1]
}

func (r *recorder) changesPassword(known secrets, cookies http.Header) http.Header {
	r.t.Helper()
	for _, form := range []url.Values{
		{"current": {typoPassword}, "new": {newPassword}}, {"current": {resetPassword}, "new": {"short"}}, {"current": {typoPassword}, "new": {strings.Repeat("x", 300)}},
	} {
		r.page("POST", "/account/password", form, cookies)
	}
	r.p.SendForm(r.t, "POST", "/account/password", url.Values{"current": {resetPassword}, "new": {newPassword}}, cookies)
	return r.entersWith(known, "cookie after the change", newPassword)
}

// takesEverythingAway looks at what is known of the account, and exports it.
func (r *recorder) takesEverythingAway(cookies http.Header) {
	r.t.Helper()
	for _, path := range []string{"/keys", "/account", "/account/delete", "/activity", "/activity.csv", "/activity.json", "/sessions", "/forgot", "/reset", "/confirm"} {
		if got := r.page("GET", path, nil, cookies); got.StatusCode != http.StatusOK {
			r.t.Errorf("%s: %s", path, got.Status)
		}
	}
	r.page("POST", "/account/delete", url.Values{"password": {typoPassword}}, cookies)
	r.page("POST", "/sessions/end-others", nil, cookies)
}

// operates gives the commands of an operator, through the socket in the data directory.
func (r *recorder) operates(known secrets, dir string) {
	r.t.Helper()
	command := func(path string, in map[string]any) (link string) {
		answer, link := commands(r.t, dir, path, in)
		if link == "" {
			r.seen.Write(answer)
		}
		return link
	}
	known["password given by the operator"] = "fourth Pässword/+&=%7f7e3095"
	command("/users/add", map[string]any{"email": "cleo@example.com", "password": known["password given by the operator"]})
	command("/users/list", map[string]any{})
	known.keepToken(r.t, "operator's link", command("/users/reset-password", map[string]any{"user": "cleo@example.com"}))
	command("/backup", map[string]any{"path": filepath.Join(dir, "backup.db")})
}

// commands gives a command of an operator, through the socket in the data directory, and what it answers, with the link that is in there.
func commands(t *testing.T, dir, path string, in map[string]any) (answer []byte, link string) {
	t.Helper()
	var dialer net.Dialer
	socket := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", filepath.Join(dir, "operator.sock"))
		},
	}}
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://operator"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := socket.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	answer, err = io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s: %s, %v", path, res.Status, err)
	}
	var out struct{ Link string }
	_ = json.Unmarshal(answer, &out)
	return answer, out.Link
}

// looksAtMetrics keeps what operators and their programs read.
func (r *recorder) looksAtMetrics(admin string) {
	r.t.Helper()
	for _, path := range []string{"/metrics", "/readyz", "/debug/pprof/goroutine?debug=2"} {
		req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+admin+path, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		res, err := r.p.HTTP.Do(req)
		if err != nil {
			r.t.Fatal(err)
		}
		_, err = r.seen.ReadFrom(res.Body)
		if _ = res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
			r.t.Errorf("%s: %s, %v", path, res.Status, err)
		}
	}
}
