package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"

	"latchkey/internal/fileowner"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// newProvider returns the migrations of this binary, to be run on db.
func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(goose.NewGoMigration(4, &goose.GoFunc{RunTx: spellSubjects}, nil)))
}

// newestVersion is the schema this binary was written for.
func newestVersion(p *goose.Provider) int64 {
	sources := p.ListSources()
	return sources[len(sources)-1].Version
}

// migrate brings the schema up to date. On a file that is current it reads one small table and changes nothing.
func migrate(ctx context.Context, db *sql.DB) error {
	provider, err := newProvider(db)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if version == newestVersion(provider) {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// makeSchema gives an empty file the whole schema at once, which is created in memory: each migration writes much of it once more, and a
// small disk has no room for all of these in a log. The file is empty or has everything, whenever the process dies.
func makeSchema(ctx context.Context, path string) (err error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 {
		return withoutPath(err)
	}
	draft := path + ".new" // the caller holds the lock
	if err := discard(draft); err != nil {
		return err
	}
	f, err := os.OpenFile(draft, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // beside the file that the operator names
	if err != nil {
		return withoutPath(err)
	}
	defer func() { err = errors.Join(err, discard(draft)) }()
	err = errors.Join(fileowner.Give(f, info), f.Chmod(info.Mode().Perm()))
	if err == nil {
		err = schemaInto(ctx, draft)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func schemaInto(ctx context.Context, path string) (err error) {
	db, err := sql.Open(driverName, ":memory:")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // another would have a memory of its own
	if err := migrate(ctx, db); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, copyInto, path)
	return err
}

// refuseNewer fails with ErrNewer when the file's schema is one this binary does not know. It looks through a connection
// that cannot write, before any other is created: opening a file in the ordinary way and closing it again would already move the
// write-ahead log of a killed process into it.
func refuseNewer(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return nil // a file to be created; anything worse is found on making it
	}
	db, err := sql.Open(driverName, readOnlyName(path))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	provider, err := newProvider(db)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if newest := newestVersion(provider); version > newest {
		return fmt.Errorf("%w (its schema is version %d, this program knows %d)", ErrNewer, version, newest)
	}
	return nil
}

// schemaVersion returns the version of the file's schema, 0 when there is none yet.
func schemaVersion(ctx context.Context, db *sql.DB) (int64, error) {
	const table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '" + goose.DefaultTablename + "'"
	var tables int
	if err := db.QueryRowContext(ctx, table).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var version sql.NullInt64
	err := db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&version)
	return version.Int64, err
}
