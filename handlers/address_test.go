package handlers

import (
	"net"
	"net/http"
	"testing"
)

func networks(t *testing.T, of ...string) (list []*net.IPNet) {
	t.Helper()
	for _, text := range of {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, network)
	}
	return list
}

func TestTheAddressOfARequestIsReadInEveryFormThatProxiesWrite(t *testing.T) {
	t.Parallel()
	trusted := networks(t, "10.0.0.0/8", "fe80::/10", "2001:db8:1::/48")
	const peer = "10.0.0.1:4711"
	for name, c := range map[string]struct {
		peer, want string
		said       []string
		unreadable bool
	}{
		"nothing said":                 {peer: peer, want: "10.0.0.1"},
		"an address":                   {peer: peer, said: []string{"203.0.113.8"}, want: "203.0.113.8"},
		"with a port":                  {peer: peer, said: []string{"203.0.113.8:51234"}, want: "203.0.113.8"},
		"IPv6":                         {peer: peer, said: []string{"2001:DB8:0::8"}, want: "2001:db8::8"},
		"IPv6 in brackets":             {peer: peer, said: []string{"[2001:db8::8]"}, want: "2001:db8::8"},
		"IPv6 with a port":             {peer: peer, said: []string{"[2001:db8::8]:443"}, want: "2001:db8::8"},
		"in quotes":                    {peer: peer, said: []string{`"[2001:db8::8]:443"`}, want: "2001:db8::8"},
		"IPv4 in quotes":               {peer: peer, said: []string{`"203.0.113.8"`}, want: "203.0.113.8"},
		"IPv4 as IPv6":                 {peer: peer, said: []string{"::ffff:203.0.113.8"}, want: "203.0.113.8"},
		"IPv4 as IPv6 with a port":     {peer: peer, said: []string{"[::ffff:203.0.113.8]:1"}, want: "203.0.113.8"},
		"spaces":                       {peer: peer, said: []string{"  203.0.113.8 \t"}, want: "203.0.113.8"},
		"empty words":                  {peer: peer, said: []string{"203.0.113.8, ,", ""}, want: "203.0.113.8"},
		"the last that is no proxy":    {peer: peer, said: []string{"1.1.1.1, 203.0.113.8:1, 10.0.0.7:2"}, want: "203.0.113.8"},
		"in two lines":                 {peer: peer, said: []string{"1.1.1.1", "203.0.113.8, 10.0.0.7"}, want: "203.0.113.8"},
		"all are proxies":              {peer: peer, said: []string{"10.0.0.9, 10.0.0.7"}, want: "10.0.0.9"},
		"what a client makes up":       {peer: peer, said: []string{"' or 1=1, unknown, 203.0.113.8"}, want: "203.0.113.8"},
		"unknown":                      {peer: peer, said: []string{"unknown"}, want: "10.0.0.1", unreadable: true},
		"a name":                       {peer: peer, said: []string{"203.0.113.8, _hidden, 10.0.0.7"}, want: "10.0.0.7", unreadable: true},
		"a bad port":                   {peer: peer, said: []string{"203.0.113.8:99999"}, want: "10.0.0.1", unreadable: true},
		"brackets around IPv4":         {peer: peer, said: []string{"[203.0.113.8]"}, want: "10.0.0.1", unreadable: true},
		"a peer that nobody trusts":    {peer: "203.0.113.9:1", said: []string{"1.1.1.1"}, want: "203.0.113.9"},
		"a peer of IPv4 as IPv6":       {peer: "[::ffff:10.0.0.1]:1", said: []string{"203.0.113.8"}, want: "203.0.113.8"},
		"a peer in the local network":  {peer: "[fe80::1%eth0]:1", said: []string{"203.0.113.8"}, want: "203.0.113.8"},
		"a client in the same network": {peer: "[fe80::1%eth0]:1", said: []string{"192.168.1.9"}, want: "192.168.1.9"},
		"no peer":                      {peer: "", said: []string{"1.1.1.1"}, want: ""},
		"of a socket":                  {peer: "@", said: []string{"1.1.1.1"}, want: "@"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
			if c.said != nil {
				r.Header["X-Forwarded-For"] = c.said
			}
			got, word := NewProxies(trusted).Client(r)
			if got != c.want || (word != "") != c.unreadable {
				t.Errorf("%q, and %q cannot be read; want %q", got, word, c.want)
			}
			alone, _, _ := net.SplitHostPort(c.peer)
			if got := ClientAddress(nil)(r); c.said != nil && got == c.said[0] || alone == "10.0.0.1" && got != alone {
				t.Errorf("trusting nobody: %q", got)
			}
		})
	}
}
