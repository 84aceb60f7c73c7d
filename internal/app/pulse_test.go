package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/handlers"
)

func TestANodeIsHealthyWhileItsDatabaseIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		var takes atomic.Int64
		a := &App{pulse: newPulse(func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(takes.Load())):
			}
			if broken.Load() {
				return errors.New("it is away")
			}
			return nil
		}, time.Now)}
		ctx, stop := context.WithCancel(t.Context())
		go repeat(ctx, every(healthLook), a.pulse.look)
		step := func(what string, wait time.Duration, healthy, ready bool) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			if err := a.healthy(ctx); (err == nil) != healthy {
				t.Errorf("%s: healthy: %v", what, err)
			}
			if err := a.ready(ctx); (err == nil) != ready {
				t.Errorf("%s: ready: %v", what, err)
			}
		}
		step("before the first look", 0, true, true)
		step("all is well", time.Minute+100*time.Millisecond, true, true)
		broken.Store(true)
		step("away", time.Second, true, false)
		step("away for 14 seconds", 13*time.Second, true, false)
		step("away for longer", 2*time.Second, false, false)
		broken.Store(false)
		step("there again", time.Second, true, true)
		takes.Store(int64(time.Hour))
		step("asked and not answered", 2*time.Second, true, true)
		step("not answered for two seconds", time.Second, true, false)
		step("hung for longer", 15*time.Second, false, false)
		a.stopping.Store(true)
		if err := a.healthy(ctx); !errors.Is(err, handlers.ErrStopping) {
			t.Errorf("stopping: %v", err)
		}
		if err := a.ready(ctx); !errors.Is(err, handlers.ErrStopping) {
			t.Errorf("stopping: %v", err)
		}
		stop()
	})
}
