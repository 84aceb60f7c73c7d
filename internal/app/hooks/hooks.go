// Package hooks reaches the programs to which webhooks lead, and nothing else: addresses of one's own network only where the operator has
// named it.
package hooks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

const (
	// tryTime bounds a try from its first look-up to the end of the answer's head.
	tryTime = 10 * time.Second
	// bodyTime and maxBody bound what is read of the answer's body, so that the connection can be used again. It is thrown away.
	bodyTime = 500 * time.Millisecond
	maxBody  = 16 << 10
	// maxHead bounds the head of the answer.
	maxHead = 16 << 10
	// idleTime is how long a connection is kept for the next event.
	idleTime = 30 * time.Second
)

// Config is how receivers are reached.
type Config struct {
	// Networks are those that webhooks may lead into although they are private, and by plain HTTP.
	Networks []*net.IPNet
	// Roots are who may vouch for receivers; nil means those of the system.
	Roots *x509.CertPool
	// Resolver looks up names; nil means that of the system.
	Resolver *net.Resolver
}

// Receivers fulfils accounts.Receivers.
type Receivers struct {
	networks []*net.IPNet
	https    *http.Transport
	http     *http.Transport
	tryTime  time.Duration
}

// New gives what reaches receivers. It asks no proxy that the environment names: that would connect in place of this program, to whatever
// address.
func New(cfg Config) *Receivers {
	r := &Receivers{networks: cfg.Networks, tryTime: tryTime}
	r.https, r.http = r.transport(cfg, r.mayReach), r.transport(cfg, r.mayReachPlainly)
	return r
}

// transport connects to addresses that are allowed alone: what is asked is the address itself, once a name has been looked up, so that no
// name leads elsewhere.
func (r *Receivers) transport(cfg Config, allowed func(net.IP) bool) *http.Transport {
	dialer := &net.Dialer{
		Timeout: tryTime, Resolver: cfg.Resolver,
		Control: func(_, address string, _ syscall.RawConn) error {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return errForbidden
			}
			host, _, _ = strings.Cut(host, "%")
			if ip := net.ParseIP(host); ip == nil || !allowed(ip) {
				return errForbidden
			}
			return nil
		},
	}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: tryTime, ResponseHeaderTimeout: tryTime, MaxResponseHeaderBytes: maxHead,
		MaxIdleConnsPerHost: 1, MaxIdleConns: model.MaxWebhooks, IdleConnTimeout: idleTime, DisableCompression: true,
	}
}

// Check says what is wrong with an address, before anything is sent there.
func (r *Receivers) Check(address string) error {
	u, err := url.Parse(address)
	switch {
	case len(address) > model.MaxWebhookURL:
		return fmt.Errorf("must have at most %d characters", model.MaxWebhookURL)
	case err != nil || strings.ContainsFunc(address, notPlain):
		return errors.New("is not a valid URL") // without the cause, which repeats it
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must begin with https://")
	case strings.Trim(u.Hostname(), ".") == "" || strings.HasSuffix(u.Host, ":"):
		return errors.New("must name a host")
	case u.User != nil:
		return errors.New("must not contain a user name or a password: receivers check the signature")
	case u.Fragment != "":
		return errors.New("must not contain a fragment (#…), which is never sent")
	case u.Scheme == "http" && len(r.networks) == 0:
		return errors.New("must begin with https://; plain http:// is only allowed into the networks of --webhook-networks")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("has a port that is none")
		}
	}
	allowed := r.mayReach
	if u.Scheme == "http" {
		allowed = r.mayReachPlainly
	}
	host, _, _ := strings.Cut(u.Hostname(), "%")
	if ip := net.ParseIP(host); ip != nil && !allowed(ip) {
		return errForbidden
	}
	return nil
}

func notPlain(c rune) bool { return c > unicode.MaxASCII || !unicode.IsPrint(c) || c == ' ' }

// Post sends a delivery. Only an answer of 2xx says that it has arrived; nobody is followed elsewhere.
func (r *Receivers) Post(ctx context.Context, d accounts.Delivery) accounts.Answer {
	ctx, cancel := context.WithTimeout(ctx, r.tryTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, strings.NewReader(string(d.Body)))
	if err != nil {
		return accounts.Answer{Problem: "its address is not valid"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Latchkey-Webhooks")
	req.Header.Set("Webhook-Id", d.ID)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(d.At.Unix(), 10))
	req.Header.Set("Webhook-Signature", d.Signature)
	transport := r.https
	if req.URL.Scheme == "http" {
		transport = r.http
	}
	res, err := transport.RoundTrip(req) // and no http.Client, which would look where a redirect leads
	if err != nil {
		return accounts.Answer{Problem: problem(err)}
	}
	if res.StatusCode != http.StatusSwitchingProtocols { // whose body is the connection itself, which no context ends
		stop := time.AfterFunc(bodyTime, cancel)
		_, _ = io.CopyN(io.Discard, res.Body, maxBody) // what it says is of no interest, nor is whether it ends
		stop.Stop()
	}
	_ = res.Body.Close()
	switch status := res.StatusCode; {
	case status >= 200 && status < 300:
		return accounts.Answer{}
	case status == http.StatusGone:
		return accounts.Answer{Problem: "answered 410", Gone: true}
	case status >= 300 && status < 400:
		return accounts.Answer{Problem: "answered " + strconv.Itoa(status) + ": redirects are not followed"}
	default:
		return accounts.Answer{Problem: "answered " + strconv.Itoa(status)}
	}
}

var errForbidden = errors.New("is one that webhooks must not reach, of this computer or a private network, say; name it in --webhook-networks if it is meant")

// problem says why there was no answer, in our own words: an error may contain the address, or what others wrote.
func problem(err error) string {
	var noName *net.DNSError
	var badRecord tls.RecordHeaderError
	_, notTrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, errForbidden):
		return "its address " + errForbidden.Error()
	case errors.Is(err, context.Canceled):
		return "was stopped"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "timed out"
	case errors.As(err, &noName):
		return "its name cannot be resolved"
	case notTrusted:
		return "its certificate is not trusted"
	case errors.As(err, &badRecord):
		return "does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused the connection"
	default:
		return "the connection failed"
	}
}

func isTimeout(err error) bool {
	var of net.Error
	return errors.As(err, &of) && of.Timeout()
}

// mayReach says whether a webhook may lead to an address.
func (r *Receivers) mayReach(ip net.IP) bool { return r.mayReachPlainly(ip) || public(ip) }

// mayReachPlainly says whether it may without TLS.
func (r *Receivers) mayReachPlainly(ip net.IP) bool {
	return slices.ContainsFunc(r.networks, func(n *net.IPNet) bool { return n.Contains(ip) })
}
