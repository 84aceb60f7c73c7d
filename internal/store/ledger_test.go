package store

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/model"
)

// state is what is known of a row. The states with a question mark in what is told leave two outcomes open.
type state int

const (
	there state = iota
	maybeOff
	off
	maybeGone
	gone
)

// life is what is known of one user.
type life struct {
	user     state
	keys     map[string]state
	sessions map[string]string // to the key each was opened with, or "-"
	browsers map[string]state  // by the session each holds
	pairings map[string]string // to the state that was reached at least
	events   []string          // what must have been recorded, as eventText has it
}

// ledger is what was told, by user.
type ledger struct {
	lives        map[string]*life
	acknowledged int // writes
}

func newLedger() *ledger { return &ledger{lives: map[string]*life{}} }

// add enters what another ledger has of other users.
func (l *ledger) add(other *ledger) {
	maps.Copy(l.lives, other.lives)
	l.acknowledged += other.acknowledged
}

// noteAll enters the lines of a text. A line that was cut short was not told to anybody.
func (l *ledger) noteAll(t *testing.T, told string) {
	t.Helper()
	for line := range strings.Lines(told) {
		if strings.HasSuffix(line, "\n") {
			l.note(t, strings.Fields(line))
		}
	}
}

// noteDoubts enters what may have been taken away, and nothing else, of what is in the ledger.
func (l *ledger) noteDoubts(t *testing.T, told string) {
	t.Helper()
	for line := range strings.Lines(told) {
		words := strings.Fields(line)
		if !strings.HasSuffix(words[0], "?") || l.lives[words[1]] == nil {
			continue
		}
		u := l.lives[words[1]]
		if _, known := u.keys[words[len(words)-1]]; known || words[0] == "left?" || words[0] == "closed?" {
			l.note(t, words)
		}
	}
}

// eventText is what an event is known by in a ledger.
func eventText(kind model.EventKind, keyID, detail string) string {
	return string(kind) + " " + keyID + " " + detail
}

// note enters a line.
func (l *ledger) note(t *testing.T, words []string) {
	t.Helper()
	if words[0] == "open" || words[0] == "failed" {
		return
	}
	if !strings.HasSuffix(words[0], "?") {
		l.acknowledged++
	}
	if words[0] == "user" {
		l.lives[words[1]] = &life{
			keys: map[string]state{}, sessions: map[string]string{}, browsers: map[string]state{}, pairings: map[string]string{},
		}
	}
	l.lives[words[1]].note(t, words[0], append(words[2:], "", ""))
}

func (u *life) note(t *testing.T, what string, about []string) {
	t.Helper()
	first, second := about[0], about[1]
	happened := func(kind model.EventKind, keyID, detail string) {
		u.events = append(u.events, eventText(kind, keyID, detail))
	}
	switch what {
	case "user":
		happened(model.EventAccountMade, "", "")
	case "session":
		u.sessions[first] = second
		if second == "-" {
			happened(model.EventSignedIn, "", first)
		} else {
			happened(model.EventKeyFirstUsed, second, "")
		}
	case "browser":
		u.browsers[first] = there
	case "closed?":
		u.browsers[first] = maybeGone
	case "closed":
		u.browsers[first] = gone
		happened(model.EventSessionEnded, "", first)
	case "key":
		u.keys[first] = there
		happened(model.EventKeyMade, first, "")
	case "off?":
		u.keys[first] = maybeOff
	case "off":
		u.keys[first] = off
		happened(model.EventKeyTurnedOff, first, "")
	case "gone?":
		u.keys[first] = maybeGone
	case "gone":
		u.keys[first] = gone
		happened(model.EventKeyDeleted, first, "")
	case "pairing":
		u.pairings[first] = second
	case "event":
		happened(model.EventKind(first), second, about[2])
	case "left?":
		u.user = maybeGone
	case "left":
		u.user = gone
	default:
		t.Fatalf("was told %q of %v", what, about)
	}
}

