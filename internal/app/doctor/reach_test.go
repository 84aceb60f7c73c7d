package doctor

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stub is a server that answers as Latchkey does, behind a proxy that spoils one thing.
type stub struct {
	*httptest.Server
	spoil func(w http.ResponseWriter, r *http.Request) bool // says whether it has answered itself
	host  func(own string) (hostname, wsHostname any)
	asked []string
}

func newStub(t *testing.T, start func(http.Handler) *httptest.Server) *stub {
	t.Helper()
	s := &stub{host: func(own string) (any, any) { return own, "ws" + strings.TrimPrefix(own, "http") }}
	s.Server = start(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *stub) answer(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, fmt.Sprint(r.URL.Path, " ", len(r.Header)))
	w.Header().Set("Content-Type", "application/json")
	if s.spoil != nil && s.spoil(w, r) {
		return
	}
	var body any
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		body = map[string]any{"issuer": s.URL, "app_id": "myapp-abcde"}
	case "/.well-known/jwks.json":
		body = map[string]any{"keys": []any{map[string]string{"kty": "EC"}}}
	case "/api/client/v2.0/app/myapp-abcde/location":
		host, wsHost := s.host(s.URL)
		body = map[string]any{"deployment_model": "LOCAL", "location": "self-hosted", "hostname": host, "ws_hostname": wsHost}
	default:
		w.WriteHeader(http.StatusNotFound)
		body = map[string]string{"error": "cannot find app using Client App ID 'x\x1b[31m'"}
	}
	encoded, _ := json.Marshal(body) // of texts
	_, _ = w.Write(encoded)
}

