package handlers_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
)

const (
	keyLogIn    = "POST auth/providers/api-key/login"
	loadProfile = "GET auth/profile"
)

// tries sends the value as the form does.
func (b *browser) tries(value string) answer {
	b.t.Helper()
	return b.post("/keys/which", url.Values{"value": {value}})
}

// keepsSecret checks that a value is in no answer and nowhere in the log.
func (a answer) keepsSecret(p *program, value string) answer {
	a.t.Helper()
	if strings.Contains(p.logs.String(), value) {
		a.t.Error("the value is in the log")
	}
	if got := a.attr("#which-value", "value"); got != "" {
		a.t.Errorf("the field holds %q", got)
	}
	return a.keepsQuiet(value)
}

func TestThePageHasTheFingerprintsForTheBrowserToCompare(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	p.keyWithValue(p.person("bob@example.com"), "bobs-camera")
	first, one := p.keyWithValue(who, "porch-cam")
	second, two := p.keyWithValue(who, "heat-pump")
	p.turn(who, second, false)
	a := b.get("/keys/which").want(http.StatusOK).says("h1", "Identify a key").keepsQuiet("bobs-camera")
	var want []string
	for _, value := range []string{one, two} {
		sum := sha256.Sum256([]byte(value))
		want = append(want, fmt.Sprintf("%x", sum[:8]))
	}
	got := []string{a.attr("#fingerprints li:nth-child(1)", "data-fingerprint"), a.attr("#fingerprints li:nth-child(2)", "data-fingerprint")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fingerprints (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"porch-cam " + model.WordsOf(want[0]).String() + " " + want[0] + " On", "heat-pump " + model.WordsOf(want[1]).String() + " " + want[1] + " Off"}, a.texts("#fingerprints li")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := a.attr("#fingerprints a", "href"); got != "/keys/"+first.ID {
		t.Errorf("the first leads to %s", got)
	}
	a.says(".try", "It doesn’t count as a use of your key.").says("#which-hint .noscript", "Without script")
	if !b.get("/keys").has(`main a[href="/keys/which"]`) {
		t.Error("the list does not lead there")
	}
}

func TestWithoutFingerprintsOnlyTheSignInIsOffered(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	p.upstream.breaks(keyFacts, says(404, ""))
	a := b.get("/keys/which").want(http.StatusOK).lacks("#fingerprints", "main .noscript", "main .script").says("#which-hint", "This server doesn’t report the fingerprints of keys")
	a.says(".try", "The key service may count it as a use of your key.")
	p.upstream.breaks(keyFacts, refusesConnections)
	p.clock.Advance(6 * time.Minute)
	b.get("/keys/which").says("#which-hint", "The fingerprints of your keys can’t be read right now")
	p.upstream.breaks(keyFacts, says(404, ""))
	b.get("/keys/"+key.ID).says("#key .facts", "No fingerprint yet: paste its value once")
	b.tries(value).want(http.StatusOK).says("#verdict", "It works. This is your key porch-cam. Open porch-cam").keepsSecret(p, value)

	// What was found is known from then on.
	words := model.WordsOf(model.FingerprintOf(model.Secret(value))).String()
	p.seed(who, "heat-pump")
	b.get("/keys/which").says("#fingerprints .words", words).has("#fingerprints[data-some]")
	b.get("/keys/"+key.ID).says("#key .facts .words", words)
}

func TestTryingAValueSaysWhatItIsAndEndsTheSession(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	bob := p.person("bob@example.com")
	_, foreign := p.keyWithValue(bob, "bobs-camera")
	key, value := p.keyWithValue(who, "porch-cam")
	off, offValue := p.keyWithValue(who, "heat-pump")
	p.turn(who, off, false)
	for _, c := range []struct{ value, says, leads string }{
		{value, "It works. This is your key porch-cam. Open porch-cam", "/keys/" + key.ID},
		{" \r\n" + value + "\t", "It works. This is your key porch-cam. Open porch-cam", "/keys/" + key.ID},
		{"API_KEY=" + value, "It works. This is your key porch-cam.", "/keys/" + key.ID},
		{`export REALM_API_KEY="` + value + `"`, "It works. This is your key porch-cam.", "/keys/" + key.ID},
		{"# porch-camAPP_ID=xBASE_URL=http://x:8080API_KEY='" + value + "'", "It works. This is your key porch-cam.", "/keys/" + key.ID},
		{offValue, "It doesn’t work. This is heat-pump, which is off. Open heat-pump", "/keys/" + off.ID},
		{foreign, "It works, but it isn’t yours. The key belongs to another account.", ""},
		{strings.Repeat("n", 64), "It doesn’t work. Its key is off, has expired, was deleted, or never existed.", ""},
		{"<script>alert(1)</script>", "It doesn’t work.", ""},
		{"\x00\xff\u202e", "It doesn’t work.", ""},
	} {
		p.upstream.reset()
		for _, a := range []answer{b.tries(c.value), b.htmx().tries(c.value).isPart()} {
			a.want(http.StatusOK).keepsSecret(p, c.value).keepsQuiet("bobs-camera", "bob@example.com")
			if got := a.text("#verdict") + a.text("hx-partial[hx-target='#verdict']"); !strings.HasPrefix(got, c.says) {
				t.Errorf("%q: says %q, want %q", c.value, got, c.says)
			}
			if got := a.attr("#verdict a, hx-partial a", "href"); got != c.leads {
				t.Errorf("%q: leads to %q", c.value, got)
			}
		}
		if in, out := p.upstream.count(keyLogIn), p.upstream.count(logOut); in != 2 || strings.HasPrefix(c.says, "It works") && out != 2 {
			t.Errorf("%q: %d sign-ins and %d sign-outs", c.value, in, out)
		}
	}
	b.get("/keys").want(http.StatusOK) // still signed in
}

func TestTryingAValueDoesNotCountAsAUse(t *testing.T) {
	t.Parallel()
	p, b, who, key, value := arriving(t)
	b.tries(value).says("#verdict", "It works.")
	p.turn(who, key, false)
	b.tries(value).says("#verdict", "which is off")
	p.turn(who, key, true)
	b.get("/keys").says(".use", "Waiting for first use").keepsQuiet("refused")
}

// Whoever found a value must not be able to see here what it is without its owner seeing that.
func TestTryingAValueOfSomebodyElseTellsThemFromWhere(t *testing.T) {
	t.Parallel()
	p, owner, who, key, value := arriving(t)
	stranger, _ := p.signedIn("bob@example.com")
	stranger.tries(value).says("#verdict", "It works, but it isn’t yours.")
	owner.get("/keys").says(".use", "Connected 12:00 UTC 192.0.2.1")
	p.turn(who, key, false)
	p.clock.Advance(time.Minute)
	stranger.tries(value).says("#verdict", "It doesn’t work.")
	owner.get("/keys/"+key.ID).says("#key .facts", "Last refusedjust now, while it was off").says("#key .facts", "from 192.0.2.1")
}

func TestAValueThatCannotBeOneIsNotSent(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, _ := p.signedIn(email)
	p.upstream.reset()
	for value, complaint := range map[string]string{
		"": "Paste a value first.", " \n ": "Paste a value first.", "API_KEY=": "Paste a value first.", `""`: "Paste a value first.",
		strings.Repeat("x", 4097): "That’s too long to be a key’s value.",
	} {
		a := b.tries(value).want(http.StatusUnprocessableEntity).says("#which-error", complaint)
		if got := a.attr("#which-value", "aria-describedby"); got != "which-error which-hint" {
			t.Errorf("the field is described by %q", got)
		}
		b.htmx().tries(value).want(http.StatusUnprocessableEntity).isPart().says("#which-error", complaint)
	}
	b.tries(strings.Repeat("x", 70_000)).want(http.StatusRequestEntityTooLarge)
	b.post("/keys/which?value=abcdefgh", nil).want(http.StatusUnprocessableEntity) // an address is no place for it
	if n := p.upstream.count(keyLogIn); n != 0 {
		t.Errorf("%d sign-ins", n)
	}
}

func TestAValueThatCannotBeTriedLeavesThePersonSignedIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  happens
		status int
		words  string
	}{
		"it is down":      {refusesConnections, 502, "We can’t reach the key service"},
		"it is slow":      {timesOut, 504, "The key service didn’t answer in time"},
		"it is busy":      {says(503, `{"error":"busy"}`), 503, "The key service is busy"},
		"it takes no key": {says(403, `{"error":"secret-host says no"}`), 502, "The key service refuses all sign-ins"},
		"no such app":     {says(404, ""), 502, "The key service refuses all sign-ins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)
			_, value := p.keyWithValue(who, "porch-cam")
			p.upstream.breaks(keyLogIn, c.fault)
			b.tries(value).want(c.status).says("h1", c.words).keepsSecret(p, value).keepsQuiet("secret-host")
			b.htmx().tries(value).want(c.status).says(".notice", c.words).keepsSecret(p, value)
			p.upstream.heal()
			b.get("/keys").want(http.StatusOK)
		})
	}
}

