package operate

import (
	"strings"
	"testing"
	"time"

	"latchkey/internal/model"
)

func TestAListOfKeysSaysWhenTheyExpire(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 2, 3, 22, 59, 59, 0, time.UTC)
	o := &operator{now: func() time.Time { return now }}
	for end, expires := range map[string]time.Time{
		"pump\n": {}, "pump  [expires 2027-02-03]\n": now.Add(time.Second), "pump  [expired 2027-02-03]\n": now,
	} {
		var line strings.Builder
		if err := o.userKeyOf(model.Key{Name: "pump", ExpiresAt: expires}).writeLine(&line); err != nil || !strings.HasSuffix(line.String(), "  "+end) {
			t.Errorf("%q, %v, want %q at its end", line.String(), err, end)
		}
	}
}

func TestAListOfKeysSaysWhichAreReplaced(t *testing.T) {
	t.Parallel()
	for end, state := range map[string]model.ReplacementState{
		"pump  [being replaced by pump-2]\n": model.ReplacementBoth, "pump  [replaced by pump-2]\n": model.ReplacementParked, "pump\n": model.ReplacementUndone,
	} {
		var line strings.Builder
		k := model.Key{Name: "pump", Replaced: model.Replacement{NewID: "x", NewName: "pump-2", State: state}}
		if err := (&operator{now: time.Now}).userKeyOf(k).writeLine(&line); err != nil || !strings.HasSuffix(line.String(), "  "+end) {
			t.Errorf("%q, %v, want %q at its end", line.String(), err, end)
		}
	}
}
