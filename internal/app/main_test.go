package app

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// asProgram has this binary be the program and no test, for those who run it from a shell.
const asProgram = "LATCHKEY_TEST_AS_PROGRAM"

// beProgram does what the program's own main does, and ends.
func beProgram() {
	_ = os.Unsetenv(asProgram) // it looks like a setting, and is none
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Main(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
	}
	os.Exit(ExitCode(err))
}

// TestMain runs half as many tests again at once as Go would: most of their time they wait, for servers that start and stop.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		beProgram()
	}
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // nobody has set it
		_ = parallel.Value.Set(strconv.Itoa(runtime.GOMAXPROCS(0) * 3 / 2)) // a number fits
	}
	os.Exit(m.Run())
}
