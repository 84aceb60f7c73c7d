package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// Before a release a form is sent 50 times, and a sign-in is looked out for 100 times.
const meetingsVariable = "LATCHKEY_MEETINGS"

// twoNodesWith are two programs on one database, with a person who is signed in at both.
func twoNodesWith(t *testing.T, clock *testkit.Clock) (a, b running, person *http.Client) {
	t.Helper()
	at, pem := pgtest.URL(t), accessPEM(t)
	var nodes [2]running
	for i, name := range names {
		cfg := nodeConfig(t, at, name, pem)
		cfg.Now = clock.Now
		nodes[i] = run(t, cfg)
	}
	person = browser(t) // for whom both are one: cookies know no ports
	wantPage(t, post(t, person, nodes[0].URL()+"/register", account), http.StatusOK)
	return nodes[0], nodes[1], person
}

// programOf is a program of the account, at a node.
func programOf(t *testing.T, a running) *client.Session {
	t.Helper()
	session, err := newClient(t, a.URL()).Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// keysBy are the ids of the keys, by name.
func keysBy(t *testing.T, session *client.Session) map[string]string {
	t.Helper()
	all, err := session.APIKeys().FetchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, k := range all {
		ids[k.Name] = k.ID
	}
	return ids
}

func TestAFormThatReachesBothNodesCreatesOneKey(t *testing.T) {
	t.Parallel()
	a, b, person := twoNodesWith(t, &testkit.Clock{})
	atA, atB := programOf(t, a), programOf(t, b)
	for i := range times(t, meetingsVariable, 10) / 2 {
		form := namedKey(fmt.Sprintf("porch-cam-%d", i))
		var created, told atomic.Int64
		send := func(at string) {
			switch got := post(t, person, at+"/keys", form); got.Status {
			case http.StatusOK:
				created.Add(1)
			case http.StatusConflict:
				told.Add(1)
			default:
				t.Errorf("a form: %d", got.Status)
			}
		}
		var both sync.WaitGroup
		for _, at := range []string{a.URL(), b.URL()} {
			both.Go(func() { send(at) })
		}
		both.Wait()
		keys := keysBy(t, atB)
		if created.Load() != 1 || told.Load() != 1 || len(keys) != 1 {
			t.Fatalf("form %d created %d keys and was told of %d times; there are %v", i, created.Load(), told.Load(), keys)
		}
		if err := atA.APIKeys().Delete(t.Context(), keys[form.Get("name")]); err != nil {
			t.Fatal(err)
		}
		send(b.URL())
		send(a.URL())
		if keys := keysBy(t, atA); len(keys) != 0 || told.Load() != 3 {
			t.Fatalf("form %d was sent again after its key was deleted: %v", i, keys)
		}
	}
}

var arrivalOfKeys = regexp.MustCompile(`data-arrival="(/keys/arrival[^"]*)"`)

func TestALivePageSeesAtOnceWhatHappensAtTheOtherNode(t *testing.T) {
	t.Parallel()
	a, b, person := twoNodesWith(t, &testkit.Clock{})
	session := programOf(t, a)
	within := 10 * time.Second // on a machine that does much else
	if os.Getenv(meetingsVariable) != "" {
		within = 2 * time.Second
	}
	meetings := times(t, meetingsVariable, 2)
	var longest time.Duration
	for i := range meetings {
		key, err := session.APIKeys().Create(t.Context(), fmt.Sprintf("porch-cam-%d", i))
		if err != nil {
			t.Fatal(err)
		}
		stream := arrivalOfKeys.FindStringSubmatch(get(t, person, a.URL()+"/keys").Body)
		if stream == nil {
			t.Fatal("the page waits for nothing")
		}
		event, stop := nextEvent(t, person, a.URL()+html.UnescapeString(stream[1]))
		began := time.Now()
		if _, err := newClient(t, b.URL()).Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); err != nil {
			t.Fatal(err)
		}
		select {
		case <-event:
			longest = max(longest, time.Since(began))
		case <-time.After(time.Minute):
			t.Fatal("the page is told nothing")
		}
		stop()
		if err := session.APIKeys().Delete(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
	}
	if longest > within {
		t.Errorf("it was seen after %v", longest)
	} else {
		t.Logf("torture: a sign-in at one node seen on a page of the other: %d of %d, after %v at most", meetings, meetings, longest.Round(time.Millisecond))
	}
}

// nextEvent opens a stream, and tells when it has an event with data.
func nextEvent(t *testing.T, person *http.Client, at string) (event <-chan struct{}, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := person.Do(req) //nolint:bodyclose // by who reads it
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("no stream: %v, %v", res, err)
	}
	told := make(chan struct{})
	go func() {
		defer res.Body.Close() //nolint:errcheck // it was read
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data:") {
				close(told)
				return
			}
		}
	}()
	return told, cancel
}

// pairingOf starts a pairing at a node, and returns the device's secret and its page once a person has typed the code there.
func pairingOf(t *testing.T, a running, person *http.Client) (deviceCode, page string) {
	t.Helper()
	var started struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
	}
	got := post(t, http.DefaultClient, a.URL()+"/oauth/device_authorization", url.Values{"client_id": {"latchkey-local"}})
	if err := json.Unmarshal([]byte(got.Body), &started); err != nil {
		t.Fatalf("%v: %s", err, got.Body)
	}
	stays := &http.Client{Jar: person.Jar, CheckRedirect: noRedirect}
	opened := post(t, stays, a.URL()+"/device", url.Values{"code": {started.UserCode}})
	if opened.Status != http.StatusSeeOther {
		t.Fatalf("the code: %d", opened.Status)
	}
	return started.DeviceCode, opened.Header.Get("Location")
}

func poll(t *testing.T, at running, deviceCode string) answer {
	t.Helper()
	return post(t, http.DefaultClient, at.URL()+"/oauth/token", url.Values{
		"client_id": {"latchkey-local"}, "device_code": {deviceCode}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"},
	})
}

func TestAPairingIsApprovedAtOneNodeAndFetchedAtTheOther(t *testing.T) {
	t.Parallel()
	var clock testkit.Clock
	a, b, person := twoNodesWith(t, &clock)
	code, page := pairingOf(t, a, person)
	for _, at := range []running{b, a} {
		if got := poll(t, at, code); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "authorization_pending") {
			t.Errorf("before: %d %s", got.Status, got.Body)
		}
	}
	wantPage(t, post(t, person, a.URL()+page+"/approve", url.Values{"name": {"porch-cam"}}), http.StatusOK)
	clock.Advance(5 * time.Second)
	if got := poll(t, b, code); got.Status != http.StatusOK {
		t.Errorf("the next poll: %d %s", got.Status, got.Body)
	}
	if got := get(t, person, b.URL()+page); got.Status != http.StatusOK {
		t.Errorf("the page of the pairing at the other node: %d", got.Status)
	}

	code, page = pairingOf(t, b, person)
	wantPage(t, post(t, person, b.URL()+page+"/approve", url.Values{"name": {"door"}}), http.StatusOK)
	var all sync.WaitGroup
	var delivered atomic.Int64
	for i := range 100 {
		all.Go(func() {
			if got := poll(t, []running{a, b}[i%2], code); got.Status == http.StatusOK {
				delivered.Add(1)
			}
		})
	}
	all.Wait()
	if keys := keysBy(t, programOf(t, a)); delivered.Load() != 1 || len(keys) != 2 {
		t.Errorf("of 100 polls at once %d got the key; there are %v", delivered.Load(), keys)
	}
}
