package operate

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"latchkey/internal/app/newfile"
	"latchkey/internal/model"
)

const (
	pathAddServerKey    = "/server-keys/add"
	pathListServerKeys  = "/server-keys/list"
	pathFindServerKey   = "/server-keys/find"
	pathSwitchServerKey = "/server-keys/switch"
	pathDeleteServerKey = "/server-keys/delete"
)

func withOut(fs *flag.FlagSet, o *options) {
	fs.StringVar(&o.out, "out", "", "`FILE` to create, readable for its owner alone, with the value; without it, the value is printed")
}

// serverKeyCommands are those about keys that belong to no person.
func serverKeyCommands() []command {
	return []command{
		{
			name: "server-key add", argument: "NAME", does: "create a server key: a key that belongs to no person", run: addServerKey,
			more: "A gateway or another program of yours signs in with it, as a user of its own with the type \"server\". It cannot manage\n" +
				"keys. Its value is shown once. There can be at most 100 server keys.",
			flags: []commandFlag{withOut},
		},
		{name: "server-key list", does: "list all server keys and when they were last used", run: listServerKeys},
		{
			name: "server-key off", argument: "NAME", does: "turn a server key off and sign out whatever signed in with it", run: turnServerKeyOff,
			more: "It can be turned on again. Access tokens already issued expire within 30 minutes.",
		},
		{name: "server-key on", argument: "NAME", does: "turn a server key on again", run: turnServerKeyOn},
		{
			name: "server-key delete", argument: "NAME", does: "delete a server key with its user and activity", run: deleteServerKey,
			more:  "On a terminal, it asks for confirmation. Elsewhere, pass --yes.",
			flags: []commandFlag{withYes},
		},
	}
}

func withAsServerKey(fs *flag.FlagSet, o *options) {
	fs.BoolVar(&o.server, "server", false, "adopt as a server key, which belongs to no person")
}

func (o *operator) handleServerKeys(mux *http.ServeMux) {
	mux.Handle("POST "+pathAddServerKey, operation(o.log, ofUsers(o, o.addServerKey)))
	mux.Handle("POST "+pathListServerKeys, operation(o.log, ofUsers(o, o.listServerKeys)))
	mux.Handle("POST "+pathFindServerKey, operation(o.log, ofUsers(o, o.findServerKey)))
	mux.Handle("POST "+pathSwitchServerKey, operation(o.log, ofUsers(o, o.switchServerKey)))
	mux.Handle("POST "+pathDeleteServerKey, operation(o.log, ofUsers(o, o.deleteServerKey)))
}

