package store

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// killed copies the files of an open database that nobody writes to, as a kill would leave them.
func killed(t *testing.T, s *Store) (path string) {
	t.Helper()
	if err := s.SawAuthSession(t.Context(), "nobody's", time.Now()); err != nil { // the log was marked before this is written
		t.Fatal(err)
	}
	path = newFile(t)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		copyFile(t, s.file.path+suffix, path+suffix)
	}
	return path
}

// writeMuch fills a log until it has restarted, and a little more.
func writeMuch(t *testing.T, s *Store, userID string) {
	t.Helper()
	salts := func() string { return contents(t, s.file.path+"-wal")[logSaltsAt : logSaltsAt+logSaltsSize] }
	begun := salts()
	for i := 0; salts() == begun; i++ {
		var events []model.Event
		for range 1000 {
			events = append(events, model.Event{
				UserID: userID, At: time.Now(), Kind: model.EventKeyMade, Actor: model.ActorBrowser, Agent: strings.Repeat("x", 1000),
			})
		}
		recordAll(t, s, events)
		mustUser(t, s)
		if i > 100 {
			t.Fatal("the log does not begin anew")
		}
	}
}

func wantForeign(t *testing.T, path string) {
	t.Helper()
	before := map[string]string{}
	for _, suffix := range []string{"", "-wal"} {
		before[suffix] = contents(t, path+suffix)
	}
	_, err := Open(t.Context(), path)
	if !errors.Is(err, ErrForeignLog) || !strings.Contains(err.Error(), "remove "+path+"-wal ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v", err)
	}
	for suffix, content := range before {
		if contents(t, path+suffix) != content {
			t.Errorf("%s changed", path+suffix)
		}
	}
}

// wantOpens opens a file and says whether a user is in it.
func wantOpens(t *testing.T, path, userID string, there bool) {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Errorf("it does not open: %v", err)
		return
	}
	if _, err := s.User(t.Context(), userID); (err == nil) != there {
		t.Errorf("user: %v", err)
	}
	wantIntegrity(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestACopyThatWasPutBesideAnotherLogIsNoticed(t *testing.T) {
	for name, write := range map[string]func(*testing.T, *Store, string){
		"the next log":                   func(*testing.T, *Store, string) {},
		"a small log":                    func(t *testing.T, s *Store, _ string) { mustUser(t, s) },
		"a large log":                    writeMuch,
		"a log that began anew and anew": func(t *testing.T, s *Store, id string) { writeMuch(t, s, id); writeMuch(t, s, id) },
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && strings.Contains(name, "anew") {
				t.Skip("writes 50 MB")
			}
			path := newFile(t)
			s := openFile(t, path)
			userID := mustUser(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			cold, backup, used := newFile(t), newFile(t), newFile(t)
			copyFile(t, path, cold)

			s = openFile(t, path)
			mustUser(t, s)
			if err := s.Backup(t.Context(), backup); err != nil {
				t.Fatal(err)
			}
			write(t, s, userID)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			copyFile(t, backup, used)
			restored := openFile(t, used)
			mustUser(t, restored)
			if err := restored.Close(); err != nil {
				t.Fatal(err)
			}
			s = openFile(t, path)
			last := mustUser(t, s)
			write(t, s, userID)
			for what, copied := range map[string]string{
				"a backup": backup, "a backup that was used": used, "a copy of the file": cold,
			} {
				crashed := killed(t, s)
				copyFile(t, copied, crashed)
				wantForeign(t, crashed)
				if t.Failed() {
					t.Fatal(what)
				}
				if err := os.Remove(crashed + "-wal"); err != nil { // and nothing else, as it says
					t.Fatal(err)
				}
				wantOpens(t, crashed, last, false)
			}
			crashed := killed(t, s)
			if err := os.Truncate(crashed, 0); err != nil {
				t.Fatal(err)
			}
			wantForeign(t, crashed)
			if err := os.Remove(crashed); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), crashed); !errors.Is(err, ErrForeignLog) {
				t.Errorf("a log without its database: %v", err)
			}

			wantOpens(t, killed(t, s), last, true) // all three files together
		})
	}
}

