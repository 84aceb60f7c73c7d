package story

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// launchOptions are those of every browser. No page of ours may load anything from outside: no other name resolves. The
// name latchkey.test is this machine too, but browsers do not know that: to them it is a host in a network.
func launchOptions() playwright.BrowserTypeLaunchOptions {
	return playwright.BrowserTypeLaunchOptions{
		Headless: playwright.Bool(os.Getenv("E2E_HEADED") == ""),
		Args: []string{
			"--disable-gpu", "--disable-quic", "--disable-sync",
			"--host-resolver-rules=MAP latchkey.test 127.0.0.1 , MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
		},
	}
}

// BrowserWithBackForwardCache starts a browser that keeps left pages alive for the Back button, as those of people do.
// Playwright turns that off, and the headless shell cannot, so stories about Back need a browser of their own.
func BrowserWithBackForwardCache(t *testing.T) playwright.Browser {
	t.Helper()
	if err := broughtUp(); err != nil {
		t.Fatal(err)
	}
	opts := launchOptions()
	opts.IgnoreDefaultArgs = []string{"--disable-back-forward-cache"}
	browser, err := launch(whole, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := browser.Close(); err != nil {
			t.Error(err)
		}
	})
	return browser
}

// build is one of the two that there are of Chromium: the whole browser, and the headless shell, which is the same engine
// with nothing around it and takes two thirds of the time.
type build struct {
	channel  string   // what Playwright calls its own
	programs []string // what systems call theirs
}

var (
	whole = build{"chromium", []string{"chromium", "google-chrome-stable", "google-chrome"}}
	shell = build{"chromium-headless-shell", []string{"chromium-headless-shell"}}
)

// launch starts the browser that E2E_CHROMIUM names, else Playwright's own of that build, else the system's, which is
// installed first where that needs no question. The whole browser does for a shell that cannot be had.
func launch(b build, opts playwright.BrowserTypeLaunchOptions) (playwright.Browser, error) {
	if exe := os.Getenv("E2E_CHROMIUM"); exe != "" {
		opts.ExecutablePath = &exe
		return pw.Chromium.Launch(opts)
	}
	own := opts
	own.Channel = &b.channel
	browser, err := pw.Chromium.Launch(own)
	if err == nil || !strings.Contains(err.Error(), "Executable doesn't exist") {
		return browser, err
	}
	exe, err := b.provide()
	if err != nil {
		return nil, fmt.Errorf("install Chromium (Debian: apt-get install chromium) or set E2E_CHROMIUM to a Chrome or Chromium; tried:\n%w", err)
	}
	if exe == "" {
		return pw.Chromium.Launch(own)
	}
	opts.ExecutablePath = &exe
	return pw.Chromium.Launch(opts)
}

// provide names the system's browser, or installs Playwright's own and names none.
func (b build) provide() (string, error) {
	if exe := b.ofTheSystem(); exe != "" {
		return exe, nil
	}
	var errs []error
	if os.Geteuid() == 0 && isDebian() {
		// Without the fonts text has other widths, and screenshots differ.
		errs = append(errs, apt("update"), apt("install", "-y", "--no-install-recommends", "chromium", "chromium-headless-shell", "fonts-liberation"))
		if exe := b.ofTheSystem(); exe != "" {
			return exe, nil
		}
	}
	if exe := whole.ofTheSystem(); exe != "" {
		return exe, nil
	}
	if out, err := command("node", modules("package", "cli.js"), "install", "chromium"); err != nil {
		return "", errors.Join(append(errs, fmt.Errorf("playwright install: %w\n%s", err, out))...)
	}
	return "", nil
}

func (b build) ofTheSystem() string {
	for _, name := range b.programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func isDebian() bool {
	release, err := os.ReadFile("/etc/os-release")
	return err == nil && bytes.Contains(release, []byte("\nID=debian\n"))
}

func apt(args ...string) error {
	out, err := command("apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, args...)...)
	if err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
	}
	return nil
}
