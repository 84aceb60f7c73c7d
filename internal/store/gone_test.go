package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"latchkey/internal/model"
)

// tablesOfUsers are the tables that say whose a row is.
func tablesOfUsers(t *testing.T, db *sql.DB) (names []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
SELECT m.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' AND c.name = 'user_id' ORDER BY m.name`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// wantNothingOf fails the test if a table has a row of a user, except the tables named.
func wantNothingOf(t *testing.T, s *Store, userID string, but ...string) {
	t.Helper()
	tables := tablesOfUsers(t, s.file.readers)
	if len(tables) < 8 {
		t.Fatalf("only %v say whose a row is", tables)
	}
	for _, table := range append(tables, "users") {
		column := "user_id"
		if table == "users" {
			column = "id"
		}
		var n int
		if err := s.file.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table+" WHERE "+column+" = ?", userID).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 && (len(but) == 0 || table != but[0]) {
			t.Errorf("%d rows of %s are left", n, table)
		}
	}
}

// A user who is deleted while everything happens to them that is ever recorded leaves nothing, whatever comes first.
func TestNothingIsLeftOfAUserWhoIsDeletedMeanwhile(t *testing.T) {
	s := openFile(t, newFile(t))
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		userID := mustUser(t, s)
		key, err := makeKey(t.Context(), s, userID, 20)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := s.Identities(t.Context(), userID)
		if err != nil {
			t.Fatal(err)
		}
		before := grant(fmt.Sprintf("%d before", round))
		meanwhile := grant(fmt.Sprintf("%d meanwhile", round))
		for _, g := range []model.DeviceGrant{before, meanwhile} {
			if err := s.CreateGrant(t.Context(), g, 1000); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.ClaimGrant(t.Context(), before.UserCode, userID, [32]byte{1}, before.CreatedAt); err != nil {
			t.Fatal(err)
		}
		event := func(kind model.EventKind, actor model.Actor) model.Event {
			return model.Event{UserID: userID, At: time.Now(), Kind: kind, Actor: actor, Address: "192.0.2.1"}
		}
		acts := []func(ctx context.Context){
			func(ctx context.Context) { _, _ = makeKey(ctx, s, userID, 20) },
			func(ctx context.Context) {
				_ = s.RecordEvent(ctx, event(model.EventPasswordProved, model.ActorBrowser))
			},
			func(ctx context.Context) {
				_ = s.RecordRefusal(ctx, userID, key, model.KeyRefusal{At: time.Now()}, event(model.EventKeyRefused, model.ActorDevice))
			},
			func(ctx context.Context) {
				now := time.Now()
				a := model.Session{ID: model.NewID(now), UserID: userID, KeyID: key, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
				_ = s.CreateAuthSession(ctx, a, &model.KeyUse{At: now}, event(model.EventKeyFirstUsed, model.ActorDevice))
				_ = s.SawAuthSession(ctx, a.ID, now)
				_ = s.CreateWebSession(ctx, model.WebSession{IDHash: browserOf(a.ID), UserID: userID, AuthSessionID: a.ID, ExpiresAt: now.Add(time.Hour)})
			},
			func(ctx context.Context) {
				l := model.Link{ID: model.NewID(time.Now()), IdentityID: ids[0].ID, Purpose: model.LinkReset}
				_ = s.CreateLink(ctx, l, event(model.EventResetAsked, model.ActorUnknown))
			},
			func(ctx context.Context) {
				_, _ = s.ClaimGrant(ctx, meanwhile.UserCode, userID, [32]byte{1}, meanwhile.CreatedAt)
			},
		}
		for i := range 6 { // who guess
			acts = append(acts, func(ctx context.Context) {
				_ = s.RecordEvent(ctx, guess(userID, time.Now(), fmt.Sprintf("192.0.2.%d", i)))
			})
		}
		var all sync.WaitGroup
		for _, act := range acts {
			all.Go(func() {
				for range 4 {
					act(t.Context())
				}
			})
		}
		time.Sleep(time.Duration(round%7) * time.Millisecond / 4) // another moment in each round
		if err := s.DeleteUser(t.Context(), userID); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		wantNothingOf(t, s, userID, "device_grants") // of which one may have been opened just now
		if g, err := s.Grant(t.Context(), before.ID); err != nil || g.UserID != "" || g.DeviceName != "" || g.Address != "" || g.Session != [32]byte{} {
			t.Errorf("the pairing that was opened before is %+v, %v", g, err)
		}
		if _, err := s.ClaimGrant(t.Context(), before.UserCode, "somebody else", [32]byte{2}, before.CreatedAt); err == nil {
			t.Error("somebody else opens the pairing of a user who is gone")
		}
		if t.Failed() {
			t.Fatalf("in round %d", round+1)
		}
	}
}

// grant is a device's request for a key.
func grant(name string) model.DeviceGrant {
	now := time.Now()
	return model.DeviceGrant{
		ID: name, DeviceCodeHash: sha256.Sum256([]byte(name)), UserCode: name, DeviceName: "porch", Address: "192.0.2.7", Agent: "curl",
		CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func TestAUserWhoIsDeletedTakesWebSessionsAlongThatHoldNothing(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	if err := s.CreateWebSession(t.Context(), model.WebSession{IDHash: browserOf("elsewhere"), UserID: userID}); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteUser(t.Context(), userID); err != nil {
		t.Fatal(err)
	}
	wantNothingOf(t, s, userID)
}

func TestEventsOfUsersElsewhereAreWrittenThoughNobodyHereKnowsThem(t *testing.T) {
	s := openFile(t, newFile(t))
	for _, there := range []bool{true, false} {
		e := guess(model.NewID(time.Now()), time.Now(), "192.0.2.1")
		e.Elsewhere = there
		for _, e.Actor = range []model.Actor{model.ActorUnknown, model.ActorBrowser} {
			if err := s.RecordEvent(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		want := map[bool]int{true: 2, false: 0}[there]
		if _, rows := counted(t, s, e.UserID, model.EventSignInFailed); rows != want {
			t.Errorf("of a user elsewhere (%v) there are %d events, want %d", there, rows, want)
		}
	}
}

func TestTheFormsOfAUserWhoIsDeletedAreForgotten(t *testing.T) {
	s := openFile(t, newFile(t))
	user, now := mustUser(t, s), time.Now()
	k := model.Key{ID: model.NewID(now), UserID: user, Name: "a", CreatedAt: now}
	if err := s.CreateAPIKeyOnce(t.Context(), k, [32]byte{1}, 20, "form"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	wantNothingOf(t, s, user)
}
