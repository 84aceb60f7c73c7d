package store

import (
	"path/filepath"
	"testing"
	"time"

	"latchkey/internal/model"
)

// manyEvents gives a user so many events of one kind, after one of another kind.
func manyEvents(t *testing.T, n int) (s *Store, userID string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "many.db")
	s = openFile(t, file)
	userID = mustUser(t, s)
	if err := s.RecordEvent(t.Context(), model.Event{ID: "0", UserID: userID, At: time.Unix(1, 0), Kind: model.EventKeyShown, KeyID: "k"}); err != nil {
		t.Fatal(err)
	}
	_, err := openRaw(t, file).ExecContext(t.Context(), `
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
INSERT INTO events SELECT ?1, printf('1%06d', i), i, 'key-turned-on', 'app', '', '', '', '192.0.2.1', 'a program' FROM n`, userID, n)
	if err != nil {
		t.Fatal(err)
	}
	return s, userID
}

func TestAFilterLooksAtSoManyEventsAndNoMore(t *testing.T) {
	for n, want := range map[int]int{20_000 - 1: 1, 20_000: 0, 25_000: 0} {
		s, userID := manyEvents(t, n)
		begun := time.Now()
		for _, q := range []model.EventQuery{{Kinds: []model.EventKind{model.EventKeyShown}, Limit: 50}, {KeyID: "k", Limit: 50}} {
			if events, err := s.Events(t.Context(), userID, q); err != nil || len(events) != want {
				t.Errorf("%+v of %d: %d events, %v; want %d", q, n, len(events), err, want)
			}
		}
		t.Logf("two filters over %d events: %v", n, time.Since(begun))
		all, err := s.Events(t.Context(), userID, model.EventQuery{Limit: n + 1})
		if len(all) < n+1 || all[n].Kind != model.EventKeyShown {
			t.Errorf("without a filter %d of %d events, %v", len(all), n+1, err)
		}
		events, err := s.Events(t.Context(), userID, model.EventQuery{Before: "1000100", Kinds: []model.EventKind{model.EventKeyShown}, Limit: 50})
		if len(events) != 1 {
			t.Errorf("further back the filter finds %d, %v", len(events), err)
		}
	}
}
