package devices

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/e2e/story"
	"latchkey/internal/app/config"
)

const oldService = "services.cloud.mongodb.com"

// atHome has Node connect to a proxy in the network wherever it asks for the old service, as the network's name servers would have it.
const atHome = `const tls = require("tls"), connect = tls.connect;
tls.connect = (o, ...rest) => connect(/\.mongodb\.com$/.test(o.host) ? { ...o, host: "127.0.0.1", port: +process.env.PROXY_PORT } : o, ...rest);`

// oldApp is a program that knows nothing of this server: no base URL is in it.
const oldApp = `import * as Realm from "realm-web";
const app = new Realm.App({ id: "latchkey-local" });
const user = await app.logIn(Realm.Credentials.apiKey(process.env.API_KEY)).catch((error) => ({ id: error.cause?.code ?? error.message }));
console.log(app.baseUrl, user.id, await app.locationUrl.catch(() => ""));`

// The way that docs/migrating.md describes for programs that nobody can update: the name leads to a proxy, whose certificate is from an
// authority that was added to the device.
func TestAnAppThatKnowsOnlyTheOldServiceSignsInByItsName(t *testing.T) {
	t.Parallel()
	for _, also := range []string{oldService, "https://" + oldService} {
		program := story.StartProgram(t, func(cfg *config.Config) { cfg.AlsoHosts, cfg.TrustedProxies = also, "127.0.0.1" })
		ana := program.Person(t)
		key, err := ana.Session.APIKeys().Create(t.Context(), "porch-cam")
		if err != nil {
			t.Fatal(err)
		}
		authority, certificate := authorityFor(t, oldService)
		proxy := proxyTo(t, program.URL, certificate)
		_, port, _ := strings.Cut(strings.TrimPrefix(proxy.URL, "https://"), ":")
		hook := filepath.Join(t.TempDir(), "hook.cjs")
		if err := os.WriteFile(hook, []byte(atHome), 0o600); err != nil {
			t.Fatal(err)
		}
		for ca, want := range map[string]string{authority: ana.Session.UserID(), "/dev/null": "UNABLE_TO_VERIFY_LEAF_SIGNATURE"} {
			c := exec.CommandContext(story.Within(t), "node", "--require", hook, "--input-type=module", "-")
			c.Dir, c.Stdin = story.Path("e2e"), strings.NewReader(oldApp)
			c.Env = append(os.Environ(), "API_KEY="+key.Value.Reveal(), "PROXY_PORT="+port, "NODE_EXTRA_CA_CERTS="+ca)
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "https://"+oldService+" "+want+" ") {
				t.Errorf("%s, %s: %v %s", also, want, err, out)
			}
			goesOn := map[bool]string{true: also, false: program.URL}[strings.Contains(also, "://")]
			if ca == authority && !strings.HasSuffix(strings.TrimSpace(string(out)), " "+goesOn) {
				t.Errorf("it goes on at %s, not %s", out, goesOn)
			}
		}
		var statuses []int
		for _, path := range []string{"/.well-known/jwks.json", "/keys"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, program.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = oldService
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			statuses = append(statuses, res.StatusCode)
		}
		if statuses[0] != http.StatusOK || statuses[1] != http.StatusMisdirectedRequest {
			t.Errorf("the keys for checking tokens and a page: %v", statuses)
		}
	}
}

// authorityFor makes an authority that is good for the names of the old service alone, and a certificate of it.
func authorityFor(t *testing.T, name string) (file string, certificate tls.Certificate) {
	t.Helper()
	sign := func(template, by *x509.Certificate, byKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if byKey == nil {
			byKey = key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, byKey)
		if err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Our devices"}, NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"mongodb.com"},
	}
	caDER, caKey := sign(ca, ca, nil)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to, DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER, leafKey := sign(leaf, ca, caKey)
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}
}

// proxyTo ends TLS in front of a program, and passes the Host on.
func proxyTo(t *testing.T, address string, certificate tls.Certificate) *httptest.Server {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}})
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	proxy.Config.ErrorLog = nil
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return proxy
}
