package accounts

import (
	"context"
	"time"

	"latchkey/internal/limits"
)

// Limits on what costs others something: room in the database or in the queue of emails.
const (
	// Keys made and turned on: more than anybody does by hand, and as many as a script that sets up all keys of an account, several times
	// over. What is turned off or deleted was created or turned on before, and nobody must ever have to wait for it.
	actsAtOnce = 300
	actPause   = time.Second

	// Values that are brought to be adopted: an answer tells that somebody has a value, and each may be a key and an email. More than a
	// person has devices.
	adoptionsAtOnce = 30
	adoptionPause   = 2 * time.Minute

	// Accounts made from an address, behind which there may be a school.
	registrationsAtOnce = 100
	registrationPause   = time.Hour / registrationsAtOnce

	// A site creates as many as three schools. A provider creates a fifth of the total at most, since otherwise an attacker with many of
	// its sites would keep all others from creating an account. The total is far more than people create in an hour, and little enough for the database:
	// some 10 MB.
	siteRegistrations     = 3 * registrationsAtOnce
	providerRegistrations = everyRegistration / 5
	everyRegistration     = 10_000

	// Notices by email about one account.
	noticesAtOnce = 20
	noticePause   = time.Hour / noticesAtOnce

	// maxCounted bounds the memory. Those who come when it is full share one count.
	maxCounted = 20_000

	quotaSweep = time.Minute
)

// Quota allows everybody so much at once, and one more after each pause. It is kept in memory, like Limits. Several nodes count notices
// together, which fill a mailbox; keys that are created are each node's own, since they only spare its room.
type Quota struct {
	book   *limits.Book
	counts *limits.Table
}

func newQuota(now func() time.Time, atOnce int, pause time.Duration) *Quota {
	book := limits.NewBook(now, quotaSweep)
	return &Quota{book: book, counts: book.Buckets(atOnce, pause).Bound(maxCounted, 0)}
}

// NewNotices counts notices by email by who gets them.
func NewNotices(now func() time.Time, shared *limits.Shared) *Quota {
	q := newQuota(now, noticesAtOnce, noticePause)
	q.book.ShareBy(shared)
	q.counts.Shared("notices")
	return q
}

// Take counts something that somebody does, or says how long to wait, which counts for nothing. So does an error, which means that the
// other nodes' counts cannot be asked.
func (q *Quota) Take(ctx context.Context, who string) (wait time.Duration, err error) {
	counts, giveBack, wait := q.takeHere(who)
	if wait > 0 {
		return wait, nil
	}
	return q.takeShared(ctx, counts, giveBack)
}

func (q *Quota) takeHere(who string) (counts []limits.Count, giveBack func(), wait time.Duration) {
	turn := q.book.Begin()
	defer turn.End()
	counts = []limits.Count{q.counts.Of(digest(who))} // of one length, whatever they are called
	if turn.Full(counts[0]) {
		counts[0] = q.counts.Of("")
	}
	giveBack, wait = turn.Take(counts...)
	return counts, giveBack, wait
}

// takeShared takes what takeHere took from the counts of all nodes too.
func (q *Quota) takeShared(ctx context.Context, counts []limits.Count, giveBack func()) (wait time.Duration, err error) {
	_, wait, err = q.book.TakeShared(ctx, giveBack, counts, nil)
	return wait, err
}

// registrations counts accounts by where they are created from, and in total. Each of its counts fills up again within an hour. None
// needs a bound of its own: what is taken from one is taken from the total.
type registrations struct{ places }

func newRegistrations(now func() time.Time) *registrations {
	book := limits.NewBook(now, quotaSweep)
	hourly := func(most int) *limits.Table { return book.Buckets(most, time.Hour/time.Duration(most)) }
	return &registrations{places{
		book: book, addresses: hourly(registrationsAtOnce), sites: hourly(siteRegistrations),
		providers: hourly(providerRegistrations), everyone: hourly(everyRegistration),
	}}
}

// take counts an account that is to be created, or says how long to wait for one.
func (r *registrations) take(address string) (wait time.Duration) {
	_, _, wait = r.places.take(address)
	return wait
}
