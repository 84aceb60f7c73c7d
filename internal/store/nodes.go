package store

import (
	"context"
	"errors"
	"time"

	"latchkey/internal/model"
)

const (
	// NodeLife is for how long a node that was not heard of is believed to run: four times as long as it keeps quiet.
	NodeLife = 4 * NodeBeat
	// NodeBeat is how often a node writes that it runs.
	NodeBeat = 10 * time.Second
	// nodesKept is for how long it can be seen that a node has gone without a word.
	nodesKept = 24 * time.Hour
)

// Node is a program that shares the database, as it was last heard of. Its times are those of the database's clock.
type Node struct {
	Name    string // of which there is one at a time
	Run     string // another one for each start
	Program string // its version
	Schema  int64  // that it was written for
	Started time.Time
	Seen    time.Time
	Quiet   time.Duration // since it was seen

	RefreshKeys string // names of the keys that it accepts, with spaces between them; the first one signs
	AccessKeys  string

	ClockOff time.Duration // how far its clock is ahead of the database's
}

// Live says whether a node is believed to run.
func (n Node) Live() bool { return n.Quiet < NodeLife }

// NodeClock is a clock beside the database's.
type NodeClock struct {
	Off    time.Duration // ahead
	Unsure time.Duration // by how much that may be wrong
}

// The clock of all nodes is that of the database.
const databaseTime = `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`

// The statements about nodes, which there are on PostgreSQL alone.
const (
	// lockNodes lets nodes come in one after the other: of two that do not fit each other the second sees the first.
	lockNodes = `INSERT INTO locks (name) VALUES ('nodes') ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name`

	selectNodeAfter = `
SELECT name, run, program, schema, started_at, seen_at, refresh_keys, access_keys, clock_off, ` + databaseTime + `
FROM nodes WHERE name > ? ORDER BY name LIMIT 1`

	upsertNode = `
INSERT INTO nodes (name, run, program, schema, started_at, seen_at, refresh_keys, access_keys, clock_off)
VALUES (?, ?, ?, ?, ` + databaseTime + `, ` + databaseTime + `, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET run = EXCLUDED.run, program = EXCLUDED.program, schema = EXCLUDED.schema, started_at = EXCLUDED.started_at,
	seen_at = EXCLUDED.seen_at, refresh_keys = EXCLUDED.refresh_keys, access_keys = EXCLUDED.access_keys, clock_off = EXCLUDED.clock_off
RETURNING seen_at`

	updateNode = `
UPDATE nodes SET seen_at = ` + databaseTime + `, clock_off = ? WHERE name = ? AND run = ? RETURNING seen_at`

	deleteNode = `DELETE FROM nodes WHERE name = ? AND run = ?`

	selectMaxConnections = `SELECT CAST(current_setting('max_connections') AS BIGINT)`
)

func nodeStatements() []string {
	return []string{lockNodes, selectNodeAfter, upsertNode, updateNode, deleteNode, selectMaxConnections}
}

// columns are where a row of selectNodeAfter goes. The node is whole after scanned.
func (n *Node) columns(times *[4]int64) []any {
	return []any{
		&n.Name, &n.Run, &n.Program, &n.Schema, &times[0], &times[1], &n.RefreshKeys, &n.AccessKeys, &times[2], &times[3],
	}
}

func (n *Node) scanned(times [4]int64) {
	n.Started, n.Seen = fromMillis(times[0]), fromMillis(times[1])
	n.ClockOff = time.Duration(times[2]) * time.Millisecond
	n.Quiet = max(0, fromMillis(times[3]).Sub(n.Seen))
}

// EnterNode records that a node runs, in the place of one of the same name, unless fits refuses one that is live. It says how the
// node's clock is, which now reads.
func (s *Store) EnterNode(ctx context.Context, n Node, now func() time.Time, fits func(live Node) error) (clock NodeClock, err error) {
	if n.Schema, err = newestPostgres(); err != nil {
		return clock, err
	}
	err = s.engine.write(ctx, ofNobody, func(t tx) error {
		if err := t.execOne(lockNodes); err != nil {
			return err
		}
		for after := ""; ; {
			var other Node
			var times [4]int64
			err := t.row(selectNodeAfter, []any{after}, other.columns(&times)...)
			if errors.Is(err, model.ErrNotFound) {
				break
			}
			if err != nil {
				return err
			}
			other.scanned(times)
			switch after = other.Name; {
			case other.Live():
				err = fits(other)
			case other.Quiet > nodesKept:
				err = t.later(deleteNode, other.Name, other.Run)
			}
			if err != nil {
				return err
			}
		}
		clock, err = clockBeside(now, func(at *int64) error {
			return t.row(upsertNode, []any{n.Name, n.Run, n.Program, n.Schema, n.RefreshKeys, n.AccessKeys, n.ClockOff.Milliseconds()}, at)
		})
		return err
	})
	return clock, err
}

// BeatNode writes that a node still runs, and how its clock was. It answers model.ErrNotFound when its row is not there any more or,
// since another has entered by its name, that one's.
func (s *Store) BeatNode(ctx context.Context, n Node, now func() time.Time) (clock NodeClock, err error) {
	err = s.engine.write(ctx, ofNobody, func(t tx) error {
		clock, err = clockBeside(now, func(at *int64) error {
			return t.row(updateNode, []any{n.ClockOff.Milliseconds(), n.Name, n.Run}, at)
		})
		return err
	})
	return clock, err
}

// LeaveNode removes the row of a node that ends. That of another by its name stays.
func (s *Store) LeaveNode(ctx context.Context, n Node) error {
	return s.engine.write(ctx, ofNobody, func(t tx) error {
		_, err := t.exec(deleteNode, n.Name, n.Run)
		return err
	})
}

// Nodes are those that run and those that have gone without a word within a day, by their names.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	var nodes []Node
	for after := ""; ; {
		var n Node
		var times [4]int64
		err := s.engine.row(ctx, selectNodeAfter, []any{after}, n.columns(&times)...)
		if errors.Is(err, model.ErrNotFound) {
			return nodes, nil
		}
		if err != nil {
			return nil, doing("list nodes", err)
		}
		n.scanned(times)
		if after = n.Name; n.Quiet <= nodesKept {
			nodes = append(nodes, n)
		}
	}
}

// clockBeside asks for the database's time, and compares it with the middle of the time that this took.
func clockBeside(now func() time.Time, ask func(at *int64) error) (NodeClock, error) {
	var at int64
	before := now()
	if err := ask(&at); err != nil {
		return NodeClock{}, err
	}
	half := now().Sub(before) / 2
	return NodeClock{Off: before.Add(half).Sub(fromMillis(at)), Unsure: half}, nil
}

// MaxConnections is how many connections the server of a shared database takes, from all programs together.
func (s *Store) MaxConnections(ctx context.Context) (n int64, err error) {
	err = s.row(ctx, selectMaxConnections, nil, &n)
	return n, doing("ask for the number of connections", err)
}
