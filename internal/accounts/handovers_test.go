package accounts

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

// leadsBack lets apps of two places hand people over.
func leadsBack(c *Config) {
	for _, text := range []string{"https://app.example.org/settings", "myapp://keys"} {
		to, _ := model.ParseReturnURL(text)
		c.ReturnURLs = append(c.ReturnURLs, to)
	}
}

// ticketFor is what an app of the person's gets.
func (f *fixture) ticketFor(who model.Account, returnTo string) model.Secret {
	f.t.Helper()
	address, _, err := f.As(who, model.Origin{Actor: model.ActorApp}).HandOver(f.t.Context(), returnTo)
	if err != nil {
		f.t.Fatal(err)
	}
	u, err := url.Parse(address.Reveal())
	if err != nil {
		f.t.Fatal(err)
	}
	return model.Secret(u.Query().Get("ticket"))
}

// byToken is somebody who signed in to an app with a token, which says when they showed its issuer that it is they.
func (f *fixture) byToken(subject string, shown time.Time) model.Account {
	f.t.Helper()
	s, err := f.SignInWithToken(f.t.Context(), here, model.Proved{Provider: model.ProviderGoogle, Subject: subject, SignedInAt: shown}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return model.Account{UserID: s.UserID, SessionID: s.ID, IdentityID: s.IdentityID, Provider: s.Provider}
}

func TestALinkOpensASessionOfItsPersonOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, leadsBack)
	ada := f.signUp("ada@example.org")
	ticket := f.ticketFor(ada, "https://app.example.org/settings?tab=keys")
	for range 3 { // as programs do that look what is behind links
		h, err := f.Handover(t.Context(), ticket)
		if err != nil || h.Account().Called() != "ada@example.org" || h.ReturnTo != "https://app.example.org/settings?tab=keys" {
			t.Fatalf("%+v, %v", h, err)
		}
	}
	who, handed, err := f.UseHandover(t.Context(), here, ticket)
	if err != nil {
		t.Fatal(err)
	}
	if who.UserID != ada.UserID || who.IdentityID != ada.IdentityID || who.SessionID == ada.SessionID || who.Provider != ada.Provider ||
		handed.ReturnTo != "https://app.example.org/settings?tab=keys" || !handed.Ends.Equal(f.clock.Now().Add(12*time.Hour)) || handed.Proof != 0 {
		t.Errorf("%v by %s, %+v", who, who.Provider, handed)
	}
	if _, err := f.As(who, here).Keys(t.Context()); err != nil {
		t.Error(err)
	}
	for _, bad := range []model.Secret{ticket, "", "x", ticket + "0", model.Secret(strings.Repeat("0", 64))} {
		_, err := f.Handover(t.Context(), bad)
		is(t, err, model.KindBadLink)
		_, _, err = f.UseHandover(t.Context(), here, bad)
		is(t, err, model.KindBadLink)
	}
	if events := f.written(ada.UserID); events[len(events)-1].Kind != model.EventHandedOver || events[len(events)-1].Detail != "app.example.org" {
		t.Errorf("written down: %+v", events)
	}
}

func TestALinkIsGoodForAMinuteAndWhileItsSessionIs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.signUp("ada@example.org")
	over := f.ticketFor(ada, "")
	if err := f.As(ada, here).EndSession(t.Context(), ada.SessionID); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.UseHandover(t.Context(), here, over)
	is(t, err, model.KindBadLink)
	ada, err = f.SignIn(t.Context(), here, "ada@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	late := f.ticketFor(ada, "")
	f.clock.Advance(time.Minute)
	_, _, err = f.UseHandover(t.Context(), here, late)
	is(t, err, model.KindBadLink)
	f.clock.Advance(-time.Hour) // a clock that was ahead is set right
	_, _, err = f.UseHandover(t.Context(), here, late)
	is(t, err, model.KindBadLink)
}

func TestWhatALinkOpensEndsWithTheSessionThatAskedForIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ada := f.signUp("ada@example.org")
	f.clock.Advance(SessionLifetime - time.Hour)
	who, handed, err := f.UseHandover(t.Context(), here, f.ticketFor(ada, ""))
	if err != nil || !handed.Ends.Equal(f.clock.Now().Add(time.Hour)) {
		t.Errorf("it ends at %v, %v", handed.Ends, err)
	}
	if err := f.As(who, here).EndOthers(t.Context()); err != nil { // which the app's is one of
		t.Fatal(err)
	}
	_, err = f.Session(t.Context(), who.SessionID)
	is(t, err, model.KindSessionOver)
}

func TestOnlyPeopleHandOverAndOnlyToWhereTheyMay(t *testing.T) {
	t.Parallel()
	f := newFixture(t, leadsBack)
	ada := f.signUp("ada@example.org")
	for _, to := range []string{"https://app.example.org/", "https://app.example.org.evil/settings", "myapp://other", "/keys"} {
		_, _, err := f.As(ada, here).HandOver(t.Context(), to)
		is(t, err, model.KindBadReturn)
	}
	_, value := f.newKey(ada, "porch-cam")
	device, err := f.SignInWithKey(t.Context(), here, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := f.SignInAnonymously(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []model.Session{device, nobody} {
		_, _, err := f.As(model.Account{UserID: s.UserID, SessionID: s.ID, Provider: s.Provider}, here).HandOver(t.Context(), "")
		is(t, err, model.KindForbidden)
	}
}

// A program may have kept a token, or its issuer may have renewed it, without anybody being asked: what counts is when they were.
func TestAPersonWithoutAnyProofHasTheAppsForAWhile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withTokens)
	now := f.clock.Now()
	for name, c := range map[string]struct {
		shown time.Time
		later time.Duration
		want  time.Duration
	}{
		"just now":                     {now, 0, 5 * time.Minute},
		"a little ahead":               {now.Add(30 * time.Second), 0, 5 * time.Minute},
		"five minutes before":          {now, 5 * time.Minute, 5 * time.Minute},
		"longer ago":                   {now, 5*time.Minute + time.Millisecond, 0},
		"long before the token came":   {now.Add(-time.Hour), 0, 0},
		"nobody knows when":            {time.Time{}, 0, 0},
		"when the clock was far ahead": {now, -time.Hour, 0},
	} {
		who := f.byToken(name, c.shown)
		f.clock.Advance(c.later)
		_, handed, err := f.UseHandover(t.Context(), here, f.ticketFor(who, ""))
		if err != nil || handed.Proof != c.want {
			t.Errorf("%s: for %v, %v", name, handed.Proof, err)
		}
		f.clock.Advance(-c.later)
	}
}

func TestAPersonWithAProofOfTheirOwnGivesItAsEver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, handed, err := f.UseHandover(t.Context(), here, f.ticketFor(f.signUp("ada@example.org"), ""))
	if err != nil || handed.Proof != 0 {
		t.Errorf("for %v, %v", handed.Proof, err)
	}
}
