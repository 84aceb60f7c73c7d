package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestTheSocketIsThereWhileTheProgramRunsAndForItsUserAlone(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	socket := filepath.Join(cfg.Data, operatorSocket)
	info, err := os.Stat(socket)
	if err != nil || info.Mode() != os.ModeSocket|0o600 || modeOf(t, cfg.Data) != 0o700 {
		t.Errorf("socket %v, %v; directory %v", info.Mode(), err, modeOf(t, cfg.Data))
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	for _, tc := range []struct {
		uid, own int
		may      bool
	}{{1000, 1000, true}, {0, 1000, true}, {1001, 1000, false}, {1000, 0, false}, {-1, 1000, false}} {
		if mayOperate(tc.uid, tc.own) != tc.may {
			t.Errorf("%+v", tc)
		}
	}
}

// A program that was killed leaves its socket behind.
func TestASocketThatWasLeftBehindIsReplaced(t *testing.T) {
	t.Parallel()
	anywhere(t, func(t *testing.T, p place) {
		if p.app != nil {
			if err := p.app.stop(); err != nil {
				t.Fatal(err)
			}
		}
		left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(p.Data, operatorSocket), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		left.SetUnlinkOnClose(false)
		if err := left.Close(); err != nil {
			t.Fatal(err)
		}
		if p.app != nil {
			run(t, p.Config)
		}
		p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
		if users := p.listed(t); len(users) != 1 {
			t.Errorf("users: %+v", users)
		}
	})
}

func TestADirectoryDeepDownHasASocketToo(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the name is too long for this system, and the log says so")
	}
	cfg := testConfig(t)
	cfg.Data = filepath.Join(t.TempDir(), strings.Repeat("d", 200), "data")
	a := run(t, cfg)
	p := place{cfg, &a}
	p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
	if got, err := a.store.Users(t.Context(), "", 10); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(cfg.Data, operatorSocket)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if users := p.listed(t); len(users) != 1 {
		t.Errorf("users: %+v", users)
	}
}

// Commands wait for a program that is about to take them, and say so when it never does.
func TestAProgramThatTakesNoCommandsIsReported(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	socket := filepath.Join(cfg.Data, operatorSocket)
	if err := os.Rename(socket, socket+".away"); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	_, err := reachOperator(t.Context(), parsed(t, cfg), log, 10*time.Millisecond)
	wantSentence(t, err, "--data", cfg.Data, "takes no commands", "stop it")
	reached := make(chan error, 1)
	go func() {
		line, err := reachOperator(t.Context(), parsed(t, cfg), log, time.Minute)
		if err == nil {
			err = line.call(t.Context(), pathListUsers, userPage{}, &userList{})
		}
		reached <- err
	}()
	if err := os.Rename(socket+".away", socket); err != nil {
		t.Fatal(err)
	}
	if err := <-reached; err != nil {
		t.Error(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := reachOperator(stopped, parsed(t, cfg), log, time.Minute); err == nil {
		t.Error("a command that was stopped went on")
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
}

// What commands do can be done on the socket alone.
func TestNoPortTakesCommands(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.AdminAddr = "127.0.0.1:0"
	a := run(t, cfg)
	body := `{"email":"mallory@example.com","password":"correct horse battery","user":"x","path":"/tmp/x","after":""}`
	for _, base := range []string{a.URL(), "http://" + a.admin.listener.Addr().String()} {
		for _, prefix := range []string{"", "/operator", "/api/latchkey/v1", "/api/client/v2.0"} {
			for _, path := range []string{
				pathAddUser, pathListUsers, pathFindUser, pathDisableUser, pathEnableUser, pathResetUser, pathDeleteUser, pathImportUsers, pathBackup,
			} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+prefix+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				if got := do(t, &http.Client{CheckRedirect: noRedirect}, req); got.Status == http.StatusOK || got.Status == http.StatusUnprocessableEntity {
					t.Errorf("%s answers %d %s", req.URL, got.Status, got.Body)
				}
			}
		}
	}
	if users, err := a.store.Users(t.Context(), "", 1); err != nil || len(users) > 0 {
		t.Errorf("users: %v, %v", users, err)
	}
}

func TestACommandOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	run(t, cfg)
	line, err := dialOperator(t.Context(), cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	wantSentence(t, line.call(t.Context(), pathAddUser, map[string]string{"email": "a", "role": "admin"}, &handedOut{}), "another version", "role")
	wantSentence(t, line.call(t.Context(), "/users/promote", named{"a"}, &handedOut{}), "another version", "404")
}
