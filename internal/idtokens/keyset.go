package idtokens

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	fetchTime = 5 * time.Second
	maxKeySet = 256 << 10
	maxKeys   = 50 // a token that names none is tried with each

	// MinKeyBits is the least length of a key: shorter ones can be broken.
	MinKeyBits = 2048

	// fresh is for how long a key is used that its issuer may have withdrawn.
	fresh = 15 * time.Minute
	// A token that no key has signed makes for one more look at the issuer's: there may be a new one. Anybody can send such a token, so
	// that is at most once a minute, and a little sooner while there is no key at all.
	askPause, firstPause = time.Minute, 10 * time.Second
)

// keySet is the public keys of an issuer, fetched from its address and kept in memory.
//
// It is not the RemoteKeySet of coreos/go-oidc, which asks the issuer with every wrong signature, keeps a withdrawn key for as long as
// nobody sends a token of a new one, cannot be asked before the first token comes, and puts what the issuer answers into its errors.
type keySet struct {
	provider, address string
	curves            bool // ES256 counts too
	client            *http.Client
	now               func() time.Time

	mu      sync.Mutex
	keys    []namedKey    // never changed in place
	fetched time.Time     // zero: never
	tried   time.Time     // when that was begun last
	asked   time.Time     // when a token of no known key was the reason last
	failed  error         // why there are no newer keys
	flight  chan struct{} // closed when what is being fetched is there, or not; nil when nothing is
}

type namedKey struct {
	id  string
	key any // *rsa.PublicKey or *ecdsa.PublicKey
}

func newKeySet(provider, address string, curves bool, now func() time.Time) *keySet {
	return &keySet{provider: provider, address: address, curves: curves, now: now, client: NewFetcher(address)}
}

// NewFetcher returns a client that goes to the host of an address and nowhere else, with plain http only inside this machine.
func NewFetcher(address string) *http.Client {
	dialer := &net.Dialer{Timeout: fetchTime}
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" {
		dialer.ControlContext = onlyLoopback
	}
	return &http.Client{
		Timeout: fetchTime,
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if from := via[0].URL; to.URL.Scheme != from.Scheme || to.URL.Host != from.Host || len(via) > 3 {
				return errRedirect
			}
			return nil
		},
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		},
	}
}

var errRedirect = errors.New("it redirects to another address")

// onlyLoopback looks at the address itself, whatever "localhost" is made to mean.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	host, _, _ := net.SplitHostPort(address) // a dialler gives nothing else
	if ip := net.ParseIP(host); !ip.IsLoopback() {
		return fmt.Errorf("%s is another machine, and plain http is only allowed to this one", address)
	}
	return nil
}

// verify gives the payload of a token that one of the keys has signed. errNoKey says that none has; any other error, that the keys are
// not to be had.
func (s *keySet) verify(ctx context.Context, token *jose.JSONWebSignature) ([]byte, error) {
	keys, stale := s.known()
	payload, err := bySet(token, keys)
	if err == nil {
		if stale {
			s.refresh()
		}
		return payload, nil
	}
	if !s.askAgain() {
		return nil, s.unless()
	}
	s.wait(ctx)
	if keys, _ = s.known(); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if payload, err = bySet(token, keys); err == nil {
		return payload, nil
	}
	return nil, s.unless()
}

// unless is errNoKey, unless there may be a key that could not be fetched.
func (s *keySet) unless() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	return errNoKey
}

func bySet(token *jose.JSONWebSignature, keys []namedKey) ([]byte, error) {
	id := token.Signatures[0].Protected.KeyID
	for _, k := range keys {
		if id == "" || k.id == id {
			if payload, err := token.Verify(k.key); err == nil {
				return payload, nil
			}
		}
	}
	return nil, errNoKey
}

func (s *keySet) known() (keys []namedKey, stale bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.stale()
}

// stale says whether it is time for newer keys. The caller holds the lock.
func (s *keySet) stale() bool { return s.fetched.IsZero() || s.now().Sub(s.fetched) >= fresh }

// refresh begins to fetch the keys if it is time.
func (s *keySet) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (s.stale() || s.failed != nil) && !s.within(s.tried, firstPause) {
		s.begin()
	}
}

