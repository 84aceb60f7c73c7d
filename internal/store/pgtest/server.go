package pgtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	frozen   bool
	killed   bool // and not started again
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
	if err = os.CopyFS(s.data(), os.DirFS(in.template)); err == nil {
		err = in.giveAway(dir)
	}
	if err == nil {
		err = s.run()
	}
	if err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// port is no port, but part of the socket's name. It is said because PGPORT says another to clients.
const port = "5432"

// url names the server's database.
func (s *server) url() string {
	return "postgres://latchkey@/postgres?" + url.Values{"host": {s.dir}, "port": {port}}.Encode()
}

// run starts what was created or has stopped, and returns when it answers.
func (s *server) run() error {
	in, err := workshop()
	if err != nil {
		return err
	}
	args := []string{"-D", s.data(), "-k", s.dir, "-p", port, "-c", "listen_addresses=", "-c", "max_connections=200"}
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
	s.process, s.exited, s.killed = postmaster.Process, exited, false
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
	if s.frozen {
		if err := s.thaw(); err != nil {
			return err
		}
	}
	if err := s.process.Signal(by); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	s.killed = s.killed || by == syscall.SIGKILL
	select {
	case <-s.exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("PostgreSQL has not ended after signal %v", by)
	}
}

// remove stops the server and removes what it has written. What one leaves in shared memory when it is killed goes when it is
// started again.
func (s *server) remove() error {
	var err error
	if s.killed {
		err = s.run()
	}
	return errors.Join(err, s.stop(syscall.SIGQUIT), os.RemoveAll(s.dir))
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
	in.sweep()
	if in.dir, err = os.MkdirTemp("", prefix); err != nil {
		return nil, err
	}
	in.lock = flock.New(filepath.Join(in.dir, "lock"))
	if err := errors.Join(in.lock.Lock(), in.giveAway(in.dir), in.watch()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(in.dir))
	}
	return in, in.provideTemplate()
})

// provideTemplate runs initdb, which takes most of the time that a server takes to start, once for each release of PostgreSQL on
// this machine. What it made is kept where caches are; it is complete or not there, however many look for it.
func (in *place) provideTemplate() error {
	release, err := exec.Command(filepath.Join(in.programs, "postgres"), "--version").Output() //nolint:noctx // it prints and ends
	if err != nil {
		return err
	}
	args := []string{"-U", "latchkey", "--auth=trust", "-E", "UTF8", "--locale=C", "-N"}
	cache, uncached := os.UserCacheDir()
	kept := filepath.Join(cache, "latchkey-pgtest", fmt.Sprintf("%x", sha256.Sum256(fmt.Append(release, args))))
	if _, err := os.Stat(kept); err == nil && uncached == nil {
		in.template = kept
		return nil
	}
	in.template = filepath.Join(in.dir, "template")
	initdb := exec.Command(filepath.Join(in.programs, "initdb"), append(args, "-D", in.template)...) //nolint:noctx // for all tests, whose contexts end
	initdb.Dir, initdb.Env, initdb.SysProcAttr = in.dir, in.environment(), in.asServer()
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if uncached == nil {
		_ = keep(in.template, kept) // else the next process runs initdb as well
	}
	return nil
}

// keep keeps a copy of a directory, unless another process has just done so.
func keep(dir, as string) error {
	if err := os.MkdirAll(filepath.Dir(as), 0o700); err != nil {
		return err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(as), "new")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unfinished) //nolint:errcheck // it was renamed, or is in nobody's way
	if err := os.CopyFS(unfinished, os.DirFS(dir)); err != nil {
		return err
	}
	// Without this the name could be there after a power cut, and what is in the files not.
	if err := filepath.WalkDir(unfinished, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	}); err != nil {
		return err
	}
	return os.Rename(unfinished, as)
}

// prefix is how the directories of this package begin, in the one for temporary files.
const prefix = "latchkey-pg-"

// sweep does what the guards of earlier processes could not do, which were ended together with them, by a power cut for one. A
// young directory may have no lock yet.
func (in *place) sweep() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock := flock.New(filepath.Join(dir, "lock"))
		if free, err := lock.TryLock(); err == nil && free {
			_ = in.guardOf(dir).Run() // with nothing on its input it has nothing to wait for
			_ = lock.Unlock()
		}
	}
}

// watch starts a guard: a process that waits for the end of this one, however it comes, and then ends its servers and removes its
// directory. No TestMain does so, as every package would need one, and none would when a test is killed.
func (in *place) watch() error {
	guard := in.guardOf(in.dir)
	stdin, err := guard.StdinPipe()
	if err != nil {
		return err
	}
	in.guard = stdin
	return guard.Start()
}

func (in *place) guardOf(dir string) *exec.Cmd {
	guard := exec.Command("/bin/sh", "-c", script, "guard", dir) //nolint:noctx // it outlives this process
	guard.Dir, guard.Env, guard.SysProcAttr = "/", in.environment(), in.asServer()
	return guard
}

// script is a guard's. A postmaster removes its file when it has ended; in one that has crashed, the number may be another's by
// now. What is frozen would hold it up.
const script = `cat >/dev/null
for file in "$1"/*/data/postmaster.pid; do
	[ -f "$file" ] && read -r postmaster <"$file" || continue
	case $(ps -o args= -p "$postmaster") in *" -D $1/"*) ;; *) rm "$file"; continue ;; esac
	kill -CONT "$postmaster" $(ps -A -o ppid= -o pid= | sed -n "s/^ *$postmaster  *//p")
	kill -QUIT "$postmaster"
done
for tries in $(seq 100); do
	[ "$(echo "$1"/*/data/postmaster.pid)" = "$1/*/data/postmaster.pid" ] && break
	sleep 0.1
done
rm -rf -- "$1"
`

// environment is that of this process without what would change where programs of PostgreSQL connect to.
func (in *place) environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return len(v) > 2 && v[:2] == "PG" })
}
