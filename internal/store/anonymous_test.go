package store

import (
	"errors"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestAnAnonymousAccountGoesWithItsLastSessionAndNoOtherDoes(t *testing.T) {
	s := openFile(t, newFile(t))
	begun := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	sweep := func(after time.Duration) {
		t.Helper()
		if err := s.Sweep(t.Context(), begun.Add(after), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	isThere := func(what, userID string, want bool) {
		t.Helper()
		if _, err := s.User(t.Context(), userID); (err == nil) != want || err != nil && !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
		if !want {
			wantNothingOf(t, s, userID)
		}
	}
	make1 := func(ids ...model.Identity) model.User {
		t.Helper()
		u := model.User{ID: model.NewID(begun), CreatedAt: begun}
		for i := range ids {
			ids[i].ID, ids[i].UserID, ids[i].Subject = model.NewID(begun), u.ID, model.NewID(begun)
		}
		var err error
		if len(ids) == 1 {
			err = s.CreateUser(t.Context(), u, ids[0])
		} else {
			err = s.ImportUser(t.Context(), u, ids)
		}
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	signIn := func(userID, keyID string, life time.Duration) model.Session {
		t.Helper()
		a := model.Session{ID: model.NewID(begun), UserID: userID, KeyID: keyID, CreatedAt: begun, ExpiresAt: begun.Add(life)}
		e := model.Event{UserID: userID, At: begun, Kind: model.EventSignedIn, Actor: model.ActorApp}
		if err := s.CreateAuthSession(t.Context(), a, nil, e); err != nil {
			t.Fatal(err)
		}
		return a
	}
	anonymous, person := model.Identity{Provider: model.ProviderAnonymous}, model.Identity{Provider: model.ProviderEmailPassword}
	signedOut, expires, lives, withKey, without := make1(anonymous), make1(anonymous), make1(anonymous), make1(anonymous), make1(anonymous)
	email, imported := make1(person), make1(anonymous, anonymous)
	gone := signIn(signedOut.ID, "", 1000*time.Hour)
	signIn(expires.ID, "", 2*time.Hour)
	for _, u := range []model.User{lives, email, withKey} {
		signIn(u.ID, "", 500*time.Hour)
	}
	if _, err := makeKey(t.Context(), s, withKey.ID, 20); err != nil {
		t.Fatal(err)
	}

	sweep(time.Minute)
	for what, u := range map[string]model.User{"about to sign in": without, "signed in": expires, "signed in for longer": lives} {
		isThere(what, u.ID, true)
	}
	if err := s.DeleteAuthSession(t.Context(), signedOut.ID, gone.ID, model.Event{UserID: signedOut.ID, At: begun, Kind: model.EventSessionEnded}); err != nil {
		t.Fatal(err)
	}
	sweep(2 * time.Minute)
	isThere("signed out", signedOut.ID, false)
	sweep(anonymousGrace)
	isThere("never signed in", without.ID, false)
	isThere("signed in", expires.ID, true)
	sweep(2 * time.Hour)
	isThere("expired", expires.ID, false)
	isThere("signed in for longer", lives.ID, true)
	sweep(500 * time.Hour)
	isThere("expired too", lives.ID, false)
	for what, u := range map[string]model.User{"has a key": withKey, "has an email": email, "was imported": imported} {
		isThere(what, u.ID, true)
	}
	var due int
	if err := s.file.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM anonymous_users").Scan(&due); err != nil || due != 0 {
		t.Errorf("%d accounts are still looked at, %v", due, err)
	}
}

// However many live, a sweep looks at each once in its life.
func TestASweepDoesNotLookAgainAtAnonymousAccountsThatLive(t *testing.T) {
	s := openFile(t, newFile(t))
	begun := time.Now()
	for range 2*sweepBatch + 50 {
		userID := mustUser(t, s)
		a := model.Session{ID: model.NewID(begun), UserID: userID, CreatedAt: begun, ExpiresAt: begun.Add(48 * time.Hour)}
		if err := s.CreateAuthSession(t.Context(), a, nil, model.Event{UserID: userID, At: begun, Kind: model.EventSignedIn}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(query string, at time.Time) (n int) {
		t.Helper()
		if err := s.file.readers.QueryRowContext(t.Context(), query, at.UnixMilli()).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const due, users = "SELECT count(*) FROM anonymous_users WHERE look_at <= ?", "SELECT count(*) FROM users WHERE created_at >= ? - 100000000"
	at := begun.Add(2 * anonymousGrace)
	if err := s.Sweep(t.Context(), at, time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := count(due, at); n != 0 {
		t.Errorf("%d are to be looked at again", n)
	}
	if err := s.Sweep(t.Context(), begun.Add(49*time.Hour), time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := count(users, begun) + count("SELECT count(*) FROM events WHERE at >= ? - 100000000", begun); n != 0 {
		t.Errorf("%d users and events are left", n)
	}
}

// Those from before there was a list of them are found by what is known of them.
func TestAnonymousAccountsFromBeforeAreSweptToo(t *testing.T) {
	path := newFile(t)
	s := openFile(t, path)
	now := time.Now()
	old, imported := mustUser(t, s), model.User{ID: model.NewID(now), CreatedAt: now}
	byOperator := model.Event{UserID: imported.ID, At: now, Kind: model.EventAccountMade, Actor: model.ActorOperator}
	ids := []model.Identity{{ID: model.NewID(now), Provider: model.ProviderAnonymous, Subject: "elsewhere"}}
	if err := s.ImportUser(t.Context(), imported, ids, byOperator); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, path)
	undoDevices(t, db)
	for _, undo := range []string{
		"DROP TABLE forms", "DROP TABLE clock", "DROP TABLE anonymous_users", "DROP TABLE event_repeats", "DROP INDEX device_grants_user_id",
		"DELETE FROM goose_db_version WHERE version_id >= 5",
	} {
		run(t, db, undo)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = openFile(t, path)
	if err := s.Sweep(t.Context(), now.Add(time.Minute), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := s.User(t.Context(), old); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the old one: %v", err)
	}
	if _, err := s.User(t.Context(), imported.ID); err != nil {
		t.Errorf("the one that was imported: %v", err)
	}
}