// looked runs the command against an address.
func looked(t *testing.T, from reachable, args ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	err := run(t.Context(), args, &b, from)
	var own exitError
	if errors.As(err, &own) {
		code = own.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return b.String(), code
}

// lines are what a report says, without its head.
func lines(out string) string {
	_, rest, _ := strings.Cut(out, "\n\n")
	return rest
}

const allWell = `  Location                ok
  hostname                ok
  ws_hostname             ok
  Content-Type            ok
  Public keys             ok
  Clock                   ok
`

func TestAServerThatDevicesCanUseIsAllRight(t *testing.T) {
	t.Parallel()
	s := newStub(t, httptest.NewServer)
	from := reachable{now: time.Now, known: isAndroid7Root}
	out, code := looked(t, from, "--reach", s.URL+"/")
	if want := s.URL + ", app id myapp-abcde\n\n" + allWell; out != want || code != 0 {
		t.Errorf("%d %s", code, cmp.Diff(want, out))
	}
	for _, asked := range s.asked {
		if !strings.HasSuffix(asked, " 0") {
			t.Errorf("asked with headers: %s", asked)
		}
	}
	for _, args := range [][]string{{"testdata/newest"}, {"--app-id", "myapp-abcde"}} {
		s.asked = nil
		if out, code := looked(t, from, append(args, "--reach", s.URL)...); lines(out) != allWell || code != 0 || len(s.asked) != 2 {
			t.Errorf("%v: %d %s %v", args, code, out, s.asked)
		}
	}
	out, _ = looked(t, from, "--json", "--reach", s.URL)
	var said struct {
		URL    string `json:"url"`
		AppID  string `json:"app_id"`
		Checks []struct{ What, State, Say string }
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || said.URL != s.URL || said.AppID != "myapp-abcde" || len(said.Checks) != 6 || said.Checks[0].State != "ok" {
		t.Errorf("%v %s", err, out)
	}
}

// Each way in which a proxy or a setting spoils it, and the one line that is about it.
func TestWhatIsInTheWayOfDevicesIsNamed(t *testing.T) {
	t.Parallel()
	location := func(do func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/location") {
				return false
			}
			do(w)
			return true
		}
	}
	all := func(do func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { do(w); return true }
	}
	header := func(name, value string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { w.Header().Set(name, value); return false }
	}
	page := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Sign in</title>"))
	}
	for name, tc := range map[string]struct {
		spoil func(http.ResponseWriter, *http.Request) bool
		host  func(string) (any, any)
		says  string
	}{
		"a charset": {header("Content-Type", "application/json; charset=utf-8"), nil, `Content-Type            is "application/json; charset=utf-8", and must be application/json alone`},
		"a type twice": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Add("Content-Type", "application/json")
			return false
		}, nil,
			`Content-Type            is "application/json, application/json"`},
		"another host":   {nil, func(string) (any, any) { return "http://keys.example.org", "ws://keys.example.org" }, `hostname                is "http://keys.example.org": SDKs go on there`},
		"another scheme": {nil, func(own string) (any, any) { return "https" + own[4:], "wss" + own[4:] }, `To have them stay, set --public-url or --also-host to http://127.0.0.1`},
		"a slash":        {nil, func(own string) (any, any) { return own + "/", "ws" + own[4:] }, `hostname                is "http://127.0.0.1`},
		"no hostname":    {nil, func(own string) (any, any) { return nil, "ws" + own[4:] }, "hostname                missing: SDKs do not sign in"},
		"no ws_hostname": {nil, func(own string) (any, any) { return own, nil }, "ws_hostname             missing: all SDKs but realm-web"},
		"a number":       {nil, func(string) (any, any) { return 1, 2 }, "hostname                the answer is not an object with"},
		"a fast clock":   {header("Date", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)), nil, "ahead of this computer's: have both set by the network"},
		"a slow clock":   {header("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)), nil, "behind this computer's"},
		"no clock":       {func(w http.ResponseWriter, _ *http.Request) bool { w.Header()["Date"] = nil; return false }, nil, "Clock                   not known"},
		"a page":         {location(page), nil, "Location                200 with a page, not JSON"},
		"a sign-in page": {all(page), nil, "App id                  not known: the server does not say it. Pass --app-id"},
		"nothing there":  {location(func(w http.ResponseWriter) { w.WriteHeader(404) }), nil, "Location                404: have the proxy pass on /api/"},
		"a wrong host":   {location(func(w http.ResponseWriter) { w.WriteHeader(421) }), nil, "Location                421: the server does not answer for this host"},
		"no JSON":        {location(func(w http.ResponseWriter) { _, _ = w.Write([]byte("ok")) }), nil, "Location                not JSON"},
		"a redirect": {location(func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://b.example/x")
			w.WriteHeader(308)
		}), nil, "Location                redirected (308) to https://b.example/x: SDKs may not follow"},
		"hung up": {location(func(http.ResponseWriter) { panic(http.ErrAbortHandler) }), nil, "Location                no answer: EOF"},
		"no keys": {func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "jwks.json") {
				_, _ = w.Write([]byte(`{"keys":[]}`))
				return true
			}
			return false
		}, nil, "Public keys             none: services cannot check tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStub(t, httptest.NewServer)
			s.Config.ErrorLog = nil
			s.spoil = tc.spoil
			if tc.host != nil {
				s.host = tc.host
			}
			out, code := looked(t, reachable{now: time.Now, known: isAndroid7Root}, "--reach", s.URL)
			if code != 1 || strings.Count(out, tc.says) != 1 || strings.ContainsAny(out, "\x1b") {
				t.Errorf("%d %s", code, out)
			}
			if wrong := 6 - strings.Count(out, "  ok\n"); tc.host == nil && !strings.HasPrefix(name, "a sign-in") && !strings.Contains(tc.says, "Location") && wrong != 1 {
				t.Errorf("%d lines are wrong: %s", wrong, out)
			}
		})
	}
	out, code := looked(t, reachable{now: time.Now}, "--reach", newStub(t, httptest.NewServer).URL, "--app-id", "another-app")
	if code != 1 || !strings.Contains(out, "Location                404: cannot find app using Client App ID 'x?[31m'. Start the server with the --app-id that your apps have") {
		t.Errorf("%d %s", code, out)
	}
	out, code = looked(t, reachable{now: time.Now}, "--reach", "http://127.0.0.1:1", "--app-id", "x")
	if code != 1 || !strings.Contains(out, "no answer: dial tcp 127.0.0.1:1") {
		t.Errorf("%d %s", code, out)
	}
}

