package app

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"latchkey/client"
	"latchkey/internal/model"
)

// ring writes session keys as an operator does, newest first. Each number is a key.
func ring(numbers ...int) model.Secret {
	var keys []string
	for _, n := range numbers {
		keys = append(keys, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(n + 1)}, 32)))
	}
	return model.Secret(strings.Join(keys, ","))
}

// signedInPeople are browsers that are signed in, and programs that keep a refresh token.
type signedInPeople struct {
	browsers []*http.Client
	programs []*client.Session
}

// busy has everybody ask several times at once, and counts who was not let in.
func (p signedInPeople) busy(t *testing.T, baseURL string) (outBrowsers, outPrograms int) {
	t.Helper()
	c := newClient(t, baseURL)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, b := range p.browsers {
		for range 4 {
			wg.Go(func() {
				if in := signedInAs(t, b, baseURL); !in {
					mu.Lock()
					outBrowsers++
					mu.Unlock()
				}
			})
		}
	}
	for _, s := range p.programs {
		for range 2 {
			wg.Go(func() {
				if err := c.Resume(s.UserID(), s.RefreshToken()).Refresh(t.Context()); err != nil {
					mu.Lock()
					outPrograms++
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	return outBrowsers, outPrograms
}

// signedInAs says whether the keys page shows whose it is. It is for goroutines, which may not end the test.
func signedInAs(t *testing.T, b *http.Client, baseURL string) bool {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, baseURL+"/keys", nil)
	if err != nil {
		t.Error(err)
		return false
	}
	res, err := b.Do(req)
	if err != nil {
		t.Error(err)
		return false
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return err == nil && strings.Contains(string(body), account.Get("email"))
}

func signInPeople(t *testing.T, a running, n int) signedInPeople {
	t.Helper()
	var p signedInPeople
	first := browser(t)
	post(t, first, a.URL()+"/register", account)
	for i := range n {
		b := first
		if i > 0 {
			b = browser(t)
			post(t, b, a.URL()+"/login", account)
		}
		s, err := newClient(t, a.URL()).Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
		if err != nil {
			t.Fatal(err)
		}
		p.browsers, p.programs = append(p.browsers, b), append(p.programs, s)
	}
	return p
}

func TestTwentyRotationsLogNobodyOut(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.SessionKeys = ring(0)
	a := run(t, cfg)
	p := signInPeople(t, a, 4)
	numbers := []int{0}
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	for round := 1; round <= rounds; round++ {
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		numbers = append([]int{round}, numbers...)
		cfg.SessionKeys = ring(numbers...)
		a = run(t, cfg)
		if browsers, programs := p.busy(t, a.URL()); browsers+programs != 0 {
			t.Fatalf("round %d: %d requests of browsers and %d of programs were not let in", round, browsers, programs)
		}
	}
}

// A key that was taken out opens nothing any more. People who were here while it was behind a newer one do not notice.
func TestAKeyTakenOutSignsOutOnlyWhoeverWasNotHereSince(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.SessionKeys = ring(0)
	a := run(t, cfg)
	all := signInPeople(t, a, 4)
	come, away := signedInPeople{browsers: all.browsers[:2]}, signedInPeople{browsers: all.browsers[2:], programs: all.programs[:2]}
	come.programs = all.programs[2:]
	for round := 1; round <= 4; round++ { // two keys at a time: after two rounds none is as it was
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		cfg.SessionKeys = ring(round, round-1)
		a = run(t, cfg)
		if browsers, programs := come.busy(t, a.URL()); browsers+programs != 0 {
			t.Fatalf("round %d: %d requests of browsers and %d of programs were not let in", round, browsers, programs)
		}
		c := newClient(t, a.URL())
		for i, s := range come.programs {
			renewed, err := c.Resume(s.UserID(), s.RefreshToken()).Reissue(t.Context())
			if err != nil || renewed.ID() != s.ID() {
				t.Fatalf("round %d: %v", round, err)
			}
			come.programs[i] = renewed
		}
	}
	if browsers, programs := away.busy(t, a.URL()); browsers != 8 || programs != 4 {
		t.Errorf("of those who were away, %d of 8 and %d of 4 requests were refused", browsers, programs)
	}
}

// accessKeyNames are the kids that are published, and the one that signs.
func accessKeyNames(t *testing.T, a running) (published []string, signs string) {
	t.Helper()
	var set struct {
		Keys []struct{ Kid, Use, D string }
	}
	if err := json.Unmarshal([]byte(get(t, http.DefaultClient, a.URL()+"/.well-known/jwks.json").Body), &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		if key.Use != "sig" || key.D != "" {
			t.Errorf("%+v is published", key)
		}
		published = append(published, key.Kid)
	}
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(newAccessToken(t, a), ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var by struct{ Kid string }
	if err := json.Unmarshal(header, &by); err != nil {
		t.Fatal(err)
	}
	return published, by.Kid
}

// newAccessToken signs in and gives the access token of that session.
func newAccessToken(t *testing.T, a running) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/api/client/v2.0/app/latchkey-local/auth/providers/local-userpass/login",
		strings.NewReader(fmt.Sprintf(`{"username":%q,"password":%q}`, account.Get("email"), account.Get("password"))))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	var out struct {
		AccessToken string `json:"access_token"`
	}
	got := do(t, http.DefaultClient, req)
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil || out.AccessToken == "" {
		t.Fatalf("%d %s, %v", got.Status, got.Body, err)
	}
	return out.AccessToken
}

// profileBy asks with an access token whose it is.
func profileBy(t *testing.T, a running, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/api/client/v2.0/auth/profile", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return do(t, http.DefaultClient, req).Status
}

// Every two neighbours of this list may run at once: each knows the key that the other signs with.
func TestTheAccessKeyIsChangedInTwoRollsAndTokensOfBothAreGood(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	former, next := accessPEM(t), accessPEM(t)
	var tokens, names []string
	for i, step := range []struct {
		pem   string
		keys  int
		signs int // which of the two
		bad   int // tokens of earlier steps that are good no more
	}{{former, 1, 0, 0}, {former + next, 2, 0, 0}, {next + former, 2, 1, 0}, {next, 1, 1, 2}} {
		cfg.AccessKeys = model.Secret(step.pem)
		a := run(t, cfg)
		if i == 0 {
			post(t, browser(t), a.URL()+"/register", account)
		}
		bad := 0
		for _, token := range tokens {
			if status := profileBy(t, a, token); status == http.StatusUnauthorized {
				bad++
			} else if status != http.StatusOK {
				t.Errorf("step %d: %d", i, status)
			}
		}
		published, signs := accessKeyNames(t, a)
		if names = append(names, signs); len(published) != step.keys || published[0] != signs || (signs == names[0]) != (step.signs == 0) || bad != step.bad {
			t.Errorf("step %d: %v are published, %s signs, and %d of %d tokens are refused", i, published, signs, bad, len(tokens))
		}
		tokens = append(tokens, newAccessToken(t, a))
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
	}
}
