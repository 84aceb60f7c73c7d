package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
)

func addUser(ctx context.Context, c call) error {
	password, err := c.newPassword(ctx, c.argument)
	if err != nil {
		return err
	}
	var made handedOut
	if err := c.line.call(ctx, pathAddUser, newUser{c.argument, passedOn(password)}, &made); err != nil {
		return err
	}
	return c.print(made, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Created %s.\n", made.User.who())
		if err == nil && made.Link != "" {
			err = made.writeLink(w)
		}
		return err
	})
}

func listUsers(ctx context.Context, c call) error {
	each, n := listedUser.writeLine, 0
	if c.json {
		each = func(u listedUser, w io.Writer) error { return json.NewEncoder(w).Encode(u) }
	} else if err := writeListHead(c.Out); err != nil {
		return err
	}
	for after := ""; ; {
		var page userList
		if err := c.line.call(ctx, pathListUsers, userPage{after, c.server}, &page); err != nil {
			return err
		}
		for _, u := range page.Users {
			n++
			if err := each(u, c.Out); err != nil {
				return err
			}
		}
		if after = page.More; after == "" {
			break
		}
	}
	if c.json {
		return nil
	}
	_, err := fmt.Fprintf(c.Out, "Users: %d\n", n)
	return err
}

func disableUser(ctx context.Context, c call) error {
	return c.change(ctx, pathDisableUser, "Disabled %s and signed out all their sessions.\n", "%s was already disabled.\n")
}

func enableUser(ctx context.Context, c call) error {
	return c.change(ctx, pathEnableUser, "%s can sign in again.\n", "%s was not disabled.\n")
}

func makeOperator(ctx context.Context, c call) error {
	return c.change(ctx, pathMakeOperator,
		"%s is an operator now: they can search for people, see facts of them, turn keys off, sign people out and disable them under Running in the browser.\n",
		"%s was already an operator.\n")
}

func unmakeOperator(ctx context.Context, c call) error {
	return c.change(ctx, pathUnmakeOperator, "%s is no longer an operator.\n", "%s was not an operator.\n")
}

func (c call) change(ctx context.Context, path, did, wasSo string) error {
	var done changedUser
	if err := c.line.call(ctx, path, named{c.argument}, &done); err != nil {
		return err
	}
	return c.printChange(done, done.Changed, done.User.who(), did, wasSo)
}

// printChange says what an act did to what has that name, or that it was so already.
func (c call) printChange(answer any, changed bool, name, did, wasSo string) error {
	return c.print(answer, func(w io.Writer) error {
		words := did
		if !changed {
			words = wasSo
		}
		_, err := fmt.Fprintf(w, words, name)
		return err
	})
}

func resetPassword(ctx context.Context, c call) error {
	var done handedOut
	order := resetOrder{User: c.argument, KeepSessions: c.keepSessions, Mail: c.mail}
	if err := c.line.call(ctx, pathResetUser, order, &done); err != nil {
		return err
	}
	return c.print(done, func(w io.Writer) error {
		what := "The password of %s no longer works, and all sessions are signed out. Keys keep working.\n"
		if c.keepSessions {
			what = "The password of %s keeps working until a new one is chosen.\n"
		}
		_, err := fmt.Fprintf(w, what, done.User.who())
		switch {
		case err != nil:
			return err
		case done.Stuck:
			_, err = fmt.Fprintf(w, "The email to %s is queued, but email is not being delivered right now (see latchkey status). Without --mail, the link is printed.\n", legible(done.User.Email))
			return err
		case done.Mailed:
			_, err = fmt.Fprintf(w, "An email with a reset link is on its way to %s.\n", legible(done.User.Email))
			return err
		default:
			return done.writeLink(w)
		}
	})
}

func deleteUser(ctx context.Context, c call) error {
	var found listedUser
	if err := c.line.call(ctx, pathFindUser, named{c.argument}, &found); err != nil {
		return err
	}
	question := fmt.Sprintf("Delete %s and their keys (%d)? This cannot be undone.", found.who(), found.Keys)
	if err := c.confirm(ctx, question); err != nil {
		return err
	}
	// By the id: the name may be somebody else's by now.
	if err := c.line.call(ctx, pathDeleteUser, named{found.ID}, &found); err != nil {
		return err
	}
	return c.print(found, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Deleted %s and their keys (%d).\n", found.who(), found.Keys)
		return err
	})
}

func importUsers(ctx context.Context, c call) error {
	return inOneGo(c, batchWords{"imported", "import", "users"}, func(dryRun bool) (result imported, err error) {
		query := url.Values{"dry_run": {strconv.FormatBool(dryRun)}}
		err = c.sendTwice(ctx, pathImportUsers+"?"+query.Encode(), &result)
		return result, err
	})
}

func (r imported) tally() (all, bad int) { return r.Users, r.Bad }

// sendTwice sends the file that a command names, once to rehearse and once more.
func (c call) sendTwice(ctx context.Context, path string, result any) error {
	file, err := os.Open(c.argument)
	if err != nil {
		return fmt.Errorf("cannot read the file: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s must be a regular file, because it is read twice", c.argument)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	return c.line.send(ctx, path, file, result) // closes the file
}

func backUp(ctx context.Context, c call) error {
	path, err := filepath.Abs(c.argument) // the running program may be elsewhere
	if err != nil {
		return err
	}
	var done backedUp
	if err := c.line.call(ctx, pathBackup, backupOrder{path}, &done); err != nil {
		return err
	}
	return c.print(done, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Backed up and verified: %s, %s. Users: %d, keys: %d, events: %d.\n"+
			"Not included: the files %s and %s of the data directory. Keep copies of them somewhere else.\n",
			legible(done.Path), size(done.Bytes), done.Rows.Users, done.Rows.Keys, done.Rows.Events, c.program.KeyFiles[0], c.program.KeyFiles[1])
		return err
	})
}
