package handlers

import (
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a server may have no zones of its own: a container mostly has none

	"github.com/labstack/echo/v4"

	"latchkey/internal/lang"
	"latchkey/views"
)

// clockCookie is by which clock the person lives, as their browser says: a time zone, and whether hours go to 12. The page's script
// sets it, so that the first paint has their times.
const clockCookie = "latchkey-tz"

// twelveHours is what the cookie ends with when hours go to 12. It is in no name of a zone.
const twelveHours = ".12"

const clockKey = "clock"

// nameClock finds out by which clock the answer is written, which has its language.
func (h *dashboard) nameClock(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var clock *views.Clock
		if value := cookieValue(c, h.clockName); value != "" {
			clock = clocks.named(value)
		}
		if clock = clock.In(lang.Of(c.Request().Context())); clock != nil {
			c.Set(clockKey, clock)
		}
		return next(c)
	}
}

// clockOf is the person's clock, which has no zone, or is nil, when that is not known. All its methods can be called then too.
func clockOf(c echo.Context) *views.Clock {
	clock, _ := c.Get(clockKey).(*views.Clock)
	return clock
}

// clockTag is what the page tells its script: which cookie is for the clock, by which one the page was drawn, and what time it is here.
// The clocks of people's computers are wrong now and then.
func (h *dashboard) clockTag(c echo.Context) string {
	drawn := ""
	if clock := clockOf(c); clock != nil && clock.Zone != nil {
		drawn = cookieValue(c, h.clockName)
	}
	return h.clockName + " " + drawn + " " + strconv.FormatInt(h.Now().Unix(), 10)
}

// maxClocks bounds how many are kept in memory: there are fewer zones that people live in, and any name is found again.
const maxClocks = 256

// clocks are those that were asked for, by the values of cookies.
var clocks = &clockCache{known: map[string]*views.Clock{}}

type clockCache struct {
	mu    sync.RWMutex
	known map[string]*views.Clock // nil where there is no such zone
}

func (k *clockCache) named(value string) *views.Clock {
	k.mu.RLock()
	clock, ok := k.known[value]
	k.mu.RUnlock()
	if ok || len(value) > maxZone+len(twelveHours) {
		return clock
	}
	zone, twelve := strings.CutSuffix(value, twelveHours)
	if location := zoneNamed(zone); location != nil {
		clock = &views.Clock{Zone: location, Twelve: twelve}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for some := range k.known {
		if len(k.known) < maxClocks {
			break
		}
		delete(k.known, some)
	}
	k.known[strings.Clone(value)] = clock // a part of the header would keep all of it
	return clock
}

// maxZone is longer than the name of any zone.
const maxZone = 64

// zoneNamed is a zone of the world's, nil when there is none of that name. A name may become one of a file: it has parts that begin with a
// letter, and so leads nowhere else.
func zoneNamed(name string) *time.Location {
	if len(name) > maxZone || name == "Local" { // which is where the server is
		return nil
	}
	start := true
	for _, r := range []byte(name) {
		letter := r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		other := r >= '0' && r <= '9' || r == '_' || r == '-' || r == '+' || r == '/'
		if start && !letter || !letter && !other {
			return nil
		}
		start = r == '/'
	}
	if start { // nothing, or nothing behind the last slash
		return nil
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return location
}
