package handlers_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/handlers"
	"latchkey/internal/model"
)

func TestASessionEndsAfterThirtyMinutesWithoutARequest(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	cookie := b.cookie("latchkey")
	p.clock.Advance(30*time.Minute - time.Millisecond)
	b.get("/keys").want(http.StatusOK)
	p.clock.Advance(30 * time.Minute)
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
	if _, err := b.rowOf(cookie); err != nil {
		t.Errorf("a request that is refused takes the row away, and it may be the clock that is wrong: %v", err)
	}
	b.post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
	if _, err := b.rowOf(cookie); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the row of before is still there after signing in anew: %v", err)
	}
}

// aYear is what a clock is wrong by that forgot what year it is.
const aYear = 365 * 24 * time.Hour

func TestAClockThatIsWrongForAWhileSignsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{aYear, 12 * time.Hour, -12 * time.Hour, -2 * aYear} {
		for _, here := range []bool{true, false} {
			p := newProgram(t, func(d *handlers.Deps) { d.Here = here })
			b, _ := p.signedIn(email)
			p.clock.Advance(off)
			b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
			b.get("/login").want(http.StatusOK)
			p.clock.Advance(time.Minute - off)
			b.get("/keys").want(http.StatusOK)
		}
	}
}

func TestWhoSignsOutWhileTheClockIsWrongIsOutWhenItIsRight(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	cookie := b.cookie("latchkey")
	p.clock.Advance(aYear)
	b.post("/logout", url.Values{}).leadsTo("/login")
	p.clock.Advance(-aYear)
	b.plant("latchkey", cookie)
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

func TestASessionThatBeganWhileTheClockWasAheadIsAllowedForNoLonger(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{model.MaxAhead + time.Second, 12 * time.Hour, aYear} {
		p := newProgram(t)
		p.clock.Advance(ahead)
		b, _ := p.signedIn(email)
		p.clock.Advance(-ahead)
		b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
		b.post("/login", url.Values{"email": {email}, "password": {password}}).leadsTo("/keys")
		b.get("/keys").want(http.StatusOK)
	}
}

func TestAProofFromTheFutureProvesNothing(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	for ahead, asked := range map[time.Duration]bool{0: false, model.MaxAhead: false, model.MaxAhead + time.Second: true, aYear: true} {
		if row, err = b.rowOf(b.cookie("latchkey")); err == nil {
			row.ProvedAt = p.clock.Now().Add(ahead)
			err = p.own.UpdateWebSession(t.Context(), row)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := http.StatusOK
		if asked {
			want = http.StatusForbidden
		}
		b.post("/keys", createForm(b.get("/keys/new").attr("input[name=form_id]", "value"), fmt.Sprintf("key-%d", ahead/time.Second))).want(want)
	}
}

func TestASessionEndsAfterTwelveHoursHoweverBusyItIs(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	for range 12 * 4 {
		b.get("/keys").want(http.StatusOK)
		p.clock.Advance(15 * time.Minute)
	}
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

func TestReadingPagesWritesTheLastRequestDownAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	writes := func(wait time.Duration) int64 {
		p.clock.Advance(wait)
		before := p.store.Stats().Writes
		b.get("/keys").want(http.StatusOK)
		return p.store.Stats().Writes - before
	}
	for i, c := range []struct {
		wait time.Duration
		want int64
	}{{0, 0}, {59 * time.Second, 0}, {time.Second, 1}, {0, 0}, {59 * time.Second, 0}, {2 * time.Minute, 1}} {
		if got := writes(c.wait); got != c.want {
			t.Errorf("request %d, %s after the last: %d writes, want %d", i, c.wait, got, c.want)
		}
	}
}

func TestASessionThatAnotherRequestTouchedFirstIsAsGood(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.clock.Advance(5 * time.Minute)
	row, err := b.rowOf(b.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	p.rows.afterRead(func() {
		row.LastSeenAt = p.clock.Now()
		if err := p.own.UpdateWebSession(t.Context(), row); err != nil {
			t.Error(err)
		}
	})
	b.get("/keys").want(http.StatusOK).says(".who", email)
}

// The disk may be full.
func TestASessionThatCanBeReadAndNotWrittenIsAsGood(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.clock.Advance(5 * time.Minute)
	p.rows.afterRead(func() { p.rows.breaks(errors.New("disk is full")) })
	b.get("/keys").want(http.StatusOK).says(".who", email)
}

func TestASessionThatEndsElsewhereDuringARequestIsOver(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.clock.Advance(5 * time.Minute)
	id, _ := base64.RawURLEncoding.DecodeString(b.cookie("latchkey"))
	p.rows.afterRead(func() {
		if err := p.own.DeleteWebSession(t.Context(), sha(id)); err != nil {
			t.Error(err)
		}
	})
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

func TestACookieThatNamesNoSessionLeadsToTheLogIn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	good := b.cookie("latchkey")
	elsewhere, _ := newProgram(t).signedIn(email)
	cookies := map[string]string{
		"empty":                 "",
		"cut":                   good[:42],
		"cut to one":            good[:1],
		"longer":                good + "A",
		"twice":                 good + good,
		"padded":                good + "=",
		"in quotes":             `"` + good + `x"`,
		"no base64":             strings.Repeat("!", 43),
		"standard base64":       strings.Repeat("+", 43),
		"zeros":                 base64.RawURLEncoding.EncodeToString(make([]byte, 32)),
		"31 bytes":              base64.RawURLEncoding.EncodeToString(make([]byte, 31)),
		"huge":                  strings.Repeat("A", 8<<10),
		"of another server":     elsewhere.cookie("latchkey"),
		"signed by gorilla":     "MTc2MzY2NjY2NnxEWDhFQVFMX2dBQUJFQUVRQUFBZl80QUFBUVp6ZEhKcGJtY3w=|0123",
		"a token":               "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
		"a path":                "../../etc/passwd",
		"a statement":           "' OR 1=1 --",
		"not UTF-8":             "\xff\xfe\xfd",
		"the hash, not the id":  hashed(good),
		"with a NUL at the end": good + "\x00",
	}
	for i := range good {
		cookies["altered at "+string(rune('a'+i%26))+good[i:]] = good[:i] + other(good[i]) + good[i+1:]
	}
	for name, value := range cookies {
		r := b.request(http.MethodGet, "/keys", nil)
		r.Header.Set("Cookie", "latchkey="+value)
		stranger := p.browser()
		a := stranger.on(t).send(r)
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login?") {
			t.Errorf("%s: status %d, leads to %q", name, a.status, a.header.Get("Location"))
		}
	}
	b.get("/keys").want(http.StatusOK) // nothing of it hurt the real one
}

// other is a character of the alphabet of base64 that differs from c in the bits that count, also at the end of an id.
func other(c byte) string {
	if c == 'A' {
		return "Q"
	}
	return "A"
}

func hashed(value string) string {
	id, _ := base64.RawURLEncoding.DecodeString(value)
	sum := sha(id)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sessionKey is the i-th key of the ring that seals web sessions.
func sessionKey(i byte) []byte { return bytes.Repeat([]byte{i}, 32) }

func TestANewSessionKeySignsNobodyOut(t *testing.T) {
	t.Parallel()
	p := newProgram(t, func(d *handlers.Deps) { d.SessionKeys = [][]byte{sessionKey(1)} })
	seen, _ := p.signedIn(email)
	unseen, _ := p.signedIn("bob@example.com")
	before, err := seen.rowOf(seen.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}

	p.deps.SessionKeys = [][]byte{sessionKey(2), sessionKey(1)}
	p.start()
	seen.get("/keys").want(http.StatusOK).says(".who", email)
	after, err := seen.rowOf(seen.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before.Sealed[:4], after.Sealed[:4]) || after.Version != before.Version+1 {
		t.Error("the row is not sealed anew under the new key")
	}
	writes := p.store.Stats().Writes
	seen.get("/keys").want(http.StatusOK)
	if got := p.store.Stats().Writes - writes; got != 0 {
		t.Errorf("a row under the new key is written again: %d writes", got)
	}

	p.deps.SessionKeys = [][]byte{sessionKey(2)}
	p.start()
	seen.get("/keys").want(http.StatusOK)
	unseen.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
}

func TestAnotherSessionKeyAloneSignsEverybodyOut(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	p.deps.SessionKeys = [][]byte{sessionKey(9)}
	p.start()
	b.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
	b.post("/login", credentials(email, password)).leadsTo("/keys")
	b.get("/keys").want(http.StatusOK)
}

func TestWhatARowHoldsCannotBeMovedToAnother(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	ana, _ := p.signedIn(email)
	bob, _ := p.signedIn("bob@example.com")
	from, err := ana.rowOf(ana.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := bob.rowOf(bob.cookie("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	to.Sealed = from.Sealed
	if err := p.own.UpdateWebSession(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	bob.get("/keys").leadsTo("/login?ended=1&next=%2Fkeys")
	ana.get("/keys").want(http.StatusOK)
}

func TestARowThatWasAlteredIsNoSession(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere) // where there is something sealed
	for name, alter := range map[string]func([]byte) []byte{
		"emptied":        func([]byte) []byte { return nil },
		"cut to its key": func(b []byte) []byte { return b[:4] },
		"cut":            func(b []byte) []byte { return b[:len(b)-1] },
		"altered":        func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	} {
		b, _ := p.signedIn(strings.ReplaceAll(name, " ", "-") + "@example.com")
		row, err := b.rowOf(b.cookie("latchkey"))
		if err != nil {
			t.Fatal(err)
		}
		row.Sealed = alter(row.Sealed)
		if err := p.own.UpdateWebSession(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if a := b.get("/keys"); a.status != http.StatusSeeOther {
			t.Errorf("%s: status %d", name, a.status)
		}
	}
}

func TestAWrongSessionKeyStopsTheProgramAtItsStart(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	for name, keys := range map[string][][]byte{"none": nil, "31 bytes": {make([]byte, 31)}, "33 bytes": {sessionKey(1), make([]byte, 33)}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the program starts", name)
				}
			}()
			deps := p.deps
			deps.SessionKeys = keys
			handlers.New(deps)
		}()
	}
}
