package texts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// written are a text as systems write it.
func written(text string) map[string]string {
	wide := func(order binary.AppendByteOrder, text string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, unit)
		}
		return string(b)
	}
	files := map[string]string{
		"UTF-8":                      text,
		"UTF-8 with a mark":          "\ufeff" + text,
		"UTF-16, as Windows has it":  wide(binary.LittleEndian, "\ufeff"+text),
		"UTF-16, the other way":      wide(binary.BigEndian, "\ufeff"+text),
		"UTF-8 with Windows's lines": strings.ReplaceAll(text, "\n", "\r\n"),
	}
	if first, _ := utf8.DecodeRuneInString(text); first <= unicode.MaxLatin1 { // others have no zero beside them
		files["UTF-16 without a mark"], files["the same the other way"] = wide(binary.LittleEndian, text), wide(binary.BigEndian, text)
	}
	return files
}

func TestATextIsReadAsOtherSystemsWriteIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "[\"é, 日本 and 🔑\"]\nend", strings.Repeat("[é]", 10_000)} {
		for name, file := range written(text) {
			for how, r := range map[string]io.Reader{
				"whole": strings.NewReader(file), "by byte": iotest.OneByteReader(strings.NewReader(file)), "in halves": iotest.HalfReader(strings.NewReader(file)),
			} {
				got, err := io.ReadAll(Reader(r))
				if want := strings.ReplaceAll(string(got), "\r\n", "\n"); err != nil || want != text {
					t.Errorf("%s, %s: %.40q is read as %.40q, %v", name, how, text, got, err)
				}
			}
		}
	}
}

func TestWhatIsNoTextIsRefusedInWords(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"[\"Jos\xe9\"]":                    "after byte 5, the text is not valid UTF-8",
		strings.Repeat("a", 9999) + "\xff": "after byte 9999",
		"\xff\xfe\x00\x00[\x00\x00\x00":    "UTF-32",
		"\x1f\x8b\x08":                     "compressed",
		"PK\x03\x04 users.xlsx":            "compressed",
		"\ufeff[\"Jos\xe9\"]":              "not valid UTF-8",
		"caf\xc3":                          "after byte 3",
	} {
		_, err := Decode([]byte(content))
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", content, err, want)
		}
	}
	broken := errors.New("the disk")
	if _, err := io.ReadAll(Reader(iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("an error became %v", err)
	}
}

func TestALineEndsWhereItEndsAndNothingBehindItIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "p", "correct horse", " spaces count ", "Ċ上", "日本\u0a0a", "é"} {
		for name, file := range written(text + "\nand more") {
			r := bytes.NewBufferString(file)
			got, err := Line(io.MultiReader(r, iotest.ErrReader(errors.New("read on"))), 4096)
			if err != nil || got != text {
				t.Errorf("%s: %q is read as %q, %v", name, text, got, err)
			}
			if r.Len() == 0 {
				t.Errorf("%s: %q was read to its end", name, text)
			}
		}
		for name, file := range written(text) {
			if got, err := Line(strings.NewReader(file), 4096); err != nil || got != text {
				t.Errorf("%s, without an end: %q is read as %q, %v", name, text, got, err)
			}
		}
	}
	if _, err := Line(strings.NewReader("caf\xe9\n"), 4096); err == nil {
		t.Error("a line in an not valid UTF-8 is taken")
	}
}
