//go:build unix

package pgtest

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// supported says that servers can be started here.
const supported = true

// account is whom servers run as when this process is root, whom PostgreSQL refuses.
type account struct{ uid, gid uint32 }

// serverAccount is nobody's when this process is root, and none otherwise.
func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	return &account{uint32(uid), uint32(gid)}, err
}

// asServer starts a process as the account, in a session of its own: what a terminal sends to the tests is not for it.
func (in *place) asServer() *syscall.SysProcAttr {
	as := &syscall.SysProcAttr{Setsid: true}
	if in.as != nil {
		as.Credential = &syscall.Credential{Uid: in.as.uid, Gid: in.as.gid}
	}
	return as
}

// giveAway gives the account all that is in a directory, and keeps everybody else out, as PostgreSQL demands.
func (in *place) giveAway(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if err := os.Chmod(path, 0o700); err != nil { //nolint:gosec // a directory
				return err
			}
		}
		if in.as == nil {
			return nil
		}
		return os.Lchown(path, int(in.as.uid), int(in.as.gid))
	})
}
