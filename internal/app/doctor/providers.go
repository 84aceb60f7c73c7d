package doctor

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"latchkey/internal/app/newfile"
)

// fillIn stands where a file's name belongs that an export cannot know.
const fillIn = "FILL IN"

// providersFile is what --providers reads.
type providersFile struct {
	Token  *tokenProvider `json:"custom-token,omitempty"`
	Google *clientIDs     `json:"oauth2-google,omitempty"`
	Apple  *clientIDs     `json:"oauth2-apple,omitempty"`
}

type clientIDs struct {
	IDs      []string      `json:"client_ids"`
	NewUsers *bool         `json:"new_users,omitempty"`
	Data     []mappedField `json:"data,omitempty"`
}

type tokenProvider struct {
	Algorithm      string        `json:"algorithm"`
	KeySet         string        `json:"jwks,omitempty"`
	Files          []string      `json:"secret_files,omitempty"`
	PublicKeyFiles []string      `json:"public_key_files,omitempty"`
	Audience       []string      `json:"audience,omitempty"`
	Match          string        `json:"audience_match,omitempty"`
	Data           []mappedField `json:"data,omitempty"`
}

type mappedField struct {
	Claim    string `json:"claim"`
	Field    string `json:"field"`
	Required bool   `json:"required"`
}

// written is what was written, and what is left to do about it.
type written struct {
	File   string   `json:"file"` // "": there was nothing to write
	FillIn []string `json:"fill_in"`
}

func (w written) text() string {
	if w.File == "" {
		return "No file was written: no provider of this app needs one.\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Wrote %s.\n", inShell(w.File))
	for _, line := range w.FillIn {
		b.WriteString("  Fill in " + line + "\n")
	}
	return b.String()
}

// writeProviders creates the file that --providers reads. It is for its owner alone, as what is filled in will be, and never replaces one.
func (a app) writeProviders(name string) (*written, error) {
	file, missing := a.providersFile()
	if file == (providersFile{}) {
		return &written{FillIn: []string{}}, nil
	}
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(file); err != nil {
		return nil, err
	}
	err := newfile.Fill("write-providers", name, func(f *os.File) error {
		_, err := f.Write(content.Bytes())
		return err
	})
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	return &written{name, missing}, nil
}

// providersFile says what the export says, and for which files somebody has to be asked.
func (a app) providersFile() (file providersFile, missing []string) {
	missing = []string{}
	for _, p := range a.providers {
		if !p.signs() {
			continue
		}
		switch p.Type {
		case google:
			file.Google = p.clientIDs()
			file.Google.restrict(p)
		case apple:
			file.Apple = p.clientIDs()
		case customToken:
			file.Token = p.asTokens()
			for _, name := range p.toFillIn() {
				missing = append(missing, "custom-token: "+name)
			}
		}
		if p.Config.ClientID == "" && p.Type != customToken {
			missing = append(missing, p.Type+": the client id, which the export does not have")
		}
	}
	return file, missing
}

func (p provider) clientIDs() *clientIDs {
	return &clientIDs{IDs: []string{cmp.Or(p.Config.ClientID, fillIn)}}
}

// googleClaims are what Google's ID tokens call the fields that App Services asked its other interface for. What is in none of them is
// left out.
var googleClaims = map[string]string{"name": "name", "first_name": "given_name", "last_name": "family_name", "picture": "picture", "email": "email"}

// restrict takes over what people had at App Services. Where only some domains were let in, which nobody checks here, strangers must not
// get accounts: those who were imported sign in, and nobody else.
func (c *clientIDs) restrict(p provider) {
	if len(p.Domains) > 0 {
		c.NewUsers = new(bool)
	}
	for _, f := range p.Fields {
		if claim := googleClaims[f.Name]; claim != "" {
			c.Data = append(c.Data, mappedField{Claim: claim, Field: f.Name})
		}
	}
}

func (p provider) asTokens() *tokenProvider {
	out := &tokenProvider{Algorithm: p.algorithm(), Audience: p.Config.Audience}
	switch gaps := make([]string, max(1, len(p.secretNames()))); {
	case p.Config.UsesKeySet:
		out.KeySet = p.Config.KeySet
	case out.Algorithm == "RS256":
		out.PublicKeyFiles = filled(gaps)
	default:
		out.Files = filled(gaps)
	}
	if len(out.Audience) > 0 {
		out.Match = map[bool]string{true: "any", false: "all"}[p.Config.AnyAudience]
	}
	for _, f := range p.Fields {
		if f.Name == "" {
			continue
		}
		out.Data = append(out.Data, mappedField{f.Name, fieldName(f.Name, f.As), f.Required == true || f.Required == "true"})
	}
	return out
}

func filled(gaps []string) []string {
	for i := range gaps {
		gaps[i] = fillIn
	}
	return gaps
}

// toFillIn says of each gap which secret it was.
func (p provider) toFillIn() []string {
	what := "secret_files"
	if p.algorithm() == "RS256" {
		what = "public_key_files"
	}
	if p.Config.UsesKeySet {
		return nil
	}
	var all []string
	for _, name := range p.secretNames() {
		all = append(all, what+": the name of a file with what the secret "+quoted(name)+" was")
	}
	if all == nil {
		all = []string{what + ": the name of a file with the key; the export names none"}
	}
	return all
}

// fieldName is what a claim is called in a user's data: its own last word, unless another name was given. A dot after a backslash is
// part of a word.
func fieldName(claim, as string) string {
	if as != "" {
		return as
	}
	const dot = "\x00"
	words := strings.Split(strings.ReplaceAll(claim, `\.`, dot), ".")
	return strings.ReplaceAll(words[len(words)-1], dot, ".")
}
