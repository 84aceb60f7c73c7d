package listen

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// fewConnections are what everybody may have as long as there are any: as many as a browser opens, and some.
const fewConnections = 8

// connections are those that are open, and places for so many.
//
// Connections from a network, which is an address of IPv4 or a /64 of IPv6, may have half as many as are free, and those of a site,
// which is a /24 or /48, as many as are free. So one address alone gets a third of all, a site half, and however many take their
// part there is room for the next. A proxy that is trusted stands for many, and has no part. Who has their part, and everybody when
// all are taken, is let in when one that waits can be hung up on: one of their own, or one of the network that has most.
type connections struct {
	most int

	mu       sync.Mutex
	open     int
	networks []*network // in no order
	byPrefix map[netip.Prefix]*network
	sites    map[netip.Prefix]int // how many connections each has, without those of proxies
}

// network is what somebody has.
type network struct {
	prefix, site netip.Prefix
	trusted      bool
	place        int        // in connections.networks
	open         int        // connections
	waiting      *list.List // those of them whose next request is not there yet, or not whole, the one that has waited longest first
}

func newConnections(most int) *connections {
	return &connections{most: most, byPrefix: map[netip.Prefix]*network{}, sites: map[netip.Prefix]int{}}
}

// connection is a whole TCP connection: the server closes it half before it hangs up, so that a client which is still
// sending gets to read why.
type connection struct {
	*net.TCPConn
	all   *connections
	heard atomic.Bool // something of the next request
	whole atomic.Bool // the headers of the request that is answered have come

	// Under the lock of all.
	from  *network
	waits *list.Element // in from.waiting, nil while a request is answered
	fresh bool          // it has had no answer yet
	since time.Time     // it waits
	ended bool
}

// Read notes that something of a request is there. While a request is answered it is for the rest of its body, which is waited for, but
// for the single byte by which the server learns that the client has gone.
func (c *connection) Read(p []byte) (int, error) {
	if len(p) > 1 && c.whole.Load() {
		c.all.waitForBody(c, true)
		defer c.all.waitForBody(c, false)
	}
	n, err := c.TCPConn.Read(p)
	if n > 0 && !c.heard.Load() {
		c.heard.Store(true)
	}
	return n, err
}

// Close makes room for another connection. The server closes more than once.
func (c *connection) Close() error {
	c.all.mu.Lock()
	c.all.drop(c)
	c.all.mu.Unlock()
	return c.TCPConn.Close()
}

// count is how many are open.
func (s *connections) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// take gives a connection a place, or nil when there is none for it.
func (s *connections) take(conn *net.TCPConn, trusted func(netip.Addr) bool) *connection {
	var from netip.Addr
	if addr, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		from = addr.AddrPort().Addr().Unmap().WithZone("")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.network(from, trusted)
	n.open++
	if !s.makeRoom(n) {
		n.open--
		s.forget(n)
		return nil
	}
	c := &connection{TCPConn: conn, all: s, from: n, fresh: true}
	s.open++
	if !n.trusted {
		s.sites[n.site]++
	}
	s.wait(c)
	return c
}

// network gives that of an address.
func (s *connections) network(from netip.Addr, trusted func(netip.Addr) bool) *network {
	network, site := 64, 48
	if from.Is4() {
		network, site = 32, 24
	}
	prefix := netip.PrefixFrom(from, network).Masked()
	n := s.byPrefix[prefix]
	if n == nil {
		n = newNetwork(prefix, netip.PrefixFrom(from, site).Masked(), trusted(from))
		n.place = len(s.networks)
		s.networks = append(s.networks, n)
		s.byPrefix[prefix] = n
	}
	return n
}

func newNetwork(prefix, site netip.Prefix, trusted bool) *network {
	return &network{prefix: prefix, site: site, trusted: trusted, waiting: list.New()}
}