func TestATrialThatCannotEndIsLoggedAndStillAnswered(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	_, value := p.keyWithValue(who, "porch-cam")
	p.upstream.breaks(keyFacts, says(404, ""))
	p.upstream.breaks(loadProfile, refusesConnections)
	p.upstream.breaks(logOut, refusesConnections)
	b.tries(value).want(http.StatusOK).says("#verdict", "It works. This is one of your keys.").keepsSecret(p, value)
	if !strings.Contains(p.logs.String(), "session of an identified key is left open") {
		t.Error("the log says nothing of the session")
	}
}

func TestAValueIsTriedOnlyForAPersonOnOurOwnPages(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	_, value := p.keyWithValue(who, "porch-cam")
	p.upstream.reset()
	b.with("Sec-Fetch-Site", "cross-site").tries(value).want(http.StatusForbidden)
	p.browser().tries(value).leadsTo("/login?next=%2Fkeys")
	if n := p.upstream.count("*"); n != 0 {
		t.Errorf("%d calls", n)
	}
	p.upstream.breaks("*", says(401, `{"error":"invalid session","error_code":"InvalidSession"}`))
	b.tries(value).leadsTo("/login?ended=service&next=%2Fkeys")
	if p.upstream.count(keyLogIn) != 0 {
		t.Error("the value was sent for somebody whose session is over")
	}
}

func TestTryingTheValueOfAKeyThatHasExpiredSaysThat(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	if err := p.store.SetExpiry(t.Context(), who.id, key.ID, model.Expiry{At: p.clock.Now().Add(time.Minute), Now: p.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	p.clock.Advance(time.Minute)
	b.tries(value).want(http.StatusOK).says("#verdict", "It doesn’t work. This is porch-cam, which has expired. Open porch-cam")
}
