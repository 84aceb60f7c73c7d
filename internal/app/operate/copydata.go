package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"latchkey/internal/model"
	"latchkey/internal/store"
)

// copied is what was copied to PostgreSQL.
type copied struct {
	From           string         `json:"from"`
	DryRun         bool           `json:"dry_run"`
	SchemaCreated  bool           `json:"schema_created"`
	Rows           int64          `json:"rows"`
	CopySeconds    float64        `json:"copy_seconds"`
	CompareSeconds float64        `json:"compare_seconds"`
	Tables         []copiedTable  `json:"tables"`
	Replaced       int64          `json:"texts_replaced"`
	ReplacedFirst  []replacedText `json:"replaced,omitempty"`
}

// copiedTable is a table that is the same on both sides.
type copiedTable struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// replacedText is where a text was that PostgreSQL cannot hold.
type replacedText struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Row    string `json:"row"`
}

// copyData moves to the database that programs share. None may run, on either side.
func copyData(ctx context.Context, c call, place Place) error {
	from, err := filepath.Abs(filepath.Join(place.Dir, c.program.Database))
	if err != nil {
		return err
	}
	done, err := place.Copy(ctx, from, store.CopyOptions{Clean: c.clean, DryRun: c.dryRun})
	switch {
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("nothing was copied: a running latchkey is using %s; stop it first", legible(from))
	case errors.Is(err, store.ErrNewer):
		return fmt.Errorf("nothing was copied: %s was written by a newer latchkey; use that version", legible(from))
	case errors.Is(err, store.ErrText):
		return fmt.Errorf("nothing was copied: %s; --clean replaces such texts", oneLine(err))
	case errors.Is(err, model.ErrUnclear):
		return fmt.Errorf("it is not known whether the copy was saved (%s): run this again; if it says that the database is not empty, everything was saved", oneLine(err))
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; nothing was copied")
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("nothing was copied: %s; run this as the user that latchkey runs as, or as root", oneLine(err))
	case err != nil:
		return fmt.Errorf("nothing was copied from %s: %s", legible(from), oneLine(err))
	}
	out := copied{
		From: from, DryRun: c.dryRun, SchemaCreated: done.Created, Replaced: done.Cleaned,
		CopySeconds: done.Copying.Seconds(), CompareSeconds: done.Comparing.Seconds(),
	}
	for _, table := range done.Tables {
		out.Tables, out.Rows = append(out.Tables, copiedTable(table)), out.Rows+table.Rows
	}
	for _, text := range done.First {
		out.ReplacedFirst = append(out.ReplacedFirst, replacedText(text))
	}
	return c.print(out, func(w io.Writer) error { return out.write(w, c.program) })
}

func (r copied) write(w io.Writer, p Program) error {
	var text strings.Builder
	for _, table := range r.Tables {
		fmt.Fprintf(&text, "%-18s %12d\n", table.Name, table.Rows)
	}
	if r.Replaced > 0 {
		fmt.Fprintf(&text, "Texts replaced because PostgreSQL cannot store them: %d\n", r.Replaced)
		for _, t := range r.ReplacedFirst {
			fmt.Fprintf(&text, "  column %s of %s, row %s\n", t.Column, t.Table, legible(t.Row))
		}
		if more := r.Replaced - int64(len(r.ReplacedFirst)); more > 0 {
			fmt.Fprintf(&text, "  and %d more\n", more)
		}
	}
	if r.DryRun {
		fmt.Fprintf(&text, "Dry run: %d rows of %s were copied and compared, and are the same. Nothing was saved.\n", r.Rows, legible(r.From))
		if r.SchemaCreated {
			text.WriteString("The database had no tables. They were created, and are empty.\n")
		}
		_, err := io.WriteString(w, text.String())
		return err
	}
	fmt.Fprintf(&text, "Copied and compared: %d rows of %s, all the same.\n", r.Rows, legible(r.From))
	text.WriteString("From now on, start every node with --database. Put the old file away: it gets no more changes.\n")
	fmt.Fprintf(&text, "Not copied: the files %s and %s of the data directory. Give every node the same ones, so that everyone stays signed in.\n",
		p.KeyFiles[0], p.KeyFiles[1])
	_, err := io.WriteString(w, text.String())
	return err
}

func copyToNothing(context.Context, call, Place) error {
	return usageError{errors.New("--database (LATCHKEY_DATABASE) is not given: it names the PostgreSQL database to copy to")}
}
