package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/internal/model"
)

// postgresConfig is how the database that a URL names is connected to.
func postgresConfig(url model.Secret) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url.Reveal())
	if file := new(fs.PathError); errors.As(err, &file) {
		return nil, fmt.Errorf("cannot read a file that is named in the URL of --database: %w", file)
	}
	if err != nil { // which quotes the URL
		return nil, errors.New("--database is not the URL of a PostgreSQL database")
	}
	if !strings.Contains(url.Reveal(), "pool_max_conns=") {
		cfg.MaxConns = poolSize
	}
	cfg.MinIdleConns = min(2, cfg.MaxConns)
	for name, value := range map[string]string{
		"application_name": "latchkey", "statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "15s",
	} {
		if _, given := cfg.ConnConfig.RuntimeParams[name]; !given {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	// The limit is also that of pgx's requests to cancel what a connection was doing that broke: until then it counts as one of the pool.
	dialer := &net.Dialer{Timeout: cfg.ConnConfig.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}, Control: giveUpUnanswered}
	cfg.ConnConfig.DialFunc = dialer.DialContext
	another := func(f *pgconn.FallbackConfig) bool {
		return f.Host != cfg.ConnConfig.Host || f.Port != cfg.ConnConfig.Port
	}
	if cfg.ConnConfig.ValidateConnect == nil && slices.ContainsFunc(cfg.ConnConfig.Fallbacks, another) {
		// Of several servers, the one that can be written to is meant: without this the first that answers would be tried for ever.
		cfg.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	cfg.ShouldPing = func(_ context.Context, of pgxpool.ShouldPingParams) bool {
		return of.IdleDuration > time.Second || !quiet(of.Conn.PgConn().Conn())
	}
	return cfg, nil
}

// checkWrites looks whether the role may write at all. Once a node runs it is better that it reads than that it does nothing.
func checkWrites(ctx context.Context, conn *pgx.Conn) error {
	var schema *string
	var readOnly bool
	err := conn.QueryRow(ctx, "SELECT current_schema(), CAST(current_setting('transaction_read_only') AS BOOLEAN)").Scan(&schema, &readOnly)
	switch {
	case err != nil:
		return errors.New(oneLine(err))
	case readOnly:
		return errors.New("it cannot be written to: default_transaction_read_only is on")
	case schema == nil:
		return errors.New("its search_path has no schema that its role may use")
	default:
		return nil
	}
}

// checkRights looks whether the role may do what the statements do: a right that is missing would be found when somebody needs it.
func checkRights(ctx context.Context, conn *pgx.Conn) error {
	var table, right string
	err := conn.QueryRow(ctx, `
SELECT name, may FROM unnest(CAST($1 AS TEXT[])) AS name, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS r (may, place)
WHERE NOT has_table_privilege(name, may) AND NOT (name = 'events' AND may = 'UPDATE') ORDER BY place, name LIMIT 1`,
		append(copiedTables(), "locks", "tries", "nodes")).Scan(&table, &right)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return errors.New(oneLine(err))
	default:
		return fmt.Errorf("its role lacks the right to %s in table %s: grant it SELECT, INSERT, UPDATE and DELETE on all tables", right, table)
	}
}

// checkServer looks at a new connection. Neither the server nor a proxy before it says by itself that it cannot keep what it acknowledges.
func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var s serverSettings
	var b backend
	if err := conn.QueryRow(ctx, `
SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_encoding'),
	CAST(current_setting('server_version_num') AS INTEGER), pg_is_in_recovery(), pg_backend_pid(), backend_start
FROM pg_stat_get_activity(pg_backend_pid())`).
		Scan(&s.fsync, &s.synchronous, &s.encoding, &s.version, &s.standby, &b.pid, &b.started); err != nil {
		return err
	}
	conn.PgConn().CustomData()["backend"] = b
	return s.check()
}

// serverSettings are what the promises of this package rest on.
type serverSettings struct {
	version                      int
	encoding, fsync, synchronous string
	standby                      bool
}

func (s serverSettings) check() error {
	switch {
	case s.version < oldestServer:
		return unfit(fmt.Sprintf("the server is PostgreSQL %d, but must be at least %d", s.version/10000, oldestServer/10000))
	case s.encoding != "UTF8":
		return unfit("the database keeps text as " + s.encoding + ", and only UTF8 will do")
	case s.fsync != "on":
		return unfit("the server has fsync off, so it can lose data that it has acknowledged")
	case s.synchronous == "off":
		return unfit("the server has synchronous_commit off, so it can lose data that it has acknowledged")
	case s.standby:
		return errStandby
	default:
		return nil
	}
}

// unfit is why a server will not do, whatever is tried.
type unfit string

func (u unfit) Error() string { return string(u) }

// errStandby is that the server cannot be written to, for now: another may be about to take its place.
var errStandby = errors.New("the server is a standby, which cannot be written to")
