package handlers_test

import (
	"net/http"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
)

// offKey is a key with two sessions, one of which has just been seen, that was turned off ten seconds after noon.
func offKey(t *testing.T) (p *program, b *browser, who person, key client.APIKey, value string) {
	p = newProgram(t)
	b, who = p.signedIn(email)
	key, value = p.keyWithValue(who, "porch-cam")
	p.works("porch-cam", value)
	p.works("porch-cam", value)
	p.clock.Advance(10 * time.Second)
	b.post("/keys/"+key.ID+"/turn-off", page(key)).leadsTo("/keys/" + key.ID)
	return p, b, who, key, value
}

const ended = "#key .notice + .hint"

func TestAKeyThatWasTurnedOffSaysWhatEndedAndWhatEndsWhen(t *testing.T) {
	t.Parallel()
	p, b, who, key, value := offKey(t)
	at, row := "/keys/"+key.ID, "#key-"+key.ID
	a := b.get(at).says(ended, "It had 2 sign-ins, which ended then. Access handed out before ends by 12:31 UTC at the latest, in 30:00.")
	if got := a.attr("#key", "hx-trigger"); got != "arrived" || a.attr("#key .hint time.countdown", "datetime") != "2026-05-02T12:30:10Z" {
		t.Errorf("it is not fetched again when that has ended: %q", got)
	}
	a = b.get("/keys").says(row+" .use", "Off since 12:00 UTC Its access ends within 30:00")
	if got := a.attr(row, "hx-trigger"); got != "arrived" {
		t.Errorf("the row is not fetched again when that has ended: %q", got)
	}

	p.clock.Advance(3 * time.Minute)
	if err := p.logsIn("porch-cam", value); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	b.get(at).says(ended, "at the latest, in 27:00. First refused 12:03 UTC.")
	p.clock.Advance(27 * time.Minute)
	a = b.get(at).says(ended, "It had 2 sign-ins, which ended then. Access handed out before has ended. First refused 12:03 UTC.")
	a.says("#key .facts", "Last used30 minutes ago").lacks("#key[hx-get]", ".countdown")
	b.htmx().get(at+"?place=row").want(http.StatusOK).says(".use", "Off since 12:00 UTC First refused 12:03 UTC").lacks("li[hx-get]")

	b = p.signIn(who)
	b.post(at+"/turn-on", page(key)).leadsTo(at)
	b.get(at).lacks(ended, "#key .notice").keepsQuiet("It had", "First refused")
	p.clock.Advance(time.Minute)
	b.post(at+"/turn-off", page(key)).leadsTo(at)
	if got := b.get(at).text(ended); got != "Nothing was signed in with it." {
		t.Errorf("off again, it says %q", got)
	}
	b.get("/keys").says(row+" .use", "Off since 12:31 UTC Last used 31 minutes ago")
}

func TestASessionThatWasNotInUseHandedNothingOutThatGoesOn(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	_, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	p.works("porch-cam", value)
	p.clock.Advance(41 * time.Minute)
	b := p.signIn(who)
	b.post("/keys/"+key.ID+"/turn-off", page(key)).leadsTo("/keys/" + key.ID)
	if got := b.get("/keys/" + key.ID).text(ended); got != "It had 1 sign-in, which ended then. Nothing it opened was in use." {
		t.Errorf("it says %q", got)
	}
}

func TestAClockThatIsSetBackMakesNoTimeOfAKeyThatIsOffNegative(t *testing.T) {
	t.Parallel()
	p, _, who, key, value := offKey(t)
	p.clock.Advance(-3 * time.Hour)
	if err := p.logsIn("porch-cam", value); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	b := p.signIn(who)
	a := b.get("/keys/"+key.ID).says("#key .notice", "Off since 2 May.").lacks(".countdown")
	a.says(ended, "Access handed out before ends by 12:31 UTC at the latest. It has been refused since.")
	b.get("/keys").says("#key-"+key.ID+" .use", "Off since 12:00 UTC Its access ends by 12:31 UTC").lacks(".countdown")
}

func TestAnotherLatchkeySaysWhatEndedThere(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	p.works("porch-cam", value)
	b.post("/keys/"+key.ID+"/turn-off", page(key)).leadsTo("/keys/" + key.ID)
	b.get("/keys/"+key.ID).says(ended, "It had 1 sign-in, which ended then. Access handed out before ends by 12:30 UTC at the latest, in 30:00.")
}

func TestWhatAServerDoesNotReportOfAKeyThatIsOffIsSaid(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	p.upstream.breaks(keyFacts, says(404, ""))
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	at, mine := "/keys/"+key.ID, func(e *model.Event) { e.KeyID, e.KeyName, e.Elsewhere = key.ID, "porch-cam", true }
	b.post(at+"/turn-off", page(key)).leadsTo(at)
	p.clock.Advance(5 * time.Minute)
	for range 20 { // after which that is not among the newest
		p.writes(who, "key-shown", mine)
	}
	a := b.get(at).says("#key .notice", "Turned off 25 minutes ago.")
	a.says(ended, "The key service said yes at 12:00 UTC. It does not report whether what the key opened has ended.")
	p.writes(who, "key-turned-on", mine) // and off again in a way that nobody wrote down
	a = b.get(at).says("#key .notice", "Off: nothing can sign in with it.")
	if got := a.text(ended); got != "It does not report whether what the key opened has ended." {
		t.Errorf("it says %q", got)
	}
}
