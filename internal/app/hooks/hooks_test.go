package hooks

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/accounts"
)

func networks(t *testing.T, texts ...string) (all []*net.IPNet) {
	t.Helper()
	for _, text := range texts {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, network)
	}
	return all
}

func delivery(url string) accounts.Delivery {
	return accounts.Delivery{URL: url, ID: "0123456789abcdef01234567", At: time.Unix(1_800_000_000, 0), Signature: "v1,AAAA", Body: []byte(`{"type":"key.made"}`)}
}

func TestWebhooksReachTheInternetAndNoOtherAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700:4700::1111": true, "::ffff:8.8.8.8": true, "64:ff9b::8.8.8.8": true,

		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "0.0.0.0": false, "::": false,
		"10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fc00::1": false, "fdff::1": false,
		"169.254.169.254": false, "fe80::1": false, "fec0::1": false, "fd00:ec2::254": false, "168.63.129.16": false,
		"100.64.0.1": false, "100.127.255.255": false, "192.0.0.192": false, "198.18.0.1": false,
		"224.0.0.1": false, "239.255.255.255": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::8.8.8.8": false,
		"2002:7f00:1::": false, "2002:808:808::": false, "2001::1": false, "2001:db8::1": false, "3fff::1": false, "100::1": false, "5f00::1": false,
		"192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false, "4000::1": false,
	} {
		if got := New(Config{}).mayReach(net.ParseIP(address)); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	r := New(Config{Networks: networks(t, "10.0.0.0/8", "::1/128")})
	for address, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "::1": true, "127.0.0.1": false, "192.168.1.1": false, "64:ff9b::10.1.2.3": false,
	} {
		if got := r.mayReach(net.ParseIP(address)); got != want {
			t.Errorf("%s with networks: %v, want %v", address, got, want)
		}
	}
}

func TestAnAddressOfAWebhookIsLookedAtBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://ops.example.org/latchkey":      "",
		"https://ops.example.org:8443/a?b=c%20": "",
		"https://8.8.8.8/":                      "",

		"http://ops.example.org/":          "must begin with https://",
		"ftp://ops.example.org/":           "must begin with https://",
		"ops.example.org":                  "must begin with https://",
		"":                                 "must begin with https://",
		"https:///latchkey":                "must name a host",
		"https://:443/":                    "must name a host",
		"https://./":                       "must name a host",
		"https://example.org:/":            "must name a host",
		"https://u:geheim@ops.example.org": "must not contain a user name",
		"https://u@ops.example.org":        "must not contain a user name",
		"https://ops.example.org/#geheim":  "fragment",
		"https://ops.example.org:0/":       "port",
		"https://ops.example.org:99999/":   "port",
		"https://127.0.0.1/":               "webhooks must not reach",
		"https://[::ffff:169.254.169.254]": "webhooks must not reach",
		"https://[fe80::1%25eth0]/":        "webhooks must not reach",
		"https://10.0.0.1/":                "webhooks must not reach",
		"https://ops.example.org/\n":       "not a valid URL",
		"https://ops.example.org/a b":      "not a valid URL",
		"https://öps.example.org/":         "not a valid URL",
		"https://ops.example.org/%zz":      "not a valid URL",
		"https://ops.example.org/" + strings.Repeat("a", 2000): "at most 2000",
	} {
		err := New(Config{}).Check(address)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim")) {
			t.Errorf("%.60q: %v, want %q", address, err, want)
		}
	}
	r := New(Config{Networks: networks(t, "10.0.0.0/8")})
	for address, fine := range map[string]bool{
		"http://10.0.0.1/": true, "http://ops.internal/": true, "https://10.0.0.1/": true, "http://127.0.0.1/": false, "http://8.8.8.8/": false,
	} {
		if err := r.Check(address); fine != (err == nil) {
			t.Errorf("%s with networks: %v", address, err)
		}
	}
}

// receiver is a program that takes deliveries over TLS, and what it got.
type receiver struct {
	*httptest.Server
	roots *x509.CertPool
	got   atomic.Int64
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{roots: x509.NewCertPool()}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.got.Add(1)
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	r.roots.AddCert(r.Certificate())
	return r
}

func TestADeliveryIsSentAsItWasSigned(t *testing.T) {
	t.Parallel()
	var header http.Header
	var body []byte
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		header = req.Header.Clone()
		body, _ = io.ReadAll(req.Body)
		w.WriteHeader(http.StatusAccepted)
	})
	d := delivery(r.URL)
	answer := New(Config{Networks: networks(t, "127.0.0.0/8"), Roots: r.roots}).Post(t.Context(), d)
	if answer.Problem != "" || string(body) != string(d.Body) {
		t.Fatalf("%+v, %s", answer, body)
	}
	for name, want := range map[string]string{
		"webhook-id": d.ID, "webhook-timestamp": "1800000000", "webhook-signature": d.Signature, "content-type": "application/json",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestAReceiverOfOnesOwnNetworkIsReachedOnlyWhereItIsNamed(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) {})
	if answer := New(Config{Roots: r.roots}).Post(t.Context(), delivery(r.URL)); !strings.Contains(answer.Problem, "--webhook-networks") || r.got.Load() > 0 {
		t.Errorf("%+v, and it got %d", answer, r.got.Load())
	}
	if answer := New(Config{Roots: r.roots, Networks: networks(t, "127.0.0.0/8")}).Post(t.Context(), delivery(r.URL)); answer.Problem != "" {
		t.Errorf("%+v", answer)
	}
	plain := httptest.NewServer(r.Config.Handler)
	defer plain.Close()
	if answer := New(Config{Networks: networks(t, "10.0.0.0/8")}).Post(t.Context(), delivery(plain.URL)); answer.Problem == "" {
		t.Error("it was reached by plain HTTP")
	}
	if answer := New(Config{Networks: networks(t, "127.0.0.0/8")}).Post(t.Context(), delivery(plain.URL)); answer.Problem != "" {
		t.Errorf("%+v", answer)
	}
}

