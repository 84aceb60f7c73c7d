package handlers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"latchkey/internal/model"
)

// Ids that began with the second and went on with a digest stood in any order within one: an approval above the request of the next
// device, which came after it.
func TestWhatHappensButOnceIsListedWhereItHappenedWithinItsSecond(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	var ids []string
	for i := range 40 {
		at := now.Add(time.Duration(i) * 20 * time.Millisecond)
		asked := idOnce(at, model.EventPairingAsked, fmt.Sprint(i))
		if asked != idOnce(at, model.EventPairingAsked, fmt.Sprint(i)) || asked == idOnce(at, model.EventPairingAsked, "another") || !model.IsID(asked) {
			t.Errorf("the id is %s", asked)
		}
		ids = append(ids, asked, model.TimeOfID(at.Add(10*time.Millisecond))) // approved
	}
	if !slices.IsSorted(ids) {
		t.Errorf("out of order: %v", ids)
	}
}
