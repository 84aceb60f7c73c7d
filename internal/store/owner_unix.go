//go:build unix

package store

import (
	"io/fs"
	"os"
	"syscall"
)

// giveTo gives a file that was made just now to the owner of another one, or of a directory, when this process is root: whoever the
// program runs as must be able to open what a command of root has made.
func giveTo(made *os.File, like fs.FileInfo) error {
	owner, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 && owner.Gid == 0 {
		return nil
	}
	return made.Chown(int(owner.Uid), int(owner.Gid))
}

// sameOwner says whether two files belong to the same user.
func sameOwner(a, b fs.FileInfo) bool {
	one, ok := a.Sys().(*syscall.Stat_t)
	other, also := b.Sys().(*syscall.Stat_t)
	return ok && also && one.Uid == other.Uid
}
