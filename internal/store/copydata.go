package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"latchkey/internal/model"
)

// ErrText means that PostgreSQL cannot hold a text that SQLite can: one with a NUL in it, or that is no UTF-8.
var ErrText = errors.New("PostgreSQL cannot store a text")

// CopyOptions say how CopyData copies.
type CopyOptions struct {
	Clean  bool // what PostgreSQL cannot hold is replaced in texts, as it is in whatever is looked up there
	DryRun bool // everything is done but the commit

	atOnce int // rows of one COPY; 0: copiedAtOnce
}

// Copied is what CopyData copied, or would have.
type Copied struct {
	Tables  []CopiedTable
	Created bool          // the database had no schema, and has it now
	Cleaned int64         // texts that were replaced
	First   []CleanedText // of them

	Copying, Comparing time.Duration
}

// CopiedTable is a table whose rows are the same on both sides.
type CopiedTable struct {
	Name   string
	Rows   int64
	SHA256 string // of all of them, in the order of their keys
}

// CleanedText is where a text was replaced.
type CleanedText struct {
	Table, Column string
	Row           string // by its key, as it was
}

const (
	// copiedAtOnce is how many rows one COPY takes: the server remembers each until its end, to look for what it refers to.
	copiedAtOnce = 100_000
	// cleanedKept is how many of the replaced texts are listed.
	cleanedKept = 100
)

// copiedTables are those that CopyData copies: what others refer to comes first.
func copiedTables() []string {
	return append(withRows(), singleRows()...)
}

// withRows are those that are empty in a database that nobody has used.
func withRows() []string {
	return []string{
		"users", "identities", "api_keys", "auth_sessions", "web_sessions", "device_grants", "key_uses", "account_links",
		"events", "event_repeats", "anonymous_users", "forms",
		"unused_users", "server_keys", "custom_data", "knocks", "imported_keys",
		"key_cards", "key_replacements",
		"operators", "operator_acts", "passkeys", "passkey_challenges", "handovers",
		"openid_tickets",
		"webhooks", "webhook_outbox", // behind the events, which are not to be sent again
	}
}

// singleRows have one row about the database itself, which takes the place of the one that is there.
func singleRows() []string { return []string{"key_use_recording", "clock"} }

// byCleanText compares texts as they are once they are cleaned.
const byCleanText = "latchkey_clean"

// copyingDriver is SQLite's, with that order.
var copyingDriver = sync.OnceValues(func() (*sqlite.Driver, error) {
	d := &sqlite.Driver{}
	return d, d.RegisterCollationUtf8(byCleanText, func(left, right string) int { return strings.Compare(cleanText(left), cleanText(right)) })
})

// copyingConnector opens connections of copyingDriver.
type copyingConnector struct {
	driver *sqlite.Driver
	name   string
}

// Connect opens a connection.
func (c copyingConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.name) }

// Driver is that of the connections.
func (c copyingConnector) Driver() driver.Driver { return c.driver }

// CopyData copies all data of the SQLite file at path into the database of PostgreSQL that a URL names, in one transaction. Both are
// then read in the order of their keys, and only when they are the same it is committed. The file is not changed.
//
// No program may have the file: the answer is ErrInUse then. It must be sound and of the schema of this program, ErrNewer and
// ErrForeignLog are as for Open. The database must have no rows; one that has no schema gets it, for good. ErrText names a text that
// PostgreSQL cannot hold. After model.ErrUnclear all of it is there or nothing is.
func CopyData(ctx context.Context, path string, url model.Secret, o CopyOptions) (Copied, error) {
	c := copying{CopyOptions: o}
	err := c.run(ctx, path, url)
	if err != nil {
		return Copied{}, err
	}
	return c.done, nil
}

// copying is one run of CopyData.
type copying struct {
	CopyOptions
	from   *sql.Conn
	to     *pgx.Conn
	tables []*copiedTable
	done   Copied
}

