package clienttest

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/client"
)

// slack is how far the clocks of the suite and of the target may be apart.
const slack = 5 * time.Minute

// testFacts is about a call of Latchkey's own. A server without it serves every
// SDK; one that answers it must mean the same.
func (s *suite) testFacts(t *testing.T) {
	if !s.answers(t, func(own *client.Session) error { _, err := own.APIKeys().Facts(t.Context()); return err }) {
		return
	}
	t.Run("are of the user's keys alone, known by their values", s.factsOfAll)
	t.Run("tell the first use and the last", s.factsOfUse)
	t.Run("tell that a key was off when it was tried", s.factsOfRefusal)
	t.Run("tell what turning a key off ended", s.factsOfOff)
	t.Run("never tell a value", s.factsWithoutValue)
	t.Run("are for people", s.factsForPeople)
}

func (p *person) facts(t *testing.T) client.KeyFacts {
	t.Helper()
	facts, err := p.keys.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

var aloud = regexp.MustCompile(`^[a-z]{4,8}-[a-z]{4,8}-[0-9a-f]{4}$`)

// fact returns what is known of one key.
func (p *person) fact(t *testing.T, key client.CreatedKey) client.KeyFact {
	t.Helper()
	fact, known := p.facts(t).Keys[key.ID]
	if !known {
		t.Fatal("nothing is known of the key")
	}
	sum := sha256.Sum256([]byte(key.Value.Reveal()))
	if want := hex.EncodeToString(sum[:8]); fact.Fingerprint != want {
		t.Errorf("fingerprint %q, want %q", fact.Fingerprint, want)
	}
	// Which words is the server's own affair, and whether it has any. The digits show that they are this key's.
	if fact.Words != "" && (!aloud.MatchString(fact.Words) || !strings.HasSuffix(fact.Words, hex.EncodeToString(sum[3:5]))) {
		t.Errorf("words %q of the fingerprint %s", fact.Words, fact.Fingerprint)
	}
	return fact
}

func (s *suite) factsOfAll(t *testing.T) {
	p := s.newPerson(t)
	facts := p.facts(t)
	if len(facts.Keys) != 0 {
		t.Errorf("a new user's facts are %v", facts.Keys)
	}
	if time.Until(facts.RecordingSince) > slack {
		t.Errorf("recording began at %v, which is to come", facts.RecordingSince)
	}
	s.newPerson(t).newKey(t)
	key, off, gone := p.newKey(t), p.newKey(t), p.newKey(t)
	if err := p.keys.Disable(t.Context(), off.ID); err != nil {
		t.Fatal(err)
	}
	if err := p.keys.Delete(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	want := []string{key.ID, off.ID}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(p.facts(t).Keys)); !slices.Equal(got, want) {
		t.Errorf("facts about %v, want %v", got, want)
	}
	for _, key := range []client.CreatedKey{key, off} {
		fact := p.fact(t, key)
		if fact.Off = (client.KeyOff{}); fact != (client.KeyFact{Fingerprint: fact.Fingerprint, Words: fact.Words}) {
			t.Errorf("facts about a key that nobody tried: %+v", fact)
		}
	}
}

func (s *suite) factsOfUse(t *testing.T) {
	p := s.newPerson(t)
	key, other := p.newKey(t), p.newKey(t)
	login := func(d client.Device) client.KeyUse {
		t.Helper()
		c, err := client.New(s.BaseURL, s.AppID, client.WithHTTPClient(s.checked(t)), client.WithDevice(d))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); err != nil {
			t.Fatal(err)
		}
		use := p.fact(t, key).LastUse
		told := client.Device{
			Name: use.DeviceName, Platform: use.Platform, PlatformVersion: use.PlatformVersion,
			SDK: use.SDK, SDKVersion: use.SDKVersion,
		}
		if told != d {
			t.Errorf("the last use was by %+v, want %+v", told, d)
		}
		if age := time.Since(use.At).Abs(); age > slack {
			t.Errorf("the last use was at %v, want about now", use.At)
		}
		return use
	}
	first := login(client.Device{Name: "porch-cam", Platform: "Linux", PlatformVersion: "6.1", SDK: "suite", SDKVersion: "1"})
	if got := p.fact(t, key).FirstUsed; !got.Equal(first.At) {
		t.Errorf("first used at %v, want %v", got, first.At)
	}
	time.Sleep(5 * time.Millisecond) // times are told to the millisecond
	last := login(client.Device{Name: "shed", Platform: "Plan 9", PlatformVersion: "4", SDK: "suite", SDKVersion: "2"})
	if got := p.fact(t, key).FirstUsed; !got.Equal(first.At) || !last.At.After(first.At) {
		t.Errorf("first used at %v and last at %v, want %v and later", got, last.At, first.At)
	}
	p.login(t)
	if got := p.fact(t, key).LastUse; got != last {
		t.Errorf("the person's own sign-in turned the last use into %+v", got)
	}
	if got := p.fact(t, other); !got.FirstUsed.IsZero() || !got.LastUse.At.IsZero() {
		t.Errorf("the use of another key is told of one: %+v", got)
	}
}

