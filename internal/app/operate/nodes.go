package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// listedNode is a program that shares the database, as operators see one.
type listedNode struct {
	Name        string    `json:"name"`
	Program     string    `json:"program"`
	Schema      int64     `json:"schema"`
	Live        bool      `json:"live"`
	StartedAt   time.Time `json:"started_at"`
	SeenAt      time.Time `json:"seen_at"`
	QuietFor    float64   `json:"quiet_seconds"`
	ClockOff    float64   `json:"clock_off_seconds"` // ahead of the database's
	SessionKeys []string  `json:"session_keys"`      // names of those that it accepts; the first signs
	AccessKeys  []string  `json:"access_keys"`
}

type nodeList struct {
	Nodes []listedNode `json:"nodes"`
}

// shared says whether other programs may have the database too.
func (o *operator) shared() bool { return o.store.Pool() != nil }

func (o *operator) nodes(ctx context.Context, _ nothing) (nodeList, error) {
	out := nodeList{Nodes: []listedNode{}}
	if !o.shared() {
		return out, errors.New("there are no nodes: they share a PostgreSQL database, which is set with --database")
	}
	all, err := o.store.Nodes(ctx)
	for _, n := range all {
		out.Nodes = append(out.Nodes, listedNode{
			Name: n.Name, Program: n.Program, Schema: n.Schema, Live: n.Live(), StartedAt: n.Started, SeenAt: n.Seen, QuietFor: n.Quiet.Seconds(),
			ClockOff: n.ClockOff.Seconds(), SessionKeys: strings.Fields(n.RefreshKeys), AccessKeys: strings.Fields(n.AccessKeys),
		})
	}
	return out, err
}

// running is how many nodes there are that are believed to run.
func (o *operator) running(ctx context.Context) (n int, err error) {
	all, err := o.nodes(ctx, nothing{})
	for _, one := range all.Nodes {
		if one.Live {
			n++
		}
	}
	return n, err
}

func listNodes(ctx context.Context, c call) error {
	var list nodeList
	if err := c.line.call(ctx, pathNodes, nothing{}, &list); err != nil {
		return err
	}
	return c.print(list, list.write)
}

func (l nodeList) write(w io.Writer) error {
	width := len("NODE")
	for _, n := range l.Nodes {
		width = max(width, len(n.Name))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-*s  %-20s  %-20s  %-14s  %s\n", width, "NODE", "SINCE", "SEEN", "CLOCK", "PROGRAM")
	slices.SortFunc(l.Nodes, func(a, b listedNode) int { return cmp.Compare(a.Name, b.Name) })
	for _, n := range l.Nodes {
		seen := fmt.Sprintf("%.0f s ago", n.QuietFor)
		if !n.Live {
			seen = "gone, " + inUTC(n.SeenAt)[5:16]
		}
		fmt.Fprintf(&text, "%-*s  %-20s  %-20s  %-14s  %s, schema %d\n", width, legible(n.Name), inUTC(n.StartedAt), seen, fmt.Sprintf("%+.3f s", n.ClockOff),
			legible(n.Program), n.Schema)
	}
	if len(l.Nodes) == 0 {
		text.Reset()
		text.WriteString("No node is running.\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// migrate brings the schema of the shared database up to date.
func migrate(ctx context.Context, c call, place Place) error {
	st, err := place.Connect(ctx, true)
	if err != nil {
		return err
	}
	if err := st.Close(); err != nil {
		return err
	}
	return c.print(struct {
		Current bool `json:"current"`
	}{true}, func(w io.Writer) error {
		_, err := io.WriteString(w, "The schema of the database is up to date.\n")
		return err
	})
}

func migrateNothing(context.Context, call) error {
	return usageError{errors.New("--database (LATCHKEY_DATABASE) is not given: the database in --data is updated whenever it is opened")}
}

func backUpElsewhere(context.Context, call, Place) error {
	return errors.New(`the data is in PostgreSQL: back it up with pg_dump --format=custom --file=FILE and the URL. ` +
		`The session keys and the access keys are not in it: keep copies of those elsewhere`)
}

func restoreElsewhere(context.Context, call, Place) error {
	return errors.New(`the data is in PostgreSQL: stop all nodes, and restore the backup into an empty database with ` +
		`pg_restore --no-owner --exit-on-error --dbname=URL FILE. The session keys and the access keys are not in it`)
}
