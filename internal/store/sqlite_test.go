package store

import (
	"database/sql"
	"strings"
	"testing"

	"modernc.org/sqlite"
)

func TestEveryConnectionHasItsSettings(t *testing.T) {
	s := openFile(t, newFile(t))
	wantPragmas(t, s.file.writer.conn, writerPragmas())
	size := s.file.readers.Stats().MaxOpenConnections
	for range size { // all of the pool, by keeping each
		conn, err := s.file.readers.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		wantPragmas(t, conn, readerPragmas())
	}
	if open := s.file.readers.Stats().OpenConnections; open != size {
		t.Errorf("saw %d of %d connections", open, size)
	}
}

func wantPragmas(t *testing.T, conn *sql.Conn, pragmas []pragma) {
	t.Helper()
	for _, p := range pragmas {
		var got string
		if err := conn.QueryRowContext(t.Context(), "PRAGMA "+p.name).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != p.value {
			t.Errorf("%s is %s, want %s", p.name, got, p.value)
		}
	}
}

func TestTheSettingsOfDurabilityAreAmongThoseAsked(t *testing.T) {
	asked := map[string]string{}
	for _, p := range writerPragmas() {
		asked[p.name] = p.value
	}
	for name, value := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		if asked[name] != value {
			t.Errorf("%s is asked to be %q, want %q", name, asked[name], value)
		}
	}
}

func TestAConnectionWithOtherSettingsIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ query, says string }{
		"when nothing is asked for": {"", "setting busy_timeout is 0, not 5000 as asked for"},
		"when an option is misspelt, which the driver does not mind": {
			"?_busy_timeout=5000&_foreign_keys=1&_pragma=fullfsync(1)&_journalmode=WAL", "setting journal_mode is delete, not wal as asked for",
		},
	} {
		t.Run(name, func(t *testing.T) {
			base, err := sqlite.NewConnector(fileURL(newFile(t), nil) + test.query)
			if err != nil {
				t.Fatal(err)
			}
			db := sql.OpenDB(checkedConnector{base, writerPragmas()})
			defer func() { _ = db.Close() }()
			if err := db.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error is %v, want %q", err, test.says)
			}
		})
	}
}

func TestASettingSQLiteDoesNotKnowIsRefused(t *testing.T) {
	db, err := openPool(newFile(t), []pragma{{"no_such_setting", "1"}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("it was accepted")
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := openFile(t, newFile(t))
	if _, err := s.file.readers.ExecContext(t.Context(), "DELETE FROM users"); err == nil {
		t.Error("a reader wrote")
	}
}

func TestAStatementOutsideTheListsIsNotRun(t *testing.T) {
	s := openFile(t, newFile(t))
	var one int
	if err := s.row(t.Context(), "SELECT 1", nil, &one); err == nil {
		t.Error("a read ran")
	}
	err := s.file.writer.do(t.Context(), func(tx tx) error {
		_, err := tx.exec("DELETE FROM users")
		return err
	})
	if err == nil {
		t.Error("a write ran")
	}
}
