package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/client"
)

// renewing makes the fake refuse every access token but the newest and give a
// new one for the refresh token.
func (f *fake) renewing() {
	var newest atomic.Int32
	token := func() string { return fmt.Sprintf("access.token.%d", newest.Load()) }
	f.handle("POST "+sessionCall, func(w http.ResponseWriter, _ *http.Request) {
		newest.Add(1)
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"access_token":%q}`, token())
	})
	f.handle(profileCall, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token() {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid session","error_code":"InvalidSession"}`)
			return
		}
		_, _ = io.WriteString(w, profileBody)
	})
}

// calls returns the request lines that arrived.
func (f *fake) calls() []string {
	var lines []string
	for _, r := range f.requests() {
		lines = append(lines, r.call())
	}
	return lines
}

func (f *fake) mustHaveGot(t *testing.T, want ...string) {
	t.Helper()
	if got := f.calls(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the server was sent\n%v, want\n%v", got, want)
	}
}

func TestAStaleAccessTokenIsRenewedAndTheCallReplayedOnce(t *testing.T) {
	f := startFake(t)
	f.renewing()
	s := f.login(t)
	p, err := s.Profile(t.Context())
	if err != nil || p.UserID != userID {
		t.Fatalf("got %+v, %v", p, err)
	}
	f.mustHaveGot(t, profileCall, "POST "+sessionCall, profileCall)

	if _, err := s.Profile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.count("POST " + sessionCall); n != 1 {
		t.Errorf("the new token was not kept: %d renewals", n)
	}
}

func TestAResumedSessionFetchesAnAccessTokenFirst(t *testing.T) {
	f := startFake(t)
	f.renewing()
	s := f.session(t)
	if s.UserID() != userID || s.DeviceID() != "" || s.RefreshToken().Reveal() != refresh {
		t.Errorf("the session is of %q on %q", s.UserID(), s.DeviceID())
	}
	f.mustHaveGot(t)
	if _, err := s.Profile(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mustHaveGot(t, "POST "+sessionCall, profileCall)
}

func TestAServerThatRefusesFreshTokensIsNotAskedForEver(t *testing.T) {
	for name, tc := range map[string]struct {
		session func(*fake, *testing.T) *client.Session
		want    []string
	}{
		"after a sign-in": {(*fake).login, []string{profileCall, "POST " + sessionCall, profileCall}},
		"when resumed":    {(*fake).session, []string{"POST " + sessionCall, profileCall}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on("POST "+sessionCall, http.StatusCreated, `{"access_token":"a.b.c"}`)
			f.on(profileCall, http.StatusUnauthorized, `{"error":"unauthorized"}`)
			_, err := tc.session(f, t).Profile(t.Context())
			if !client.IsUnauthorized(err) {
				t.Errorf("got %v", err)
			}
			f.mustHaveGot(t, tc.want...)
		})
	}
}

func TestOnlyA401IsReplayed(t *testing.T) {
	for _, status := range []int{400, 403, 404, 429, 500, 503} {
		f := startFake(t)
		f.on(profileCall, status, `{"error":"m","error_code":"InvalidSession"}`)
		_, err := f.login(t).Profile(t.Context())
		var e *client.Error
		if !errors.As(err, &e) || e.Status != status {
			t.Errorf("got %v, want status %d", err, status)
		}
		f.mustHaveGot(t, profileCall)
	}
}

func TestAFailedRenewalIsWhatTheCallReports(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		over   bool // whether the session is
	}{
		"the session is over":  {http.StatusUnauthorized, true},
		"the server has a day": {http.StatusServiceUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t)
			f.on(profileCall, http.StatusUnauthorized, `{"error":"unauthorized"}`)
			f.on("POST "+sessionCall, tc.status, `{"error":"m"}`)
			_, err := f.login(t).Profile(t.Context())
			var e *client.Error
			if !errors.As(err, &e) || e.Op != "refresh session" || e.Status != tc.status || client.IsUnauthorized(err) != tc.over {
				t.Errorf("got %v", err)
			}
			f.mustHaveGot(t, profileCall, "POST "+sessionCall)
		})
	}
}

// refreshTokenCalls are calls that manage keys, by their request line.
func refreshTokenCalls() map[string]func(context.Context, *client.Session) error {
	return map[string]func(context.Context, *client.Session) error{
		"GET " + keysPath: func(ctx context.Context, s *client.Session) error {
			_, err := s.APIKeys().FetchAll(ctx)
			return err
		},
		"POST " + keysPath: func(ctx context.Context, s *client.Session) error {
			_, err := s.APIKeys().Create(ctx, "phone")
			return err
		},
		"PUT " + keysPath + "/" + keyID + "/disable": func(ctx context.Context, s *client.Session) error {
			return s.APIKeys().Disable(ctx, keyID)
		},
		"DELETE " + keysPath + "/" + keyID: func(ctx context.Context, s *client.Session) error {
			return s.APIKeys().Delete(ctx, keyID)
		},
	}
}

