package handlers_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

// slowFilters answers nobody who filters until it may go on, and knows how many it had to answer at once.
type slowFilters struct {
	handlers.Events
	goOn          chan struct{}
	running, most atomic.Int64
}

func (s *slowFilters) read(ctx context.Context, userID string, q model.EventQuery) ([]model.Event, error) {
	if slices.Contains(q.Kinds, model.EventPairingAsked) || q.KeyID != "" { // as no page does by itself
		s.most.Store(max(s.most.Load(), s.running.Add(1)))
		defer s.running.Add(-1)
		<-s.goOn
	}
	return s.Events.Events(ctx, userID, q)
}

// filters is a slowFilters as the dashboard sees it.
type filters struct{ *slowFilters }

func (f filters) Events(ctx context.Context, userID string, q model.EventQuery) ([]model.Event, error) {
	return f.read(ctx, userID, q)
}

func (f filters) RecordEvent(ctx context.Context, e model.Event) error {
	return f.slowFilters.Events.RecordEvent(ctx, e)
}

func TestWhoeverFiltersOverAndOverKeepsThemselvesWaitingAndNobodyElse(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	slow := &slowFilters{Events: p.deps.Events, goOn: make(chan struct{})}
	p.deps.Events = filters{slow}
	p.start()
	greedy, _ := p.signedIn(email)
	other, _ := p.signedIn("bob@example.com")
	const asks, inLine = 16, 6
	statuses := make(chan int, asks)
	var asking sync.WaitGroup
	for range asks {
		asking.Go(func() { statuses <- greedy.get("/activity?kind=devices").status })
	}
	for range asks - inLine {
		if got := <-statuses; got != http.StatusTooManyRequests {
			t.Errorf("one that is beyond their line is answered %d", got)
		}
	}
	for patience := time.Now().Add(time.Minute); slow.running.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(patience) {
			t.Fatal("nothing is read")
		}
	}
	refused := greedy.get("/activity?key="+aKey).want(http.StatusTooManyRequests).says("h1", "Too many lists at once")
	if refused.header.Get("Retry-After") == "" {
		t.Error("it is not said when to come again")
	}
	for _, b := range []*browser{greedy, other} {
		b.get("/keys").want(http.StatusOK)
		b.get("/activity").want(http.StatusOK)
	}
	close(slow.goOn)
	asking.Wait()
	for range inLine {
		if got := <-statuses; got != http.StatusOK {
			t.Errorf("one in line is answered %d", got)
		}
	}
	if slow.most.Load() != 1 {
		t.Errorf("%d were read at once", slow.most.Load())
	}
	other.get("/activity?kind=devices").want(http.StatusOK)
	other.get("/sessions").want(http.StatusOK)
}
