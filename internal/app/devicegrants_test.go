package app

import (
	"path/filepath"
	"testing"

	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
	"latchkey/internal/store"
)

func TestDeviceGrantsInTheStoreKeepTheContract(t *testing.T) {
	t.Parallel()
	onboardtest.Run(t, func(t *testing.T) onboard.Grants {
		t.Helper()
		s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return deviceGrants{s}
	})
}
