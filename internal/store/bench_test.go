package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/model"
)

// keysEach is how many keys a user of the benchmarks has: the limit of the program.
const keysEach = 20

// BenchmarkCreateAPIKey creates keys of many users from 1, 16 and 50 goroutines, with the writer as it is and with one that
// commits each write by itself. The rate of a disk's flush is in every figure, so compare those of one run only.
func BenchmarkCreateAPIKey(b *testing.B) {
	for _, writers := range []int{1, 16, 50} {
		for _, batch := range []int{maxBatch, 1} {
			name := fmt.Sprintf("writers=%d/grouped", writers)
			if batch == 1 {
				name = fmt.Sprintf("writers=%d/one-commit-each", writers)
			}
			b.Run(name, func(b *testing.B) { benchmarkCreate(b, writers, batch) })
		}
	}
}

func benchmarkCreate(b *testing.B, writers, batch int) {
	s := openFile(b, newFile(b))
	users := seedUsers(b, s, b.N/keysEach+1)
	s.file.writer.setMaxBatch(batch)
	before := s.Stats()
	b.ReportAllocs()
	b.ResetTimer()
	inParallel(b, writers, b.N, func(ctx context.Context, i int) error {
		_, err := makeKey(ctx, s, users[i%len(users)], keysEach)
		return err
	})
	b.StopTimer()
	commits := float64(s.Stats().Commits - before.Commits)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
	b.ReportMetric(commits/float64(b.N), "commits/op")
	b.ReportMetric(float64(b.N)/commits, "batch")
}

// BenchmarkSignInByKey is what signing in with a key asks of the store: the key by its value, and a durable session, with the
// use of the key remembered and without.
func BenchmarkSignInByKey(b *testing.B) {
	use := &model.KeyUse{
		At: time.Now(), Address: "192.0.2.1", DeviceName: "porch-cam", Platform: "linux", PlatformVersion: "6.1.0",
		SDK: "realm-web", SDKVersion: "2.0.1",
	}
	for _, callers := range []int{1, 16} {
		for name, use := range map[string]*model.KeyUse{"recorded": use, "unrecorded": nil} {
			b.Run(fmt.Sprintf("callers=%d/%s", callers, name), func(b *testing.B) { benchmarkSignIn(b, callers, use) })
		}
	}
}

func benchmarkSignIn(b *testing.B, callers int, use *model.KeyUse) {
	s := openFile(b, newFile(b))
	hashes := seedKeys(b, s, 50)
	b.ReportAllocs()
	b.ResetTimer()
	inParallel(b, callers, b.N, func(ctx context.Context, i int) error {
		k, err := s.APIKeyByValueHash(ctx, hashes[i%len(hashes)])
		if err != nil {
			return err
		}
		now := k.CreatedAt
		return s.CreateAuthSession(ctx, model.Session{
			ID: model.NewID(now), UserID: k.UserID, DeviceID: k.ID, Provider: model.ProviderAPIKey, IdentityID: k.ID, KeyID: k.ID,
			CreatedAt: now, ExpiresAt: now,
		}, use)
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}

// BenchmarkAPIKeys lists the 20 keys of a user.
func BenchmarkAPIKeys(b *testing.B) {
	s := openFile(b, newFile(b))
	seedKeys(b, s, 100)
	users := usersOf(b, s)
	ctx, cancel := context.WithCancel(b.Context()) // as a request's is
	defer cancel()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if keys, err := s.APIKeys(ctx, users[i%len(users)]); err != nil || len(keys) != keysEach {
			b.Fatalf("%d keys, %v", len(keys), err)
		}
	}
}

// BenchmarkAPIKeyByValueHash finds a key among 2,000.
func BenchmarkAPIKeyByValueHash(b *testing.B) {
	s := openFile(b, newFile(b))
	hashes := seedKeys(b, s, 100)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.APIKeyByValueHash(ctx, hashes[i%len(hashes)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen starts on an existing file.
func BenchmarkOpen(b *testing.B) {
	path := newFile(b)
	s := openFile(b, path)
	seedKeys(b, s, 100)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// inParallel makes n calls from so many goroutines.
func inParallel(b *testing.B, goroutines, n int, call func(ctx context.Context, i int) error) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var next atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := call(ctx, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// seedUsers makes n users.
func seedUsers(b *testing.B, s *Store, n int) []string {
	b.Helper()
	users := make([]string, n)
	inParallel(b, 64, n, func(ctx context.Context, i int) (err error) {
		users[i], err = makeUser(ctx, s)
		return err
	})
	return users
}

// seedKeys gives each of n users 20 keys and returns the hashes of their values.
func seedKeys(b *testing.B, s *Store, n int) [][32]byte {
	b.Helper()
	users := seedUsers(b, s, n)
	hashes := make([][32]byte, n*keysEach)
	inParallel(b, 64, len(hashes), func(ctx context.Context, i int) error {
		id, err := makeKey(ctx, s, users[i%n], keysEach)
		hashes[i] = sha256.Sum256([]byte(id))
		return err
	})
	return hashes
}

func usersOf(b *testing.B, s *Store) (users []string) {
	b.Helper()
	rows, err := s.file.readers.QueryContext(b.Context(), "SELECT id FROM users")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			b.Fatal(err)
		}
		users = append(users, id)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return users
}
