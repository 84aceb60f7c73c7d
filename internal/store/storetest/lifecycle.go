package storetest

import (
	"context"
	"fmt"
	"testing"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

func lifecycle() []contract {
	return []contract{
		{"a ping is one read and no write", func(t *testing.T, s *store.Store) {
			wantCost(t, s, store.Stats{Reads: 1}, func() error { return s.Ping(t.Context()) })
		}},
		{"creating a key is one commit", func(t *testing.T, s *store.Store) {
			k, hash := newKey(addUser(t, s).ID, "phone")
			wantCost(t, s, store.Stats{Writes: 1, Commits: 1}, func() error {
				return s.CreateAPIKey(t.Context(), k, hash, 20)
			})
		}},
		{"a refused key is no commit", func(t *testing.T, s *store.Store) {
			k, hash := newKey(addUser(t, s).ID, "phone")
			wantCost(t, s, store.Stats{Writes: 1}, func() error {
				want(t, s.CreateAPIKey(t.Context(), k, hash, 0), model.ErrLimit)
				return nil
			})
		}},
		{"listing keys is one read and no write", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			for i := range 20 {
				addKey(t, s, u.ID, fmt.Sprintf("key-%d", i))
			}
			wantCost(t, s, store.Stats{Reads: 1}, func() error {
				_, err := s.APIKeys(t.Context(), u.ID)
				return err
			})
		}},
		{"signing in with a key is one read and one commit", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			_, hash := addKey(t, s, u.ID, "phone")
			wantCost(t, s, store.Stats{Reads: 1, Writes: 1, Commits: 1}, func() error {
				k, err := s.APIKeyByValueHash(t.Context(), hash)
				if err != nil {
					return err
				}
				return s.CreateAuthSession(t.Context(), newAuthSession(k.UserID, k.ID), newKeyUse(base))
			})
		}},
		{"who has gone before the call is answered so, and nothing is done", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			k, hash := newKey(u.ID, "phone")
			wantCost(t, s, store.Stats{}, func() error {
				want(t, s.CreateAPIKey(gone, k, hash, 20), context.Canceled)
				_, err := s.APIKeys(gone, u.ID)
				want(t, err, context.Canceled)
				want(t, s.Ping(gone), context.Canceled)
				return nil
			})
			_, err := s.APIKeyByValueHash(t.Context(), hash)
			want(t, err, model.ErrNotFound)
		}},
		{"a closed store answers with an error, and closing again is nothing", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			want(t, s.Close(), nil)
			want(t, s.Close(), nil)
			k, hash := newKey(u.ID, "phone")
			if err := s.CreateAPIKey(t.Context(), k, hash, 20); err == nil {
				t.Error("a write succeeded")
			}
			if err := s.Ping(t.Context()); err == nil {
				t.Error("a read succeeded")
			}
		}},
		{"writes that were accepted are finished by Close", proveCloseFinishes},
		{"reads beside Close are answered", func(t *testing.T, s *store.Store) {
			u := addUser(t, s)
			k, _ := addKey(t, s, u.ID, "phone")
			started, ended := make(chan struct{}, 8), make(chan struct{})
			for range cap(started) {
				go func() {
					defer func() { ended <- struct{}{} }()
					for first := true; ; first = false {
						got, err := bare(s.APIKey(t.Context(), u.ID, k.ID))
						if err != nil {
							return
						}
						if got != k {
							t.Errorf("read %v", got)
						}
						if first {
							started <- struct{}{}
						}
					}
				}()
			}
			for range cap(started) {
				<-started
			}
			want(t, s.Close(), nil)
			for range cap(started) {
				<-ended
			}
		}},
	}
}

// proveCloseFinishes closes the store under 100 writers: each is answered, with nil or an error.
func proveCloseFinishes(t *testing.T, s *store.Store) {
	u := addUser(t, s)
	answers := make(chan error)
	for i := range 100 {
		go func() {
			k, hash := newKey(u.ID, fmt.Sprintf("key-%d", i))
			answers <- s.CreateAPIKey(t.Context(), k, hash, 100)
		}()
	}
	want(t, <-answers, nil)
	want(t, s.Close(), nil)
	saved := 1
	for range 99 {
		if <-answers == nil {
			saved++
		}
	}
	t.Logf("%d of 100 were saved before the store closed", saved)
}

// wantCost fails the test unless do costs exactly that many reads, writes and commits.
func wantCost(t *testing.T, s *store.Store, cost store.Stats, do func() error) {
	t.Helper()
	before := s.Stats()
	want(t, do(), nil)
	after := s.Stats()
	got := store.Stats{
		Reads:   after.Reads - before.Reads,
		Writes:  after.Writes - before.Writes,
		Commits: after.Commits - before.Commits,
	}
	if got != cost {
		t.Errorf("cost %+v, want %+v", got, cost)
	}
}
