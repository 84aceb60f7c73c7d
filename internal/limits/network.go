package limits

import "net/netip"

// Network is who is counted under an address: with IPv6 a whole /64, which is one household's.
func Network(address string) string { return Prefix(address, 32, 64) }

// Site is what one organization has: all the networks of a house, an office or a rented machine.
func Site(address string) string { return Prefix(address, 24, 48) }

// Provider is what many sites get their addresses from. It does not show that they belong together: a count by provider
// leaves it a large part, and never all.
func Provider(address string) string { return Prefix(address, 16, 32) }

// Prefix is the network around an address that has so many bits in IPv4, and so many in IPv6. There may be a port behind the
// address. What is no address is one and the same for all.
func Prefix(address string, bits4, bits6 int) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		withPort, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		a = withPort.Addr()
	}
	a = a.Unmap().WithZone("")
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	return netip.PrefixFrom(a, bits).Masked().String()
}
