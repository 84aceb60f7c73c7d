package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/testkit"
)

// proxiedHost is the host in the recipes of docs/proxies.md.
const proxiedHost = "keys.example.org"

// proxies are those that docs/proxies.md has recipes for, and the one of the compose file in docs/kit.
var proxies = []proxy{
	{name: "nginx", fence: "nginx", wrap: nginxFile, args: func(dir, file string) []string { return []string{"-p", dir, "-e", "stderr", "-c", file} }},
	{name: "haproxy", fence: "haproxy", wrap: haproxyFile, args: func(_, file string) []string { return []string{"-db", "-f", file} }},
	{name: "caddy", file: kit + "/compose/Caddyfile", wrap: caddyFile, args: func(_, file string) []string {
		return []string{"run", "--config", file, "--adapter", "caddyfile"}
	}},
}

type proxy struct {
	name        string
	fence, file string                          // of the recipe: one of them
	wrap        func(dir, recipe string) string // what a whole file has besides the recipe
	args        func(dir, file string) []string
}

// nginxFile is what the nginx of a distribution has around the files of its sites.
func nginxFile(dir, recipe string) string {
	var places strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&places, "\t%s_temp_path %s;\n", name, filepath.Join(dir, name))
	}
	return "daemon off;\nmaster_process off;\npid " + filepath.Join(dir, "pid") + ";\nevents {}\nhttp {\n\taccess_log off;\n" + places.String() + recipe + "}\n"
}

// haproxyFile lets tests ask HAProxy what it thinks of its servers.
func haproxyFile(dir, recipe string) string {
	return "global\n    stats socket " + statisticsIn(dir) + "\n\n" + recipe
}

// caddyFile keeps Caddy to itself: nobody changes it while it runs, and it keeps nothing.
func caddyFile(dir, recipe string) string {
	return strings.Replace(recipe, "{\n", "{\n\tadmin off\n\tpersist_config off\n\tdefault_bind 127.0.0.1\n\tstorage file_system "+dir+"\n", 1)
}

func statisticsIn(dir string) string { return filepath.Join(dir, "s") }

// gateway is a proxy that runs in front of a program.
type gateway struct {
	http, https string // addresses
	roots       *x509.CertPool
	stats       string // HAProxy's socket
}

// cut takes a block out of a page, so that what people copy is what runs here.
func cut(t *testing.T, page, fence string) string {
	t.Helper()
	_, rest, found := strings.Cut(testkit.ReadFile(t, page), "\n```"+fence+"\n")
	text, _, ended := strings.Cut(rest, "\n```\n")
	if !found || !ended {
		t.Fatalf("%s has no block of %s", page, fence)
	}
	return text + "\n"
}

// start runs the recipe of docs/proxies.md in front of one program.
func (p proxy) start(t *testing.T, to string) gateway {
	t.Helper()
	recipe := ""
	if p.file != "" {
		recipe = testkit.ReadFile(t, p.file)
	} else {
		recipe = cut(t, "../../docs/proxies.md", p.fence)
	}
	return p.run(t, strings.NewReplacer("127.0.0.1:8080", to, "latchkey:8080", to, "inter 1s", "inter 100ms", "{$KEYS_HOST}", proxiedHost).Replace(recipe))
}

// run runs a recipe with other ports and a certificate of its own.
func (p proxy) run(t *testing.T, text string) gateway {
	t.Helper()
	path, err := exec.LookPath(p.name)
	if err != nil {
		t.Skip(p.name + " is not installed")
	}
	dir := t.TempDir()
	f := gateway{http: "127.0.0.1:" + freePort(t), https: "127.0.0.1:" + freePort(t)}
	certificate := filepath.Join(dir, "certificate.pem")
	f.roots = makeCertificate(t, certificate)
	if p.name == "haproxy" {
		f.stats = statisticsIn(dir)
	}
	for old, other := range map[string]string{
		"listen 80;": "listen " + f.http + ";", "listen 443 ssl;": "listen " + f.https + " ssl;",
		"bind :80\n": "bind " + f.http + "\n", "bind :443 ": "bind " + f.https + " ",
		"/etc/ssl/keys.example.org.pem": certificate,
		"\tservers {\n":                 "\thttp_port " + portIn(f.http) + "\n\thttps_port " + portIn(f.https) + "\n\tservers {\n",
		"\n" + proxiedHost + " {\n":     "\n" + proxiedHost + " {\n\ttls " + certificate + " " + certificate + "\n",
	} {
		text = strings.ReplaceAll(text, old, other)
	}
	file := filepath.Join(dir, "recipe")
	testkit.WriteFile(t, file, p.wrap(dir, text), 0o600)
	f.keepRunning(t, exec.CommandContext(t.Context(), path, p.args(dir, file)...))
	return f
}

func portIn(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// keepRunning starts the proxy, waits until it listens, and ends it with the test.
func (f gateway) keepRunning(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is told to end
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for patience := time.Now().Add(time.Minute); !listens(f.http) || !listens(f.https); time.Sleep(10 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("%s does not take its recipe:\n%s", cmd.Path, said.String())
		default:
		}
		if time.Now().After(patience) {
			t.Fatalf("%s does not listen", cmd.Path)
		}
	}
}

