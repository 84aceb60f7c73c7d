package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/client"
)

func TestLocationIsAskedForOnceByAllWhoComeTogether(t *testing.T) {
	f := startFake(t)
	f.on("GET "+keysPath, http.StatusOK, `[]`)
	arrived, release := make(chan struct{}, 50), make(chan struct{})
	f.handle(location, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = fmt.Fprintf(w, `{"hostname":%q}`, f.URL)
	})
	s := f.session(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := s.APIKeys().FetchAll(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	close(release)
	all.Wait()
	if n := f.count(location); n != 1 {
		t.Errorf("%d requests for the location, want 1", n)
	}
	if n := f.count("GET " + keysPath); n != 50 {
		t.Errorf("%d lists, want 50", n)
	}
}

func TestAFailedLocationIsAskedForAgain(t *testing.T) {
	f := startFake(t)
	f.on("GET "+keysPath, http.StatusOK, `[]`)
	f.on(location, http.StatusServiceUnavailable, `{"error":"in maintenance","error_code":"MaintenanceInProgress"}`)
	s := f.session(t)
	_, err := s.APIKeys().FetchAll(t.Context())
	var e *client.Error
	if !errors.As(err, &e) || e.Status != 503 || e.Code != "MaintenanceInProgress" {
		t.Fatalf("got %v, want the answer to the location request", err)
	}
	f.on(location, http.StatusOK, fmt.Sprintf(`{"hostname":%q}`, f.URL))
	for range 2 {
		if _, err := s.APIKeys().FetchAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.count(location); n != 2 {
		t.Errorf("%d requests for the location, want 2", n)
	}
}

func TestAFailedLocationSaysNothingAboutTheCall(t *testing.T) {
	f := startFake(t)
	s := f.session(t)
	for status, helper := range map[int]func(error) bool{
		http.StatusNotFound:     client.IsNotFound,
		http.StatusUnauthorized: client.IsUnauthorized,
		http.StatusForbidden:    client.IsForbidden,
		http.StatusConflict:     client.IsNameInUse,
	} {
		f.on(location, status, `{"error":"cannot find app using Client App ID 'latchkey-local'"}`)
		_, err := s.APIKeys().Create(t.Context(), "phone")
		if err == nil || helper(err) {
			t.Errorf("%d for the location counts as %d for the key: %v", status, status, err)
		}
		if !client.NeverSent(err) {
			t.Errorf("the create was never sent, but NeverSent is false for %v", err)
		}
		for _, part := range []string{"create key: ", "find the app's location: ", location, "cannot find app"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("error %q does not say %q", err, part)
			}
		}
	}
}

func TestCallsGoWhereTheLocationSays(t *testing.T) {
	front, back := startFake(t), startFake(t)
	back.on("GET "+keysPath, http.StatusOK, `[]`)
	front.on(location, http.StatusOK, fmt.Sprintf(`{"hostname":%q}`, back.URL+"/"))
	if _, err := front.session(t).APIKeys().FetchAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	back.only(t).check(t, exchange{call: "GET " + keysPath, authorization: "Bearer " + refresh})
	if got := front.requests(); len(got) != 0 {
		t.Errorf("the base URL was sent %v", got)
	}
}

func TestALocationWithoutAUsableHostIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"no hostname":     `{"ws_hostname":"wss://keys.example.com"}`,
		"empty hostname":  `{"hostname":""}`,
		"null hostname":   `{"hostname":null}`,
		"a bare host":     `{"hostname":"keys.example.com"}`,
		"a password":      `{"hostname":"https://ada:s3cret@keys.example.com"}`,
		"another scheme":  `{"hostname":"file:///etc/passwd"}`,
		"a query":         `{"hostname":"https://keys.example.com?x=s3cret"}`,
		"a number":        `{"hostname":7}`,
		"a list":          `[]`,
		"an error in 200": `{"hostname":"https://keys.example.com","error":"m"}`,
		"nothing":         ``,
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on(location, http.StatusOK, body)
			err := f.session(t).Logout(t.Context())
			var e *client.Error
			if !errors.As(err, &e) || e.Status != 200 || !client.NeverSent(err) {
				t.Errorf("got %v, want an error with status 200 of a call never sent", err)
			}
			if strings.Contains(fmt.Sprint(err), "s3cret") {
				t.Errorf("the error quotes the URL: %v", err)
			}
		})
	}
}

