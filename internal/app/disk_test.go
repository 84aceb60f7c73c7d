package app

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/testkit"
)

// smallDisk is a directory on a disk of its own, of two megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("makes a disk")
	}
	dir := t.TempDir()
	if said, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=2m", "none", dir).CombinedOutput(); err != nil { //nolint:gosec // a directory of the test
		t.Skipf("making a small disk needs more rights than there are here: %s", said)
	}
	t.Cleanup(func() {
		if err := exec.Command("umount", dir).Run(); err != nil { //nolint:gosec,noctx // the test's context has ended
			t.Error(err)
		}
	})
	return dir
}

// fillDisk puts a file on a disk that takes all the room there is.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// namedKey is the form that creates a key.
func namedKey(name string) url.Values {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return url.Values{"name": {name}, "form_id": {base64.RawURLEncoding.EncodeToString(id)}}
}

func TestOnAFullDiskPeopleSeeTheirKeysAndAreToldThatNothingWasSaved(t *testing.T) {
	disk := smallDisk(t)
	var clock testkit.Clock
	cfg := testConfig(t)
	cfg.Data = filepath.Join(disk, "data")
	cfg.Now = clock.Now
	log := &testkit.Log{}
	cfg.LogTo = log
	a := run(t, cfg)
	defer func() { _ = a.stop() }() // before the disk goes
	person := browser(t)
	wantPage(t, post(t, person, a.URL()+"/register", account), http.StatusOK)
	wantPage(t, post(t, person, a.URL()+"/keys", namedKey("porch-cam")), http.StatusOK, "porch-cam")
	ana, err := newClient(t, a.URL()).Login(t.Context(), client.EmailPassword(account.Get("email"), account.Get("password")))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ana.APIKeys().Create(t.Context(), "garage")
	if err != nil {
		t.Fatal(err)
	}

	ballast := filepath.Join(disk, "ballast")
	fillDisk(t, ballast)
	wantPage(t, post(t, person, a.URL()+"/keys", namedKey("lost")), http.StatusServiceUnavailable, "can’t read or save anything right now", "No key was created.")
	wantPage(t, post(t, person, a.URL()+"/keys/"+key.ID+"/turn-off", nil), http.StatusServiceUnavailable)
	wantPage(t, post(t, browser(t), a.URL()+"/login", account), http.StatusServiceUnavailable)
	if _, err := ana.APIKeys().Create(t.Context(), "lost"); statusOf(err) != http.StatusServiceUnavailable {
		t.Errorf("creating by the API: %v", err)
	}
	if _, err := newClient(t, a.URL()).Login(t.Context(), client.UserAPIKey(key.Value.Reveal())); statusOf(err) != http.StatusServiceUnavailable {
		t.Errorf("signing in with a key: %v", err)
	}
	for _, after := range []time.Duration{0, 2 * time.Minute, 25 * time.Minute} {
		clock.Set(after)
		page := get(t, person, a.URL()+"/keys")
		wantPage(t, page, http.StatusOK, "porch-cam", "garage", account.Get("email"))
		if strings.Contains(page.Body, "lost") {
			t.Error("a key that was not saved is on the page")
		}
		if err := ana.Refresh(t.Context()); err != nil {
			t.Errorf("after %v: an open session: %v", after, err)
		}
		if keys, err := ana.APIKeys().FetchAll(t.Context()); err != nil || len(keys) != 2 {
			t.Errorf("after %v: %d keys (%v)", after, len(keys), err)
		}
	}
	if !strings.Contains(log.String(), "disk is full") {
		t.Error("the log does not say that the disk is full")
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	wantPage(t, get(t, person, a.URL()+"/keys"), http.StatusOK, "porch-cam")
	wantPage(t, post(t, person, a.URL()+"/keys", namedKey("found")), http.StatusOK, "found")
	wantPage(t, post(t, browser(t), a.URL()+"/login", account), http.StatusOK)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	again := run(t, cfg)
	defer func() { _ = again.stop() }()
	wantPage(t, get(t, person, again.URL()+"/keys"), http.StatusOK, "porch-cam", "garage", "found")
}

// wantPage fails the test unless the page has the status and all of the texts.
func wantPage(t *testing.T, page answer, status int, texts ...string) {
	t.Helper()
	if page.Status != status {
		t.Errorf("status %d, want %d: %s", page.Status, status, page.Body)
	}
	for _, text := range texts {
		if !strings.Contains(page.Body, text) {
			t.Errorf("the page does not say %q: %s", text, page.Body)
		}
	}
}

// statusOf is what a server answered to a call that failed.
func statusOf(err error) int {
	var failed *client.Error
	if !errors.As(err, &failed) {
		return 0
	}
	return failed.Status
}
