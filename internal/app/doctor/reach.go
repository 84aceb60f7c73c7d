package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/internal/app/weburl"
)

// What a server is given for its answers.
const (
	reachTimeout = 15 * time.Second
	maxAnswer    = 64 << 10
	clockLeeway  = 5 * time.Second // as much as SDKs allow
)

// reachable is how a server is looked at.
type reachable struct {
	now   func() time.Time
	roots *x509.CertPool                    // nil: those of this machine
	known func(issuerOrSubject []byte) bool // whether an old Android has the root of that name
}

// The states of a check.
const (
	isOK   = "ok"
	isNote = "note" // worth knowing, and in the way of some devices alone
	isBad  = "fix"
)

// check is one thing that a device needs.
type check struct {
	What  string `json:"what"`
	State string `json:"state"`
	Say   string `json:"say"` // what to do; "" when all is well
}

// reached is what devices find at an address.
type reached struct {
	URL    string  `json:"url"`
	AppID  string  `json:"app_id"`
	Checks []check `json:"checks"`
}

func (r *reached) add(what, state, say string) { r.Checks = append(r.Checks, check{what, state, say}) }

func (r *reached) ok(what string) { r.add(what, isOK, "") }

func (r *reached) fix(what, format string, args ...any) {
	r.add(what, isBad, fmt.Sprintf(format, args...))
}

func (r reached) broken() bool {
	for _, c := range r.Checks {
		if c.State == isBad {
			return true
		}
	}
	return false
}

func (r reached) text() string {
	var b strings.Builder
	b.WriteString(r.URL)
	if r.AppID != "" {
		b.WriteString(", app id " + r.AppID)
	}
	b.WriteString("\n\n")
	for _, c := range r.Checks {
		say := c.Say
		switch c.State {
		case isOK:
			say = "ok"
		case isNote:
			say = "ok, but " + say
		}
		b.WriteString(inColumn(c.What, say))
	}
	return b.String()
}

// The names of the checks.
const (
	checkTLS      = "TLS chain"
	checkAppID    = "App id"
	checkLocation = "Location"
	checkHost     = "hostname"
	checkWSHost   = "ws_hostname"
	checkType     = "Content-Type"
	checkKeys     = "Public keys"
	checkClock    = "Clock"
)

// check asks what an SDK asks first, as it asks: without headers, and following no redirect.
func (from reachable) check(ctx context.Context, address, appID string) reached {
	v := &visit{reachable: from, at: address, out: reached{URL: address, Checks: []check{}}}
	transport := &http.Transport{
		DisableCompression: true, // which would be a header
		// The chain is judged afterwards, to have a line of its own: nothing secret is sent, and what comes is printed and no more.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, VerifyConnection: v.see}, //nolint:gosec // see above
	}
	defer transport.CloseIdleConnections()
	v.client = &http.Client{
		Timeout: reachTimeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	v.findApp(ctx, appID)
	keys := v.get(ctx, "/.well-known/jwks.json")
	v.judgeChain(keys.err)
	v.judgeLocation(ctx)
	v.judgeKeys(keys)
	v.judgeClock(keys)
	return v.out
}

// visit is one look at a server.
type visit struct {
	reachable
	at     string
	client doer
	chain  []*x509.Certificate // as the server sent it
	out    reached
}

func (v *visit) see(state tls.ConnectionState) error {
	v.chain = state.PeerCertificates
	return nil
}

// reply is an answer, or why there is none.
type reply struct {
	err      error
	status   int
	header   http.Header
	body     []byte
	from, to time.Time // when it was asked for, and when it was there
}

func (v *visit) get(ctx context.Context, path string) (r reply) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.at+path, nil)
	if err != nil {
		return reply{err: err}
	}
	req.Header["User-Agent"] = nil
	r.from = v.now()
	res, err := v.client.Do(req)
	r.to = v.now()
	if err != nil {
		var inside *url.Error
		if errors.As(err, &inside) {
			err = inside.Err
		}
		return reply{err: err}
	}
	defer func() { _ = res.Body.Close() }() // only read from
	r.status, r.header = res.StatusCode, res.Header
	r.body, r.err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return r
}

// wrong says why a reply is not what was asked for; "" when its status is 200 and it is JSON.
func (r reply) wrong() string {
	kind, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	isPage := strings.TrimSpace(strings.ToLower(kind)) == "text/html"
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(r.body, &said) // it may be anything
	switch {
	case r.err != nil:
		return "no answer: " + legible(r.err.Error())
	case r.status >= 300 && r.status < 400:
		return fmt.Sprintf("redirected (%d) to %s: SDKs may not follow. Give your apps that address, or have the proxy pass the request on", r.status, legible(r.header.Get("Location")))
	case r.status == http.StatusMisdirectedRequest:
		return "421: the server does not answer for this host. Set --public-url or --also-host, and have the proxy pass on the Host header"
	case r.status != http.StatusOK && said.Error != "":
		return fmt.Sprintf("%d: %s", r.status, legible(said.Error))
	case isPage:
		return fmt.Sprintf("%d with a page, not JSON: something else answers here. Have the proxy pass on /api/ and /.well-known/ and ask nobody to sign in there", r.status)
	case r.status != http.StatusOK:
		return fmt.Sprintf("%d: have the proxy pass on /api/ and /.well-known/", r.status)
	case !json.Valid(r.body):
		return "not JSON: something else answers here"
	}
	return ""
}

