package app

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// TestMain runs half as many tests again at once as Go would: most of their time they wait, for servers that start and stop.
func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // nobody has set it
		_ = parallel.Value.Set(strconv.Itoa(runtime.GOMAXPROCS(0) * 3 / 2)) // a number fits
	}
	os.Exit(m.Run())
}
