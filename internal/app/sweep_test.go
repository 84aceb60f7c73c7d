package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/handlers/websession"
	"latchkey/internal/model"
	"latchkey/internal/testkit"
)

func TestWorkIsRepeatedAfterEachPauseUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, times := time.Now(), []time.Duration{}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			repeat(ctx, func() time.Duration { return time.Minute }, func(context.Context) { times = append(times, time.Since(start)) })
		}()
		time.Sleep(150 * time.Second)
		cancel()
		<-ended
		if len(times) != 2 || times[0] != time.Minute || times[1] != 2*time.Minute {
			t.Errorf("worked after %v", times)
		}
	})
}

func TestThePauseBetweenSweepsIsAboutAMinute(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 100 {
		pause := aboutAMinute()
		if pause < 50*time.Second || pause >= 70*time.Second {
			t.Errorf("%v", pause)
		}
		seen[pause] = true
	}
	if len(seen) < 2 {
		t.Error("there is no jitter")
	}
}

func TestASweepDeletesWhatHasExpiredByTheProgramsClock(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	now := time.Now()
	clock := testkit.NewClock(now)
	cfg.Now = clock.Now
	a := run(t, cfg)
	row := model.WebSession{IDHash: [32]byte{1}, Sealed: []byte("x"), CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(12 * time.Hour)}
	if err := a.store.CreateWebSession(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	a.sweep(t.Context())
	if _, err := a.store.WebSession(t.Context(), row.IDHash); err != nil {
		t.Errorf("a web session in use: %v", err)
	}
	clock.Advance(websession.Idle + time.Second)
	a.sweep(t.Context())
	if _, err := a.store.WebSession(t.Context(), row.IDHash); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("an idle web session: %v", err)
	}
}
