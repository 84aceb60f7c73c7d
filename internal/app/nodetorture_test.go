package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/client"
	"latchkey/internal/model"
	"latchkey/internal/store"
	"latchkey/internal/store/pgtest"
	"latchkey/internal/testkit"
)

// Before a release a node is killed 50 times and all nodes are upgraded 20 times.
const (
	nodeKillsVariable = "LATCHKEY_NODE_KILLS"
	rollsVariable     = "LATCHKEY_ROLLS"
)

// TestNodesBehindAProxy restarts nodes one by one as other versions, and kills them, under people, devices and pages that go on.
func TestNodesBehindAProxy(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program twice")
	}
	this, next := buildProgram(t), buildNext(t)
	t.Run("upgrades behind HAProxy", func(t *testing.T) {
		t.Parallel()
		rollUnderLoad(t, startCluster(t, proxies[1], this, pgtest.URL(t)), next, this)
	})
	t.Run("restarts behind nginx, the nodes being of two versions", func(t *testing.T) {
		t.Parallel()
		c := startCluster(t, proxies[0], this, pgtest.URL(t))
		c.restart(1, next)
		rollUnderLoad(t, c, "")
	})
	t.Run("a node is killed", func(t *testing.T) {
		t.Parallel()
		killUnderLoad(t, startCluster(t, proxies[1], this, pgtest.URL(t)))
	})
}

// rollUnderLoad restarts all nodes, one after the other, as each of the builds in turn; "" is the one that the node has.
func rollUnderLoad(t *testing.T, c *cluster, builds ...string) {
	t.Helper()
	rolls := times(t, rollsVariable, 1)
	crowd := startCrowd(t, c.base, c.through)
	sheets := crowd.alsoAsksForStyleSheets()
	for i := range rolls {
		crowd.goesOn(50)
		for node := range c.nodes {
			c.restart(node, builds[i%len(builds)])
		}
	}
	crowd.goesOn(50)
	crowd.stop()
	if n := sheets(); n < 2 {
		t.Errorf("%d style sheets were seen: there is nothing that another node does not have", n)
	}
	if !t.Failed() {
		t.Logf("torture: %s: %d rolls of two nodes, %d requests, %d failed; the slowest took %v",
			t.Name(), rolls, crowd.done.Load(), crowd.failed.Load(), time.Duration(crowd.longest.Load()).Round(time.Millisecond))
	}
}

var styleSheet = regexp.MustCompile(`/static/[^"]*css[^"]*`)

// alsoAsksForStyleSheets opens pages as browsers do: what a page names must be there, whichever node is asked for it. It gives how many
// different ones were named.
func (l *crowd) alsoAsksForStyleSheets() (seen func() int) {
	var mu sync.Mutex
	found := map[string]bool{}
	for range 2 {
		l.workers.Go(func() {
			for l.ctx.Err() == nil {
				var name string
				l.count(func() error {
					page, err := l.fetch("/login")
					name = styleSheet.FindString(page)
					if err == nil && name == "" {
						err = errors.New("the page names no style sheet")
					}
					return err
				})
				if name == "" {
					continue
				}
				l.count(func() error { _, err := l.fetch(name); return err })
				mu.Lock()
				found[name] = true
				mu.Unlock()
			}
		})
	}
	return func() int { return len(found) }
}

func (l *crowd) fetch(path string) (string, error) {
	req, err := http.NewRequestWithContext(l.ctx, http.MethodGet, l.base+path, nil)
	if err != nil {
		return "", err
	}
	res, err := l.through.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return string(body), err
}

// ledgerOfWriter is what one device was told of its account's keys.
type ledgerOfWriter struct {
	session *client.Session
	there   map[string]bool // by name, those that were acknowledged; false: deleted
	failed  []failedAct
	unsure  map[string]bool // those of which it was told no outcome: the database may still save what the dead node had sent it
	saved   int             // of these, as far as was seen
}

type failedAct struct {
	began time.Time
	err   error
}

// writersOfNodes write over the proxy until they are stopped.
type writersOfNodes struct {
	t       *testing.T
	all     []*ledgerOfWriter
	done    atomic.Int64
	ctx     context.Context
	stop    context.CancelFunc
	working sync.WaitGroup
}

