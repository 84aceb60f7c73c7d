package operate

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

const pathStatus = "/status"

// Warning is something that the operator should look into.
type Warning struct {
	Kind  string    `json:"kind"`
	Text  string    `json:"text"`  // with what it is about
	Times uint64    `json:"times"` // it was seen
	Since time.Time `json:"since"`
	Last  time.Time `json:"last"`
	Over  time.Time `json:"over,omitzero"` // when it was seen to be so no more; zero: it may still be so
}

// Active says whether it is so, as far as is known.
func (w Warning) Active() bool { return w.Times > 0 && w.Over.IsZero() }

// status is how a program is.
type status struct {
	Running   bool      `json:"running"`
	Nodes     *int      `json:"nodes,omitempty"` // how many run; nil when there is one at most
	URL       string    `json:"url,omitempty"`
	OnlyHere  bool      `json:"only_this_computer,omitempty"` // can open the URL
	Upstream  string    `json:"upstream,omitempty"`
	Data      string    `json:"data"`
	Accounts  *int64    `json:"accounts,omitempty"` // nil when they are elsewhere
	Knocks    *int64    `json:"knocks,omitempty"`   // devices that were refused and are not ignored
	Servers   int64     `json:"server_keys,omitempty"`
	Operators int64     `json:"operators,omitempty"` // people who look after the accounts of others in the browser
	Warnings  []Warning `json:"warnings"`
}

type nothing struct{}

func (o *operator) status(ctx context.Context, _ nothing) (status, error) {
	s := status{Running: o.warnings != nil, Data: o.data, Warnings: []Warning{}}
	if o.shared() {
		n, err := o.running(ctx)
		if err != nil {
			return s, err
		}
		s.Nodes, s.Running = &n, n > 0
	}
	if o.upstream != nil {
		s.Upstream = o.upstream.String()
	} else {
		n, servers, err := o.store.CountUsers(ctx)
		if err != nil {
			return s, err
		}
		s.Accounts, s.Servers = &n, servers
		knocks, err := o.accounts.OpenKnocks(ctx)
		if err != nil {
			return s, aboutUser("", err)
		}
		s.Knocks = &knocks
		if s.Operators, err = o.store.CountOperators(ctx); err != nil {
			return s, err
		}
	}
	if o.warnings != nil {
		s.URL, s.OnlyHere = o.publicURL, o.onlyHere
		s.Warnings = append(s.Warnings, o.warnings()...)
	}
	return s, nil
}

func showStatus(ctx context.Context, c call) error {
	var s status
	if err := c.line.call(ctx, pathStatus, nothing{}, &s); err != nil {
		return err
	}
	return c.print(s, s.write)
}

func (s status) write(w io.Writer) error {
	var text strings.Builder
	switch {
	case s.Nodes != nil:
		fmt.Fprintf(&text, "Running nodes: %d (see latchkey nodes)\n", *s.Nodes)
	case s.Running:
		fmt.Fprintf(&text, "Latchkey is running at %s\n", legible(s.URL))
		if s.OnlyHere {
			text.WriteString("Only this computer can open that. For phones and other devices, start it with --addr 0.0.0.0:8080\n")
		}
	default:
		text.WriteString("Latchkey is not running.\n")
	}
	fmt.Fprintf(&text, "Data: %s\n", legible(s.Data))
	if s.Accounts != nil {
		fmt.Fprintf(&text, "Accounts: %d\n", *s.Accounts)
	} else {
		fmt.Fprintf(&text, "Accounts: at %s\n", legible(s.Upstream))
	}
	if s.Knocks != nil && *s.Knocks > 0 {
		fmt.Fprintf(&text, "Refused devices that could be adopted: %d (see latchkey knock list)\n", *s.Knocks)
	}
	if s.Servers > 0 {
		fmt.Fprintf(&text, "Server keys: %d\n", s.Servers)
	}
	if s.Operators > 0 {
		fmt.Fprintf(&text, "Operators in the browser: %d (marked in latchkey user list)\n", s.Operators)
	}
	switch {
	case len(s.Warnings) > 0:
		text.WriteString("Needs attention, since the start:\n")
	case s.Nodes != nil:
		text.WriteString("Warnings are in the log and the metrics of each node.\n")
	case s.Running:
		text.WriteString("Nothing needs attention.\n")
	}
	for _, one := range s.Warnings {
		fmt.Fprintf(&text, "  %s: %s.\n    Since %s", legible(one.Kind), legible(one.Text), inUTC(one.Since))
		if one.Times > 1 {
			fmt.Fprintf(&text, ", seen %d times, last %s", one.Times, inUTC(one.Last))
		}
		if !one.Over.IsZero() {
			fmt.Fprintf(&text, "; over since %s", inUTC(one.Over))
		}
		text.WriteString(".\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func inUTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
