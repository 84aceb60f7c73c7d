package upstream_test

import (
	"testing"

	"latchkey/handlers/servicetest"
	"latchkey/internal/testkit"
)

func TestAnotherLatchkeyKeepsTheContractOfTheDashboard(t *testing.T) {
	t.Parallel()
	runContract(t, setup{sendsMail: true})
}

func TestAServerWithoutCallsOfOurOwnKeepsTheContractOfTheDashboard(t *testing.T) {
	t.Parallel()
	runContract(t, setup{foreign: true})
}

// runContract opens two databases for all, who do not meet: opening them for each would take most of the time.
func runContract(t *testing.T, how setup) {
	how.there, how.written = testkit.Store(t), testkit.Store(t)
	servicetest.Run(t, func(t testing.TB) servicetest.Tenant { return newRig(t, how).tenant(how) })
}
