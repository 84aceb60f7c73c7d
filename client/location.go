package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// opLocation is the Op of errors of the location request. Such an error says
// nothing about the call that needed the location.
const opLocation = "find the app's location"

// locationAnswer is the part of the answer that this package needs; the SDKs
// also get a place for their sync connection.
type locationAnswer struct {
	Hostname string `json:"hostname"`
}

func (a *locationAnswer) check() error {
	if a.Hostname == "" {
		return errors.New("hostname is missing")
	}
	return nil
}

// location returns the root that the app's server named, and asks for it when
// it is not known yet. Callers who come at the same time share one request; a
// failure is not kept, the next call asks again.
func (c *Client) location(ctx context.Context) (string, error) {
	if root := c.root.Load(); root != nil {
		return *root, nil
	}
	return c.locating.do(ctx, func(ctx context.Context) (string, error) {
		if root := c.root.Load(); root != nil {
			return *root, nil // another request ended between the two looks
		}
		root, err := c.askLocation(ctx)
		if err != nil {
			return "", err
		}
		c.root.Store(&root)
		return root, nil
	})
}

// askLocation sends the request. A host name that could not be a base URL is
// refused, and so is one that would turn an encrypted connection into an open
// one: passwords go there next.
func (c *Client) askLocation(ctx context.Context) (string, error) {
	r := request{op: opLocation, method: http.MethodGet, path: c.appPath("location")}
	var a locationAnswer
	if err := c.send(ctx, c.base, r, &a); err != nil {
		return "", err
	}
	root, err := cleanBaseURL(a.Hostname)
	if err == nil && strings.HasPrefix(c.base, "https:") && !strings.HasPrefix(root, "https:") {
		err = otherHostError("it is not https, though the base URL is")
	}
	if err == nil && c.hostOnly {
		err = sameHost(c.base, root)
	}
	if err != nil {
		return "", r.unusable(http.StatusOK, fmt.Errorf("hostname: %w", err))
	}
	return root, nil
}

// sameHost returns nil if both URLs, which were cleaned, have one scheme, host
// and port.
func sameHost(base, root string) error {
	from, err := url.Parse(base)
	if err != nil {
		return err
	}
	to, err := url.Parse(root)
	if err != nil {
		return err
	}
	if origin(from) != origin(to) {
		return otherHostError(fmt.Sprintf("it names %s, and this client may go to %s only", tidy(origin(to), maxMessage), origin(from)))
	}
	return nil
}

// otherHostError says why a location is no place to go to.
type otherHostError string

func (e otherHostError) Error() string { return string(e) }

// origin is the scheme, host and port in one spelling.
func origin(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return u.Scheme + "://" + net.JoinHostPort(spelled(u.Hostname()), port)
}

// spelled gives a host the spelling in which it is sent: addresses in their shortest form, names in small letters, with xn-- for
// what is not ASCII and no dot at the end.
func spelled(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().String()
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if isASCII(host) {
		return host
	}
	// The standard library's only IDNA is in what package http sends.
	var sent bytes.Buffer
	r := http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: host, Path: "/"}}
	if err := r.Write(&sent); err != nil {
		return host // no request can go there
	}
	read, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		return host
	}
	return read.Host
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > '~' })
}
