package limits

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Keeper keeps the states of counts where all processes find them.
type Keeper interface {
	// Change locks the states of the keys, in their order: they are sorted, and each is there once. Then it asks decide what becomes of
	// them. It saves what is not nil of changed, with the time from which on it says nothing any more; a state that is empty says nothing
	// at once. When changed is nil it saves nothing. A state that was never saved is empty.
	//
	// now is when all of them are locked, by a clock that is the same for all processes. What decide said is void when it is asked again,
	// as after a deadlock; and when there is an error, it may or may not have been saved.
	Change(
		ctx context.Context, keys [][16]byte, decide func(now time.Time, states [][]byte) (changed [][]byte, until []time.Time),
	) error
}

const (
	// asking is how many at a time ask the keeper for something: less than a process has connections, so that tries leave some for
	// everything else. Those beyond wait.
	asking     = 4
	askTimeout = 10 * time.Second

	// givingBack is how many at a time give something back while nobody waits. Those beyond have their caller wait, and after the
	// timeout it is not given back: it is past by itself some time.
	givingBack      = 2
	giveBackTimeout = 2 * time.Second

	// heldFor is for how long the keeper is not asked again about a count that it has refused, or a stranger who is refused could make it
	// work as often as they like. It is short, because somebody else may give back meanwhile. What is over maxHeld is asked about.
	heldFor = time.Second
	maxHeld = 10_000
)

// Shared is where several processes count together. The counts in memory stay in front: a try that they refuse asks nobody.
type Shared struct {
	keeper Keeper
	log    *slog.Logger

	asking, givingBack chan struct{} // those who do
	draining           sync.Mutex
}

// Share has books count together with those of other processes that have the same keeper. The log is told what could not be given
// back.
func Share(k Keeper, log *slog.Logger) *Shared {
	return &Shared{keeper: k, log: log, asking: make(chan struct{}, asking), givingBack: make(chan struct{}, givingBack)}
}

// Drain waits until all is given back. Nil has nothing to give back.
func (s *Shared) Drain() {
	if s == nil {
		return
	}
	s.draining.Lock() // two that have half of the places each would wait for each other
	defer s.draining.Unlock()
	for range givingBack {
		s.givingBack <- struct{}{}
	}
	for range givingBack {
		<-s.givingBack
	}
}

// ask does something with the keeper when it is its turn. A caller who goes away before that has not asked. After that it makes no
// difference: nobody asks more often by hanging up.
func (s *Shared) ask(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	select {
	case s.asking <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait to count a try: %w", ctx.Err())
	}
	defer func() { <-s.asking }()
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	return do(ctx)
}

// giveBack does something with the keeper for which nobody waits, while there are not too many.
func (s *Shared) giveBack(do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), giveBackTimeout)
	run := func() {
		defer cancel()
		defer func() { <-s.givingBack }()
		s.tell(ctx, do(ctx))
	}
	select {
	case s.givingBack <- struct{}{}:
		go run()
		return
	default:
	}
	select {
	case s.givingBack <- struct{}{}:
		run()
	case <-ctx.Done():
		s.tell(ctx, ctx.Err())
		cancel()
	}
}

// tell records what could not be given back. It is past by itself some time.
func (s *Shared) tell(ctx context.Context, err error) {
	if err != nil {
		s.log.WarnContext(ctx, "an attempt that should not count is counted on other nodes", "reason", err)
	}
}

// ShareBy has the shared tables of the book count together with other processes. It is called before the first turn; nil leaves all
// counts to this process.
func (b *Book) ShareBy(s *Shared) *Book {
	b.shared = s
	return b
}

// IsShared says whether others count too.
func (b *Book) IsShared() bool { return b.shared != nil }

// Shared has everybody's count in the table kept by whom the book is shared by as well, if it is: under a name that no other table
// has, and which stays.
func (t *Table) Shared(name string) *Table {
	t.name = name
	return t
}

// TakeShared takes one from each of the counts whose tables are shared, or from those of them that choose says. It is called, outside
// of a turn, with what a turn has taken from the same counts in memory: that is given back if it has to wait, or on an error. Both
// gives back to both. In a book that is not shared it is giveBack itself.
//
// What choose is given looks at the shared counts; nil means all.
func (b *Book) TakeShared(
	ctx context.Context, giveBack func(), counts []Count, choose func(Turn) []Count,
) (both func(), wait time.Duration, err error) {
	if b.shared == nil {
		return giveBack, 0, nil
	}
	giveBackShared, wait, err := b.takeShared(ctx, counts, choose)
	if err != nil || wait > 0 {
		giveBack()
		return nil, wait, err
	}
	return func() {
		giveBack()
		giveBackShared()
	}, 0, nil
}

