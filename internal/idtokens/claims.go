package idtokens

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// claims are what a token says. A struct would do for those with names of their own, but encoding/json takes "SUB" for "sub" there.
type claims map[string]any

func claimsOf(payload []byte) (claims, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber() // a number that is kept is kept as it was
	var c claims
	if err := decoder.Decode(&c); err != nil || c == nil || !utf8.Valid(payload) {
		return nil, errors.New("its claims are not a JSON object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("its claims are more than a JSON object")
	}
	return c, nil
}

// timely says whether a token is good now. App Services asked for exp, and so does this.
func (c claims) timely(now time.Time) error {
	seconds := float64(now.UnixMilli()) / 1000
	expires, there, err := c.date("exp")
	switch {
	case err != nil:
		return err
	case !there:
		return errors.New("exp is missing")
	case seconds-leeway.Seconds() >= expires:
		return errors.New("it has expired")
	}
	begins, _, err := c.date("nbf")
	switch {
	case err != nil:
		return err
	case begins > seconds+leeway.Seconds():
		return errors.New("nbf says that it is not good yet")
	}
	issued, _, err := c.date("iat")
	if err == nil && issued > seconds+maxIssued.Seconds() {
		err = errors.New("iat is more than 5 minutes ahead of this server's clock")
	}
	return err
}

// shown is when somebody showed the issuer that it is they. One that does not say so may have renewed the token without asking them, and
// nobody can tell: that the token is new has to do. Who keeps one for long and signs in with it later has not been asked lately either way.
func (c claims) shown() time.Time {
	for _, name := range []string{"auth_time", "iat"} {
		if seconds, there, err := c.date(name); there && err == nil && seconds > 0 && seconds < 1<<40 {
			return time.UnixMilli(int64(seconds * 1000))
		}
	}
	return time.Time{}
}

// date is a time in seconds since 1970, which may have a fraction.
func (c claims) date(name string) (seconds float64, there bool, err error) {
	value, there := c[name]
	if !there {
		return 0, false, nil
	}
	number, ok := value.(json.Number)
	if ok {
		seconds, err = number.Float64()
	}
	if !ok || err != nil || math.IsInf(seconds, 0) {
		return 0, true, fmt.Errorf("%s must be a number of seconds", name)
	}
	return seconds, true, nil
}

// audience is whom a token is for: one text, or several.
func (c claims) audience() ([]string, error) {
	switch aud := c["aud"].(type) {
	case string:
		return []string{aud}, nil
	case []any:
		list := make([]string, len(aud))
		for i, one := range aud {
			text, ok := one.(string)
			if !ok {
				return nil, errors.New("aud must be texts")
			}
			list[i] = text
		}
		return list, nil
	case nil:
		return nil, errors.New("aud is missing")
	default:
		return nil, errors.New("aud must be texts")
	}
}

// at is what stands at a path, if anything but null does.
func (c claims) at(path []string) (any, bool) {
	var value any = map[string]any(c)
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		value = object[name]
	}
	return value, value != nil
}

// ParsePath reads the path of a claim as App Services wrote it: a dot leads into an object, and \. is a dot in a name. There is none in
// an empty text, or where a name is empty.
func ParsePath(text string) (path []string, ok bool) {
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '.':
			i++
			name.WriteByte('.')
		case text[i] == '.':
			path = append(path, name.String())
			name.Reset()
		default:
			name.WriteByte(text[i])
		}
	}
	path = append(path, name.String())
	for _, part := range path {
		if part == "" {
			return nil, false
		}
	}
	return path, true
}
