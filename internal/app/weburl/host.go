package weburl

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

var (
	errNoHost = errors.New("not the name or address of a host")
	errZone   = errors.New("an address with a zone, as %eth0, only works on one machine, and no browser opens it")
)

// toASCII reads names as browsers do (UTS 46, not transitional), which take an underline and hyphens wherever they stand.
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false))

// maxHost is what DNS takes, a dot at the end included. A longer one is nobody's, and is not worth reading.
const maxHost = 254

// Host gives the one spelling in which browsers send the name or address of a host, without brackets and port: small letters, xn--
// for what is not ASCII, no dot at the end, the shortest form of an IPv6 address, and an IPv4 address that was written as one of
// IPv6 as itself.
func Host(text string) (string, error) {
	if len(text) > 4*maxHost { // in letters that are not ASCII it is longer than what is sent
		return "", errNoHost
	}
	if strings.Contains(text, ":") {
		a, err := netip.ParseAddr(text)
		switch {
		case err != nil:
			return "", errNoHost
		case a.Zone() != "":
			return "", errZone
		}
		return a.Unmap().String(), nil
	}
	name, err := text, error(nil)
	if !isSentAsItIs(text) {
		name, err = toASCII.ToASCII(text)
	}
	name = strings.TrimSuffix(name, ".")
	if err != nil || name == "" || len(name) >= maxHost || strings.Contains("."+name+".", "..") || strings.ContainsFunc(name, notInHosts) {
		return "", errNoHost
	}
	return name, nil
}

// isSentAsItIs says whether browsers would send a name as it is. Nearly all are like that, and each request has one.
func isSentAsItIs(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return !strings.Contains(name, "xn--") // which may stand for nothing
}

// notInHosts is what no host may have in it, however it was written ("forbidden domain code points" of the URL standard), nor what stands for many.
func notInHosts(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("#/:<>?@[\\]^|%*", r)
}

// oldIPv4 reads the ways to write an IPv4 address that browsers turn into four decimal numbers: fewer than four, in octal and in
// hexadecimal. numeric says that browsers take the text for an address, and refuse it when it is none.
func oldIPv4(name string) (address string, numeric bool) {
	parts := strings.Split(name, ".")
	if _, ok := oldNumber(parts[len(parts)-1]); !ok {
		return "", strings.Trim(parts[len(parts)-1], "0123456789") == ""
	}
	if len(parts) > 4 {
		return "", true
	}
	var value uint64
	for i, part := range parts {
		n, ok := oldNumber(part)
		rest := 4 - i // bytes that this number and those after it have
		if i < len(parts)-1 {
			rest = 1
		}
		if !ok || n >= 1<<(8*rest) {
			return "", true
		}
		if i < len(parts)-1 {
			n <<= 8 * (3 - i)
		}
		value |= n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}).String(), true
}

func oldNumber(text string) (uint64, bool) {
	base, digits := 10, text
	switch {
	case strings.HasPrefix(text, "0x"):
		base, digits = 16, text[2:]
	case len(text) > 1 && text[0] == '0':
		base, digits = 8, text[1:]
	}
	if digits == "" && base == 16 { // "0x" is zero
		return 0, true
	}
	n, err := strconv.ParseUint(digits, base, 33)
	return n, err == nil && !strings.HasPrefix(digits, "+")
}

// SentAddress is an email address as mail servers take it: its domain in the spelling of Host. What has no domain stays as it is.
func SentAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || strings.ContainsAny(address[at:], "[]:") { // user@[192.0.2.1] is an address of its own kind
		return address
	}
	domain, err := Host(address[at+1:])
	if err != nil {
		return address
	}
	return address[:at+1] + domain
}
