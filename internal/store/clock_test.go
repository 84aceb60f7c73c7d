package store

import (
	"strconv"
	"testing"
	"time"

	"latchkey/internal/model"
)

const (
	aDay  = 24 * time.Hour
	aYear = 365 * aDay
)

// machine is one whose clock may be wrong, and a program on it that looks once a minute while it runs.
type machine struct {
	belief
	truth time.Time
	off   time.Duration // of the clock
	most  time.Duration // how far what may be deleted was ahead of the truth at worst
	told  int           // how often the log said that the clock is off
	last  Look
}

func newMachine() *machine { return &machine{truth: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)} }

func (m *machine) look(ran time.Duration) {
	m.last = m.belief.look(m.truth.Add(m.off), ran)
	m.most = max(m.most, m.last.By.Sub(m.truth))
	if m.last.New {
		m.told++
	}
}

// run starts the program, which runs for so long.
func (m *machine) run(long time.Duration) {
	m.look(0)
	m.goOn(long)
}

func (m *machine) goOn(long time.Duration) {
	for ; long > 0; long -= time.Minute {
		m.truth = m.truth.Add(time.Minute)
		m.look(time.Minute)
	}
}

func (m *machine) switchOff(long time.Duration) { m.truth = m.truth.Add(long) }

// late is how far what may be deleted lags behind the truth.
func (m *machine) late() time.Duration { return m.truth.Sub(m.last.By) }

func TestNothingIsPastBecauseAClockIsWrongForAWhile(t *testing.T) {
	for name, off := range map[string]time.Duration{
		"a year ahead": aYear, "two years ahead": 2 * aYear, "12 hours ahead": 12 * time.Hour, "an hour ahead": time.Hour,
		"12 hours behind": -12 * time.Hour, "two years behind": -2 * aYear, "in 1970": -56 * aYear,
	} {
		for how, long := range map[string]time.Duration{"75 s": 2 * time.Minute, "five hours": 5 * time.Hour, "most of a day": 23 * time.Hour} {
			t.Run(name+" for "+how, func(t *testing.T) {
				running := newMachine()
				running.run(3 * time.Hour)
				running.off = off
				running.goOn(long)
				running.off = 0
				running.goOn(time.Minute)

				between := newMachine()
				between.run(3 * time.Hour)
				between.off = off
				between.run(long)
				between.off = 0
				between.run(time.Minute)

				for _, m := range []*machine{running, between} {
					if m.most > 0 {
						t.Errorf("what ends %v from now may be deleted", m.most)
					}
				}
				for _, m := range []*machine{running, between} {
					if m.goOn(leastRun); m.late() != 0 {
						t.Errorf("a day after the clock is right, only what was past %v ago may be deleted", m.late())
					}
					if m.told < 1 || m.told > 3 {
						t.Errorf("the log has told of it %d times", m.told)
					}
				}
			})
		}
	}
}

func TestAServerThatWasOffForMonthsSweepsAgain(t *testing.T) {
	m := newMachine()
	m.run(time.Hour)
	m.switchOff(90 * aDay)
	m.run(8 * aDay)
	if m.late() != 90*aDay {
		t.Errorf("after eight days it sweeps what was past %v ago", m.late())
	}
	m.goOn(2 * aDay)
	if m.late() != 0 || m.told != 1 {
		t.Errorf("after ten days it sweeps what was past %v ago; told %d times", m.late(), m.told)
	}
}

func TestAServerThatIsOffEveryNightSweepsAFewDaysLate(t *testing.T) {
	m := newMachine()
	for range 60 {
		m.run(8 * time.Hour)
		m.switchOff(16 * time.Hour)
		if m.late() > 5*aDay {
			t.Fatalf("%v late", m.late())
		}
	}
	// The hours that it ran with the time that was right before do not speak for another.
	m.off = 2 * aYear
	m.run(10 * time.Minute)
	if m.most > 0 {
		t.Errorf("%v ahead", m.most)
	}
}

