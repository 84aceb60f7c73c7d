// Package story is what the stories of the packages beside it share: programs that run with data of their own, people and
// devices who use them, the key services and mail servers behind them, and a real browser with short words for what is done and
// seen in it. Everything that the browser needs is found, or installed where that takes no question.
package story

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
	"sync"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// pw and chromium are shared by every story of a package, which contexts keep apart.
var (
	pw       *playwright.Playwright
	chromium playwright.Browser
)

// Main is the TestMain of a package of stories in a browser. What is in last is done when all have ended.
func Main(m *testing.M, last ...func()) {
	main(m, last, func() error { return broughtUp() })
}

// MainOfFew is Main for a package most of whose stories need no browser: it is brought up when one does.
func MainOfFew(m *testing.M, last ...func()) {
	main(m, last, func() error { return nil })
}

func main(m *testing.M, last []func(), first func() error) {
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
	if err := errors.Join(trustOurselves(), first()); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
		os.Exit(1)
	}
	code := m.Run()
	if chromium != nil {
		if err := errors.Join(chromium.Close(), pw.Stop()); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: stop:", err)
		}
	}
	for _, do := range last {
		do()
	}
	os.Exit(code)
}

// broughtUp is the driver and the browser, once.
var broughtUp = sync.OnceValue(func() error {
	if err := start(); err != nil {
		return fmt.Errorf("no browser to test with: %w", err)
	}
	return nil
})

// start provides and starts the driver and the browser. Of several packages that are tested at the same time one does so after
// the other: what one of them installs, the next one finds.
func start() (err error) {
	release, err := lock(Path("e2e", ".lock"))
	if err != nil {
		return err
	}
	defer release()
	opts := &playwright.RunOptions{SkipInstallBrowsers: true}
	if err := provideDriver(opts); err != nil {
		return err
	}
	// With the driver there and no browsers wanted, Install downloads nothing. It patches the driver, without which an error
	// in a page that has no location would end the test run.
	if err = playwright.Install(opts); err != nil {
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

// Path names a file of the repository.
func Path(parts ...string) string { return filepath.Join(append([]string{root()}, parts...)...) }

// root is the directory of go.mod, above the one that a test runs in.
var root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	panic(err)
})

// modules names a file of a package that npm has installed.
func modules(parts ...string) string {
	return Path(append([]string{"e2e", "node_modules"}, parts...)...)
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
	opts.DriverDirectory = modules() // node_modules/package/cli.js
	if os.Getenv("PLAYWRIGHT_NODEJS_PATH") == "" {
		return os.Setenv("PLAYWRIGHT_NODEJS_PATH", "node")
	}
	return nil
}

// npmCI installs the packages of package-lock.json, unless they are there.
func npmCI() error {
	lock, err := os.ReadFile(Path("e2e", "package-lock.json"))
	if err != nil {
		return err
	}
	stamp := modules(".lock-installed")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, lock) {
		return nil
	}
	if out, err := command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return fmt.Errorf("the Playwright driver comes from npm: put Node.js 20+ with npm on PATH: %w\n%s", err, out)
	}
	return os.WriteFile(stamp, lock, 0o644) //nolint:gosec // as readable as the rest of node_modules
}

// command runs a program where package.json is, and returns the end of what it printed.
func command(name string, args ...string) (string, error) {
	fmt.Println("e2e:", name, strings.Join(args, " "))
	c := exec.Command(name, args...) //nolint:noctx // before any test has a context
	c.Dir = Path("e2e")
	c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := c.CombinedOutput()
	return string(out[max(0, len(out)-2000):]), err
}