func TestTheChainIsJudgedAsThisMachineAndAsAnOldAndroid(t *testing.T) {
	t.Parallel()
	s := newStub(t, httptest.NewTLSServer)
	s.Config.ErrorLog = nil
	trusted := x509.NewCertPool()
	trusted.AddCert(s.Certificate())
	knows := func(is bool) func([]byte) bool { return func([]byte) bool { return is } }
	for name, tc := range map[string]struct {
		from reachable
		says string
		code int
	}{
		"trusted by all":    {reachable{time.Now, trusted, knows(true)}, "  TLS chain               ok\n" + allWell, 0},
		"not by an old one": {reachable{time.Now, trusted, knows(false)}, "  TLS chain               ok, but Android 7.0 and older do not have its root", 0},
		"not by this":       {reachable{time.Now, x509.NewCertPool(), knows(true)}, "  TLS chain               not trusted: x509: certificate signed by unknown authority. Serve the whole chain", 1},
		"expired":           {reachable{func() time.Time { return time.Now().AddDate(100, 0, 0) }, trusted, knows(true)}, "  TLS chain               not trusted: x509: certificate has expired", 1},
	} {
		out, code := looked(t, tc.from, "--reach", s.URL)
		if code != tc.code || !strings.Contains(out, tc.says) || !strings.Contains(out, "hostname                ok") {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
	plain := newStub(t, httptest.NewServer)
	out, code := looked(t, reachable{time.Now, trusted, knows(true)}, "--reach", strings.Replace(plain.URL, "http:", "https:", 1), "--app-id", "x")
	if code != 1 || !strings.Contains(out, "TLS chain               no TLS connection: ") {
		t.Errorf("%d %s", code, out)
	}
}

// A server may send, beside its own, a certificate of its root from an older one.
func TestAnOlderRootThatTheServerNamesIsEnough(t *testing.T) {
	t.Parallel()
	names := map[string][]byte{}
	for name, known := range map[string]bool{"ISRG Root X1": false, "DST Root CA X3": true} {
		subject := pkix.Name{CommonName: name}
		if name == "ISRG Root X1" {
			subject.Country, subject.Organization = []string{"US"}, []string{"Internet Security Research Group"}
		} else {
			subject.Organization = []string{"Digital Signature Trust Co."}
		}
		der, err := asn1.Marshal(subject.ToRDNSequence())
		if err != nil {
			t.Fatal(err)
		}
		if names[name] = der; isAndroid7Root(der) != known {
			t.Errorf("Android 7.0 has %s: %t", name, !known)
		}
	}
	isrg := &x509.Certificate{RawSubject: names["ISRG Root X1"], RawIssuer: names["ISRG Root X1"], Subject: pkix.Name{CommonName: "ISRG Root X1"}}
	leaf := &x509.Certificate{RawIssuer: isrg.RawSubject}
	cross := &x509.Certificate{RawSubject: isrg.RawSubject, RawIssuer: names["DST Root CA X3"]}
	v := &visit{reachable: reachable{known: isAndroid7Root}, chain: []*x509.Certificate{leaf}}
	found := [][]*x509.Certificate{{leaf, isrg}}
	if root, old := v.oldRoot(found); old || root != "ISRG Root X1" {
		t.Errorf("%s %t", root, old)
	}
	if v.chain = append(v.chain, cross); len(v.chain) != 2 {
		t.Fatal(v.chain)
	}
	if _, old := v.oldRoot(found); !old {
		t.Error("the way by the older root is not seen")
	}
	if err := v.see(tls.ConnectionState{PeerCertificates: v.chain}); err != nil || len(android7Roots) != 147 {
		t.Errorf("%v, %d roots", err, len(android7Roots))
	}
}