func (b *Book) takeShared(
	ctx context.Context, counts []Count, choose func(Turn) []Count,
) (giveBack func(), wait time.Duration, err error) {
	rows := rowsOf(counts)
	if len(rows.keys) == 0 {
		return func() {}, 0, nil
	}
	var taken time.Duration
	var chosen []Count
	var full map[Count]hold
	err = b.shared.ask(ctx, func(ctx context.Context) error {
		return b.shared.keeper.Change(ctx, rows.keys, func(now time.Time, states [][]byte) ([][]byte, []time.Time) {
			turn, cut := rows.turn(now, states)
			taken, chosen, wait = turn.now, rows.counts, 0
			if choose != nil {
				chosen = rowsOf(choose(turn)).counts
			}
			full = turn.full(rows.counts)
			for _, c := range chosen {
				wait = max(wait, turn.Wait(c))
			}
			switch {
			case wait == 0:
				for _, c := range chosen {
					turn.rows[c.table].add(c.who, turn.now)
				}
			case !cut:
				return nil, nil
			}
			return rows.changed(turn, states)
		})
	})
	if err != nil {
		return nil, 0, err
	}
	b.hold(full)
	return func() { b.giveBackShared(chosen, taken) }, wait, nil
}

func (b *Book) giveBackShared(counts []Count, taken time.Duration) {
	rows := rowsOf(counts)
	b.shared.giveBack(func(ctx context.Context) error {
		return b.shared.keeper.Change(ctx, rows.keys, func(now time.Time, states [][]byte) ([][]byte, []time.Time) {
			turn, _ := rows.turn(now, states)
			for _, c := range counts {
				turn.rows[c.table].takeBack(c.who, taken, turn.now)
			}
			return rows.changed(turn, states)
		})
	})
}

// hold is what the keeper said of a count that is used up.
type hold struct {
	wait  time.Duration
	used  int
	until time.Duration // when to ask the keeper again
	ready time.Duration // when there is one again, if nobody gives back
}

// full are those of the counts that have to wait.
func (t Turn) full(counts []Count) map[Count]hold {
	var full map[Count]hold
	for _, c := range counts {
		if wait := t.Wait(c); wait > 0 {
			if full == nil {
				full = map[Count]hold{}
			}
			full[c] = hold{wait: wait, used: t.Used(c)}
		}
	}
	return full
}

// hold has turns answer for the keeper for a moment.
func (b *Book) hold(full map[Count]hold) {
	if len(full) == 0 {
		return
	}
	turn := b.Begin()
	defer turn.End()
	if b.held == nil || len(b.held)+len(full) > maxHeld {
		b.held = map[Count]hold{}
	}
	for c, h := range full {
		h.until, h.ready = turn.now+min(h.wait, heldFor), turn.now+h.wait
		b.held[c] = h
	}
}

// rows are the counts of shared tables among others, with the keys of their states.
type rows struct {
	counts []Count
	keys   [][16]byte         // sorted, each once
	of     map[[16]byte]Count // one that has the key
}

func rowsOf(counts []Count) rows {
	r := rows{of: map[[16]byte]Count{}}
	for _, c := range counts {
		if c.table.name == "" {
			continue
		}
		key := c.key()
		r.counts = append(r.counts, c)
		r.of[key] = c
		r.keys = append(r.keys, key)
	}
	slices.SortFunc(r.keys, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	r.keys = slices.Compact(r.keys)
	return r
}

// key stands for a count, so that states are kept without names and addresses.
func (c Count) key() [16]byte {
	sum := sha256.Sum256([]byte(c.table.name + "\x00" + c.who))
	return [16]byte(sum[:16])
}

// turn looks at states as a turn does at the counts in memory, by the keeper's clock. It needs no end. Some are cut when they claim more
// than can be: they are to be saved whatever comes of the turn, or they would be believed again later.
func (r rows) turn(at time.Time, states [][]byte) (t Turn, cut bool) {
	t = Turn{now: time.Duration(max(0, at.UnixMilli())) * time.Millisecond, rows: map[*Table]counts{}}
	for i, key := range r.keys {
		c := r.of[key]
		if t.rows[c.table] == nil {
			t.rows[c.table] = c.table.counts.none()
		}
		cut = t.rows[c.table].load(c.who, states[i], t.now) || cut
	}
	return t, cut
}

// changed are the states that a turn has changed, nil when there are none.
func (r rows) changed(t Turn, states [][]byte) (changed [][]byte, until []time.Time) {
	some := false
	changed, until = make([][]byte, len(states)), make([]time.Time, len(states))
	for i, key := range r.keys {
		c := r.of[key]
		state, end := t.rows[c.table].save(c.who, t.now)
		if !bytes.Equal(state, states[i]) {
			some = true
			changed[i], until[i] = state, time.UnixMilli(end.Milliseconds())
		}
	}
	if !some {
		return nil, nil
	}
	return changed, until
}
