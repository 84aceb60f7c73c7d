package operate

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	whenever    = "This works whether or not latchkey is running, for"
	whenStopped = "This only works while latchkey is stopped, for"
)

const usageTail = ` the user that it runs as and for root.
It uses the data directory of --data or LATCHKEY_DATA, or else the database of --database or LATCHKEY_DATABASE from any
machine that reaches it.

Exit codes:
  0  done
  1  not done; standard error says why
  2  wrong command line
`

// managed is what the commands that begin with a word do.
var managed = map[string]string{
	"user":       "manages the accounts of this server",
	"key":        "manages the keys of a user",
	"knock":      "shows devices that were refused, and gives them to their users",
	"webhook":    "manages the webhooks: where this server sends what happens",
	"server-key": "manages keys that belong to no person: those of gateways and of other programs of yours",
}

// usage explains the commands that begin with a word.
func (p Program) usage(w io.Writer, word string) error {
	var text strings.Builder
	text.WriteString("latchkey " + word + " " + managed[word] + ".\n\n")
	example := ""
	for _, c := range p.commands() {
		if strings.HasPrefix(c.name, word+" ") {
			fmt.Fprintf(&text, "  latchkey %s\n      %s\n", strings.TrimSpace(c.name+" "+c.argument), c.does)
			example = cmp.Or(example, c.name)
		}
	}
	fmt.Fprintf(&text, "\nMore about each command: latchkey %s --help, and so on.\n", example)
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
		if slices.Contains(c.fromEnvironment(), f.Name) && !slices.Contains(c.variables, f.Name) {
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
