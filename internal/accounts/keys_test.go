package accounts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// told writes events as a table of a test does: kind, actor, name of the key, detail.
func told(events []model.Event) []string {
	lines := []string{}
	for _, e := range events {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %s %s %s", e.Kind, e.Actor, e.KeyName, e.Detail), " "))
	}
	return lines
}

// names are those of keys, in order.
func names(keys model.Keys) []string {
	out := []string{}
	for _, k := range keys.List {
		out = append(out, k.Name)
	}
	return out
}

func TestAKeyThatAPageCreatesIsShownInTheSameTransaction(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	f.newKey(who, "lamp")
	before := len(f.written(who.UserID))
	var made model.Created
	asked := f.asked(func() {
		var err error
		if made, err = f.As(who, here).CreateKey(t.Context(), model.CalledKey("pump")); err != nil {
			t.Fatal(err)
		}
	})
	if want := (store.Stats{Reads: 1, Writes: 1, Commits: 1}); asked != want {
		t.Errorf("it takes %+v, want %+v", asked, want)
	}
	if diff := cmp.Diff([]string{"key-made browser pump", "key-shown browser pump"}, told(f.written(who.UserID)[before:])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"lamp", "pump"}, names(made.Keys)); diff != "" || made.Keys.Usage != model.UsageKnown || made.Unread != nil {
		t.Errorf("all keys (-want +got):\n%s%v", diff, made.Unread)
	}
	if diff := cmp.Diff(made.Keys.List[1], made.Key); diff != "" {
		t.Errorf("the key, and as it is listed:\n%s", diff)
	}
	if _, err := f.SignInWithKey(t.Context(), here, made.Value, nil); err != nil {
		t.Errorf("its value does not work: %v", err)
	}
}

