//go:build unix

package app

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"latchkey/internal/testkit"
)

// imageUser is the user of the Dockerfile, by number.
const imageUser = 65532

// startAsTheImagesUser starts what was built as the image does, on volumes as platforms make them.
func startAsTheImagesUser(t *testing.T, root string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return // only root can be somebody else
	}
	top := filepath.Dir(root) // what the test kit makes is for its owner alone
	for _, dir := range []string{top, root, filepath.Join(root, "out")} {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // it is a test's own
			t.Fatal(err)
		}
	}
	ofDocker := filepath.Join(root, "volume", "data") // a fresh volume has the image's owner and mode
	if mode := testkit.ModeOf(t, ofDocker); mode != 0o700 {
		t.Errorf("/data has mode %o", mode)
	}
	ofKubernetes := filepath.Join(root, "volume", "claim") // is root's, and open to the group of fsGroup
	testkit.MakeDir(t, ofKubernetes, 0o775)
	for _, err := range []error{
		os.Chmod(filepath.Join(root, "volume"), 0o755), //nolint:gosec // it is a test's own
		os.Chown(ofDocker, imageUser, imageUser), os.Chown(ofKubernetes, 0, imageUser), os.Chmod(ofKubernetes, 0o775|os.ModeSetgid),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for volume, data := range map[string]string{"Docker": ofDocker, "Kubernetes": filepath.Join(ofKubernetes, "latchkey")} {
		addr := "127.0.0.1:" + freePort(t)
		program := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(root, "out", "latchkey"))
		program.Env, program.Dir = []string{"LATCHKEY_ADDR=" + addr, "LATCHKEY_DATA=" + data}, "/"
		program.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: imageUser, Gid: imageUser}}
		var log bytes.Buffer
		program.Stderr = &log
		if err := program.Start(); err != nil {
			if os.IsPermission(err) {
				t.Log("tests are in a directory that others cannot enter")
				return
			}
			t.Fatal(err)
		}
		awaitListener(t, addr)
		if got := get(t, http.DefaultClient, "http://"+addr+healthPath); got.Status != http.StatusOK { // answers when all is open
			t.Errorf("%s: %d", volume, got.Status)
		}
		if err := program.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := program.Wait(); err != nil || strings.Contains(log.String(), `"WARN"`) {
			t.Errorf("%s: %v\n%s", volume, err, log.String())
		}
		if mode := testkit.ModeOf(t, filepath.Join(data, sessionKeysFile)); mode != 0o600 {
			t.Errorf("%s: the keys have mode %o", volume, mode)
		}
	}
}