func TestALocationCannotTurnEncryptionOff(t *testing.T) {
	open := startFake(t)
	sealed := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"hostname":%q}`, open.URL)
	}))
	defer sealed.Close()
	c, err := client.New(sealed.URL, appID, client.WithHTTPClient(sealed.Client()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Login(t.Context(), client.EmailPassword("ada@example.com", value))
	if err == nil || !strings.Contains(err.Error(), "not https") || !client.IsOtherHost(err) {
		t.Errorf("got %v, want it refused", err)
	}
	if got := open.requests(); len(got) != 0 {
		t.Errorf("the open server was sent %v", got)
	}
}

func TestACallerWhoGivesUpWaitingForTheLocationFailsAlone(t *testing.T) {
	f := startFake(t)
	f.on("GET "+keysPath, http.StatusOK, `[]`)
	arrived, release := make(chan struct{}), make(chan struct{})
	f.handle(location, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = fmt.Fprintf(w, `{"hostname":%q}`, f.URL)
	})
	s := f.session(t)
	patient := make(chan error, 1)
	go func() {
		_, err := s.APIKeys().FetchAll(t.Context())
		patient <- err
	}()
	<-arrived
	ctx, cancel := contextEndingAfter(t, time.Millisecond)
	defer cancel()
	_, err := s.APIKeys().Create(ctx, "phone")
	var e *client.Error
	if !errors.As(err, &e) || e.Op != "create key" || !client.NeverSent(err) {
		t.Errorf("the impatient caller got %v", err)
	}
	close(release)
	if err := <-patient; err != nil {
		t.Errorf("the patient caller got %v", err)
	}
	if n := f.count(location); n != 1 {
		t.Errorf("%d requests for the location, want 1", n)
	}
}

func TestAClientOfOneHostGoesNowhereElse(t *testing.T) {
	elsewhere := startFake(t)
	for name, tc := range map[string]struct {
		named   string // {port} is the base's
		refused string // what the error says, or nothing
	}{
		"the host itself":       {"http://127.0.0.1:{port}", ""},
		"with a slash":          {"http://127.0.0.1:{port}/", ""},
		"below a path":          {"http://127.0.0.1:{port}/base", ""},
		"another port":          {elsewhere.URL, "it names " + elsewhere.URL + ","},
		"the default port":      {"http://127.0.0.1", "it names http://127.0.0.1:80,"},
		"another name of it":    {"http://localhost:{port}", "it names http://localhost:{port},"},
		"another scheme":        {"https://127.0.0.1:{port}", "it names https://127.0.0.1:{port},"},
		"another host":          {"https://evil.example", "it names https://evil.example:443,"},
		"a host in the network": {"http://169.254.169.254", "it names http://169.254.169.254:80,"},
		"a host that is a user": {"http://127.0.0.1:{port}@evil.example", "must not hold a user name"},
		"a long host":           {"https://" + strings.Repeat("x", 5000), "xxx…"},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			for _, path := range []string{keysPath, "/base" + keysPath} {
				f.on("GET "+path, http.StatusOK, `[]`)
			}
			_, port, _ := strings.Cut(strings.TrimPrefix(f.URL, "http://"), ":")
			f.on(location, http.StatusOK, fmt.Sprintf(`{"hostname":%q}`, strings.ReplaceAll(tc.named, "{port}", port)))
			c := f.client(t, client.WithBaseHostOnly())
			_, err := c.Resume(userID, refresh).APIKeys().FetchAll(t.Context())
			if tc.refused == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if strings.Contains(tc.refused, "it names") != client.IsOtherHost(err) && name != "a long host" {
				t.Errorf("another host: %t", client.IsOtherHost(err))
			}
			if !client.NeverSent(err) || !strings.Contains(fmt.Sprint(err), strings.ReplaceAll(tc.refused, "{port}", port)) || len(err.Error()) > 600 {
				t.Errorf("got %v", err)
			}
		})
	}
	if got := elsewhere.requests(); len(got) != 0 {
		t.Errorf("another host was sent %v", got)
	}
}

func TestOneHostHasSeveralSpellings(t *testing.T) {
	for base, named := range map[string]string{
		"https://Keys.Example.COM":     "https://keys.example.com:443",
		"https://keys.example.com:443": "https://KEYS.example.com/",
		"http://[::1]":                 "http://[::1]:80",
	} {
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			body := `[]`
			if strings.HasSuffix(r.URL.Path, "/location") {
				body = fmt.Sprintf(`{"hostname":%q}`, named)
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})
		c, err := client.New(base, appID, client.WithBaseHostOnly(), client.WithHTTPClient(&http.Client{Transport: transport}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Resume(userID, refresh).APIKeys().FetchAll(t.Context()); err != nil {
			t.Errorf("%s and %s: %v", base, named, err)
		}
	}
}

func TestALocationMayNameTheSameHostInAnotherSpelling(t *testing.T) {
	for base, said := range map[string][2]string{ // the same host, and another one
		"https://keys.example.org":      {"HTTPS://Keys.Example.ORG.:443/", "https://keys.example.com"},
		"https://xn--bcher-kva.example": {"https://bücher.example", "https://bucher.example"},
		"https://BÜCHER.example":        {"https://xn--bcher-kva.example", "https://xn--bucher-kva.example"},
		"http://[2001:db8::a]:8080":     {"http://[2001:0DB8:0:0::A]:8080", "http://[2001:db8::b]:8080"},
		"http://127.0.0.1:8080":         {"http://[::ffff:127.0.0.1]:8080", "http://127.0.0.2:8080"},
	} {
		if err := client.SameHost(base, said[0]); err != nil {
			t.Errorf("%s and %s: %v", base, said[0], err)
		}
		if err := client.SameHost(base, said[1]); err == nil {
			t.Errorf("%s and %s count as one", base, said[1])
		}
	}
}
