package upstream_test

import (
	"testing"

	"latchkey/handlers/servicetest"
)

func TestAnotherLatchkeyKeepsTheContractOfTheDashboard(t *testing.T) {
	t.Parallel()
	how := setup{sendsMail: true}
	servicetest.Run(t, func(t testing.TB) servicetest.Tenant { return newRig(t, how).tenant(how) })
}

func TestAServerWithoutCallsOfOurOwnKeepsTheContractOfTheDashboard(t *testing.T) {
	t.Parallel()
	how := setup{foreign: true}
	servicetest.Run(t, func(t testing.TB) servicetest.Tenant { return newRig(t, how).tenant(how) })
}
