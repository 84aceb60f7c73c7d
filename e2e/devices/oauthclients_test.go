package devices

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cliapi "github.com/cli/oauth/api"
	ghdevice "github.com/cli/oauth/device"
	"golang.org/x/oauth2"

	"latchkey/client"
	"latchkey/e2e/story"
)

// library is an OAuth library in a device's program, used as its documentation says. It tells heard the code that it shows,
// and then what the server says to each poll: an error, or "" with the key.
type library func(ctx context.Context, base string, heard func(string)) (outcome, error)

// outcome is what a library gives its caller in the end: the fields of the token, or the server's error.
type outcome struct {
	token   map[string]string
	refusal string
}

func libraries() map[string]library {
	return map[string]library{
		"x-oauth2": withXOAuth2, "cli-oauth": withCLIOAuth,
		"openid-client": inNode("openid-client"), "oauth4webapi": inNode("oauth4webapi"),
	}
}

// The libraries give up by themselves when the code has expired. This is well after, so that the server says it.
const later = 30 * time.Second

func withXOAuth2(ctx context.Context, base string, heard func(string)) (outcome, error) {
	config := oauth2.Config{
		ClientID: "latchkey-local",
		Endpoint: oauth2.Endpoint{DeviceAuthURL: base + "/oauth/device_authorization", TokenURL: base + "/oauth/token"},
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, listening(heard))
	code, err := config.DeviceAuth(ctx, oauth2.SetAuthURLParam("device_name", "x-oauth2"))
	if err != nil {
		return outcome{}, err
	}
	heard(code.UserCode)
	code.Expiry = time.Now().Add(later)
	token, err := config.DeviceAccessToken(ctx, code)
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return outcome{refusal: refused.ErrorCode}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	o := outcome{token: map[string]string{"access_token": token.AccessToken, "token_type": token.Type()}}
	for _, field := range []string{"key_id", "key_name", "app_id", "base_url", "user_id"} {
		o.token[field], _ = token.Extra(field).(string)
	}
	if !token.Valid() || token.RefreshToken != "" {
		return o, errors.New("the token is one that expires or is renewed")
	}
	return o, nil
}

func withCLIOAuth(ctx context.Context, base string, heard func(string)) (outcome, error) {
	c := listening(heard)
	code, err := ghdevice.RequestCode(c, base+"/oauth/device_authorization", "latchkey-local", nil)
	if err != nil {
		return outcome{}, err
	}
	heard(code.UserCode)
	code.ExpiresIn = int(later.Seconds())
	token, err := ghdevice.Wait(ctx, c, base+"/oauth/token", ghdevice.WaitOptions{ClientID: "latchkey-local", DeviceCode: code})
	var refused *cliapi.Error
	if errors.As(err, &refused) {
		return outcome{refusal: refused.Code}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	return outcome{token: map[string]string{"access_token": token.Token, "token_type": token.Type}}, nil
}

// inNode runs a library of npm.
func inNode(name string) library {
	return func(ctx context.Context, base string, heard func(string)) (o outcome, err error) {
		cmd := exec.CommandContext(ctx, "node", "oauthclients.mjs", name, base)
		cmd.Dir = story.Path("e2e")
		var complaints strings.Builder
		cmd.Stderr = &complaints
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return o, err
		}
		if err := cmd.Start(); err != nil {
			return o, err
		}
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var event struct {
				Code    string            `json:"code"`
				Answer  *string           `json:"answer"`
				Token   map[string]string `json:"token"`
				Refusal string            `json:"refusal"`
			}
			if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
				return o, errors.Join(err, cmd.Wait())
			}
			switch {
			case event.Code != "":
				heard(event.Code)
			case event.Answer != nil:
				heard(*event.Answer)
			default:
				o = outcome{event.Token, event.Refusal}
			}
		}
		if err := cmd.Wait(); err != nil {
			return o, fmt.Errorf("%w\n%s", err, complaints.String())
		}
		return o, nil
	}
}

