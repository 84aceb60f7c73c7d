package pair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/app/weburl"
	"latchkey/internal/model"
)

const (
	// maxPairingAnswer bounds what is read of an answer: the longest is the metadata.
	maxPairingAnswer = 64 << 10
	// lostAnswerTime is how long a server gives the same key again to a device that has not got the answer.
	lostAnswerTime = time.Minute
	// defaultInterval is the time between polls when the server names none, and what each slow_down adds (RFC 8628, 3.5).
	defaultInterval = 5 * time.Second
)

// pairing is the device's side of pairing by code (RFC 8628) with one server. It takes nobody's word for where else to go:
// every address that the server names must be its own.
type pairing struct {
	http   *http.Client
	server string // its origin, which is its issuer too

	appID                         string
	deviceEndpoint, tokenEndpoint string
}

// newClient follows no redirect: the device code and the key go nowhere but to the address that was given.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSHandshakeTimeout:    5 * time.Second,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
	}
}

// startedPairing is what the device shows, and the secret that it polls with.
type startedPairing struct {
	DeviceCode model.Secret `json:"device_code"`
	UserCode   string       `json:"user_code"`
	Address    string       `json:"verification_uri"`
	Complete   string       `json:"verification_uri_complete"`
	ExpiresIn  int64        `json:"expires_in"` // seconds
	Interval   int64        `json:"interval"`   // seconds
}

// pairedKey is the key that the device was given, and what it needs to sign in with it.
type pairedKey struct {
	AppID   string       `json:"app_id"`
	BaseURL string       `json:"base_url"`
	Value   model.Secret `json:"access_token"`
	ID      string       `json:"key_id"`
	Name    string       `json:"key_name"`
	UserID  string       `json:"user_id"`
}

// What the token endpoint says while nobody has decided.
var (
	errPending  = errors.New("authorization_pending")
	errSlowDown = errors.New("slow_down")
)

// noAnswerError means that the server was not reached, or that what came back was not its word: a proxy's error page, half
// an answer, "too many requests". It may be otherwise a little later.
type noAnswerError struct {
	cause error
	after time.Duration // what Retry-After asks for; 0: nothing
}

// Error quotes what is wrong in ASCII: it may repeat what the server sent.
func (e *noAnswerError) Error() string { return plain(e.cause.Error()) }
func (e *noAnswerError) Unwrap() error { return e.cause }

// appName is what an app can be called.
var appName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// discover reads the server's metadata (RFC 8414): where it takes requests, and which app its keys are for.
func (p *pairing) discover(ctx context.Context) error {
	res, err := p.send(ctx, http.MethodGet, p.server+"/.well-known/oauth-authorization-server", nil)
	if err != nil {
		return err
	}
	var metadata struct {
		Issuer         string `json:"issuer"`
		DeviceEndpoint string `json:"device_authorization_endpoint"`
		TokenEndpoint  string `json:"token_endpoint"`
		AppID          string `json:"app_id"`
	}
	if to := res.redirect(); to != "" {
		return fmt.Errorf("%s redirects to %s: use the address of the Latchkey server itself", p.server, to)
	}
	if res.status != http.StatusOK || json.Unmarshal(res.body, &metadata) != nil || !appName.MatchString(metadata.AppID) {
		return fmt.Errorf("%s is not a Latchkey server that devices can pair with", p.server)
	}
	if issuer, ok := originOf(metadata.Issuer); !ok || issuer != p.server {
		return fmt.Errorf("the Latchkey server at %s says that its address is %+q; if that is right, use that one", p.server, metadata.Issuer)
	}
	if !p.own(metadata.DeviceEndpoint) || !p.own(metadata.TokenEndpoint) {
		return fmt.Errorf("the Latchkey server at %s sends devices to another server, which is refused", p.server)
	}
	p.appID, p.deviceEndpoint, p.tokenEndpoint = metadata.AppID, metadata.DeviceEndpoint, metadata.TokenEndpoint
	return nil
}

