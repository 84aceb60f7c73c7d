package accounts

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

const aDay = 24 * time.Hour

// postman delivers emails at once, unless told to fail.
type postman struct {
	mu     sync.Mutex
	emails []Email
	fail   error
}

func (p *postman) Deliver(_ context.Context, m Email) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.emails = append(p.emails, m)
	return nil
}

// subjects are those of the emails since the last call.
func (p *postman) subjects() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, m := range p.emails {
		all = append(all, m.To+": "+strings.TrimPrefix(m.Subject, "Latchkey: "))
	}
	p.emails = nil
	return strings.Join(all, "; ")
}

// reminding is accounts with keys that expire, and what reminds their owners.
type reminding struct {
	*fixture
	who  model.Account
	mail *postman
	send Reminders
}

func newReminding(t *testing.T) *reminding {
	r := &reminding{fixture: newFixture(t), mail: &postman{}}
	r.who = r.signUp("ada@example.org")
	r.send = Reminders{Store: r.store, Letters: Letters{PublicURL: testURL}, Mail: r.mail, Log: r.logs.Logger()}
	return r
}

// expiring creates a key that expires some days from now.
func (r *reminding) expiring(name string, days int) model.Key {
	r.t.Helper()
	key, _ := r.newKey(r.who, name)
	return r.set(key, days)
}

// set has a key expire some days from now.
func (r *reminding) set(key model.Key, days int) model.Key {
	r.t.Helper()
	from := here
	from.Confirmed = true
	key, err := r.As(r.who, from).SetExpiry(r.t.Context(), key.ID, r.clock.Now().AddDate(0, 0, days).Truncate(time.Second))
	if err != nil {
		r.t.Fatal(err)
	}
	return key
}

// at sets the clock, sends what is due, and checks what that was.
func (r *reminding) at(when time.Time, want string) {
	r.t.Helper()
	r.clock.Advance(when.Sub(r.clock.Now()))
	if err := r.send.Send(r.t.Context(), r.clock.Now()); err != nil {
		r.t.Errorf("at %v: %v", when, err)
	}
	if got := r.mail.subjects(); got != want {
		r.t.Errorf("at %v the emails are %q, want %q", when, got, want)
	}
}

// due is when the owner is reminded of a key.
func (r *reminding) due(of model.Reminder, key model.Key) time.Time {
	return of.Due(r.who.UserID, key.ExpiresAt)
}

// expires is the email about a key at a time. Minutes later there may be a day less.
func (r *reminding) expires(key model.Key, at time.Time) string {
	return "ada@example.org: " + Letters{}.expires(key.ExpiresAt.Sub(at), key.Name)
}

func TestThePersonIsRemindedTwoWeeksAndThreeDaysBeforeAKeyExpiresAndThen(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	key := r.expiring("porch-cam", 30)
	for _, step := range []struct {
		of   model.Reminder
		want string
	}{
		{model.ReminderTwoWeeks, "ada@example.org: A key expires in 14 days: porch-cam"},
		{model.ReminderThreeDays, "ada@example.org: A key expires in 3 days: porch-cam"},
		{model.ReminderExpired, "ada@example.org: A key has expired: porch-cam"},
	} {
		due := r.due(step.of, key)
		r.at(due.Add(-time.Minute), "")
		r.at(due, step.want)
		r.at(due, "")
		r.at(due.Add(time.Hour), "")
	}
	r.at(key.ExpiresAt.AddDate(1, 0, 0), "")
	if hour := r.due(model.ReminderTwoWeeks, key); hour.Hour() != r.due(model.ReminderExpired, key).Hour() {
		t.Error("emails to a person come at all times of the day")
	}
}

func TestARestartAfterAWeekRemindsOfWhatIsTrueThenAlone(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	key := r.expiring("porch-cam", 15)
	r.at(key.ExpiresAt.Add(-8*aDay), "ada@example.org: A key expires in 8 days: porch-cam") // two weeks before nothing ran
	r.at(key.ExpiresAt.Add(2*aDay), "ada@example.org: A key has expired: porch-cam")
	key = r.set(key, 30)
	r.at(key.ExpiresAt.Add(40*aDay), "") // which is too long ago to be news
}

