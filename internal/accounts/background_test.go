package accounts

import (
	"slices"
	"testing"
	"testing/synctest"
)

func TestWhatIsDoneInTheBackgroundIsSixteenAtATimeAndTheRestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, gate := newBackground(), make(chan struct{})
		begun := make(chan int, 100)
		for i := range 40 {
			b.do(func() {
				begun <- i
				<-gate
			})
		}
		synctest.Wait()
		if len(begun) != maxBackground {
			t.Fatalf("%d at a time, want %d", len(begun), maxBackground)
		}
		var order []int
		for range 40 {
			order = append(order, <-begun)
			gate <- struct{}{}
			synctest.Wait()
		}
		if later := order[maxBackground:]; !slices.IsSorted(later) || len(later) != 40-maxBackground {
			t.Errorf("those that waited were done in the order %v", later)
		}
	})
}

func TestDrainWaitsForWhatIsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := &Accounts{background: newBackground()}, make(chan struct{})
		a.Drain() // nothing
		total := maxBackground + maxBackgroundWaiting
		finished := make(chan struct{}, total)
		for range total {
			a.background.do(func() {
				<-gate
				finished <- struct{}{}
			})
		}
		if a.background.try(func() {}) {
			t.Error("one more is taken than may wait")
		}
		inline := false
		a.background.do(func() { inline = true })
		if !inline {
			t.Error("one more is left out, or waits")
		}
		drained := make(chan int, 2)
		drain := func() {
			a.Drain()
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
