package store_test

import (
	"path/filepath"
	"testing"

	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContractHoldsOnSQLite(t *testing.T) { storetest.Run(t, open) }

func TestDeviceGrantsInTheStoreKeepTheContract(t *testing.T) {
	t.Parallel()
	onboardtest.Run(t, func(t *testing.T) onboard.Grants { return open(t) })
}