// findApp takes the id that was given, or asks the server for it.
func (v *visit) findApp(ctx context.Context, appID string) {
	if appID == "" {
		var metadata struct {
			AppID string `json:"app_id"`
		}
		_ = json.Unmarshal(v.get(ctx, "/.well-known/oauth-authorization-server").body, &metadata) // it may be anything
		if isAppID(metadata.AppID) {
			appID = metadata.AppID
		}
	}
	v.out.AppID = appID
}

// judgeLocation looks at the first call of every SDK, after which it goes where the answer says.
func (v *visit) judgeLocation(ctx context.Context) {
	if v.out.AppID == "" {
		v.out.fix(checkAppID, "not known: the server does not say it. Pass --app-id")
		return
	}
	r := v.get(ctx, "/api/client/v2.0/app/"+v.out.AppID+"/location")
	if why := r.wrong(); why != "" {
		if strings.Contains(why, "cannot find app") {
			why += ". Start the server with the --app-id that your apps have"
		}
		v.out.fix(checkLocation, "%s", why)
		return
	}
	v.out.ok(checkLocation)
	var location struct {
		Host   string `json:"hostname"`
		WSHost string `json:"ws_hostname"`
	}
	if json.Unmarshal(r.body, &location) != nil {
		v.out.fix(checkHost, "the answer is not an object with hostname and ws_hostname")
		return
	}
	v.judgeHosts(location.Host, location.WSHost)
	if kind := r.header.Values("Content-Type"); len(kind) != 1 || kind[0] != "application/json" {
		v.out.fix(checkType, "is %s, and must be application/json alone: otherwise SDKs cannot read why something is refused. "+
			"Have the proxy leave it as it is", quoted(strings.Join(kind, ", ")))
		return
	}
	v.out.ok(checkType)
}

func (v *visit) judgeHosts(host, wsHost string) {
	switch {
	case host == v.at:
		v.out.ok(checkHost)
	case host == "":
		v.out.fix(checkHost, "missing: SDKs do not sign in without it")
	default:
		v.out.fix(checkHost, "is %s: SDKs go on there and leave this address. To have them stay, set --public-url or --also-host to %s", quoted(host), v.at)
	}
	switch want := "ws" + strings.TrimPrefix(v.at, "http"); wsHost {
	case want:
		v.out.ok(checkWSHost)
	case "":
		v.out.fix(checkWSHost, "missing: all SDKs but realm-web fail to sign in without it")
	default:
		v.out.fix(checkWSHost, "is %s, and must be %s", quoted(wsHost), want)
	}
}

// judgeKeys looks for the keys with which other services check tokens.
func (v *visit) judgeKeys(r reply) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	why := r.wrong()
	switch {
	case why != "":
		v.out.fix(checkKeys, "%s", why)
	case json.Unmarshal(r.body, &set) != nil || len(set.Keys) == 0:
		v.out.fix(checkKeys, "none: services cannot check tokens. Have the proxy pass on /.well-known/")
	default:
		v.out.ok(checkKeys)
	}
}

// judgeClock compares clocks by the Date header, which has whole seconds.
func (v *visit) judgeClock(r reply) {
	if r.err != nil {
		return // that there is no answer was said
	}
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		v.out.fix(checkClock, "not known: answers have no Date")
		return
	}
	switch ahead, behind := date.Sub(r.to), r.from.Sub(date.Add(time.Second)); {
	case ahead > clockLeeway:
		v.out.fix(checkClock, "%s ahead of this computer's: have both set by the network (NTP)", ahead.Round(time.Second))
	case behind > clockLeeway:
		v.out.fix(checkClock, "%s behind this computer's: have both set by the network (NTP)", behind.Round(time.Second))
	default:
		v.out.ok(checkClock)
	}
}

// judgeChain judges the certificates as this machine would, and then as an old Android.
func (v *visit) judgeChain(failed error) {
	if strings.HasPrefix(v.at, "http://") {
		u, err := url.Parse(v.at)
		if err == nil && weburl.IsLoopback(u.Hostname()) {
			return
		}
		v.out.add(checkTLS, isNote, "this is plain http: anyone on the way can read keys, and Android and iOS refuse it unless the app allows it")
		return
	}
	if len(v.chain) == 0 {
		v.out.fix(checkTLS, "no TLS connection: %s", legible(fmt.Sprint(failed)))
		return
	}
	u, err := url.Parse(v.at)
	if err != nil {
		return // it was parsed before
	}
	intermediates := x509.NewCertPool()
	for _, c := range v.chain[1:] {
		intermediates.AddCert(c)
	}
	chains, err := v.chain[0].Verify(x509.VerifyOptions{DNSName: u.Hostname(), Roots: v.roots, Intermediates: intermediates, CurrentTime: v.now()})
	if err != nil {
		v.out.fix(checkTLS, "not trusted: %s. Serve the whole chain, with the intermediate certificates", legible(err.Error()))
		return
	}
	if root, old := v.oldRoot(chains); !old {
		v.out.add(checkTLS, isNote, "Android 7.0 and older do not have its root, "+quoted(root)+": such devices cannot connect, "+
			"unless the app brings the root along or the certificate is from an authority with an older root")
		return
	}
	v.out.ok(checkTLS)
}

// oldRoot says whether an old Android has a root to which the chain leads: the root of one of the ways that this machine finds, or
// the issuer of something that the server sent, which may be another way.
func (v *visit) oldRoot(chains [][]*x509.Certificate) (root string, old bool) {
	for _, chain := range chains {
		last := chain[len(chain)-1]
		if root = last.Subject.CommonName; v.known(last.RawSubject) {
			return root, true
		}
	}
	for _, c := range v.chain {
		if v.known(c.RawIssuer) {
			return root, true
		}
	}
	return root, false
}
