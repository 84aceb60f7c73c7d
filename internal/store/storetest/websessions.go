package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func webSessions() []contract {
	return []contract{
		{"a web session is kept as it was created", func(t *testing.T, s *store.Store) {
			for _, sealed := range [][]byte{nil, []byte("x"), {0, 255, '\'', 0}, bytes.Repeat([]byte("token"), 1000)} {
				w := newWebSession()
				w.Sealed = sealed
				want(t, s.CreateWebSession(t.Context(), w), nil)
				wantWebSession(t, s, w)
			}
			_, err := s.WebSession(t.Context(), randomHash())
			want(t, err, model.ErrNotFound)
		}},
		{"an update changes what it says and counts the version", func(t *testing.T, s *store.Store) {
			w, neighbour := newWebSession(), newWebSession()
			want(t, s.CreateWebSession(t.Context(), w), nil)
			want(t, s.CreateWebSession(t.Context(), neighbour), nil)
			w.Sealed, w.LastSeenAt = []byte("another token"), base.Add(time.Minute)
			changed := w
			changed.CreatedAt, changed.ExpiresAt = base.Add(time.Hour), base.Add(time.Hour) // not for an update to say
			want(t, s.UpdateWebSession(t.Context(), changed), nil)
			w.Version++
			wantWebSession(t, s, w)
			wantWebSession(t, s, neighbour)
		}},
		{"an update of a version that is past is a conflict", func(t *testing.T, s *store.Store) {
			w := newWebSession()
			want(t, s.CreateWebSession(t.Context(), w), nil)
			want(t, s.UpdateWebSession(t.Context(), w), nil)
			late := w
			late.Sealed = []byte("late")
			want(t, s.UpdateWebSession(t.Context(), late), model.ErrConflict)
			w.Version++
			wantWebSession(t, s, w)
		}},
		{"an update of a session that is gone is not found", func(t *testing.T, s *store.Store) {
			w := newWebSession()
			want(t, s.UpdateWebSession(t.Context(), w), model.ErrNotFound)
			want(t, s.CreateWebSession(t.Context(), w), nil)
			want(t, s.DeleteWebSession(t.Context(), w.IDHash), nil)
			want(t, s.UpdateWebSession(t.Context(), w), model.ErrNotFound)
		}},
		{"of updates made at once one is first", func(t *testing.T, s *store.Store) {
			w := newWebSession()
			want(t, s.CreateWebSession(t.Context(), w), nil)
			counts := testkit.AtOnce(t, 50, func(ctx context.Context, i int) error {
				mine := w
				mine.Sealed = []byte{byte(i)}
				return s.UpdateWebSession(ctx, mine)
			}, model.ErrConflict)
			if counts[nil] != 1 || counts[model.ErrConflict] != 49 {
				t.Errorf("outcomes %v", counts)
			}
		}},
		{"a session may be deleted twice", func(t *testing.T, s *store.Store) {
			w, neighbour := newWebSession(), newWebSession()
			want(t, s.CreateWebSession(t.Context(), w), nil)
			want(t, s.CreateWebSession(t.Context(), neighbour), nil)
			want(t, s.DeleteWebSession(t.Context(), w.IDHash), nil)
			want(t, s.DeleteWebSession(t.Context(), w.IDHash), nil)
			_, err := s.WebSession(t.Context(), w.IDHash)
			want(t, err, model.ErrNotFound)
			wantWebSession(t, s, neighbour)
		}},
		{"a sweep takes sessions that have ended or were not used", proveWebSweep},
		{"a sweep takes more than one batch", func(t *testing.T, s *store.Store) {
			hashes := make([][32]byte, 1000)
			testkit.AtOnce(t, len(hashes), func(ctx context.Context, i int) error {
				w := newWebSession()
				hashes[i] = w.IDHash
				return s.CreateWebSession(ctx, w)
			})
			want(t, s.Sweep(t.Context(), base.Add(24*time.Hour), time.Hour), nil)
			for _, h := range hashes {
				_, err := s.WebSession(t.Context(), h)
				want(t, err, model.ErrNotFound)
			}
		}},
	}
}

func proveWebSweep(t *testing.T, s *store.Store) {
	now, idle := base.Add(24*time.Hour), 30*time.Minute
	rows := map[[32]byte]bool{}
	for _, row := range []struct {
		left, unseen time.Duration
		stays        bool
	}{
		{left: time.Hour, unseen: time.Minute, stays: true},
		{left: time.Millisecond, unseen: idle - time.Millisecond, stays: true},
		{left: 0, unseen: time.Minute, stays: false},
		{left: -time.Hour, unseen: time.Minute, stays: false},
		{left: time.Hour, unseen: idle, stays: false},
		{left: -time.Hour, unseen: 5 * time.Hour, stays: false},
	} {
		w := newWebSession()
		w.ExpiresAt, w.LastSeenAt = now.Add(row.left), now.Add(-row.unseen)
		want(t, s.CreateWebSession(t.Context(), w), nil)
		rows[w.IDHash] = row.stays
	}
	want(t, s.Sweep(t.Context(), now, idle), nil)
	for hash, stays := range rows {
		if _, err := s.WebSession(t.Context(), hash); (err == nil) != stays {
			t.Errorf("session should stay: %v, got %v", stays, err)
		}
	}
}

func wantWebSession(t *testing.T, s *store.Store, w model.WebSession) {
	t.Helper()
	got, err := s.WebSession(t.Context(), w.IDHash)
	want(t, err, nil)
	if len(w.Sealed) == 0 {
		w.Sealed = got.Sealed[:0:0]
	}
	if diff := cmp.Diff(w, got); diff != "" {
		t.Error(diff)
	}
}
