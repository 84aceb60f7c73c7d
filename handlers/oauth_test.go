package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/client"
	"latchkey/handlers"
	"latchkey/internal/model"
	"latchkey/internal/onboard"
	"latchkey/internal/onboard/onboardtest"
)

const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code"

// device is something that wants a key: a program without cookies, at an address of its own.
type device struct {
	p        *program
	address  string
	agent    string
	code     string
	userCode string
}

func (p *program) device() *device {
	return &device{p: p, address: "192.0.2.7", agent: "curl/8.5.0"}
}

// pairing is a device that has asked already and shows its code.
func (p *program) pairing(name string) *device {
	p.t.Helper()
	d := p.device()
	started := d.start(url.Values{"client_id": {appID}, "device_name": {name}}).want(http.StatusOK).json()
	d.code, d.userCode = started["device_code"].(string), started["user_code"].(string)
	return d
}

func (d *device) start(form url.Values) answer {
	d.p.t.Helper()
	return d.send("/oauth/device_authorization", form, nil)
}

// asks polls as a device does at the interval: time goes on first.
func (d *device) asks() answer {
	d.p.t.Helper()
	d.p.clock.Advance(5 * time.Second)
	return d.poll(nil)
}

func (d *device) poll(header http.Header) answer {
	d.p.t.Helper()
	return d.send("/oauth/token", url.Values{"client_id": {appID}, "grant_type": {deviceGrantType}, "device_code": {d.code}}, header)
}

func (d *device) send(path string, form url.Values, header http.Header) answer {
	d.p.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, d.p.deps.PublicURL+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = d.address + ":40000"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", d.agent)
	for name, values := range header {
		r.Header[name] = values
	}
	return d.p.browser().send(r)
}

// json is the answer's body, which must be JSON.
func (a answer) json() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		a.t.Fatalf("%q: %v", a.body, err)
	}
	return m
}

// refuses checks an answer for programs: its status, its error, and that it is made as RFC 6749 says.
func (a answer) refuses(status int, code string) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		a.t.Errorf("Content-Type is %q", got)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		a.t.Errorf("Cache-Control is %q", got)
	}
	m := a.json()
	text, _ := m["error_description"].(string)
	if m["error"] != code || len(m) != 2 {
		a.t.Errorf("says %v, want error %q", m, code)
	}
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		a.t.Errorf("the description is %q", text)
	}
	return a
}

