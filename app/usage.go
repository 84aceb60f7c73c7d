package app

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const usageHead = `Latchkey is a page on which people manage their own user API keys, and the App Services-compatible server that
honours those keys.

  latchkey [serve] [flags]   run it
  latchkey pair [flags]      connect the device that this runs on; latchkey pair --help says how
  latchkey health [flags]    ask the one that runs with these settings whether it is well; exit code 0 or 1
  latchkey version           print the version
  latchkey help              print this

Each flag has an environment variable. Where both are given, the flag counts.

`

const usageTail = `
The keys that seal web sessions and sign refresh tokens are made on the first start, in the data directory. To bring
your own, set ` + sessionKeysVariable + ` (32 random bytes in base64 each, newest first, comma separated) or
` + sessionKeysFileVariable + ` (the name of a file with one key a line).
`

// usage lists the commands, and every flag with its variable and default.
func usage(w io.Writer) error {
	var text strings.Builder
	text.WriteString(usageHead)
	defaults := Defaults()
	flags(&defaults).VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		fmt.Fprintf(&text, "  --%s %s  (%s)\n      %s\n", f.Name, value, variable(f.Name), meaning)
		if f.DefValue != "" {
			fmt.Fprintf(&text, "      Default: %s\n", f.DefValue)
		}
	})
	text.WriteString(usageTail)
	_, err := io.WriteString(w, text.String())
	return err
}
