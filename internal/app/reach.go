package app

import (
	"net"
	"net/url"

	"latchkey/internal/app/config"
	"latchkey/internal/app/weburl"
)

// onlyHere says whether only this computer can open a URL.
func onlyHere(publicURL string) bool {
	u, err := url.Parse(publicURL)
	return err == nil && weburl.IsLoopback(u.Hostname())
}

// whoReaches is what an operator should know of the public URL before it is given to anybody: that it leads nowhere from other
// devices, or that it was picked from several. "" when the operator has named one that others can open.
func whoReaches(publicURL string, chosen bool, cfg config.Settings, listening net.Addr) string {
	if chosen {
		return "That address was chosen from those of this computer, for phones and other devices in its network. To use another, pass it with --public-url"
	}
	if !onlyHere(publicURL) {
		return ""
	}
	only := "Only this computer can open " + publicURL + ". For phones and other devices, start Latchkey with "
	host, port, err := net.SplitHostPort(listening.String())
	switch {
	case err != nil || !weburl.IsLoopback(host): // it listens for others, and has no address to give them
		return only + "--public-url and an address that they can open"
	case cfg.PublicURL != nil:
		return only + "--addr 0.0.0.0:" + port + " and without --public-url"
	default:
		return only + "--addr 0.0.0.0:" + port
	}
}
