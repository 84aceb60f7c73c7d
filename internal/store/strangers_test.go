package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// guess is a wrong password from an address.
func guess(userID string, at time.Time, address string) model.Event {
	return model.Event{
		UserID: userID, At: at, Kind: model.EventSignInFailed, Actor: model.ActorUnknown, Detail: model.ReasonWrongPassword,
		Address: address, Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	}
}

// counted is how often something was recorded, in how many rows.
func counted(t *testing.T, s *Store, userID string, kind model.EventKind) (times, rows int) {
	t.Helper()
	events, err := s.Events(t.Context(), userID, model.EventQuery{Kinds: []model.EventKind{kind}, Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		times += e.Again + 1
	}
	return times, len(events)
}

// recordAll writes events down in few transactions.
func recordAll(t *testing.T, s *Store, events []model.Event) {
	t.Helper()
	for some := range slices.Chunk(events, 1000) {
		if err := s.file.writer.do(t.Context(), func(t tx) error { return recordEvents(t, some) }); err != nil {
			t.Fatal(err)
		}
	}
}

// sizeOfRows is what an account's rows take up: pages that are not free, once the log is in the file.
func sizeOfRows(t *testing.T, s *Store) (pages int) {
	t.Helper()
	if err := checkpoint(t.Context(), s.file.writer.conn); err != nil {
		t.Fatal(err)
	}
	if err := s.file.readers.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestTwoWeeksOfGuessesLeaveTheActivityReadable(t *testing.T) {
	const perDay, own = 24 * 60, 1000
	days := 14
	if testing.Short() {
		days = 3
	}
	for name, address := range map[string]func(i int) string{
		"from one address":      func(int) string { return "192.0.2.1" },
		"from ten addresses":    func(i int) string { return fmt.Sprintf("192.0.2.%d", i%10) },
		"from as many as there": func(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) },
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && strings.Contains(name, "ten") {
				t.Skip("between the others")
			}
			s := openFile(t, newFile(t))
			userID := mustUser(t, s)
			begun := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
			var theirs []model.Event
			for i := range own {
				theirs = append(theirs, model.Event{
					UserID: userID, At: begun.Add(time.Duration(i-own) * time.Hour), Kind: model.EventKeyMade, Actor: model.ActorBrowser,
				})
			}
			recordAll(t, s, theirs)
			before := sizeOfRows(t, s)
			guesses := days * perDay
			var all []model.Event
			for i := range guesses {
				all = append(all, guess(userID, begun.Add(time.Duration(i)*time.Minute), address(i)))
			}
			recordAll(t, s, all)
			times, rows := counted(t, s, userID, model.EventSignInFailed)
			if most := days * 40; times != guesses || rows > most {
				t.Errorf("%d guesses are %d times in %d rows, want at most %d", guesses, times, rows, most)
			}
			if _, rows := counted(t, s, userID, model.EventKeyMade); rows != own {
				t.Errorf("of %d events of the owner %d are found", own, rows)
			}
			if grown := (sizeOfRows(t, s) - before) * 4096; grown > 256<<10 {
				t.Errorf("the guesses take %d bytes", grown)
			}
		})
	}
}