// listedServerKey is a server key as operators see one.
type listedServerKey struct {
	Name        string    `json:"name"`
	UserID      string    `json:"user_id"`
	ID          string    `json:"_id"`
	CreatedAt   time.Time `json:"created_at"`
	Disabled    bool      `json:"disabled"`
	Adopted     bool      `json:"adopted,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	Words       string    `json:"words,omitempty"`
	FirstUsedAt time.Time `json:"first_used_at,omitzero"`
	LastUsedAt  time.Time `json:"last_used_at,omitzero"`
	LastUsedBy  string    `json:"last_used_from,omitempty"` // address
}

func listedKey(k model.Key) listedServerKey {
	return listedServerKey{
		Name: k.Name, UserID: k.UserID, ID: k.ID, CreatedAt: k.CreatedAt, Disabled: k.Disabled, Adopted: k.Origin == model.OriginAdopted,
		Fingerprint: k.Usage.Fingerprint, Words: k.Usage.Words().String(), FirstUsedAt: k.Usage.FirstUsed, LastUsedAt: k.Usage.LastUse.At, LastUsedBy: k.Usage.LastUse.Address,
	}
}

// namedKey is the server key that a command is about, and whether it is to be on.
type namedKey struct {
	Name string `json:"name"`
	On   bool   `json:"on,omitempty"`
}

// newServerKey is a server key that was created, with its value.
type newServerKey struct {
	Key   listedServerKey `json:"server_key"`
	Value passedOn        `json:"key,omitempty"`
}

type serverKeyList struct {
	Keys []listedServerKey `json:"server_keys"`
}

// changedServerKey is a server key, and whether the command changed anything.
type changedServerKey struct {
	Key     listedServerKey `json:"server_key"`
	Changed bool            `json:"changed"`
}

func (o *operator) addServerKey(ctx context.Context, in namedKey) (newServerKey, error) {
	key, value, err := o.accounts.AddServerKey(ctx, in.Name)
	return newServerKey{listedKey(key), passedOn(value.Reveal())}, aboutNewServerKey(in.Name, err)
}

func (o *operator) listServerKeys(ctx context.Context, _ nothing) (serverKeyList, error) {
	keys, err := o.accounts.ServerKeys(ctx)
	out := serverKeyList{Keys: make([]listedServerKey, len(keys))}
	for i, k := range keys {
		out.Keys[i] = listedKey(k)
	}
	return out, aboutServerKey("", err)
}

func (o *operator) findServerKey(ctx context.Context, in namedKey) (listedServerKey, error) {
	key, err := o.accounts.ServerKey(ctx, in.Name)
	return listedKey(key), aboutServerKey(in.Name, err)
}

func (o *operator) switchServerKey(ctx context.Context, in namedKey) (changedServerKey, error) {
	key, err := o.accounts.SetServerKey(ctx, in.Name, in.On)
	changed := key.Disabled == in.On
	key.Disabled = !in.On
	return changedServerKey{listedKey(key), changed}, aboutServerKey(in.Name, err)
}

func (o *operator) deleteServerKey(ctx context.Context, in namedKey) (listedServerKey, error) {
	key, err := o.accounts.DeleteServerKey(ctx, in.Name)
	return listedKey(key), aboutServerKey(in.Name, err)
}

// aboutServerKey puts a refusal into words for operators.
func aboutServerKey(name string, err error) error {
	e, ok := errors.AsType[*model.Error](err)
	switch {
	case !ok:
		return err
	case e.Kind == model.KindNotFound:
		return fmt.Errorf("there is no server key %q (see latchkey server-key list)", name)
	case e.Kind == model.KindBadName:
		return fmt.Errorf("the name of a server key %s", strings.TrimPrefix(e.Reason, "'name' ")) // not the name: it may be a value
	case e.Kind == model.KindNameTaken:
		return fmt.Errorf("there already is a server key %q", name)
	case e.Kind == model.KindUnclear:
		return notKnown(err, "server-key list")
	default:
		return aboutUser(name, err)
	}
}

// aboutNewServerKey is aboutServerKey for a key whose value was drawn here, and is lost when nobody knows whether it was created.
func aboutNewServerKey(name string, err error) error {
	if model.Is(err, model.KindUnclear) {
		return fmt.Errorf("it is not known whether this was done (%w): check with latchkey server-key list; "+
			"if a new server key is there, delete it, because nobody has its value", errors.Unwrap(err))
	}
	return aboutServerKey(name, err)
}

func addServerKey(ctx context.Context, c call) error {
	if c.out == "" {
		var made newServerKey
		if err := c.line.call(ctx, pathAddServerKey, namedKey{Name: c.argument}, &made); err != nil {
			return err
		}
		return made.unwritten(c.print(made, made.write))
	}
	var made newServerKey
	err := newfile.Fill("out", c.out, func(f *os.File) error {
		if err := c.line.call(ctx, pathAddServerKey, namedKey{Name: c.argument}, &made); err != nil {
			return err
		}
		_, err := io.WriteString(f, string(made.Value)) // and nothing behind it: not everybody trims what they read
		if err == nil {
			err = f.Sync()
		}
		return made.unwritten(err)
	})
	if err != nil {
		return err
	}
	made.Value = ""
	return c.print(made, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Created the server key %s, user %s. Its value is in %s.\n", made.Key.Name, made.Key.UserID, legible(c.out))
		return err
	})
}

// unwritten says what to do about a value that could not be written: nobody has it.
func (n newServerKey) unwritten(err error) error {
	if err != nil {
		return fmt.Errorf("the server key %s was created, but its value could not be written and is lost (%w): "+
			"delete it with latchkey server-key delete %s, and create another", n.Key.Name, err, n.Key.Name)
	}
	return nil
}

func (n newServerKey) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "Created the server key %s, user %s. This is its value, which is not shown again:\n\n  %s\n", n.Key.Name, n.Key.UserID, string(n.Value))
	return err
}

func listServerKeys(ctx context.Context, c call) error {
	var list serverKeyList
	if err := c.line.call(ctx, pathListServerKeys, nothing{}, &list); err != nil {
		return err
	}
	return c.print(list, list.write)
}

func (l serverKeyList) write(w io.Writer) error {
	width := len("NAME")
	for _, k := range l.Keys {
		width = max(width, len(k.Name))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-*s  %-10s  %-20s  %-16s  %-22s  %s\n", width, "NAME", "CREATED", "LAST USED", "FINGERPRINT", "WORDS", "USER")
	for _, k := range l.Keys {
		used, notes := "never", ""
		if !k.LastUsedAt.IsZero() {
			used = inUTC(k.LastUsedAt)
		}
		if all := k.notes(); len(all) > 0 {
			notes = "  [" + strings.Join(all, ", ") + "]"
		}
		fmt.Fprintf(&text, "%-*s  %-10s  %-20s  %-16s  %-22s  %s%s\n", width, k.Name, k.CreatedAt.Format(time.DateOnly), used, k.Fingerprint, k.Words, k.UserID, notes)
	}
	fmt.Fprintf(&text, "Server keys: %d of %d\n", len(l.Keys), model.MaxServerKeys)
	_, err := io.WriteString(w, text.String())
	return err
}

func (k listedServerKey) notes() []string {
	var notes []string
	if k.Disabled {
		notes = append(notes, "off")
	}
	if k.Adopted {
		notes = append(notes, "adopted")
	}
	return notes
}

func turnServerKeyOff(ctx context.Context, c call) error {
	return c.switchServerKey(ctx, false, "Turned %s off and signed out whatever signed in with it.\n", "%s was already off.\n")
}

func turnServerKeyOn(ctx context.Context, c call) error {
	return c.switchServerKey(ctx, true, "%s can sign in again.\n", "%s was not off.\n")
}

func (c call) switchServerKey(ctx context.Context, on bool, did, wasSo string) error {
	var done changedServerKey
	if err := c.line.call(ctx, pathSwitchServerKey, namedKey{c.argument, on}, &done); err != nil {
		return err
	}
	return c.printChange(done, done.Changed, done.Key.Name, did, wasSo)
}

func deleteServerKey(ctx context.Context, c call) error {
	var found listedServerKey
	if err := c.line.call(ctx, pathFindServerKey, namedKey{Name: c.argument}, &found); err != nil {
		return err
	}
	question := fmt.Sprintf("Delete the server key %s? Whatever has its value can no longer sign in. This cannot be undone.", found.Name)
	if err := c.confirm(ctx, question); err != nil {
		return err
	}
	if err := c.line.call(ctx, pathDeleteServerKey, namedKey{Name: c.argument}, &found); err != nil {
		return err
	}
	return c.print(found, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Deleted the server key %s.\n", found.Name)
		return err
	})
}