// compare fails the test for every row that is not as the ledger has it, and for every event that is missing.
func (l *ledger) compare(t *testing.T, s *Store) {
	t.Helper()
	for id, u := range l.lives {
		u.comparePairings(t, s)
		if u.user == maybeGone {
			continue
		}
		_, err := s.Identities(t.Context(), id)
		wantThere(t, "user "+id, u.user, err)
		u.compareKeys(t, s, id)
		u.compareSessions(t, s, id)
		u.compareEvents(t, s, id)
	}
}

// orUser is what is known of a row that goes with its user.
func (u *life) orUser(known state) state {
	if u.user == gone {
		return gone
	}
	return known
}

func (u *life) compareKeys(t *testing.T, s *Store, id string) {
	t.Helper()
	for key, known := range u.keys {
		known = u.orUser(known)
		k, err := s.APIKey(t.Context(), id, key)
		wantThere(t, "key "+key, known, err)
		if err == nil && k.Disabled != (known == off) && known != maybeOff && known != maybeGone {
			t.Errorf("key %s: off is %v", key, k.Disabled)
		}
	}
}

func (u *life) compareSessions(t *testing.T, s *Store, id string) {
	t.Helper()
	uses := usesOf(t, s, id)
	for session, key := range u.sessions {
		known := u.keys[key]
		if key == "-" {
			known = u.browsers[session]
		} else if use, isThere := uses[key]; isThere && use != session || !isThere && u.user != gone && known < maybeGone {
			// A key's use is as durable as the session, and stays when turning the key off ends that.
			t.Errorf("session %s was acknowledged, and the last use of its key is %q", session, use)
		}
		switch known {
		case off:
			known = gone
		case maybeOff:
			known = maybeGone
		}
		_, err := s.AuthSession(t.Context(), session)
		wantThere(t, "session "+session, u.orUser(known), err)
	}
	for session, known := range u.browsers {
		w, err := s.WebSession(t.Context(), browserOf(session))
		wantThere(t, "browser with session "+session, u.orUser(known), err)
		if err == nil && (string(w.Sealed) != session || w.AuthSessionID != session) {
			t.Errorf("browser with session %s holds %s", session, w.AuthSessionID)
		}
	}
}

// comparePairings is about rows that stay when their user goes.
func (u *life) comparePairings(t *testing.T, s *Store) {
	t.Helper()
	order := []model.GrantState{"pending", "approving", "approved"}
	for id, reached := range u.pairings {
		g, err := s.Grant(t.Context(), id)
		wantThere(t, "pairing "+id, there, err)
		if err == nil && slices.Index(order, g.State) < slices.Index(order, model.GrantState(reached)) {
			t.Errorf("pairing %s is %s, and was acknowledged to be %s", id, g.State, reached)
		}
		if g.State == "approved" && (g.KeyID == "" || !bytes.Equal(g.Sealed, []byte(g.KeyID))) {
			t.Errorf("pairing %s is approved, and its value is %q for key %q", id, g.Sealed, g.KeyID)
		}
	}
}

func (u *life) compareEvents(t *testing.T, s *Store, id string) {
	t.Helper()
	events, err := s.Events(t.Context(), id, model.EventQuery{Limit: 1000})
	if err != nil {
		t.Error(err)
	}
	written := map[string]bool{}
	for _, e := range events {
		written[eventText(e.Kind, e.KeyID, e.Detail)] = true
	}
	if u.user == gone {
		if len(events) > 0 {
			t.Errorf("user %s is gone, and %d events are there", id, len(events))
		}
		return
	}
	for _, text := range u.events {
		if !written[text] {
			t.Errorf("user %s: event %q is missing", id, text)
		}
	}
}

