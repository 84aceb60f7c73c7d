package accounts

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/testkit"
)

func withKnocks(c *Config) { c.Knocks = true }

// porch is a device at home that has oldValue, and where it is.
var (
	porch   = &model.Device{Name: "porch-cam", Platform: "linux", PlatformVersion: "6.1", SDK: "Node.js", SDKVersion: "12.6"}
	atHome  = model.Origin{Address: "203.0.113.7", Agent: "undici", Actor: model.ActorDevice}
	userOne = "0123456789abcdef01234567"
)

// refused tries a value that nobody has.
func (f *fixture) refused(from model.Origin, value string) {
	f.t.Helper()
	_, err := f.SignInWithKey(f.t.Context(), from, model.Secret(value), porch)
	is(f.t, err, model.KindWrongValue)
}

// knocking are the knocks that are listed.
func (f *fixture) knocking() []Knocked {
	f.t.Helper()
	f.Drain()
	list, err := f.Knocks(f.t.Context(), false)
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// knockOf is the knock of a value, of which there must be one.
func (f *fixture) knockOf(value string) Knocked {
	f.t.Helper()
	for _, k := range f.knocking() {
		if k.ValueHash == hashValue(value) {
			return k
		}
	}
	f.t.Fatal("no knock of that value")
	return Knocked{}
}

func TestADeviceThatWasRefusedIsGivenToItsOwnerWithoutItsValue(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, withKnocks, func(c *Config) { c.Mailer = box })
	ada := f.operatorsUser("ada@example.org")
	f.refused(atHome, oldValue)
	k := f.knockOf(oldValue)
	if k.Tries != 1 || k.Address != atHome.Address || k.Network != "203.0.113.0/24" || k.Device != *porch || k.Agent != "undici" || !k.LastAt.Equal(f.clock.Now()) {
		t.Errorf("%+v", k)
	}

	found, err := f.FindKnock(t.Context(), strings.ToUpper(k.ID[:6]))
	if err != nil || found.ID != k.ID {
		t.Fatalf("%+v, %v", found, err)
	}
	_, err = f.FindKnock(t.Context(), k.ID[:3])
	is(t, err, model.KindNotFound)
	key, err := f.AdoptKnock(t.Context(), found, ada.ID, "porch-cam")
	if err != nil {
		t.Fatal(err)
	}
	session, err := f.SignInWithKey(t.Context(), atHome, oldValue, porch)
	if err != nil || session.UserID != ada.ID || session.KeyID != key.ID {
		t.Errorf("%+v, %v", session, err)
	}
	if left := f.knocking(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	events := f.written(ada.ID)
	if e := events[len(events)-2]; e.Kind != model.EventKeyAdopted || e.Actor != model.ActorOperator || e.KeyName != "porch-cam" || e.Detail != AdoptedFromKnock {
		t.Errorf("%+v", e)
	}
	if emails := box.taken(f); len(emails) != 1 || !strings.Contains(emails[0].Subject, "porch-cam") {
		t.Errorf("%+v", emails)
	}
	_, err = f.AdoptKnock(t.Context(), found, ada.ID, "twice")
	is(t, err, model.KindOwnValue)
}

func TestAKnockThatIsAdoptedTwiceAtOnceIsOneKey(t *testing.T) {
	f := newFixture(t, withKnocks)
	owners := []string{f.operatorsUser("ada@example.org").ID, f.operatorsUser("eve@example.org").ID}
	f.refused(atHome, oldValue)
	k := f.knockOf(oldValue)
	answers := testkit.AtOnce(t, 40, func(ctx context.Context, i int) error {
		_, err := f.AdoptKnock(ctx, k.Knock, owners[i%2], fmt.Sprint("key-", i))
		if model.Is(err, model.KindOwnValue) || model.Is(err, model.KindValueTaken) {
			return model.ErrTaken
		}
		return err
	}, model.ErrTaken)
	if answers[nil] != 1 {
		t.Errorf("%v", answers)
	}
}

// operatorsUser is an account that the operator has added.
func (f *fixture) operatorsUser(email string) Managed {
	f.t.Helper()
	m, _, err := f.Add(f.t.Context(), email, testPassword)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// Whether a value was never anybody's, is remembered, has a key that is off, or could not be one: until the answer the work is the same,
// and the answer too.
func TestARefusalIsTheSameWhateverIsRememberedOfIt(t *testing.T) {
	f := newFixture(t, withKnocks)
	owner := f.signUp("a@example.org")
	key, off := f.newKey(owner, "pump")
	if err := f.As(owner, here).SetKey(t.Context(), key.ID, false); err != nil {
		t.Fatal(err)
	}
	f.refused(atHome, newValue())
	f.Drain()
	gate := make(chan struct{})
	f.holdBackground(gate)
	defer close(gate)
	for name, value := range map[string]string{
		"never heard of": oldValue, "heard of": oldValue, "not random": strings.Repeat("ab", 32), "off": off.Reveal(),
	} {
		var err error
		did := f.asked(func() { _, err = f.SignInWithKey(t.Context(), atHome, model.Secret(value), porch) })
		if !model.Is(err, model.KindWrongValue) || did != (store.Stats{Reads: 1}) {
			t.Errorf("%s: %v after %+v", name, err, did)
		}
	}
}

func TestOnlyAValueThatNobodyHasAndThatIsRandomIsAKnock(t *testing.T) {
	f := newFixture(t, withKnocks)
	owner := f.signUp("a@example.org")
	key, off := f.newKey(owner, "pump")
	if err := f.As(owner, here).SetKey(t.Context(), key.ID, false); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{off.Reveal(), strings.Repeat("secret12", 8), oldValue[1:], ""} {
		f.refused(atHome, value)
	}
	_, err := f.As(owner, here).TryValue(t.Context(), oldValue) // by a person, who has it from a device
	is(t, err, model.KindWrongValue)
	if got := f.knocking(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	without := newFixture(t)
	without.refused(atHome, oldValue)
	if got := without.knocking(); len(got) != 0 || without.KnocksHeard() != 0 {
		t.Errorf("where knocks are off: %+v", got)
	}
}

func TestTenThousandValuesFromOneAddressAreTwentyKnocks(t *testing.T) {
	f := newFixture(t, withKnocks)
	f.refused(model.Origin{Address: "203.0.113.99"}, oldValue)
	f.Drain()
	did := f.asked(func() {
		for range 10_000 {
			f.refused(atHome, newValue())
		}
		f.Drain()
	})
	if did.Writes != addressKnocks {
		t.Errorf("%+v", did)
	}
	if got := f.knocking(); len(got) != store.MaxKnocksOfNetwork {
		t.Errorf("%d knocks", len(got))
	}
	if n := f.KnocksHeard(); n != 10_001 {
		t.Errorf("%d were heard", n)
	}
	if n := f.knocks.heard.Len(); n != addressKnocks+1 {
		t.Errorf("%d values are in memory", n)
	}
	// A neighbour is heard all the same, and in the same network stays: what was made up is tried no more.
	neighbour := model.Origin{Address: "203.0.113.8"}
	for range 3 {
		f.refused(neighbour, oldValue)
		f.clock.Advance(time.Minute)
		f.refused(atHome, newValue())
		f.Drain()
	}
	if k := f.knockOf(oldValue); k.Tries != 3 { // the first was in the minute of the flood, which pushed it out
		t.Errorf("%+v", k)
	}
}

func TestTheTriesOfAMinuteAreOneAndAreWrittenOnce(t *testing.T) {
	f := newFixture(t, withKnocks)
	for minute := range int64(3) {
		did := f.asked(func() {
			for range 50 {
				f.refused(atHome, oldValue)
				f.clock.Advance(time.Second)
			}
			f.Drain()
		})
		if k := f.knockOf(oldValue); did.Writes != 1 || k.Tries != minute+1 || !k.FirstAt.Equal(testkit.LongAgo) {
			t.Errorf("minute %d: %+v, %+v", minute, did, k)
		}
		f.clock.Advance(10 * time.Second)
	}
}

// Fifty networks fill the table with values that they try twice. A device that tries every minute is listed at once, is pushed out by the
// next of theirs at worst, and from its third try on by nothing that was tried less often.
func TestADeviceThatKeepsTryingIsListedHoweverManyMakeUpValues(t *testing.T) {
	f := newFixture(t, withKnocks)
	const networks = store.MaxKnocks / store.MaxKnocksOfNetwork
	from := func(network int) model.Origin { return model.Origin{Address: fmt.Sprintf("198.%d.1.1", network)} }
	var made []string
	for range store.MaxKnocks {
		made = append(made, newValue())
	}
	for range 2 {
		for i, value := range made {
			f.refused(from(i%networks), value)
		}
		f.Drain()
		f.clock.Advance(time.Minute)
	}
	for _, listed := range []bool{true, true, true, true} {
		f.refused(atHome, oldValue)
		f.Drain()
		if got := f.knocking(); len(got) != store.MaxKnocks {
			t.Fatalf("%d knocks", len(got))
		}
		if k := f.knockOf(oldValue); (k.Tries > 0) != listed {
			t.Errorf("%+v", k)
		}
		for i := range networks { // each makes up another
			f.refused(from(i), newValue())
			f.Drain()
		}
		f.clock.Advance(time.Minute)
	}
	if k := f.knockOf(oldValue); k.Tries != 4 {
		t.Errorf("%+v", k)
	}
}

func TestWhatIsRememberedOfRefusedValuesIsBounded(t *testing.T) {
	k := newKnocks(testkit.NewClock(testkit.LongAgo).Now)
	address := func(i int) string { return fmt.Sprintf("%d.%d.%d.1", 1+i%200, i/200%250, i/50_000) }
	written := 0
	for i := range 30_000 {
		if _, write := k.hear(hashValue(fmt.Sprint(i)), address(i)); write {
			written++
		}
		k.hint(address(i), userOne)
	}
	if written != everyKnock {
		t.Errorf("%d are written", written)
	}
	for what, n := range map[string]int{
		"values": k.heard.Len(), "addresses": k.hints.Len(),
		"counts": k.newest.addresses.Len() + k.newest.networks.Len() + k.newest.providers.Len(),
	} {
		if n == 0 || n > 3*everyKnock {
			t.Errorf("%d %s", n, what)
		}
	}
	for i := range 3 * heardOf {
		k.heard.Add(hashValue(fmt.Sprint("more", i)), heard{})
	}
	if n := k.heard.Len(); n > 2*heardOf {
		t.Errorf("%d values", n)
	}
}

func TestNoProviderUsesUpTheKnocksOfOthers(t *testing.T) {
	k := newKnocks(testkit.NewClock(testkit.LongAgo).Now)
	for i := range 5000 {
		k.hear(hashValue(fmt.Sprint(i)), fmt.Sprintf("2001:db8:%x:%x::1", i%50, i))
	}
	if n := k.newest.book.Begin().Used(k.newest.everyone.Of("")); n != providerKnocks {
		t.Errorf("%d", n)
	}
}

func TestATokenFromTheAddressIsAHintForTenMinutesWhenItNamesSomebodyHere(t *testing.T) {
	f := newFixture(t, withKnocks)
	ada, eve := f.operatorsUser("ada@example.org"), f.operatorsUser("eve@example.org")
	hintOf := func(value string) (string, string) {
		f.refused(atHome, value)
		k := f.knockOf(value)
		return k.HintUser, k.HintEmail
	}
	next := newValue
	f.Hint(model.Origin{Address: "203.0.113.8"}, ada.ID)
	f.Hint(atHome, "no id")
	if user, _ := hintOf(next()); user != "" {
		t.Errorf("of another address: %s", user)
	}
	f.Hint(atHome, userOne)
	if user, _ := hintOf(next()); user != "" {
		t.Errorf("of nobody here: %s", user)
	}
	f.clock.Advance(hintTime)
	f.Hint(atHome, ada.ID)
	f.clock.Advance(hintTime - time.Second)
	value := next()
	if user, email := hintOf(value); user != ada.ID || email != "ada@example.org" {
		t.Errorf("%s, %s", user, email)
	}
	f.clock.Advance(time.Minute)
	if user, _ := hintOf(next()); user != "" {
		t.Errorf("too late: %s", user)
	}
	if k := f.knockOf(value); k.HintUser != ada.ID { // which it keeps
		t.Errorf("%+v", k)
	}
	f.Hint(atHome, ada.ID)
	f.Hint(atHome, eve.ID)
	if user, _ := hintOf(next()); user != "" {
		t.Errorf("two were named: %s", user)
	}
	if _, err := f.Delete(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	if k := f.knockOf(value); k.HintUser != "" || k.HintEmail != "" {
		t.Errorf("%+v", k)
	}
}

func TestAKnockIsNamedByWhatNoOtherBeginsWith(t *testing.T) {
	f := newFixture(t, withKnocks)
	for _, id := range []string{"3f9a1c000000000000000000", "3f9a1c111111111111111111", "3f9a20000000000000000000"} {
		k := model.Knock{ID: id, ValueHash: hashValue(id), Network: "n", Tries: 1, LastAt: f.clock.Now()}
		if err := f.store.RememberKnock(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.FindKnock(t.Context(), "3f9a1c"); err != ErrSeveralKnocks { //nolint:errorlint // exactly it
		t.Error(err)
	}
	if k, err := f.IgnoreKnock(t.Context(), "3f9a1c1"); err != nil || !strings.HasPrefix(k.ID, "3f9a1c1") {
		t.Errorf("%+v, %v", k, err)
	}
	for _, name := range []string{"3f9a30", "3f9", "", "3f9a1c%", "3f9a1c0000000000000000000"} {
		_, err := f.FindKnock(t.Context(), name)
		is(t, err, model.KindNotFound)
	}
	if got := f.knocking(); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}
