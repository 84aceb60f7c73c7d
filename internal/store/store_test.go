package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/store/storetest"
	"latchkey/internal/testkit"
)

func open(t *testing.T) *store.Store { return testkit.Store(t) }

// inOneSchema opens a store that is empty for each contract, one after the other, in a schema of a real server that is there until the test
// ends: to make a schema takes several times as long as most contracts. For contracts about many at once the whole pool is warm: with cold
// connections only a few of the many do act at once, and a lock that is missing is not missed.
func inOneSchema(t *testing.T) func(*testing.T) *store.Store {
	t.Helper()
	url := pgtest.URL(t)
	s, err := store.Connect(t.Context(), model.Secret(url), store.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) *store.Store {
		t.Helper()
		empty(t, url)
		s := testkit.StoreOn(t, url+"&pool_max_conns=16")
		if strings.Contains(t.Name(), "at_once") {
			testkit.AtOnce(t, 64, func(ctx context.Context, _ int) error { return s.Ping(ctx) })
		}
		return s
	}
}

// empty leaves in a schema what its migrations put there. What refers to something was created after it, and goes before it.
func empty(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it has done what it was for
	if _, err := conn.Exec(t.Context(), `DO $$ DECLARE filled regclass; BEGIN
		FOR filled IN SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
			AND relname NOT IN ('goose_db_version', 'compatible', 'locks', 'key_use_recording') ORDER BY oid DESC
		LOOP EXECUTE format('DELETE FROM %s', filled); END LOOP; END $$`); err != nil {
		t.Fatal(err)
	}
}

func TestContractHoldsOnSQLite(t *testing.T) { storetest.Run(t, open) }

func TestContractHoldsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Run(t, inOneSchema(t))
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
	connect := inOneSchema(t)
	onboardtest.Run(t, func(t *testing.T) onboard.Grants { return connect(t) })
}
