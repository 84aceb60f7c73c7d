package hooks

import (
	"net"
	"net/netip"
)

// notPublic are the networks that are not of the Internet, or not of one receiver: IANA's registries of special-purpose addresses, and
// multicast. Of IPv6, only 2000::/3 is given to anybody.
var notPublic = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", // the last with 255.255.255.255
	"168.63.129.16/32", // Azure's own services, reached from within by a public address
	"2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20",
)

// carriers are networks of IPv6 whose addresses stand for one of IPv4, and where in them that is.
var carriers = []struct {
	netip.Prefix
	at int // byte
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible, and :: and ::1
}

var (
	given = netip.MustParsePrefix("2000::/3")
	nat64 = carriers[0].Prefix
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// public says whether an address is of the Internet, also the one of IPv4 that one of IPv6 stands for.
func public(ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	addr = addr.Unmap()
	for _, c := range carriers {
		if addr.Is6() && c.Contains(addr) {
			bytes := addr.As16()
			inner := netip.AddrFrom4([4]byte(bytes[c.at : c.at+4]))
			return c.Prefix == nat64 && public(inner.AsSlice()) // the others are no way to anybody today
		}
	}
	if addr.Is6() && !given.Contains(addr) {
		return false
	}
	for _, network := range notPublic {
		if network.Contains(addr) {
			return false
		}
	}
	return true
}