// start asks for a code.
func (p *pairing) start(ctx context.Context, deviceName string) (startedPairing, error) {
	form := url.Values{"client_id": {p.appID}}
	if deviceName != "" {
		form.Set("device_name", deviceName)
	}
	var s startedPairing
	res, err := p.send(ctx, http.MethodPost, p.deviceEndpoint, form)
	if err != nil {
		return s, err
	}
	if res.status != http.StatusOK {
		return s, fmt.Errorf("the server gave no code: %s", res.refusal())
	}
	if err := json.Unmarshal(res.body, &s); err != nil || !p.sound(s) {
		return s, errors.New("the server's answer cannot be used for pairing")
	}
	if s.Interval == 0 {
		s.Interval = int64(defaultInterval / time.Second)
	}
	return s, nil
}

var shownCode = regexp.MustCompile(`^[A-Za-z0-9-]{1,32}$`)

func (p *pairing) sound(s startedPairing) bool {
	const day = 24 * 60 * 60
	return s.DeviceCode != "" && shownCode.MatchString(s.UserCode) && isPlain(s.Address+s.Complete) &&
		p.own(s.Address) && (s.Complete == "" || p.own(s.Complete)) &&
		0 < s.ExpiresIn && s.ExpiresIn <= day && 0 <= s.Interval && s.Interval <= day
}

// await polls until somebody has decided or the code has expired. Whatever is wrong between here and the server may pass:
// it goes on, more slowly. When an answer was lost, it goes on beyond the end of the code, as the lost one may have had the
// key. say tells the person.
func (p *pairing) await(ctx context.Context, s startedPairing, say func(string)) (pairedKey, error) {
	interval := time.Duration(s.Interval) * time.Second
	expires := time.Now().Add(time.Duration(s.ExpiresIn) * time.Second)
	var lost *noAnswerError // what went wrong last time
	failures := 0
	for wait := interval; ; {
		left := time.Until(expires)
		if lost != nil {
			left += lostAnswerTime
		}
		if left <= 0 {
			return pairedKey{}, ranOut(lost)
		}
		if err := sleep(ctx, min(wait, left)); err != nil {
			return pairedKey{}, err
		}
		key, err := p.poll(ctx, s.DeviceCode)
		wasLost := lost
		lost = nil
		switch {
		case err == nil:
			return key, nil
		case errors.Is(err, errPending):
			wait = interval
		case errors.Is(err, errSlowDown):
			interval += defaultInterval
			wait = interval
		case errors.As(err, &lost):
			failures++
			wait = max(lost.after, interval<<min(failures, 2))
		default:
			return pairedKey{}, err
		}
		switch {
		case ctx.Err() != nil:
			return pairedKey{}, ctx.Err()
		case wasLost == nil && lost != nil:
			say(fmt.Sprintf("No answer from the server (%v). Trying again.", lost))
		case wasLost != nil && lost == nil:
			failures = 0
			say("The server is answering again.")
		}
	}
}

func ranOut(lost *noAnswerError) error {
	if lost == nil {
		return exitError{exitExpired, errExpired}
	}
	return exitError{exitNoServer, fmt.Errorf("the server did not answer before the code expired (%w); "+
		"if the keys page shows a key for this device, delete it", lost)}
}

// poll asks once what has become of the code.
func (p *pairing) poll(ctx context.Context, deviceCode model.Secret) (pairedKey, error) {
	var key pairedKey
	res, err := p.send(ctx, http.MethodPost, p.tokenEndpoint, url.Values{
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"client_id":   {p.appID},
		"device_code": {deviceCode.Reveal()},
	})
	if err != nil {
		return key, err
	}
	if res.status == http.StatusOK {
		if json.Unmarshal(res.body, &key) != nil {
			return key, &noAnswerError{cause: errors.New("the answer is not from a Latchkey server")}
		}
		return key, key.check()
	}
	switch code := res.errorCode(); code {
	case "authorization_pending":
		return key, errPending
	case "slow_down":
		return key, errSlowDown
	case "access_denied":
		return key, exitError{exitDenied, errDenied}
	case "expired_token":
		return key, exitError{exitExpired, errExpired}
	case "invalid_grant":
		return key, errors.New("the server no longer knows this code; if the keys page shows a key for this device, " +
			"its value was lost on the way: delete it and pair again")
	case "":
		return key, &noAnswerError{cause: fmt.Errorf("the answer is not from a Latchkey server: status %d", res.status)}
	default:
		return key, fmt.Errorf("the server refused: %s", res.refusal())
	}
}