func TestAKeyForADeviceIsNotShownAndNotListed(t *testing.T) {
	box := &mailbox{}
	f := newFixture(t, func(cfg *Config) { cfg.Mailer = box })
	f.register("a@example.org")
	f.confirm(box.taken(f)[0], testPassword)
	who, err := f.SignIn(t.Context(), here, "a@example.org", testPassword)
	if err != nil {
		t.Fatal(err)
	}
	before := len(f.written(who.UserID))
	from := here
	from.Pairing = "porch camera"
	var made model.Created
	asked := f.asked(func() {
		if made, err = f.As(who, from).CreateKey(t.Context(), model.CalledKey("pump")); err != nil {
			t.Fatal(err)
		}
	})
	if asked.Writes != 1 || asked.Commits != 1 || made.Keys.List != nil || made.Value == "" || made.Key.Name != "pump" {
		t.Errorf("%+v with %+v", made, asked)
	}
	if diff := cmp.Diff([]string{"key-made browser pump porch camera"}, told(f.written(who.UserID)[before:])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if letters := box.taken(f); len(letters) != 1 || letters[0].Subject != "Latchkey: New device: pump" {
		t.Errorf("emails %v", letters)
	}
	asked = f.asked(func() {
		made, err = f.As(who, from).CreateKey(t.Context(), model.CalledKey("no name"))
		is(t, err, model.KindBadName)
	})
	if asked != (store.Stats{}) || made.Keys.List != nil {
		t.Errorf("a name that cannot be takes %+v", asked)
	}
}

func TestAPageThatCreatesNoKeyShowsThoseThatThereAre(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	f.newKey(who, "pump")
	for name, c := range map[string]struct {
		key    string
		kind   model.Kind
		writes int64
	}{
		"no name":               {"", model.KindBadName, 0},
		"a name that cannot be": {"p u m p", model.KindBadName, 0},
		"a long name":           {strings.Repeat("x", 65), model.KindBadName, 0},
		"a name that is taken":  {"pump", model.KindNameTaken, 1},
	} {
		asked := f.asked(func() {
			made, err := f.As(who, here).CreateKey(t.Context(), model.CalledKey(c.key))
			is(t, err, c.kind)
			if diff := cmp.Diff([]string{"pump"}, names(made.Keys)); diff != "" || made.Value != "" || made.Unread != nil {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		})
		if asked.Reads != 1 || asked.Writes != c.writes || asked.Commits != 0 {
			t.Errorf("%s takes %+v", name, asked)
		}
	}
	for i := range model.MaxKeys - 1 {
		f.newKey(who, fmt.Sprint("key-", i))
	}
	made, err := f.As(who, here).CreateKey(t.Context(), model.CalledKey("one-more"))
	is(t, err, model.KindKeyLimit)
	if len(made.Keys.List) != model.MaxKeys {
		t.Errorf("%d keys", len(made.Keys.List))
	}
	for range actsAtOnce {
		f.acts.takeHere(who.UserID)
	}
	made, err = f.As(who, here).CreateKey(t.Context(), model.CalledKey("one-more"))
	is(t, err, model.KindTooManyActs)
	if len(made.Keys.List) != model.MaxKeys {
		t.Errorf("%d keys", len(made.Keys.List))
	}
}

func TestWithoutStorageNoKeyIsCreatedAndNoneRead(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	_ = f.store.Close()
	made, err := f.As(who, here).CreateKey(t.Context(), model.CalledKey("pump"))
	is(t, err, model.KindStorageDown)
	if made.Keys.List != nil || made.Unread == nil || model.OutcomeOf(err) != model.NotDone {
		t.Errorf("%+v", made)
	}
	made, err = f.As(who, here).CreateKey(t.Context(), model.CalledKey("p u m p"))
	is(t, err, model.KindBadName)
	is(t, made.Unread, model.KindStorageDown)
}

func TestAKeyThatIsTurnedIsGivenAsItIsAfterwards(t *testing.T) {
	f := newFixture(t)
	who, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	key, value := f.newKey(who, "pump")
	if _, err := f.SignInWithKey(t.Context(), here, value, nil); err != nil {
		t.Fatal(err)
	}
	for _, on := range []bool{false, false, true, true} {
		asked := f.asked(func() {
			got, err := f.As(who, here).TurnKey(t.Context(), key.ID, on)
			if err != nil || got.Disabled == on || got.Name != "pump" || got.Usage.Known != model.UsageKnown || got.Usage.FirstUsed.IsZero() {
				t.Errorf("%+v, %v", got, err)
			}
		})
		if asked.Reads != 1 || asked.Writes != 1 {
			t.Errorf("it takes %+v", asked)
		}
	}
	for _, id := range []string{"", "1", "0123456789abcdef01234567"} {
		_, err := f.As(who, here).TurnKey(t.Context(), id, true)
		is(t, err, model.KindNotFound)
	}
	_, err := f.As(stranger, here).TurnKey(t.Context(), key.ID, false)
	is(t, err, model.KindNotFound)
}

func TestADeletedKeyIsGivenAsItWas(t *testing.T) {
	f := newFixture(t)
	who, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	key, value := f.newKey(who, "pump")
	_, err := f.As(stranger, here).DeleteKey(t.Context(), key.ID)
	is(t, err, model.KindNotFound)
	asked := f.asked(func() {
		got, err := f.As(who, here).DeleteKey(t.Context(), key.ID)
		if err != nil || got.Name != "pump" || got.ID != key.ID {
			t.Errorf("%+v, %v", got, err)
		}
	})
	if want := (store.Stats{Writes: 1, Commits: 1}); asked != want {
		t.Errorf("it takes %+v, want %+v", asked, want)
	}
	events := f.written(who.UserID)
	if got := told(events[len(events)-1:])[0]; got != "key-deleted browser pump" {
		t.Errorf("written down: %q", got)
	}
	_, err = f.As(who, here).DeleteKey(t.Context(), key.ID)
	is(t, err, model.KindNotFound)
	_, err = f.SignInWithKey(t.Context(), here, value, nil)
	is(t, err, model.KindWrongValue)
}

func TestTryingAKeyOfOnesOwnLeavesNoTrace(t *testing.T) {
	f := newFixture(t)
	who := f.signUp("a@example.org")
	key, value := f.newKey(who, "pump")
	person := f.As(who, here)
	before := f.written(who.UserID)
	asked := f.asked(func() {
		if got, err := person.TryValue(t.Context(), value); err != nil || got.ID != key.ID || got.Name != "pump" || got.UserID != who.UserID {
			t.Errorf("%+v, %v", got, err)
		}
	})
	if want := (store.Stats{Reads: 1}); asked != want {
		t.Errorf("it takes %+v, want %+v", asked, want)
	}
	if err := person.SetKey(t.Context(), key.ID, false); err != nil {
		t.Fatal(err)
	}
	_, err := person.TryValue(t.Context(), value)
	is(t, err, model.KindWrongValue)
	if diff := cmp.Diff([]string{"key-turned-off browser pump"}, told(f.written(who.UserID)[len(before):])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err := person.Key(t.Context(), key.ID)
	if err != nil || !got.Usage.FirstUsed.IsZero() || !got.Usage.LastRefusal.At.IsZero() {
		t.Errorf("%+v, %v", got.Usage, err)
	}
	for _, garbage := range []model.Secret{"", "x", model.Secret(newValue())} {
		_, err := person.TryValue(t.Context(), garbage)
		is(t, err, model.KindWrongValue)
	}
}

func TestTryingAKeyOfSomebodyElseTellsItsOwnerAndNotWhichItIs(t *testing.T) {
	f := newFixture(t)
	owner, stranger := f.signUp("a@example.org"), f.signUp("b@example.org")
	key, value := f.newKey(owner, "pump")
	f.written(owner.UserID)
	got, err := f.As(stranger, here).TryValue(t.Context(), value)
	if err != nil || got.UserID != owner.UserID || got.ID != "" || got.Name != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if left, err := f.As(owner, here).Sessions(t.Context()); err != nil || len(left.List) != 1 {
		t.Errorf("%d sessions, %v", len(left.List), err)
	}
	if err := f.As(owner, here).SetKey(t.Context(), key.ID, false); err != nil {
		t.Fatal(err)
	}
	_, err = f.As(stranger, here).TryValue(t.Context(), value)
	is(t, err, model.KindWrongValue)
	events := f.written(owner.UserID)
	off, _, err := f.Disable(t.Context(), f.signUp("c@example.org").Email)
	if err != nil {
		t.Fatal(err)
	}
	_, value = f.newKey(model.Account{UserID: off.ID, Provider: model.ProviderEmailPassword}, "lamp")
	_, err = f.As(stranger, here).TryValue(t.Context(), value)
	is(t, err, model.KindWrongValue)
	want := []string{"key-first-used browser pump", "key-turned-off browser pump", "key-refused browser pump off"}
	if diff := cmp.Diff(want, told(events[len(events)-3:])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	known, err := f.As(owner, here).Key(t.Context(), key.ID)
	if err != nil || known.Usage.LastUse.Address != here.Address || known.Usage.LastRefusal.Reason != model.ReasonKeyOff {
		t.Errorf("%+v, %v", known.Usage, err)
	}
}
