package operate

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"latchkey/internal/testkit"
)

// dialAs connects as another user of the machine. Only the thread becomes that one, and it ends with the goroutine.
func dialAs(t *testing.T, uid uintptr, socket string) (net.Conn, error) {
	t.Helper()
	type result struct {
		conn net.Conn
		err  error
	}
	dialled := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if _, _, failed := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uid, ^uintptr(0)); failed != 0 {
			dialled <- result{nil, failed}
			return
		}
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
		dialled <- result{conn, err}
	}()
	r := <-dialled
	return r.conn, r.err
}

// Modes keep others away from the socket. Where they do not, as on a volume that knows none, the program asks who it is.
func TestOtherUsersOfTheMachineAreHungUpOn(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	log := &testkit.Log{}
	cfg := testConfig(t)
	cfg.LogTo, cfg.Log = log, "text"
	run(t, cfg)
	socket := filepath.Join(cfg.Data, socketFile)
	if _, err := dialAs(t, 65534, socket); !errors.Is(err, os.ErrPermission) {
		t.Errorf("the modes let somebody in: %v", err)
	}
	dir := cfg.Data
	for range 3 { // it, the directory that the test was given, and that of all of its directories; what is above is not the test's
		testkit.MakeDir(t, dir, 0o777)
		dir = filepath.Dir(dir)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	conn, err := dialAs(t, 65534, socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "POST /users/list HTTP/1.1\r\nHost: operator\r\nContent-Length: 2\r\n\r\n{}") // it may be closed by now
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if answer, err := io.ReadAll(conn); len(answer) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("was answered %q, %v", answer, err)
	}
	if !strings.Contains(log.String(), "uid=65534") {
		t.Errorf("the log does not say who it was: %s", log.String())
	}
}

// terminals is a pair of a terminal and of the end at which a person would sit.
func terminals(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no terminals here: ", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip("there are no terminals here: ", err)
	}
	fd, _, failed := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), unix.TIOCGPTPEER, uintptr(os.O_RDWR|syscall.O_NOCTTY))
	if failed != 0 {
		t.Skip("there are no terminals here: ", failed)
	}
	program = os.NewFile(fd, "terminal")
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// echoes says whether a terminal shows what is typed.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	settings, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Error(err)
		return false
	}
	return settings.Lflag&unix.ECHO != 0
}

// typing answers each question that appears on a terminal, and gives all that was to be seen there in the end. What is asked
// for a password is given once the terminal hides it.
func typing(t *testing.T, person *os.File, answers ...[2]string) func() string {
	t.Helper()
	seen := make(chan string, 1)
	go func() {
		var screen strings.Builder
		b := make([]byte, 1)
		for _, a := range answers {
			for !strings.HasSuffix(screen.String(), a[0]) {
				if _, err := person.Read(b); err != nil {
					seen <- screen.String()
					return
				}
				screen.Write(b)
			}
			hidden := strings.HasPrefix(a[1], "correct horse")
			for reachTimeout := 5_000; hidden && echoes(t, person) && reachTimeout > 0; reachTimeout-- {
				time.Sleep(time.Millisecond)
			}
			_, _ = io.WriteString(person, a[1]+"\n") // what is missing is missed by the command
		}
		seen <- screen.String()
	}()
	return func() string { return <-seen }
}

func TestAPasswordIsAskedForTwiceAndNotShown(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	for _, tc := range []struct {
		name, first, second, want string
	}{
		{"the same twice", "correct horse battery", "correct horse battery", ""},
		{"two different ones", "correct horse battery", "correct horse batteries", "do not match"},
	} {
		person, program := terminals(t)
		seen := typing(t, person, [2]string{"instead): ", tc.first}, [2]string{"password: ", tc.second})
		var out strings.Builder
		err := Run(t.Context(), []string{"user", "add", tc.name, "--data", cfg.Data}, Console{In: program, Out: &out, Err: program, Terminal: program}, theProgram(t))
		if err == nil != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if screen := seen(); strings.Contains(screen, "horse") || !strings.Contains(screen, "Password for "+tc.name) {
			t.Errorf("%s: on the terminal: %q", tc.name, screen)
		}
	}
	if users := (place{cfg, &a}).listed(t); len(users) != 1 || users[0].NoPassword {
		t.Errorf("users: %+v", users)
	}
}

func TestAQuestionThatIsStoppedLeavesATerminalThatShowsWhatIsTyped(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	run(t, cfg)
	person, program := terminals(t)
	ctx, stop := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		asked <- Run(ctx, []string{"user", "add", "ada@example.com", "--data", cfg.Data},
			Console{In: program, Out: io.Discard, Err: program, Terminal: program}, theProgram(t))
	}()
	for echoes(t, person) {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-asked; err == nil || !strings.Contains(err.Error(), "stopped") || !echoes(t, person) {
		t.Errorf("%v; what is typed is shown: %t", err, echoes(t, person))
	}
	_, _ = io.WriteString(person, "\n") // ends the read
}

func TestDeletingAsksFirst(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a := run(t, cfg)
	p := place{cfg, &a}
	p.must(t, "correct horse battery", "user", "add", "--password-stdin", "ada@example.com")
	for _, answer := range []string{"no", "y", "", "yes"} {
		person, program := terminals(t)
		seen := typing(t, person, [2]string{"continue: ", answer})
		var out strings.Builder
		err := Run(t.Context(), []string{"user", "delete", "ada@example.com", "--data", cfg.Data}, Console{In: program, Out: &out, Err: program, Terminal: program}, theProgram(t))
		if screen := seen(); !strings.Contains(screen, "Delete ada@example.com (") || err == nil != (answer == "yes") {
			t.Errorf("%q after %q: %v", answer, screen, err)
		}
		if left := len(p.listed(t)); left != map[bool]int{true: 0, false: 1}[answer == "yes"] {
			t.Errorf("%q: %d users are left", answer, left)
		}
	}
}
