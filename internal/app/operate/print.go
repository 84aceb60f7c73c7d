package operate

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"latchkey/internal/model"
)

// print writes an answer: as JSON, or in the words that say does.
func (c call) print(answer any, say func(io.Writer) error) error {
	if c.json {
		return json.NewEncoder(c.Out).Encode(answer)
	}
	return say(c.Out)
}

// legible is a text that cannot steer a terminal: people may register with any address.
func legible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToASCII(text)
	}
	return text
}

// who names a user for people.
func (u listedUser) who() string {
	switch {
	case u.ServerKey != "":
		return "server key " + u.ServerKey + " (" + u.ID + ")"
	case u.Email == "":
		return u.ID
	default:
		return legible(u.Email) + " (" + u.ID + ")"
	}
}

// columns are fixed, so that a list of any length can be printed as it comes.
func writeListHead(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%-24s  %-10s  %4s  %s\n", "ID", "CREATED", "KEYS", "EMAIL")
	return err
}

func (u listedUser) writeLine(w io.Writer) error {
	name := legible(u.Email)
	switch {
	case u.ServerKey != "":
		name = "(server key " + u.ServerKey + ")"
	case name == "":
		name = "(" + legible(strings.Join(u.Providers, ", ")) + ")"
	}
	if notes := u.notes(); len(notes) > 0 {
		name += "  [" + strings.Join(notes, ", ") + "]"
	}
	_, err := fmt.Fprintf(w, "%-24s  %-10s  %4d  %s\n", u.ID, u.CreatedAt.Format(time.DateOnly), u.Keys, name)
	return err
}

func (u listedUser) notes() []string {
	var notes []string
	if u.Disabled {
		notes = append(notes, "disabled")
	}
	if u.NoPassword {
		notes = append(notes, "no password")
	}
	if u.NotConfirmed {
		notes = append(notes, "not confirmed")
	}
	switch {
	case u.NotBack == 1:
		notes = append(notes, "1 key not back yet")
	case u.NotBack > 1:
		notes = append(notes, fmt.Sprintf("%d keys not back yet", u.NotBack))
	}
	return notes
}

// writeLink says what to do with a link.
func (h handedOut) writeLink(w io.Writer) error {
	_, err := fmt.Fprintf(w, "With this link they can choose a password, once, until %s. Give it to nobody else:\n\n  %s\n",
		h.LinkExpiresAt.Format("2 January 2006, 15:04 UTC"), string(h.Link))
	if err == nil && h.OnlyHere {
		_, err = io.WriteString(w, "\nOnly this computer can open it. For other devices, start latchkey with --addr 0.0.0.0:8080, or pass --public-url.\n")
	}
	return err
}

// write says what is in a file of users, and what became of it.
func (r imported) write(w io.Writer) error {
	var text strings.Builder
	made := "were imported"
	if r.DryRun {
		made = "can be imported"
	}
	fmt.Fprintf(&text, "%d users in the file: %d %s", r.Users, r.Made, made)
	for _, part := range []struct {
		n    int
		what string
	}{
		{r.There, "already exist"},
		{r.Skipped, "have only keys to sign in with and were skipped"},
		{r.Bad, "cannot be imported"},
	} {
		if part.n > 0 {
			fmt.Fprintf(&text, ", %d %s", part.n, part.what)
		}
	}
	text.WriteString(".\n")
	if r.NeedReset > 0 {
		fmt.Fprintf(&text, "%d need a password: send them a link with latchkey user reset-password; with --smtp they can ask for one on the sign-in page.\n", r.NeedReset)
	}
	if r.Disabled > 0 {
		fmt.Fprintf(&text, "%d are disabled, as in the file.\n", r.Disabled)
	}
	if r.Keys > 0 {
		fmt.Fprintf(&text, "%d keys come back when their values are adopted, from a file or as their devices knock: an export does not contain them.\n", r.Keys)
	}
	for _, provider := range slices.Sorted(maps.Keys(r.Kept)) {
		how := "were kept, but cannot be used to sign in here"
		switch {
		case slices.Contains(r.SetUp, provider):
			how = "sign in as before"
		case slices.Contains([]string{model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple}, provider):
			how = "sign in as before once the server has that provider in the file of --providers"
		}
		fmt.Fprintf(&text, "%d identities of %s %s.\n", r.Kept[provider], legible(provider), how)
	}
	if r.Beside > 0 {
		fmt.Fprintf(&text, "%d have an address that looks like another user's, and must sign in with its exact spelling:\n", r.Beside)
		writeProblems(&text, r.BesideList, r.Beside)
	}
	writeProblems(&text, r.Problems, r.Bad)
	_, err := io.WriteString(w, text.String())
	return err
}

func writeProblems(text *strings.Builder, first []problem, all int) {
	for _, p := range first {
		fmt.Fprintf(text, "  user %d", p.Number)
		if p.ID != "" {
			fmt.Fprintf(text, " (%s)", legible(p.ID))
		}
		fmt.Fprintf(text, ": %s\n", legible(p.Reason))
	}
	if more := all - len(first); more > 0 {
		fmt.Fprintf(text, "  and %d more\n", more)
	}
}

// size is a number of bytes for people.
func size(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d kB", max(1, bytes>>10))
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
}
