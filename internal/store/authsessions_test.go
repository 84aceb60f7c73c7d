package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// What is remembered of full openers must never be trusted too long: whatever happens in between, a key keeps exactly its newest
// sessions.
func TestAKeyKeepsItsNewestSessionsWhateverHappensInBetween(t *testing.T) {
	s := openFile(t, newFile(t))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // G404: the same ones each time
	u := mustUser(t, s)
	var keys [2]string
	for i := range keys {
		var err error
		if keys[i], err = makeKey(t.Context(), s, u, 20); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	open := func(keyID string, ends time.Time) string {
		id := model.NewID(now)
		err := s.CreateAuthSession(t.Context(), model.Session{ID: id, UserID: u, KeyID: keyID, CreatedAt: now, ExpiresAt: ends}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	broken := errors.New("broken")
	want := map[string][]string{}
	remembered := 0
	for range 3000 {
		keyID := keys[random.IntN(len(keys))]
		switch random.IntN(60) {
		case 0: // one ends
			if had := want[keyID]; len(had) > 0 {
				i := random.IntN(len(had))
				if err := s.DeleteAuthSession(t.Context(), u, had[i]); err != nil {
					t.Fatal(err)
				}
				want[keyID] = slices.Delete(had, i, i+1)
			}
		case 1: // a sign-in is undone after all
			err := s.file.writer.do(t.Context(), func(tx tx) error {
				a := model.Session{ID: model.NewID(now), UserID: u, KeyID: keyID}
				return errors.Join(openSession(tx, a, nil, nil), broken)
			})
			if !errors.Is(err, broken) {
				t.Fatal(err)
			}
		case 2: // one is swept
			open(keyID, now.Add(-time.Hour))
			want[keyID] = keepNewest(want[keyID], MaxAuthSessions-1)
			if err := s.Sweep(t.Context(), now, time.Hour); err != nil {
				t.Fatal(err)
			}
		default:
			want[keyID] = keepNewest(append(want[keyID], open(keyID, now.Add(time.Hour))), MaxAuthSessions)
		}
		remembered = max(remembered, len(s.file.writer.full))
	}
	for _, keyID := range keys {
		if got := sessionsOfKey(t, s, u, keyID); !slices.Equal(got, want[keyID]) || len(got) < MaxAuthSessions/2 {
			t.Errorf("%d sessions are left, want %d", len(got), len(want[keyID]))
		}
	}
	if remembered != len(keys) {
		t.Errorf("%d full keys were remembered, so that this proves nothing", remembered)
	}
}

func keepNewest(ids []string, n int) []string { return ids[max(0, len(ids)-n):] }

func sessionsOfKey(t *testing.T, s *Store, userID, keyID string) (ids []string) {
	t.Helper()
	rows, err := s.AuthSessions(context.Background(), userID, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.KeyID == keyID {
			ids = append(ids, row.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestWhatIsRememberedOfFullOpenersIsBounded(t *testing.T) {
	o := openers{}
	for range 3 * maxOpeners {
		o.add(opener{userID: model.NewID(time.Now())})
	}
	if len(o) > maxOpeners {
		t.Errorf("%d are remembered", len(o))
	}
}

func TestOnlyADeleteEndsSessions(t *testing.T) {
	for _, text := range writeStatements() {
		words := strings.ToUpper(text)
		if deletes := strings.Contains(words, "DELETE") || strings.Contains(words, "REPLACE INTO") || strings.Contains(words, "OR REPLACE"); deletes != strings.HasPrefix(strings.TrimSpace(words), "DELETE") {
			t.Errorf("does not begin with DELETE: %s", text)
		}
		if strings.Contains(words, "UPDATE AUTH_SESSIONS SET") && text != updateLastSeen && text != boundAuthSessions && text != updateAuthSessionIdentity &&
			text != shortenSessionsOfKey && text != lengthenSessionsOfKey && text != updateProvedAt {
			t.Errorf("may give a session to somebody else: %s", text)
		}
	}
	var triggers string
	err := openFile(t, newFile(t)).file.readers.QueryRowContext(t.Context(), `SELECT group_concat(name) FROM sqlite_schema WHERE type = 'trigger'`).Scan(&triggers)
	if err != nil || triggers != "events_stay_as_they_are,a_key_takes_its_card_along,operator_acts_stay_as_they_are,a_session_takes_what_it_opened_along,events_wait_for_webhooks" {
		t.Errorf("triggers: %s, %v", triggers, err)
	}
}
