package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey/internal/model"
)

// errAway means that the database could not be reached, or did not answer, within the time there is: nothing was saved.
var errAway = errors.New("the database cannot be reached")

// errCrowded means that so many wait for a connection that one more would only wait too.
var errCrowded = errors.New("too many requests are waiting for the database")

// meaning is what an error of PostgreSQL, or of the way to it, says of the transaction that it ended.
type meaning int

const (
	isRefusal   meaning = iota // of the statement: it fails again
	isDuplicate                // there is a row of that key
	isNothing                  // a statement that must change a row changed none
	isConflict                 // with another transaction: it may succeed next time
	isOrphan                   // what a row refers to has gone since it was looked for, which the next time finds
	isLost                     // the connection is
)

// meaningOf is the one table from what PostgreSQL says to what it means. Codes are those of its manual, appendix A.
func meaningOf(err error) meaning {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return isLost
	}
	switch {
	case e.Code == "22012": // division by zero: the guard of a statement
		return isNothing
	case e.Code == "23505": // unique_violation
		return isDuplicate
	case e.Code == "23503": // foreign_key_violation
		return isOrphan
	case e.Code == "40001", e.Code == "40P01", // serialization_failure, deadlock_detected
		e.Code == "55P03": // lock_not_available: its holder may be done next time, as on a server that had halted
		return isConflict
	case strings.HasPrefix(e.Code, "28"), strings.HasPrefix(e.Code, "3D"), e.Code == "42501": // who we are, or what we may
		return isRefusal
	case strings.HasPrefix(e.Code, "08"), strings.HasPrefix(e.Code, "57P"), e.Code == "53300", // connection, shutdown, too many connections
		e.Code == "25006": // read_only_sql_transaction: it has become a standby
		return isLost
	case e.SeverityUnlocalized == "FATAL", e.SeverityUnlocalized == "PANIC":
		return isLost
	default:
		return isRefusal
	}
}

// onlyBeforeCommit says whether an error that ended the connection, and came in place of the commit's answer, tells that nothing was
// saved. An administrator, and a time-out of what is idle, end a connection where it may be interrupted: a commit may not, from before it
// is recorded until its answer is on its way. A PANIC and the end of all processes after a crash ask nobody.
func onlyBeforeCommit(e *pgconn.PgError) bool {
	switch e.Code {
	case "57P01", "57P05", "25P03": // admin_shutdown, idle_session_timeout, idle_in_transaction_session_timeout
		return e.SeverityUnlocalized == "FATAL"
	default:
		return false
	}
}

// translated is an error in the terms of this package. The end of the caller's context is kept; that of a context of this package is in words only.
func translated(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return model.ErrNotFound
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return err
	case meaningOf(err) == isDuplicate:
		return fmt.Errorf("%w: %s", errDuplicate, oneLine(err))
	case meaningOf(err) == isLost:
		return fmt.Errorf("%w: %s", errAway, oneLine(err))
	default:
		return errors.New(oneLine(err))
	}
}

// oneLine is an error of pgx, which puts each cause of a failed connection in a line of its own. It names user, database and host, and
// never the password.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