func TestADeviceIsToldItsCodesAndWhereAPersonTypesThem(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	a := p.device().start(url.Values{"client_id": {appID}, "scope": {""}, "device_name": {"porch-cam"}, "something_else": {"x"}}).want(http.StatusOK)
	m := a.json()
	code, user := m["device_code"].(string), m["user_code"].(string)
	if len(code) < 43 || len(user) != 9 || user[4] != '-' {
		t.Errorf("the codes are %q and %q", code, user)
	}
	delete(m, "device_code")
	want := map[string]any{
		"user_code": user, "verification_uri": publicURL + "/device", "verification_uri_complete": publicURL + "/device?user_code=" + user,
		"expires_in": 600.0, "interval": 5.0,
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(a.body, `"expires_in":600,"interval":5`) {
		t.Errorf("the numbers are not whole: %s", a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" || a.header.Get("Cache-Control") != "no-store" || len(a.cookies) != 0 {
		t.Errorf("Content-Type %q, Cache-Control %q, cookies %v", got, a.header.Get("Cache-Control"), a.cookies)
	}
}

func TestTheAddressForPeopleIsNeverTakenFromTheRequest(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	a := p.device().send("/oauth/device_authorization", url.Values{"client_id": {appID}}, http.Header{
		"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"host=evil.example"},
	})
	a.want(http.StatusOK).keepsQuiet("evil.example")
	r := p.browser().request(http.MethodGet, "/.well-known/oauth-authorization-server", nil)
	r.Host = "evil.example"
	p.browser().send(r).want(http.StatusOK).keepsQuiet("evil.example")
}

func TestProgramsFindEverythingFromTheURLAlone(t *testing.T) {
	t.Parallel()
	b := newProgram(t).browser()
	a := b.get("/.well-known/oauth-authorization-server").want(http.StatusOK)
	want := map[string]any{
		"issuer": publicURL, "device_authorization_endpoint": publicURL + "/oauth/device_authorization", "token_endpoint": publicURL + "/oauth/token",
		"grant_types_supported": []any{deviceGrantType}, "token_endpoint_auth_methods_supported": []any{"none"}, "response_types_supported": []any{},
		"app_id": appID,
	}
	if diff := cmp.Diff(want, a.json()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestAnApprovedDeviceIsGivenAKeyThatWorks(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	d.asks().refuses(http.StatusBadRequest, "authorization_pending")
	b.approves(d, "porch-cam")
	a := d.asks().want(http.StatusOK)
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" {
		t.Errorf("the header is %v", a.header)
	}
	m, key := a.json(), p.stored(who)[0]
	value, _ := m["access_token"].(string)
	delete(m, "access_token")
	want := map[string]any{"token_type": "Bearer", "key_id": key.ID, "key_name": "porch-cam", "app_id": appID, "base_url": publicURL, "user_id": who.id}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	session, err := p.api.Login(t.Context(), client.UserAPIKey(value))
	if err != nil || session.UserID() != who.id {
		t.Errorf("the key does not sign in as its owner: %v", err)
	}
	d.asks().want(http.StatusOK)
	p.clock.Advance(time.Minute)
	d.asks().refuses(http.StatusBadRequest, "invalid_grant")
	if got := p.storedNames(who); got != "porch-cam" {
		t.Errorf("the keys are %q", got)
	}
}

func TestADeviceLearnsWhatBecameOfItsRequest(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	denied, late, eager := p.pairing("denied"), p.pairing("late"), p.pairing("eager")
	b.opens(denied).deny().want(http.StatusSeeOther)
	denied.asks().refuses(http.StatusBadRequest, "access_denied")
	eager.asks().refuses(http.StatusBadRequest, "authorization_pending")
	eager.poll(nil).refuses(http.StatusBadRequest, "authorization_pending") // golang.org/x/oauth2 sends every poll twice
	eager.poll(nil).refuses(http.StatusBadRequest, "slow_down")
	p.clock.Advance(10 * time.Minute)
	late.asks().refuses(http.StatusBadRequest, "expired_token")
	late.code = strings.Repeat("x", len(late.code))
	late.asks().refuses(http.StatusBadRequest, "invalid_grant")
}

func TestAHundredPollsAtOnceGetOneKeyOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	b.approves(d, "porch-cam")
	answers := make([]answer, 100)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = d.poll(nil) })
	}
	all.Wait()
	given := 0
	for _, a := range answers {
		if a.status == http.StatusOK {
			given++
			continue
		}
		a.refuses(http.StatusBadRequest, "authorization_pending")
	}
	if given != 1 || p.storedNames(who) != "porch-cam" {
		t.Errorf("%d deliveries; the keys are %q", given, p.storedNames(who))
	}
}