// plainValue is what can stand in a .env without quotes, and in a terminal: the server's texts are not ours.
var plainValue = regexp.MustCompile(`^[A-Za-z0-9._~:/@%+,=[\]-]{1,1000}$`)

func (k pairedKey) check() error {
	_, isURL := weburl.Parse(k.BaseURL)
	for _, text := range []string{k.AppID, k.BaseURL, k.Value.Reveal(), k.ID, k.Name, k.UserID} {
		if !isURL || !plainValue.MatchString(text) {
			return errors.New("the server sent a key that cannot be used; delete it on the keys page")
		}
	}
	return nil
}

// isPlain says whether the text is of printable ASCII, without spaces: nothing in it moves the cursor of a terminal, or shows
// its reader another order than it has.
func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// plain is a sentence in printable ASCII.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send makes one request. Its errors are all a *noAnswerError.
func (p *pairing) send(ctx context.Context, method, address string, form url.Values) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "latchkey-pair ("+runtime.GOOS+"; "+runtime.GOARCH+")")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := p.http.Do(req)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err // the address is known
			if withAddress.Timeout() {
				err = errors.New("timed out")
			}
		}
		return reply{}, &noAnswerError{cause: err}
	}
	defer func() { _ = res.Body.Close() }() // only read from
	r := reply{status: res.StatusCode, header: res.Header}
	r.body, err = io.ReadAll(io.LimitReader(res.Body, maxPairingAnswer+1))
	switch {
	case err != nil:
		return r, &noAnswerError{cause: err}
	case len(r.body) > maxPairingAnswer:
		return r, &noAnswerError{cause: errors.New("the answer is too long")}
	case r.status == http.StatusTooManyRequests || r.status >= 500:
		return r, &noAnswerError{fmt.Errorf("status %d", r.status), r.retryAfter(time.Now())}
	}
	return r, nil
}

// errorCode is the OAuth error of the answer, "" when it has none and so is nobody's refusal.
func (r reply) errorCode() string {
	var refused struct {
		Error string `json:"error"`
	}
	if r.status < 400 || json.Unmarshal(r.body, &refused) != nil {
		return ""
	}
	return refused.Error
}

// refusal says what the server answered, as far as it can be printed.
func (r reply) refusal() string {
	var refused struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(r.body, &refused) != nil || refused.Error == "" {
		return "status " + strconv.Itoa(r.status)
	}
	if refused.Description == "" {
		return strconv.QuoteToASCII(refused.Error)
	}
	return fmt.Sprintf("%+q, %+q", refused.Error, refused.Description)
}

// redirect is the origin that a redirect leads to, in quotes.
func (r reply) redirect() string {
	if r.status < 300 || r.status > 399 {
		return ""
	}
	if to, ok := originOf(r.header.Get("Location")); ok {
		return strconv.QuoteToASCII(to)
	}
	return "another page"
}

// retryAfter is the header's wish: seconds, or a date.
func (r reply) retryAfter(now time.Time) time.Duration {
	text := r.header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 20); err == nil {
		return time.Duration(seconds) * time.Second //nolint:gosec // below 2^20
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// own says whether the address is one of the server itself.
func (p *pairing) own(address string) bool {
	of, ok := originOf(address)
	return ok && of == p.server
}

// originOf is the origin of an absolute http or https address without a user.
func originOf(address string) (string, bool) {
	u, err := url.Parse(address) // refuses control characters
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	return weburl.Origin(u), true
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
