package app

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"latchkey/internal/app/config"
	"latchkey/internal/fileowner"
)

// foreign says whether a file is somebody else's, who can read it and put another in its place. What belongs to root is nobody
// else's, since root can do that anyway; so are platforms' volumes and mounted secrets. us are this process's user, and the
// owner of the files that it creates: some file systems give all files to one user.
func foreign(of fileowner.User, us []fileowner.User) bool {
	return of != fileowner.Root && !slices.Contains(us, of)
}

// checkOwners refuses files that another user could have created, and notes what else is unusual about the directory. The owner of
// session-keys can sign in as anybody, and a program that root starts on the directory of a service leaves files behind that the
// service cannot open.
func (d *dataDir) checkOwners(us []fileowner.User) error {
	for _, name := range []string{sessionKeysFile, accessKeyFile, databaseFile, databaseFile + "-wal", databaseFile + "-shm", databaseFile + ".lock"} {
		of, there := foreignOwner(d.file(name), us)
		if there {
			return config.Refuse("data", d.path, fmt.Sprintf("its file %s belongs to %s, but latchkey is running as %s; run it as the owner, or change the owner of the directory and its files with chown", name, of, us[0]))
		}
	}
	if of, there := foreignOwner(d.path, us); there {
		d.unusual = append(d.unusual, fmt.Sprintf("it belongs to %s, who can replace its files, but latchkey is running as %s", of, us[0]))
	}
	if parent := openParent(d.path); parent != "" {
		d.unusual = append(d.unusual, fmt.Sprintf("any user can replace it, because all may write in %s", parent))
	}
	return nil
}

// foreignOwner looks at a link as well as at what it leads to: its owner can let it lead elsewhere.
func foreignOwner(path string, us []fileowner.User) (of fileowner.User, there bool) {
	for _, look := range []func(string) (fs.FileInfo, error){os.Lstat, os.Stat} {
		info, err := look(path)
		if err != nil {
			continue // it is absent, or cannot be used, which is said when it is
		}
		if of, known := fileowner.Of(info); known && foreign(of, us) {
			return of, true
		}
	}
	return 0, false
}

// openSecret says who else can read or replace a file with a secret that signs tokens.
func openSecret(path string, us []fileowner.User) []string {
	if of, there := foreignOwner(path, us); there {
		return []string{fmt.Sprintf("a secret that signs tokens is in %s, which belongs to %s, who could sign in as any user", path, of)}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if _, known := fileowner.Of(info); known && info.Mode().Perm()&0o007 != 0 {
		return []string{fmt.Sprintf("a secret that signs tokens is in %s, which other users can read: they could sign in as any user (chmod 600)", path)}
	}
	return nil
}

// openParent is a directory above one in which everybody may rename what belongs to others; "" when there is none.
func openParent(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return parent
		}
		if parent == filepath.Dir(parent) {
			return ""
		}
	}
}

// tellOfUnusual says once what is unusual about the directory, with all there is in one line.
func (a *App) tellOfUnusual(d dataDir, cfg config.Settings) {
	for _, secret := range []struct{ what, file string }{{"session keys", cfg.SessionKeysFile}, {"access keys", cfg.AccessKeysFile}} {
		if of, there := foreignOwner(secret.file, d.us); there && secret.file != "" {
			d.unusual = append(d.unusual, fmt.Sprintf("the %s are in %s, which belongs to %s, who could sign in as any user", secret.what, secret.file, of))
		}
	}
	for _, file := range cfg.Providers.SecretFiles {
		d.unusual = append(d.unusual, openSecret(file, d.us)...)
	}
	switch what := strings.Join(d.unusual, "; "); {
	case what == "":
	case d.path == "":
		a.warnings.raise(warnData, "the key files need attention: "+what)
	default:
		a.warnings.raise(warnData, "the data directory needs attention: "+what, "dir", d.whole())
	}
}
