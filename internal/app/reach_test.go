package app

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"latchkey/internal/app/weburl"
)

// started is what a program prints that starts with these flags.
func started(t *testing.T, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out := &listening{then: cancel}
	if err := Main(ctx, append(args, "--log-level", "error", "--data", testConfig(t).Data), out); err != nil {
		t.Fatal(err)
	}
	return strings.Split(out.String(), "\n")
}

func TestTheStartSaysWhenOnlyThisComputerCanOpenTheAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"by default":          {[]string{"--addr", "127.0.0.1:0"}, "start Latchkey with --addr 0.0.0.0:PORT"},
		"on IPv6":             {[]string{"--addr", "[::1]:0"}, "start Latchkey with --addr 0.0.0.0:PORT"},
		"with a URL":          {[]string{"--addr", "127.0.0.1:0", "--public-url", "http://localhost:8080"}, "start Latchkey with --addr 0.0.0.0:PORT and without --public-url"},
		"listening for all":   {[]string{"--addr", "0.0.0.0:0", "--public-url", "http://localhost:8080"}, "start Latchkey with --public-url and an address that they can open"},
		"a URL of others":     {[]string{"--addr", "127.0.0.1:0", "--public-url", "https://keys.example.org"}, ""},
		"a URL, all listened": {[]string{"--addr", "0.0.0.0:0", "--public-url", "http://192.168.1.5:8080"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := started(t, tc.args...)
			if tc.want == "" {
				if !strings.HasPrefix(lines[1], "Its data is in ") {
					t.Errorf("said %q", lines[1])
				}
				return
			}
			at := strings.TrimPrefix(lines[0], "Latchkey is at ")
			rest, ok := strings.CutPrefix(lines[1], "Only this computer can open "+at+". For phones and other devices, ")
			before, after, _ := strings.Cut(tc.want, "PORT")
			if u, err := url.Parse(at); !ok || err != nil || !strings.HasPrefix(rest, before) || !strings.HasSuffix(rest, after) ||
				name == "by default" && rest != before+u.Port() {
				t.Errorf("said %q", lines[1])
			}
		})
	}
}

// withoutNetwork ends a test on a machine that no other can reach.
func withoutNetwork(t *testing.T, publicURL string) {
	t.Helper()
	if u, err := url.Parse(publicURL); err != nil || weburl.IsLoopback(u.Hostname()) {
		t.Skip("this machine has no address in a network:", publicURL)
	}
}

// What a phone beside it does, whose person types the printed address.
func TestAProgramForTheWholeNetworkIsReachedByTheAddressItPrints(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Addr = "0.0.0.0:0"
	a := run(t, cfg)
	withoutNetwork(t, a.URL())
	if !strings.HasPrefix(a.Reach(), "That address was chosen from those of this computer") || !strings.Contains(a.Reach(), "--public-url") {
		t.Errorf("said %q", a.Reach())
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	phone := &http.Client{Jar: jar}
	if got := post(t, phone, a.URL()+"/register", account); got.Status != http.StatusOK {
		t.Errorf("the phone's person registers: %d", got.Status)
	}
	if got := get(t, phone, a.URL()+"/device").Body; !strings.Contains(got, a.URL()) {
		t.Errorf("commands and codes do not lead to %s", a.URL())
	}
	if got := get(t, http.DefaultClient, a.URL()+"/.well-known/oauth-authorization-server"); !strings.Contains(got.Body, `"issuer":"`+a.URL()+`"`) {
		t.Errorf("a device is told %s", got.Body)
	}
	// The names by which it was reached before.
	_, port, _ := strings.Cut(strings.TrimPrefix(a.URL(), "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if got := get(t, browser(t), "http://"+host+":"+port+"/login"); got.Status != http.StatusOK {
			t.Errorf("by %s: %d", host, got.Status)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/login", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "keys.attacker.example:" + port
	if got := do(t, browser(t), req); got.Status != http.StatusMisdirectedRequest {
		t.Errorf("by a name that it does not have: %d", got.Status)
	}
}

func TestALinkThatOnlyThisComputerCanOpenSaysSo(t *testing.T) {
	t.Parallel()
	const says = "Only this computer can open it. For other devices, start latchkey with --addr 0.0.0.0:8080, or pass --public-url."
	for publicURL, want := range map[string]bool{"": true, "http://localhost:8080": true, "https://keys.example.org": false} {
		cfg := testConfig(t)
		cfg.PublicURL = publicURL
		run(t, cfg)
		if got := order(t, cfg, "", "user", "add", "ana@example.com"); strings.Contains(got, says) != want || !strings.Contains(got, "/reset?") {
			t.Errorf("with the public URL %q: %s", publicURL, got)
		}
	}
}
