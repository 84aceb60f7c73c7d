package model

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxSpelled bounds, in bytes, what OneSpelling looks at closely: four for each of the 128 characters that an address can have, and
// as much again three times for what a person cannot see between them. Nobody's address is longer.
const maxSpelled = 2048

// OneSpelling is the same for all texts in which a person sees no difference: capitals or not, spaces around, one form of Unicode or
// another, a domain in letters or in its xn-- form, marks that are not drawn. It is what accounts are counted by and looked for; no
// email goes there, and nobody is shown it.
//
// Capitals are told from small letters one by one: strasse and straße are two words, although both have the same capitals.
func OneSpelling(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > maxSpelled {
		return strings.ToLower(text)
	}
	text = plainForm(text)
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return text
	}
	return text[:at+1] + domainSpelling(text[at+1:])
}

// plainForm folds twice, since what Unicode composes and what it folds can each make something of the other.
func plainForm(text string) string {
	for range 2 {
		text = norm.NFKC.String(strings.Map(folded, norm.NFKD.String(text)))
	}
	return strings.TrimSpace(text)
}

// folded is the small letter of all that are one letter, and nothing of what is not seen.
func folded(r rune) rune {
	if unseen(r) {
		return -1
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		if unicode.IsMark(least) || next < least && !unicode.IsMark(next) { // an iota can be a mark below another letter
			least = next
		}
	}
	return unicode.ToLower(least)
}

// unseen says whether r is not drawn: a control character that is no space, a mark that joins, parts or turns what stands beside it, or
// one that picks a variant of it.
func unseen(r rune) bool {
	return unicode.IsControl(r) && !unicode.IsSpace(r) ||
		unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// domains reads names as browsers do, and is no judge of them: a name that cannot be registered is still the name of an account.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// domainSpelling is a domain in its xn-- form. One that has none stays as it is.
func domainSpelling(domain string) string {
	ascii, err := domains.ToASCII(domain)
	if err != nil {
		ascii = domain
	}
	return strings.TrimRight(ascii, ". ")
}

// TidyEmail is an address as its owner meant it, who typed or pasted it into a page: without spaces around it and what nobody sees in
// it, and with an @ and letters of the usual width. Its capitals stay.
func TidyEmail(text string) string {
	if len(text) > maxSpelled {
		return strings.TrimSpace(text) // it is refused for its length, and some letters would make it eleven times as long
	}
	return strings.TrimSpace(norm.NFKC.String(strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, text)))
}

// IsMailAddress says whether emails can be sent to a text, which is nothing but an address. One with a space in it, or what nobody sees, is
// none, although RFC 5322 has a way to quote them: who could say what it is?
func IsMailAddress(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Address == text && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unseen(r)
	})
}

// OneForm is the password in the form of Unicode in which it is hashed (NFC). Computers differ in how they send an accent, and nobody
// who types one can see it. It changes nothing else: no password becomes easier to guess.
func (s Secret) OneForm() Secret { return Secret(norm.NFC.String(string(s))) }

// Length is how many characters a person sees who types the secret, however a computer sends them.
func (s Secret) Length() int { return utf8.RuneCountInString(norm.NFC.String(string(s))) }
