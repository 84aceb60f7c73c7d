package operate

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	whenever    = "They work while latchkey runs and while it does not, for"
	whenStopped = "It works while latchkey is stopped, for"
)

const usageTail = ` the user that it runs as and for root. The data directory is
that of --data or LATCHKEY_DATA. With --database or LATCHKEY_DATABASE it is that database, from wherever it can be reached.

Exit codes:
  0  done
  1  not done; what is in the way is said on standard error
  2  a wrong command line
`

// usage explains the commands that begin with a word.
func (p Program) usage(w io.Writer, word string) error {
	var text strings.Builder
	text.WriteString("latchkey " + word + " does what whoever runs latchkey may do.\n\n")
	for _, c := range p.commands() {
		if strings.HasPrefix(c.name, word+" ") {
			fmt.Fprintf(&text, "  latchkey %s\n      %s\n", strings.TrimSpace(c.name+" "+c.argument), c.does)
		}
	}
	fmt.Fprintf(&text, "\nEach has more to it: latchkey %s add --help.\n", word)
	text.WriteString("\n" + whenever + usageTail)
	_, err := io.WriteString(w, text.String())
	return err
}

// explain is the usage of one command.
func (p Program) explain(c command, w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "latchkey %s: %s.\n\n", c.name, c.does)
	fmt.Fprintf(&text, "  latchkey %s [flags]\n\n", strings.TrimSpace(c.name+" "+c.argument))
	if c.more != "" {
		text.WriteString(c.more + "\n\n")
	}
	p.flagSet(c, &options{}).VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		head := strings.TrimSpace("--" + f.Name + " " + value)
		if slices.Contains(c.heeded(), f.Name) {
			head += "  (" + p.Variable(f.Name) + ")"
		}
		fmt.Fprintf(&text, "  %s\n      %s\n", head, meaning)
	})
	when := whenever
	if c.alone != nil {
		when = whenStopped
	}
	text.WriteString("\n" + when + usageTail)
	_, err := io.WriteString(w, text.String())
	return err
}
