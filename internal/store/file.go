package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"latchkey/internal/fileowner"
)

// findFile returns the one name of the file at path, by which everybody locks it whatever links lead to it. A file that is
// absent is created, empty.
func findFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = makeFile(path)
	case err == nil && info.IsDir():
		err = errors.New("it is a directory, not a file")
	}
	if err != nil {
		return "", withoutPath(err)
	}
	return filepath.EvalSymlinks(path)
}

// makeFile creates an empty file that only its owner may read; SQLite gives the files it puts beside it the same mode. A file
// that somebody else has made meanwhile is not even opened: closing a descriptor of it would drop the locks of a Store that
// this process has on it.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := errors.Join(giveToOwnerOf(f, filepath.Dir(path)), f.Close()); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// giveToOwnerOf gives a file that was just created to whom the one of that name belongs, if this process is root.
func giveToOwnerOf(made *os.File, name string) error {
	like, err := os.Stat(name)
	if err != nil {
		return err
	}
	return fileowner.Give(made, like)
}

// lockFile takes the lock that keeps a second process away. The lock is a file of its own, because SQLite's locks are given
// and taken per transaction, and because closing any descriptor of the database would drop them. It ends with the process,
// however that ends; the file stays, because removing it would let two processes lock two files of one name.
func lockFile(path string) (*flock.Flock, error) {
	if err := makeLock(path); err != nil {
		return nil, fmt.Errorf("lock it: %w", err)
	}
	lock := flock.New(path + ".lock")
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock it: %w", err)
	}
	if !locked {
		return nil, ErrInUse
	}
	return lock, nil
}

// makeLock creates the file to lock unless it is there. It belongs to whom the database belongs or, when there is none yet, the
// directory.
func makeLock(path string) error {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // beside the file that the operator names
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return withoutPath(err)
	}
	err = giveToOwnerOf(f, path)
	if errors.Is(err, fs.ErrNotExist) {
		err = giveToOwnerOf(f, filepath.Dir(path))
	}
	return errors.Join(err, f.Close())
}

// checkWritable finds out now what SQLite would tell at the first write: it opens what it may only read without a word.
func checkWritable(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the operator names the file
	if err != nil {
		return withoutPath(err)
	}
	return f.Close()
}

// syncDirectory makes the name of a new file survive a power cut, as the commits in it will.
func syncDirectory(path string) error {
	d, err := os.Open(path) //nolint:gosec // the operator names the directory
	if err != nil {
		return err
	}
	// Some file systems cannot flush a directory; that is no reason not to start on them.
	_ = d.Sync()
	return d.Close()
}

// withoutPath leaves out the path of an error about the very file that Open names.
func withoutPath(err error) error {
	var about *fs.PathError
	if errors.As(err, &about) {
		return about.Err
	}
	return err
}
