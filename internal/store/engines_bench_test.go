package store

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store/pgtest"
)

// engines opens an empty store of each engine for benchmarks whose figures are compared. PostgreSQL has the pool that a node has.
func engines(b *testing.B, run func(b *testing.B, s *Store)) {
	b.Run("engine=sqlite", func(b *testing.B) { run(b, openFile(b, newFile(b))) })
	b.Run("engine=postgres", func(b *testing.B) { run(b, connectTo(b, pgtest.URL(b))) })
}

// timed makes n calls from so many goroutines and reports the rate and the 99th percentile.
func timed(b *testing.B, goroutines int, call func(ctx context.Context, i int) error) {
	b.Helper()
	var mu sync.Mutex
	took := make([]time.Duration, 0, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	inParallel(b, goroutines, b.N, func(ctx context.Context, i int) error {
		begun := time.Now()
		err := call(ctx, i)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(begun))
		return err
	})
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkEngineCreate creates keys of many users, each with its event and its form, as a page does.
func BenchmarkEngineCreate(b *testing.B) {
	engines(b, func(b *testing.B, s *Store) {
		users := seedUsers(b, s, b.N/keysEach+16)
		timed(b, 16, func(ctx context.Context, i int) error {
			now := time.Now()
			k := model.Key{ID: model.NewID(now), UserID: users[i%len(users)], CreatedAt: now}
			k.Name = k.ID
			return s.CreateAPIKeyOnce(ctx, k, sha256.Sum256([]byte(k.ID)), keysEach, k.ID,
				model.Event{UserID: k.UserID, At: now, Kind: model.EventKeyMade, KeyID: k.ID, KeyName: k.Name})
		})
	})
}

// BenchmarkEngineSignIn signs in with 1,000 keys of 50 users: the key by its value, and a session with the use of the key.
func BenchmarkEngineSignIn(b *testing.B) {
	engines(b, func(b *testing.B, s *Store) {
		hashes := seedKeys(b, s, 50)
		timed(b, 16, func(ctx context.Context, i int) error { return signIn(ctx, s, hashes[i%len(hashes)]) })
	})
}

// BenchmarkEngineHotAccount has 50 callers sign in with the 20 keys of one user.
func BenchmarkEngineHotAccount(b *testing.B) {
	engines(b, func(b *testing.B, s *Store) {
		hashes := seedKeys(b, s, 1)
		timed(b, 50, func(ctx context.Context, i int) error { return signIn(ctx, s, hashes[i%len(hashes)]) })
	})
}

// BenchmarkEngineBesideAHotAccount signs in with the keys of 50 users while 50 callers sign in with those of one.
func BenchmarkEngineBesideAHotAccount(b *testing.B) {
	engines(b, func(b *testing.B, s *Store) {
		hot, others := seedKeys(b, s, 1), seedKeys(b, s, 50)
		ctx, stop := context.WithCancel(b.Context())
		var busy sync.WaitGroup
		for i := range 50 {
			busy.Go(func() {
				for ctx.Err() == nil {
					_ = signIn(ctx, s, hot[i%len(hot)]) // of no interest here
				}
			})
		}
		timed(b, 1, func(ctx context.Context, i int) error { return signIn(ctx, s, others[i%len(others)]) })
		stop()
		busy.Wait()
	})
}

// BenchmarkEngineKeysPage reads what the keys page does: the session of a browser, and 20 keys with their usage.
func BenchmarkEngineKeysPage(b *testing.B) {
	engines(b, func(b *testing.B, s *Store) {
		hashes := seedKeys(b, s, 50)
		users := map[string]bool{}
		for _, h := range hashes {
			if err := signIn(b.Context(), s, h); err != nil {
				b.Fatal(err)
			}
			k, err := s.APIKeyByValueHash(b.Context(), h)
			if err != nil {
				b.Fatal(err)
			}
			users[k.UserID] = true
		}
		var ids []string
		for id := range users {
			ids = append(ids, id)
		}
		w := model.WebSession{IDHash: [32]byte{1}, UserID: ids[0], Version: 1, CreatedAt: time.Now(), LastSeenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		if err := s.CreateWebSession(b.Context(), w); err != nil {
			b.Fatal(err)
		}
		timed(b, 16, func(ctx context.Context, i int) error {
			if _, err := s.WebSession(ctx, w.IDHash); err != nil {
				return err
			}
			_, err := s.Keys(ctx, ids[i%len(ids)])
			return err
		})
	})
}

func signIn(ctx context.Context, s *Store, hash [32]byte) error {
	k, err := s.APIKeyByValueHash(ctx, hash)
	if err != nil {
		return err
	}
	now := time.Now()
	return s.CreateAuthSession(ctx, model.Session{
		ID: model.NewID(now), UserID: k.UserID, DeviceID: k.ID, Provider: model.ProviderAPIKey, IdentityID: k.ID, KeyID: k.ID,
		CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}, &model.KeyUse{
		At: now, Address: "192.0.2.1", DeviceName: "porch-cam", Platform: "linux", PlatformVersion: "6.1.0", SDK: "realm-web", SDKVersion: "2.0.1",
	})
}