func TestOneEmailIsAboutAllKeysOfAPerson(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	first := r.expiring("porch-cam", 10)
	r.expiring("garage", 10)
	gone := r.expiring("lamp", 1)
	r.at(r.due(model.ReminderExpired, gone), "ada@example.org: A key has expired: lamp")
	r.expiring("pump", 6)
	r.clock.Advance(r.due(model.ReminderThreeDays, first).Sub(r.clock.Now()))
	if err := r.send.Send(t.Context(), r.clock.Now()); err != nil || len(r.mail.emails) != 1 {
		t.Fatalf("%v, %v", r.mail.emails, err)
	}
	mail := r.mail.emails[0]
	for _, part := range []string{"  garage (", "  porch-cam (", " expires on ", testURL + "/keys\n"} {
		if !strings.Contains(mail.Text, part) {
			t.Errorf("%q is not in %q", part, mail.Text)
		}
	}
	if !mail.Notice || strings.Contains(mail.Text, "lamp") {
		t.Errorf("the email is %+v", mail.Text)
	}
}

func TestNobodyIsRemindedOfKeysThatAreOffOrHaveBeenExtendedNorInADisabledAccount(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	off, extended, ends := r.expiring("off", 20), r.expiring("extended", 20), r.expiring("ends", 20)
	if _, err := r.As(r.who, here).TurnKey(t.Context(), off.ID, false); err != nil {
		t.Fatal(err)
	}
	r.set(extended, 200)
	r.at(r.due(model.ReminderTwoWeeks, ends), "ada@example.org: A key expires in 14 days: ends")
	if err := r.store.DisableUser(t.Context(), r.who.UserID, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.at(r.due(model.ReminderThreeDays, ends), "")
	if err := r.store.EnableUser(t.Context(), r.who.UserID, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.at(r.due(model.ReminderThreeDays, ends).Add(time.Hour), "") // it is not made up for
	r.at(r.due(model.ReminderExpired, ends), "ada@example.org: A key has expired: ends")
}

func TestAReminderThatFailsIsSentLaterAndOneThatIsRefusedForGoodIsNot(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	key := r.expiring("porch-cam", 30)
	due := r.due(model.ReminderTwoWeeks, key)
	r.clock.Advance(due.Sub(r.clock.Now()))
	r.mail.fail = errors.New("the mail server is away")
	if err := r.send.Send(t.Context(), due); err == nil {
		t.Error("nobody says that it failed")
	}
	r.mail.fail = nil
	r.at(due.Add(time.Minute), "")
	r.at(due.Add(20*time.Minute), r.expires(key, due.Add(20*time.Minute)))
	r.mail.fail = ErrRefusedForGood
	r.at(r.due(model.ReminderThreeDays, key), "")
	r.mail.fail = nil
	r.at(r.due(model.ReminderThreeDays, key).Add(time.Hour), "")
	r.at(r.due(model.ReminderExpired, key), "ada@example.org: A key has expired: porch-cam")
}

func TestACrashBetweenAnEmailAndItsRecordSendsItOnceMoreAndLosesNone(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	key := r.expiring("porch-cam", 30)
	due := r.due(model.ReminderTwoWeeks, key)
	claimed, err := r.store.ClaimReminders(t.Context(), r.who.UserID, due, due.Add(claimTime))
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err) // and the program ends here
	}
	r.at(due.Add(time.Minute), "")
	r.at(due.Add(claimTime), r.expires(key, due.Add(claimTime)))
}

func TestTwoNodesThatRemindAtOnceSendOneEmail(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	nodes := [2]*store.Store{testkit.StoreOn(t, url), testkit.StoreOn(t, url)}
	r := &reminding{fixture: newFixtureOn(t, nodes[0]), mail: &postman{}}
	people := map[string]model.Key{}
	var latest time.Time
	for _, name := range []string{"ada", "bob", "eve"} {
		r.who = r.signUp(name + "@example.org")
		people[name] = r.expiring(name, 30)
		if due := r.due(model.ReminderTwoWeeks, people[name]); due.After(latest) {
			latest = due
		}
	}
	testkit.AtOnce(t, 8, func(ctx context.Context, i int) error {
		send := Reminders{Store: nodes[i%2], Letters: Letters{PublicURL: testURL}, Mail: r.mail, Log: r.logs.Logger()}
		return send.Send(ctx, latest)
	})
	sent := r.mail.subjects()
	for name := range people {
		if strings.Count(sent, name+"@example.org: ") != 1 {
			t.Errorf("sent is %s", sent)
		}
	}
}

