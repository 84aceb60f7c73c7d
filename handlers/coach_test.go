package handlers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/model"
	"latchkey/views"
)

var today = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func daysAgo(n int) time.Time { return today.AddDate(0, 0, -n) }

// aKey is a key that was created so many days ago, and of whose use everything is known.
func aKey(name string, age int, change ...func(*model.Key)) model.Key {
	k := model.Key{ID: name, Name: name, CreatedAt: daysAgo(age)}
	k.Usage = model.KeyUsage{Known: model.UsageKnown, RecordingSince: daysAgo(1000)}
	for _, c := range change {
		c(&k)
	}
	return k
}

func used(days int) func(*model.Key) {
	return func(k *model.Key) { k.Usage.FirstUsed, k.Usage.LastUse.At = k.CreatedAt, daysAgo(days) }
}

func off(days int) func(*model.Key) {
	return func(k *model.Key) { k.Disabled, k.Usage.Off.At = true, daysAgo(days) }
}

func unsaved(k *model.Key) { k.Card.SavedHow = model.NotSaved }

func saved(k *model.Key) { k.Card.SavedHow, k.Card.SavedAt = model.SavedByCopying, k.CreatedAt }

func expires(days int) func(*model.Key) {
	return func(k *model.Key) { k.ExpiresAt = daysAgo(days) }
}

func replacedBy(id string, days int) func(*model.Key) {
	return func(k *model.Key) {
		k.Replaced = model.Replacement{OldID: k.ID, NewID: id, State: model.ReplacementParked, EndedAt: daysAgo(days)}
	}
}

func unreported(k *model.Key) { k.Usage = model.KeyUsage{Known: model.UsageNotReported} }

// said is what is proposed, as "name: reason by time".
func (ev evidence) said(keys ...model.Key) []string {
	reasons := map[views.Why]string{
		views.Replaced: "replaced", views.NeverSaved: "never saved nor used", views.NotSavedAlone: "never saved", views.NeverUsed: "never used since",
		views.NoUseSeen: "no use seen since", views.OffSince: "off since", views.ExpiredThen: "expired", views.LastUsed: "last used",
	}
	var all []string
	for _, p := range ev.propose(keys) {
		line := fmt.Sprintf("%s: %s %d", p.key.Name, reasons[p.why], int(ev.now.Sub(p.at).Hours()/24))
		if p.by != "" {
			line += " by " + p.by
		}
		all = append(all, line)
	}
	return all
}

