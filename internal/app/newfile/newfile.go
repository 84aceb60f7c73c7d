// Package newfile creates files that commands are told to write: with secrets in them, where nothing was before.
package newfile

import (
	"errors"
	"fmt"
	"os"
)

// Fill creates a file that its owner alone can read, and has it filled. It is created first: a file that cannot be is better found before
// there is a value to write. What is there already is left alone, a symbolic link too; what cannot be filled is removed. The flag is
// what named the path.
func Fill(flag, path string, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // who calls the command names the file
	switch {
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("--%s is %q: that file already exists; choose another name", flag, path)
	case err != nil:
		return fmt.Errorf("--%s is %q: it cannot be created: %w", flag, path, err)
	}
	err = fill(f)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		return nil
	}
	if removing := os.Remove(path); removing != nil {
		err = fmt.Errorf("%w (and the incomplete file %q could not be removed: %w)", err, path, removing)
	}
	return err
}
