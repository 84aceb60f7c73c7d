package pgtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy stands between clients and a server, counts what clients ask, and loses requests and answers when it is told to. It reads
// the protocol, and offers no TLS.
type Proxy struct {
	url             string
	network, server string // where the server listens
	listener        net.Listener
	running         sync.WaitGroup

	mu                 sync.Mutex
	links              map[*link]bool
	refusing           bool
	loseRequests, lose int // how many more commits lose their request, and how many their answer
	messages           int
}

// NewProxy starts a proxy in front of the server of a URL, until the test ends.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	config, err := pgx.ParseConfig(to)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	u.Host, u.RawQuery = listener.Addr().String(), query.Encode()

	p := &Proxy{url: u.String(), listener: listener, links: map[*link]bool{}}
	p.network, p.server = pgconn.NetworkAddress(config.Host, config.Port)
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Refuse(true)
		p.running.Wait()
	})
	return p
}

// URL is that of the server, by way of the proxy.
func (p *Proxy) URL() string { return p.url }

// CutAtCommit loses the answers to the next n commits: each reaches the server, and when the answer has arrived the connection is
// cut both ways, before the client gets any of it. What else the client has sent in one message with COMMIT is in the same boat.
func (p *Proxy) CutAtCommit(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = n
}

// CutBeforeCommit loses the next n commits: the connection is cut both ways when one comes, and nothing of the message that it is
// in reaches the server.
func (p *Proxy) CutBeforeCommit(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loseRequests = n
}

// Refuse cuts all connections, and those that come, until it is told otherwise.
func (p *Proxy) Refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = yes
	if yes {
		for l := range p.links {
			l.cut()
		}
	}
}

// Messages is how many messages with a request clients have sent since the last Reset, which is how often they had to wait for
// the server: what is sent at once counts once.
func (p *Proxy) Messages() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.messages
}

// Reset forgets the messages.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = 0
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve connects a client with the server until one of them or the proxy ends it.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close() //nolint:errcheck // nobody is left to be told
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return // the client sees a connection that is closed
	}
	l := &link{proxy: p, client: client, server: server, prepared: map[string]bool{}, portals: map[string]bool{}, asked: 1}
	defer l.cut()
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	fromClient := bufio.NewReader(client)
	if err := l.greet(fromClient); err != nil {
		return
	}
	p.running.Go(func() {
		defer l.cut()
		_ = l.answers()
	})
	_ = l.requests(fromClient)
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.refusing {
		p.links[l] = true
	}
	return !p.refusing
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// fate is what becomes of a message.
type fate int

const (
	passes fate = iota
	requestLost
	answerLost
)

// count counts a message, and decides about it.
func (p *Proxy) count(commits bool) fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages++
	switch {
	case commits && p.loseRequests > 0:
		p.loseRequests--
		return requestLost
	case commits && p.lose > 0:
		p.lose--
		return answerLost
	}
	return passes
}

// errCut ends a link.
var errCut = errors.New("cut")

// link is one connection of a client, and the one to the server that belongs to it.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	// Of the client's statements and portals, those that commit.
	prepared, portals map[string]bool

	mu    sync.Mutex
	asked int // how often the server will say that it is ready, from its greeting on
	lost  int // the count of that at which the link is cut, and what is said before it is lost
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// Requests with which a client may begin in place of its greeting.
const (
	cancelRequest = 80877102
	sslRequest    = 80877103
	gssRequest    = 80877104
)

// greet passes the client's first message on, which has no type.
func (l *link) greet(client io.Reader) error {
	for {
		header := make([]byte, 8)
		if _, err := io.ReadFull(client, header); err != nil {
			return err
		}
		length, code := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:])
		if code == sslRequest || code == gssRequest {
			if _, err := l.client.Write([]byte{'N'}); err != nil {
				return err
			}
			continue
		}
		if length < 8 || length > 10_000 { // PostgreSQL's own limit
			return errCut
		}
		message := append(header, make([]byte, length-8)...)
		if _, err := io.ReadFull(client, message[8:]); err != nil {
			return err
		}
		_, err := l.server.Write(message)
		return err
	}
}

// requests passes on what the client sends: all that ends with a request for an answer at once, so that it can be lost as one.
func (l *link) requests(client io.Reader) error {
	var held []byte
	commits := false
	for {
		message, err := read(client)
		if err != nil {
			return err
		}
		held = append(held, message...)
		body := message[5:]
		switch message[0] {
		case 'P': // Parse: name, text
			name, rest := text(body)
			statement, _ := text(rest)
			l.prepared[name] = isCommit(statement)
			continue
		case 'B': // Bind: portal, name of the statement
			portal, rest := text(body)
			name, _ := text(rest)
			l.portals[portal] = l.prepared[name]
			continue
		case 'E': // Execute: portal
			portal, _ := text(body)
			commits = commits || l.portals[portal]
			continue
		case 'C', 'D': // Close, Describe
			continue
		case 'Q': // Query: text
			statements, _ := text(body)
			commits = isCommit(statements)
		}
		if message[0] == 'S' || message[0] == 'Q' { // Sync, Query
			what := l.proxy.count(commits)
			if what == requestLost {
				return errCut
			}
			l.expect(what == answerLost)
			commits = false
		}
		if _, err := l.server.Write(held); err != nil {
			return err
		}
		held = held[:0]
	}
}

// expect notes that the server will be ready once more, and whether its answer is to be lost.
func (l *link) expect(lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if lost && l.lost == 0 {
		l.lost = l.asked
	}
}

// loses reports whether the answer is lost that ends when the server is ready for the nth time.
func (l *link) loses(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost != 0 && n >= l.lost
}

// answers passes on what the server sends.
func (l *link) answers() error {
	server, client := bufio.NewReader(l.server), bufio.NewWriter(l.client)
	for ready := 0; ; {
		message, err := read(server)
		if err != nil {
			return err
		}
		last := message[0] == 'Z' // ReadyForQuery
		if l.loses(ready + 1) {
			if last {
				return errCut
			}
		} else if _, err := client.Write(message); err != nil {
			return err
		}
		if last {
			ready++
		}
		if server.Buffered() == 0 || l.loses(ready+1) {
			if err := client.Flush(); err != nil {
				return err
			}
		}
	}
}

// read reads a message: its type, its length without that, and its body.
func read(from io.Reader) ([]byte, error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length < 4 || length > 1<<30 {
		return nil, errCut
	}
	message := append(header, make([]byte, length-4)...)
	_, err := io.ReadFull(from, message[5:])
	return message, err
}

// text splits a message's body after its first string.
func text(body []byte) (first string, rest []byte) {
	first, after, _ := strings.Cut(string(body), "\x00")
	return first, []byte(after)
}

// isCommit reports whether one of the statements ends a transaction.
func isCommit(statements string) bool {
	for statement := range strings.SplitSeq(statements, ";") {
		if words := strings.Fields(statement); len(words) > 0 && (strings.EqualFold(words[0], "COMMIT") || strings.EqualFold(words[0], "END")) {
			return true
		}
	}
	return false
}
