package onboardtest_test

import (
	"testing"

	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	onboardtest.Run(t, func(*testing.T) onboard.Grants { return new(onboardtest.Memory) })
}
