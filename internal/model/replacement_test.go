package model

import (
	"strings"
	"testing"
	"time"
)

func TestASuccessorIsCalledAsTheOldKeyWithTheNextFreeNumber(t *testing.T) {
	long := strings.Repeat("n", MaxNameLength)
	next := func(id string) Replacement { return Replacement{NewID: id} }
	for _, c := range []struct {
		old  string
		all  []Key
		want string
	}{
		{"1", []Key{{ID: "1", Name: "garage-pi"}}, "garage-pi-2"},
		{"1", []Key{{ID: "1", Name: "garage-pi"}, {ID: "2", Name: "garage-pi-2"}}, "garage-pi-3"},
		{"2", []Key{{ID: "1", Name: "garage-pi", Replaced: next("2")}, {ID: "2", Name: "garage-pi-2"}}, "garage-pi-3"},
		{"3", []Key{
			{ID: "1", Name: "lamp", Replaced: next("2")}, {ID: "2", Name: "lamp-2", Replaced: next("3")}, {ID: "3", Name: "lamp-3"},
		}, "lamp-4"},
		{"2", []Key{{ID: "1", Name: "lamp", Replaced: next("2")}, {ID: "2", Name: "pump"}}, "pump-2"}, // it was given a name of its own
		{"1", []Key{{ID: "1", Name: "pi-4"}}, "pi-4-2"},                                               // which may be what it runs on
		{"1", []Key{{ID: "1", Name: long}}, long[:62] + "-2"},
		{"1", []Key{{ID: "1", Name: "a", Replaced: next("2")}, {ID: "2", Name: "a-2", Replaced: next("1")}}, "a-3"},
	} {
		var old Key
		for _, k := range c.all {
			if k.ID == c.old {
				old = k
			}
		}
		if got := Successor(old, c.all); got != c.want || !ValidName(got) {
			t.Errorf("%s is followed by %s, want %s", old.Name, got, c.want)
		}
	}
}

func TestTheActivitySaysInWordsHowAReplacementIsFinished(t *testing.T) {
	for quiet, want := range map[time.Duration]string{
		time.Hour: "an hour", 24 * time.Hour: "a day", 7 * 24 * time.Hour: "a week", 2 * time.Hour: "2 hours", 90 * time.Minute: "90 minutes",
		48 * time.Hour: "2 days",
	} {
		if got := HowFinished(FinishOnEvidence, quiet); got != "; the old key turns off after "+want+" of quiet" {
			t.Errorf("%v is %q", quiet, got)
		}
	}
}