func TestAClientMayNameItselfInAHeaderAndHasNoSecret(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	basic := func(user, password string) http.Header {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", nil)
		r.SetBasicAuth(user, password)
		return http.Header{"Authorization": r.Header["Authorization"]}
	}
	d := p.pairing("porch-cam")
	form := func(more url.Values) url.Values {
		f := url.Values{"grant_type": {deviceGrantType}, "device_code": {d.code}}
		for name, values := range more {
			f[name] = values
		}
		return f
	}
	for name, c := range map[string]struct {
		header http.Header
		form   url.Values
		status int
		code   string
	}{
		"in the form":                  {nil, url.Values{"client_id": {appID}}, 400, "authorization_pending"},
		"with an empty secret":         {nil, url.Values{"client_id": {appID}, "client_secret": {""}}, 400, "authorization_pending"},
		"in a header":                  {basic(appID, ""), nil, 400, "authorization_pending"},
		"in an escaped header":         {basic("latchkey%2Dtest", ""), nil, 400, "authorization_pending"},
		"in both":                      {basic(appID, ""), url.Values{"client_id": {appID}}, 400, "authorization_pending"},
		"nowhere":                      {nil, nil, 400, "invalid_request"},
		"as nobody":                    {nil, url.Values{"client_id": {""}}, 400, "invalid_request"},
		"as another":                   {nil, url.Values{"client_id": {"other"}}, 400, "invalid_client"},
		"as another in a header":       {basic("other", ""), nil, 401, "invalid_client"},
		"as two":                       {basic(appID, ""), url.Values{"client_id": {"other"}}, 401, "invalid_client"},
		"with a secret":                {nil, url.Values{"client_id": {appID}, "client_secret": {"x"}}, 400, "invalid_client"},
		"with a password":              {basic(appID, "x"), nil, 401, "invalid_client"},
		"with somebody's access token": {http.Header{"Authorization": {"Bearer x"}}, url.Values{"client_id": {appID}}, 401, "invalid_client"},
		"with half a header":           {http.Header{"Authorization": {"Basic %%%"}}, url.Values{"client_id": {appID}}, 401, "invalid_client"},
		"with a strange escape":        {basic("%zz", ""), nil, 401, "invalid_client"},
	} {
		p.clock.Advance(time.Minute)
		d = p.pairing("porch-cam")
		a := d.send("/oauth/token", form(c.form), c.header)
		if a.status != c.status || a.json()["error"] != c.code {
			t.Errorf("%s: status %d, %s; want %d, %s", name, a.status, a.body, c.status, c.code)
		}
		a.refuses(c.status, c.code)
		if got := a.header.Get("Www-Authenticate"); (got != "") != (c.status == http.StatusUnauthorized) {
			t.Errorf("%s: WWW-Authenticate is %q", name, got)
		}
	}
	d.start(url.Values{"client_id": {"other"}}).refuses(http.StatusBadRequest, "invalid_client")
	d.send("/oauth/device_authorization", nil, basic(appID, "")).want(http.StatusOK)
	d.send("/oauth/device_authorization", nil, basic(appID, "x")).refuses(http.StatusUnauthorized, "invalid_client")
}

