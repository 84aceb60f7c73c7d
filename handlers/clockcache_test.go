package handlers

import (
	"fmt"
	"testing"
	"time"

	"latchkey/views"
)

// Not parallel: allocations are counted for the whole process.
func TestHoweverManyZonesAreNamedFewAreKept(t *testing.T) {
	cache := clockCache{known: map[string]*views.Clock{}}
	for i := range 2 * maxClocks {
		cache.named(fmt.Sprintf("Etc/Nowhere%d", i))
	}
	if clock := cache.named("Europe/Berlin"); clock == nil || clock.Zone.String() != "Europe/Berlin" || clock != cache.named("Europe/Berlin") {
		t.Error("no zone is found any more")
	}
	if len(cache.known) > maxClocks {
		t.Errorf("%d are kept", len(cache.known))
	}
	if got := cache.named("nowhere").Exact(time.Unix(0, 0)); got != "1 Jan 1970, 00:00:00 UTC" {
		t.Errorf("by the clock of nobody it is %q", got)
	}
	if testing.Short() { // with the race detector
		return
	}
	if got := testing.AllocsPerRun(100, func() { cache.named("Europe/Berlin") }); got > 0 {
		t.Errorf("a clock that is known takes %.0f allocations", got)
	}
}
