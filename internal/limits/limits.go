// Package limits counts what there may be only so much of. It does not know who is counted, nor what for: which tables there
// are, their figures and what stands for somebody in them are the affair of those that use it.
//
//	book := limits.NewBook(time.Now, time.Minute)
//	accounts := book.Buckets(10, time.Minute)
//	addresses := book.Windows(limits.Rule{Most: 50, In: 10 * time.Minute})
//
//	turn := book.Begin()
//	defer turn.End()
//	giveBack, wait := turn.Take(accounts.Of(name), addresses.Of(limits.Network(address)))
//
// What is taken is taken from all counts or from none, so that nothing that is refused uses up anything; and it can be given
// back, to those same counts. golang.org/x/time/rate can do neither.
//
// Everything is in memory: a restart forgives. Nothing that is not past is ever pushed out. Its user bounds a table, with
// Bound or because what is taken from it is taken from another that has an end, such as one that counts everybody together.
//
// Several processes count together what is in tables that are Shared, in a book that is shared by a Keeper. What the counts in memory
// let through is taken there as well, in one step, or given back:
//
//	giveBack, wait, err := book.TakeShared(ctx, giveBack, counts, nil)
package limits

import (
	"sync"
	"time"
)

// Book is tables that are counted in together: they share a lock and a clock.
type Book struct {
	clock func() time.Time
	every time.Duration

	mu     sync.Mutex
	read   time.Time     // what the clock showed last
	passed time.Duration // since the book was begun
	swept  time.Duration
	tables []*Table

	shared *Shared        // nil when nobody else counts
	held   map[Count]hold // what the keeper said a moment ago
}

// NewBook returns a book without tables. While it is used, it forgets what is past once in every so long.
func NewBook(now func() time.Time, every time.Duration) *Book {
	return &Book{clock: now, read: now(), every: every}
}

// Table counts many, each for themselves. All tables of a book are created before its first turn.
type Table struct {
	book     *Book
	counts   counts
	name     string // that of its counts in a book that is shared; "" when they are this process's alone
	most     int    // 0 when it has no bound
	whenFull time.Duration
	beside   []*Table
}

// Buckets adds a table that allows everybody so many at once, and one more after each pause.
func (b *Book) Buckets(atOnce int, pause time.Duration) *Table {
	return b.add(&buckets{atOnce: atOnce, pause: pause, until: map[string]time.Duration{}})
}

// Rule allows Most in any stretch of time as long as In.
type Rule struct {
	Most int
	In   time.Duration
}

// Windows adds a table that allows everybody what all of its rules allow.
func (b *Book) Windows(rules ...Rule) *Table { return b.add(newWindows(rules)) }

func (b *Book) add(c counts) *Table {
	t := &Table{book: b, counts: c}
	b.tables = append(b.tables, t)
	return t
}

// Bound has the table remember so many and no more, those of the tables beside it included. While it is full, those whom it
// does not remember wait for as long as is said, which nobody can know; those whom it does go on. With no wait they are let
// in all the same: then the caller asks Full first, and counts them as somebody else.
func (t *Table) Bound(most int, wait time.Duration, beside ...*Table) *Table {
	t.most, t.whenFull, t.beside = most, wait, beside
	return t
}

// Len is how many the table remembers.
func (t *Table) Len() int {
	t.book.mu.Lock()
	defer t.book.mu.Unlock()
	return t.counts.len()
}

// Count is what one of those whom a table counts has used.
type Count struct {
	table *Table
	who   string
}

// Of is the count of the one it stands for.
func (t *Table) Of(who string) Count { return Count{t, who} }

// Turn is a look at a book during which nobody else looks or writes.
type Turn struct {
	book *Book
	now  time.Duration
	rows map[*Table]counts // of shared counts, in place of those of the book
}

// Begin waits for a turn, which has to be ended.
func (b *Book) Begin() Turn {
	b.mu.Lock()
	now := b.now() // under the lock, so that times come in order
	if now-b.swept >= b.every {
		b.forget(now)
	}
	return Turn{book: b, now: now}
}

// End lets others have their turn.
func (t Turn) End() { t.book.mu.Unlock() }

// Take takes one from each of the counts, which are of its book, or nothing while any of them has to wait. Then it says how
// long, if nobody else takes any meanwhile. giveBack gives back this one alone, to the counts that it came from, in a turn of
// its own; it is nil when nothing was taken.
func (t Turn) Take(counts ...Count) (giveBack func(), wait time.Duration) {
	for _, c := range counts {
		wait = max(wait, t.Wait(c))
	}
	if wait > 0 {
		return nil, wait
	}
	for _, c := range counts {
		c.table.counts.add(c.who, t.now)
	}
	book, taken := t.book, t.now
	return func() { book.takeBack(counts, taken) }, 0
}

func (b *Book) takeBack(counts []Count, taken time.Duration) {
	turn := b.Begin()
	defer turn.End()
	for _, c := range counts {
		c.table.counts.takeBack(c.who, taken, turn.now)
	}
}

// Wait is how long it is until one more can be taken from the count, 0 when one can be now.
func (t Turn) Wait(c Count) time.Duration {
	if t.rows != nil {
		if row, ok := t.rows[c.table]; ok {
			return row.wait(c.who, t.now)
		}
		return 0 // nobody shares it
	}
	if t.Full(c) {
		return c.table.whenFull
	}
	wait := c.table.counts.wait(c.who, t.now)
	if h, ok := t.book.held[c]; ok && t.now < h.until {
		wait = max(wait, h.ready-t.now)
	}
	return wait
}

// Full says whether the count is not remembered, and its table has no place for another. What is shared has a place for everybody.
func (t Turn) Full(c Count) bool {
	if c.table.most == 0 || t.rows != nil || c.table.counts.has(c.who) {
		return false
	}
	places := c.table.most - c.table.counts.len()
	for _, other := range c.table.beside {
		places -= other.counts.len()
	}
	return places <= 0
}

// Used is how many of those that were taken from the count are not past yet.
func (t Turn) Used(c Count) int {
	if t.rows != nil {
		if row, ok := t.rows[c.table]; ok {
			return row.used(c.who, t.now)
		}
		return 0
	}
	used := c.table.counts.used(c.who, t.now)
	if h, ok := t.book.held[c]; ok && t.now < h.until {
		used = max(used, h.used)
	}
	return used
}

// Sweep forgets what is past, as turns do now and then: for books that may not be used for long.
func (b *Book) Sweep() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(b.now())
}

// forget is Sweep; the caller holds the lock.
func (b *Book) forget(now time.Duration) {
	for _, t := range b.tables {
		t.counts.forget(now)
	}
	for c, h := range b.held {
		if h.until <= now {
			delete(b.held, c)
		}
	}
	b.swept = now
}

// now is how much time has passed, which is never less than before: a clock that is set back makes no client wait for longer. One that is set
// ahead forgives, as a restart does, unless its readings have a monotonic part, as those of time.Now. The caller holds the lock.
func (b *Book) now() time.Duration {
	shown := b.clock()
	b.passed += max(0, shown.Sub(b.read))
	b.read = shown
	return b.passed
}
