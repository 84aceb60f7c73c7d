package store_test

import (
	"path/filepath"
	"testing"

	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
)

func TestContractHoldsOnSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
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
	})
}
