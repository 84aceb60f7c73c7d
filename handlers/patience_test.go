package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWhoIsAskedToWaitIsAnsweredFromHereUntilTheTimeIsOver(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	p.upstream.breaks(fetchKey, asksForTime(429, "30"))
	b.get("/keys/"+key.ID).want(http.StatusServiceUnavailable).says("main", "Nothing was changed. Try again in 30 s.")
	p.upstream.heal()
	p.upstream.reset()
	p.clock.Advance(9500 * time.Millisecond)
	for name, c := range map[string]struct {
		do   func(*browser) answer
		says string
	}{
		"the list": {func(b *browser) answer { return b.get("/keys") },
			"We couldn’t read your keys. The key service is busy. Nothing was changed. Try again in 21 s."},
		"a key":       {func(b *browser) answer { return b.get("/keys/" + key.ID) }, "Nothing was changed. Try again in 21 s."},
		"a switch":    {func(b *browser) answer { return b.post("/keys/"+key.ID+"/turn-off", row(key)) }, "Nothing was changed. Try again in 21 s."},
		"a deletion":  {func(b *browser) answer { return b.post("/keys/"+key.ID+"/delete", nil) }, "Nothing was changed. Try again in 21 s."},
		"a form sent": {func(b *browser) answer { return b.post("/keys", createForm(newFormID(t), "heat-pump")) }, "The key service is busy. No key was created. Try again in 21 s."},
		"a value":     {func(b *browser) answer { return b.tries(strings.Repeat("x", 64)) }, "Nothing was changed. Try again in 21 s."},
	} {
		for _, asking := range []*browser{b, b.htmx()} {
			a := c.do(asking).on(t).want(http.StatusServiceUnavailable)
			if !strings.Contains(squeeze(a.doc.Text()), c.says) {
				t.Errorf("%s says %q", name, squeeze(a.doc.Text()))
			}
			if got := a.header.Get("Retry-After"); got != "21" {
				t.Errorf("%s: Retry-After is %q", name, got)
			}
		}
	}
	if got := p.upstream.count("*"); got != 0 {
		t.Errorf("%d requests before the time was over: %q", got, p.upstream.sent)
	}

	other, _ := p.signedIn("bob@example.com") // is nobody else's matter
	other.get("/keys").want(http.StatusOK)
	p.clock.Advance(20*time.Second + 500*time.Millisecond)
	b.get("/keys").want(http.StatusOK)
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %q", got)
	}
}

func TestWhoIsAskedToWaitCanSignOut(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.breaks(listKeys, asksForTime(429, "300"))
	b.get("/keys").want(http.StatusServiceUnavailable)
	b.post("/logout", nil).leadsTo("/login")
	b.get("/keys").want(http.StatusSeeOther)
}

func TestOnlyALimitWithATimeMakesAnybodyWait(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	for name, fault := range map[string]happens{
		"no time": says(429, ""), "junk": asksForTime(429, "soon"), "a service that is busy": asksForTime(503, "30"),
	} {
		p.upstream.breaks(listKeys, fault)
		b.get("/keys").want(http.StatusServiceUnavailable)
		p.upstream.heal()
		if a := b.get("/keys"); a.status != http.StatusOK {
			t.Errorf("%s: status %d", name, a.status)
		}
	}
}

// Whoever has a session that is not theirs could otherwise make keys until the owner cannot turn them off.
func TestWhoMakesTooManyKeysHereCanStillTurnThemOff(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	refused := 0
	for range 310 {
		if b.post("/keys", createForm(newFormID(t), "porch-cam")).status == http.StatusServiceUnavailable {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("nothing was refused")
	}
	b.post("/keys/"+key.ID+"/turn-off", row(key)).leadsTo("/keys")
	b.get("/keys").want(http.StatusOK)
	b.post("/keys/"+key.ID+"/delete", nil).leadsTo("/keys")
}
