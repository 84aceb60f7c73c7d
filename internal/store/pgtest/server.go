package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL that this process has started: data, socket and log are in a directory of its own.
type server struct {
	dir      string
	settings []string
	exited   chan struct{} // closed when no process of it is left; nil while none was started
	process  *os.Process
}

// start creates a server and starts it.
func start(settings ...string) (*server, error) {
	in, err := workshop()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(in.dir, "s") // short: with the socket's own name it must be under 104 bytes
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, settings: settings}
	if err := errors.Join(os.CopyFS(s.data(), os.DirFS(in.template)), in.giveAway(dir), s.run()); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// url names the server's database.
func (s *server) url() string {
	return "postgres://latchkey@/postgres?" + url.Values{"host": {s.dir}}.Encode()
}

// run starts what was created or has stopped, and returns when it answers.
func (s *server) run() error {
	in, err := workshop()
	if err != nil {
		return err
	}
	args := []string{"-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server writes to it, we do not
	// Every process of the server inherits the other end: when this one ends, all of them have.
	all, inherited, err := os.Pipe()
	if err != nil {
		return err
	}
	postmaster := exec.Command(filepath.Join(in.programs, "postgres"), args...) //nolint:noctx // it outlives every context
	postmaster.Dir, postmaster.Env = s.dir, in.environment()
	postmaster.Stdout, postmaster.Stderr, postmaster.ExtraFiles = log, log, []*os.File{inherited}
	postmaster.SysProcAttr = in.asServer()
	err = postmaster.Start()
	_ = inherited.Close()
	if err != nil {
		_ = all.Close()
		return err
	}
	exited := make(chan struct{})
	s.process, s.exited = postmaster.Process, exited
	go func() {
		defer close(exited)
		_ = postmaster.Wait()
		_, _ = io.Copy(io.Discard, all)
		_ = all.Close()
	}()
	if err := s.answers(); err != nil {
		printed, _ := os.ReadFile(s.log())
		return fmt.Errorf("start PostgreSQL: %w\n%s", err, printed[max(0, len(printed)-2000):])
	}
	return nil
}

func (s *server) log() string { return filepath.Join(s.dir, "log") }

// answers waits until the server accepts connections.
func (s *server) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.url())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return errors.New("it has ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop sends the postmaster a signal that ends it, and waits until all processes of the server have ended.
func (s *server) stop(by syscall.Signal) error {
	if s.exited == nil {
		return nil
	}
	if err := s.process.Signal(by); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("PostgreSQL has not ended after signal %v", by)
	}
}

// remove stops the server and removes what it has written.
func (s *server) remove() error {
	return errors.Join(s.stop(syscall.SIGQUIT), os.RemoveAll(s.dir))
}

// place is where this process has its servers, and as whom it runs them.
type place struct {
	programs string // the directory of initdb and postgres
	dir      string // everything below it goes when this process has ended
	template string // a data directory that is copied: that takes a tenth of the time of initdb
	as       *account

	lock  *flock.Flock // of dir, while this process lives
	guard io.Closer
}

// workshop finds or installs PostgreSQL and prepares the place of this process's servers.
var workshop = sync.OnceValues(func() (*place, error) {
	programs, err := provide()
	if err != nil {
		return nil, err
	}
	in := &place{programs: programs}
	if in.as, err = serverAccount(); err != nil {
		return nil, err
	}
	sweep()
	if in.dir, err = os.MkdirTemp("", prefix); err != nil {
		return nil, err
	}
	in.template = filepath.Join(in.dir, "template")
	in.lock = flock.New(filepath.Join(in.dir, "lock"))
	if err := errors.Join(in.lock.Lock(), in.giveAway(in.dir), in.watch()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(in.dir))
	}
	initdb := exec.Command(filepath.Join(programs, "initdb"), "-D", in.template, "-U", "latchkey", "--auth=trust", "-E", "UTF8", "--locale=C", "-N") //nolint:noctx // for all tests, whose contexts end
	initdb.Dir, initdb.Env, initdb.SysProcAttr = in.dir, in.environment(), in.asServer()
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return in, nil
})

// prefix is how the directories of this package begin, in the one for temporary files.
const prefix = "latchkey-pg-"

// sweep removes what processes have left behind that were ended together with their guard, by a power cut for one. The guard is
// quicker, and a young directory may have no lock yet.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock := flock.New(filepath.Join(dir, "lock"))
		if free, err := lock.TryLock(); err == nil && free {
			_ = os.RemoveAll(dir)
			_ = lock.Unlock()
		}
	}
}

// watch starts a guard: a process that waits for the end of this one, however it comes, and then ends its servers and removes its
// directory. No TestMain does so, as every package would need one, and none would when a test is killed.
func (in *place) watch() error {
	guard := exec.Command("/bin/sh", "-c", script, "guard", in.dir) //nolint:noctx // it outlives this process
	guard.Dir, guard.Env, guard.SysProcAttr = "/", in.environment(), in.asServer()
	stdin, err := guard.StdinPipe()
	if err != nil {
		return err
	}
	in.guard = stdin
	return guard.Start()
}

// script is the guard's. A postmaster removes its file when it has ended.
const script = `cat >/dev/null
running() {
	for file in "$1"/*/data/postmaster.pid; do
		[ -f "$file" ] && return 0
	done
	return 1
}
for file in "$1"/*/data/postmaster.pid; do
	[ -f "$file" ] && read -r pid <"$file" && kill -CONT "$pid" && kill -QUIT "$pid"
done
tries=0
while running "$1" && [ $tries -lt 100 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
rm -rf -- "$1"
`

// environment is that of this process without what would change where programs of PostgreSQL connect to.
func (in *place) environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return len(v) > 2 && v[:2] == "PG" })
}
