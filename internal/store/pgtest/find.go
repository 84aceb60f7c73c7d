package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// provide returns the directory of PostgreSQL's programs, which root on Debian installs when there is none.
func provide() (string, error) {
	if !supported {
		return "", errNone
	}
	if dir := find(); dir != "" {
		return dir, nil
	}
	if os.Geteuid() != 0 || !isDebian() {
		return "", errNone
	}
	// Of several test processes one installs, and the others find what it has installed.
	lock := flock.New(filepath.Join(os.TempDir(), "latchkey-apt.lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Unlock() //nolint:errcheck // goes with the process at the latest
	if dir := find(); dir != "" {
		return dir, nil
	}
	err := errors.Join(apt("update"), apt("install", "-y", "--no-install-recommends", "postgresql"))
	if dir := find(); dir != "" {
		return dir, nil
	}
	return "", errors.Join(errNone, err)
}

// find looks on PATH, then where Debian has the programs, which is not on it, then where Homebrew does.
func find() string {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil && isFile(filepath.Join(filepath.Dir(initdb), "postgres")) {
			return filepath.Dir(initdb)
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"} {
		newest, version := "", 0
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			name := filepath.Base(filepath.Dir(dir))
			if v, err := strconv.Atoi(name[strings.LastIndexByte(name, '@')+1:]); err == nil && v > version && isFile(filepath.Join(dir, "initdb")) {
				newest, version = dir, v
			}
		}
		if newest != "" {
			return newest
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDebian() bool {
	release, err := os.ReadFile("/etc/os-release")
	return err == nil && bytes.Contains(release, []byte("\nID=debian\n"))
}

func apt(args ...string) error {
	fmt.Println("pgtest: apt-get", strings.Join(args, " "))
	c := exec.Command("apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, args...)...) //nolint:noctx // for all tests, whose contexts end
	c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out[max(0, len(out)-2000):])
	}
	return nil
}
