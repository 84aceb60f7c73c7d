package authserver

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

// work records what argon2id was asked to do. Equal work is what makes answers take equal time; measuring time itself would
// make a test that fails on a busy machine.
type work struct {
	mu    sync.Mutex
	costs []model.PasswordCost
}

func (f *fixture) recordWork() *work {
	w, derive := &work{}, f.derive
	f.derive = func(password, salt []byte, c model.PasswordCost) []byte {
		w.mu.Lock()
		w.costs = append(w.costs, c)
		w.mu.Unlock()
		return derive(password, salt, c)
	}
	return w
}

func (w *work) take() []model.PasswordCost {
	w.mu.Lock()
	defer w.mu.Unlock()
	costs := w.costs
	w.costs = nil
	return costs
}

func TestAnUnknownEmailIsAsMuchWorkAsAWrongPassword(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	f.withoutPassword("imported@example.org")
	done := f.recordWork()
	once := []model.PasswordCost{testkit.Cheap}
	for _, tt := range []struct {
		name, email, password string
		status                int
		want                  []model.PasswordCost
	}{
		{"right password", "a@example.org", testPassword, 200, once},
		{"wrong password", "a@example.org", "wrong password", 401, once},
		{"empty password", "a@example.org", "", 401, once},
		{"unknown email", "b@example.org", testPassword, 401, once},
		{"unknown email and empty password", "b@example.org", "", 401, once},
		{"account without a password", "imported@example.org", testPassword, 401, once},
		{"password too long for anybody", "a@example.org", strings.Repeat("x", 129), 401, nil},
		{"the same for an unknown email", "b@example.org", strings.Repeat("x", 129), 401, nil},
	} {
		reads := f.store.Stats().Reads
		f.do("POST", loginPath("local-userpass"), "", object("username", tt.email, "password", tt.password)).want(tt.status)
		if diff := cmp.Diff(tt.want, done.take()); diff != "" {
			t.Errorf("%s: hashes (-want +got):\n%s", tt.name, diff)
		}
		if got := f.store.Stats().Reads - reads; got != int64(len(tt.want)) {
			t.Errorf("%s: %d reads", tt.name, got)
		}
	}
}

func TestAFullQueueAnswers503AndWhenToComeBack(t *testing.T) {
	f := newFixture(t)
	f.register("a@example.org", testPassword)
	f.fillQueue()
	for _, call := range []struct{ path, body string }{
		{loginPath("local-userpass"), object("username", "a@example.org", "password", testPassword)},
		{loginPath("local-userpass"), object("username", "b@example.org", "password", testPassword)},
		{appPath(registerRest), object("email", "c@example.org", "password", testPassword)},
	} {
		got := f.do("POST", call.path, "", call.body).want(503)
		got.says("the server is busy: try again in a moment", "")
		if got.header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
		}
	}
	f.do("POST", loginPath("api-key"), "", object("key", unknownValue())).want(401) // keys do not wait for passwords
}
