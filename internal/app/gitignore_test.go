package app

import (
	"os"
	"os/exec"
	"testing"
)

func TestWhatTheDocumentsTellOneToMakeIsNotCommitted(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("../../.git"); err != nil {
		t.Skip("this is no clone")
	}
	for _, file := range []string{
		"latchkey", "latchkey-data/latchkey.db", ".env", "porch-cam.env", "copy.db", "copy.db-wal", "restored/latchkey.db", "users.json",
	} {
		check := exec.CommandContext(t.Context(), "git", "check-ignore", "--quiet", "--no-index", file)
		check.Dir = "../.."
		if err := check.Run(); err != nil {
			t.Errorf("git does not ignore %s: %v", file, err)
		}
	}
}
