// Package accounts has the stories of people: how they come in, what they are told, what ends their sessions, and what strangers try.
package accounts

import (
	"testing"

	"latchkey/e2e/story"
)

func TestMain(m *testing.M) { story.Main(m) }
