package config

import (
	"context"
	"net"
	"net/netip"
	"strings"
)

// machine is what is known of the addresses of this computer.
type machine struct {
	// outgoing are those by which it reaches other networks; the zero value where there is no way.
	outgoing4, outgoing6 netip.Addr
	addresses            []netip.Addr // of all interfaces that others may reach, in the order of the system
}

// thisMachine asks the system. It sends nothing: to connect a socket of UDP is to look into the table of routes, here for
// addresses that are nobody's (RFC 5737, RFC 3849).
func thisMachine() machine {
	m := machine{outgoing4: outgoing("udp4", "192.0.2.1:9"), outgoing6: outgoing("udp6", "[2001:db8::1]:9")}
	interfaces, err := net.Interfaces()
	if err != nil {
		return m
	}
	for _, one := range interfaces {
		if one.Flags&net.FlagUp == 0 || isInside(one.Name) {
			continue
		}
		addrs, err := one.Addrs()
		if err != nil {
			continue
		}
		for _, addr := range addrs {
			if prefix, err := netip.ParsePrefix(addr.String()); err == nil {
				m.addresses = append(m.addresses, prefix.Addr())
			}
		}
	}
	return m
}

// isInside says whether an interface leads to containers or virtual machines of this computer, and not to other computers.
func isInside(name string) bool {
	for _, prefix := range []string{"docker", "br-", "veth", "virbr", "podman", "cni", "lxc", "lxd", "vmnet", "vboxnet"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func outgoing(network, address string) netip.Addr {
	conn, err := new(net.Dialer).DialContext(context.Background(), network, address)
	if err != nil {
		return netip.Addr{}
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return local.Addr()
}

// inNetwork is the address that others in the network are most likely to reach: a private one of IPv4 before a public one, and one of
// IPv6 only where there is none of IPv4. The one by which this computer reaches other networks comes first among its like.
func (m machine) inNetwork(onlyIPv4 bool) (netip.Addr, bool) {
	all := append([]netip.Addr{m.outgoing4, m.outgoing6}, m.addresses...)
	for _, fits := range []func(netip.Addr) bool{
		func(a netip.Addr) bool { return a.Is4() && a.IsPrivate() },
		func(a netip.Addr) bool { return a.Is4() && a.IsGlobalUnicast() },
		func(a netip.Addr) bool { return a.Is6() && a.IsGlobalUnicast() && !onlyIPv4 },
	} {
		for _, address := range all {
			if address.IsValid() && fits(address.Unmap().WithZone("")) {
				return address.Unmap().WithZone(""), true
			}
		}
	}
	return netip.Addr{}, false
}
