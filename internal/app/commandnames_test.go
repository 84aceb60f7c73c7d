package app

import (
	"strings"
	"testing"
)

func TestTheHelpNamesEveryCommand(t *testing.T) {
	t.Parallel()
	for _, name := range commandNames {
		if !strings.Contains(usageHead, "\n  latchkey "+name+" ") && name != "serve" {
			t.Errorf("latchkey help says nothing of %s", name)
		}
	}
}