// within says whether something was less than a while ago. With a clock that was set back it was not.
func (s *keySet) within(at time.Time, pause time.Duration) bool {
	ago := s.now().Sub(at)
	return 0 <= ago && ago < pause
}

// askAgain begins to fetch the keys because of a token that none has signed, if that was not done lately. It says whether there is
// something to wait for.
func (s *keySet) askAgain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.flight != nil:
		return true
	case s.fetched.IsZero():
		if s.within(s.tried, firstPause) {
			return false
		}
	case s.within(s.asked, askPause):
		return false
	default:
		s.asked = s.now()
	}
	s.begin()
	return true
}

// begin fetches the keys, unless somebody does. The caller holds the lock.
func (s *keySet) begin() {
	if s.flight != nil {
		return
	}
	done := make(chan struct{})
	s.flight, s.tried = done, s.now()
	go func() { // no request of a device ends it, and the client bounds its time
		keys, err := s.fetch()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed = err; err == nil || errors.Is(err, errNoKeys) {
			s.keys, s.fetched = keys, s.now()
		}
		s.flight = nil
		close(done)
	}()
}

// wait returns when nothing is being fetched any more.
func (s *keySet) wait(ctx context.Context) {
	s.mu.Lock()
	flight := s.flight
	s.mu.Unlock()
	if flight == nil {
		return
	}
	select {
	case <-flight:
	case <-ctx.Done():
	}
}

func (s *keySet) trouble() (Trouble, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Trouble{Provider: s.provider, Address: withoutQuery(s.address), NoKeys: len(s.keys) == 0, Err: s.failed}, s.failed != nil
}

func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is none"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// fetch asks for the keys once.
func (s *keySet) fetch() ([]namedKey, error) {
	body, err := Fetch(s.client, s.address, maxKeySet)
	if err != nil {
		return nil, err
	}
	return parseKeySet(body, s.curves)
}

// Fetch gets what is at an address with a client of NewFetcher, if it is not more than that. Its errors say nothing of what was answered,
// nor of the address's query.
func Fetch(client *http.Client, address string, most int64) ([]byte, error) {
	res, err := client.Get(address) //nolint:noctx // the client bounds its time, and nobody else ends it
	if err != nil {
		return nil, WhyNot(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with status %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	switch {
	case err != nil:
		return nil, errors.New("its answer broke off, or took too long")
	case int64(len(body)) > most:
		return nil, fmt.Errorf("it answers with more than %d KB", most>>10)
	}
	return body, nil
}

// WhyNot is why a client of NewFetcher got no answer, without the address that it asked.
func WhyNot(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		err = of.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		err = fmt.Errorf("no answer within %v", fetchTime)
	}
	return err
}

// errNoKeys is said by the issuer itself: those from before are withdrawn, and not what is used while it is down.
var errNoKeys = errors.New("its key set has no RSA key to sign with, nor another that counts here")

// parseKeySet takes the keys that can sign by RS256, and by ES256 where curves count. Others in the set are for somebody else; one that
// cannot be read does not keep out the rest.
func parseKeySet(body []byte, curves bool) ([]namedKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("what it answers is not a key set")
	}
	var keys []namedKey
	for _, raw := range set.Keys {
		var jwk jose.JSONWebKey
		if json.Unmarshal(raw, &jwk) != nil || !slices.Contains([]string{"", "sig"}, jwk.Use) {
			continue
		}
		if signsBy := algorithmOf(jwk.Key, curves); signsBy != "" && slices.Contains([]string{"", string(signsBy)}, jwk.Algorithm) {
			keys = append(keys, namedKey{jwk.KeyID, jwk.Key})
		}
	}
	switch {
	case len(keys) == 0:
		return nil, errNoKeys
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("its key set has more than %d keys", maxKeys)
	}
	return keys, nil
}

// algorithmOf is by what a public key signs, "" when no such signature is taken.
func algorithmOf(key any, curves bool) jose.SignatureAlgorithm {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= MinKeyBits {
			return jose.RS256
		}
	case *ecdsa.PublicKey:
		if curves && key.Curve == elliptic.P256() {
			return jose.ES256
		}
	}
	return ""
}
