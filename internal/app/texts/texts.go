// Package texts reads texts as other systems write them: with a byte order mark, in UTF-16, with the line ends of Windows. What is
// none of these is refused in words: a letter that was read wrongly is found when somebody cannot sign in.
package texts

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Error says why something is no text.
type Error struct{ why string }

func (e *Error) Error() string { return e.why }

const saveAs = ": save it as UTF-8"

// Reader gives a text in UTF-8, without a mark at its start. It fails with an *Error at the first byte that is no text.
func Reader(r io.Reader) io.Reader { return &reader{from: bufio.NewReader(r)} }

type reader struct {
	from *bufio.Reader
	text io.Reader // nil until the first bytes were looked at
	read int
}

func (r *reader) Read(p []byte) (int, error) {
	if r.text == nil {
		start, err := r.from.Peek(4)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		how, mark, err := encodingOf(start)
		if err != nil {
			return 0, err
		}
		_, _ = r.from.Discard(mark) // they were peeked at
		r.text = transform.NewReader(r.from, how)
	}
	n, err := r.text.Read(p)
	r.read += n
	if errors.Is(err, encoding.ErrInvalidUTF8) {
		err = &Error{fmt.Sprintf("after byte %d, the text is not valid UTF-8%s", r.read, saveAs)}
	}
	return n, err
}

// encodingOf says how to read a text that begins so, and how long its mark is. Such a text begins with ASCII: one with a
// zero beside that is UTF-16 without a mark.
func encodingOf(start []byte) (how transform.Transformer, mark int, err error) {
	two := append(bytes.Clone(start), 0, 0)[:2]
	switch has := func(prefix string) bool { return strings.HasPrefix(string(start), prefix) }; {
	case has("\xff\xfe\x00\x00"), has("\x00\x00\xfe\xff"):
		return nil, 0, &Error{"it is UTF-32" + saveAs}
	case has("\x1f\x8b"), has("PK\x03\x04"):
		return nil, 0, &Error{"it is compressed: decompress it first"}
	case has("\xef\xbb\xbf"):
		return encoding.UTF8Validator, 3, nil
	case has("\xff\xfe"):
		return wide(unicode.LittleEndian), 2, nil
	case has("\xfe\xff"):
		return wide(unicode.BigEndian), 2, nil
	case len(start) > 1 && two[0] != 0 && two[1] == 0:
		return wide(unicode.LittleEndian), 0, nil
	case len(start) > 1 && two[0] == 0 && two[1] != 0:
		return wide(unicode.BigEndian), 0, nil
	default:
		return encoding.UTF8Validator, 0, nil
	}
}

func wide(order unicode.Endianness) transform.Transformer {
	return unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder()
}

// JSON is Reader for JSON texts, of which several may stand one after another.
func JSON(r io.Reader) io.Reader { return &withoutMarks{from: Reader(r)} }

// withoutMarks reads JSON and puts spaces in place of byte order marks between its values: files that were put one after another have one
// each. Within a text such a mark is a letter like any other.
type withoutMarks struct {
	from             io.Reader
	inText, escaping bool
}

func (w *withoutMarks) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	for i, c := range p[:n] {
		switch {
		case w.escaping:
			w.escaping = false
		case w.inText && c == '\\':
			w.escaping = true
		case c == '"':
			w.inText = !w.inText
		case !w.inText && (c == 0xef || c == 0xbb || c == 0xbf): // the bytes of one; a text of JSON has no other that begins so
			p[i] = ' '
		}
	}
	return n, err
}

// Decode is Reader for what has been read whole.
func Decode(content []byte) ([]byte, error) { return io.ReadAll(Reader(bytes.NewReader(content))) }

// Line is the first line of up to most bytes, without its end. It reads nothing after that: it may not have been typed yet.
func Line(r io.Reader, most int) (string, error) {
	var line, next []byte
	for next = make([]byte, 1); len(line) < most; {
		n, err := r.Read(next)
		line = append(line, next[:n]...)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if err != nil || n > 0 && ends(line) {
			break
		}
	}
	text, err := Decode(line)
	return strings.TrimRight(string(text), "\r\n"), err
}

// ends says whether the line is whole. In UTF-16 its end has two bytes, and either of them can be half of another letter.
func ends(line []byte) bool {
	two := len(line) > 1 && (line[0] == 0xff && line[1] == 0xfe || line[0] == 0xfe && line[1] == 0xff || (line[0] == 0) != (line[1] == 0))
	if !two {
		return line[len(line)-1] == '\n'
	}
	last := line[len(line)&^1-2:]
	return len(line)%2 == 0 && (last[0] == '\n' && last[1] == 0 || last[0] == 0 && last[1] == '\n')
}
