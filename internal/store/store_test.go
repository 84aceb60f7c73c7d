package store_test

import (
	"testing"

	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/testkit"
)

func open(t *testing.T) *store.Store { return testkit.Store(t) }

func TestContractHoldsOnSQLite(t *testing.T) { storetest.Run(t, open) }

func TestDeviceGrantsInTheStoreKeepTheContract(t *testing.T) {
	t.Parallel()
	onboardtest.Run(t, func(t *testing.T) onboard.Grants { return open(t) })
}