func TestWhatAReceiverAnswersIsSaidInOurOwnWords(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t, func(http.ResponseWriter, *http.Request) {})
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/moved":
			http.Redirect(w, req, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/trickle": // an answer without an end, of which the head is all that counts
			for range 100 {
				if _, err := w.Write([]byte("geheim ")); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				select {
				case <-req.Context().Done():
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		case "/moved-nowhere":
			w.Header().Set("Location", "http://[")
			w.WriteHeader(http.StatusFound)
		case "/other": // another protocol, of which nothing comes
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: geheim\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn) // until the other side ends it
		case "/slow":
			_, _ = io.Copy(io.Discard, req.Body) // only behind it package http notices who leaves
			<-req.Context().Done()
		case "/head":
			w.Header().Set("X-Long", strings.Repeat("a", 100<<10))
		default:
			http.Error(w, "geheim", http.StatusInternalServerError)
		}
	})
	d := New(Config{Networks: networks(t, "127.0.0.0/8"), Roots: r.roots})
	d.tryTime = 2 * time.Second
	nobody := httptest.NewServer(nil)
	nobody.Close()
	for address, want := range map[string]accounts.Answer{
		r.URL + "/moved":         {Problem: "answered 307: redirects are not followed"},
		r.URL + "/moved-nowhere": {Problem: "answered 302: redirects are not followed"},
		r.URL + "/gone":          {Problem: "answered 410", Gone: true},
		r.URL + "/trickle":       {},
		r.URL + "/slow":          {Problem: "timed out"},
		r.URL + "/other":         {Problem: "answered 101"},
		r.URL + "/head":          {Problem: "the connection failed"},
		r.URL + "/":              {Problem: "answered 500"},
		nobody.URL:               {Problem: "refused the connection"},
		strings.Replace(r.URL, "https:", "http:", 1):      {Problem: "answered 400"}, // what package http says to plain HTTP
		strings.Replace(nobody.URL, "127.0.0.1", "[1", 1): {Problem: "its address is not valid"},
	} {
		began := time.Now()
		got := d.Post(t.Context(), delivery(address))
		if got != want {
			t.Errorf("%s: %+v, want %+v", address, got, want)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%s took %v", address, took)
		}
	}
	if elsewhere.got.Load() > 0 {
		t.Error("a redirect was followed")
	}
	if got := New(Config{Networks: networks(t, "127.0.0.0/8")}).Post(t.Context(), delivery(r.URL)); got.Problem != "its certificate is not trusted" {
		t.Errorf("%+v", got)
	}
}

// nameServer answers every question for an address of IPv4 with the next of a list, and the last one from then on.
func nameServer(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var mu sync.Mutex
	go func() {
		for {
			query := make([]byte, 512)
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			query = query[:n]
			end := 12
			for query[end] != 0 {
				end += int(query[end]) + 1
			}
			end += 5 // the name's end, type and class
			answer := append([]byte(nil), query[:end]...)
			answer[2], answer[3] = 0x81, 0x80                // an answer, without an error
			binary.BigEndian.PutUint16(answer[10:], 0)       // nothing additional
			if binary.BigEndian.Uint16(query[end-4:]) == 1 { // A
				mu.Lock()
				ip := net.ParseIP(addresses[0]).To4()
				if len(addresses) > 1 {
					addresses = addresses[1:]
				}
				mu.Unlock()
				binary.BigEndian.PutUint16(answer[6:], 1)
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, ip...)
			}
			_, _ = conn.WriteTo(answer, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestANameThatLeadsElsewhereNextTimeIsNotFollowedThere(t *testing.T) {
	t.Parallel()
	var got atomic.Int64
	listener, err := net.Listen("tcp", "0.0.0.0:0") //nolint:gosec,noctx // two addresses of this computer are needed
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // in a test
		got.Add(1)
		w.Header().Set("Connection", "close")
	})}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	address := fmt.Sprintf("http://rebinding.example.org:%d/", listener.Addr().(*net.TCPAddr).Port)
	r := New(Config{Networks: networks(t, "127.0.0.2/32"), Resolver: nameServer(t, "127.0.0.2", "127.0.0.1")})
	if answer := r.Post(t.Context(), delivery(address)); answer.Problem != "" {
		t.Skipf("127.0.0.2 is no address of this computer: %+v", answer)
	}
	if answer := r.Post(t.Context(), delivery(address)); !strings.Contains(answer.Problem, "must not reach") || got.Load() != 1 {
		t.Errorf("%+v, and it got %d", answer, got.Load())
	}
}

// It cannot run beside others, since it changes the environment.
func TestAProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	r := New(Config{Networks: networks(t, "127.0.0.0/8"), Resolver: nameServer(t, "10.255.255.1")})
	r.Post(t.Context(), delivery("http://ops.example.org/"))
	if asked.Load() > 0 {
		t.Error("the proxy was asked")
	}
}
