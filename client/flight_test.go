package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestFlightRunsOnceForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight[int]
		var runs, right atomic.Int32
		release := make(chan struct{})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				got, err := f.do(t.Context(), func(context.Context) (int, error) {
					runs.Add(1)
					<-release
					return 7, nil
				})
				if got == 7 && err == nil {
					right.Add(1)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if runs.Load() != 1 || right.Load() != 50 {
			t.Errorf("%d runs, %d right results; want 1 and 50", runs.Load(), right.Load())
		}
	})
}

func TestFlightKeepsNoResult(t *testing.T) {
	var f flight[int]
	broken := errors.New("broken")
	if _, err := f.do(t.Context(), func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	got, err := f.do(t.Context(), func(context.Context) (int, error) { return 7, nil })
	if got != 7 || err != nil {
		t.Errorf("after a failure: %d, %v; want 7", got, err)
	}
}

func TestFlightOutlivesTheCallerWhoStartedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight[int]
		work := make(chan int)
		do := func(ctx context.Context) (int, error) {
			select {
			case n := <-work:
				return n, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		impatient, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := f.do(impatient, do)
			left <- err
		}()
		synctest.Wait()
		stayed := make(chan int, 1)
		go func() {
			n, _ := f.do(t.Context(), do)
			stayed <- n
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who left got %v", err)
		}
		work <- 7
		if n := <-stayed; n != 7 {
			t.Errorf("the caller who stayed got %d, want 7", n)
		}
	})
}

func TestFlightStopsWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight[int]
		stopped := make(chan struct{})
		slow := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			synctest.Wait()
			cancel()
		}()
		_, err := f.do(ctx, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			close(stopped)
			<-slow // winds down slowly
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		<-stopped
		got, err := f.do(t.Context(), func(context.Context) (int, error) { return 7, nil })
		if got != 7 || err != nil {
			t.Errorf("joined the stopped run: %d, %v", got, err)
		}
		close(slow)
	})
}

func TestFlightPanicsWhereItIsWaitedFor(t *testing.T) {
	var f flight[int]
	defer func() {
		if got := recover(); got != "broken round tripper" {
			t.Errorf("recovered %v", got)
		}
		if f.run != nil {
			t.Error("the run is still there")
		}
	}()
	_, _ = f.do(t.Context(), func(context.Context) (int, error) { panic("broken round tripper") })
	t.Error("did not panic")
}
