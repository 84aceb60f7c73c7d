package model

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gosimple/unidecode"
	"golang.org/x/text/unicode/norm"
)

// Bounds of what a person writes on the card of a key, in characters as CleanText leaves them.
const (
	MaxLabelLength = 60
	MaxNoteLength  = 500
)

// CleanText is a label or a note as it is kept: in one form of Unicode, on one line, without spaces around it and without what would change
// how the text beside it is drawn. What it leaves of a text it leaves again.
func CleanText(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.White_Space, r): // line breaks and tabs too
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, // in place of what is no text, as browsers send half a surrogate pair
			r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069': // what turns the direction of text around
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(text, ""))
	text = strings.TrimSpace(norm.NFC.String(text))
	if !strings.ContainsFunc(text, drawn) {
		return ""
	}
	return text
}

// drawn says whether a person sees something of the character. Some letters, marks and symbols are there to be blank.
func drawn(r rune) bool {
	return unicode.IsGraphic(r) && r != ' ' && r != '\u2800' && // the pattern of braille without dots
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// CheckCard says whether a key can have the label and the note, which CleanText has cleaned.
func CheckCard(label, note string) error {
	if utf8.RuneCountInString(label) > MaxLabelLength || utf8.RuneCountInString(note) > MaxNoteLength {
		return &Error{Kind: KindBadLabel, Reason: "a label has at most 60 characters, a note at most 500"}
	}
	if HoldsValue(note) { // a label is too short for one
		return &Error{Kind: KindBadLabel, Reason: "a note must not have a value in it: it is shown"}
	}
	return nil
}

// HoldsValue says that a text has something in it that looks like a key's value: hardly any of those lacks a digit or a letter of each size.
func HoldsValue(text string) bool {
	has := func(part string, from, to rune) bool {
		return strings.ContainsFunc(part, func(r rune) bool { return from <= r && r <= to })
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '_' || r == '-' || !InName(r) }) {
		if len(part) == ValueLength && has(part, '0', '9') && has(part, 'A', 'Z') && has(part, 'a', 'z') {
			return true
		}
	}
	return false
}

// MaybeValue says of what was typed into a search that it may be the value of a key, or much of one: it is looked for by its hash alone, and
// is in no address and in no answer. What it was copied from may have broken it into lines.
func MaybeValue(text string) bool {
	text = Unbroken(text)
	if strings.Contains(text, "KEY=") || HoldsValue(text) {
		return true
	}
	if strings.Contains(text, "@") { // some addresses are long
		return false
	}
	run := 0
	for _, c := range []byte(text) {
		if run++; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9') {
			run = 0
		}
		if run >= ValueLength*3/4 {
			return true
		}
	}
	return false
}

// Unbroken is a text without what is no sign: blanks, line breaks, and marks that nobody sees.
func Unbroken(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, text)
}

// ValueLength is how many characters a key's value has: the shape that App Services gave its values, which devices may check.
const ValueLength = 64

// Cleaned is the key with its label and its note as they are kept, unless it cannot have them.
func (k NewKey) Cleaned() (NewKey, error) {
	k.Label, k.Note = CleanText(k.Label), CleanText(k.Note)
	return k, CheckCard(k.Label, k.Note)
}

// Title is what a person knows the key by: its label, or else its name.
func (k Key) Title() string {
	if k.Card.Label != "" {
		return k.Card.Label
	}
	return k.Name
}

// PlainName gives the name closest to a text that a key can have: in Latin letters without marks, as people write them who have no others,
// and with a hyphen in place of everything else. It is "" when nothing is left.
func PlainName(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || unicode.In(r, unicode.L, unicode.N, unicode.M) {
			return r
		}
		return '-'
	}, inOtherLetters.Replace(norm.NFKD.String(text)))
	name := strings.Join(strings.FieldsFunc(unidecode.Unidecode(text), func(r rune) bool { return r == '-' || !InName(r) }), "-")
	if len(name) > MaxNameLength {
		name = strings.TrimRight(name[:MaxNameLength], "-")
	}
	return name
}

// inOtherLetters is how those write them whose letters they are, once their marks stand alone. The script of the form has the same.
var inOtherLetters = strings.NewReplacer(
	"a\u0308", "ae", "o\u0308", "oe", "u\u0308", "ue", "A\u0308", "Ae", "O\u0308", "Oe", "U\u0308", "Ue",
	"ß", "ss", "ẞ", "SS", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "đ", "d", "Đ", "D",
	"ð", "d", "Ð", "D", "þ", "th", "Þ", "TH", "ħ", "h", "Ħ", "H", "ı", "i", "ŋ", "n", "Ŋ", "N", "ŧ", "t", "Ŧ", "T", "ĸ", "k",
)

// nameOfNothing is what a key is called whose label has nothing that a name can have.
const nameOfNothing = "key"

// NameFor gives the name of a key of which a person gave the label alone: one that is not taken.
func NameFor(label string, taken func(name string) bool) string {
	return FreeName(cmp.Or(strings.ToLower(PlainName(label)), nameOfNothing), taken)
}

// FreeName is the name, or if that is taken the same with the first number from 2 on that makes another of it.
func FreeName(name string, taken func(name string) bool) string {
	free := name
	for n := 2; taken(free); n++ {
		end := "-" + strconv.Itoa(n)
		free = strings.TrimRight(name[:min(len(name), MaxNameLength-len(end))], "-") + end
	}
	return free
}
