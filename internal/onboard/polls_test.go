package onboard

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testkit"
)

var base = time.Date(2026, time.November, 20, 12, 30, 0, 0, time.UTC)

func newClock() *testkit.Clock { return testkit.NewClock(base) }

func TestPollsAreJudgedByTheLastAcceptedOne(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	type poll struct {
		at time.Duration
		ok bool
	}
	for name, polls := range map[string][]poll{
		"at the interval":           {{0, true}, {5 * s, true}, {10 * s, true}},
		"a little early each time":  {{0, true}, {4 * s, true}, {8 * s, true}, {12 * s, true}},
		"too early":                 {{0, true}, {4*s - 1, false}},
		"all doubled":               {{0, true}, {3 * ms, true}, {5 * s, true}, {5*s + 800*ms, true}, {10 * s, true}, {12 * s, true}},
		"doubled in no time":        {{0, true}, {0, true}, {5 * s, true}, {5 * s, true}},
		"tripled":                   {{0, true}, {1 * ms, true}, {2 * ms, false}, {5 * s, true}},
		"a second one too late":     {{0, true}, {2501 * ms, false}, {2502 * ms, false}, {4 * s, true}},
		"one a second":              {{0, true}, {1 * s, true}, {2 * s, false}, {4 * s, true}, {5 * s, true}, {6 * s, false}},
		"the double does not count": {{0, true}, {900 * ms, true}, {4 * s, true}, {8 * s, true}},
		"refusals do not count":     {{0, true}, {2600 * ms, false}, {3 * s, false}, {4 * s, true}},
		"doubled over the border":   {{0, true}, {3990 * ms, false}, {4010 * ms, true}, {4020 * ms, true}, {8010 * ms, true}},
		"after long":                {{0, true}, {time.Hour, true}, {time.Hour + s, true}, {time.Hour + 2*s, false}},
		"after the clock went back": {{time.Hour, true}, {0, true}, {5 * s, true}},
	} {
		c := newClock()
		judge := newPolls(c.Now, 5*time.Second)
		for i, p := range polls {
			c.Set(p.at)
			if got := judge.accept([32]byte{1}); got != p.ok {
				t.Errorf("%s: poll %d, after %v: %v, want %v", name, i, p.at, got, p.ok)
			}
		}
	}
}

func TestOneDeviceDoesNotSlowAnotherDown(t *testing.T) {
	c := newClock()
	judge := newPolls(c.Now, 5*time.Second)
	for i := range byte(50) {
		for poll := range 3 {
			if got := judge.accept([32]byte{i}); got != (poll < 2) {
				t.Fatalf("poll %d of device %d: %v", poll, i, got)
			}
		}
	}
}

func TestOfManyPollsAtOnceTwoAreAccepted(t *testing.T) {
	c := newClock()
	judge := newPolls(c.Now, 5*time.Second)
	for round := range 20 {
		c.Set(time.Duration(round) * 5 * time.Second)
		accepted := make([]bool, 50)
		var all sync.WaitGroup
		for i := range accepted {
			all.Go(func() { accepted[i] = judge.accept([32]byte{7}) })
		}
		all.Wait()
		n := 0
		for _, ok := range accepted {
			if ok {
				n++
			}
		}
		if n != 2 {
			t.Errorf("round %d: %d accepted", round, n)
		}
	}
}

func TestPollsAreForgottenByUseAndBySweep(t *testing.T) {
	c := newClock()
	judge := newPolls(c.Now, 5*time.Second)
	device := 0
	for second := range 100 {
		c.Set(time.Duration(second) * time.Second)
		for range 10 {
			device++
			judge.accept([32]byte{byte(device), byte(device >> 8)})
		}
		if len(judge.last) > 90 {
			t.Fatalf("after %d s %d polls are remembered", second, len(judge.last))
		}
	}
	judge.sweep()
	if len(judge.last) == 0 || len(judge.last) > 40 {
		t.Errorf("after a sweep %d polls are remembered, want those of four seconds", len(judge.last))
	}
	c.Set(time.Hour)
	judge.sweep()
	if len(judge.last) != 0 {
		t.Errorf("%s are remembered for ever", fmt.Sprint(len(judge.last)))
	}
}
