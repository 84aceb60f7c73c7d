package store

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

// How far the machine's clock is believed without waiting.
const (
	// goesWith is how far a clock may be from where it should be and still be taken for right: more than a clock is set by while it
	// runs, and than a restart takes with all that was not saved before it.
	goesWith = 10 * time.Minute
	// mostRan is what can have passed between two looks. They are a minute apart: more than this is no time that the program ran, and
	// a clock without a monotonic part may have jumped.
	mostRan = 45 * time.Minute
	// doubted is for how long of running a clock that went ahead is doubted: it is set right by the network sooner, if there is one.
	doubted = time.Hour
	// saveEvery bounds what a crash forgets of the time, which goesWith has room for.
	saveEvery = 5 * time.Minute
)

// For how long the program has to run with a clock that does not go with what was believed until that is believed instead: a tenth of
// how far it is off, within these bounds. Meanwhile rows that are past stay for so much longer, and nothing else happens. Going back takes
// no longer than what was believed has been so, since a new file may have been created by a clock that was ahead.
const (
	leastRun = 24 * time.Hour
	mostRun  = 30 * 24 * time.Hour
)

const (
	selectClock = `SELECT believed_at, sure, candidate_at, ran FROM clock WHERE id = 1`

	saveClock = `
INSERT INTO clock (id, believed_at, sure, candidate_at, ran) VALUES (1, ?1, ?2, ?3, ?4)
ON CONFLICT (id) DO UPDATE SET believed_at = ?1, sure = ?2, candidate_at = ?3, ran = ?4`
)

// fromFuture is model.MaxAhead in milliseconds, written as SQL.
const fromFuture = "60000"

// Look is what one look at the machine's clock tells.
type Look struct {
	// By is a time that has certainly come: what was past by then may be deleted.
	By time.Time
	// Off is how far the clock is from what is believed, 0 when it goes with that.
	Off time.Duration
	// New says that it has not been off before, Running that it was not when the program started.
	New, Running bool
	// Wait is how much longer the program has to run with a clock that is off until that is believed.
	Wait time.Duration
}

// Behind says that the clock shows a time that has long been: by it, rows may seem to be from the future.
func (l Look) Behind() bool { return l.Off < 0 }

// belief is what is believed of the time. It goes on by the time that the program runs, whatever the clock is set to.
type belief struct {
	believed  time.Time     // zero when nothing is known: the file is new
	sure      time.Duration // for how long the program has run with that, as far as it matters
	candidate time.Time     // what the clock shows instead; zero when it goes with believed
	ran       time.Duration // with the candidate

	last  time.Time // the reading of the last look of this run
	saved time.Time // the time that was believed when it was saved last
}

// look takes in what the clock shows when the program has run for so long since the last look.
func (b *belief) look(shown time.Time, ran time.Duration) Look {
	if ran < 0 || ran > mostRan {
		ran = 0
	}
	if b.believed.IsZero() {
		b.believed = shown
	}
	b.believed = b.believed.Add(ran)
	off := shown.Sub(b.believed)
	if off.Abs() <= goesWith {
		b.believed, b.candidate, b.ran = shown, time.Time{}, 0
		b.sure = min(b.sure+ran, mostRun)
		return Look{By: shown}
	}
	l := Look{New: b.follow(shown, ran)}
	if b.untilBelieved() <= 0 {
		b.believed, b.sure, b.candidate, b.ran = b.candidate, b.ran, time.Time{}, 0
		if off = shown.Sub(b.believed); off.Abs() <= goesWith {
			b.believed = shown
			return Look{By: shown}
		}
		b.candidate = shown
	}
	l.By, l.Off = b.believed, off
	if shown.Before(l.By) {
		l.By = shown
	}
	l.Wait = b.untilBelieved()
	return l
}

// follow keeps the earliest of what the clock has shown since it is off: when it goes ahead once more, as it does wherever a machine is
// off at night, what was shown first has been true for longer. It says whether it starts again.
func (b *belief) follow(shown time.Time, ran time.Duration) bool {
	next := b.candidate.Add(ran)
	ahead := b.candidate.After(b.believed.Add(-ran))
	if b.candidate.IsZero() || shown.Before(next.Add(-goesWith)) || !ahead && shown.After(next.Add(goesWith)) {
		b.candidate, b.ran = shown, 0
		return true
	}
	b.candidate, b.ran = next, b.ran+ran
	return false
}

// untilBelieved is how much longer the program has to run with the candidate.
func (b *belief) untilBelieved() time.Duration {
	off := b.candidate.Sub(b.believed)
	need := min(max(off.Abs()/10, leastRun), mostRun)
	if off < 0 {
		need = min(need, max(b.sure, leastRun))
	}
	return need - b.ran
}

// Look takes a reading of the machine's clock in and tells what may be deleted by it. Call it when the program starts, and every
// minute while it runs.
//
// What it believes goes on by the time that the program runs. A reading that goes with that is believed at once. Any other is when the
// program has run with it for a day, or for a tenth of what it is off by if that is more: a year of being switched off and a battery
// that is empty look alike. It is remembered in the file.
func (s *Store) Look(ctx context.Context, now time.Time) (Look, error) {
	s.clockMu.Lock()
	defer s.clockMu.Unlock()
	b := &s.clock
	running, before := !b.last.IsZero(), *b
	var ran time.Duration
	if running {
		ran = now.Sub(b.last) // by the monotonic clock, where the reading has one
	}
	b.last = now
	l := b.look(now.Round(0), ran) // what a wall shows
	l.Running = running
	if b.believed.Sub(b.saved).Abs() < saveEvery && before.candidate.IsZero() == b.candidate.IsZero() {
		return l, nil
	}
	err := s.write(ctx, ofNobody, func(t tx) error {
		candidate := int64(0)
		if !b.candidate.IsZero() {
			candidate = b.candidate.UnixMilli()
		}
		_, err := t.exec(saveClock, b.believed.UnixMilli(), b.sure.Milliseconds(), candidate, b.ran.Milliseconds())
		return err
	})
	if err == nil {
		b.saved = b.believed
	}
	return l, doing("remember the time", err)
}

// Believed is a time that has certainly come, as of the last Look; the zero time when nothing is known.
func (s *Store) Believed() time.Time {
	s.clockMu.Lock()
	defer s.clockMu.Unlock()
	return s.clock.believed
}

// Doubts says whether something that ends at that time has ended by now alone, as the clock shows it, which has gone ahead a short
// time ago: a client that would discard something for having ended should rather come back.
func (s *Store) Doubts(end, now time.Time) bool {
	s.clockMu.Lock()
	defer s.clockMu.Unlock()
	b := s.clock
	if b.believed.IsZero() || b.last.IsZero() || b.ran >= doubted {
		return false
	}
	believed := b.believed
	if ran := now.Sub(b.last); 0 < ran && ran <= mostRan {
		believed = believed.Add(ran)
	}
	return now.Round(0).Sub(believed) > goesWith && end.After(believed)
}

// readClock reads, once, what an earlier run believed.
func (s *Store) readClock(ctx context.Context) error {
	var believed, sure, candidate, ran int64
	err := s.row(ctx, selectClock, nil, &believed, &sure, &candidate, &ran)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return nil
	case err != nil:
		return doing("find what time it was", err)
	}
	s.clock.believed, s.clock.saved = fromMillis(believed), fromMillis(believed)
	s.clock.sure = time.Duration(sure) * time.Millisecond
	if candidate != 0 {
		s.clock.candidate, s.clock.ran = fromMillis(candidate), time.Duration(ran)*time.Millisecond
	}
	return nil
}
