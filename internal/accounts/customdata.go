package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"latchkey/internal/model"
)

// deepestData is how many objects and lists may be inside each other, as in a document of MongoDB: more than that SDKs refuse to read.
const deepestData = 100

// CompactData is custom data as it is kept: a JSON object without the spaces between its words, and otherwise letter by letter as it was
// given, or "" for one that is empty. What apps could read in two ways is refused.
func CompactData(raw []byte) (string, error) {
	switch {
	case !utf8.Valid(raw):
		return "", badData("it is not UTF-8")
	case !json.Valid(raw):
		return "", badData("it is not JSON")
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, raw) // which is valid
	switch data := compact.String(); {
	case data[0] != '{':
		return "", badData("it is not a JSON object")
	case len(data) > model.MaxCustomData:
		return "", badData(fmt.Sprintf("without spaces it has %d bytes, and may have %d", len(data), model.MaxCustomData))
	case data == "{}":
		return "", nil
	default:
		return data, checkData(data)
	}
}

// checkData goes through an object that is valid.
func checkData(data string) error {
	words := json.NewDecoder(strings.NewReader(data))
	words.UseNumber()
	var open []map[string]bool // names in the objects that are not closed; nil for a list
	named := true              // the next text in an object is a name
	for words.More() || len(open) > 0 {
		word, err := words.Token()
		if err != nil {
			return badData("it is not JSON")
		}
		var inside map[string]bool
		if len(open) > 0 {
			inside = open[len(open)-1]
		}
		text, is := word.(string)
		switch {
		case is && strings.ContainsRune(text, 0):
			return badData("a text in it has the character NUL")
		case is && inside != nil && named:
			if inside[text] {
				return badData(fmt.Sprintf("it has the name %+q twice in one object", text))
			}
			inside[text], named = true, false
			continue
		}
		switch word {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) > deepestData {
			return badData(fmt.Sprintf("more than %d objects and lists are inside each other", deepestData))
		}
		named = true // behind a value comes a name, if it is in an object
	}
	return nil
}

// DataError says why nothing can be custom data.
type DataError struct{ Reason string }

func (e DataError) Error() string { return e.Reason }

func badData(reason string) error { return DataError{reason} }

// CustomData is what is kept of an account that an operator names as for Find, a JSON object or "". Server keys may have some, too.
func (a *Accounts) CustomData(ctx context.Context, name string) (Managed, string, error) {
	of, err := a.Find(ctx, name)
	if err != nil {
		return of, "", err
	}
	data, err := a.store.CustomData(ctx, of.ID)
	return of, data, missing(model.KindNotFound, "read custom data", err)
}

// SetCustomData keeps a JSON object of a user in place of what was kept before, or with an empty one nothing.
func (a *Accounts) SetCustomData(ctx context.Context, userID string, raw []byte) error {
	data, err := CompactData(raw)
	if err != nil {
		return err
	}
	err = a.store.SetCustomData(ctx, userID, data)
	err = a.settle(ctx, userID, "save custom data", err, func(ctx context.Context) (bool, error) {
		now, err := a.store.CustomData(ctx, userID)
		if errors.Is(err, model.ErrNotFound) {
			return false, refuse(model.KindNotFound)
		}
		return now == data, err
	})
	return missing(model.KindNotFound, "save custom data", err)
}

// CanSetCustomData says what stands in the way of SetCustomData, if anything.
func (a *Accounts) CanSetCustomData(ctx context.Context, userID string, raw []byte) error {
	if _, err := CompactData(raw); err != nil {
		return err
	}
	_, err := a.store.User(ctx, userID)
	return missing(model.KindNotFound, "find user", err)
}
