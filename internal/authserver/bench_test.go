package authserver

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
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

// keyLogin is the body with which realm-web logs in with a key of the user.
type keyLogin struct{ userID, body string }

// keyLogins makes those of the 20 keys of each user, and returns one after the other.
func keyLogins(f *fixture, users int) func() keyLogin {
	var logins []keyLogin
	for i := range users {
		owner := f.signUp(fmt.Sprintf("%d@example.org", i))
		for _, key := range f.createKeys(owner, 20) {
			logins = append(logins, keyLogin{owner.UserID, object("key", key.Value, "options", map[string]any{"device": map[string]any{
				"sdkVersion": "2.0.1", "platform": "node", "platformVersion": "20.19.2", "deviceId": "5f9d1a2b3c4d5e6f70819203",
			}})})
		}
	}
	var next atomic.Int64
	return func() keyLogin { return logins[next.Add(389)%int64(len(logins))] }
}

func BenchmarkKeyLogin(b *testing.B) {
	f := benchFixture(b)
	next := keyLogins(f, 1)
	login := func(b *testing.B) {
		if status := repeat(b.Context(), f, "POST", loginPath("api-key"), "", next().body); status != 200 {
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

// BenchmarkRecordingKeyUse tells what it costs that a log-in with a key is remembered, as a ratio to one that is not: it may be
// a tenth. Rounds of both take turns, because the flushes of a disk vary far more from second to second. Keys of many users are
// on as many more pages to write.
func BenchmarkRecordingKeyUse(b *testing.B) {
	for _, tt := range []struct{ callers, users int }{{1, 1}, {16, 1}, {1, 50}, {16, 50}} {
		callers := tt.callers
		b.Run(fmt.Sprintf("%d at a time, %d users", callers, tt.users), func(b *testing.B) {
			f := benchFixture(b)
			next := keyLogins(f, tt.users)
			round := func(tried bool) time.Duration {
				start := time.Now()
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						for range 10 {
							ctx, key := b.Context(), next()
							if tried {
								ctx = WithOrigin(ctx, model.Origin{TrialOf: key.userID})
							}
							if status := repeat(ctx, f, "POST", loginPath("api-key"), "", key.body); status != 200 {
								b.Errorf("status %d", status)
							}
						}
					})
				}
				all.Wait()
				return time.Since(start)
			}
			var with, without []time.Duration
			for b.Loop() {
				with = append(with, round(false))
				without = append(without, round(true))
			}
			slices.Sort(with)
			slices.Sort(without)
			ratio := float64(with[len(with)/2]) / float64(without[len(without)/2])
			b.ReportMetric(ratio, "recorded/unrecorded")
		})
	}
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