func TestWhatStrangersRepeatIsOneRowForTenMinutes(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	noon := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	record := func(e model.Event) {
		t.Helper()
		if err := s.RecordEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 11 {
		record(guess(userID, noon.Add(time.Duration(i)*time.Minute), "192.0.2.1"))
	}
	other, off, ofOwner := guess(userID, noon, "192.0.2.1"), guess(userID, noon, "192.0.2.1"), guess(userID, noon, "192.0.2.1")
	other.Detail, off.Kind, off.Actor, off.KeyID = model.ReasonPending, model.EventKeyRefused, model.ActorDevice, "a key"
	ofOwner.Actor = model.ActorBrowser
	for range 3 {
		for _, e := range []model.Event{other, off, ofOwner, guess(userID, noon, "192.0.2.2")} {
			record(e)
		}
	}
	events, err := s.Events(t.Context(), userID, model.EventQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		kind            model.EventKind
		actor           model.Actor
		detail, address string
		again           int
		last            time.Time
	}
	got := map[row]int{}
	for _, e := range events {
		got[row{e.Kind, e.Actor, e.Detail, e.Address, e.Again, e.LastAt}]++
	}
	for want, n := range map[row]int{
		{model.EventSignInFailed, model.ActorUnknown, model.ReasonWrongPassword, "192.0.2.1", 9, noon.Add(9 * time.Minute)}: 1,
		{model.EventSignInFailed, model.ActorUnknown, model.ReasonWrongPassword, "192.0.2.1", 0, time.Time{}}:               1, // the eleventh
		{model.EventSignInFailed, model.ActorUnknown, model.ReasonWrongPassword, "192.0.2.2", 2, noon}:                      1,
		{model.EventSignInFailed, model.ActorUnknown, model.ReasonPending, "192.0.2.1", 2, noon}:                            1,
		{model.EventKeyRefused, model.ActorDevice, model.ReasonWrongPassword, "192.0.2.1", 2, noon}:                         1,
		{model.EventSignInFailed, model.ActorBrowser, model.ReasonWrongPassword, "192.0.2.1", 0, time.Time{}}:               3,
	} {
		if got[want] != n {
			t.Errorf("%+v: %d rows, want %d", want, got[want], n)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("and also %v", got)
	}
}

// A clock that was ahead once must not have all that follows counted with what happened then, nor fill the days until then.
func TestAClockThatWasAheadFillsNoOtherDay(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	now := time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)
	for i := range 60 {
		if err := s.RecordEvent(t.Context(), guess(userID, now.AddDate(1, 0, 0), fmt.Sprintf("192.0.2.%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RecordEvent(t.Context(), guess(userID, now, "192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(t.Context(), userID, model.EventQuery{Limit: 100})
	if err != nil || len(events) != 26 {
		t.Fatalf("%d rows, %v", len(events), err)
	}
	for _, e := range events {
		if e.At.Equal(now) && (e.Again != 0 || e.Address != "192.0.2.1") {
			t.Errorf("now is written down as %+v", e)
		}
	}
}

func TestAStrangersEventIsWrittenOnceUnderItsID(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	e := guess(userID, time.Now(), "192.0.2.1")
	e.ID = model.NewID(e.At)
	for range 3 {
		if err := s.RecordEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if times, rows := counted(t, s, userID, model.EventSignInFailed); times != 1 || rows != 1 {
		t.Errorf("%d times in %d rows", times, rows)
	}
}

// Somebody who knows a password signs in some ten times a second, for as long as they like.
func TestSigningInWithoutEndIsFewRows(t *testing.T) {
	s := openFile(t, newFile(t))
	const userID, often = "650000000000000000000001", 4000
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	events := make([]model.Event, 0, 2*often)
	for i := range often {
		at = at.Add(20 * time.Second) // nearly a day in all
		for _, kind := range []model.EventKind{model.EventSignedIn, model.EventSessionEnded} {
			events = append(events, model.Event{UserID: userID, At: at, Kind: kind, Actor: model.ActorApp, Address: fmt.Sprintf("192.0.2.%d", i%3), Elsewhere: true})
		}
	}
	made := model.Event{UserID: userID, At: at, Kind: model.EventKeyMade, Actor: model.ActorApp, Elsewhere: true}
	recordAll(t, s, append(events, made, made))
	rows := 0
	for _, kind := range []model.EventKind{model.EventSignedIn, model.EventSessionEnded} {
		times, n := counted(t, s, userID, kind)
		if rows += n; times != often {
			t.Errorf("%s happened %d times, and %d are told of", kind, often, times)
		}
	}
	if rows > 600 {
		t.Errorf("they are %d rows", rows)
	}
	if times, n := counted(t, s, userID, model.EventKeyMade); times != 2 || n != 2 {
		t.Errorf("two keys that are made are %d, in %d rows", times, n)
	}
	if _, n := counted(t, s, "650000000000000000000002", model.EventSignedIn); n != 0 {
		t.Errorf("somebody else has %d", n)
	}
}
