package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/store"
)

// operatorPatience is how long a command waits for a program that is just starting or stopping.
const operatorPatience = 5 * time.Second

// operatorLine is how a command reaches the operator: through the socket of the running program, or in this process.
type operatorLine struct {
	http  *http.Client
	close func() error
}

// reachOperator opens the database or, when a running program has it, the socket of that one. The lock of the database decides:
// what stands in the directory may be left over.
func reachOperator(ctx context.Context, cfg config.Settings, log *slog.Logger, patience time.Duration) (*operatorLine, error) {
	dir := dataDir{path: cfg.Data, log: log}
	path, err := filepath.Abs(dir.file(databaseFile))
	if err == nil {
		_, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, config.Refuse("data", cfg.Data, "there is no database in it; name the directory that latchkey runs with, or start latchkey once to make one")
	case errors.Is(err, fs.ErrPermission):
		return nil, config.Refuse("data", cfg.Data, "it is closed to this user of the machine; run this as the one that latchkey runs as, or as root")
	case err != nil:
		return nil, dir.refuse("its database cannot be found", err)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		st, err := store.Open(ctx, path)
		if err == nil {
			return operateHere(cfg, st, log), nil
		}
		if !errors.Is(err, store.ErrInUse) {
			return nil, cannotOpen(dir, err)
		}
		line, err := dialOperator(waiting, filepath.Dir(path))
		if err == nil {
			return line, nil
		}
		select {
		case <-waiting.Done():
			return nil, config.Refuse("data", cfg.Data, "a running latchkey has it and takes no commands ("+oneLine(err)+"): see its log, or stop it and try again")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// operateHere calls the operator in this process.
func operateHere(cfg config.Settings, st *store.Store, log *slog.Logger) *operatorLine {
	o := &operator{
		store: st, publicURL: cfg.LikelyURL(), upstream: cfg.Upstream, minPassword: cfg.MinPassword, now: cfg.Now, log: log,
	}
	return &operatorLine{http: &http.Client{Transport: inProcess{o.handler(), log}}, close: st.Close}
}

func dialOperator(ctx context.Context, dir string) (*operatorLine, error) {
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
	return &operatorLine{
		http:  &http.Client{Transport: transport, CheckRedirect: noRedirect},
		close: func() error { transport.CloseIdleConnections(); return nil },
	}, nil
}

// call asks the operator to do something and reads the answer into out.
func (l *operatorLine) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return l.send(ctx, path, bytes.NewReader(body), out)
}

func (l *operatorLine) send(ctx context.Context, path string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://operator"+path, body)
	if err != nil {
		return err
	}
	res, err := l.http.Do(req)
	if ctx.Err() != nil {
		return errors.New("stopped before there was an answer: look whether it was done")
	}
	if err != nil {
		return fmt.Errorf("the running latchkey broke off, so look whether it was done: %w", errors.Unwrap(err))
	}
	defer func() { _ = res.Body.Close() }() // only read from
	if res.StatusCode != http.StatusOK {
		var failed operatorFailure
		if err := json.NewDecoder(res.Body).Decode(&failed); err != nil || failed.Error == "" {
			return fmt.Errorf("the running latchkey answers %s: it is of another version", res.Status)
		}
		return errors.New(failed.Error)
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of the running latchkey cannot be read: %w", err)
	}
	return nil
}