func (c *copying) run(ctx context.Context, path string, url model.Secret) (err error) {
	path, err = placeOf(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return sourceError(err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return sourceError(err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := errors.Join(checkOwnLog(path), refuseNewer(ctx, path)); err != nil {
		return sourceError(err)
	}
	// Reading all of a file takes a while: a wrong password is reported first.
	cfg, err := postgresConfig(url)
	if err != nil {
		return err
	}
	if err := c.connect(ctx, cfg.ConnConfig); err != nil {
		return err
	}
	defer func() { _ = c.to.Close(context.WithoutCancel(ctx)) }()
	if err := verifyAs(ctx, path, verifyCurrent); err != nil {
		return sourceError(err)
	}
	db, err := openSource(path)
	if err != nil {
		return sourceError(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.from, err = db.Conn(ctx); err != nil {
		return sourceError(err)
	}
	defer func() { err = errors.Join(err, c.from.Close()) }()
	if err := c.provideSchema(ctx, cfg.ConnConfig); err != nil {
		return targetError(ctx, err)
	}
	return c.inOneTransaction(ctx)
}

// sourceError is one about the file.
func sourceError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no such database")
	}
	return withoutPath(err)
}

// openSource opens a file with copyingDriver, without changing it.
func openSource(path string) (*sql.DB, error) {
	d, err := copyingDriver()
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(copyingConnector{d, readOnlyName(path)}), nil
}

// verifyCurrent says whether a database is Latchkey's, with the schema of this program.
func verifyCurrent(ctx context.Context, db *sql.DB) error {
	if err := verifyOurs(ctx, db); err != nil {
		return err
	}
	if verifySchema(ctx, db) != nil {
		return errors.New("its schema is older than this program: update it by running latchkey status of this version without --database")
	}
	return nil
}

// connect connects to a server that will do.
func (c *copying) connect(ctx context.Context, cfg *pgx.ConnConfig) (err error) {
	cfg = cfg.Copy()
	for _, limit := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		delete(cfg.RuntimeParams, limit) // a copy may take as long as it takes
	}
	if c.to, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		return targetError(ctx, err)
	}
	if err := checkServer(ctx, c.to); err != nil {
		return errors.Join(targetError(ctx, err), c.to.Close(context.WithoutCancel(ctx)))
	}
	return nil
}

// targetError is one about the database of PostgreSQL, in one line.
func targetError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrOldSchema):
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "55P03" { // lock_not_available
		return errors.New("another program is using the PostgreSQL database: stop it first")
	}
	return fmt.Errorf("the database of PostgreSQL: %s", oneLine(err))
}

// provideSchema has the schema of this program there. What is of another version is left alone.
func (c *copying) provideSchema(ctx context.Context, cfg *pgx.ConnConfig) error {
	version, _, err := postgresVersion(ctx, c.to)
	if err != nil {
		return err
	}
	newest, err := newestPostgres()
	switch {
	case err != nil:
		return err
	case version == 0:
		c.done.Created = true
		return upPostgres(ctx, c.to, cfg)
	case version < newest:
		return ErrOldSchema
	case version > newest:
		return fmt.Errorf("its schema is of a newer latchkey (version %d, this program knows %d)", version, newest)
	default:
		return nil
	}
}

// inOneTransaction copies and compares.
func (c *copying) inOneTransaction(ctx context.Context) error {
	// What is read here is one moment's, whatever others write.
	if _, err := c.from.ExecContext(ctx, "BEGIN"); err != nil {
		return sourceError(err)
	}
	tx, err := c.to.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return targetError(ctx, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	for _, step := range []func(context.Context) error{c.begin, c.look, c.checkEmpty, c.copyAll, c.compareAll} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if c.DryRun {
		return nil
	}
	return committed(ctx, tx.Commit(ctx))
}

// committed says what came of a commit.
func committed(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrTxCommitRollback), isPgError(err) && meaningOf(err) != isLost:
		return targetError(ctx, err)
	default:
		return fmt.Errorf("%w: %s", model.ErrUnclear, oneLine(err))
	}
}

// begin keeps everybody else from writing until the end.
func (c *copying) begin(ctx context.Context) error {
	_, err := c.to.Exec(ctx, `
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL lock_timeout = '10s';
LOCK TABLE nodes, `+strings.Join(copiedTables(), ", ")+` IN SHARE ROW EXCLUSIVE MODE`)
	if err != nil {
		return targetError(ctx, err)
	}
	return nil
}

// checkEmpty refuses a database that somebody has used, or that a program runs on.
func (c *copying) checkEmpty(ctx context.Context) error {
	var node string
	err := c.to.QueryRow(ctx, "SELECT name FROM nodes WHERE seen_at > "+databaseTime+" - $1 LIMIT 1", NodeLife.Milliseconds()).Scan(&node)
	switch {
	case err == nil:
		return fmt.Errorf("node %q is running on the PostgreSQL database: stop it first, or wait a minute if it is gone", node)
	case !errors.Is(err, pgx.ErrNoRows):
		return targetError(ctx, err)
	}
	for _, table := range withRows() {
		var used bool
		if err := c.to.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+")").Scan(&used); err != nil {
			return targetError(ctx, err)
		}
		if used {
			return fmt.Errorf("the PostgreSQL database is not empty: its table %s has rows", table)
		}
	}
	return nil
}