// forget lets go of a network without connections.
func (s *connections) forget(n *network) {
	if n.open > 0 {
		return
	}
	last := s.networks[len(s.networks)-1]
	s.networks[n.place], last.place = last, n.place
	s.networks[len(s.networks)-1] = nil
	s.networks = s.networks[:len(s.networks)-1]
	delete(s.byPrefix, n.prefix)
}

// makeRoom says whether there is a place for the last one of a network, and hangs up on somebody for it if need be.
func (s *connections) makeRoom(n *network) bool {
	free := s.most - s.open
	switch {
	case !n.trusted && n.open > max(min(fewConnections, s.most), free/2):
		return s.hangUpOn(n)
	case !n.trusted && s.sites[n.site] >= max(min(4*fewConnections, s.most), free):
		return s.hangUpOn(s.largest(func(other *network) bool { return other.site == n.site && !other.trusted }))
	case free > 0:
		return true
	}
	return s.hangUpOn(s.largest(func(other *network) bool { return !other.trusted })) || s.hangUpOn(s.largest(func(*network) bool { return true }))
}

// largest is the network of this kind that has most connections, of those that have one which waits.
func (s *connections) largest(kind func(*network) bool) (most *network) {
	for _, n := range s.networks {
		if (most == nil || n.open > most.open) && n.waiting.Len() > 0 && kind(n) {
			most = n
		}
	}
	return most
}

// hangUpOn closes the connection of a network that has waited longest, if there is one. It prefers one on which nothing is on its way.
func (s *connections) hangUpOn(n *network) bool {
	if n == nil || n.waiting.Len() == 0 {
		return false
	}
	victim := n.waiting.Front().Value.(*connection)
	for e := n.waiting.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*connection); !c.fresh && c.quiet() {
			victim = c
			break
		}
	}
	s.drop(victim)
	_ = victim.TCPConn.Close() // its client has gone, or comes again
	return true
}

// quiet says that nothing of a request has come, be it read or not.
func (c *connection) quiet() bool { return !c.heard.Load() && !hasInput(c.TCPConn) }

// drop counts a connection no longer.
func (s *connections) drop(c *connection) {
	if c.ended {
		return
	}
	c.ended = true
	s.open--
	c.from.open--
	if !c.from.trusted {
		if s.sites[c.from.site]--; s.sites[c.from.site] == 0 {
			delete(s.sites, c.from.site)
		}
	}
	s.unwait(c)
	s.forget(c.from)
}

func (s *connections) wait(c *connection) {
	c.since = time.Now()
	c.waits = c.from.waiting.PushBack(c)
}

func (s *connections) unwait(c *connection) {
	if c.waits != nil {
		c.from.waiting.Remove(c.waits)
		c.waits = nil
	}
}

// waitForBody says that the rest of a body is waited for, or no longer.
func (s *connections) waitForBody(c *connection, waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unwait(c); waits && !c.ended {
		s.wait(c)
	}
}

// follow notes which connections wait for a request.
func (s *connections) follow(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*connection)
	if !ok || state != http.StateActive && state != http.StateIdle {
		return
	}
	c.whole.Store(state == http.StateActive)
	if state == http.StateIdle {
		c.heard.Store(false) // before the server reads on
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.unwait(c); {
	case c.ended:
	case state == http.StateIdle:
		c.fresh = false
		s.wait(c)
	}
}

// letGo closes what has waited since before then, and connections that have had no answer yet only when they are not spared.
func (s *connections) letGo(before time.Time, spareFresh bool) (left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone []*connection
	for _, n := range s.networks {
		for e := n.waiting.Front(); e != nil; e = e.Next() {
			if c := e.Value.(*connection); (!c.fresh || !spareFresh) && c.since.Before(before) && c.quiet() {
				gone = append(gone, c)
			}
		}
	}
	for _, c := range gone {
		s.drop(c)
		_ = c.TCPConn.Close() // nobody waits for anything on it
	}
	return s.open
}