func startWritersOfNodes(t *testing.T, c *cluster, n int) *writersOfNodes {
	t.Helper()
	s, err := store.Connect(t.Context(), model.Secret(c.url), store.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it was written to
	w := &writersOfNodes{t: t}
	w.ctx, w.stop = context.WithCancel(t.Context())
	t.Cleanup(w.end)
	for i := range n {
		email := fmt.Sprintf("writer-%d@example.com", i)
		testkit.Person(t, s, email, time.Now())
		device, err := client.New(c.base, "latchkey-local", client.WithHTTPClient(c.through))
		if err != nil {
			t.Fatal(err)
		}
		session, err := device.Login(t.Context(), client.EmailPassword(email, testkit.Password))
		if err != nil {
			t.Fatal(err)
		}
		w.all = append(w.all, &ledgerOfWriter{session: session, there: map[string]bool{}, unsure: map[string]bool{}})
	}
	for _, l := range w.all {
		w.working.Go(func() { w.work(l) })
	}
	return w
}

// work creates keys, looks at them and deletes most.
func (w *writersOfNodes) work(l *ledgerOfWriter) {
	ctx := context.WithoutCancel(w.ctx)
	for i := 0; w.ctx.Err() == nil; i++ {
		name := fmt.Sprintf("key-%d", i)
		var key client.CreatedKey
		if !w.act(l, name, true, func() (err error) { key, err = l.session.APIKeys().Create(ctx, name); return err }) {
			continue
		}
		w.read(l)
		if i%50 == 0 && i < 300 { // a few stay
			continue
		}
		w.act(l, name, false, func() error { return l.session.APIKeys().Delete(ctx, key.ID) })
	}
}

// act does one thing and records what came of it. If that is not known, it looks, as a person would, and deletes what is there.
func (w *writersOfNodes) act(l *ledgerOfWriter, name string, there bool, do func() error) bool {
	began := time.Now()
	err := do()
	w.done.Add(1)
	if err == nil {
		l.there[name] = there
		return true
	}
	l.failed, l.unsure[name] = append(l.failed, failedAct{began, err}), true
	for looks := 0; ; looks++ {
		keys := w.read(l)
		i := slices.IndexFunc(keys, func(k client.APIKey) bool { return k.Name == name })
		if looks == 0 && (i >= 0) == there {
			l.saved++
		}
		if i < 0 {
			return false
		}
		began := time.Now()
		err := l.session.APIKeys().Delete(context.WithoutCancel(w.ctx), keys[i].ID)
		if err != nil && !client.IsNotFound(err) {
			l.failed = append(l.failed, failedAct{began, err})
		}
	}
}

// read lists the keys, which never fails.
func (w *writersOfNodes) read(l *ledgerOfWriter) []client.APIKey {
	keys, err := l.session.APIKeys().FetchAll(context.WithoutCancel(w.ctx))
	if err != nil {
		w.t.Errorf("a read failed: %v", err)
	}
	w.done.Add(1)
	return keys
}

func (w *writersOfNodes) end() {
	w.stop()
	w.working.Wait()
}

// killUnderLoad kills one node and then the other, under writers.
func killUnderLoad(t *testing.T, c *cluster) {
	t.Helper()
	kills := times(t, nodeKillsVariable, 2)
	writers := 10
	if kills >= 50 {
		writers = 50
	}
	w := startWritersOfNodes(t, c, writers)
	var died []time.Time // when it was over
	for i := range kills {
		awaitMore(t, &w.done, int64(3*writers))
		c.nodes[i%2].kill()
		died = append(died, time.Now())
		awaitMore(t, &w.done, int64(3*writers))
		c.start(i % 2)
		c.awaitUp(i % 2)
	}
	w.end()
	acknowledged, failed, saved := w.compare(died, 2*writers)
	if !t.Failed() {
		t.Logf("torture: one of two nodes killed under %d writers: %d kills, %d keys acknowledged, missing or doubled 0, %d failed (%d of them saved), reads failed 0",
			writers, kills, acknowledged, failed, saved)
	}
}

// compare fails the test unless what was acknowledged is there, once, and only acts in flight failed.
func (w *writersOfNodes) compare(died []time.Time, most int) (acknowledged, failed, saved int) {
	w.t.Helper()
	failedAt := map[int]int{}
	for _, l := range w.all {
		keys, err := l.session.APIKeys().FetchAll(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		isThere := map[string]int{}
		for _, k := range keys {
			isThere[k.Name]++
		}
		for name, n := range isThere {
			if n > 1 || !l.there[name] && !l.unsure[name] {
				w.t.Errorf("%s is there %d times, and was acknowledged to be there: %t", name, n, l.there[name])
			}
		}
		for name, there := range l.there {
			if there && !l.unsure[name] && isThere[name] == 0 {
				w.t.Errorf("%s was acknowledged and is missing", name)
			}
		}
		saved += l.saved
		acknowledged += len(l.there)
		failed += len(l.failed)
		for _, f := range l.failed {
			if kill := killDuring(f, died); kill >= 0 {
				failedAt[kill]++
			} else {
				w.t.Errorf("an act failed that no kill can have hit: %v", f.err)
			}
		}
	}
	for kill, n := range failedAt {
		if n > most {
			w.t.Errorf("%d acts failed at kill %d, and %d were in flight", n, kill, most)
		}
	}
	return acknowledged, failed, saved
}

// untilKnown is how long a proxy may still send something over a connection to a process that is dead. Usually it knows at once.
const untilKnown = 250 * time.Millisecond

// killDuring is the kill that an act was in flight at, or -1. A node takes a moment to die, in which a connection may be established that nobody
// answers: one that failed once may do so twice.
func killDuring(f failedAct, died []time.Time) int {
	for i, at := range died {
		if f.began.Before(at.Add(untilKnown)) && at.Sub(f.began) < 10*time.Second {
			return i
		}
	}
	return -1
}
