package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"latchkey/internal/store"
)

// reachTimeout is how long a command waits for a program that is just starting or stopping.
const reachTimeout = 5 * time.Second

// line is how a command reaches the operator: through the socket of the running program, or in this process.
type line struct {
	http  *http.Client
	close func() error
}

// reach opens the database or, when a running program has it, the socket of that one. The lock of the database decides:
// what stands in the directory may be left over.
func (p Program) reach(ctx context.Context, place Place, reachTimeout time.Duration) (*line, error) {
	dir, err := filepath.Abs(place.Dir)
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, p.Database))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, place.Refuse("it contains no database; use the directory that latchkey runs with, or start latchkey once to create one")
	case errors.Is(err, fs.ErrPermission):
		return nil, place.Refuse("this user may not read it; run this as the user that latchkey runs as, or as root")
	case err != nil:
		return nil, place.Refuse("its database cannot be found (" + oneLine(err) + ")")
	}
	waiting, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	for {
		st, err := place.Open(ctx)
		if err == nil {
			return place.here(st), nil
		}
		if !errors.Is(err, store.ErrInUse) {
			return nil, err
		}
		line, err := dialSocket(waiting, dir)
		if err == nil {
			return line, nil
		}
		select {
		case <-waiting.Done():
			return nil, place.Refuse("a running latchkey is using it and accepts no commands (" + oneLine(err) + "): see its log, or stop it and try again")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// share connects to a database that is shared with whatever runs.
func (p Place) share(ctx context.Context) (*line, error) {
	st, err := p.Connect(ctx, false)
	if err != nil {
		return nil, err
	}
	return p.here(st), nil
}

// here calls the operator in this process.
func (p Place) here(st *store.Store) *line {
	p.Config.Store = st
	return &line{http: &http.Client{Transport: within{Handler(p.Config)}}, close: st.Close}
}

// within is an http.RoundTripper that calls a handler of this process.
type within struct{ http.Handler }

// RoundTrip runs the handler on the caller's goroutine.
func (h within) RoundTrip(r *http.Request) (*http.Response, error) {
	defer func() { _ = r.Body.Close() }() // a RoundTripper must, and has nothing to say about it
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := &kept{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(answer, r)
	return &http.Response{
		Status: http.StatusText(answer.status), StatusCode: answer.status, Header: answer.header, Body: io.NopCloser(&answer.body), ContentLength: -1, Request: r,
	}, nil
}

// kept is an answer that is kept in memory.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

func dialSocket(ctx context.Context, dir string) (*line, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		name, release, err := socketName(dir)
		if err != nil {
			return nil, err
		}
		defer release()
		var d net.Dialer
		return d.DialContext(ctx, "unix", name)
	}
	first, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	_ = first.Close() // somebody is there, which is all that was to be known
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	return &line{
		http:  &http.Client{Transport: transport, CheckRedirect: noRedirect},
		close: func() error { transport.CloseIdleConnections(); return nil },
	}, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// call asks the operator to do something and reads the answer into out.
func (l *line) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return l.send(ctx, path, bytes.NewReader(body), out)
}

func (l *line) send(ctx context.Context, path string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://operator"+path, body)
	if err != nil {
		return err
	}
	res, err := l.http.Do(req)
	if ctx.Err() != nil {
		return errors.New("stopped before there was an answer: check whether it was done")
	}
	if err != nil {
		return fmt.Errorf("the connection to the running latchkey broke: check whether it was done: %w", errors.Unwrap(err))
	}
	defer func() { _ = res.Body.Close() }() // only read from
	if res.StatusCode != http.StatusOK {
		var failed failure
		if err := json.NewDecoder(res.Body).Decode(&failed); err != nil || failed.Error == "" {
			return fmt.Errorf("the running latchkey answered %s: it is another version", res.Status)
		}
		return errors.New(failed.Error)
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("cannot read the answer of the running latchkey: %w", err)
	}
	return nil
}
