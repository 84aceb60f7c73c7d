package app

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestConnectionsBeyondTheBoundAreHungUpOnUntilOneEnds(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	listener, err := listen(t.Context(), "127.0.0.1:0", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	bounded, ok := listener.(*boundedListener)
	if !ok {
		t.Fatalf("%T", listener)
	}
	bounded.most = 1
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			conn, err := bounded.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()

	addr := listener.Addr().String()
	dial(t, addr)
	first := <-accepted
	for range 3 {
		if n, err := dial(t, addr).Read(make([]byte, 1)); err == nil {
			t.Errorf("read %d bytes of a connection that there is no room for", n)
		}
	}
	for range 2 { // net/http closes a connection more than once
		_ = first.Close()
	}
	third := dial(t, addr)
	conn := <-accepted
	if _, err := io.WriteString(conn, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := third.Read(make([]byte, 1)); err != nil {
		t.Errorf("no room was made: %v", err)
	}
	_ = listener.Close()
	<-accepted
	if n := strings.Count(log.String(), "no more connections"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
	if bounded.open.Load() != 1 {
		t.Errorf("%d connections are counted", bounded.open.Load())
	}
}
