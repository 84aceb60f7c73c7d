package app

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"latchkey/internal/app/config"
)

const usageHead = `Latchkey is a page on which people manage their own user API keys, and the App Services-compatible server that
honours those keys.

  latchkey [serve] [flags]   run it
  latchkey pair [flags]      connect the device that this runs on; latchkey pair --help says how
  latchkey health [flags]    ask the one that runs with these settings whether it is well; exit code 0 or 1
  latchkey user …            make, list, disable, enable and delete accounts; latchkey user --help says how
  latchkey import-users …    make accounts of users that App Services' Admin API gave
  latchkey backup …          copy the database while latchkey runs
  latchkey version           print the version
  latchkey help              print this

Each flag has an environment variable. Where both are given, the flag counts.

`

const usageTail = `
The keys that seal web sessions and sign refresh tokens are made on the first start, in the data directory. To bring
your own, set ` + config.SessionKeysVariable + ` (32 random bytes in base64 each, newest first, comma separated) or
` + config.SessionKeysFileVariable + ` (the name of a file with one key a line).
`

// usage lists the commands, and every flag with its variable and default.
func usage(w io.Writer) error {
	var text strings.Builder
	text.WriteString(usageHead)
	defaults := config.Defaults()
	defaults.Flags().VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		fmt.Fprintf(&text, "  --%s %s  (%s)\n      %s\n", f.Name, value, config.Variable(f.Name), meaning)
		if f.DefValue != "" {
			fmt.Fprintf(&text, "      Default: %s\n", f.DefValue)
		}
	})
	text.WriteString(usageTail)
	_, err := io.WriteString(w, text.String())
	return err
}