const (
	noSession  = `{"error":"invalid session","error_code":"InvalidSession"}`
	listBody   = `[]`
	createBody = `{"_id":"` + keyID + `","name":"phone","disabled":false,"key":"` + value + `"}`
)

// slips answers the call with 401 as often as told, and then properly.
func (f *fake) slips(call string, times int32) {
	var slipped atomic.Int32
	body := map[string]string{"GET " + keysPath: listBody, "POST " + keysPath: createBody}[call]
	f.handle(call, func(w http.ResponseWriter, _ *http.Request) {
		if slipped.Add(1) <= times {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, noSession)
			return
		}
		_, _ = io.WriteString(w, body)
	})
}

func TestA401OfASessionThatLivesIsGotOver(t *testing.T) {
	for call, do := range refreshTokenCalls() {
		t.Run(call, func(t *testing.T) {
			f := startFake(t)
			f.on("POST "+sessionCall, http.StatusCreated, `{"access_token":"a.b.c"}`)
			f.slips(call, 1)
			if err := do(t.Context(), f.session(t)); err != nil {
				t.Error(err)
			}
			f.mustHaveGot(t, call, "POST "+sessionCall, call)
		})
	}
}

func TestASecond401MeansThatTheSessionIsOver(t *testing.T) {
	for call, do := range refreshTokenCalls() {
		t.Run(call, func(t *testing.T) {
			f := startFake(t)
			f.on("POST "+sessionCall, http.StatusCreated, `{"access_token":"a.b.c"}`)
			f.on(call, http.StatusUnauthorized, noSession)
			if err := do(t.Context(), f.session(t)); !client.IsUnauthorized(err) {
				t.Errorf("got %v", err)
			}
			f.mustHaveGot(t, call, "POST "+sessionCall, call)
		})
	}
}

func TestA401OfASessionThatTheServerDoesNotKnowIsReported(t *testing.T) {
	for status, answer := range map[int]string{401: noSession, 403: "", 404: `{"error":"no such call"}`, 405: ""} {
		for call, do := range refreshTokenCalls() {
			f := startFake(t)
			f.on("POST "+sessionCall, status, answer)
			f.on(call, http.StatusUnauthorized, noSession)
			err := do(t.Context(), f.session(t))
			if !client.IsUnauthorized(err) || client.IsNotFound(err) || client.IsForbidden(err) {
				t.Errorf("%s after %d: got %v", call, status, err)
			}
			f.mustHaveGot(t, call, "POST "+sessionCall)
		}
	}
}

func TestWhetherASessionLivesCanBeUnknown(t *testing.T) {
	for _, status := range []int{429, 500, 503} {
		f := startFake(t)
		f.on("POST "+sessionCall, status, `{"error":"m"}`)
		f.on("GET "+keysPath, http.StatusUnauthorized, noSession)
		_, err := f.session(t).APIKeys().FetchAll(t.Context())
		var e *client.Error
		if !errors.As(err, &e) || e.Status != status || client.IsUnauthorized(err) {
			t.Errorf("got %v, want status %d", err, status)
		}
		f.mustHaveGot(t, "GET "+keysPath, "POST "+sessionCall)
	}
}

func TestA401OnACallAboutTheSessionIsReportedAtOnce(t *testing.T) {
	for call, do := range map[string]func(context.Context, *client.Session) error{
		"POST " + sessionCall:   func(ctx context.Context, s *client.Session) error { return s.Refresh(ctx) },
		"DELETE " + sessionCall: func(ctx context.Context, s *client.Session) error { return s.Logout(ctx) },
	} {
		t.Run(call, func(t *testing.T) {
			f := startFake(t)
			f.on(call, http.StatusUnauthorized, noSession)
			if err := do(t.Context(), f.login(t)); !client.IsUnauthorized(err) {
				t.Errorf("got %v", err)
			}
			f.mustHaveGot(t, call)
		})
	}
}

func TestASessionThatLivesIsNotAskedAboutMoreThanOnceAMinute(t *testing.T) {
	f := startFake(t)
	f.on("POST "+sessionCall, http.StatusCreated, `{"access_token":"a.b.c"}`)
	f.slips("GET "+keysPath, 1<<30)
	var now atomic.Int64
	now.Store(1_000_000_000)
	c := f.client(t)
	c.SetClock(func() time.Time { return time.Unix(now.Load(), 0) })
	for second := range int64(120) { // a program that resumes its session for every request
		now.Store(1_000_000_000 + second)
		if _, err := c.Resume(userID, refresh).APIKeys().FetchAll(t.Context()); !client.IsUnauthorized(err) {
			t.Fatal(err)
		}
	}
	if n := f.count("POST " + sessionCall); n != 2 {
		t.Errorf("asked %d times in two minutes, want 2", n)
	}
	if n := f.count("GET " + keysPath); n != 240 {
		t.Errorf("%d lists, want each sent twice", n)
	}
	if _, err := c.Resume(userID, "another.token").APIKeys().FetchAll(t.Context()); !client.IsUnauthorized(err) || f.count("POST "+sessionCall) != 3 {
		t.Error("another session was not asked about:", err)
	}
}

