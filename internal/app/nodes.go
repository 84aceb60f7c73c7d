package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/authserver"
	"latchkey/internal/model"
	"latchkey/internal/store"
)

const (
	// clockLimit is how far the clocks of two nodes may be apart: what was handed out is handed out again after a few seconds, by the clock
	// of the node that is asked.
	clockLimit = time.Second
	// leaveTime is how long a node that stops tries to say so. The others find out by themselves.
	leaveTime = 3 * time.Second
)

// nodes is what a program knows of those that share its database, which it tells that it runs. A nil one does nothing: the program is
// alone.
type nodes struct {
	store    *store.Store
	now      func() time.Time
	log      *slog.Logger
	warnings *warnings

	off atomic.Int64 // of the clock, as a time.Duration

	mu    sync.Mutex
	me    store.Node // as it is recorded
	quiet bool       // the last beat failed
}

// enter tells those that share the database that this runs, unless what it was given does not fit what they were.
func (a *App) enter(ctx context.Context, cfg config.Settings, ring keyRing, access []*ecdsa.PrivateKey) error {
	if cfg.Database == "" {
		return nil
	}
	me := store.Node{Name: nodeName(cfg.Node, a.listener.Addr()), Run: strings.ToLower(rand.Text()), Program: thisProgram()}
	var err error
	if me.RefreshKeys, me.AccessKeys, err = keyNames(ring, access); err != nil {
		return err
	}
	n := &nodes{store: a.store, now: a.now, log: a.log, warnings: a.warnings, me: me}
	clock, err := a.store.EnterNode(ctx, me, n.now, func(other store.Node) error { return fits(me, other) })
	if err != nil {
		return err
	}
	a.nodes = n
	n.compare(clock)
	if err := n.makeSureOfRoom(ctx); err != nil {
		return err
	}
	a.log.InfoContext(ctx, "joined the other nodes of the database", "name", me.Name)
	return nil
}

// keyNames are those of the keys of a node, with spaces between them.
func keyNames(ring keyRing, access []*ecdsa.PrivateKey) (refresh, accessNames string, err error) {
	var r, a []string
	for _, secret := range ring.signing {
		r = append(r, authserver.RefreshKeyName(secret))
	}
	for _, key := range access {
		name, err := authserver.AccessKeyName(key)
		if err != nil {
			return "", "", err
		}
		a = append(a, name)
	}
	return strings.Join(r, " "), strings.Join(a, " "), nil
}

// nodeName is that of this node: as it was given, or that of the machine with the port that it listens on.
func nodeName(given string, listening net.Addr) string {
	if given != "" {
		return given
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "node"
	}
	_, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return host
	}
	return host + ":" + port
}

// fits says why a node cannot run beside one that does: what either signs, the other has to accept. SDKs throw away a session that is
// refused once, and some of them have nothing else.
func fits(me, other store.Node) error {
	for _, keys := range []struct{ what, mine, theirs string }{
		{"session keys", me.RefreshKeys, other.RefreshKeys},
		{"access keys", me.AccessKeys, other.AccessKeys},
	} {
		mine, theirs := strings.Fields(keys.mine), strings.Fields(keys.theirs)
		if len(mine) == 0 || len(theirs) == 0 { // one of them signs no access tokens
			continue
		}
		if !slices.Contains(theirs, mine[0]) || !slices.Contains(mine, theirs[0]) {
			return fmt.Errorf("the %s of this node differ from those of node %s, which is running: give both the same "+
				"(docs/operating.md, Changing the key ring), or wait a minute if that node is gone", keys.what, other.Name)
		}
	}
	return nil
}

// beat tells the others that this still runs.
func (n *nodes) beat(ctx context.Context) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	clock, err := n.store.BeatNode(ctx, n.me, n.now)
	if errors.Is(err, model.ErrNotFound) {
		clock, err = n.enterAgain(ctx)
	}
	switch {
	case err == nil:
		n.quiet = false
		n.compare(clock)
	case !n.quiet && ctx.Err() == nil:
		n.quiet = true
		n.log.WarnContext(ctx, "cannot tell the other nodes that this one is running; trying again", "cause", err)
	}
}

// enterAgain records once more that this runs: somebody has removed the row, or another node is there by its name. A node that is
// started again takes the place of itself, so that it need not wait until it is believed to be dead; one that is overtaken and still
// lives goes on by another name, since those that start later must see it.
func (n *nodes) enterAgain(ctx context.Context) (store.NodeClock, error) {
	all, err := n.store.Nodes(ctx)
	if err != nil {
		return store.NodeClock{}, err
	}
	overtaken := slices.ContainsFunc(all, func(other store.Node) bool { return other.Name == n.me.Name && other.Run != n.me.Run && other.Live() })
	if overtaken {
		name := n.me.Name
		n.me.Name += "~" + n.me.Run[:6]
		n.warnings.raise(warnNodeName, "another node has the same name: give each its own with --node (LATCHKEY_NODE)",
			"name", name, "goes_on_as", n.me.Name)
	}
	return n.store.EnterNode(ctx, n.me, n.now, func(store.Node) error { return nil })
}

// compare remembers how the clock of this node is, and warns when it is too far from the one that all share.
func (n *nodes) compare(c store.NodeClock) {
	n.me.ClockOff = c.Off
	n.off.Store(int64(c.Off))
	if c.Off.Abs()-c.Unsure <= clockLimit {
		n.warnings.settle(warnNodeClock, "the clock agrees with that of the database again")
		return
	}
	n.warnings.raise(warnNodeClock, "the clock of this node differs from that of the database: do both use NTP?", "ahead", c.Off.Round(time.Millisecond).String())
}

// besideNodes is how many connections the database has to have beside those of the nodes: for commands, for backups and for its own use.
const besideNodes = 5

// makeSureOfRoom warns when the nodes that run would take more connections than the database has once all are busy.
func (n *nodes) makeSureOfRoom(ctx context.Context) error {
	all, err := n.store.Nodes(ctx)
	if err != nil {
		return err
	}
	most, err := n.store.MaxConnections(ctx)
	if err != nil {
		return err
	}
	live := int64(0)
	for _, node := range all {
		if node.Live() {
			live++
		}
	}
	if wanted := live*n.store.Pool().Most + besideNodes; wanted > most {
		n.warnings.raise(warnNodeRoom, "the nodes together need more connections than the database allows: raise its max_connections, or lower pool_max_conns in the URL",
			"nodes", live, "wanted", wanted, "max_connections", most)
	}
	return nil
}

// clockOff is how far the clock of this node was ahead of the database's.
func (n *nodes) clockOff() time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(n.off.Load())
}

// leave tells the others that this ends.
func (n *nodes) leave(ctx context.Context) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	if err := n.store.LeaveNode(ctx, n.me); err != nil {
		n.log.InfoContext(ctx, "cannot tell the other nodes that this one stops; they will take it for running for a while", "cause", err)
	}
}
