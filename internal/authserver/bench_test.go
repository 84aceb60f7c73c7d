package authserver

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/accounts"
)

// benchFixture logs nothing and lets time pass.
func benchFixture(b *testing.B) *fixture {
	return newFixture(b, func(c *Config, rules *accounts.Config) {
		c.Now, c.Log, rules.Now, rules.Log = time.Now, nil, time.Now, nil
	})
}

// discard is an answer nobody reads, so that the numbers are the server's own.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// repeat calls the server once and returns the status.
func repeat(ctx context.Context, f *fixture, method, path, token, body string) int {
	req := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	w := &discard{header: http.Header{}}
	f.ServeHTTP(w, req)
	return w.status
}

// keyLogins are the bodies with which realm-web signs in with the 20 keys of a user, one after the other.
func keyLogins(f *fixture) func() string {
	var logins []string
	for _, key := range f.createKeys(f.signUp("a@example.org"), 20) {
		logins = append(logins, object("key", key.Value, "options", map[string]any{"device": map[string]any{
			"sdkVersion": "2.0.1", "platform": "node", "platformVersion": "20.19.2", "deviceId": "5f9d1a2b3c4d5e6f70819203",
		}}))
	}
	var next atomic.Int64
	return func() string { return logins[next.Add(389)%int64(len(logins))] }
}

func BenchmarkKeyLogin(b *testing.B) {
	f := benchFixture(b)
	next := keyLogins(f)
	login := func(b *testing.B) {
		if status := repeat(b.Context(), f, "POST", loginPath("api-key"), "", next()); status != 200 {
			b.Errorf("status %d", status)
		}
	}
	b.Run("one at a time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			login(b)
		}
	})
	b.Run("16 at a time", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(parallelism(16))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				login(b)
			}
		})
	})
}

func BenchmarkListKeys(b *testing.B) {
	f := benchFixture(b)
	for _, n := range []int{0, 1, 20} {
		owner := f.signUp(fmt.Sprintf("%d@example.org", n))
		f.createKeys(owner, n)
		b.Run(fmt.Sprintf("%d keys", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if status := repeat(b.Context(), f, "GET", keysPath, owner.RefreshToken, ""); status != 200 {
					b.Fatalf("status %d", status)
				}
			}
		})
	}
}

func BenchmarkRenew(b *testing.B) {
	f := benchFixture(b)
	owner := f.signUp("a@example.org")
	b.ReportAllocs()
	for b.Loop() {
		if status := repeat(b.Context(), f, "POST", sessionPath, owner.RefreshToken, ""); status != 201 {
			b.Fatalf("status %d", status)
		}
	}
}

func BenchmarkProfile(b *testing.B) {
	f := benchFixture(b)
	owner := f.signUp("a@example.org")
	f.createKeys(owner, 20)
	b.ReportAllocs()
	for b.Loop() {
		if status := repeat(b.Context(), f, "GET", profilePath, owner.AccessToken, ""); status != 200 {
			b.Fatalf("status %d", status)
		}
	}
}

func BenchmarkTokens(b *testing.B) {
	m := newMint(b)
	for _, typ := range []tokenType{accessToken, refreshToken} {
		claims, raw := m.claims(typ), m.token(b, typ)
		b.Run("sign "+string(typ), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.sign(claims); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("verify "+string(typ), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.verify(raw, typ, mintDomain, m.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// parallelism is what SetParallelism needs for n goroutines.
func parallelism(n int) int { return max(1, n/runtime.GOMAXPROCS(0)) }
