package operate

import (
	"strings"
	"testing"
)

func TestTheHelpOfEveryGroupOfCommandsSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	groups := map[string]bool{}
	for _, c := range (Program{}).commands() {
		if group, _, ok := strings.Cut(c.name, " "); ok {
			groups[group] = true
			if managed[group] == "" {
				t.Errorf("latchkey %s --help does not say what it does", group)
			}
		}
	}
	if len(groups) != len(managed) {
		t.Errorf("there are %v", groups)
	}
}