// listening is an HTTP client that tells what the server says to each poll.
func listening(heard func(string)) *http.Client { return &http.Client{Transport: listener(heard)} }

type listener func(string)

func (heard listener) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || req.URL.Path != "/oauth/token" {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	var said struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	heard(said.Error)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// run is a library at work, until it has an outcome. The person decides two seconds after the first answer: by then a
// library that asks twice in a row has done so.
func (l library) run(ctx context.Context, base string, decide func(code string) error) (o outcome, heard []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, later)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	code := ""
	o, err = l(ctx, base, func(said string) {
		switch {
		case code == "":
			code = said
			return
		case decide != nil && len(heard) == 0 && said == "authorization_pending":
			time.AfterFunc(2*time.Second, func() {
				if err := decide(code); err != nil {
					fail(err)
				}
			})
		}
		heard = append(heard, said)
	})
	return o, heard, errors.Join(err, context.Cause(ctx))
}

// All wait at the same time, as each of them waits five seconds or more between polls.
func TestOAuthLibrariesPairAsTheyAre(t *testing.T) {
	t.Parallel()
	s := startDeviceStories(t)

	var all sync.WaitGroup
	for name, library := range libraries() {
		story := func(p *story.Program, decide func(code string) error, check func(o outcome, heard []string)) {
			all.Go(func() {
				o, heard, err := library.run(t.Context(), p.URL, decide)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if slices.Contains(heard, "slow_down") {
					t.Errorf("%s is told to slow down: %q", name, heard)
				}
				check(o, heard)
			})
		}
		story(s.Program, s.approves(t.Context(), name), func(o outcome, heard []string) {
			want := []string{"authorization_pending", ""}
			if name == "x-oauth2" { // asks twice in a row, and stops asking with the first answer that is no error
				want = []string{"authorization_pending", "authorization_pending", ""}
			}
			if !slices.Equal(heard, want) {
				t.Errorf("%s heard %q", name, heard)
			}
			owns(t, s.ana, s.Program, name, o.token)
		})
		story(s.Program, s.denies(t.Context()), func(o outcome, heard []string) {
			if o.refusal != "access_denied" {
				t.Errorf("%s: denied, and the library says %q after %q", name, o.refusal, heard)
			}
		})
		story(s.hasty, nil, func(o outcome, heard []string) {
			if o.refusal != "expired_token" {
				t.Errorf("%s: expired, and the library says %q after %q", name, o.refusal, heard)
			}
		})
	}
	all.Wait()
	if got := len(s.ana.List(t)); got != len(libraries()) {
		t.Errorf("%d keys for %d approved devices", got, len(libraries()))
	}
}

// owns checks that a token is the person's key of that name, and logs in with it.
func owns(t *testing.T, who *story.Person, p *story.Program, name string, token map[string]string) {
	t.Helper()
	session, err := p.Client.Login(t.Context(), client.UserAPIKey(token["access_token"]))
	if err != nil {
		t.Errorf("%s: the key does not log in: %v", name, err)
		return
	}
	if session.UserID() != who.Session.UserID() || !strings.EqualFold(token["token_type"], "bearer") {
		t.Errorf("%s: a %s key of %s", name, token["token_type"], session.UserID())
	}
	if name == "cli-oauth" {
		return // gives no other fields
	}
	for field, want := range map[string]string{
		"key_name": name, "app_id": "latchkey-local", "base_url": p.URL, "user_id": session.UserID(),
	} {
		if token[field] != want {
			t.Errorf("%s: %s is %q, want %q", name, field, token[field], want)
		}
	}
	keys, err := who.Session.APIKeys().FetchAll(t.Context())
	if err != nil || !slices.ContainsFunc(keys, func(k client.APIKey) bool { return k.ID == token["key_id"] && k.Name == name }) {
		t.Errorf("%s: no key %s in the list: %v", name, token["key_id"], err)
	}
}
