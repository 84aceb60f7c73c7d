package client

import (
	"net/http"
	"testing"
	"time"
)

func TestTheDefaultHTTPClientGivesUpInTime(t *testing.T) {
	h := defaultHTTPClient()
	if h.Timeout != 10*time.Second {
		t.Errorf("a request may take %v", h.Timeout)
	}
	transport, ok := h.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("the transport is %T", h.Transport)
	}
	if transport.ResponseHeaderTimeout != 8*time.Second || transport.TLSHandshakeTimeout != 3*time.Second {
		t.Errorf("first byte within %v, handshake within %v", transport.ResponseHeaderTimeout, transport.TLSHandshakeTimeout)
	}
	if transport.DialContext == nil || transport.MaxResponseHeaderBytes == 0 {
		t.Error("the dialer or the size of headers is unbounded")
	}
	if transport == http.DefaultTransport {
		t.Error("it is the transport everybody shares")
	}
}