func TestThatAKeyExpiredIsRecordedWithItsFirstRefusalOrSoonAfterAndOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	who := f.signUp("ada@example.org")
	from := model.Origin{Address: "192.0.2.99", Actor: model.ActorDevice}
	refused, value := f.newKey(who, "refused")
	quiet, _ := f.newKey(who, "quiet")
	at := f.clock.Now().Add(aDay).Truncate(time.Second)
	for _, id := range []string{refused.ID, quiet.ID} {
		if _, err := f.As(who, here).SetExpiry(t.Context(), id, at); err != nil {
			t.Fatal(err)
		}
	}
	f.clock.Advance(2 * aDay)
	for range 2 {
		_, err := f.SignInWithKey(t.Context(), from, value, nil)
		is(t, err, model.KindWrongValue)
		f.Drain()
		f.clock.Advance(2 * time.Minute)
	}
	for range 2 {
		if err := f.RecordExpired(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range f.written(who.UserID) {
		if e.Kind == model.EventKeyExpired || e.Kind == model.EventKeyRefused {
			got = append(got, strings.Join([]string{string(e.Kind), e.KeyName, e.Detail, string(e.Actor)}, " "))
		}
	}
	day := model.ExpiryDetail(at)
	want := "key-expired refused " + day + " server, key-refused refused expired device, key-expired quiet " + day + " server"
	if strings.Join(got, ", ") != want {
		t.Errorf("recorded is %q, want %q", got, want)
	}
}

func TestAKeyOfWhichAClockThatJumpedAheadSaysThatItExpiredIsRefusedAndNothingIsSaidForGood(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	key, value := r.newKey(r.who, "porch-cam")
	key = r.set(key, 30)
	look := func() time.Time {
		l, err := r.store.Look(t.Context(), r.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return l.By
	}
	look()
	r.clock.Advance(365 * aDay)
	by := look()
	_, err := r.SignInWithKey(t.Context(), here, value, nil)
	is(t, err, model.KindWrongValue)
	if err := r.RecordExpired(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	if err := r.send.Send(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(-365 * aDay)
	look()
	if _, err := r.SignInWithKey(t.Context(), here, value, nil); err != nil {
		t.Errorf("when the clock is right: %v", err)
	}
	for _, e := range r.written(r.who.UserID) {
		if e.Kind == model.EventKeyExpired {
			t.Errorf("recorded is %+v", e)
		}
	}
	if sent := r.mail.subjects(); sent != "" {
		t.Errorf("sent is %q", sent)
	}
	r.at(r.due(model.ReminderTwoWeeks, key), "ada@example.org: A key expires in 14 days: porch-cam")
}

func TestOfAKeyThatAnotherServerLetsInEmailsSaySo(t *testing.T) {
	t.Parallel()
	r := newReminding(t)
	r.send.Elsewhere = true
	const user, key = "5f3a1c2b9d0e4a0012345671", "5f3a1c2b9d0e4a0012345672"
	now := r.clock.Now()
	expires := now.AddDate(0, 0, 30)
	kept := model.KeptCard{Email: "bob@example.org", Name: "pump", ListedAt: now}
	if err := r.store.Elsewhere().SetExpiry(t.Context(), user, key, model.Expiry{At: expires, Now: now}, kept); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		of            model.Reminder
		subject, says string
	}{
		{model.ReminderThreeDays, "Latchkey: A key expires in 3 days: pump", "The key service doesn't know of that date"},
		{model.ReminderExpired, "Latchkey: A key should have expired: pump", "the key may still work"},
	} {
		due := step.of.Due(user, expires)
		if err := r.send.Send(t.Context(), due); err != nil || len(r.mail.emails) != 1 {
			t.Fatal(r.mail.emails, err)
		}
		m := r.mail.emails[0]
		if m.To != kept.Email || m.Subject != step.subject || !strings.Contains(m.Text, step.says) || !strings.Contains(m.Text, testURL+"/keys/"+key) {
			t.Errorf("%s: %s", m.Subject, m.Text)
		}
		r.mail.subjects()
	}
}
