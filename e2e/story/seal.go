package story

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// authority signs certificates. This process trusts ours as it trusts those of its system.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// OurAuthority is the one that this process trusts.
var OurAuthority authority

// Zone is the names below upstream.test that are known in this process.
var Zone names

// trustOurselves makes an authority that this process trusts and names that it can look up, before anything has asked for either.
func trustOurselves() (err error) {
	if OurAuthority, err = NewAuthority(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "latchkey-e2e-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "authority.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: OurAuthority.cert.Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		return err
	}
	if err := os.Setenv("SSL_CERT_FILE", file); err != nil {
		return err
	}
	defer func() { _ = os.Unsetenv("SSL_CERT_FILE") }()
	if _, err := x509.SystemCertPool(); err != nil { // read once, here
		return err
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: Zone.dial}
	return nil
}

// NewAuthority makes one that nobody trusts yet.
func NewAuthority() (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Latchkey test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return authority{cert, key}, err
}

// Certificate is one for the name that ends at a time.
func (a authority) Certificate(t *testing.T, name string, until time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Seal is the name and the certificate under which a gateway is reached. Either can be taken away.
type Seal struct {
	Name  string
	Shown atomic.Pointer[tls.Certificate]
	Good  *tls.Certificate
}

// NewSeal makes a name that is known, and a good certificate for it.
func NewSeal(t *testing.T) *Seal {
	t.Helper()
	s := &Seal{Name: Zone.newName()}
	s.Good = OurAuthority.Certificate(t, s.Name, time.Now().Add(time.Hour))
	s.Shown.Store(s.Good)
	return s
}

func (s *Seal) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.Shown.Load(), nil },
	}
}

// names are looked up in this process as any name is: by messages to a name server, which knows some and not others.
type names struct {
	mu    sync.Mutex
	known map[string]bool
	last  int
}

func (n *names) newName() string {
	n.mu.Lock()
	n.last++
	name := fmt.Sprintf("keys-%d.upstream.test", n.last)
	n.mu.Unlock()
	n.Set(name, true)
	return name
}

// Set makes the name known, or unknown.
func (n *names) Set(name string, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = map[string]bool{}
	}
	n.known[name] = known
}

func (n *names) knows(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known[strings.TrimSuffix(name, ".")]
}

// dial connects to the name server, which speaks as over TCP: each message after its length.
func (n *names) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer func() { _ = theirs.Close() }()
		for n.serve(theirs) == nil {
		}
	}()
	return ours, nil
}

func (n *names) serve(conn net.Conn) error {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	question := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, question); err != nil {
		return err
	}
	answer, err := n.answer(question)
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)) //nolint:gosec // some dozens of bytes
	return err
}

// answer says that a known name is this machine, and of any other that it does not exist.
func (n *names) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("not one question: %w", err)
	}
	q := m.Questions[0]
	m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	switch {
	case !n.knows(q.Name.String()):
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	return m.Pack()
}
