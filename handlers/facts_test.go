package handlers_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/internal/model"
)

// keyFacts is our own call beside the protocol's.
const keyFacts = "GET api/latchkey/v1/key_facts"

// records makes the server say that it has recorded uses since t. A store of a test says: since it was made, by another clock
// than the test's.
func (p *program) records(t time.Time) *program {
	p.recordingSince = t
	p.upstream.breaks(keyFacts, func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err != nil || res.StatusCode != http.StatusOK {
			return res, err
		}
		var facts map[string]any
		if err := json.NewDecoder(res.Body).Decode(&facts); err != nil {
			return nil, err
		}
		facts["recording_since"] = t
		body, err := json.Marshal(facts)
		res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return res, err
	})
	return p
}

// keyWithValue makes a key, now, whose value is known.
func (p *program) keyWithValue(who person, name string) (client.APIKey, string) {
	p.t.Helper()
	n := len(p.stored(who)) + 1
	value := fmt.Sprintf("%x", sha256.Sum256([]byte(who.id+name)))
	id := fmt.Sprintf("%08x%s%02x", p.clock.Now().Unix(), who.id[8:22], n)
	key := model.Key{ID: id, UserID: who.id, Name: name, CreatedAt: p.clock.Now()}
	if err := p.store.CreateAPIKey(p.t.Context(), key, sha256.Sum256([]byte(value)), client.MaxKeys); err != nil {
		p.t.Fatal(err)
	}
	return client.APIKey{ID: key.ID, Name: name}, value
}

// logsIn logs in with the value as a device of that name does.
func (p *program) logsIn(name, value string) error {
	p.t.Helper()
	c, err := client.New(p.deps.PublicURL, appID, client.WithHTTPClient(&http.Client{Transport: p.upstream}),
		client.WithDevice(client.Device{Name: name, Platform: "Linux", PlatformVersion: "6.1", SDK: "realm-web", SDKVersion: "2.0.1"}))
	if err != nil {
		p.t.Fatal(err)
	}
	_, err = c.Login(p.t.Context(), client.UserAPIKey(value))
	return err
}

// works is a device whose log-in must not fail.
func (p *program) works(name, value string) {
	p.t.Helper()
	if err := p.logsIn(name, value); err != nil {
		p.t.Fatal(err)
	}
}

func TestARowTellsWhenAKeyWasLastUsedByWhatAndFromWhere(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	_, value := p.keyWithValue(who, "porch-cam")
	p.works("porch-cam", value)
	p.clock.Advance(15 * time.Minute)
	p.works("garage-cam", value)
	p.clock.Advance(4 * time.Minute)
	a := b.get("/keys").want(http.StatusOK)
	a.says(".use", "4 minutes ago Linux · realm-web · 127.0.0.1")
	if got := a.attr(".use time", "datetime") + " " + a.attr(".use time", "title"); got != "2026-05-02T12:15:00Z 2 May 2026, 12:15:00 UTC" {
		t.Errorf("exactly: %s", got)
	}
	a.says("#keys .after", "Identify it").lacks("[data-arrival]", "[data-wait]")
}

func TestAKeyThatWasNeverUsedSaysSo(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	p.keyWithValue(who, "porch-cam")
	p.clock.Advance(20 * time.Minute)
	if got := b.get("/keys").text(".use"); got != "Never used · created 20 minutes ago" {
		t.Errorf("says %q", got)
	}
}

func TestAKeyFromBeforeUsesWereRecordedMayHaveBeenUsed(t *testing.T) {
	t.Parallel()
	for since, want := range map[time.Time]string{
		time.Date(2026, 4, 20, 9, 0, 0, 0, time.UTC):                             "No use seen since 20 Apr",
		time.Date(2026, 4, 1, 0, 0, 1, 0, time.UTC):                              "No use seen since 1 Apr",
		time.Date(2025, 12, 31, 23, 0, 0, 0, time.FixedZone("", -2*60*60)):       "Never used", // 1 January in UTC, before the key
		time.Date(2026, 4, 1, 0, 0, 0, 999_000_000, time.UTC):                    "Never used", // the second in which it was made
		time.Date(2026, 4, 20, 23, 30, 0, 0, time.FixedZone("early", -60*60)):    "No use seen since 21 Apr",
		time.Date(2026, 5, 2, 12, 0, 0, 0, time.UTC):                             "No use seen since 2 May",
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) /* another clock than us */ : "No use seen since 1 Jan 2027",
	} {
		p := newProgram(t).records(since)
		b, who := p.signedIn(email)
		key := p.seed(who, "porch-cam")[0]
		if got := b.get("/keys").text(".use"); got != want+" · created 1 Apr" {
			t.Errorf("since %s: says %q, want %q", since, got, want)
		}
		b.get("/keys/"+key.ID).says("#key .facts", want).lacks("[data-arrival]")
	}
}

