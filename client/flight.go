package client

import (
	"context"
	"sync"
)

// flight lets callers who want the same thing at the same time share one run of
// the work. It keeps no result: a call after the run starts the next one.
type flight[T any] struct {
	mu  sync.Mutex
	run *run[T]
}

// run is one shared piece of work and how many callers still wait for it.
type run[T any] struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	value   T
	err     error
	panic   any
}

// do returns the result of work, started by this caller or by one who came
// before. A caller whose ctx ends leaves alone; the work goes on as long as
// anybody waits for it, so that one impatient caller cannot fail the others.
func (f *flight[T]) do(ctx context.Context, work func(context.Context) (T, error)) (T, error) {
	r := f.join(ctx, work)
	select {
	case <-r.done:
		f.leave(r)
		if r.panic != nil {
			panic(r.panic)
		}
		return r.value, r.err
	case <-ctx.Done():
		f.leave(r)
		var none T
		return none, ctx.Err()
	}
}

// join adds the caller to the run under way, or starts one.
func (f *flight[T]) join(ctx context.Context, work func(context.Context) (T, error)) *run[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run != nil {
		f.run.waiting++
		return f.run
	}
	detached, cancel := context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // kept in the flight, which calls it when the last caller leaves
	r := &run[T]{done: make(chan struct{}), cancel: cancel, waiting: 1}
	f.run = r
	go f.carryOut(r, detached, work)
	return r
}

// carryOut does the work. A panic, say of the caller's own round tripper, is
// handed to those who wait, who may recover; here it would end the program.
func (f *flight[T]) carryOut(r *run[T], ctx context.Context, work func(context.Context) (T, error)) {
	defer func() {
		r.panic = recover()
		f.forget(r)
		close(r.done)
	}()
	r.value, r.err = work(ctx)
}

// leave counts one caller out; the last one stops the work.
func (f *flight[T]) leave(r *run[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.waiting--
	if r.waiting > 0 {
		return
	}
	r.cancel()
	// A caller who comes now must not join work that was just stopped.
	if f.run == r {
		f.run = nil
	}
}

// forget makes sure that the next caller starts again.
func (f *flight[T]) forget(r *run[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run == r {
		f.run = nil
	}
}
