package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// apiRoot is where the client API lives on every server.
const apiRoot = "/api/client/v2.0"

// defaultUserAgent names this package to servers; see [WithUserAgent].
const defaultUserAgent = "latchkey-client-go/1"

// Client talks to one app on one server. It is safe for concurrent use; make
// one per app and keep it.
type Client struct {
	base      string // scheme://host, where the app's location is asked for
	appID     string
	http      *http.Client
	userAgent string
	device    Device
	hostOnly  bool // the location must name the host of base

	pause    func(context.Context) error // before a request is sent a second time
	now      func() time.Time
	sessions sightings
	http1    atomic.Bool // what the server speaks

	deviceID atomic.Pointer[string] // given by the first sign-in, given back by the next
	root     atomic.Pointer[string] // where every other call goes, once known
	locating flight[string]
}

// Option changes what [New] makes.
type Option func(*Client)

// WithHTTPClient makes the Client send its requests through h: another
// transport, other timeouts. Whatever h says, redirects are not followed and
// cookies are not kept.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) { c.http = h }
}

// WithUserAgent sets the User-Agent header of every request.
func WithUserAgent(name string) Option {
	return func(c *Client) { c.userAgent = name }
}

// WithBaseHostOnly makes the Client refuse a location that names another scheme,
// host or port than the base URL, as that of a server may which is not what it
// should be. The SDKs go wherever they are sent.
func WithBaseHostOnly() Option {
	return func(c *Client) { c.hostOnly = true }
}

// WithDevice describes this program to the server at each sign-in. Platform,
// PlatformVersion, SDK and SDKVersion have defaults.
func WithDevice(d Device) Option {
	return func(c *Client) { c.device = d }
}

// New returns a Client for the app with the given client app id at baseURL,
// such as "https://keys.example.com". It sends nothing; the first call asks the
// server for the app's location, as the SDKs do.
func New(baseURL, appID string, opts ...Option) (*Client, error) {
	base, err := cleanBaseURL(baseURL)
	if err != nil {
		return nil, fmt.Errorf("client: base URL: %w", err)
	}
	if appID == "" || appID == "." || appID == ".." {
		return nil, errors.New("client: the app id is missing")
	}
	c := &Client{base: base, appID: appID, userAgent: defaultUserAgent, pause: shortPause, now: time.Now}
	for _, opt := range opts {
		opt(c)
	}
	if c.http == nil {
		c.http = defaultHTTPClient()
	}
	c.http = restrained(c.http)
	c.device = c.device.withDefaults()
	return c, nil
}

// cleanBaseURL returns raw without trailing slashes, or says why no request
// should go there. Its errors never quote raw, which may hold a password.
func cleanBaseURL(raw string) (string, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil:
		return "", errors.New("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("it must start with http:// or https://")
	case u.Hostname() == "":
		return "", errors.New("it names no host")
	case u.User != nil:
		return "", errors.New("it must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it must not have a query or fragment")
	}
	return u.String(), nil
}

// request is one call of the API, before it is sent.
type request struct {
	op     string // what the caller wanted, in words
	method string
	root   string // of the path; apiRoot when empty
	path   string // below root, already escaped
	bearer Secret // the token to send, if any
	body   any    // sent as JSON, unless nil

	form url.Values // sent in place of body, unless nil

	// noContent is true of a call that answers 204 and nothing else.
	noContent bool

	// secrets are the values in body that no error may repeat, should the
	// server echo them.
	secrets []Secret
}

// fullPath is the path on the host.
func (r request) fullPath() string {
	if r.root == "" {
		return apiRoot + r.path
	}
	return r.root + r.path
}

// changesNothing reports whether r can be sent twice without harm: it only asks,
// or gets one more token.
func (r request) changesNothing() bool {
	return r.method == http.MethodGet || r.op == opRefresh || r.op == opTokenFor
}

// path joins escaped path elements, each after a slash.
func path(elements ...string) string {
	var b strings.Builder
	for _, e := range elements {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(e))
	}
	return b.String()
}

// appPath is path below the app, for the calls that carry no token.
func (c *Client) appPath(elements ...string) string {
	return path("app", c.appID) + path(elements...)
}

// call sends r to the app's server and decodes the answer into out, which is
// nil when no body is expected.
func (c *Client) call(ctx context.Context, r request, out answer) error {
	root, err := c.location(ctx)
	if err != nil {
		return r.unlocated(err)
	}
	return c.send(ctx, root, r, out)
}

// send is the one place where a request leaves and an answer comes in. It sends
// a request that changes nothing a second time when the connection failed before
// any answer, and no other request: a second create would create a second key.
func (c *Client) send(ctx context.Context, root string, r request, out answer) error {
	var way delivery
	res, err := c.deliver(ctx, root, r, &way)
	if err != nil && r.changesNothing() && way.failedEarly(ctx, err) && c.pause(ctx) == nil {
		res, err = c.deliver(ctx, root, r, &way)
	}
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	c.http1.Store(res.ProtoMajor == 1)
	return r.read(res, out)
}

// deliver sends r once.
func (c *Client) deliver(ctx context.Context, root string, r request, way *delivery) (*http.Response, error) {
	req, err := c.build(httptrace.WithClientTrace(ctx, way.trace()), root, r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, r.unsent(err)
	}
	way.left = true
	res, err := c.http.Do(req)
	if err != nil {
		return nil, r.unanswered(err, way)
	}
	return res, nil
}

// build turns r into an HTTP request.
func (c *Client) build(ctx context.Context, root string, r request) (*http.Request, error) {
	var body bytes.Buffer
	if r.body != nil {
		if err := json.NewEncoder(&body).Encode(r.body); err != nil {
			return nil, err
		}
	}
	body.WriteString(r.form.Encode())
	req, err := http.NewRequestWithContext(ctx, r.method, root+r.fullPath(), &body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r.method == http.MethodGet && c.http1.Load() {
		req.Body, req.GetBody = sentOnce{}, nil
	}
	if r.bearer != "" {
		if !printable(r.bearer) {
			return nil, errors.New("the token has characters that no header can carry")
		}
		req.Header.Set("Authorization", "Bearer "+r.bearer.Reveal())
	}
	return req, nil
}

// printable reports whether a token can be sent in a header.
func printable(token Secret) bool {
	return !strings.ContainsFunc(token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' })
}
