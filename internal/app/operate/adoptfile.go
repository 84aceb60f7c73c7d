package operate

import (
	"bufio"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"latchkey/internal/accounts"
	"latchkey/internal/app/texts"
	"latchkey/internal/model"
)

const (
	// maxAdoptions is how many rows a file may have: of each the running program remembers a few bytes.
	maxAdoptions = 200_000
	// maxAdoptionLine is more than a row can need.
	maxAdoptionLine = 64 << 10
)

// adoption is a row of a file of values, on its way to the operator. The value has stayed behind.
type adoption struct {
	Row       int    `json:"row"` // the first line of the file is row 1
	User      string `json:"user,omitempty"`
	Name      string `json:"name,omitempty"`
	Hash      string `json:"sha256,omitempty"`
	Unchecked bool   `json:"unchecked,omitempty"` // the file has the hash alone
	Bad       string `json:"bad,omitempty"`       // why there is nothing to adopt
}

// writtenAdoption is a row as it stands in the file.
type writtenAdoption struct {
	User, Name, SHA256 string
	Value              model.Secret
}

// readAdoptions gives the rows of a file one after another, which name no users if they are to be server keys. What it says of a row
// quotes nothing: a value may stand in any place.
func readAdoptions(file io.Reader, server bool, each func(adoption) error) error {
	lines := bufio.NewScanner(texts.Reader(file))
	lines.Buffer(nil, maxAdoptionLine)
	row, rows := 0, 0
	var understand func(line string) (writtenAdoption, string)
	for lines.Scan() {
		row++
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" {
			continue
		}
		if understand == nil {
			if line[0] == '{' {
				understand = inJSON
			} else {
				var err error
				if understand, err = inCSV(line, server); err != nil {
					return err
				}
				continue
			}
		}
		if rows++; rows > maxAdoptions {
			return fmt.Errorf("the file has more than %d rows: split it", maxAdoptions)
		}
		written, bad := understand(line)
		if server && written.User != "" && bad == "" {
			bad = "a server key has no user"
		}
		if err := each(written.check(row, bad)); err != nil {
			return err
		}
	}
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("row %d of the file is longer than %d kB", row+1, maxAdoptionLine>>10)
	case err != nil:
		return fmt.Errorf("cannot read the file of values: %w", err)
	case rows == 0:
		return errors.New("there are no values in the file")
	}
	return nil
}

// check turns a row into what is sent.
func (w writtenAdoption) check(row int, bad string) adoption {
	a := adoption{Row: row, User: strings.TrimSpace(w.User), Name: strings.TrimSpace(w.Name), Bad: bad}
	digits := strings.ToLower(strings.TrimSpace(w.SHA256))
	switch hash, err := hex.DecodeString(digits); {
	case bad != "":
	case w.Value != "" && digits != "":
		a.Bad = "it has both a value and a SHA-256"
	case w.Value == "" && digits == "":
		a.Bad = "it has neither a value nor a SHA-256"
	case w.Value != "":
		sum, err := accounts.AdoptableHash(w.Value)
		if e, ok := errors.AsType[*model.Error](err); ok {
			a.Bad = e.Reason
		}
		a.Hash = hex.EncodeToString(sum[:])
	case err != nil || len(hash) != 32:
		a.Bad = "its SHA-256 must have 64 hexadecimal digits"
	default:
		a.Hash, a.Unchecked = digits, true
	}
	for _, plain := range []string{a.User, a.Name} { // which may be seen
		if _, err := accounts.AdoptableHash(model.Secret(plain)); err == nil && a.Bad == "" {
			a.Bad = "its user or name looks like a value: compare the head line with the columns"
		}
	}
	if a.Bad != "" {
		a = adoption{Row: row, Bad: a.Bad}
	}
	return a
}

func inJSON(line string) (w writtenAdoption, bad string) {
	if json.Unmarshal([]byte(line), &w) != nil {
		return w, "it is not a JSON object with texts for user, name, and value or sha256"
	}
	return w, ""
}

// inCSV reads the head line. Spreadsheets write what separates columns as their country does.
func inCSV(head string, server bool) (func(line string) (writtenAdoption, string), error) {
	comma := ','
	for _, other := range ";\t" {
		if !strings.ContainsRune(head, ',') && strings.ContainsRune(head, other) {
			comma = other
		}
	}
	names, ok := columnsOf(head, comma)
	for i, name := range names {
		names[i] = strings.ToLower(strings.TrimSpace(name))
	}
	at := func(name string) int { return slices.Index(names, name) }
	user, name, value, hash := at("user"), at("name"), at("value"), at("sha256")
	switch {
	case server && ok && name >= 0 && (value >= 0 || hash >= 0):
	case server:
		return nil, errors.New("the first line of the file must name its columns: name, and value or sha256; or each line must be a JSON object")
	case !ok || user < 0 || name < 0 || value < 0 && hash < 0:
		return nil, errors.New("the first line of the file must name its columns: user, name, and value or sha256; or each line must be a JSON object")
	}
	return func(line string) (w writtenAdoption, bad string) {
		columns, ok := columnsOf(line, comma)
		if !ok || len(columns) != len(names) {
			return w, fmt.Sprintf("it does not have %d columns, as the first line has", len(names))
		}
		in := func(i int) string {
			if i < 0 {
				return ""
			}
			return columns[i]
		}
		return writtenAdoption{User: in(user), Name: in(name), Value: model.Secret(strings.TrimSpace(in(value))), SHA256: in(hash)}, ""
	}, nil
}

func columnsOf(line string, comma rune) ([]string, bool) {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.TrimLeadingSpace = comma, comma != '\t'
	columns, err := r.Read()
	return columns, err == nil
}
