package config

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPublicURLGetsTheSpellingOfBrowsers(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"":                               "",
		"https://keys.example.org":       "https://keys.example.org",
		"https://keys.example.org/":      "https://keys.example.org",
		"HTTPS://Keys.Example.ORG:443":   "https://keys.example.org",
		"https://keys.example.org:8443/": "https://keys.example.org:8443",
		"http://192.168.1.7:80":          "http://192.168.1.7",
		"http://192.168.1.7:443":         "http://192.168.1.7:443",
		"http://[::1]:8080":              "http://[::1]:8080",
		"http://localhost:8080":          "http://localhost:8080",
		"http://bücher.example":          "http://xn--bcher-kva.example",
		"https://MÜNCHEN.example.:8443":  "https://xn--mnchen-3ya.example:8443",
		"http://[2001:DB8:0::1]:80":      "http://[2001:db8::1]",
		"http://[::ffff:192.168.1.7]":    "http://192.168.1.7",
	}
	got := map[string]string{}
	for text := range want {
		cfg := Defaults()
		cfg.PublicURL, cfg.Addr = text, "127.0.0.1:0"
		s, err := cfg.Parse()
		if err != nil {
			t.Error(err)
		}
		got[text] = s.LikelyURL()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnUpstreamMayBeThisMachineWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"https://services.example.org", "https://services.example.org:8443/base/", "https://10.0.0.1",
		"http://127.0.0.1:9090", "http://[::1]:9090", "http://localhost:9090",
	} {
		if _, err := parseUpstream(text); err != nil {
			t.Error(err)
		}
	}
}

func TestTheListenerGivesThePublicURLWhenNoneIsSet(t *testing.T) {
	t.Parallel()
	at := func(outgoing string, addresses ...string) machine {
		m := machine{}
		if outgoing != "" {
			m.outgoing4 = netip.MustParseAddr(outgoing)
		}
		for _, address := range addresses {
			m.addresses = append(m.addresses, netip.MustParseAddr(address))
		}
		return m
	}
	local := []string{"127.0.0.1", "::1", "169.254.3.4", "fe80::1%eth0"}
	home := append(local, "fd00::7", "203.0.113.9", "192.168.1.7", "10.0.0.7")
	for name, tc := range map[string]struct {
		listening string
		here      machine
		want      string
		chosen    bool
	}{
		"an address is taken as it is":                 {"127.0.0.1:8080", at("", home...), "http://127.0.0.1:8080", false},
		"an IPv6 address gets its brackets":            {"[::1]:8080", at("", home...), "http://[::1]:8080", false},
		"every IPv4 address is the local network's":    {"0.0.0.0:8080", at("", home...), "http://192.168.1.7:8080", true},
		"every address is the local network's":         {"[::]:8080", at("", home...), "http://192.168.1.7:8080", true},
		"the one with the way out comes first":         {"0.0.0.0:8080", at("10.0.0.7", home...), "http://10.0.0.7:8080", true},
		"behind a public way out the private one does": {"0.0.0.0:8080", at("203.0.113.9", home...), "http://192.168.1.7:8080", true},
		"a public one is better than none":             {"0.0.0.0:8080", at("203.0.113.9", local...), "http://203.0.113.9:8080", true},
		"one of IPv6 where there is no other":          {"[::]:8080", at("", append(local, "fd00::7")...), "http://[fd00::7]:8080", true},
		"and not where only IPv4 is listened on":       {"0.0.0.0:8080", at("", append(local, "fd00::7")...), "http://127.0.0.1:8080", false},
		"without a network it is this machine":         {"0.0.0.0:8080", at("", local...), "http://127.0.0.1:8080", false},
		"without knowing anything it is this machine":  {"[::]:8080", machine{}, "http://127.0.0.1:8080", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, err := net.ResolveTCPAddr("tcp", tc.listening)
			if err != nil {
				t.Fatal(err)
			}
			got, chosen := listenerURL(addr, func() machine { return tc.here })
			if got != tc.want || chosen != tc.chosen {
				t.Errorf("%s, chosen: %v, want %s", got, chosen, tc.want)
			}
		})
	}
}

func TestNetworksInsideThisComputerLeadToNobodyElse(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"docker0": true, "br-0242ac110002": true, "veth12ab": true, "virbr0": true, "eth0": false, "en0": false, "wlp3s0": false, "br0": false, "bridge0": false,
	} {
		if isInside(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestATrustedProxyMayBeASingleAddressInAnySpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "2001:DB8:0::7": "2001:db8::7/128", "::ffff:192.0.2.7": "192.0.2.7/32", "::ffff:10.0.0.0/104": "10.0.0.0/8",
		"10.1.2.3/8": "10.0.0.0/8", "::/0": "::/0", "0.0.0.0/0": "0.0.0.0/0",
	} {
		got, err := parseNetworks("trusted-proxies", " "+text+" ,")
		if err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestTheHostOfOperatorsIsComparedInOneSpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Admin{
		"Bücher.example.:9090":   {Addr: "xn--bcher-kva.example:9090", Host: "xn--bcher-kva.example"},
		"[0:0:0:0:0:0:0:1]:9090": {Addr: "[::1]:9090", Host: "::1"},
		"[fe80::1%eth0]:9090":    {Addr: "[fe80::1%eth0]:9090", Host: "fe80::1%eth0"},
		"LOCALHOST:9090":         {Addr: "localhost:9090", Host: "localhost"},
	} {
		if got, err := parseAdmin(text); err != nil || *got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestAFurtherHostIsOneThatDevicesLeaveOrAURLByWhichTheyStay(t *testing.T) {
	t.Parallel()
	want := []AlsoHost{
		{Name: "192.168.1.5"}, {Name: "keys.local"}, {Name: "2001:db8::1"}, {Name: "2001:db8::2"}, {Name: "xn--bcher-kva.example"},
		{Name: "192.168.1.6", URL: "http://192.168.1.6:8080"}, {Name: "old.example.org", URL: "https://old.example.org"},
	}
	c, err := Load([]string{
		"--also-host", "192.168.1.5, Keys.local.:8080,2001:DB8::1,[2001:db8::2]:8080,", "--also-host=bücher.example", "--also-host", "http://192.168.1.6:8080/,HTTPS://Old.example.org:443",
	}, []string{"LATCHKEY_ALSO_HOST=not.heeded"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Parse()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, s.AlsoHosts); diff != "" {
		t.Error(diff)
	}
}