func TestEachReasonForDeletingAKeyStandsAlone(t *testing.T) {
	t.Parallel()
	there, elsewhere := evidence{now: today}, evidence{now: today, off: func(string) time.Time { return daysAgo(40) }}
	fresh := aKey("new", 400, used(0))
	for _, c := range []struct {
		name string
		ev   evidence
		key  model.Key
		want string
	}{
		{"replaced", there, aKey("k", 400, used(20), off(10), replacedBy("new", 10)), "replaced 10 by new"},
		{"replaced by a key that is gone", there, aKey("k", 400, used(20), off(10), replacedBy("gone", 10)), ""},
		{"replaced, and on again by a program", there, aKey("k", 400, used(20), replacedBy("new", 10)), ""},
		{"never saved", there, aKey("k", 1, unsaved), "never saved nor used 1"},
		{"never saved, but used", there, aKey("k", 20, unsaved, used(10)), ""},
		{"saved", there, aKey("k", 1, saved), ""},
		{"saved, and never used", there, aKey("k", 14, saved), "never used since 14"},
		{"of a device, or of before", there, aKey("k", 13), ""},
		{"never used for two weeks", there, aKey("k", 14), "never used since 14"},
		{"older than the record", there, aKey("k", 2000), "no use seen since 1000"},
		{"older than a young record", evidence{now: daysAgo(990)}, aKey("k", 2000), ""},
		{"off for 29 days", there, aKey("k", 400, used(80), off(29)), ""},
		{"off for 30 days", there, aKey("k", 400, used(80), off(30)), "off since 30"},
		{"expired for 30 days", there, aKey("k", 400, used(80), expires(30)), "expired 30"},
		{"expired for 29 days", there, aKey("k", 400, used(80), expires(29)), ""},
		{"expired, then turned off", there, aKey("k", 400, used(80), expires(31), off(5)), "expired 31"},
		{"turned off, then expired", there, aKey("k", 400, used(80), expires(5), off(31)), "off since 31"},
		{"to expire", there, aKey("k", 400, used(80), expires(-5)), ""},
		{"not used for 89 days", there, aKey("k", 400, used(89)), ""},
		{"not used for 90 days", there, aKey("k", 400, used(90)), "last used 90"},
		{"replaced, but used within a week", there, aKey("k", 400, used(6), off(5), replacedBy("new", 5)), ""},
		{"off for long, by a clock that was wrong, but used within a week", there, aKey("k", 400, used(6), off(60)), ""},
		{"just created", there, aKey("k", 0, unsaved), ""},
		{"created tomorrow, by a clock that was set back", there, aKey("k", -2, unsaved), ""},
		{"elsewhere, replaced", elsewhere, aKey("k", 400, unreported, off(10), replacedBy("new", 10)), "replaced 10 by new"},
		{"elsewhere, never saved", elsewhere, aKey("k", 1, unreported, unsaved), "never saved 1"},
		{"elsewhere, never known to be used", elsewhere, aKey("k", 400, unreported), ""},
		{"elsewhere, off", elsewhere, aKey("k", 400, func(k *model.Key) { k.Disabled = true }, unreported), "off since 40"},
		{"elsewhere, to have expired", elsewhere, aKey("k", 400, unreported, expires(60), func(k *model.Key) { k.OnlyReminds = true }), ""},
	} {
		var want []string
		if c.want != "" {
			want = []string{"k: " + c.want}
		}
		if diff := cmp.Diff(want, c.ev.said(c.key, fresh)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestAKeyIsNotReplacedByOneThatNothingCanSignInWith(t *testing.T) {
	t.Parallel()
	there := evidence{now: today}
	old := aKey("old", 400, used(20), off(10), replacedBy("new", 10))
	for what, c := range map[string]struct{ keys, want []string }{
		"off": {[]string{"off"}, nil}, "expired": {[]string{"expired"}, nil}, "replaced by one that is gone": {[]string{"replaced"}, nil},
		"replaced in turn": {[]string{"replaced", "third"}, []string{"new: replaced 8 by third", "old: replaced 10 by new"}},
	} {
		keys := []model.Key{old}
		for _, k := range c.keys {
			keys = append(keys, map[string]model.Key{
				"off": aKey("new", 10, used(8), off(1)), "expired": aKey("new", 10, used(8), expires(1)),
				"replaced": aKey("new", 10, used(8), off(8), replacedBy("third", 8)), "third": aKey("third", 8, used(0)),
			}[k])
		}
		got := there.said(keys...)
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

func TestTheStrongestReasonsComeFirstAndNoMoreThanFive(t *testing.T) {
	t.Parallel()
	ev := evidence{now: today}
	keys := []model.Key{
		aKey("new", 400, used(0)),
		aKey("long-unused", 400, used(200)),
		aKey("off", 400, used(300), off(40)),
		aKey("never-used", 100),
		aKey("unsaved", 90, unsaved), // which was never used for two weeks as well
		aKey("replaced", 400, used(200), off(60), replacedBy("new", 60)),
		aKey("longer-unused", 400, used(250)),
	}
	want := []string{"replaced: replaced 60 by new", "unsaved: never saved nor used 90", "never-used: never used since 100", "off: off since 40", "longer-unused: last used 250"}
	for range 2 {
		if diff := cmp.Diff(want, ev.said(keys...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		slices.Reverse(keys)
	}
}

func TestOfTheSameReasonTheOldestComesFirstAndTiesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	ev := evidence{now: today}
	keys := []model.Key{
		aKey("c", 400, used(100)), aKey("b", 400, used(100)), aKey("older", 500, used(100)), aKey("a", 400, used(120)),
	}
	want := []string{"a: last used 120", "older: last used 100", "b: last used 100", "c: last used 100"}
	for range 2 {
		if diff := cmp.Diff(want, ev.said(keys...)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		slices.Reverse(keys)
	}
}

func TestOfTwentyFreshKeysNoneIsProposed(t *testing.T) {
	t.Parallel()
	var keys []model.Key
	for i := range model.MaxKeys {
		keys = append(keys, aKey(fmt.Sprint("key-", i), i%14))
	}
	if got := (evidence{now: today}).said(keys...); got != nil {
		t.Errorf("proposed are %q", got)
	}
}
