package app

import (
	"flag"
	"fmt"
	"io"
	"slices"
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

const operatorUsageTail = `
They work while latchkey runs and while it does not, for the user that it runs as and for root. The data directory is
that of --data or LATCHKEY_DATA.

Exit codes:
  0  done
  1  not done; what is in the way is said on standard error
  2  a wrong command line
`

// operatorUsage explains the commands that begin with a word.
func operatorUsage(w io.Writer, word string) error {
	var text strings.Builder
	text.WriteString("latchkey " + word + " does what whoever runs latchkey may do.\n\n")
	for _, c := range operatorCommands() {
		if strings.HasPrefix(c.name, word+" ") {
			fmt.Fprintf(&text, "  latchkey %s\n      %s\n", strings.TrimSpace(c.name+" "+c.argument), c.does)
		}
	}
	fmt.Fprintf(&text, "\nEach has more to it: latchkey %s add --help.\n", word)
	text.WriteString(operatorUsageTail)
	_, err := io.WriteString(w, text.String())
	return err
}

// usage explains one command.
func (c operatorCommand) usage(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "latchkey %s: %s.\n\n", c.name, c.does)
	fmt.Fprintf(&text, "  latchkey %s [flags]\n\n", strings.TrimSpace(c.name+" "+c.argument))
	if c.more != "" {
		text.WriteString(c.more + "\n\n")
	}
	cfg := config.Defaults()
	c.flagSet(&cfg, &operatorOptions{}).VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		head := strings.TrimSpace("--" + f.Name + " " + value)
		if slices.Contains(heeded, f.Name) {
			head += "  (" + config.Variable(f.Name) + ")"
		}
		fmt.Fprintf(&text, "  %s\n      %s\n", head, meaning)
	})
	text.WriteString(operatorUsageTail)
	_, err := io.WriteString(w, text.String())
	return err
}
