package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

const driverName = "sqlite"

// pragma is a setting of a connection and the value that reading it back must give.
type pragma struct{ name, value string }

// writerPragmas are the settings the promises of this package rest on. synchronous=FULL (2) is the one that makes a commit
// survive a power cut: in WAL mode anything less flushes at checkpoints alone. fullfsync is the same for macOS, where an
// ordinary flush stops at the drive's cache. A checkpoint every 4,000 pages, which are 16 MB, moves a page once that
// was written four times, as the pages of a busy table are, where SQLite's 1,000 would move it four times; without any the log
// only grows under load.
func writerPragmas() []pragma {
	return []pragma{
		{"busy_timeout", "5000"},
		{"foreign_keys", "1"},
		{"fullfsync", "1"},
		{"journal_mode", "wal"},
		{"synchronous", "2"},
		{"temp_store", "2"},
		{"wal_autocheckpoint", "4000"},
	}
}

// readerPragmas are those of the writer, and no way to write.
func readerPragmas() []pragma {
	return append(writerPragmas(), pragma{"query_only", "1"})
}

// openPool returns a pool of at most size connections with the given settings. They are opened as they are needed and then
// kept.
func openPool(path string, pragmas []pragma, size int) (*sql.DB, error) {
	query := url.Values{"_error_rc": {"1"}}
	for _, p := range pragmas {
		query.Add("_pragma", p.name+"("+p.value+")")
	}
	base, err := sqlite.NewConnector(fileURL(path, query))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(checkedConnector{base, pragmas})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// fileURL writes path as SQLite's URI, so that no character of it is taken for the beginning of the settings.
func fileURL(path string, query url.Values) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// readOnlyName opens the file without changing it. When there is a write-ahead log, what it holds must be seen. When there is
// none, immutable keeps SQLite from leaving an empty one behind.
func readOnlyName(path string) string {
	query := url.Values{"_error_rc": {"1"}, "mode": {"ro"}}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		query.Set("immutable", "1")
	}
	return fileURL(path, query)
}

// checkedConnector reads the settings of every new connection back. A driver ignores a setting it does not know, and SQLite
// one it cannot grant (WAL on some network disks): neither says so, and durability would be gone unnoticed.
type checkedConnector struct {
	driver.Connector
	pragmas []pragma
}

// Connect opens a connection and fails when it is not as asked for.
func (c checkedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkPragmas(ctx, conn, c.pragmas); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func checkPragmas(ctx context.Context, conn driver.Conn, pragmas []pragma) error {
	queryer, ok := conn.(driver.QueryerContext)
	if !ok {
		return errors.New("the driver cannot be asked for its settings")
	}
	for _, p := range pragmas {
		got, err := readPragma(ctx, queryer, p.name)
		if err != nil {
			return fmt.Errorf("read back %s: %w", p.name, err)
		}
		if got != p.value {
			return fmt.Errorf("setting %s is %s, not %s as asked for", p.name, got, p.value)
		}
	}
	return nil
}

func readPragma(ctx context.Context, conn driver.QueryerContext, name string) (_ string, err error) {
	rows, err := conn.QueryContext(ctx, "PRAGMA "+name, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	value := make([]driver.Value, 1)
	if err := rows.Next(value); err != nil {
		return "", err
	}
	return fmt.Sprint(value[0]), nil
}

// checkpoint moves the write-ahead log into the database file. A reader that is still at work makes it stop half-way, which
// loses nothing: the next Open reads the log.
func checkpoint(ctx context.Context, conn *sql.Conn) error {
	var busy, logged, moved int
	return conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &moved)
}