func TestFiftyCopiesOfASessionAskAboutItOnce(t *testing.T) {
	const callers = 50
	f := startFake(t)
	var refused sync.WaitGroup
	refused.Add(callers)
	var answered atomic.Int32
	f.handle("GET "+keysPath, func(w http.ResponseWriter, _ *http.Request) {
		if answered.Add(1) <= callers {
			refused.Done()
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, listBody)
	})
	f.handle("POST "+sessionCall, func(w http.ResponseWriter, _ *http.Request) {
		refused.Wait() // so that everybody has been refused
		_, _ = io.WriteString(w, `{"access_token":"a.b.c"}`)
	})
	c := f.client(t)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			if _, err := c.Resume(userID, refresh).APIKeys().FetchAll(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.count("POST " + sessionCall); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

func TestACallerWhoGivesUpWaitingForAnotherOnesQuestionFailsAlone(t *testing.T) {
	f := startFake(t)
	f.slips("GET "+keysPath, 1)
	arrived, release := make(chan struct{}), make(chan struct{})
	f.handle("POST "+sessionCall, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, `{"access_token":"a.b.c"}`)
	})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := f.session(t).APIKeys().FetchAll(ctx)
		failed <- err
	}()
	<-arrived
	cancel()
	var e *client.Error
	if err := <-failed; !errors.As(err, &e) || !errors.Is(err, context.Canceled) || client.IsUnauthorized(err) {
		t.Errorf("got %v, want an *Error of the end of the context", err)
	}
	close(release)
}

func TestFiftyCallersWithAStaleTokenCauseOneRenewal(t *testing.T) {
	const callers = 50
	f := startFake(t)
	var stale sync.WaitGroup
	stale.Add(callers)
	f.handle(profileCall, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer "+access {
			stale.Done()
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"unauthorized"}`)
			return
		}
		_, _ = io.WriteString(w, profileBody)
	})
	f.handle("POST "+sessionCall, func(w http.ResponseWriter, _ *http.Request) {
		stale.Wait() // so that everybody has found the token stale
		_, _ = io.WriteString(w, `{"access_token":"access.token.two"}`)
	})
	s := f.login(t)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			if _, err := s.Profile(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.count("POST " + sessionCall); n != 1 {
		t.Errorf("%d renewals, want 1", n)
	}
	if n := f.count(profileCall); n != 2*callers {
		t.Errorf("%d profiles, want each refused and each replayed once", n)
	}
}

func TestCallersOfRefreshShareOneRequest(t *testing.T) {
	const callers = 50
	f := startFake(t)
	s := f.login(t)
	arrived, release := make(chan struct{}, callers), make(chan struct{})
	f.handle("POST "+sessionCall, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(w, `{"access_token":"access.token.two"}`)
	})
	var all, started sync.WaitGroup
	started.Add(callers)
	for range callers {
		all.Go(func() {
			ctx := &telling{Context: t.Context(), tell: started.Done}
			if err := s.Refresh(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	started.Wait() // everybody waits now
	close(release)
	all.Wait()
	if n := f.count("POST " + sessionCall); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// telling is a context that tells when it is first waited on.
type telling struct {
	context.Context
	once sync.Once
	tell func()
}

func (c *telling) Done() <-chan struct{} {
	c.once.Do(c.tell)
	return c.Context.Done()
}

func TestACallerWhoGivesUpWaitingForARenewalFailsAlone(t *testing.T) {
	f := startFake(t)
	s := f.login(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	f.handle("POST "+sessionCall, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, `{"access_token":"access.token.two"}`)
	})
	ctx, cancel := context.WithCancel(t.Context())
	impatient, patient := make(chan error, 1), make(chan error, 1)
	go func() { impatient <- s.Refresh(ctx) }()
	<-arrived
	waiting := make(chan struct{})
	go func() {
		patient <- s.Refresh(&telling{Context: t.Context(), tell: func() { close(waiting) }})
	}()
	<-waiting
	cancel()
	err := <-impatient
	var e *client.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Op != "refresh session" {
		t.Errorf("the caller who gave up got %v", err)
	}
	close(release)
	if err := <-patient; err != nil {
		t.Errorf("the caller who waited got %v", err)
	}
}

func TestASessionIsSafeForConcurrentUse(t *testing.T) {
	f := startFake(t)
	f.renewing()
	f.on("GET "+keysPath, http.StatusOK, `[]`)
	f.on("DELETE "+sessionCall, http.StatusNoContent, "")
	s := f.login(t)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { _, _ = s.Profile(t.Context()) })
		all.Go(func() { _ = s.Refresh(t.Context()) })
		all.Go(func() { _, _ = s.APIKeys().FetchAll(t.Context()) })
		all.Go(func() { _ = s.Logout(t.Context()) })
		all.Go(func() { _ = fmt.Sprint(s, s.UserID(), s.RefreshToken()) })
	}
	all.Wait()
}