func listens(addr string) bool {
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// makeCertificate writes a certificate for proxiedHost with its key, and gives the pool that trusts it.
func makeCertificate(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: proxiedHost}, DNSNames: []string{proxiedHost},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return roots
}

// A proxy's own tests are its own affair. Here is what the recipe promises.
func TestPagesStreamsAndLimitsBehindAProxy(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := newStageWith(t, func(cfg *config.Config) { cfg.PublicURL, cfg.TrustedProxies = "https://"+proxiedHost, "127.0.0.0/8" })
			f := p.start(t, s.listener.Addr().String())
			c := s.newCast(false)
			cookie := c.cookies[owner].Name + "=" + c.cookies[owner].Value

			for name, tc := range map[string]struct {
				message string
				status  int
			}{
				"a page":                    {"GET /login HTTP/1.1\r\n", 200},
				"a page of somebody":        {"GET /keys HTTP/1.1\r\nCookie: " + cookie + "\r\n", 200},
				"a form":                    {"POST /theme HTTP/1.1\r\nOrigin: https://" + proxiedHost + "\r\nContent-Length: 0\r\n", 303},
				"a form of another site":    {"POST /theme HTTP/1.1\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n", 403},
				"a form that is too large":  {"POST /login HTTP/1.1\r\nContent-Length: 70000\r\n", 413},
				"a call":                    {"GET /.well-known/jwks.json HTTP/1.1\r\n", 200},
				"a proxy's words by others": {"GET /.well-known/jwks.json HTTP/1.1\r\nX-Forwarded-Proto: http\r\n", 200},
			} {
				conn := f.dial(t)
				body := ""
				if tc.status == http.StatusRequestEntityTooLarge && p.name == "caddy" {
					body = strings.Repeat("x", 70000) // it counts what comes, and does not go by what is announced
				}
				got := say(t, conn, tc.message+"Host: "+proxiedHost+"\r\nConnection: close\r\n\r\n"+body)
				if len(got) != 1 || got[0].Status != tc.status {
					t.Errorf("%s: %v, want %d", name, got, tc.status)
				}
			}
			f.redirectsPeopleAndNotDevices(t)
			f.passesEventsOnAtOnce(t, cookie)
			f.saysWhoseRequestItIs(t, s, c)
		})
	}
}

func (f gateway) redirectsPeopleAndNotDevices(t *testing.T) {
	t.Helper()
	for path, want := range map[string]string{"/login?next=%2Fdevice": "https://" + proxiedHost + "/login?next=%2Fdevice", "/api/client/v2.0/auth/profile": "", "/oauth/token": ""} {
		got := say(t, dial(t, f.http), "GET "+path+" HTTP/1.1\r\nHost: "+proxiedHost+"\r\nConnection: close\r\n\r\n")
		status := http.StatusForbidden
		if want != "" {
			status = http.StatusMovedPermanently
		}
		if len(got) != 1 || got[0].Status != status || got[0].Header.Get("Location") != want {
			t.Errorf("http://%s%s: %v, want %d to %q", proxiedHost, path, got, status, want)
		}
	}
}

// passesEventsOnAtOnce reads the first bytes of an answer that does not end.
func (f gateway) passesEventsOnAtOnce(t *testing.T, cookie string) {
	t.Helper()
	conn := f.dial(t)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "GET /keys/arrival?state=x HTTP/1.1\r\nHost: "+proxiedHost+"\r\nCookie: "+cookie+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var heard strings.Builder
	for b := make([]byte, 1024); !strings.Contains(heard.String(), "retry: 5000"); {
		n, err := conn.Read(b)
		heard.Write(b[:n])
		if err != nil {
			t.Fatalf("no event came: %v\n%s", err, heard.String())
		}
	}
}

// saysWhoseRequestItIs signs in with a key and looks at where the key's use is said to come from, when the client lies about it.
func (f gateway) saysWhoseRequestItIs(t *testing.T, s *stage, c *cast) {
	t.Helper()
	body := `{"key":"` + c.phone + `"}`
	got := say(t, f.dial(t), fmt.Sprintf("POST /api/client/v2.0/app/latchkey-local/auth/providers/api-key/login HTTP/1.1\r\nHost: %s\r\n"+
		"X-Forwarded-For: 203.0.113.7\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", proxiedHost, len(body), body))
	if len(got) != 1 || got[0].Status != http.StatusOK {
		t.Fatalf("sign-in with a key: %v", got)
	}
	facts := s.request(http.MethodGet, "/api/latchkey/v1/key_facts", "", "", bearer(c.tokens[owner].Refresh))
	if strings.Contains(facts.Body, "203.0.113.7") || !strings.Contains(facts.Body, `"127.0.0.1"`) {
		t.Errorf("the use came from: %s", facts.Body)
	}
}
