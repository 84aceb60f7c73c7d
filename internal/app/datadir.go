package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/app/config"
	"latchkey/internal/fileowner"
	"latchkey/internal/model"
	"latchkey/internal/store"
)

// What the data directory holds. WAL and lock files of the database stand beside it.
const (
	databaseFile    = "latchkey.db"
	sessionKeysFile = "session-keys"
	accessKeyFile   = "access-token-key.pem"
)

// dataDir is the directory of --data: there, writable, and closed to other users of the machine.
type dataDir struct {
	path    string
	log     *slog.Logger
	unusual []string // about it, for the operator
	isNew   bool     // there was no database
	us      []fileowner.User
}

// noDataDir stands for the directory of a program that keeps nothing in one.
func noDataDir(log *slog.Logger) dataDir {
	return dataDir{log: log, us: []fileowner.User{fileowner.User(os.Geteuid())}} //nolint:gosec // G115: as the system has it
}

func openDataDir(path string, log *slog.Logger) (dataDir, error) {
	d := noDataDir(log)
	d.path = path
	if err := os.MkdirAll(path, 0o700); err != nil {
		return d, d.refuse("it cannot be created", err)
	}
	probe, err := os.CreateTemp(path, ".writable-*")
	if err != nil {
		return d, d.refuse("it cannot be written to", err)
	}
	made, statErr := probe.Stat()
	if err := errors.Join(statErr, probe.Close(), os.Remove(probe.Name())); err != nil {
		return d, d.refuse("it cannot be written to", err)
	}
	if of, known := fileowner.Of(made); known {
		d.us = append(d.us, of)
	}
	if err := d.checkOwners(d.us); err != nil {
		return d, err
	}
	_, err = os.Stat(d.file(databaseFile))
	d.isNew = errors.Is(err, fs.ErrNotExist)
	return d, d.closeToOthers()
}

// closeToOthers takes the permissions of group and others away. It does so only where nothing else is kept: closing
// /tmp or a home directory by a slip in --data would do more harm than it prevents.
func (d *dataDir) closeToOthers() error {
	info, err := os.Stat(d.path)
	if err != nil {
		return d.refuse("it cannot be read", err)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return d.refuse("it cannot be read", err)
	}
	if len(entries) > 0 && !slices.ContainsFunc(entries, isOurs) {
		return config.Refuse("data", d.path, "other users can read it and it contains files of other programs; use a directory of its own, or close it with chmod 700")
	}
	if err := os.Chmod(d.path, info.Mode()&^0o077); err != nil {
		// Volumes of a container platform can belong to root and be shared by a group. The files in it are still 0600.
		d.unusual = append(d.unusual, "other users can read it, and that cannot be changed ("+err.Error()+")")
		return nil
	}
	d.log.Info("restricted the data directory to its owner", "dir", d.path, "was", info.Mode().Perm().String())
	return nil
}

func isOurs(e fs.DirEntry) bool {
	// lost+found is what a fresh file system has in its root.
	return slices.Contains([]string{databaseFile, sessionKeysFile, accessKeyFile, "lost+found"}, e.Name())
}

func (d dataDir) file(name string) string { return filepath.Join(d.path, name) }

// openDatabase fails with store.ErrInUse while another program has it.
func (d dataDir) openDatabase(ctx context.Context) (*store.Store, error) {
	path, err := filepath.Abs(d.file(databaseFile))
	if err != nil {
		return nil, d.refuse("it cannot be found", err)
	}
	st, err := store.Open(ctx, path)
	switch {
	case errors.Is(err, store.ErrNewer):
		return nil, config.Refuse("data", d.path, "its database was written by a newer latchkey and was not changed; run that version, or use another directory")
	case errors.Is(err, store.ErrForeignLog):
		return nil, config.Refuse("data", d.path, strings.TrimPrefix(err.Error(), "open database "+path+": "))
	case err != nil && !errors.Is(err, store.ErrInUse):
		return nil, d.refuse("its database cannot be opened", err)
	}
	return st, err
}

