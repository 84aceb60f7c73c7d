package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"latchkey/internal/app/texts"
	"latchkey/internal/model"
)

// mostProviders is how many kinds of providers are told apart; App Services had eight.
const mostProviders = 64

// people counts who is in a file of users.
type people struct {
	by         map[string]int // users by the type of a provider with which they signed in
	keys       int            // of people
	keyOwners  int
	serverKeys int
}

// countPeople reads a file as import-users takes it, which may be larger than memory: one array of users, or several one after another.
// It is import-users that says what is wrong with a single user; here such a one is counted for what it is.
func countPeople(name string) (p people, problem string) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return p, "--users cannot be read: " + legible(err.Error())
	}
	defer func() { _ = f.Close() }() // only read from
	p.by = map[string]int{}
	decoder := json.NewDecoder(texts.JSON(f))
	if err := p.readAll(decoder); err != nil {
		var noText *texts.Error
		if errors.As(err, &noText) {
			return p, fmt.Sprintf("%s is not text: %v", quoted(filepath.Base(name)), noText)
		}
		return p, fmt.Sprintf("%s is not a JSON array of users (at byte %d)", quoted(filepath.Base(name)), decoder.InputOffset())
	}
	return p, ""
}

var errNoArray = errors.New("no array")

func (p *people) readAll(decoder *json.Decoder) error {
	for arrays := 0; ; arrays++ {
		opening, err := decoder.Token()
		if errors.Is(err, io.EOF) && arrays > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if opening != json.Delim('[') {
			return errNoArray
		}
		for decoder.More() {
			var u struct {
				Type       string `json:"type"`
				Identities []struct {
					Provider string `json:"provider_type"`
				} `json:"identities"`
			}
			var mismatch *json.UnmarshalTypeError
			if err := decoder.Decode(&u); err != nil && !errors.As(err, &mismatch) {
				return err
			}
			seen, keys := map[string]bool{}, 0
			for _, id := range u.Identities {
				kind := id.Provider
				if kind == model.ProviderAPIKey {
					keys++
					continue
				}
				if _, known := p.by[kind]; !known && len(p.by) >= mostProviders {
					kind = "others"
				}
				if !seen[kind] {
					seen[kind] = true
					p.by[kind]++
				}
			}
			if u.Type == "server" {
				p.serverKeys += max(1, keys)
			} else if keys > 0 {
				p.keys += keys
				p.keyOwners++
			}
		}
		if _, err := decoder.Token(); err != nil {
			return err
		}
	}
}