func TestARequestThatCannotBeReadIsRefusedWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	d := p.pairing("porch-cam")
	whole := url.Values{"client_id": {appID}, "grant_type": {deviceGrantType}, "device_code": {d.code}}.Encode()
	const form, secret = "application/x-www-form-urlencoded", "sEcReT"
	for name, c := range map[string]struct {
		path, kind, body, code string
		status                 int
	}{
		"no form":              {"/oauth/token", "application/json", `{"device_code":"` + secret + `"}`, "invalid_request", 400},
		"no type":              {"/oauth/token", "", whole, "invalid_request", 400},
		"a broken type":        {"/oauth/token", ";;", whole, "invalid_request", 400},
		"another form":         {"/oauth/token", "multipart/form-data; boundary=x", whole, "invalid_request", 400},
		"an escape":            {"/oauth/token", form, whole + "&x=%zz" + secret, "invalid_request", 400},
		"a semicolon":          {"/oauth/token", form, whole + ";x=" + secret, "invalid_request", 400},
		"twice":                {"/oauth/token", form, whole + "&device_code=" + secret, "invalid_request", 400},
		"an unknown twice":     {"/oauth/token", form, whole + "&x=" + secret + "&x=" + secret, "invalid_request", 400},
		"nothing":              {"/oauth/token", form, "", "invalid_request", 400},
		"no grant type":        {"/oauth/token", form, "client_id=" + appID + "&device_code=" + secret, "invalid_request", 400},
		"no device code":       {"/oauth/token", form, "client_id=" + appID + "&grant_type=" + url.QueryEscape(deviceGrantType), "invalid_request", 400},
		"another grant type":   {"/oauth/token", form, "client_id=" + appID + "&grant_type=password&password=" + secret, "unsupported_grant_type", 400},
		"only in the address":  {"/oauth/token?" + whole, form, "", "invalid_request", 400},
		"start twice":          {"/oauth/device_authorization", form, "client_id=" + appID + "&client_id=" + appID, "invalid_request", 400},
		"start in the address": {"/oauth/device_authorization?client_id=" + appID, form, "", "invalid_request", 400},
		"too much":             {"/oauth/token", form, whole + "&x=" + strings.Repeat(secret, 20_000), "invalid_request", 413},
		"too much to start":    {"/oauth/device_authorization", form, "client_id=" + strings.Repeat(secret, 20_000), "invalid_request", 413},
	} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, publicURL+c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			if chunked {
				r.ContentLength = -1
			}
			a := p.browser().send(r)
			if a.status != c.status || a.json()["error"] != c.code {
				t.Errorf("%s: status %d, %s", name, a.status, a.body)
			}
			a.refuses(c.status, c.code).keepsQuiet(secret, d.code)
		}
	}
	// What stands in the address beside a whole form is nobody's business.
	p.clock.Advance(time.Minute)
	d.send("/oauth/token?device_code="+secret+"&client_id=other&%zz", url.Values{"client_id": {appID}, "grant_type": {deviceGrantType}, "device_code": {d.code}}, nil).
		refuses(http.StatusBadRequest, "authorization_pending")
	if log := p.logs.String(); strings.Contains(log, secret) || strings.Contains(log, d.code) {
		t.Errorf("the log repeats it: %s", log)
	}
}

func TestEveryAnswerAtAnAddressForProgramsIsJSON(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b := p.browser()
	for _, path := range []string{
		"/oauth", "/OAuth/token", "/keys/oauth/token", "/./oauth/token", "/oauth/", "/oauth/nothing", "/oauth/token/", "/oauth/device_authorization/x", "/.well-known/oauth-authorization-server/x",
	} {
		b.get(path).refuses(http.StatusNotFound, "invalid_request")
		a := b.htmx().post(path, url.Values{}).refuses(http.StatusNotFound, "invalid_request")
		if a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a program in a browser cannot read what is wrong", path)
		}
	}
	for _, path := range []string{"/oauth/token", "/oauth/device_authorization"} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			a := b.send(b.request(method, path, nil)).refuses(http.StatusMethodNotAllowed, "invalid_request")
			if !strings.Contains(a.header.Get("Allow"), http.MethodPost) {
				t.Errorf("%s %s: Allow is %q", method, path, a.header.Get("Allow"))
			}
		}
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := b.request(http.MethodPost, path, url.Values{"client_id": {appID}})
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set(header, value)
			a := b.send(r).refuses(http.StatusForbidden, "invalid_request")
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: other sites may read the answer", path)
			}
		}
	}
	b.send(b.request(http.MethodPost, "/.well-known/oauth-authorization-server", nil)).refuses(http.StatusMethodNotAllowed, "invalid_request")
}

// brokenGrants fail, or panic.
type brokenGrants struct {
	onboard.Grants
	fails func() error
}

func (g brokenGrants) CreateGrant(context.Context, model.DeviceGrant, int) error { return g.fails() }

func (g brokenGrants) GrantByDeviceCode(context.Context, [32]byte) (model.DeviceGrant, error) {
	return model.DeviceGrant{}, g.fails()
}

func withGrants(grants onboard.Grants) func(*handlers.Deps) {
	return func(d *handlers.Deps) {
		d.Pairings = onboard.New(onboard.Config{ClientID: appID, Grants: grants, Now: d.Now})
	}
}

