// Package keys has the stories of the keys page: making, saving, using, finding and deleting keys, in every kind of browser.
package keys

import (
	"testing"

	"latchkey/e2e/story"
)

func TestMain(m *testing.M) { story.Main(m) }