// usesOf returns the session of the last use of each key of a user.
func usesOf(t *testing.T, s *Store, userID string) map[string]string {
	t.Helper()
	keys, err := s.Keys(t.Context(), userID)
	if err != nil {
		t.Error(err)
	}
	uses := map[string]string{}
	for _, key := range keys.List {
		uses[key.ID] = key.Usage.LastUse.Address
	}
	return uses
}

func wantThere(t *testing.T, what string, known state, err error) {
	t.Helper()
	missing := errors.Is(err, model.ErrNotFound)
	switch {
	case err != nil && !missing:
		t.Errorf("%s: %v", what, err)
	case known == gone && !missing:
		t.Errorf("%s was acknowledged to be gone and is there", what)
	case known != gone && known != maybeGone && missing:
		t.Errorf("%s was acknowledged and is missing", what)
	}
}

// wantSound fails the test unless the database is in order and every act in it has its event, once, whether or not the act was ever
// acknowledged.
func wantSound(t *testing.T, s *Store) {
	t.Helper()
	if s.file != nil {
		wantIntegrity(t, s)
	}
	const event = "(SELECT 1 FROM events AS e WHERE e.user_id = k.user_id AND e.key_id = k.id AND e.kind = "
	for what, query := range map[string]string{
		"events are doubled":               "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY user_id, kind, key_id, detail HAVING count(*) > 1) AS doubled",
		"events are of users who are gone": "SELECT count(*) FROM events WHERE user_id NOT IN (SELECT id FROM users)",
		"users have no event of being made": `SELECT count(*) FROM users WHERE NOT EXISTS (
			SELECT 1 FROM events WHERE user_id = users.id AND kind = 'account-made')`,
		"keys have no event of being made":           "SELECT count(*) FROM api_keys AS k WHERE NOT EXISTS " + event + "'key-made')",
		"keys are there and have one of being gone":  "SELECT count(*) FROM api_keys AS k WHERE EXISTS " + event + "'key-deleted')",
		"keys are on or off and their events differ": "SELECT count(*) FROM api_keys AS k WHERE disabled <> EXISTS " + event + "'key-turned-off')",
		"keys are used or not and their events differ": `SELECT count(*) FROM api_keys AS k
			WHERE EXISTS (SELECT 1 FROM key_uses AS u WHERE u.user_id = k.user_id AND u.key_id = k.id) <> EXISTS ` + event + "'key-first-used')",
		"keys are gone and have no event of it": `SELECT count(*) FROM events AS k WHERE kind = 'key-made'
			AND NOT EXISTS (SELECT 1 FROM api_keys WHERE user_id = k.user_id AND id = k.key_id)
			AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.user_id = k.user_id AND e.key_id = k.key_id AND e.kind = 'key-deleted')`,
		"sessions are there or not and their events differ": `SELECT count(*) FROM events AS k WHERE kind = 'signed-in'
			AND EXISTS (SELECT 1 FROM auth_sessions WHERE id = k.detail)
			= EXISTS (SELECT 1 FROM events AS e WHERE e.user_id = k.user_id AND e.detail = k.detail AND e.kind = 'session-ended')`,
	} {
		var n int
		if err := pastTheStore(t, s, query).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d %s (%v)", n, what, err)
		}
	}
}

// pastTheStore asks the database itself, whichever it is.
func pastTheStore(t *testing.T, s *Store, query string) interface{ Scan(dest ...any) error } {
	t.Helper()
	if s.file != nil {
		return s.file.readers.QueryRowContext(t.Context(), query)
	}
	return s.server.pool.QueryRow(t.Context(), query)
}

func wantIntegrity(t *testing.T, s *Store) {
	t.Helper()
	var verdict string
	if err := s.file.readers.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %q (%v)", verdict, err)
	}
	var orphans int
	err := s.file.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM pragma_foreign_key_check").Scan(&orphans)
	if err != nil || orphans != 0 {
		t.Errorf("%d rows refer to rows that are gone (%v)", orphans, err)
	}
}
