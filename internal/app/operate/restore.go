package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"latchkey/internal/store"
)

// restored is what a restore did.
type restored struct {
	Path  string       `json:"path"`
	From  string       `json:"from"`
	Kept  []string     `json:"kept,omitempty"` // what was there, by the names that it has now
	Rows  store.Counts `json:"rows"`
	Older bool         `json:"older,omitempty"` // an older latchkey wrote it
}

// restore puts a backup in the place of the database. No program is asked to: none may have that open.
func restore(ctx context.Context, c call, place Place) error {
	from, err := filepath.Abs(c.argument)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(place.Dir)
	if err != nil {
		return err
	}
	switch _, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return place.Refuse("there is no such directory; create it with mode 0700 for the user that latchkey runs as")
	case err != nil:
		return place.Refuse("it cannot be found (" + oneLine(err) + ")")
	}
	now := time.Now
	if place.Config.Now != nil {
		now = place.Config.Now
	}
	done, err := store.Restore(ctx, from, filepath.Join(dir, c.program.Database), now())
	switch {
	case errors.Is(err, store.ErrInUse):
		return place.Refuse("a running latchkey is using it: stop it first")
	case errors.Is(err, store.ErrNewer):
		return fmt.Errorf("nothing was changed: %s was written by a newer latchkey; restore it with that version", legible(from))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("nothing was restored: %s; run this as the user that latchkey runs as, or as root", oneLine(err))
	case err != nil:
		return fmt.Errorf("nothing was restored: %s", oneLine(err))
	}
	out := restored{Path: done.Path, From: from, Kept: done.Aside, Rows: done.Rows, Older: done.Older}
	return c.print(out, func(w io.Writer) error { return out.write(w, c.program) })
}

func (r restored) write(w io.Writer, p Program) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Restored and verified: %s, from %s. Users: %d, keys: %d, events: %d.\n",
		legible(r.Path), legible(r.From), r.Rows.Users, r.Rows.Keys, r.Rows.Events)
	if r.Older {
		text.WriteString("An older latchkey wrote it: the next start updates its schema, and that older one cannot open it any more.\n")
	}
	text.WriteString("What happened after the backup is undone: keys that were turned off or deleted since then work again.\n")
	if len(r.Kept) > 0 {
		text.WriteString("The old files are kept until you delete them:\n")
		for _, path := range r.Kept {
			fmt.Fprintf(&text, "  %s\n", legible(path))
		}
	}
	fmt.Fprintf(&text, "Not changed: the files %s and %s of the data directory. If they are lost, put back copies of them too.\n",
		p.KeyFiles[0], p.KeyFiles[1])
	_, err := io.WriteString(w, text.String())
	return err
}
