package store_test

import (
	"context"
	"strings"
	"testing"

	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/store/storetest"
	"latchkey/internal/testkit"
)

func open(t *testing.T) *store.Store { return testkit.Store(t) }

// connect opens an empty schema of a real server. For contracts about many at once the whole pool is warm: with cold connections only a few
// of the many do act at once, and a lock that is missing is not missed.
func connect(t *testing.T) *store.Store {
	t.Helper()
	s := testkit.StoreOn(t, pgtest.URL(t)+"&pool_max_conns=16")
	if strings.Contains(t.Name(), "at_once") {
		testkit.AtOnce(t, 64, func(ctx context.Context, _ int) error { return s.Ping(ctx) })
	}
	return s
}

func TestContractHoldsOnSQLite(t *testing.T) { storetest.Run(t, open) }

func TestContractHoldsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Run(t, connect)
}

func TestDeviceGrantsInTheStoreKeepTheContract(t *testing.T) {
	t.Parallel()
	onboardtest.Run(t, func(t *testing.T) onboard.Grants { return open(t) })
}

func TestDeviceGrantsInPostgreSQLKeepTheContract(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short goes with the race detector, and TestContractHoldsOnPostgreSQL is run under that")
	}
	onboardtest.Run(t, func(t *testing.T) onboard.Grants { return connect(t) })
}
