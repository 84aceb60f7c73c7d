package operate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"latchkey/internal/accounts"
	"latchkey/internal/model"
)

// What commands about keys ask for.
const (
	pathListKeys  = "/keys/list"
	pathFindKey   = "/keys/find"
	pathSwitchKey = "/keys/switch"
	pathDeleteKey = "/keys/delete"
	pathAdoptKeys = "/keys/adopt"
)

func (o *operator) handleKeys(mux *http.ServeMux) {
	mux.Handle("POST "+pathListKeys, operation(o.log, ofUsers(o, o.listKeys)))
	mux.Handle("POST "+pathFindKey, operation(o.log, ofUsers(o, o.findKey)))
	mux.Handle("POST "+pathSwitchKey, operation(o.log, ofUsers(o, o.switchKey)))
	mux.Handle("POST "+pathDeleteKey, operation(o.log, ofUsers(o, o.deleteKey)))
	mux.HandleFunc("POST "+pathAdoptKeys, o.adoptKeys)
}

// userKey is a key of a user as operators see one.
type userKey struct {
	ID          string    `json:"_id"`
	Name        string    `json:"name"`
	Disabled    bool      `json:"disabled"`
	Adopted     bool      `json:"adopted"`
	CreatedAt   time.Time `json:"created_at"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	Words       string    `json:"words,omitempty"`
	FirstUsedAt time.Time `json:"first_used_at,omitzero"`
	LastUsedAt  time.Time `json:"last_used_at,omitzero"`
	LastAddress string    `json:"last_used_from,omitempty"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	Expired     bool      `json:"expired,omitempty"`
	ReplacedBy  string    `json:"replaced_by,omitempty"`
	Replacement string    `json:"replacement,omitempty"` // how far it has come
}

func (o *operator) userKeyOf(k model.Key) userKey {
	return userKey{
		ReplacedBy: k.Replaced.NewName, Replacement: string(k.Replaced.State),
		ExpiresAt: k.ExpiresAt, Expired: !k.ExpiresAt.IsZero() && !o.now().Before(k.ExpiresAt),
		ID: k.ID, Name: k.Name, Disabled: k.Disabled, Adopted: k.Origin == model.OriginAdopted, CreatedAt: k.CreatedAt,
		Fingerprint: k.Usage.Fingerprint, Words: k.Usage.Words().String(), FirstUsedAt: k.Usage.FirstUsed, LastUsedAt: k.Usage.LastUse.At, LastAddress: k.Usage.LastUse.Address,
	}
}

// ownedKey is the key that a command is about, by id or name, and whether it is to be on.
type ownedKey struct {
	User string `json:"user"`
	Name string `json:"key"` // or id
	On   bool   `json:"on,omitempty"`
}

// keyOfUser is a key with its owner, and whether the command changed anything.
type keyOfUser struct {
	User    listedUser `json:"user"`
	Key     userKey    `json:"api_key"`
	Changed bool       `json:"changed"`
}

type keysOfUser struct {
	User listedUser `json:"user"`
	Keys []userKey  `json:"api_keys"`
}

func (o *operator) listKeys(ctx context.Context, in named) (keysOfUser, error) {
	of, keys, err := o.accounts.KeysOf(ctx, in.User)
	out := keysOfUser{User: listed(of), Keys: make([]userKey, len(keys))}
	for i, k := range keys {
		out.Keys[i] = o.userKeyOf(k)
	}
	return out, aboutUser(in.User, err)
}

func (o *operator) findKey(ctx context.Context, in ownedKey) (keyOfUser, error) {
	of, key, err := o.accounts.FindKey(ctx, in.User, in.Name)
	return keyOfUser{User: listed(of), Key: o.userKeyOf(key)}, aboutKey(in, err)
}

func (o *operator) switchKey(ctx context.Context, in ownedKey) (keyOfUser, error) {
	of, key, err := o.accounts.TurnKeyOf(ctx, in.User, in.Name, in.On)
	o.accounts.Drain() // a command ends when this does, and the email about the key must be on its way by then
	out := keyOfUser{User: listed(of), Key: o.userKeyOf(key), Changed: key.Disabled == in.On}
	out.Key.Disabled = !in.On
	return out, aboutKey(in, err)
}

func (o *operator) deleteKey(ctx context.Context, in ownedKey) (keyOfUser, error) {
	of, key, err := o.accounts.DeleteKeyOf(ctx, in.User, in.Name)
	return keyOfUser{User: listed(of), Key: o.userKeyOf(key), Changed: err == nil}, aboutKey(in, err)
}

