package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	gooselock "github.com/pressly/goose/v3/lock"
)

// ErrOldSchema means that the database has to be brought up to date first, which this program was not asked to do.
var ErrOldSchema = errors.New("the schema of the database is older than this program: run latchkey migrate")

// migratePostgres brings the schema up to date, if it may, and looks whether this program may use it. A schema that is newer will do
// as long as its migrations have only added to it, which it says itself.
func migratePostgres(ctx context.Context, conn *pgx.Conn, cfg *pgx.ConnConfig, o Options) error {
	version, oldest, err := postgresVersion(ctx, conn)
	if err != nil {
		return fmt.Errorf("read schema version: %s", oneLine(err))
	}
	newest, err := newestPostgres()
	if err != nil {
		return err
	}
	switch {
	case newest < oldest:
		return fmt.Errorf("%w (its schema can be used from version %d on, this program knows %d)", ErrNewer, oldest, newest)
	case version > newest && o.Exact:
		return fmt.Errorf("%w (its schema is version %d, this program knows %d)", ErrNewer, version, newest)
	case version >= newest:
		return nil
	case !o.Migrate:
		return ErrOldSchema
	}
	return upPostgres(ctx, conn, cfg)
}

// upPostgres runs the migrations while no other node does.
func upPostgres(ctx context.Context, conn *pgx.Conn, cfg *pgx.ConnConfig) error {
	var schema string
	if err := conn.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return fmt.Errorf("read the name of the schema: %s", oneLine(err))
	}
	id := fnv.New64a() // one lock for a schema: the locks are those of the whole database
	_, _ = id.Write([]byte("latchkey " + schema))
	locker, err := gooselock.NewPostgresSessionLocker(
		gooselock.WithLockID(int64(id.Sum64())), gooselock.WithLockTimeout(1, 60)) //nolint:gosec // any number will do
	if err != nil {
		return err
	}
	plain := cfg.Copy()
	for _, limit := range []string{"statement_timeout", "lock_timeout"} { // a migration may take as long as it takes
		delete(plain.RuntimeParams, limit)
	}
	db := stdlib.OpenDB(*plain)
	defer func() { _ = db.Close() }()
	files, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %s", oneLine(err))
	}
	return nil
}

// postgresVersion is the version of the schema, 0 when there is none yet, and the oldest that a program may have been written for.
func postgresVersion(ctx context.Context, conn *pgx.Conn) (version, oldest int64, err error) {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('goose_db_version') IS NOT NULL AND to_regclass('compatible') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, 0, err
	}
	err = conn.QueryRow(ctx, "SELECT (SELECT coalesce(max(version_id), 0) FROM goose_db_version), (SELECT coalesce(max(oldest), 0) FROM compatible)").
		Scan(&version, &oldest)
	return version, oldest, err
}

// newestPostgres is the schema that this program was written for.
func newestPostgres() (int64, error) {
	files, err := fs.Glob(migrations, "migrations/postgres/*.sql")
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, errors.New("there are no migrations"))
	}
	return goose.NumericComponent(files[len(files)-1])
}
