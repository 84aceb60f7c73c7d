// Package firefox has the two stories that another engine must tell as well: a key from its creation to its end, and the pairing.
// All others are told in Chromium. Firefox is driven by what is in it, and where there is none the stories are skipped.
package firefox

import (
	"testing"

	"latchkey/e2e/story"
)

func TestMain(m *testing.M) { story.MainOfFew(m, stop) }