func (s *suite) factsOfRefusal(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	p.loginWith(t, key)
	used := p.fact(t, key)
	if err := p.keys.Disable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	turned := p.fact(t, key)
	if turned.Off = (client.KeyOff{}); turned != used {
		t.Errorf("turning the key off made the facts %+v, want %+v", turned, used)
	}
	p.refusesKey(t, key)
	got := p.fact(t, key)
	// A server may answer before it writes the refusal down, so that the time tells nobody that the value has a key.
	for patience := time.Now().Add(5 * time.Second); got.LastRefusal.At.IsZero() && time.Now().Before(patience); {
		time.Sleep(5 * time.Millisecond)
		got = p.fact(t, key)
	}
	if got.LastUse != used.LastUse || got.FirstUsed != used.FirstUsed {
		t.Errorf("a refusal counts as a use: %+v", got)
	}
	if age := time.Since(got.LastRefusal.At).Abs(); age > slack || got.LastRefusal.Reason != "off" {
		t.Errorf("the refusal is %+v, want about now for being off", got.LastRefusal)
	}
}

// mostAccess is longer than any access lasts that a session handed out.
const mostAccess = time.Hour + slack

func (s *suite) factsOfOff(t *testing.T) {
	p := s.newPerson(t)
	key, other := p.newKey(t), p.newKey(t)
	p.loginWith(t, key)
	p.loginWith(t, key)
	for _, off := range []client.CreatedKey{key, other} {
		if err := p.keys.Disable(t.Context(), off.ID); err != nil {
			t.Fatal(err)
		}
	}
	got := p.fact(t, key).Off
	if age := time.Since(got.At).Abs(); age > slack || got.Sessions != 2 || !got.FirstRefused.IsZero() {
		t.Errorf("turned off %+v, want about now, with two sessions and no refusal", got)
	}
	if on := got.AccessUntil.Sub(got.At); on <= 0 || on > mostAccess {
		t.Errorf("access of a session that was in use goes on for %v", on)
	}
	if got := p.fact(t, other).Off; got.At.IsZero() || got != (client.KeyOff{At: got.At}) {
		t.Errorf("turning off a key that nobody used ended %+v", got)
	}
	p.refusesKey(t, key)
	for patience := time.Now().Add(5 * time.Second); got.FirstRefused.IsZero() && time.Now().Before(patience); {
		time.Sleep(5 * time.Millisecond) // as for the last refusal
		got = p.fact(t, key).Off
	}
	if age := time.Since(got.FirstRefused).Abs(); age > slack {
		t.Errorf("first refused at %v, want about now", got.FirstRefused)
	}
	if err := p.keys.Enable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if got := p.fact(t, key).Off; got != (client.KeyOff{}) {
		t.Errorf("a key that is on again has %+v", got)
	}
}

func (s *suite) factsWithoutValue(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	p.loginWith(t, key)
	a := s.send(t, request{method: http.MethodGet, root: ownRoot, path: "/key_facts", bearer: p.refresh()})
	if a.status != http.StatusOK || strings.Contains(a.body, key.Value.Reveal()) {
		t.Errorf("status %d, or the value is in it", a.status)
	}
}

func (s *suite) factsForPeople(t *testing.T) {
	p := s.newPerson(t)
	key := p.newKey(t)
	_, err := p.loginWith(t, key).APIKeys().Facts(t.Context())
	refused(t, err, want{status: http.StatusForbidden, code: noCode})
	if got := p.fact(t, key).LastUse; got.At.IsZero() {
		t.Error("the sign-in is not told")
	}
	if s.Anonymous {
		_, err := s.newAnonymous(t).APIKeys().Facts(t.Context())
		refused(t, err, want{status: http.StatusForbidden, code: noCode})
	}
	ended := p.login(t)
	if err := ended.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = ended.APIKeys().Facts(t.Context())
	refused(t, err, invalidSession)
	for _, token := range []string{"", "x.y.z"} {
		s.send(t, request{method: http.MethodGet, root: ownRoot, path: "/key_facts", bearer: token}).
			refused(t, want{status: http.StatusUnauthorized})
	}
}
