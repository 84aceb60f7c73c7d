package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// It may be any file of the machine, which stays as it is.
func TestWhatALinkInTheDataDirectoryLeadsToKeepsItsMode(t *testing.T) {
	t.Parallel()
	dir := testDir(t)
	elsewhere := filepath.Join(t.TempDir(), "keys")
	for _, content := range []string{strings.Repeat("A", 43) + "=\n", "root:x:0:0::/root:/bin/sh\n"} {
		testkit.WriteFile(t, elsewhere, content, 0o644)
		_ = os.Remove(dir.file(sessionKeysFile))
		if err := os.Symlink(elsewhere, dir.file(sessionKeysFile)); err != nil {
			t.Skip("there are no links here")
		}
		_, err := loadKeyRing(parsed(t, config.Defaults()), dir)
		if got := testkit.ModeOf(t, elsewhere); got != 0o644 {
			t.Errorf("with %.8q it has mode %o, want 644; the start said %v", content, got, err)
		}
	}
}
