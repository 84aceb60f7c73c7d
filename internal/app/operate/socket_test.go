package operate

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"latchkey/internal/testkit"
)

func TestTheSocketIsThereWhileTheProgramRunsAndForItsUserAlone(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	socket := filepath.Join(cfg.Data, socketFile)
	info, err := os.Stat(socket)
	if err != nil || info.Mode() != os.ModeSocket|0o600 || testkit.ModeOf(t, cfg.Data) != 0o700 {
		t.Errorf("socket %v, %v; directory %v", info.Mode(), err, testkit.ModeOf(t, cfg.Data))
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
		left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(p.Data, socketFile), Net: "unix"})
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
	if _, err := os.Lstat(filepath.Join(cfg.Data, socketFile)); !errors.Is(err, os.ErrNotExist) {
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
	socket := filepath.Join(cfg.Data, socketFile)
	if err := os.Rename(socket, socket+".away"); err != nil {
		t.Fatal(err)
	}
	at := placeAt(t, cfg)
	_, err := theProgram(t).reach(t.Context(), at, 10*time.Millisecond)
	testkit.WantSentence(t, err, "--data", cfg.Data, "accepts no commands", "stop it")
	reached := make(chan error, 1)
	go func() {
		line, err := theProgram(t).reach(t.Context(), at, time.Minute)
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
	if _, err := theProgram(t).reach(stopped, at, time.Minute); err == nil {
		t.Error("a command that was stopped went on")
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestACommandOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	run(t, cfg)
	line, err := dialSocket(t.Context(), cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	testkit.WantSentence(t, line.call(t.Context(), pathAddUser, map[string]string{"email": "a", "role": "admin"}, &handedOut{}), "another version", "role")
	testkit.WantSentence(t, line.call(t.Context(), "/users/promote", named{"a"}, &handedOut{}), "another version", "404")
}
