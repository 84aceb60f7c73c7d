// Package looks has the stories of how pages look, in colours, sizes and every state that they have, and to assistive technology.
package looks

import (
	"testing"

	"latchkey/e2e/story"
)

func TestMain(m *testing.M) { story.Main(m) }