func TestAFailureOfOursIsToldToProgramsWithoutItsCause(t *testing.T) {
	t.Parallel()
	code := strings.Repeat("A", 43)
	for name, c := range map[string]struct {
		fails  func() error
		status int
		code   string
	}{
		"the disk":          {func() error { return errors.New("disk full at secret-host") }, 503, "temporarily_unavailable"},
		"a mistake of ours": {func() error { panic("index out of secret-host") }, 500, "server_error"},
	} {
		p := newProgram(t, withGrants(brokenGrants{&onboardtest.Memory{}, c.fails}))
		d := p.device()
		d.code = code
		for _, a := range []answer{d.start(url.Values{"client_id": {appID}}), d.poll(nil)} {
			a.refuses(c.status, c.code).keepsQuiet("secret-host", code)
			if got := a.header.Get("Retry-After"); (got == "5") != (c.status == http.StatusServiceUnavailable) {
				t.Errorf("%s: Retry-After is %q", name, got)
			}
		}
		if log := p.logs.String(); !strings.Contains(log, "secret-host") || strings.Contains(log, code) {
			t.Errorf("%s: the log says %s", name, log)
		}
	}
}

// forgotten are grants that lose the answer to the first delivery.
type forgotten struct {
	onboard.Grants
	lost atomic.Bool
}

func (g *forgotten) DeliverGrant(ctx context.Context, hash [32]byte, now, notBefore, lastBefore time.Time) (model.DeviceGrant, error) {
	delivered, err := g.Grants.DeliverGrant(ctx, hash, now, notBefore, lastBefore)
	if err == nil && g.lost.CompareAndSwap(false, true) {
		return model.DeviceGrant{}, fmt.Errorf("deliver: %w", model.ErrUnclear)
	}
	return delivered, err
}

func TestADeliveryWhoseAnswerIsLostIsRepeatedAndWrittenDownOnce(t *testing.T) {
	t.Parallel()
	p := newProgram(t, withGrants(&forgotten{Grants: &onboardtest.Memory{}}))
	b, who := p.signedIn(email)
	d := p.pairing("porch-cam")
	b.approves(d, "porch-cam")
	d.asks().refuses(http.StatusServiceUnavailable, "temporarily_unavailable")
	first := d.asks().want(http.StatusOK).json()["access_token"]
	if again := d.asks().want(http.StatusOK).json()["access_token"]; again != first {
		t.Error("the second answer has another value")
	}
	events, err := p.own.Events(t.Context(), who.id, model.EventQuery{Kinds: []model.EventKind{model.EventKeyShown}, Limit: 10})
	if err != nil || len(events) != 1 || events[0].Again != 0 {
		t.Errorf("written down: %v, %v", events, err)
	}
}

func TestOneAddressCannotStartPairingsWithoutEnd(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	d := p.device()
	for range 30 {
		d.start(url.Values{"client_id": {appID}}).want(http.StatusOK)
	}
	a := d.start(url.Values{"client_id": {appID}}).refuses(http.StatusTooManyRequests, "temporarily_unavailable")
	wait, err := time.ParseDuration(a.header.Get("Retry-After") + "s")
	if err != nil || wait <= 0 || wait > 10*time.Minute {
		t.Fatalf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	elsewhere := p.device()
	elsewhere.address = "192.0.2.8"
	elsewhere.start(url.Values{"client_id": {appID}}).want(http.StatusOK)
	p.clock.Advance(wait)
	d.start(url.Values{"client_id": {appID}}).want(http.StatusOK)
}

func TestNoCodeAndNoValueIsInTheLog(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	b, _ := p.signedIn(email)
	d := p.pairing("porch-cam")
	b.get("/device?user_code=" + d.userCode)
	b.approves(d, "porch-cam")
	value := d.asks().want(http.StatusOK).json()["access_token"].(string)
	for _, secret := range []string{d.code, d.userCode, strings.ReplaceAll(d.userCode, "-", ""), value} {
		if strings.Contains(p.logs.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if line := p.logs.line(t, "request"); line["route"] != "/oauth/token" || line["from"] != d.address {
		t.Errorf("the request is logged as %v", line)
	}
}
