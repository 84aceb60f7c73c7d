package authserver

import (
	"slices"
	"testing"
	"testing/synctest"
)

func TestWhatIsDoneAfterwardsIsSixteenAtATimeAndTheRestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := newAfterwards(), make(chan struct{})
		begun := make(chan int, 100)
		for i := range 40 {
			a.do(func() {
				begun <- i
				<-gate
			})
		}
		synctest.Wait()
		if len(begun) != maxAfterwards {
			t.Fatalf("%d at a time, want %d", len(begun), maxAfterwards)
		}
		var order []int
		for range 40 {
			order = append(order, <-begun)
			gate <- struct{}{}
			synctest.Wait()
		}
		if later := order[maxAfterwards:]; !slices.IsSorted(later) || len(later) != 40-maxAfterwards {
			t.Errorf("those that waited were done in the order %v", later)
		}
	})
}

func TestDrainWaitsForWhatIsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, gate := &Server{afterwards: newAfterwards()}, make(chan struct{})
		s.Drain() // nothing
		total := maxAfterwards + maxAfterwardsWaiting
		finished := make(chan struct{}, total)
		for range total {
			s.afterwards.do(func() {
				<-gate
				finished <- struct{}{}
			})
		}
		if s.afterwards.try(func() {}) {
			t.Error("one more is taken than may wait")
		}
		inline := false
		s.afterwards.do(func() { inline = true })
		if !inline {
			t.Error("one more is left out, or waits")
		}
		drained := make(chan int, 2)
		drain := func() {
			s.Drain()
			drained <- len(finished)
		}
		go drain()
		for range total - 1 {
			gate <- struct{}{}
		}
		go drain()
		synctest.Wait()
		if len(drained) > 0 {
			t.Error("it does not wait for the last")
		}
		close(gate)
		for range 2 {
			if n := <-drained; n != total {
				t.Errorf("%d of %d are done when it returns", n, total)
			}
		}
	})
}
