//go:build unix

package fileowner

import (
	"io/fs"
	"os"
	"syscall"
)

// Of is whose a file is, if that is known.
func Of(info fs.FileInfo) (User, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return User(stat.Uid), true
}

// Give gives a file that was just created to the owner of another one, or of a directory, when this process is root: the user that the
// program runs as must be able to open what a command of root has made.
func Give(made *os.File, like fs.FileInfo) error {
	of, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || of.Uid == 0 && of.Gid == 0 {
		return nil
	}
	return made.Chown(int(of.Uid), int(of.Gid))
}