// openStore opens what has the accounts. If the database is new, a missing secret never existed.
func (a *App) openStore(ctx context.Context, cfg config.Settings, dir *dataDir) (*store.Store, error) {
	if cfg.Database != "" {
		st, err := connectDatabase(ctx, cfg.Database, store.Options{Migrate: true})
		if err != nil {
			return nil, err
		}
		a.pulse = newPulse(st.Ping, time.Now)
		used, err := st.HasUsers(ctx)
		dir.isNew = !used
		if err != nil {
			return nil, errors.Join(err, st.Close())
		}
		return st, nil
	}
	st, err := dir.openDatabase(ctx)
	if errors.Is(err, store.ErrInUse) {
		return nil, config.Refuse("data", dir.path, "another latchkey is using it; stop that one, or use another directory for this one")
	}
	return st, err
}

// secret reads a file that only the owner may read, and creates it first if it is absent.
func (d dataDir) secret(name string, generate func() ([]byte, error)) ([]byte, error) {
	path := d.file(name)
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		if content, err = generate(); err == nil {
			err = writeSecret(path, content)
		}
		if err == nil && !d.isNew {
			d.log.Warn("a key file was missing beside the database, and a new one was created: sessions from before are signed out, unless you put a copy of the lost file back", "file", path)
		}
	} else if err == nil {
		err = d.closeFileToOthers(path)
	}
	if err != nil {
		return nil, d.refuse("its file "+name+" cannot be used", err)
	}
	return content, nil
}

func (d dataDir) closeFileToOthers(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if link, err := os.Lstat(path); err != nil || link.Mode()&fs.ModeSymlink != 0 {
		// What a link leads to may be anything, which other programs need as it is.
		d.log.Warn("other users can read a key file, which is a symbolic link: restrict the file that it points to", "file", path, "is", info.Mode().Perm().String())
		return err
	}
	d.log.Warn("other users could read a key file: made it readable for its owner only", "file", path, "was", info.Mode().Perm().String())
	return os.Chmod(path, 0o600)
}

// writeSecret creates a file that is there whole or not at all, also after a power cut.
func writeSecret(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the operator names the directory
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (d dataDir) refuse(what string, cause error) error {
	// A joined error has one line for each of its parts; a complaint about a setting is one sentence.
	return config.Refuse("data", d.path, what+" ("+strings.ReplaceAll(cause.Error(), "\n", "; ")+")")
}

// whole is the path of the directory from the root.
func (d dataDir) whole() string {
	if path, err := filepath.Abs(d.path); err == nil {
		return path
	}
	return d.path
}

// describe is the sentence by which an operator notices that this is another directory than yesterday's, or another database.
func (a *App) describe(ctx context.Context, cfg config.Settings, dir dataDir) (string, error) {
	where := dir.whole()
	if cfg.Database != "" {
		where = inPostgreSQL
	}
	if cfg.Upstream != nil {
		return "Its data is in " + where + ", and the accounts are at " + cfg.Upstream.String() + ".", nil
	}
	n, _, err := a.store.CountUsers(ctx)
	switch {
	case err != nil:
		return "", err
	case dir.isNew && cfg.Database == "":
		return "Its data is in " + where + ", which was created just now and has no accounts yet.", nil
	case n == 1:
		return "Its data is in " + where + ": 1 account.", nil
	default:
		return "Its data is in " + where + ": " + strconv.FormatInt(n, 10) + " accounts.", nil
	}
}

// inPostgreSQL names the place of data that is not in a directory. The URL is a secret.
const inPostgreSQL = "the PostgreSQL database of --database"

// connectDatabase opens a database that others may have open too.
func connectDatabase(ctx context.Context, database model.Secret, o store.Options) (*store.Store, error) {
	st, err := store.Connect(ctx, database, o)
	if errors.Is(err, store.ErrNewer) {
		return nil, config.RefuseDatabase("its schema is of a newer latchkey and was not changed; run that version")
	}
	if err != nil {
		return nil, config.RefuseDatabase(strings.TrimPrefix(err.Error(), "open the database: "))
	}
	return st, nil
}
