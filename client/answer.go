package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// Bounds on what is taken from a server.
const (
	maxBody    = 1 << 20
	maxMessage = 200 // runes
	maxCode    = 64  // runes
	maxLink    = 2048
)

// answer is a JSON answer that knows whether it is complete.
type answer interface{ check() error }

// read turns an HTTP answer into out, or into an *Error that has the status
// whatever the body was.
func (r request) read(res *http.Response, out answer) error {
	body, err := readCapped(res.Body)
	var said errorBody
	if res.StatusCode/100 != 2 || mayReportError(body) {
		said = readErrorBody(body)
	}
	if res.StatusCode/100 == 2 && !said.failed {
		if err == nil {
			err = decode(body, out)
		}
		if err == nil && r.noContent && res.StatusCode != http.StatusNoContent {
			err = errNot204
		}
		if err == nil {
			return nil
		}
		return r.unusable(res.StatusCode, err)
	}
	if err == nil && said.broken {
		err = oddBody(res, body)
	}
	return r.refused(res.StatusCode, said, waitAsked(res), err)
}

// errBrokeOff is in the error of a call whose answer did not arrive in full.
var errBrokeOff = errors.New("the answer broke off")

// readCapped reads what fits. A body that is longer or breaks off gives what
// there is, and an error.
func readCapped(from io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	if len(body) > maxBody {
		return body[:maxBody], fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	if err != nil {
		return body, fmt.Errorf("%w: %w", errBrokeOff, err)
	}
	return body, nil
}

// decode fills out from a success body.
func decode(body []byte, out answer) error {
	if out == nil {
		return noContent(body)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the answer is empty")
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("the answer does not decode: %w", err)
	}
	if err := out.check(); err != nil {
		return fmt.Errorf("the answer is incomplete: %w", err)
	}
	return nil
}

// noContent checks the body of a success that has nothing to say. Some servers
// say it in JSON. Anything else is from somebody in between, who did not act.
func noContent(body []byte) error {
	if len(bytes.TrimSpace(body)) > 0 && !json.Valid(body) {
		return errors.New("the answer is neither empty nor JSON")
	}
	return nil
}

// errorBody is what a body says about a failure, as far as it can be read.
type errorBody struct {
	message, code, link string

	description string // of OAuth, which has its code where others have the message

	failed bool // the body is an object that reports an error, whatever the status
	broken bool // the body is not a whole JSON object
}

// mayReportError reports whether a body can have a member that tells of an error,
// spelt as it is or with escapes. Most long answers cannot, and need not be read
// twice.
func mayReportError(body []byte) bool {
	return bytes.Contains(body, []byte(`"error`)) || bytes.Contains(body, []byte(`\u`))
}

// readErrorBody reads the three members of the error envelope one by one, so that a
// body cut short still gives those that arrived. Members of another type than
// string count as absent.
func readErrorBody(body []byte) errorBody {
	var c errorBody
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return errorBody{broken: true}
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			c.broken = true
			return c
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			c.broken = true
			return c
		}
		c.take(name, value)
	}
	_, err := dec.Token()
	c.broken = err != nil
	if c.description != "" && c.code == "" {
		c.code, c.message = c.message, c.description
	}
	return c
}

// take keeps one member. The SDKs treat a success status with an error in its
// body as an error, and so does this package.
func (c *errorBody) take(name any, raw json.RawMessage) {
	if name != "error" && name != "error_code" && name != "error_description" && name != "link" {
		return // most of a long answer
	}
	var value any
	_ = json.Unmarshal(raw, &value) // the decoder has read it before
	text, _ := value.(string)
	switch name {
	case "error":
		c.message = text
		c.failed = c.failed || value != nil
	case "error_code":
		c.code = text
		c.failed = c.failed || text != ""
	case "error_description":
		c.description = text
	case "link":
		c.link = text
	}
}

// oddBody says what came instead of a JSON object, without quoting it: the
// error page of a proxy helps nobody, and may be long or hold markup.
func oddBody(res *http.Response, body []byte) error {
	if len(body) == 0 {
		return nil // usual for 403, and nothing to explain
	}
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || kind == "application/json" {
		return errors.New("the answer is not a JSON object")
	}
	return fmt.Errorf("the answer is %s, not JSON", tidy(kind, maxCode))
}

// tidy makes text of a stranger fit to print: one line, at most limit runes, no
// control or formatting characters.
func tidy(text string, limit int) string {
	if len(text) <= limit && tidyAlready(text) {
		return text
	}
	var b strings.Builder
	n := 0
	for _, word := range strings.FieldsFunc(text, unicode.IsSpace) {
		word = strings.Map(visible, word)
		if word == "" {
			continue
		}
		if n > 0 {
			word = " " + word
		}
		for _, r := range word {
			if n == limit {
				return strings.TrimRight(b.String(), " ") + "…"
			}
			b.WriteRune(r)
			n++
		}
	}
	return b.String()
}

// tidyAlready reports whether text is printable ASCII with single spaces inside,
// as nearly all texts of devices are.
func tidyAlready(text string) bool {
	after := byte(' ')
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == ' ' && after == ' ' {
			return false
		}
		after = c
	}
	return text == "" || after != ' '
}

// visible drops what a terminal or a log would act upon.
func visible(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

// safeLink returns link if a page may offer it, else nothing.
func safeLink(link string) string {
	u, err := url.Parse(link)
	if err != nil || len(link) > maxLink || u.Host == "" || u.User != nil {
		return ""
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return link
}
