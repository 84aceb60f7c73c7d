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
