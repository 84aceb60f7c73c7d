package views

import (
	"context"
	"slices"

	"github.com/a-h/templ"
)

// Orders of the list, besides that of the last use.
const (
	SortByName = "name"
	SortByAge  = "created" // the newest first
)

// SelectAll is what selects all keys in the address of the list in which they are selected.
const SelectAll = "all"

// Bulk is what the list needs in which several keys are selected, to do the same with each of them.
type Bulk struct {
	// All says that all keys are selected at first, and Selected else which are, by their ids.
	All      bool
	Selected []string
	// Results say what became of the keys that something was done with. There are none when all went well.
	Results []Result
	// Error is what is wrong with what was sent.
	Error string
}

// Result is what became of one key.
type Result struct {
	ID, Name, Text string
	// There says that the key is there still, or may be, and the act was not done.
	There bool
	// Link is what to do about it on the key's page, "" when there is nothing.
	Link string
}

func (b *Bulk) selected(id string) bool { return b.All || slices.Contains(b.Selected, id) }

// rest are the results of which there is less to say, those with the same words together.
func (b *Bulk) rest() []Result {
	var rest []Result
	for _, r := range b.Results {
		if r.There {
			continue
		}
		if i := slices.IndexFunc(rest, func(one Result) bool { return one.Text == r.Text }); i >= 0 {
			rest[i].Name += ", " + r.Name
		} else {
			rest = append(rest, r)
		}
	}
	return rest
}

// path is the address of the list as it is narrowed down and sorted, for selecting keys in it when selecting is not "".
func (k Keys) path(show, selecting string) templ.SafeURL {
	path, join := string(ListPath(show, k.Query)), "?"
	if show != "" || k.Query != "" {
		join = "&"
	}
	for _, field := range [...]Field{{"sort", k.Sort}, {"select", selecting}} {
		if field.Value != "" {
			path, join = path+join+field.Name+"="+field.Value, "&"
		}
	}
	return templ.SafeURL(path)
}

// selecting is whether keys are selected, as it stands in addresses.
func (k Keys) selecting() string {
	if k.Bulk != nil {
		return "1"
	}
	return ""
}

// Several is the question before several keys are deleted.
type Several struct {
	Page
	List []Key
	// Action is where the answer is sent, Target what the answer to that draws again, and Back the page for people who think better of it.
	Action, Target, Back string
	// Fields are what the form holds besides the keys.
	Fields []Field
	// Typed is what has to be typed, "" when nothing has. Error is what is wrong with what was.
	Typed, Error string
	// Instead offers to turn the keys off.
	Instead bool
}

// Act is what the button says.
func (m Several) Act(ctx context.Context) string {
	if len(m.List) == 1 {
		return t(ctx, "bulk.delete-key", "Delete {key}", "key", m.List[0].Name)
	}
	return tn(ctx, "bulk.delete-keys", len(m.List), "Delete {n} key", "Delete {n} keys")
}

// question is what is asked.
func (m Several) question(ctx context.Context) string {
	if len(m.List) == 1 {
		return t(ctx, "bulk.delete-key-question", "Delete {key}?", "key", m.List[0].Name)
	}
	return tn(ctx, "bulk.delete-keys-question", len(m.List), "Delete {n} key?", "Delete {n} keys?")
}

// lost is what is gone with the keys.
func (m Several) lost(ctx context.Context) string {
	text := t(ctx, "delete.final", "This can’t be undone.")
	for _, k := range m.List {
		if !k.neverUsed() {
			text = t(ctx, "bulk.no-sign-in", "Their devices can’t sign in with them again. This can’t be undone.")
			if k.EndsAtOnce {
				return t(ctx, "bulk.signed-out", "Their devices are signed out and can’t sign in again. This can’t be undone.")
			}
		}
	}
	return text
}

// outline has what cannot be undone stand behind what can.
func (m Several) outline() string {
	if m.Typed != "" && m.Instead {
		return "danger"
	}
	return "danger solid"
}
