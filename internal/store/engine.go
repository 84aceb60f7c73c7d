package store

import (
	"context"
	"errors"

	"latchkey/internal/model"
)

// engine is what SQLite and PostgreSQL do differently. Statements are named by their text, which is the same for both; one that is in
// no list cannot be run.
type engine interface {
	// row runs a read that finds one row or, as model.ErrNotFound, none.
	row(ctx context.Context, text string, args []any, dest ...any) error
	// rows runs a read, scans every row of it into dest and has to take it.
	rows(ctx context.Context, text string, args, dest []any, to taker) error
	// write runs a job in one transaction and returns after the commit, or with the reason why nothing was saved; model.ErrUnclear is
	// that nobody knows whether it was. A job may be run more than once, of which one run counts at most.
	write(ctx context.Context, of lock, run func(tx) error) error
	// settled returns when all writes whose outcome is not known have one.
	settled(ctx context.Context) error
	// filters is how many reads there may be at once that go through many rows.
	filters() int
	// alone says that nobody but this process writes.
	alone() bool
	close() error
}

// taker takes the rows of a read.
type taker interface {
	begin() // also again, when the connection was lost on the way
	take()
}

// tx is a job's access to the transaction it runs in. After any error but model.ErrNotFound the job has to return it.
type tx interface {
	// exec runs a statement and returns the number of rows it changed.
	exec(text string, args ...any) (int64, error)
	// execOne runs a statement that must change a row, and answers model.ErrNotFound when it changes none.
	execOne(text string, args ...any) error
	// row runs a query that finds one row or, as model.ErrNotFound, none.
	row(text string, args []any, dest ...any) error
	// later runs a statement whose outcome the job does not need: it may be sent with the next one, or with the commit.
	later(text string, args ...any) error
	// last runs what usually are the last statements of a job, in order, and stops at one that has to change a row and changes none. It
	// returns the index of that one, or all of them. With an index the job goes on.
	last(steps ...step) (stopped int, err error)
	// lock is for jobs that learn only now whose they are.
	lock(of lock) error
	// full are the openers of sessions that are known to have as many as they may, nil where others write too.
	full() openers
}

// step is a statement of many that are sent together.
type step struct {
	text    string
	args    []any
	must    bool   // change a row
	changed *int64 // told how many rows it changed, unless it is nil
}

func must(text string, args ...any) step { return step{text: text, args: args, must: true} }

// all is that no step of tx.last stopped it.
const all = -1

// oneByOne runs steps, each when the outcome of the one before is known.
func oneByOne(t tx, steps []step) (stopped int, err error) {
	for i, s := range steps {
		n, err := t.exec(s.text, s.args...)
		if err != nil {
			return all, err
		}
		if s.changed != nil {
			*s.changed = n
		}
		if s.must && n == 0 {
			return i, nil
		}
	}
	return all, nil
}

// lock is what no other transaction holds meanwhile. On SQLite there is one writer, who holds everything.
type lock struct {
	kind lockKind
	user string
}

type lockKind int

const (
	nobody lockKind = iota
	user
	grants
	spellings
	knocks
	serverKeys
	operators
	webhooks
)

var (
	// ofNobody is for jobs that are one statement which asks for all that it depends on, and for those about no user.
	ofNobody = lock{}
	// ofGrants is for counting all pairings.
	ofGrants = lock{kind: grants}
	// ofSpellings is for comparing a new email address with all others.
	ofSpellings = lock{kind: spellings}
	// ofKnocks is for counting all knocks, and making room among them.
	ofKnocks = lock{kind: knocks}
	// ofServerKeys is for counting all server keys.
	ofServerKeys = lock{kind: serverKeys}
	// ofOperators is for who is an operator and may act. It is taken last, whatever else a transaction locks.
	ofOperators = lock{kind: operators}
	// ofWebhooks is for counting all webhooks. It is taken before that of operators.
	ofWebhooks = lock{kind: webhooks}
)

// ofUser is for every write about a user: what it counts and asks for stays so until it is saved. It is the single writer of SQLite, one
// for each user.
func ofUser(id string) lock { return lock{user, id} }

// ofUserIn is ofUser for whom events are about.
func ofUserIn(events []model.Event) lock {
	if len(events) == 0 {
		return ofNobody
	}
	return ofUser(events[0].UserID)
}

// errDuplicate is that a row with the same key was there, where the statement says nothing of what to do then.
var errDuplicate = errors.New("there is such a row already")

// errUnlisted is a statement that is in no list, which nobody has looked at the plan of.
func errUnlisted(text string) error {
	return errors.New("statement is not in the list of prepared ones: " + text)
}