// aboutKey puts a refusal into words for operators.
func aboutKey(in ownedKey, err error) error {
	switch {
	case errors.Is(err, accounts.ErrNoSuchKey):
		return fmt.Errorf("%q has no key %q: use an id or a name (see latchkey key list)", in.User, in.Name)
	case model.Is(err, model.KindUnclear):
		return notKnown(err, "key list")
	default:
		return aboutUser(in.User, err)
	}
}

func listKeys(ctx context.Context, c call) error {
	var found keysOfUser
	if err := c.line.call(ctx, pathListKeys, named{c.argument}, &found); err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.Out).Encode(found)
	}
	if _, err := fmt.Fprintf(c.Out, "%-24s  %-5s  %-10s  %-16s  %s\n", "ID", "STATE", "CREATED", "LAST USED (UTC)", "NAME"); err != nil {
		return err
	}
	for _, k := range found.Keys {
		if err := k.writeLine(c.Out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.Out, "Keys: %d of %d\n", len(found.Keys), model.MaxKeys)
	return err
}

func (k userKey) writeLine(w io.Writer) error {
	used, name := "never", legible(k.Name)
	if !k.LastUsedAt.IsZero() {
		used = k.LastUsedAt.UTC().Format("2006-01-02 15:04")
	}
	if k.Words != "" {
		name += " (" + k.Words + ")"
	}
	if k.Adopted {
		name += "  [adopted]"
	}
	switch day := k.ExpiresAt.UTC().Format(time.DateOnly); {
	case k.Expired:
		name += "  [expired " + day + "]"
	case !k.ExpiresAt.IsZero():
		name += "  [expires " + day + "]"
	}
	switch model.ReplacementState(k.Replacement) {
	case model.ReplacementParked:
		name += "  [replaced by " + legible(k.ReplacedBy) + "]"
	case model.ReplacementWaiting, model.ReplacementBoth:
		name += "  [being replaced by " + legible(k.ReplacedBy) + "]"
	}
	_, err := fmt.Fprintf(w, "%-24s  %-5s  %-10s  %-16s  %s\n", k.ID, k.state(), k.CreatedAt.Format(time.DateOnly), used, name)
	return err
}

func (k userKey) state() string {
	if k.Disabled {
		return "off"
	}
	return "on"
}

func turnKeyOff(ctx context.Context, c call) error { return c.switchKey(ctx, false) }

func turnKeyOn(ctx context.Context, c call) error { return c.switchKey(ctx, true) }

func (c call) switchKey(ctx context.Context, on bool) error {
	var done keyOfUser
	if err := c.line.call(ctx, pathSwitchKey, ownedKey{c.argument, c.second, on}, &done); err != nil {
		return err
	}
	return c.print(done, func(w io.Writer) error {
		words := "%s of %s was already %s.\n"
		switch {
		case on && done.Key.Expired:
			words = "%s of %s is %s, but has expired: it works again when its owner chooses another day.\n"
		case done.Changed && on:
			words = "%s of %s is %s: its value works again.\n"
		case done.Changed:
			words = "%s of %s is %s, and whatever signed in with it is signed out.\n"
		}
		_, err := fmt.Fprintf(w, words, legible(done.Key.Name), done.User.who(), done.Key.state())
		return err
	})
}

func deleteKey(ctx context.Context, c call) error {
	var found keyOfUser
	if err := c.line.call(ctx, pathFindKey, ownedKey{User: c.argument, Name: c.second}, &found); err != nil {
		return err
	}
	used := "It was never used."
	if at := found.Key.LastUsedAt; !at.IsZero() {
		used = fmt.Sprintf("It was last used on %s, from %s.", at.UTC().Format("2 January 2006, 15:04 UTC"), cmp.Or(legible(found.Key.LastAddress), "an unknown address"))
	}
	question := fmt.Sprintf("Delete the key %s of %s? %s This cannot be undone.", legible(found.Key.Name), found.User.who(), used)
	if err := c.confirm(ctx, question); err != nil {
		return err
	}
	// By the ids: the names may be others' by now.
	if err := c.line.call(ctx, pathDeleteKey, ownedKey{User: found.User.ID, Name: found.Key.ID}, &found); err != nil {
		return err
	}
	return c.print(found, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Deleted the key %s of %s.\n", legible(found.Key.Name), found.User.who())
		return err
	})
}