// look finds out what columns the tables have, which must be the same on both sides.
func (c *copying) look(ctx context.Context) error {
	for _, name := range copiedTables() {
		t := &copiedTable{name: name}
		c.tables = append(c.tables, t)
		if err := t.look(ctx, c.from, c.to); err != nil {
			return err
		}
	}
	return nil
}

// copyAll copies all tables.
func (c *copying) copyAll(ctx context.Context) error {
	began := time.Now()
	defer func() { c.done.Copying = time.Since(began) }()
	for _, table := range singleRows() {
		if _, err := c.to.Exec(ctx, "DELETE FROM "+table); err != nil {
			return targetError(ctx, err)
		}
	}
	for _, t := range c.tables {
		if err := c.copyTable(ctx, t); err != nil {
			return err
		}
	}
	// The next who asks for many rows has plans that know of them.
	if _, err := c.to.Exec(ctx, "ANALYZE "+strings.Join(copiedTables(), ", ")); err != nil {
		return targetError(ctx, err)
	}
	return nil
}

func (c *copying) open(ctx context.Context, t *copiedTable, cleaned func(CleanedText)) (*source, error) {
	rows, err := c.from.QueryContext(ctx, t.query(t.cleanedKey)) //nolint:rowserrcheck // next does
	if err != nil {
		return nil, sourceError(err)
	}
	s := &source{copiedTable: t, rows: rows, clean: c.Clean, cleaned: cleaned, more: true, values: make([]any, len(t.columns))}
	for i := range s.values {
		s.dest = append(s.dest, &s.values[i])
	}
	return s, nil
}

func (c *copying) copyTable(ctx context.Context, t *copiedTable) error {
	from, err := c.open(ctx, t, func(text CleanedText) {
		if c.done.Cleaned++; len(c.done.First) < cleanedKept {
			c.done.First = append(c.done.First, text)
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = from.rows.Close() }()
	for from.more {
		from.left = cmp.Or(c.atOnce, copiedAtOnce)
		n, err := c.to.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, from)
		switch {
		case from.err != nil && ctx.Err() == nil:
			return sourceError(from.err)
		case err != nil:
			return targetError(ctx, fmt.Errorf("copy the table %s: %w", t.name, err))
		}
		t.rows += n
	}
	return nil
}

// compareAll reads both sides, and fails when they are not the same.
func (c *copying) compareAll(ctx context.Context) error {
	began := time.Now()
	defer func() { c.done.Comparing = time.Since(began) }()
	for _, t := range c.tables {
		here, there, err := c.compare(ctx, t)
		if err != nil {
			return err
		}
		if here != there || here.Rows != t.rows {
			return fmt.Errorf("after the copy, table %s in PostgreSQL differs from the file: %d rows (%.16s…) instead of %d (%.16s…)",
				t.name, there.Rows, there.SHA256, here.Rows, here.SHA256)
		}
		c.done.Tables = append(c.done.Tables, here)
	}
	return nil
}

func (c *copying) compare(ctx context.Context, t *copiedTable) (here, there CopiedTable, err error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan error, 1)
	go func() {
		var err error
		here, err = c.readHere(reading, t)
		read <- err
	}()
	there, err = c.readThere(reading, t)
	if err != nil {
		stop()
	}
	hereErr := <-read
	switch {
	case err != nil:
		return here, there, targetError(ctx, err)
	case hereErr != nil && ctx.Err() == nil:
		return here, there, sourceError(hereErr)
	default:
		return here, there, ctx.Err()
	}
}

// readHere reads a table of SQLite.
func (c *copying) readHere(ctx context.Context, t *copiedTable) (CopiedTable, error) {
	from, err := c.open(ctx, t, nil)
	if err != nil {
		return CopiedTable{}, err
	}
	defer func() { _ = from.rows.Close() }()
	sum := newTableSum(t)
	for from.next() {
		for i, value := range from.values {
			if err := sum.add(t.kinds[i], value); err != nil {
				return CopiedTable{}, fmt.Errorf("the column %s of the table %s: %w", t.columns[i], t.name, err)
			}
		}
		sum.endRow()
	}
	return sum.sum(), from.err
}

// readThere reads a table of PostgreSQL.
func (c *copying) readThere(ctx context.Context, t *copiedTable) (CopiedTable, error) {
	rows, err := c.to.Query(ctx, t.query(false), pgx.QueryResultFormats{pgx.BinaryFormatCode})
	if err != nil {
		return CopiedTable{}, err
	}
	defer rows.Close()
	sum := newTableSum(t)
	for rows.Next() {
		for _, value := range rows.RawValues() {
			sum.addRaw(value)
		}
		sum.endRow()
	}
	return sum.sum(), rows.Err()
}
