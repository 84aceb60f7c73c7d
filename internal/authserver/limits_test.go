package authserver

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/internal/model"
)

// guess is a sign-in with a wrong password, from an address.
func guess(email, address, forwarded string) *http.Request {
	r := newRequest("POST", loginPath("local-userpass"), object("username", email, "password", "wrong password"))
	r.RemoteAddr = address
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
		r.Header.Set("X-Real-Ip", forwarded)
	}
	return r
}

func TestOfTenThousandGuessesAtOnceTenAreHashed(t *testing.T) {
	each := 200
	if testing.Short() {
		each = 20
	}
	for name, tt := range map[string]struct {
		email  string // of the owner
		want   int
		wait   string
		of     func(i int) *http.Request
		status int // of a right password afterwards, from where nobody guessed
	}{
		"one account": {"a@example.org", addressShare, "120", func(int) *http.Request {
			return guess("a@example.org", "192.0.2.1:1", "")
		}, 200},
		"one account in other spellings": {"a@example.org", addressShare, "120", func(i int) *http.Request {
			return guess([]string{"a@example.org", "A@EXAMPLE.ORG", "a@example.org ", "\ta@Example.org"}[i%4], "192.0.2.1:1", "")
		}, 200},
		"one account behind addresses that are made up": {"a@example.org", addressShare, "120", func(i int) *http.Request {
			return guess("a@example.org", "192.0.2.1:1", fmt.Sprintf("198.51.100.%d", i%250))
		}, 200},
		"one account from everywhere": {"a@example.org", accountTries, "60", func(i int) *http.Request {
			return guess("a@example.org", fmt.Sprintf("10.%d.%d.1:1", i%250, i/250), "")
		}, 429},
		"an account that does not exist": {"a@example.org", addressShare, "120", func(int) *http.Request {
			return guess("b@example.org", "192.0.2.1:1", "")
		}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(tt.email, testPassword)
			done := f.recordWork()
			var refused, limited atomic.Int64
			var wg sync.WaitGroup
			for g := range 50 {
				wg.Go(func() {
					for i := range each {
						switch got := f.send(tt.of(g*each + i)); got.status {
						case 401:
							refused.Add(1)
						case 429:
							limited.Add(1)
							if got.header.Get("Retry-After") != tt.wait {
								t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
							}
						default:
							t.Errorf("status %d: %s", got.status, got.body)
						}
					}
				})
			}
			wg.Wait()
			if n := len(done.take()); n != tt.want || refused.Load() != int64(tt.want) || limited.Load() != int64(50*each-tt.want) {
				t.Errorf("%d hashes, %d refused, %d limited; want %d", n, refused.Load(), limited.Load(), tt.want)
			}
			right := newRequest("POST", loginPath("local-userpass"), object("username", tt.email, "password", testPassword))
			right.RemoteAddr = "203.0.113.9:1"
			f.on(t).send(right).want(tt.status)
		})
	}
}

func TestOneAddressHasFiftyTriesOverAllAccounts(t *testing.T) {
	f := newFixture(t)
	for i := range 50 {
		f.send(guess(fmt.Sprintf("p%d@example.org", i), "192.0.2.1:1", "")).want(401)
	}
	got := f.send(guess("another@example.org", "192.0.2.1:2", "203.0.113.5")).want(429)
	got.says("too many attempts: wait a little before the next one", "")
	if got.header.Get("Retry-After") != "600" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	f.send(guess("another@example.org", "192.0.2.2:1", "")).want(401)
}

func TestAKeySignsInWhateverWasGuessed(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	value := f.createKey(owner, "pump").Value
	for range 60 {
		f.send(guess("a@example.org", "192.0.2.1:1234", ""))
	}
	f.loginWithKey(value)
	f.do("POST", loginPath("api-key"), "", object("key", unknownValue())).want(401)
	f.do("POST", sessionPath, owner.RefreshToken, "").want(201)
}

func TestTheOwnersBrowserGetsInWhileOthersGuess(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	for i := range 30 {
		f.send(guess("a@example.org", fmt.Sprintf("198.51.%d.1:1", i), ""))
	}
	right := func(known string) error {
		from := model.Origin{Address: "192.0.2.1", Agent: "Firefox", KnownBrowser: known, Actor: model.ActorBrowser}
		_, err := f.accounts.SignIn(t.Context(), from, "a@example.org", testPassword)
		return err
	}
	if err := right(""); !model.Is(err, model.KindTooManyTries) {
		t.Errorf("a browser that is not known: %v", err)
	}
	if err := right("laptop"); err != nil {
		t.Errorf("the owner's: %v", err)
	}
}

func TestWhatIsRefusedByACountIsNotWrittenDownOneByOne(t *testing.T) {
	f := newFixture(t)
	owner := f.signUp("a@example.org")
	for i := range 100 {
		f.send(guess("a@example.org", fmt.Sprintf("198.51.%d.1:1", i), ""))
	}
	f.Drain()
	tries := 0
	for _, row := range f.eventsOf(owner.UserID, model.EventSignInFailed) {
		tries += row.Again + 1
	}
	if tries != accountTries {
		t.Errorf("%d tries are written down, want %d", tries, accountTries)
	}
	if logs := f.logs.String(); strings.Contains(logs, "a@example.org") || strings.Contains(logs, "wrong password\"") && strings.Contains(logs, testPassword) {
		t.Error("the log has an email address or a password")
	}
}
