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

// library is an OAuth library in a device's program, used as its documentation says. It tells shown the code that it shows, and
// polled of each poll.
type library func(ctx context.Context, base string, shown func(code string), polled func(poll)) (outcome, error)

// poll is one that was answered, as the device knows of it.
type poll struct {
	said       string // the error, or "" with the key
	sent, came time.Time
}

// mayBeTooSoon reports whether the poll may have reached the server too soon after another, or too late to be the second one of two in a
// row: on a machine that halts for a second nobody can tell, and the server is right to answer slow_down. What is certain is certain.
func (p poll) mayBeTooSoon(last poll) bool {
	return p.sent.Sub(last.came) < 4*time.Second && p.came.Sub(last.sent) > 2500*time.Millisecond
}

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
const later = 50 * time.Second

func withXOAuth2(ctx context.Context, base string, shown func(string), polled func(poll)) (outcome, error) {
	config := oauth2.Config{
		ClientID: "latchkey-local",
		Endpoint: oauth2.Endpoint{DeviceAuthURL: base + "/oauth/device_authorization", TokenURL: base + "/oauth/token"},
	}
	c := listening(polled)
	defer c.CloseIdleConnections()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c)
	code, err := config.DeviceAuth(ctx, oauth2.SetAuthURLParam("device_name", "x-oauth2"))
	if err != nil {
		return outcome{}, err
	}
	shown(code.UserCode)
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

func withCLIOAuth(ctx context.Context, base string, shown func(string), polled func(poll)) (outcome, error) {
	c := listening(polled)
	defer c.CloseIdleConnections()
	code, err := ghdevice.RequestCode(c, base+"/oauth/device_authorization", "latchkey-local", nil)
	if err != nil {
		return outcome{}, err
	}
	shown(code.UserCode)
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
	return func(ctx context.Context, base string, shown func(string), polled func(poll)) (o outcome, err error) {
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
				Sent    int64             `json:"sent"`
				Token   map[string]string `json:"token"`
				Refusal string            `json:"refusal"`
			}
			if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
				return o, errors.Join(err, cmd.Wait())
			}
			switch {
			case event.Code != "":
				shown(event.Code)
			case event.Answer != nil:
				polled(poll{*event.Answer, time.UnixMilli(event.Sent), time.Now()})
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

// listening is an HTTP client that tells of each poll. Its connections are its own, as those of a device are: those that share them leave
// connections behind on which nothing was asked yet. The server hangs up on such a one after five seconds, which is when the next poll
// is sent on it.
func listening(polled func(poll)) *http.Client {
	return &http.Client{Transport: listener{&http.Transport{}, polled}}
}

type listener struct {
	*http.Transport
	polled func(poll)
}

func (l listener) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := time.Now()
	res, err := l.Transport.RoundTrip(req)
	if err != nil || req.URL.Path != "/oauth/token" {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	var answer struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	l.polled(poll{answer.Error, sent, time.Now()})
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// run is a library at work, until it has an outcome. The person decides two seconds after the first answer: by then a
// library that asks twice in a row has done so, unless the machine is very slow.
func (l library) run(ctx context.Context, base string, decide func(code string) error) (o outcome, polls []poll, err error) {
	ctx, cancel := context.WithTimeout(ctx, later)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	code := ""
	o, err = l(ctx, base, func(shown string) { code = shown }, func(p poll) {
		if polls = append(polls, p); decide != nil && len(polls) == 1 && p.said == "authorization_pending" {
			time.AfterFunc(2*time.Second, func() {
				if err := decide(code); err != nil {
					fail(err)
				}
			})
		}
	})
	return o, polls, errors.Join(err, context.Cause(ctx))
}

// All wait at the same time, as each of them waits five seconds or more between polls.
func TestOAuthLibrariesPairAsTheyAre(t *testing.T) {
	t.Parallel()
	s := startDeviceStories(t)

	var all sync.WaitGroup
	for name, library := range libraries() {
		story := func(p *story.Program, decide func(code string) error, check func(o outcome, heard []string)) {
			all.Go(func() {
				o, polls, err := library.run(t.Context(), p.URL, decide)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				var heard []string
				for i, poll := range polls {
					if heard = append(heard, poll.said); poll.said == "slow_down" && (i == 0 || !poll.mayBeTooSoon(polls[i-1])) {
						t.Errorf("%s has to slow down: %v", name, polls)
					}
				}
				check(o, heard)
			})
		}
		story(s.Program, s.approves(t.Context(), name), func(o outcome, heard []string) {
			if len(heard) < 2 || slices.Index(heard, "") != len(heard)-1 || heard[0] != "authorization_pending" {
				t.Errorf("%s does not wait and then stop asking with the key: it heard %q", name, heard)
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
