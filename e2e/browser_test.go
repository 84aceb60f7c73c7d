package e2e

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

// browserWithBackForwardCache starts a browser that keeps left pages alive for the Back button, as those of people do.
// Playwright turns that off, so stories about Back need a browser of their own.
func browserWithBackForwardCache(t *testing.T) playwright.Browser {
	t.Helper()
	opts := launchOptions()
	opts.IgnoreDefaultArgs = []string{"--disable-back-forward-cache"}
	browser, err := launch(opts)
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

// launch starts the browser that E2E_CHROMIUM names, else Playwright's own, else the system's, which is installed first
// where that needs no question.
func launch(opts playwright.BrowserTypeLaunchOptions) (playwright.Browser, error) {
	if exe := os.Getenv("E2E_CHROMIUM"); exe != "" {
		opts.ExecutablePath = &exe
		return pw.Chromium.Launch(opts)
	}
	browser, err := pw.Chromium.Launch(opts)
	if err == nil || !strings.Contains(err.Error(), "Executable doesn't exist") {
		return browser, err
	}
	exe, err := provideChromium()
	if err != nil {
		return nil, fmt.Errorf("install Chromium (Debian: apt-get install chromium) or set E2E_CHROMIUM to a Chrome or Chromium; tried:\n%w", err)
	}
	if exe != "" {
		opts.ExecutablePath = &exe
	}
	return pw.Chromium.Launch(opts)
}

// provideChromium names the system's browser, or installs Playwright's own and names none.
func provideChromium() (string, error) {
	if exe := systemChromium(); exe != "" {
		return exe, nil
	}
	var errs []error
	if os.Geteuid() == 0 && isDebian() {
		// Without the fonts text has other widths, and screenshots differ.
		errs = append(errs, apt("update"), apt("install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"))
		if exe := systemChromium(); exe != "" {
			return exe, nil
		}
	}
	if out, err := command("node", "node_modules/package/cli.js", "install", "--only-shell", "chromium"); err != nil {
		return "", errors.Join(append(errs, fmt.Errorf("playwright install: %w\n%s", err, out))...)
	}
	return "", nil
}

func systemChromium() string {
	for _, name := range []string{"chromium", "google-chrome-stable", "google-chrome"} {
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
