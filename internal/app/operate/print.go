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
	if u.Operator {
		notes = append(notes, "operator")
	}
	if u.Disabled {
		notes = append(notes, "disabled")
	}
	if u.NoPassword {
		notes = append(notes, "no password")
	}
	switch {
	case u.Passkeys == 1:
		notes = append(notes, "1 passkey")
	case u.Passkeys > 1:
		notes = append(notes, fmt.Sprintf("%d passkeys", u.Passkeys))
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
	line := func(n int, what, more string) {
		if n > 0 {
			text.WriteString(what + ": " + strconv.Itoa(n) + "." + more + "\n")
		}
	}
	made := "Imported"
	if r.DryRun {
		made = "Can be imported"
	}
	fmt.Fprintf(&text, "Users in the file: %d. %s: %d.\n", r.Users, made, r.Made)
	line(r.There, "Imported before", "")
	line(r.Skipped, "Skipped, with nothing but keys to sign in with", "")
	line(r.Bad, "Cannot be imported", "")
	line(r.NeedReset, "Without a password", " Send them a link with latchkey user reset-password; with --smtp, people can ask for one on the sign-in page.")
	line(r.Disabled, "Disabled, as in the file", "")
	line(r.Keys, "Keys whose values are not in the file", " Adopt the values from a file, or as their devices knock.")
	for _, provider := range slices.Sorted(maps.Keys(r.Kept)) {
		how := "that nobody can sign in with here"
		switch {
		case slices.Contains(r.SetUp, provider):
			how = "that sign in as before"
		case slices.Contains([]string{model.ProviderCustomToken, model.ProviderGoogle, model.ProviderApple}, provider):
			how = "that sign in as before once the server has the provider in the file of --providers"
		}
		line(r.Kept[provider], "Identities of "+legible(provider)+" "+how, "")
	}
	if r.Beside > 0 {
		fmt.Fprintf(&text, "With an address that looks like another user's, and that must be typed exactly: %d.\n", r.Beside)
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