func TestAFileThatWasMadeByAClockThatWasAheadIsNotBelievedForLong(t *testing.T) {
	m := newMachine()
	m.off = 2 * aYear
	m.run(time.Hour)
	m.off = 0
	m.run(leastRun + time.Minute)
	m.most, m.off = 0, aYear
	m.goOn(time.Hour)
	if m.most > 0 {
		t.Errorf("what ends %v from now may be deleted", m.most)
	}
}

// Behind for long, as a board without a battery is when its network is down, and then right: what is believed must not have followed, or
// the ends of all sessions would be set by it.
func TestAClockThatIsBehindIsNotFollowedForDaysWhereThingsHaveLongBeenRight(t *testing.T) {
	for off, days := range map[time.Duration]time.Duration{-2 * aYear: 20, -56 * aYear: 29} {
		m := newMachine()
		m.run(40 * aDay)
		m.off = off
		m.run(days * aDay)
		if !m.last.Behind() {
			t.Errorf("%v behind for %d days it is taken for right", off, days)
		}
		m.off = 0
		m.run(time.Minute)
		if m.late() != 0 || m.last.Off != 0 {
			t.Errorf("when it is right again: %+v", m.last)
		}
	}
}

func TestWhatIsBelievedOfTheTimeIsRememberedInTheFile(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	path := newFile(t)
	look := func(at time.Time) Look {
		t.Helper()
		s := openFile(t, path)
		l, err := s.Look(t.Context(), at)
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := look(now); !l.By.Equal(now) || l.Off != 0 {
		t.Errorf("a new file: %+v", l)
	}
	for i := range 3 {
		if l := look(now.Add(aYear)); !l.By.Equal(now) || l.Off != aYear || l.New != (i == 0) || l.Running || l.Behind() {
			t.Errorf("start %d a year later: %+v", i, l)
		}
	}
	if l := look(now.Add(time.Minute)); !l.By.Equal(now.Add(time.Minute)) || l.Off != 0 {
		t.Errorf("when the clock is right again: %+v", l)
	}
}

func TestAFileFromBeforeHasBeenUsedUntilItsNewestRow(t *testing.T) {
	path := newFile(t)
	s := openFile(t, path)
	made := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{made.Add(-time.Hour), made} {
		if err := s.RecordEvent(t.Context(), model.Event{UserID: "somebody", At: at, Kind: model.EventSignedIn, Elsewhere: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := openRaw(t, path)
	run(t, db, "DROP TABLE clock")
	run(t, db, "DROP TABLE forms")
	undoDevices(t, db)
	run(t, db, "DELETE FROM goose_db_version WHERE version_id >= 6")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := openFile(t, path).Look(t.Context(), made.Add(2*aYear))
	if err != nil || !l.By.Equal(made) {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestTheFutureBeginsWhereItDoesForEverybody(t *testing.T) {
	if fromFuture != strconv.FormatInt(model.MaxAhead.Milliseconds(), 10) {
		t.Errorf("%s ms here, %v elsewhere", fromFuture, model.MaxAhead)
	}
}

func TestUsesAreRecordedFromNowOnAtTheLatest(t *testing.T) {
	path := newFile(t)
	s := openFile(t, path)
	made := s.RecordingSince()
	most := Longest{AuthSession: time.Hour, WebSession: time.Hour, Grant: time.Hour}
	for _, c := range []struct{ now, want time.Time }{
		{made.Add(aDay), made}, {made.Add(-model.MaxAhead), made}, {made.Add(-aYear), made.Add(-aYear)},
	} {
		if err := s.Bound(t.Context(), c.now, most); err != nil {
			t.Fatal(err)
		}
		if got := s.RecordingSince(); !got.Equal(c.want) {
			t.Errorf("at %v uses are recorded since %v, want %v", c.now, got, c.want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := openFile(t, path).RecordingSince(); !got.Equal(made.Add(-aYear)) {
		t.Errorf("after a restart since %v", got)
	}
}
