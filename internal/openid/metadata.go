package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"latchkey/internal/idtokens"
)

const (
	maxMetadata = 64 << 10

	// fresh is for how long a provider is not asked again what it said of itself. firstPause is how soon after it did not answer.
	fresh      = time.Hour
	firstPause = 10 * time.Second
)

// discovered is what a provider says of itself, and what follows from it.
type discovered struct {
	Issuer     string   `json:"issuer"`
	Authorize  string   `json:"authorization_endpoint"`
	Token      string   `json:"token_endpoint"`
	Keys       string   `json:"jwks_uri"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	SaysIssuer bool     `json:"authorization_response_iss_parameter_supported"`

	style  oauth2.AuthStyle
	http   *http.Client // goes to the host of Token
	client *idtokens.Client
}

// metadata asks a provider what it says of itself, when it is needed for the first time and then now and then. What it said before counts
// while it does not answer.
type metadata struct {
	issuer string
	keys   func(address string) *idtokens.Client // verifies tokens by the keys there
	http   *http.Client
	now    func() time.Time
	mu     sync.Mutex
	known  *discovered // nil: nothing yet; never changed in place
	at     time.Time   // when it was asked for what is known
	tried  time.Time
	failed error         // why nothing newer is known
	flight chan struct{} // closed when it has answered, or not; nil when nobody asks
}

func newMetadata(of Provider, now func() time.Time) *metadata {
	identities, issuers, client := of.Identities, Issuers(of.Issuer), of.ClientID
	return &metadata{issuer: of.Issuer, now: now, http: idtokens.NewFetcher(of.Issuer), keys: func(address string) *idtokens.Client {
		return idtokens.NewClient(identities, issuers, client, address, now)
	}}
}

// get is what the provider says of itself.
func (m *metadata) get(ctx context.Context) (*discovered, error) {
	m.refresh()
	m.mu.Lock()
	known, failed, flight := m.known, m.failed, m.flight
	m.mu.Unlock()
	switch {
	case known != nil:
		return known, nil
	case flight == nil:
		return nil, failed
	}
	known, err := m.latest(ctx)
	if known == nil && err == nil {
		err = ctx.Err()
	}
	if known != nil {
		return known, nil
	}
	return nil, err
}

// latest is what is known once nobody asks any more, and why it is not newer.
func (m *metadata) latest(ctx context.Context) (*discovered, error) {
	m.mu.Lock()
	flight := m.flight
	m.mu.Unlock()
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
		}
	}
	return m.current()
}

// current is what is known, and why it is not newer.
func (m *metadata) current() (*discovered, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known, m.failed
}

// refresh begins to ask if it is time.
func (m *metadata) refresh() {
	m.mu.Lock()
	defer m.mu.Unlock()
	stale := m.known == nil || m.failed != nil || !m.within(m.at, fresh)
	if !stale || m.flight != nil || m.within(m.tried, firstPause) {
		return
	}
	done, before := make(chan struct{}), m.known
	m.flight, m.tried = done, m.now()
	go func() { // no browser ends it, and the client bounds its time
		known, err := m.ask(before)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.failed = err; err == nil {
			m.known, m.at = known, m.now()
		}
		m.flight = nil
		close(done)
	}()
}

// within says whether something was less than a while ago. With a clock that was set back it was not.
func (m *metadata) within(at time.Time, pause time.Duration) bool {
	ago := m.now().Sub(at)
	return !at.IsZero() && 0 <= ago && ago < pause
}

// ask asks the provider once. What is known of its keys stays, as long as they are at the same address.
func (m *metadata) ask(before *discovered) (*discovered, error) {
	body, err := idtokens.Fetch(m.http, strings.TrimSuffix(m.issuer, "/")+"/.well-known/openid-configuration", maxMetadata)
	if err != nil {
		return nil, err
	}
	var d discovered
	if json.Unmarshal(body, &d) != nil {
		return nil, errors.New("what it says of itself is not as it should be")
	}
	if d.Issuer != m.issuer {
		return nil, fmt.Errorf("it says that it is %s", legible(d.Issuer))
	}
	inside := strings.HasPrefix(m.issuer, "http:")
	for name, address := range map[string]string{"authorization_endpoint": d.Authorize, "token_endpoint": d.Token, "jwks_uri": d.Keys} {
		if !goesTo(address, inside) {
			return nil, fmt.Errorf("its %s is %s, and must be an https URL", name, legible(address))
		}
	}
	if d.style, err = styleOf(d.Methods); err != nil {
		return nil, err
	}
	d.http = idtokens.NewFetcher(d.Token)
	d.http.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("it redirects a code") }
	if before != nil && before.Keys == d.Keys {
		d.client = before.client
	} else {
		d.client = m.keys(d.Keys)
	}
	return &d, nil
}

// goesTo says whether a browser may be sent to an address, or a secret. Plain http stays inside this machine, and only a provider that is
// there itself may name it.
func goesTo(address string, inside bool) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || inside && u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