func TestALogThatWasCutShortOrIsNoneIsNoAlarm(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	backup := newFile(t)
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	for name, log := range map[string]string{
		"empty": "", "noise": strings.Repeat("noise", 5000), "without a frame": contents(t, s.file.path+"-wal")[:logHeaderSize],
		"without a whole commit": contents(t, s.file.path+"-wal")[:logHeaderSize+100],
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			copyFile(t, backup, path)
			if err := os.WriteFile(path+"-wal", []byte(log), 0o600); err != nil {
				t.Fatal(err)
			}
			wantOpens(t, path, userID, true)
		})
	}
	// A commit that was not written whole is not looked at, whatever is in it.
	path := killed(t, s)
	log := contents(t, path+"-wal")
	if err := os.WriteFile(path+"-wal", []byte(log[:len(log)-1000]), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, path, userID, true)
}

func TestEveryLogHasTheNumberOfItsDatabase(t *testing.T) {
	s := openFile(t, newFile(t))
	userID := mustUser(t, s)
	logs := 3
	if testing.Short() {
		logs = 1
	}
	for range logs {
		path := killed(t, s)
		log, err := readLog(path + "-wal")
		if err != nil || !log.commits || len(log.numbers) != 2 {
			t.Fatalf("%+v, %v", log, err)
		}
		if err := checkOwnLog(path); err != nil {
			t.Error(err)
		}
		if !testing.Short() {
			writeMuch(t, s, userID)
		}
	}
}

func TestALogOfAnotherDatabaseIsNoticedHoweverYoungBothAre(t *testing.T) {
	one, another := openFile(t, newFile(t)), openFile(t, newFile(t))
	mustUser(t, one)
	mustUser(t, another)
	for _, pair := range [][2]*Store{{one, another}, {another, one}} {
		path, log := killed(t, pair[0]), killed(t, pair[1])
		copyFile(t, log+"-wal", path+"-wal")
		wantForeign(t, path)
	}
}

func TestALogOfACopyThatWentItsOwnWayIsNoticed(t *testing.T) {
	path, clone := newFile(t), newFile(t)
	s := openFile(t, path)
	mustUser(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, path, clone)
	for _, path := range []string{path, clone} { // each has its own log, which is in the file when it was closed
		s := openFile(t, path)
		mustUser(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s = openFile(t, clone)
	mustUser(t, s)
	copyFile(t, killed(t, s)+"-wal", path+"-wal")
	wantForeign(t, path)
}

// A file from before there were numbers has none, whatever is beside it.
func TestAFileFromBeforeThereWereNumbersGetsOne(t *testing.T) {
	path := newFile(t)
	s := openFile(t, path)
	userID := mustUser(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	withoutNumber := func(path string) {
		t.Helper()
		content := []byte(contents(t, path))
		copy(content[userVersionAt:], make([]byte, 4))
		copy(content[applicationAt:], make([]byte, 4))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	withoutNumber(path)
	clone := newFile(t)
	copyFile(t, path, clone)

	s, other := openFile(t, path), openFile(t, clone)
	mustUser(t, s)
	mustUser(t, other)
	crashed, otherLog := killed(t, s), killed(t, other)
	wantOpens(t, killed(t, s), userID, true)
	copyFile(t, otherLog+"-wal", crashed+"-wal")
	wantForeign(t, crashed)

	// While it has a log of its own, which knows of no number, it stays as it is.
	crashed = killed(t, s)
	withoutNumber(crashed)
	if err := numberOldFile(crashed); err != nil {
		t.Fatal(err)
	}
	if number := contents(t, crashed)[userVersionAt : userVersionAt+4]; number != "\x00\x00\x00\x00" {
		t.Errorf("it got %x beside a log", number)
	}
}