func TestAServerThatReportsNoUseIsNotSaidToHaveSeenNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]happens{
		"404": says(404, "404 page not found"), "405": says(405, ""), "501": says(501, ""), "a page": says(200, "<h1>hello</h1>"),
		"401": says(401, ""), "403": says(403, ""), // as some do to every path they do not know
	} {
		p := newProgram(t, elsewhere)
		b, who := p.signedIn(email)
		key, _ := p.keyWithValue(who, "porch-cam")
		p.upstream.breaks(keyFacts, answer)
		a := b.get("/keys").want(http.StatusOK).says("#keys .after", "The key service doesn’t report when keys were last used.")
		a.says(".use", "Created just now").lacks("[data-arrival]", "[data-wait]").keepsQuiet("Never used", "Waiting")
		b.get("/keys/"+key.ID).want(http.StatusOK).says("#key .facts", "Last used").says("#key .facts", "The key service doesn’t report it.")
		b.get("/keys").want(http.StatusOK).says("#keys .name", "porch-cam") // still signed in
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestAServerThatReportsNoUseIsAskedAgainAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	p.keyWithValue(who, "porch-cam")
	p.upstream.breaks(keyFacts, says(404, ""))
	for range 3 {
		b.get("/keys").want(http.StatusOK)
	}
	if n := p.upstream.count(keyFacts); n != 1 {
		t.Errorf("it was asked %d times at once", n)
	}
	p.upstream.heal()
	p.records(noon.Add(-time.Hour))
	p.clock.Advance(5*time.Minute - 1)
	b.get("/keys").says("#keys .after", "doesn’t report")
	p.clock.Advance(1)
	b.get("/keys").says(".use", "Waiting for first use")
}

func TestUsesThatCannotBeReadLeaveTheListAsItIs(t *testing.T) {
	t.Parallel()
	for name, c := range unreadable {
		if strings.Contains(name, "portal") || strings.Contains(name, "elsewhere") || strings.Contains(c.words, "can’t use") && c.status == 502 {
			continue // that server does not report
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, elsewhere)
			b, who := p.signedIn(email)
			key, _ := p.keyWithValue(who, "porch-cam")
			p.upstream.breaks(keyFacts, c.fault)
			a := b.get("/keys").want(http.StatusOK).says("#keys .name", "porch-cam")
			a.says("#keys .after", "When these keys were last used is not known right now.").says(".use", "Created").lacks("[data-wait]", ".notice")
			b.get("/keys/"+key.ID).want(http.StatusOK).says("#key .facts", "Not known right now.")
			b.htmx().post("/keys/"+key.ID+"/turn-off", row(key)).want(http.StatusOK).says(".state", "Off")
			if strings.Contains(p.logs.String(), `"level":"ERROR"`) {
				t.Errorf("logged as our failure:\n%s", p.logs)
			}
		})
	}
}

func TestUsesThatAreSlowToComeAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	p.keyWithValue(who, "porch-cam")
	p.upstream.breaks(keyFacts, func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	})
	start := time.Now()
	b.get("/keys").want(http.StatusOK).says("#keys .name", "porch-cam").says("#keys .after", "not known right now")
	if took := time.Since(start); took > time.Minute {
		t.Errorf("the list took %s", took)
	}
}

func TestUsesAreReadWithTheKeyAndNotBesideItsDeletion(t *testing.T) {
	t.Parallel()
	p := newProgram(t, elsewhere)
	b, who := p.signedIn(email)
	key := p.seed(who, "porch-cam")[0]
	b.post("/keys/"+key.ID+"/turn-off", nil).leadsTo("/keys")
	b.htmx().get("/keys/" + key.ID + "/delete").want(http.StatusOK)
	b.post("/keys/"+key.ID+"/delete", nil).leadsTo("/keys")
	if n := p.upstream.count(keyFacts); n != 2 { // a key is read with its use: to show a switch, and before the question
		t.Errorf("they were asked for %d times", n)
	}
}

func TestWhatADeviceSaysOfItselfIsShortAndHarmless(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	p.works("<script>alert(1)</script>\u202e\x07"+strings.Repeat("x", 300), value)
	for _, a := range []answer{b.get("/keys").want(http.StatusOK), b.get("/keys/" + key.ID).want(http.StatusOK)} {
		a.keepsQuiet("<script>alert", "\u202e", "\x07", strings.Repeat("x", 65))
	}
	b.get("/keys/"+key.ID).says("#key .facts", "calls itself “<script>alert(1)</script>xxx")
}

func TestAKeysPageHasItsFingerprint(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	sum := sha256.Sum256([]byte(value))
	b.get("/keys/"+key.ID).says("#key .facts", fmt.Sprintf("Fingerprint%x", sum[:8])).keepsQuiet(fmt.Sprintf("%x", sum[:9]), value)
}

func TestARefusedSignInIsAFactOfTheKey(t *testing.T) {
	t.Parallel()
	p := newProgram(t).records(noon.Add(-time.Hour))
	b, who := p.signedIn(email)
	key, value := p.keyWithValue(who, "porch-cam")
	p.clock.Advance(20 * time.Minute)
	p.turn(who, key, false)
	if err := p.logsIn("porch-cam", value); !client.IsUnauthorized(err) {
		t.Fatal(err)
	}
	b.get("/keys/"+key.ID).says("#key .facts", "Last refusedjust now, while it was off").says("#key .facts", "Last usedNever used.")
	if diff := cmp.Diff([]string{"Off since 12:20 UTC First refused 12:20 UTC"}, b.get("/keys").texts(".use")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
