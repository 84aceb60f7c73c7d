// Package faults has the matrix of what a key service can do to us and what people do with keys, and what they are told.
package faults

import (
	"testing"

	"latchkey/e2e/story"
)

func TestMain(m *testing.M) { story.MainOfFew(m) }
