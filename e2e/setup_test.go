// Package e2e tells the product as stories, in a real browser. Each story starts its own program, on a port and with data
// of its own. All that the browser needs is found, or installed where that takes no question.
package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

var ( // shared by every test of this package
	pw       *playwright.Playwright
	chromium playwright.Browser
)

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // nobody has set it
		_ = parallel.Value.Set(strconv.Itoa(runtime.GOMAXPROCS(0) * 3 / 2)) // a number fits; stories wait some of their time
	}
	if run := flag.Lookup("test.run"); run != nil && run.Value.String() == "^$" {
		return // only benchmarks are wanted, and here are none
	}
	if testing.Short() {
		fmt.Println("e2e: skipped by -short")
		return
	}
	if err := start(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: no browser to test with: %v\n", err)
		os.Exit(1)
	}
	if err := trustOurselves(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := errors.Join(chromium.Close(), pw.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: stop:", err)
	}
	removeBinary()
	os.Exit(code)
}

// start brings up the driver and the browser that all stories share: contexts keep them apart.
func start() error {
	opts := &playwright.RunOptions{SkipInstallBrowsers: true}
	if err := provideDriver(opts); err != nil {
		return err
	}
	// With the driver there and no browsers wanted, Install downloads nothing. It patches the driver, without which an error
	// in a page that has no location would end the test run.
	err := playwright.Install(opts)
	if err != nil {
		return err
	}
	if pw, err = playwright.Run(opts); err != nil {
		return err
	}
	if chromium, err = launch(shell, launchOptions()); err != nil {
		return errors.Join(err, pw.Stop())
	}
	return nil
}

// provideDriver takes Playwright's driver from npm: the alias "package" in package.json gives the very layout that
// playwright-go looks for, and the place where it would download the driver itself is gone.
func provideDriver(opts *playwright.RunOptions) error {
	if os.Getenv("PLAYWRIGHT_DRIVER_PATH") != "" {
		return nil
	}
	if err := npmCI(); err != nil {
		return err
	}
	var err error
	if opts.DriverDirectory, err = filepath.Abs("node_modules"); err != nil { // node_modules/package/cli.js
		return err
	}
	if os.Getenv("PLAYWRIGHT_NODEJS_PATH") == "" {
		return os.Setenv("PLAYWRIGHT_NODEJS_PATH", "node")
	}
	return nil
}

// npmCI installs the packages of package-lock.json, unless they are there.
func npmCI() error {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		return err
	}
	stamp := filepath.Join("node_modules", ".lock-installed")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, lock) {
		return nil
	}
	if out, err := command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return fmt.Errorf("the Playwright driver comes from npm: put Node.js 18+ with npm on PATH: %w\n%s", err, out)
	}
	return os.WriteFile(stamp, lock, 0o644)
}

// command runs a program and returns the end of what it printed.
func command(name string, args ...string) (string, error) {
	fmt.Println("e2e:", name, strings.Join(args, " "))
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := c.CombinedOutput()
	return string(out[max(0, len(out)-2000):]), err
}
